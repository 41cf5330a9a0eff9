//! Unknown and malformed keys from one source: a number of refusals, then 429 without a look-up; known keys pass.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::{Value, json};
use support::{Answer, Gateway, KEY, Mock, exchange, flow, post};

const BURST: usize = 3;

/// A gateway that counts this machine too, gives tries back so slowly that no test sees it, and knows one key.
fn gateway(target: Value) -> Gateway {
    let known = hash(KEY);
    let settings = json!({"unknown_key_rate": 0.001, "unknown_key_burst": BURST, "unknown_key_loopback": true});
    Gateway::with_settings(
        &settings,
        Box::new(move |question| {
            if question["key_hash"] == known {
                return flow(std::slice::from_ref(&target));
            }
            json!({"refusal": {
                "status": 401, "code": "invalid_api_key", "message": "The key is not known here.",
                "type": "invalid_request_error", "param": null, "cache_ms": 60000, "version": 2,
            }})
        }),
    )
}

fn hash(key: &str) -> String {
    headworks_engine::flow::hex(&headworks_engine::auth::hash(key.as_bytes()))
}

fn chat_as(gateway: &Gateway, key: &str, model: &str) -> Answer {
    let body = json!({"model": model, "messages": []}).to_string();
    let request = post("chat/completions", &body).replace(KEY, key);
    exchange(gateway.address, &request)
}

fn throttled(answer: &Answer) {
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.error_code(), "too_many_unknown_keys");
    let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(seconds >= 1);
}

#[test]
fn unknown_keys_are_refused_and_then_throttled_without_a_look_up() {
    let mock = Mock::start();
    let gateway = gateway(mock.target("mock"));
    for number in 0..BURST {
        assert_eq!(chat_as(&gateway, &format!("unknown-{number}"), "m").status, 401);
    }
    let asked = gateway.metric("headworks_flow_misses_total");
    for number in 0..20 {
        throttled(&chat_as(&gateway, &format!("another-{number}"), "m"));
    }
    // One that was refused before gets no other answer for being remembered.
    throttled(&chat_as(&gateway, "unknown-0", "m"));
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
    assert!((gateway.metric("headworks_unknown_key_sources") - 1.0).abs() < f64::EPSILON);
    assert!(gateway.metric("headworks_refusals_total{code=\"too_many_unknown_keys\"") >= 21.0);
    assert!(mock.served().is_empty());
}

#[test]
fn malformed_and_missing_keys_count_too() {
    let mock = Mock::start();
    let gateway = gateway(mock.target("mock"));
    for _ in 0..BURST {
        assert_eq!(chat_as(&gateway, "hw_sk_mistyped", "m").status, 401);
    }
    throttled(&chat_as(&gateway, "hw_sk_mistyped", "m"));
    throttled(&exchange(
        gateway.address,
        "GET /v1/models HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
    ));
}

#[test]
fn a_known_key_from_the_same_source_is_untouched() {
    let mock = Mock::start();
    let gateway = gateway(mock.target("mock"));
    assert_eq!(chat_as(&gateway, KEY, "m").status, 200);
    for number in 0..=BURST {
        chat_as(&gateway, &format!("unknown-{number}"), "m");
    }
    throttled(&chat_as(&gateway, "unknown-9", "m"));
    assert_eq!(chat_as(&gateway, KEY, "m").status, 200);
    assert_eq!(chat_as(&gateway, KEY, "never-asked-before").status, 200);
    gateway.engine.resolver().table.invalidate_all();
    assert_eq!(
        chat_as(&gateway, KEY, "m").status,
        200,
        "after every flow was forgotten"
    );
}

#[test]
fn known_keys_cost_no_tries() {
    let mock = Mock::start();
    let gateway = gateway(mock.target("mock"));
    for number in 0..10 * BURST {
        // A key that the engine has not met costs a try, which comes back with the answer.
        gateway.engine.invalidate_key(&hash(KEY)).unwrap();
        assert_eq!(chat_as(&gateway, KEY, &format!("model-{number}")).status, 200);
    }
}

#[test]
fn this_machine_is_not_counted_unless_that_was_asked_for() {
    let gateway = Gateway::with_settings(
        &json!({"unknown_key_rate": 0.001, "unknown_key_burst": 1}),
        Box::new(|_| {
            json!({"refusal": {
                "status": 401, "code": "invalid_api_key", "message": "The key is not known here.",
                "type": "invalid_request_error", "param": null, "cache_ms": 0, "version": 2,
            }})
        }),
    );
    for number in 0..10 {
        assert_eq!(chat_as(&gateway, &format!("unknown-{number}"), "m").status, 401);
    }
}

/// Else whoever guesses keys from behind a company's proxy would shut out its new keys.
#[test]
fn behind_a_believed_proxy_each_client_has_its_own_tries() {
    let gateway = Gateway::with_settings(
        &json!({"unknown_key_rate": 0.001, "unknown_key_burst": 1, "trusted_proxies": ["127.0.0.0/8"]}),
        Box::new(|_| {
            json!({"refusal": {
                "status": 401, "code": "invalid_api_key", "message": "The key is not known here.",
                "type": "invalid_request_error", "param": null, "cache_ms": 0, "version": 2,
            }})
        }),
    );
    let from = |client: &str| {
        let forwarded = format!("host: gateway\r\nx-forwarded-for: {client}");
        let body = json!({"model": "m", "messages": []}).to_string();
        let request = post("chat/completions", &body).replace("host: gateway", &forwarded);
        exchange(gateway.address, &request.replace(KEY, "unknown"))
    };
    assert_eq!(from("192.0.2.7").status, 401);
    throttled(&from("192.0.2.7"));
    assert_eq!(from("192.0.2.8").status, 401);
}
