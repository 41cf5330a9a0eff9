//! A request's whole walk through the engine, over real sockets, against the mock provider.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;
use support::{Gateway, Mock, exchange, flow, post, target};

fn chat(model: &str, stream: bool) -> serde_json::Value {
    json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello there"}]})
}

#[test]
fn an_answer_its_record_and_its_id_agree() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=7")]);
    let answer = gateway.chat(&chat("m", false));
    assert_eq!(answer.status, 200, "{answer:?}");
    let usage = answer.json()["usage"].clone();
    let records = gateway.records(1);
    assert_eq!(records.len(), 1);
    assert_eq!(
        (records[0].outcome.as_str(), records[0].source.as_str()),
        ("success", "provider")
    );
    assert_eq!(records[0].input, usage["prompt_tokens"].as_u64().unwrap());
    assert_eq!(records[0].output, usage["completion_tokens"].as_u64().unwrap());
    assert_eq!(records[0].upstream_model, "mock:tokens=7");
    let served = mock.served();
    assert_eq!(served[0]["request_id"], answer.header("x-request-id").unwrap());
    assert!(answer.header("x-headworks-overhead-us").is_some());
}

#[test]
fn a_stream_hides_the_usage_that_the_client_did_not_ask_for() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=5,rate=1000")]);
    let answer = gateway.chat(&chat("m", true));
    assert!(answer.body.trim_end().ends_with("data: [DONE]"), "{}", answer.body);
    assert!(!answer.body.contains("\"usage\":{"), "{}", answer.body);
    let mut asked = chat("m", true);
    asked["stream_options"] = json!({"include_usage": true});
    assert!(gateway.chat(&asked).body.contains("\"usage\":{"));
    for record in gateway.records(2) {
        assert_eq!(
            (record.outcome.as_str(), record.source.as_str(), record.output),
            ("success", "provider", 5)
        );
    }
}

#[test]
fn every_request_is_counted_once_under_its_status() {
    let mock = Mock::start();
    let (good, gone) = (mock.target("mock"), target("http://127.0.0.1:9/v1", "any"));
    let refusing = mock.target("mock:status=400");
    let gateway = Gateway::start(Box::new(move |question| {
        let model = question["model"].as_str().unwrap_or_default();
        let mut answer = flow(std::slice::from_ref(match model {
            "gone" => &gone,
            "refusing" => &refusing,
            _ => &good,
        }));
        match (question["endpoint"].as_str().unwrap(), model) {
            ("models", _) => {
                answer["flow"]["document"] = json!({"status": 200, "content_type": "application/json", "body": "{}"});
            }
            (_, "unknown") => {
                answer = json!({"refusal": {
                    "status": 404, "type": "invalid_request_error", "code": "model_not_found", "message": "There is none.",
                    "param": "model", "cache_ms": 1000, "version": 2,
                }});
            }
            _ => {}
        }
        answer
    }));
    let list = post("models", "").replace("POST", "GET");
    let sent = [
        exchange(gateway.address, &list),
        gateway.chat(&chat("m", false)),
        gateway.chat(&chat("m", true)),
        gateway.chat(&chat("refusing", false)),
        gateway.chat(&chat("gone", false)),
        gateway.chat(&chat("unknown", false)),
        gateway.post("chat/completions", "{"),
        exchange(gateway.address, &list.replace("Bearer", "Basic")),
        exchange(
            gateway.address,
            "GET /nothing HTTP/1.1\r\nhost: g\r\nconnection: close\r\n\r\n",
        ),
        exchange(gateway.address, "NONSENSE\r\n\r\n"),
        exchange(gateway.address, "GET /v1/models HTTP/1.1\r\n"),
    ];
    let mut statuses: Vec<u16> = sent.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 400, 400, 400, 401, 404, 404, 408, 502]);
    gateway.records(4);
    let metrics = gateway.engine.metrics();
    let mut counted: Vec<u16> = Vec::new();
    for line in metrics.lines() {
        if line.starts_with("headworks_requests_total{") || line.starts_with("headworks_refusals_total{") {
            let status: u16 = line.split("status=\"").nth(1).unwrap()[..3].parse().unwrap();
            let count: usize = line.rsplit(' ').next().unwrap().parse().unwrap();
            counted.extend(std::iter::repeat_n(status, count));
        }
    }
    counted.sort_unstable();
    assert_eq!(counted, statuses, "{metrics}");
}

#[test]
fn the_demo_model_needs_no_upstream() {
    let mut demo = target("http://echo.invalid/v1", "echo");
    demo["dialect"] = json!("echo");
    demo["credential"] = json!(null);
    let gateway = Gateway::to(vec![demo]);
    let answer = gateway.chat(&chat("headworks/echo", false));
    assert!(
        answer.json()["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("Hello there"),
        "{answer:?}"
    );
}

#[test]
fn a_known_flow_asks_nobody() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock")]);
    gateway.chat(&chat("m", false));
    let asked = gateway.metric("headworks_flow_misses_total");
    for _ in 0..50 {
        assert_eq!(gateway.chat(&chat("m", false)).status, 200);
    }
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
}

#[test]
fn an_invalidated_key_is_asked_for_again() {
    let mock = Mock::start();
    let target = mock.target("mock");
    let gateway = Gateway::start(Box::new(move |question| {
        assert_eq!(question["endpoint"], "chat/completions");
        flow(std::slice::from_ref(&target))
    }));
    gateway.chat(&chat("m", false));
    let hash = headworks_engine::auth::hash(support::KEY.as_bytes());
    let hex = headworks_engine::flow::hex(&hash);
    gateway.engine.invalidate_key(&hex).unwrap();
    gateway.chat(&chat("m", false));
    assert!((gateway.metric("headworks_flow_misses_total") - 2.0).abs() < f64::EPSILON);
}

#[test]
fn the_next_target_takes_over_before_the_first_byte() {
    let mock = Mock::start();
    let mut dead = target("http://127.0.0.1:1/v1", "mock");
    dead["weight"] = json!(1_000_000);
    for (first, attempts) in [
        (dead, 2),
        (mock.target("mock:status=503"), 2),
        (mock.target("mock:status=429"), 2),
    ] {
        let mut second = mock.target("mock:tokens=3");
        second["weight"] = json!(0);
        let gateway = Gateway::to(vec![first, second]);
        assert_eq!(gateway.chat(&chat("m", false)).status, 200);
        let record = &gateway.records(1)[0];
        assert_eq!(
            (record.attempts, record.upstream_model.as_str()),
            (attempts, "mock:tokens=3")
        );
    }
}

#[test]
fn an_upstreams_refusal_keeps_its_status_and_advice() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:status=429,retry_after=7")]);
    let answer = gateway.chat(&chat("m", false));
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert_eq!(answer.header("x-headworks-error-source"), Some("upstream"));
    assert!(answer.json()["error"]["message"].is_string());
    let record = &gateway.records(1)[0];
    assert_eq!(
        (record.outcome.as_str(), record.source.as_str(), record.input),
        ("upstream_error", "none", 0)
    );
}

#[test]
fn a_refused_credential_is_ours_to_mend_and_never_shown() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:status=401")]);
    let answer = gateway.chat(&chat("m", false));
    assert_eq!(
        (answer.status, answer.error_code().as_str()),
        (502, "provider_credential")
    );
    assert!(!answer.body.contains("upstream-secret"));
}

#[test]
fn nothing_that_is_not_an_answer_passes_as_one() {
    let mock = Mock::start();
    for (model, status, code) in [
        ("mock:html", 502, "upstream_not_an_api"),
        ("mock:cut_json", 502, "upstream_malformed"),
        ("mock:redirect", 502, "upstream_redirect"),
        ("mock:hang", 504, "upstream_timeout"),
        ("mock:wrong_length", 502, "upstream_truncated"),
    ] {
        let gateway = Gateway::to(vec![mock.target(model)]);
        let answer = gateway.chat(&chat("m", false));
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (status, code),
            "{model}: {answer:?}"
        );
        assert_ne!(gateway.records(1)[0].outcome, "success", "{model}");
    }
}

#[test]
fn a_broken_stream_ends_in_an_error_event() {
    let mock = Mock::start();
    for (model, code) in [
        ("mock:tokens=20,rate=500,drop_after=5", "upstream_"),
        ("mock:tokens=20,rate=500,no_done", "upstream_truncated"),
        ("mock:tokens=20,rate=500,malformed=3", "upstream_malformed"),
        ("mock:tokens=20,rate=500,hang_after=5", "upstream_idle"),
    ] {
        let gateway = Gateway::to(vec![mock.target(model)]);
        let answer = gateway.chat(&chat("m", true));
        assert_eq!(answer.status, 200);
        assert!(answer.body.contains("\"error\""), "{model}: {}", answer.body);
        assert!(answer.body.contains(code), "{model}: {}", answer.body);
        assert!(!answer.body.contains("[DONE]"), "{model}");
        let record = &gateway.records(1)[0];
        assert_eq!(record.outcome, "truncated", "{model}");
        assert!(record.output > 0, "{model}: what was delivered is charged");
    }
}

#[test]
fn a_stream_in_single_bytes_is_the_same_stream() {
    let mock = Mock::start();
    let split = Gateway::to(vec![mock.target("mock:tokens=4,rate=1000,split=1")]).chat(&chat("m", true));
    assert!(split.body.trim_end().ends_with("data: [DONE]"), "{}", split.body);
    assert_eq!(
        split.body.matches("data: {").count(),
        split.body.matches("\n\n").count() - 1
    );
}

#[test]
fn a_client_that_leaves_cancels_the_upstream_and_is_recorded_once() {
    use std::io::{Read, Write};
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=1000,rate=50")]);
    let mut client = std::net::TcpStream::connect(gateway.address).unwrap();
    client
        .write_all(post("chat/completions", &chat("m", true).to_string()).as_bytes())
        .unwrap();
    let mut some = [0; 600];
    client.read_exact(&mut some).unwrap();
    drop(client);
    let records = gateway.records(1);
    assert_eq!(
        (records[0].outcome.as_str(), records[0].source.as_str()),
        ("cancelled", "estimated")
    );
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while mock.served().is_empty() && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(mock.served()[0]["outcome"], "client_left");
    assert!(gateway.records(0).is_empty());
}

#[test]
fn unknown_fields_and_headers_go_through_untouched() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:echo")]);
    let mut body = chat("m", false);
    body["a_field_of_tomorrow"] = json!({"deep": [1.5e300, "é\u{0}"]});
    let received = gateway.chat(&body).json()["x_mock"]["received"].clone();
    let sent = &received["body"];
    let sent: serde_json::Value = match sent.as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => sent.clone(),
    };
    assert_eq!(sent["a_field_of_tomorrow"], body["a_field_of_tomorrow"]);
    assert_eq!(sent["model"], "mock:echo");
    assert_eq!(received["headers"]["authorization"], "Bearer upstream-secret");
}

#[test]
fn a_form_streams_through_with_its_model_in_place() {
    let mock = Mock::start();
    let gateway = Gateway::with_settings(&json!({"body_limit_bytes": 8_388_608}), {
        let target = mock.target("mock");
        Box::new(move |_| flow(std::slice::from_ref(&target)))
    });
    let file = "x".repeat(3 * 1024 * 1024);
    for parts in [["model", "file"], ["file", "model"]] {
        let written = parts.map(|part| match part {
            "model" => "--B\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n".to_owned(),
            _ => format!(
                "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                 content-type: audio/wav\r\n\r\n{file}\r\n"
            ),
        });
        let form = format!("{}--B--\r\n", written.concat());
        let request =
            post("audio/transcriptions", &form).replace("application/json", "multipart/form-data; boundary=B");
        let answer = exchange(gateway.address, &request);
        assert_eq!(answer.status, 200, "{parts:?}: {answer:?}");
    }
    let records = gateway.records(2);
    assert!(
        records
            .iter()
            .all(|record| record.endpoint == "audio/transcriptions" && record.outcome == "success"),
        "{records:?}"
    );
}

#[test]
fn draining_lets_a_stream_finish_and_takes_no_more() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=20,rate=50")]);
    let address = gateway.address;
    let client = std::thread::spawn(move || exchange(address, &post("chat/completions", &chat("m", true).to_string())));
    while gateway.engine.status().open_streams == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(
        gateway.engine.drain(std::time::Duration::from_secs(10)),
        "nothing was cut"
    );
    assert!(client.join().unwrap().body.contains("[DONE]"));
    assert!(std::net::TcpStream::connect(address).is_err());
}

/// An idle connection is not closed in the face of a request that is on its way: it is answered, and told that this was the last.
#[test]
fn draining_answers_who_is_connected_once_more() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=2")]);
    let mut used = std::net::TcpStream::connect(gateway.address).unwrap();
    let idle = std::net::TcpStream::connect(gateway.address).unwrap();
    assert!(!says_close(&ask_alive(&mut used)));
    std::thread::scope(|scope| {
        let draining = scope.spawn(|| gateway.engine.drain(std::time::Duration::from_secs(20)));
        while std::net::TcpStream::connect(gateway.address).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let last = loop {
            let answer = ask_alive(&mut used);
            if says_close(&answer) {
                break answer;
            }
        };
        assert!(last.starts_with("HTTP/1.1 200"), "{last}");
        assert_eq!(used.read(&mut [0; 16]).unwrap(), 0, "closed by us");
        assert_eq!((&idle).read(&mut [0; 16]).unwrap(), 0, "in its turn");
        assert!(draining.join().unwrap(), "nothing was cut");
    });
}

/// The head of its answer went out before anybody was leaving, so it could not say that it was the last.
#[test]
fn who_was_answered_all_along_is_answered_once_more() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=100000,rate=50")]);
    let mut connection = std::net::TcpStream::connect(gateway.address).unwrap();
    let asked = post("chat/completions", &chat("m", true).to_string());
    connection
        .write_all(asked.replace("connection: close\r\n", "").as_bytes())
        .unwrap();
    while gateway.engine.status().open_streams == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::scope(|scope| {
        let draining = scope.spawn(|| gateway.engine.drain(std::time::Duration::from_secs(2)));
        let (mut told, mut piece) = (String::new(), [0; 4096]);
        while !told.ends_with("\r\n0\r\n\r\n") {
            let size = connection.read(&mut piece).unwrap();
            assert!(size > 0, "closed without an end");
            told.push_str(std::str::from_utf8(&piece[..size]).unwrap());
        }
        assert!(told.contains("gateway_shutdown") && !says_close(&told), "{told}");
        assert!(says_close(&ask_alive(&mut connection)));
        assert!(!draining.join().unwrap(), "a stream was cut");
    });
}

fn ask_alive(connection: &mut std::net::TcpStream) -> String {
    let body = r#"{"status":"ok"}"#;
    connection
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    while !answer.ends_with(body) {
        let mut piece = [0; 1024];
        let size = connection.read(&mut piece).unwrap();
        assert!(size > 0, "closed after {answer:?}");
        answer.push_str(std::str::from_utf8(&piece[..size]).unwrap());
    }
    answer
}

fn says_close(answer: &str) -> bool {
    answer.to_ascii_lowercase().contains("connection: close")
}

#[test]
fn a_stream_past_the_drain_limit_is_told() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("mock:tokens=100000,rate=50")]);
    let address = gateway.address;
    let client = std::thread::spawn(move || exchange(address, &post("chat/completions", &chat("m", true).to_string())));
    while gateway.engine.status().open_streams == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert!(!gateway.engine.drain(std::time::Duration::from_millis(100)));
    assert!(client.join().unwrap().body.contains("gateway_shutdown"));
    assert_eq!(gateway.records(1)[0].outcome, "gateway_error");
}

/// One that takes too long because it says too much, and one whose client takes it slowly.
#[test]
fn a_stream_has_its_time_however_it_is_taken() {
    for (model, pause) in [("mock:tokens=100000,rate=50", 0), ("mock:tokens=400000", 20)] {
        let mock = Mock::start();
        let target = mock.target(model);
        let gateway = Gateway::start(Box::new(move |_| {
            let mut answer = flow(std::slice::from_ref(&target));
            answer["flow"]["policy"]["total_ms"] = json!(1_000);
            answer
        }));
        let mut client = std::net::TcpStream::connect(gateway.address).unwrap();
        client
            .write_all(post("chat/completions", &chat("m", true).to_string()).as_bytes())
            .unwrap();
        let (mut answer, mut piece) = (Vec::new(), vec![0; 32 * 1024]);
        while let Ok(read @ 1..) = client.read(&mut piece) {
            answer.extend_from_slice(&piece[..read]);
            std::thread::sleep(Duration::from_millis(pause));
        }
        let text = String::from_utf8_lossy(&answer);
        assert!(text.contains("upstream_too_long"), "{model}: {} bytes", answer.len());
        let records = gateway.records(1);
        assert_eq!(
            (records[0].outcome.as_str(), records[0].error_code.as_str()),
            ("truncated", "upstream_too_long")
        );
    }
}

#[test]
fn a_control_plane_serves_no_inference() {
    let gateway = Gateway::with_settings(
        &json!({"serves_inference": false}),
        Box::new(|_| unreachable!("nobody is asked")),
    );
    let answer = gateway.chat(&chat("m", false));
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (404, Some("not_a_gateway")),
        "{answer:?}"
    );
}
