//! Refusals that name the rule behind them: its limit, what is used or spent, what is reserved, and when it begins anew.

use http::{HeaderName, HeaderValue};
use serde_json::json;

use super::moment::{dollars, shown};
use crate::dialect::openai::errors::ApiError;
use crate::flow::{Flow, Spent};
use crate::limit::{Denied, Limit, LimitDenied, Unit};
use crate::meter::now_us;
use crate::serve::Gateway;
use crate::serve::refusal::Refused;

/// OpenAI's SDKs look at this before the status: <https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py>.
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

pub fn of(gateway: &Gateway, flow: &Flow, denied: Denied) -> Refused {
    match denied {
        Denied::Limit(denied) => {
            let limit = &flow.limits[denied.at];
            gateway.book.metrics.limited(limit.unit.name());
            of_limit(limit, &denied)
        }
        Denied::Budget {
            at,
            spent,
            needed,
            reserved,
        } => {
            gateway.book.metrics.limited("budget");
            of_budget(flow, at, &spent, needed, reserved)
        }
        Denied::Unpriced { target } => unpriced(flow, target),
        Denied::Unavailable => Refused::unavailable(
            "budget_unavailable",
            "The gateway could not ask in time how much of this key's budget is left; try again in a moment.",
        ),
    }
}

fn of_limit(limit: &Limit, denied: &LimitDenied) -> Refused {
    let (id, scope) = (&limit.id, named(&limit.scope));
    let what = |amount: u64| match limit.unit {
        Unit::Requests | Unit::Concurrent => format!("{amount} requests"),
        Unit::Tokens => format!("{amount} tokens"),
        Unit::Spend => dollars(amount),
    };
    let span = match limit.window_s {
        0 => "at the same time".to_owned(),
        60 => "a minute".to_owned(),
        3_600 => "an hour".to_owned(),
        86_400 => "a day".to_owned(),
        other => format!("in {other} seconds"),
    };
    let free_in_s = denied
        .free_in
        .map(|span| u32::try_from(span.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX));
    let advice = free_in_s.map_or_else(
        || "It is more than the limit ever allows: send less, or ask for fewer tokens.".to_owned(),
        |seconds| format!("Try again in {seconds} s."),
    );
    let message = format!(
        "Rate limit {id} of this {scope} is reached: {} {span}; {} are used or reserved, and this request may use {}. {advice}",
        what(limit.amount),
        what(denied.used),
        what(denied.needed),
    );
    let resets_at = denied
        .free_in
        .map(|span| shown(now_us() + u64::try_from(span.as_micros()).unwrap_or(0)));
    let rule = json!({
        "id": id, "scope": limit.scope, "unit": limit.unit.name(), "window_seconds": limit.window_s, "limit": limit.amount,
        "used": denied.used, "needed": denied.needed, "resets_at": resets_at,
    });
    let error = ApiError::new(429, "rate_limit_error", "rate_limit_exceeded", &message);
    let mut refused = with_rule(error, &rule);
    refused.retry_after_s = free_in_s.map(|seconds| seconds.max(1));
    if free_in_s.is_none() {
        never_retry(&mut refused);
    }
    refused
}

/// Not 429: that would be tried again, and again.
fn of_budget(flow: &Flow, at: usize, spent: &Spent, needed: u64, reserved: u64) -> Refused {
    let budget = &flow.budgets[at];
    let (id, scope) = (&budget.id, named(&budget.scope));
    let resets_at = spent.resets_at_us.map(shown);
    let advice = resets_at.as_ref().map_or_else(
        || "It has no end: only a raise by whoever manages it makes room.".to_owned(),
        |at| format!("It begins anew at {at}; before that only a raise by whoever manages it makes room."),
    );
    let message = format!(
        "Budget {id} of this {scope} does not pay for this request: of {} {} are spent and {} held for requests under way \
         ({} here), and this request may cost {}. {advice}",
        dollars(spent.amount),
        dollars(spent.spent),
        dollars(spent.held),
        dollars(reserved),
        dollars(needed),
    );
    let rule = json!({
        "id": id, "scope": budget.scope, "unit": "budget", "limit": spent.amount, "spent": spent.spent,
        "reserved": spent.held, "needed": needed, "resets_at": resets_at,
    });
    let mut refused = with_rule(
        ApiError::new(402, "insufficient_quota", "budget_exceeded", &message),
        &rule,
    );
    never_retry(&mut refused);
    refused
}

/// What has no price can't be counted.
fn unpriced(flow: &Flow, target: usize) -> Refused {
    let target = flow.targets.get(target);
    let upstream = target
        .and_then(|target| target.upstream_model.as_deref())
        .unwrap_or_default();
    let provider = target.map_or("", |target| &target.provider_id);
    let message = format!(
        "The model `{}` has no price, and this key has a budget or a limit on what it spends, which could not count it. \
         An admin sets one: headworks prices add --provider {provider} --upstream-model '{upstream}' --input USD --output USD",
        flow.model
    );
    let mut refused =
        Refused::from(ApiError::new(403, "invalid_request_error", "model_unpriced", &message).with_param("model"));
    never_retry(&mut refused);
    refused
}

fn with_rule(error: ApiError, rule: &serde_json::Value) -> Refused {
    let mut refused = Refused::from(error);
    refused.more.get_or_insert_default().rule = Some(rule.to_string());
    refused
}

fn never_retry(refused: &mut Refused) {
    let more = refused.more.get_or_insert_default();
    more.headers.push((X_SHOULD_RETRY, HeaderValue::from_static("false")));
}

/// As people say it.
fn named(scope: &str) -> &str {
    match scope {
        "organization" => "organisation",
        other => other,
    }
}
