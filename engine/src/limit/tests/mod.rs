//! Reservations, pools and the way to the ledger, with a scripted ledger.

mod budgets;
mod limits;
mod races;
mod shares;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{Denied, Limiter, Reservation, Used, Worst};
use crate::flow::{Answer, Controller, Flow, FlowTable, Resolver};

/// An answer of a thousand tokens at a price of a thousand nanodollars each.
pub const ANSWER: Worst = Worst {
    input: 0,
    output: 1_000,
    answers: 1,
    media: super::Media {
        input_audio: false,
        input_image: false,
        output_audio: false,
    },
    images: 0,
    milliseconds: 0,
    is_guess: false,
    can_be_clipped: false,
};
pub const PRICE: u64 = 1_000_000;

pub fn flow(rules: &Value) -> Arc<Flow> {
    let mut flow = json!({
        "organization_id": "o", "project_id": "p", "key_id": "k", "model": "m", "document": null,
        "targets": [{
            "deployment_id": "d", "provider_id": "p", "dialect": "openai", "base_url": "http://h/v1", "upstream_model": null,
            "credential": null, "weight": 1, "stream_usage": true, "private_network": false,
            "rates": [0, 0, 0, 0, 0, 0, 1_000_000_000, 0, 0, 0, 0, 0], "max_output_tokens": null,
        }],
        "policy": {"connect_ms": 1, "first_byte_ms": 1, "idle_ms": 1, "total_ms": 1, "attempts": 1},
        "fresh_ms": 1, "hard_ms": 1, "revision": 0, "version": 2,
    });
    flow.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
    Arc::new(serde_json::from_value(flow).unwrap())
}

pub fn budget(id: &str) -> Value {
    json!({"id": id, "scope": "key", "hard": true, "amount": 0, "period_start_us": 5, "period_end_us": null})
}

/// What the scripted ledger knows of one budget.
#[derive(Debug, Default)]
pub struct Ledger {
    pub amount: u64,
    pub held: u64,
    pub granted: u64,
    pub returned: u64,
    pub questions: u64,
    pub term_ms: u64,
    /// How much of what is left goes to one grant, beyond the need: one part of so many.
    pub slices: u64,
    pub is_away: bool,
}

impl Ledger {
    fn answer(&mut self, question: &Value) -> Value {
        self.questions += 1;
        let number = |name: &str| question[name].as_u64().unwrap();
        if self.is_away {
            return json!({"refusal": {"status": 503, "code": "c", "message": "m", "type": "t", "param": null, "cache_ms": 0, "version": 2}});
        }
        if question["kind"] == "shares" {
            let asks = question["asks"].as_array().unwrap();
            return json!({"shares": asks.iter().map(|ask| self.share(ask)).collect::<Vec<_>>()});
        }
        if question["kind"] == "return" {
            self.returned += number("amount");
            self.held -= number("amount");
            return json!({"returned": {}});
        }
        let left = self.amount - self.held;
        if number("need") > left {
            return json!({"spent": {"amount": self.amount, "spent": 0, "held": self.held, "resets_at_us": null, "hard": true}});
        }
        let granted = number("need").max(number("want").min(left / self.slices));
        self.granted += granted;
        self.held += granted;
        json!({"lease": {"granted": granted, "term_ms": self.term_ms, "remaining": left - granted}})
    }

    /// As the office of shares does; `held` is what others have of the limit.
    fn share(&self, ask: &Value) -> Value {
        let number = |name: &str| ask[name].as_u64().unwrap();
        let free = number("amount").saturating_sub(self.held + number("cap"));
        let enough = number("need") <= free;
        let granted = if enough {
            number("need").max(number("want").min(free / self.slices))
        } else {
            0
        };
        json!({
            "cap": number("cap") + granted, "used": self.held + number("used"), "enough": enough,
            "free_in_ms": (!enough).then_some(9_000),
        })
    }
}

/// A limiter whose questions a thread answers as a ledger does.
pub struct World {
    pub limiter: Arc<Limiter>,
    pub ledger: Arc<Mutex<Ledger>>,
}

impl World {
    pub fn of(amount: u64) -> Self {
        Self::with(Ledger {
            amount,
            term_ms: 60_000,
            slices: 8,
            ..Ledger::default()
        })
    }

    pub fn with(ledger: Ledger) -> Self {
        let deadline = Duration::from_secs(5);
        let resolver = Arc::new(Resolver::new(FlowTable::new(10), Controller::new().unwrap(), deadline));
        let ledger = Arc::new(Mutex::new(ledger));
        {
            // Ends with the last who could ask.
            let (resolver, ledger) = (Arc::downgrade(&resolver), Arc::clone(&ledger));
            std::thread::spawn(move || {
                while let Some(resolver) = resolver.upgrade() {
                    for (number, question) in resolver.controller.take(100) {
                        let answer = ledger.lock().answer(&serde_json::from_str(&question).unwrap());
                        let answer = Answer::from_json(&answer.to_string()).unwrap();
                        resolver.controller.answer(number, answer);
                    }
                    drop(resolver);
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
        }
        Self {
            limiter: Arc::new(Limiter::new(resolver, "spool".into(), deadline, 1)),
            ledger,
        }
    }

    /// Whose limits are one with those of others, who have nothing of them.
    pub fn shared() -> Self {
        let world = Self::of(0);
        let deadline = Duration::from_secs(5);
        let limiter = Limiter::new(Arc::clone(&world.limiter.resolver), "spool".into(), deadline, 1);
        Self {
            limiter: Arc::new(limiter.sharing()),
            ..world
        }
    }

    pub async fn reserve(&self, flow: &Arc<Flow>, worst: &Worst) -> Result<Reservation, Denied> {
        self.limiter
            .reserve(flow, &mut worst.clone(), "req", async || None)
            .await
    }

    /// Everything that is reserved, of every budget.
    pub fn reserved(&self) -> u64 {
        self.limiter.pools().iter().map(|pool| pool.reserved()).sum()
    }

    pub fn drawn(&self) -> u64 {
        self.limiter.pools().iter().map(|pool| pool.drawn()).sum()
    }
}

pub fn used(tokens: u64) -> Used {
    Used {
        tokens,
        charge: tokens * 1_000,
    }
}
