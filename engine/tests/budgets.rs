//! Limits and budgets over real sockets, with a scripted ledger.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Answer, Gateway, KEY, Mock, Stored, exchange, flow, post};

/// Nanodollars for a token of output; input is free.
const TOKEN: u64 = 1_000;

/// A ledger of one budget, which settles nothing.
#[derive(Debug, Default)]
struct Ledger {
    amount: u64,
    granted: u64,
    returned: u64,
    leases: u64,
    is_away: bool,
}

impl Ledger {
    fn of(amount: u64) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            amount,
            ..Self::default()
        }))
    }

    fn answer(&mut self, question: &Value) -> Value {
        let number = |name: &str| question[name].as_u64().unwrap();
        if self.is_away {
            return json!({"refusal": {"status": 503, "code": "controller_unavailable", "message": "m", "type": "t",
                "param": null, "cache_ms": 0, "version": 2}});
        }
        if question["kind"] == "return" {
            self.returned += number("amount");
            return json!({"returned": {}});
        }
        self.leases += 1;
        let held = self.granted - self.returned;
        let left = self.amount - held;
        if number("need") > left {
            return json!({"spent": {"amount": self.amount, "spent": 0, "held": held,
                "resets_at_us": 1_798_761_600_000_000_u64, "hard": true}});
        }
        let granted = number("need").max(number("want").min(left / 4));
        self.granted += granted;
        json!({"lease": {"granted": granted, "term_ms": 60_000, "remaining": left - granted}})
    }
}

fn budgeted(mock: SocketAddr, model: &str, rules: &Value) -> Value {
    with_rules(flow(&[priced(mock, model)]), rules)
}

fn priced(mock: SocketAddr, model: &str) -> Value {
    let mut target = support::target(&format!("http://{mock}/v1"), model);
    target["rates"] = json!([0, 0, 0, 0, 0, 0, TOKEN * 1_000_000, TOKEN * 1_000_000, 0, 0, 0, 0]);
    target
}

fn with_rules(mut flow: Value, rules: &Value) -> Value {
    flow["flow"]
        .as_object_mut()
        .unwrap()
        .extend(rules.as_object().unwrap().clone());
    flow
}

fn one_budget() -> Value {
    json!({"user_id": "usr_1", "budgets": [
        {"id": "bud_1", "scope": "project", "hard": true, "amount": 0, "period_start_us": 5, "period_end_us": null},
    ]})
}

/// A gateway whose flows have `rules`, and go to the mock's model that the request names.
fn gateway(mock: &Mock, ledger: &Arc<Mutex<Ledger>>, rules: Value) -> Gateway {
    let (address, ledger) = (mock.address, Arc::clone(ledger));
    Gateway::start(Box::new(move |question| match question["kind"].as_str() {
        Some("flow") => budgeted(address, question["model"].as_str().unwrap(), &rules),
        _ => ledger.lock().unwrap().answer(question),
    }))
}

fn chat(model: &str, stream: bool, max_tokens: Option<u64>) -> Value {
    let mut body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]});
    if let Some(max_tokens) = max_tokens {
        body["max_tokens"] = json!(max_tokens);
    }
    body
}

/// Leaves after the first bytes of the answer.
fn leave_early(gateway: &Gateway, body: &Value) {
    let mut stream = TcpStream::connect(gateway.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
        .write_all(post("chat/completions", &body.to_string()).as_bytes())
        .unwrap();
    let _ = stream.read(&mut [0; 64]);
}

fn until(gateway: &Gateway, metric: &str, value: f64) {
    let end = Instant::now() + Duration::from_secs(10);
    while (gateway.metric(metric) - value).abs() > f64::EPSILON {
        assert!(
            Instant::now() < end,
            "{metric} is {}, not {value}",
            gateway.metric(metric)
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn drawn(records: &[Stored]) -> u64 {
    records.iter().map(|record| record.drawn).sum()
}

#[test]
fn four_hundred_clients_of_one_budget_draw_no_more_than_it_has() {
    let amount = 10 * 16 * TOKEN;
    let (mock, ledger) = (Mock::start(), Ledger::of(amount));
    let gateway = gateway(&mock, &ledger, one_budget());
    let model = "mock:tokens=16,rate=400";
    std::thread::scope(|scope| {
        for number in 0..400 {
            let gateway = &gateway;
            scope.spawn(move || {
                let body = chat(model, number % 2 == 0, (number % 3 > 0).then_some(16));
                if number % 7 == 0 {
                    return leave_early(gateway, &body);
                }
                let answer = gateway.chat(&body);
                assert!(matches!(answer.status, 200 | 402), "{answer:?}");
                if answer.status == 402 {
                    assert_eq!(answer.error_code(), "budget_exceeded");
                    assert_eq!(answer.header("x-should-retry"), Some("false"));
                }
            });
        }
    });
    until(&gateway, "headworks_reservations_open", 0.0);
    until(&gateway, "headworks_reserved_nanodollars", 0.0);
    until(&gateway, "headworks_budget_overshoot_nanodollars_total", 0.0);
    until(&gateway, "headworks_spool_open_intents", 0.0);
    let mut records = gateway.records_now();
    assert!(drawn(&records) <= ledger.lock().unwrap().granted);
    assert!(ledger.lock().unwrap().granted <= amount);
    for record in &records {
        assert!(record.drawn == record.output * TOKEN, "{record:?}");
        let (budgets, life) = record.budgets.split_once('#').unwrap();
        assert_eq!((record.user.as_str(), budgets, life.len()), ("usr_1", "bud_1@5", 16));
    }
    // What was not used is there for others, to the last token.
    for _ in 0..200 {
        if gateway.chat(&chat(model, false, Some(4))).status == 402 {
            break;
        }
    }
    until(&gateway, "headworks_spool_open_intents", 0.0);
    records.extend(gateway.records_now());
    assert!(drawn(&records) * 100 >= amount * 99, "{} of {amount}", drawn(&records));
    assert!(drawn(&records) <= amount);
}

#[test]
fn a_refusal_names_the_budget_its_figures_and_its_end() {
    let (mock, ledger) = (Mock::start(), Ledger::of(0));
    let gateway = gateway(&mock, &ledger, one_budget());
    let answer = gateway.chat(&chat("mock", false, Some(16)));
    assert_eq!((answer.status, answer.header("retry-after")), (402, None));
    let error = answer.json()["error"].clone();
    assert_eq!(error["type"], "insufficient_quota");
    assert_eq!(
        error["rule"],
        json!({"id": "bud_1", "scope": "project", "unit": "budget", "limit": 0, "spent": 0, "reserved": 0,
            "needed": 16 * TOKEN, "resets_at": "2027-01-01T00:00:00Z"})
    );
    let message = error["message"].as_str().unwrap();
    for told in ["bud_1", "this project", "0.000016 USD", "2027-01-01T00:00:00Z"] {
        assert!(message.contains(told), "{message}");
    }
    assert!(mock.served().is_empty());
    until(&gateway, "headworks_limit_refusals_total{unit=\"budget\"}", 1.0);
}

#[test]
fn an_answer_is_clipped_to_what_the_budget_pays_for() {
    let (mock, ledger) = (Mock::start(), Ledger::of(10 * TOKEN));
    let gateway = gateway(&mock, &ledger, one_budget());
    let answer = gateway.chat(&chat("mock:tokens=50", false, Some(50)));
    assert_eq!(answer.header("x-headworks-max-tokens"), Some("10"), "{answer:?}");
    assert_eq!(answer.json()["usage"]["completion_tokens"], 10);
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "length");
    let records = gateway.records(1);
    assert_eq!((records[0].drawn, records[0].output), (10 * TOKEN, 10));
    assert_eq!(gateway.chat(&chat("mock:tokens=50", false, None)).status, 402);
}

#[test]
fn an_answer_that_nothing_limits_gets_a_limit_near_the_end() {
    let (mock, ledger) = (Mock::start(), Ledger::of(20 * TOKEN));
    let gateway = gateway(&mock, &ledger, one_budget());
    let answer = gateway.chat(&chat("mock:tokens=50", true, None));
    assert_eq!(answer.header("x-headworks-max-tokens"), Some("20"), "{answer:?}");
    assert_eq!(gateway.records(1)[0].drawn, 20 * TOKEN);
}

#[test]
fn where_the_request_says_nothing_the_cap_of_its_model_is_set_aside() {
    let target = |mock: &Mock, cap: u64| {
        let mut target = priced(mock.address, "mock:tokens=20");
        target["max_output_tokens"] = json!(cap);
        target
    };
    for (budget, caps, clipped) in [
        (50, [50, 20], None),
        (49, [50, 20], Some("49")),
        (49, [20, 50], Some("49")),
        (20, [20, 20], None),
    ] {
        let (mock, ledger) = (Mock::start(), Ledger::of(budget * TOKEN));
        let targets = caps.map(|cap| target(&mock, cap));
        let asked = Arc::clone(&ledger);
        let gateway = Gateway::start(Box::new(move |question| match question["kind"].as_str() {
            Some("flow") => with_rules(flow(&targets), &one_budget()),
            _ => asked.lock().unwrap().answer(question),
        }));
        let answer = gateway.chat(&chat("mock:tokens=20", false, None));
        assert_eq!(
            (answer.status, answer.header("x-headworks-max-tokens")),
            (200, clipped),
            "{budget} {caps:?}"
        );
        assert!(ledger.lock().unwrap().granted <= budget * TOKEN);
        until(&gateway, "headworks_reserved_nanodollars", 0.0);
    }
}

#[test]
fn a_budget_near_its_end_is_drawn_on_by_tokens_rather_than_bytes() {
    // 4,400 bytes, and a token for each four of them or so.
    let body =
        json!({"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "All is well. ".repeat(330)}]});
    for (model, status) in [("gpt-4o", 200), ("llama3.2", 402)] {
        let (mock, ledger) = (Mock::start(), Ledger::of(2_000 * TOKEN));
        let mut target = support::target(&format!("http://{}/v1", mock.address), model);
        target["rates"] = json!([
            TOKEN * 1_000_000,
            0,
            0,
            0,
            0,
            0,
            TOKEN * 1_000_000,
            TOKEN * 1_000_000,
            0,
            0,
            0,
            0
        ]);
        let asked = Arc::clone(&ledger);
        let gateway = Gateway::start(Box::new(move |question| match question["kind"].as_str() {
            Some("flow") => with_rules(flow(&[target.clone()]), &one_budget()),
            _ => asked.lock().unwrap().answer(question),
        }));
        let answer = gateway.chat(&body);
        assert_eq!(
            (answer.status, answer.header("x-headworks-max-tokens")),
            (status, None),
            "{model}: {answer:?}"
        );
        assert!(ledger.lock().unwrap().granted <= 2_000 * TOKEN);
        until(&gateway, "headworks_reserved_nanodollars", 0.0);
    }
}

#[test]
fn a_stream_whose_budget_ends_ends_as_by_its_length() {
    let (mock, ledger) = (Mock::start(), Ledger::of(4096 * TOKEN * 200));
    let gateway = gateway(&mock, &ledger, one_budget());
    let mut body = chat("mock:tokens=200000,rate=50000", true, None);
    body["stream_options"] = json!({"include_usage": true});
    let answer = std::thread::scope(|scope| {
        let asking = scope.spawn(|| gateway.chat(&body));
        until(&gateway, "headworks_open_streams", 1.0);
        // Somebody else spends the rest.
        let mut ledger = ledger.lock().unwrap();
        ledger.amount = ledger.granted;
        drop(ledger);
        asking.join().unwrap()
    });
    let events: Vec<Value> = events(&answer);
    let last = &events[events.len() - 2];
    assert_eq!(last["choices"][0]["finish_reason"], "length", "{last}");
    assert_eq!(last["headworks"]["stop_reason"], "budget_exceeded");
    assert!(events[events.len() - 1]["usage"]["completion_tokens"].as_u64().unwrap() > 1_000);
    assert!(answer.body.trim_end().ends_with("data: [DONE]"));
    let records = gateway.records(1);
    assert_eq!(
        (records[0].outcome.as_str(), records[0].error_code.as_str()),
        ("gateway_error", "budget_exceeded")
    );
    assert!(records[0].drawn <= ledger.lock().unwrap().granted);
    until(&gateway, "headworks_cut_short_streams_total", 1.0);
    until(&gateway, "headworks_reserved_nanodollars", 0.0);
}

fn events(answer: &Answer) -> Vec<Value> {
    answer
        .body
        .lines()
        .filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
        .collect()
}

#[test]
fn however_a_request_ends_its_reservation_does() {
    let (mock, ledger) = (Mock::start(), Ledger::of(1_000_000 * TOKEN));
    let gateway = gateway(&mock, &ledger, one_budget());
    for (model, status, charged) in [
        ("mock:tokens=5", 200, Some(5)),
        ("mock:status=400", 400, Some(0)),
        ("mock:status=401", 502, Some(0)),
        ("mock:status=500", 500, Some(0)),
    ] {
        let answer = gateway.chat(&chat(model, false, Some(100)));
        assert_eq!(answer.status, status, "{model}: {answer:?}");
        let records = gateway.records(1);
        if let Some(tokens) = charged {
            assert_eq!(records[0].drawn, tokens * TOKEN, "{model}: {:?}", records[0]);
        }
    }
    leave_early(&gateway, &chat("mock:tokens=100,rate=50", true, Some(100)));
    let records = gateway.records(1);
    assert_eq!(records[0].outcome, "cancelled");
    assert_eq!(records[0].drawn, records[0].output * TOKEN);
    until(&gateway, "headworks_reserved_nanodollars", 0.0);
    until(&gateway, "headworks_reservations_open", 0.0);
}

#[test]
fn limits_are_told_in_headers_and_refusals() {
    let (mock, ledger) = (Mock::start(), Ledger::of(0));
    let rules = json!({"limits": [
        {"id": "lim_1", "scope": "key", "unit": "requests", "amount": 2, "window_s": 60, "used": []},
        {"id": "lim_2", "scope": "organization", "unit": "tokens", "amount": 100_000, "window_s": 3600, "used": []},
    ]});
    let gateway = gateway(&mock, &ledger, rules);
    let answer = gateway.chat(&chat("mock", false, Some(16)));
    assert_eq!(answer.header("x-ratelimit-limit-requests"), Some("2"), "{answer:?}");
    assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("1"));
    assert!(
        matches!(answer.header("x-ratelimit-reset-requests"), Some("1m0s" | "1m1s")),
        "{answer:?}"
    );
    assert_eq!(answer.header("x-ratelimit-limit-tokens"), Some("100000"));
    assert_eq!(
        gateway.chat(&chat("mock:status=400", false, Some(16))).status,
        400,
        "a failure is a request too"
    );
    let refused = gateway.chat(&chat("mock", false, Some(16)));
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (429, "rate_limit_exceeded")
    );
    assert_eq!(refused.json()["error"]["rule"]["id"], "lim_1");
    assert_eq!(refused.json()["error"]["rule"]["used"], 2);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait));
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), Some("0"));
    let large = gateway.chat(&chat("mock", false, Some(200_000)));
    assert_eq!((large.status, large.header("retry-after")), (429, None), "{large:?}");
    assert_eq!(large.header("x-should-retry"), Some("false"));
    assert_eq!(
        large.json()["error"]["rule"]["id"],
        "lim_2",
        "the one that refuses longest"
    );
    for unit in ["requests", "tokens"] {
        let counted = format!("headworks_limit_refusals_total{{unit=\"{unit}\"}}");
        assert!((gateway.metric(&counted) - 1.0).abs() < f64::EPSILON, "{unit}");
    }
}

#[test]
fn no_more_requests_run_than_may() {
    let (mock, ledger) = (Mock::start(), Ledger::of(0));
    let rules = json!({"limits": [
        {"id": "lim_1", "scope": "key", "unit": "concurrent", "amount": 3, "window_s": 0, "used": []},
    ]});
    let gateway = gateway(&mock, &ledger, rules);
    let body = chat("mock:tokens=40,rate=100", true, None);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..12).map(|_| scope.spawn(|| gateway.chat(&body).status)).collect();
        asking.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        3,
        "{statuses:?}"
    );
    until(&gateway, "headworks_reservations_open", 0.0);
    assert_eq!(gateway.chat(&chat("mock", false, None)).status, 200);
}

#[test]
fn what_has_no_price_is_refused_with_the_way_to_price_it() {
    let (mock, ledger) = (Mock::start(), Ledger::of(1_000_000 * TOKEN));
    let mut unpriced = budgeted(mock.address, "mock", &one_budget());
    unpriced["flow"]["targets"][0]["rates"] = json!(null);
    let gateway = {
        let ledger = Arc::clone(&ledger);
        Gateway::start(Box::new(move |question| match question["kind"].as_str() {
            Some("flow") => unpriced.clone(),
            _ => ledger.lock().unwrap().answer(question),
        }))
    };
    let answer = gateway.chat(&chat("mock", false, Some(1)));
    assert_eq!((answer.status, answer.error_code().as_str()), (403, "model_unpriced"));
    assert!(
        answer.body.contains("headworks prices add --provider prv_1"),
        "{}",
        answer.body
    );
    assert!(mock.served().is_empty());
}

#[test]
fn a_ledger_that_is_away_is_no_spent_budget() {
    let (mock, ledger) = (Mock::start(), Ledger::of(1_000_000 * TOKEN));
    let gateway = gateway(&mock, &ledger, one_budget());
    ledger.lock().unwrap().is_away = true;
    let answer = gateway.chat(&chat("mock", false, Some(16)));
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (503, "budget_unavailable")
    );
    assert_eq!(answer.header("retry-after"), Some("1"));
    ledger.lock().unwrap().is_away = false;
    let end = Instant::now() + Duration::from_secs(10);
    while gateway.chat(&chat("mock", false, Some(16))).status != 200 {
        assert!(Instant::now() < end);
    }
}

#[test]
fn leases_go_back_when_service_ends() {
    let (mock, ledger) = (Mock::start(), Ledger::of(1_000 * TOKEN));
    let gateway = gateway(&mock, &ledger, one_budget());
    assert_eq!(gateway.chat(&chat("mock:tokens=16", false, Some(16))).status, 200);
    gateway.engine.drain(Duration::from_secs(5));
    let ledger = ledger.lock().unwrap();
    assert_eq!(
        ledger.granted - ledger.returned,
        16 * TOKEN,
        "what was drawn is not given back"
    );
}

#[test]
fn tags_reach_the_record() {
    let (mock, ledger) = (Mock::start(), Ledger::of(0));
    let gateway = gateway(&mock, &ledger, json!({}));
    let mut body = chat("mock", false, None);
    body["metadata"] = json!({"team": "search", "run": "7", "number": 5, "nested": {"a": "b"}});
    let body = body.to_string();
    let request = post("chat/completions", &body).replace(
        &format!("Bearer {KEY}\r\n"),
        &format!("Bearer {KEY}\r\nx-headworks-tags: run=8, env = prod,nonsense\r\n"),
    );
    assert_eq!(exchange(gateway.address, &request).status, 200);
    assert_eq!(
        gateway.records(1)[0].tags,
        r#"{"env":"prod","run":"8","team":"search"}"#
    );
    gateway.chat(&chat("mock", false, None));
    assert_eq!(gateway.records(1)[0].tags, "");
}
