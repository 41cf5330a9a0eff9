//! A request's way to its verdict: the table, or one question to the controller however many wait for its answer.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{Answer, Controller, Endpoint, FlowKey, FlowTable, Question, Verdict};
use crate::auth::KeyHash;

/// The controller did not answer in time, or too many questions wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unresolved;

pub struct Resolver {
    pub table: FlowTable,
    pub controller: Controller,
    waiting: Mutex<HashMap<FlowKey, Vec<oneshot::Sender<Verdict>>>>,
    deadline: Duration,
}

impl Resolver {
    pub fn new(table: FlowTable, controller: Controller, deadline: Duration) -> Self {
        Self {
            table,
            controller,
            waiting: Mutex::default(),
            deadline,
        }
    }

    /// What the table says, which asks nobody; a verdict that has grown old is asked for again behind it.
    pub fn known(
        self: &Arc<Self>,
        key: &KeyHash,
        endpoint: Endpoint,
        model: &str,
        request_id: &str,
    ) -> Option<Verdict> {
        let found = self.table.get(key, endpoint, model, Instant::now())?;
        if found.stale {
            self.ask(
                FlowKey {
                    key: *key,
                    endpoint,
                    model: model.into(),
                },
                request_id,
                None,
            );
        }
        Some(found.verdict)
    }

    /// What the controller says; for what `known` does not know.
    pub async fn asked(
        self: &Arc<Self>,
        key: &KeyHash,
        endpoint: Endpoint,
        model: &str,
        request_id: &str,
    ) -> Result<Verdict, Unresolved> {
        let flow_key = || FlowKey {
            key: *key,
            endpoint,
            model: model.into(),
        };
        let (sender, receiver) = oneshot::channel();
        self.ask(flow_key(), request_id, Some(sender));
        receiver.await.map_err(|_| Unresolved)
    }

    /// The first to ask starts a task of its own, so that its leaving does not leave the others waiting.
    fn ask(self: &Arc<Self>, about: FlowKey, request_id: &str, waiter: Option<oneshot::Sender<Verdict>>) {
        {
            let mut waiting = self.waiting.lock();
            if let Some(waiters) = waiting.get_mut(&about) {
                waiters.extend(waiter);
                return;
            }
            waiting.insert(about.clone(), waiter.into_iter().collect());
        }
        let resolver = Arc::clone(self);
        let request_id = request_id.to_owned();
        tokio::spawn(async move {
            let verdict = resolver.question(&about, &request_id).await;
            let waiters = resolver.waiting.lock().remove(&about).unwrap_or_default();
            // Without a verdict the senders drop, and each waiter learns that it is unresolved.
            if let Some(verdict) = verdict {
                for waiter in waiters {
                    let _ = waiter.send(verdict.clone());
                }
            }
        });
    }

    async fn question(&self, about: &FlowKey, request_id: &str) -> Option<Verdict> {
        let asked_in = self.table.generation();
        let verdict = match self.put(&Question::new(about, request_id)).await {
            Some(Answer::Flow(flow)) => Verdict::Allowed(flow.into()),
            Some(Answer::Refusal(refusal)) => Verdict::Refused(refusal.into()),
            _ => {
                self.table.still_stale(about);
                return None;
            }
        };
        Some(self.table.keep(about, verdict, asked_in, Instant::now()))
    }

    /// Any question's answer; None when it does not come in time, or too many wait.
    pub async fn put(&self, question: &impl Serialize) -> Option<Answer> {
        let (number, answer) = self.controller.ask(question)?;
        let answer = tokio::time::timeout(self.deadline, answer).await;
        if !matches!(answer, Ok(Ok(_))) {
            self.controller.forget(number);
        }
        answer.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(deadline_ms: u64) -> Arc<Resolver> {
        let controller = Controller::new().unwrap();
        Arc::new(Resolver::new(
            FlowTable::new(100),
            controller,
            Duration::from_millis(deadline_ms),
        ))
    }

    fn refusal() -> Answer {
        let text = r#"{"refusal":{"status":404,"code":"c","message":"m","type":"t","param":null,"cache_ms":10000,"version":2}}"#;
        Answer::from_json(text).unwrap()
    }

    #[tokio::test]
    async fn a_hundred_waiters_cost_one_question() {
        let resolver = resolver(10_000);
        let waiters: Vec<_> = (0..100)
            .map(|_| {
                let resolver = Arc::clone(&resolver);
                tokio::spawn(async move { resolver.asked(&[1; 32], Endpoint::Models, "", "req").await })
            })
            .collect();
        let questions = loop {
            let taken = resolver.controller.take(10);
            if !taken.is_empty() {
                break taken;
            }
            tokio::task::yield_now().await;
        };
        tokio::task::yield_now().await;
        assert_eq!(questions.len(), 1);
        assert!(resolver.controller.answer(questions[0].0, refusal()));
        for waiter in waiters {
            assert!(matches!(waiter.await.unwrap(), Ok(Verdict::Refused(_))));
        }
        assert_eq!(resolver.controller.counts().0, 1);
        assert!(resolver.known(&[1; 32], Endpoint::Models, "", "req").is_some(), "kept");
        assert_eq!(resolver.controller.counts().0, 1);
    }

    #[tokio::test]
    async fn silence_is_unresolved_and_not_remembered() {
        let resolver = resolver(20);
        let silent = resolver.asked(&[1; 32], Endpoint::Models, "", "req").await;
        assert!(matches!(silent, Err(Unresolved)));
        assert!(resolver.waiting.lock().is_empty());
        let (number, _) = resolver.controller.take(1).remove(0);
        assert!(!resolver.controller.answer(number, refusal()), "too late");
    }
}
