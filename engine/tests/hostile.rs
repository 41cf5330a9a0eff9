//! Bad input: each gets a clear refusal in the OpenAI shape, nothing of it reaches an upstream, and the engine lives.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read, Write};

use serde_json::json;
use support::{Answer, Gateway, KEY, Mock, exchange, exchange_raw, flow, post};

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.error_code(), code, "{answer:?}");
    let body = answer.json();
    // Problem details (RFC 9457) under /api/, the dialect's own error elsewhere.
    let message = body["error"]["message"].as_str().or(body["detail"].as_str());
    assert!(message.unwrap().len() > 20, "{answer:?}");
    assert!(answer.header("x-request-id").is_some());
}

struct Scene {
    mock: Mock,
    gateway: Gateway,
}

impl Scene {
    fn new() -> Self {
        let mock = Mock::start();
        let gateway = Gateway::to(vec![mock.target("mock")]);
        Self { mock, gateway }
    }

    fn send(&self, raw: &str) -> Answer {
        exchange(self.gateway.address, raw)
    }

    /// Nothing was forwarded, and a good request still is.
    fn lives(&self) {
        assert!(self.mock.served().is_empty(), "{:?}", self.mock.served());
        assert_eq!(self.gateway.chat(&json!({"model": "m", "messages": []})).status, 200);
        assert_eq!(self.gateway.records(1).len(), 1);
    }
}

#[test]
fn bodies_that_are_no_request() {
    let scene = Scene::new();
    for (body, code) in [
        ("", "missing_body"),
        ("{", "invalid_body"),
        ("[]", "invalid_body"),
        ("nonsense", "invalid_body"),
        (r#"{"model":"m","model":"other"}"#, "invalid_body"),
        (r#"{"model":"m","mod\u0065l":"other"}"#, "invalid_body"),
        (r#"{"model":7}"#, "invalid_body"),
        (r#"{"model":"m","stream":"yes"}"#, "invalid_body"),
        (r#"{"model":"m","n":0}"#, "invalid_body"),
        (r#"{"model":"m","n":1000000}"#, "invalid_body"),
        (r#"{"model":"m","max_tokens":-5}"#, "invalid_body"),
        (r#"{"model":"m","max_tokens":1e400}"#, "invalid_body"),
        (r#"{"model":"m","x":NaN}"#, "invalid_body"),
        (r#"{"messages":[]}"#, "missing_model"),
        ("\u{feff}{\"model\":\"m\"}", "invalid_body"),
    ] {
        refused(&scene.gateway.post("chat/completions", body), 400, code);
    }
    let deep = format!(r#"{{"model":"m","x":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    refused(&scene.gateway.post("chat/completions", &deep), 400, "invalid_body");
    scene.lives();
}

#[test]
fn bytes_that_are_not_utf8() {
    let scene = Scene::new();
    let body = b"{\"model\":\"m\",\"x\":\"\xff\xfe\"}";
    let head = post("chat/completions", &" ".repeat(body.len()));
    let mut request = head.trim_end_matches(' ').as_bytes().to_vec();
    request.extend_from_slice(body);
    refused(
        &Answer::parse(&exchange_raw(scene.gateway.address, &request)),
        400,
        "invalid_body",
    );
    scene.lives();
}

#[test]
fn keys_that_do_not_open() {
    let scene = Scene::new();
    let good = post("chat/completions", r#"{"model":"m"}"#);
    let auth = format!("authorization: Bearer {KEY}\r\n");
    for instead in [
        String::new(),
        "authorization: Basic abc\r\n".into(),
        "authorization: Bearer\r\n".into(),
        "authorization: Bearer hw_sk_mistyped\r\n".into(),
        format!("x-api-key: {KEY}\r\n"),
        format!("authorization: Bearer {KEY}\r\nauthorization: Bearer other\r\n"),
    ] {
        refused(&scene.send(&good.replace(&auth, &instead)), 401, "invalid_api_key");
    }
    scene.lives();
}

#[test]
fn framings_that_smuggle() {
    let scene = Scene::new();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
    );
    for rest in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
        "content-length: 13\r\ncontent-length: 13\r\n\r\n{\"model\":\"m\"}",
        "content-length: 13\r\ncontent-length: 14\r\n\r\n{\"model\":\"m\"}",
        "transfer-encoding: gzip\r\n\r\n{\"model\":\"m\"}",
        "transfer-encoding: chunked\r\n\r\nZZ\r\n{\"model\":\"m\"}\r\n0\r\n\r\n",
        "transfer-encoding: chunked\r\n\r\n99999999999999999999\r\n",
        "content-length: 99999999999999999999\r\n\r\n",
        "content-length: -1\r\n\r\n",
        "content-length : 13\r\n\r\n{\"model\":\"m\"}",
        " folded: yes\r\ncontent-length: 13\r\n\r\n{\"model\":\"m\"}",
        "host: other\r\ncontent-length: 13\r\n\r\n{\"model\":\"m\"}",
        "bad header\r\n\r\n",
        "x: a\0b\r\n\r\n",
    ] {
        let answer = scene.send(&format!("{head}{rest}"));
        refused(&answer, 400, "malformed_request");
        assert_eq!(answer.header("connection"), Some("close"), "{rest:?}");
    }
    refused(&scene.send("NONSENSE\r\n\r\n"), 400, "malformed_request");
    scene.lives();
}

#[test]
fn heads_that_are_too_large() {
    let scene = Scene::new();
    let many = "x-again: 1\r\n".repeat(200);
    let wide = format!("x-wide: {}\r\n", "a".repeat(100_000));
    for headers in [many, wide] {
        let request = format!("POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\n{headers}\r\n");
        refused(&scene.send(&request), 431, "headers_too_large");
    }
    scene.lives();
}

#[test]
fn bodies_that_are_too_large_are_refused_before_they_are_read() {
    let scene = Scene::new();
    let head = post("chat/completions", "").replace("content-length: 0", "content-length: 999999999");
    refused(&scene.send(&head), 413, "request_too_large");
    let chunked = post("chat/completions", "").replace("content-length: 0", "transfer-encoding: chunked");
    let chunk = format!("{:x}\r\n{}\r\n", 600_000, "a".repeat(600_000));
    refused(
        &scene.send(&format!("{chunked}{chunk}{chunk}{chunk}")),
        413,
        "request_too_large",
    );
    scene.lives();
}

#[test]
fn slow_clients_are_let_go() {
    let scene = Scene::new();
    refused(
        &scene.send("POST /v1/chat/completions HTTP/1.1\r\nhost:"),
        408,
        "request_timeout",
    );
    let body = post("chat/completions", "{}").replace("content-length: 2", "content-length: 50");
    refused(&scene.send(&body), 408, "request_timeout");
    scene.lives();
}

#[test]
fn paths_and_methods_that_are_none() {
    let scene = Scene::new();
    for path in [
        "/v1/../api",
        "/v1//chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/chat;x",
        "/v1/",
        "/nothing",
    ] {
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {KEY}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        refused(&scene.send(&request), 404, "unknown_url");
    }
    // Nothing is behind it here; it speaks problem details all the same.
    let answer = scene.send("POST /api/v1/keys HTTP/1.1\r\nhost: g\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    assert_eq!((answer.status, answer.error_code().as_str()), (404, "unknown_url"));
    assert!(answer.json()["detail"].as_str().unwrap().len() > 20);
    for method in ["GET", "PUT", "TRACE", "DELETE", "PATCH"] {
        let request = format!(
            "{method} /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\r\n"
        );
        refused(&scene.send(&request), 405, "method_not_allowed");
    }
    scene.lives();
}

#[test]
fn media_types_that_do_not_fit() {
    let scene = Scene::new();
    let good = post("chat/completions", r#"{"model":"m"}"#);
    for media_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        refused(
            &scene.send(&good.replace("application/json", media_type)),
            415,
            "unsupported_media_type",
        );
    }
    refused(
        &scene.send(&good.replace("connection", "content-encoding: gzip\r\nconnection")),
        415,
        "unsupported_media_type",
    );
    let form =
        post("audio/transcriptions", "--B\r\nbroken").replace("application/json", "multipart/form-data; boundary=B");
    refused(&scene.send(&form), 400, "invalid_body");
    scene.lives();
}

#[test]
fn a_caller_never_chooses_the_upstream() {
    let scene = Scene::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let canary = format!("http://{}", listener.local_addr().unwrap());
    let body = json!({"model": "m", "api_base": canary, "base_url": canary, "custom_host": canary, "messages": []})
        .to_string();
    let request = post(&format!("chat/completions?base_url={canary}"), &body).replace(
        "host: gateway",
        &format!("host: gateway\r\nx-portkey-custom-host: {canary}\r\nx-headworks-base-url: {canary}"),
    );
    scene.send(&request);
    assert!(listener.accept().is_err(), "nobody called the canary");
}

#[test]
fn pipelined_and_kept_connections_stay_in_step() {
    let scene = Scene::new();
    let one = post("chat/completions", r#"{"model":"m","messages":[]}"#).replace("connection: close\r\n", "");
    let last = post("chat/completions", r#"{"model":"m","messages":[]}"#);
    let text = String::from_utf8(exchange_raw(
        scene.gateway.address,
        format!("{one}{one}{last}").as_bytes(),
    ))
    .unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
    assert_eq!(scene.mock.served().len(), 3);
}

#[test]
fn an_upstream_that_breaks_rules_does_not_break_us() {
    let mock = Mock::start();
    for model in [
        "mock:two_lengths",
        "mock:half_event",
        "mock:usage=negative",
        "mock:usage=huge",
        "mock:usage=twice",
        "mock:crlf",
        "mock:comments",
    ] {
        let gateway = Gateway::start({
            let target = mock.target(&format!("{model},tokens=3,rate=1000"));
            Box::new(move |_| flow(std::slice::from_ref(&target)))
        });
        for stream in [false, true] {
            let answer = gateway.chat(&json!({"model": "m", "stream": stream, "messages": []}));
            assert!(matches!(answer.status, 200 | 502), "{model}: {answer:?}");
        }
        assert_eq!(gateway.records(2).len(), 2, "{model}");
    }
}

#[test]
fn a_full_house_of_idle_connections_is_let_go() {
    let scene = Scene::new();
    let mut idle: Vec<_> = (0..50)
        .map(|_| std::net::TcpStream::connect(scene.gateway.address).unwrap())
        .collect();
    for stream in &mut idle {
        stream.write_all(b"G").unwrap();
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(10)))
            .unwrap();
    }
    for stream in &mut idle {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert_eq!(Answer::parse(&answer).status, 408);
    }
    scene.lives();
}
