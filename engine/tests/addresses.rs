//! Keys that are held to networks, over real sockets: looked at for each request, whatever is known of its flow.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::json;
use support::{Answer, Gateway, Mock, exchange, flow, post};

fn held_to(networks: &serde_json::Value, settings: &serde_json::Value, mock: &Mock) -> Gateway {
    let (networks, targets) = (networks.clone(), vec![mock.target("mock")]);
    Gateway::with_settings(
        settings,
        Box::new(move |question| {
            if question["model"] == "absent" {
                return json!({"refusal": {"status": 404, "code": "model_not_found", "message": "no", "type": "t",
                    "param": null, "cache_ms": 60000, "addresses": networks, "version": 2}});
            }
            let mut answer = flow(&targets);
            answer["flow"]["addresses"] = networks.clone();
            answer
        }),
    )
}

fn chat(gateway: &Gateway, model: &str, forwarded: &str) -> Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string();
    let request = post("chat/completions", &body);
    let header = format!("\r\nx-forwarded-for: {forwarded}\r\nconnection: close");
    exchange(gateway.address, &request.replace("\r\nconnection: close", &header))
}

#[test]
fn a_known_flow_is_refused_from_elsewhere_without_a_question() {
    let mock = Mock::start();
    let settings = json!({"trusted_proxies": ["127.0.0.0/8"]});
    let gateway = held_to(&json!(["203.0.113.0/24", "2001:db8::/32"]), &settings, &mock);
    assert_eq!(chat(&gateway, "m", "203.0.113.7").status, 200);
    let asked = gateway.metric("headworks_flow_misses_total");
    for outside in [
        "198.51.100.1",
        "127.0.0.1",
        "nonsense",
        "203.0.113.7, 198.51.100.1",
        "2001:db9::1",
    ] {
        let answer = chat(&gateway, "m", outside);
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (403, "address_not_allowed"),
            "{outside}"
        );
    }
    assert_eq!(chat(&gateway, "m", "2001:db8::7").status, 200);
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
    assert_eq!(mock.served().len(), 2, "nothing that was refused went on");
}

#[test]
fn a_header_of_an_unknown_peer_changes_nothing() {
    let mock = Mock::start();
    let gateway = held_to(&json!(["203.0.113.0/24"]), &json!({}), &mock);
    assert_eq!(chat(&gateway, "m", "203.0.113.7").error_code(), "address_not_allowed");
    let gateway = held_to(&json!(["127.0.0.1/32"]), &json!({}), &mock);
    assert_eq!(chat(&gateway, "m", "203.0.113.7").status, 200);
}

#[test]
fn from_elsewhere_nobody_learns_which_models_there_are() {
    let mock = Mock::start();
    let gateway = held_to(&json!(["203.0.113.0/24"]), &json!({}), &mock);
    for _ in 0..2 {
        assert_eq!(
            chat(&gateway, "absent", "203.0.113.7").error_code(),
            "address_not_allowed"
        );
    }
}
