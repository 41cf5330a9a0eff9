//! Signed requests over real sockets: what is taken, what is refused and with which word, and what reaches the upstream.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use headworks_engine::auth::signature::signer_hash;
use headworks_engine::flow::hex;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sfv::ItemSerializer;
use sha2::{Digest, Sha256};
use support::{Answer, Gateway, Mock, exchange, flow};

const KEY_ID: &str = "key_01k9y7m3q8zzzzzzzzzzzzzzzz";
const SECRET: &str = "hw_sk_a-secret-for-tests";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A request and how it is signed. Each has a nonce of its own unless it is given one.
#[derive(Clone)]
struct Signing {
    path: &'static str,
    method: &'static str,
    content_type: &'static str,
    body: String,
    covered: Vec<&'static str>,
    key_id: String,
    secret: String,
    created: u64,
    nonce: String,
    /// More headers, which are covered if they are named there.
    more: Vec<(&'static str, String)>,
}

impl Signing {
    fn chat(model: &str) -> Self {
        Self {
            path: "/v1/chat/completions",
            method: "POST",
            content_type: "application/json",
            body: json!({"model": model, "messages": [{"role": "user", "content": "hi"}]}).to_string(),
            covered: vec![
                "@method",
                "@authority",
                "@path",
                "@query",
                "content-type",
                "content-digest",
            ],
            key_id: KEY_ID.into(),
            secret: SECRET.into(),
            created: now(),
            nonce: nonce(),
            more: Vec::new(),
        }
    }

    fn list() -> Self {
        Self {
            path: "/v1/models",
            method: "GET",
            body: String::new(),
            covered: vec!["@method", "@target-uri"],
            ..Self::chat("")
        }
    }

    /// The whole request. Written here from the standard, with nothing of the engine's.
    fn request(&self) -> String {
        let mut headers: Vec<(&str, String)> = vec![("host", "gateway".into()), ("connection", "close".into())];
        if !self.body.is_empty() {
            headers.push(("content-type", self.content_type.into()));
            headers.push(("content-length", self.body.len().to_string()));
            let digest = bytes(&Sha256::digest(self.body.as_bytes()));
            headers.push(("content-digest", format!("sha-256={digest}")));
        }
        headers.extend(self.more.clone());
        let (path, query) = self
            .path
            .split_once('?')
            .map_or((self.path, ""), |(path, query)| (path, query));
        let lines = self.covered.iter().map(|name| {
            let value = match *name {
                "@method" => self.method.to_owned(),
                "@authority" => "gateway".to_owned(),
                "@path" => path.to_owned(),
                "@query" => format!("?{query}"),
                "@target-uri" => format!("http://gateway{}", self.path),
                name => headers.iter().find(|(found, _)| *found == name).unwrap().1.clone(),
            };
            format!("\"{name}\": {value}\n")
        });
        let names: Vec<String> = self.covered.iter().map(|name| format!("\"{name}\"")).collect();
        let input = format!(
            "({});created={};keyid=\"{}\";nonce=\"{}\"",
            names.join(" "),
            self.created,
            self.key_id,
            self.nonce
        );
        let base = lines.collect::<String>() + &format!("\"@signature-params\": {input}");
        let mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        let signature = bytes(&mac.chain_update(base).finalize().into_bytes());
        headers.push(("signature-input", format!("sig1={input}")));
        headers.push(("signature", format!("sig1={signature}")));
        let head: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        format!(
            "{} {} HTTP/1.1\r\n{}\r\n{}",
            self.method,
            self.path,
            head.concat(),
            self.body
        )
    }

    fn send(&self, gateway: &Gateway) -> Answer {
        exchange(gateway.address, &self.request())
    }
}

fn bytes(of: &[u8]) -> String {
    ItemSerializer::new().bare_item(of).finish()
}

fn nonce() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("nonce-for-tests-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

fn signing(secrets: &Value) -> Value {
    let mut answer = flow(&[]);
    answer["flow"]["signing"] = json!({"secrets": secrets});
    answer
}

fn unknown() -> Value {
    json!({"refusal": {"status": 401, "code": "invalid_api_key", "message": "The key is not known here.",
        "type": "invalid_request_error", "param": null, "cache_ms": 60000, "version": 2}})
}

/// A controller that knows one signing key, whose flows lead to `target`.
fn policy(target: Value) -> support::Policy {
    let known = hex(&signer_hash(KEY_ID));
    Box::new(move |question| {
        if question["key_hash"] != known {
            return unknown();
        }
        match question["endpoint"].as_str().unwrap() {
            "signer" => signing(&json!([{"value": SECRET, "until": null}])),
            "models" => {
                let mut answer = flow(&[]);
                answer["flow"]["document"] = json!({"body": "{}", "status": 200, "content_type": "application/json"});
                answer
            }
            _ if question["model"] == "absent" => json!({"refusal": {"status": 404, "code": "model_not_found",
                "message": "no", "type": "t", "param": "model", "cache_ms": 60000, "version": 2}}),
            _ => flow(std::slice::from_ref(&target)),
        }
    })
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.error_code().as_str()), (401, code), "{answer:?}");
    assert_eq!(answer.header("x-headworks-error-source"), Some("gateway"));
}

#[test]
fn a_signed_request_is_served_and_its_signature_stays_here() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock:echo")));
    let answer = Signing::chat("m").send(&gateway);
    assert_eq!(answer.status, 200, "{answer:?}");
    let seen = &answer.json()["x_mock"]["received"]["headers"];
    assert_eq!(seen["authorization"], "Bearer upstream-secret");
    for stays in ["signature", "signature-input", "content-digest"] {
        assert!(seen[stays].is_null(), "{stays}: {seen}");
    }
    assert_eq!(Signing::list().send(&gateway).status, 200);
    assert!((gateway.metric("headworks_signature_nonces") - 2.0).abs() < f64::EPSILON);
}

#[test]
fn later_requests_ask_nothing() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    assert_eq!(Signing::chat("m").send(&gateway).status, 200);
    let asked = gateway.metric("headworks_flow_misses_total");
    for _ in 0..5 {
        assert_eq!(Signing::chat("m").send(&gateway).status, 200);
    }
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
}

/// Each change is one that somebody on the way could make.
#[test]
fn what_was_changed_on_the_way_is_refused_before_anything_goes_on() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    let change = |from: &str, to: &str| {
        let request = Signing::chat("m").request();
        assert!(request.contains(from), "{from}");
        exchange(gateway.address, &request.replacen(from, to, 1))
    };
    for (from, to, code) in [
        ("chat/completions", "completions", "signature_invalid"),
        ("chat/completions", "chat/completions?beta=1", "signature_invalid"),
        ("host: gateway", "host: elsewhere", "signature_invalid"),
        ("application/json", "application/x+json", "signature_invalid"),
        ("created=", "created=9", "signature_expired"),
        ("nonce-for", "nonce-xxx", "signature_invalid"),
        (
            "content-digest: sha-256=:",
            "content-digest: sha-256=:AAAA",
            "digest_mismatch",
        ),
        (
            "connection: close",
            "connection: close\r\nx-headworks-model: other",
            "component_not_covered",
        ),
        ("\"content-digest\")", "\"date\")", "component_not_covered"),
        (
            "\"content-digest\")",
            "\"content-digest\" \"date\")",
            "component_not_covered",
        ),
        ("signature: sig1=:", "signature: sig1=:AAAA", "signature_invalid"),
        ("signature: sig1", "signature: sig2", "signature_malformed"),
        ("\"@query\"", "\"@query\" \"@status\"", "component_not_supported"),
        ("\"hi\"", "\"ho\"", "digest_mismatch"),
        ("\"model\":\"m\"", "\"model\":\"n\"", "digest_mismatch"),
    ] {
        let answer = change(from, to);
        assert_eq!(
            (answer.status, answer.error_code().as_str()),
            (401, code),
            "{from} → {to}: {answer:?}"
        );
    }
    assert!(mock.served().is_empty());
    assert!(gateway.engine.take_usage(10).unwrap().1.is_empty());
}

#[test]
fn who_cannot_sign_hears_the_same_whatever_there_is() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    let wrong_secret = Signing {
        secret: "hw_sk_another".into(),
        ..Signing::chat("m")
    };
    let wrong_id = Signing {
        key_id: "key_nobody".into(),
        ..Signing::chat("m")
    };
    let absent = Signing {
        secret: String::new(),
        ..Signing::chat("absent")
    };
    let answers: Vec<Answer> = [wrong_secret, wrong_id, absent]
        .iter()
        .map(|signing| signing.send(&gateway))
        .collect();
    for answer in &answers {
        refused(answer, "signature_invalid");
        assert_eq!(answer.body, answers[0].body);
    }
    assert_eq!(Signing::chat("absent").send(&gateway).error_code(), "model_not_found");
}

#[test]
fn a_request_is_taken_once() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    let signing = Signing::chat("m");
    assert_eq!(signing.send(&gateway).status, 200);
    refused(&signing.send(&gateway), "signature_replayed");
    let same_nonce = Signing {
        created: signing.created + 1,
        ..signing.clone()
    };
    refused(&same_nonce.send(&gateway), "signature_replayed");
    assert_eq!(mock.served().len(), 1);
}

#[test]
fn of_many_copies_at_once_one_is_served() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    let signing = Signing::chat("m");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..8).map(|_| scope.spawn(|| signing.send(&gateway).status)).collect();
        sent.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert_eq!(mock.served().len(), 1);
}

#[test]
fn a_signature_is_good_for_its_time() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    for created in [now() - 400, now() + 400, 0, now() - 100] {
        let signing = Signing {
            created,
            ..Signing::list()
        };
        refused(&signing.send(&gateway), "signature_expired");
    }
    let ahead = Signing {
        created: now() + 200,
        ..Signing::list()
    };
    assert_eq!(ahead.send(&gateway).status, 200);
}

#[test]
fn a_full_memory_refuses_rather_than_forgets() {
    let mock = Mock::start();
    let settings = json!({"signature_nonces": 8});
    let gateway = Gateway::with_settings(&settings, policy(mock.target("mock")));
    let first = Signing::list();
    assert_eq!(first.send(&gateway).status, 200);
    assert_eq!(Signing::list().send(&gateway).status, 200);
    let full = Signing::list().send(&gateway);
    assert_eq!(
        (full.status, full.error_code().as_str()),
        (503, "signature_memory_full")
    );
    assert!(full.header("retry-after").is_some());
    refused(&first.send(&gateway), "signature_replayed");
}

#[test]
fn both_secrets_of_a_rotation_sign_until_the_former_ends() {
    let mock = Mock::start();
    let target = mock.target("mock");
    let gateway = Gateway::start(Box::new(move |question| match question["endpoint"].as_str().unwrap() {
        "signer" => signing(&json!([
            {"value": "new", "until": null}, {"value": "former", "until": now() + 1000}, {"value": "ended", "until": now()},
        ])),
        _ => flow(std::slice::from_ref(&target)),
    }));
    for (secret, status) in [("new", 200), ("former", 200), ("ended", 401), ("other", 401)] {
        let signing = Signing {
            secret: secret.into(),
            ..Signing::chat("m")
        };
        assert_eq!(signing.send(&gateway).status, status, "{secret}");
    }
}

#[test]
fn a_secret_goes_with_its_flow() {
    let mock = Mock::start();
    let is_revoked = Arc::new(AtomicBool::new(false));
    let (revoked, known) = (Arc::clone(&is_revoked), policy(mock.target("mock")));
    let gateway = Gateway::start(Box::new(move |question| {
        if revoked.load(Ordering::Relaxed) {
            unknown()
        } else {
            known(question)
        }
    }));
    assert_eq!(Signing::chat("m").send(&gateway).status, 200);
    is_revoked.store(true, Ordering::Relaxed);
    gateway.engine.invalidate_key(&hex(&signer_hash(KEY_ID))).unwrap();
    assert_eq!(gateway.engine.status().flows, 0);
    refused(&Signing::chat("m").send(&gateway), "signature_invalid");
}

#[test]
fn a_key_and_a_signature_are_one_too_many() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock")));
    let bearer = ("authorization", "Bearer hw_sk_x".to_owned());
    let both = Signing {
        more: vec![bearer],
        ..Signing::chat("m")
    };
    let answer = both.send(&gateway);
    assert_eq!((answer.status, answer.error_code().as_str()), (400, "two_credentials"));
}

/// A proxy or a bot may sign for reasons of its own: such a signature is nothing to us.
#[test]
fn signatures_of_others_stand_in_nobodys_way() {
    let mock = Mock::start();
    let target = mock.target("mock");
    let gateway = Gateway::to(vec![target]);
    let body = json!({"model": "m", "messages": []}).to_string();
    let theirs =
        "connection: close\r\nsignature-input: bot=(\"@authority\");keyid=\"their-own\"\r\nsignature: bot=:AAAA:";
    let request = support::post("chat/completions", &body).replace("connection: close", theirs);
    assert_eq!(exchange(gateway.address, &request).status, 200);
    let alone = request.replace(&format!("authorization: Bearer {}\r\n", support::KEY), "");
    refused(&exchange(gateway.address, &alone), "signature_malformed");
}

#[test]
fn bodies_that_would_stream_are_read_and_compared_first() {
    let mock = Mock::start();
    let gateway = Gateway::start(policy(mock.target("mock:echo")));
    let form = "--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\nRIFF\r\n--b\r\n\
        content-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--\r\n";
    let upload = Signing {
        path: "/v1/audio/transcriptions",
        content_type: "multipart/form-data; boundary=b",
        body: form.into(),
        ..Signing::chat("m")
    };
    let answer = upload.send(&gateway);
    assert_eq!(answer.status, 200, "{answer:?}");
    let parts = answer.json()["x_mock"]["received"]["body"].clone();
    assert_eq!(parts[1]["text"], "mock:echo", "the model was put in: {parts}");
    let opaque = Signing {
        path: "/v1/files?purpose=batch",
        content_type: "application/octet-stream",
        body: "x".repeat(200_000),
        ..Signing::chat("m")
    };
    let passed = opaque.send(&gateway);
    assert_eq!(
        passed.header("x-headworks-error-source"),
        Some("upstream"),
        "it got there: {passed:?}"
    );
    let before = mock.served().len();
    for (whole, from, to) in [(&upload, "RIFF", "RIFX"), (&opaque, "xxxx", "yyyy")] {
        let again = Signing {
            nonce: nonce(),
            ..whole.clone()
        };
        refused(
            &exchange(gateway.address, &again.request().replacen(from, to, 1)),
            "digest_mismatch",
        );
    }
    assert_eq!(mock.served().len(), before, "nothing of them went on");
    let too_long = Signing {
        path: "/v1/files",
        content_type: "application/octet-stream",
        body: "x".repeat(1_048_577),
        ..Signing::chat("m")
    };
    assert_eq!(too_long.send(&gateway).error_code(), "request_too_large");
}

#[test]
fn those_who_guess_are_throttled_and_the_signer_beside_them_is_not() {
    let mock = Mock::start();
    let settings = json!({"unknown_key_rate": 0.001, "unknown_key_burst": 3, "unknown_key_loopback": true});
    let gateway = Gateway::with_settings(&settings, policy(mock.target("mock")));
    assert_eq!(Signing::chat("m").send(&gateway).status, 200);
    let guess = |number: usize| {
        let signing = Signing {
            secret: format!("guess-{number}"),
            ..Signing::chat(&format!("model-{number}"))
        };
        signing.send(&gateway)
    };
    for number in 0..3 {
        refused(&guess(number), "signature_invalid");
    }
    let asked = gateway.metric("headworks_flow_misses_total");
    for number in 0..10 {
        assert_eq!(guess(number).error_code(), "too_many_unknown_keys");
    }
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
    assert_eq!(Signing::chat("m").send(&gateway).status, 200);
    gateway.engine.resolver().table.invalidate_all();
    assert_eq!(
        Signing::chat("m").send(&gateway).status,
        200,
        "after every flow was forgotten"
    );
}

#[test]
fn unknown_signers_cost_tries_and_then_no_look_up() {
    let mock = Mock::start();
    let settings = json!({"unknown_key_rate": 0.001, "unknown_key_burst": 3, "unknown_key_loopback": true});
    let gateway = Gateway::with_settings(&settings, policy(mock.target("mock")));
    let stranger = |number: usize| {
        let signing = Signing {
            key_id: format!("key_{number}"),
            ..Signing::chat("m")
        };
        signing.send(&gateway)
    };
    for number in 0..3 {
        refused(&stranger(number), "signature_invalid");
    }
    let asked = gateway.metric("headworks_flow_misses_total");
    for number in 0..10 {
        assert_eq!(stranger(number).error_code(), "too_many_unknown_keys");
    }
    assert!((gateway.metric("headworks_flow_misses_total") - asked).abs() < f64::EPSILON);
}

#[test]
fn behind_a_believed_proxy_the_address_is_the_one_that_was_signed() {
    let mock = Mock::start();
    let request = Signing::list().request();
    let behind = request.replace("connection: close", "connection: close\r\nx-forwarded-proto: https");
    let gateway = Gateway::start(policy(mock.target("mock")));
    assert_eq!(exchange(gateway.address, &behind).status, 200, "nobody is believed");
    let settings = json!({"trusted_proxies": ["127.0.0.0/8"]});
    let gateway = Gateway::with_settings(&settings, policy(mock.target("mock")));
    refused(&exchange(gateway.address, &behind), "signature_invalid");
    assert_eq!(exchange(gateway.address, &request).status, 200);
}
