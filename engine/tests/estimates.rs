//! What is recorded where the upstream does not say what it used, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use headworks_engine::meter::estimate::Encoding;
use serde_json::{Value, json};
use support::{Answer, Gateway, Mock, Stored, exchange, post};

fn chat(stream: bool) -> Value {
    json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]})
}

/// The mock takes what it is to do from a header too, so that the model can have a name of this world.
fn ask(gateway: &Gateway, body: &Value, knobs: &str) -> (Answer, Stored) {
    let request = post("chat/completions", &body.to_string());
    let request = request.replacen("\r\n\r\n", &format!("\r\nx-mock: {knobs}\r\n\r\n"), 1);
    let answer = exchange(gateway.address, &request);
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut records = gateway.records(1);
    (answer, records.remove(0))
}

#[test]
fn a_whole_answer_is_counted_as_its_model_counts() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("gpt-4o")]);
    for (knobs, flags) in [
        ("tokens=40,no_usage", "counted:o200k"),
        ("tokens=40,usage=negative", "negative,counted:o200k"),
    ] {
        let (answer, record) = ask(&gateway, &chat(false), knobs);
        let text = answer.json()["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .to_owned();
        // As OpenAI counts a message of one word: the word, the role, three around the message, three before the answer.
        assert_eq!(record.input, 8);
        assert_eq!(record.output, Encoding::O200k.count(&text));
        assert_eq!((record.source.as_str(), record.flags.as_str()), ("estimated", flags));
    }
}

#[test]
fn a_deployment_teaches_what_its_tokens_are() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("any")]);
    let (_, before) = ask(&gateway, &chat(true), "tokens=100,no_usage");
    assert_eq!(
        (before.source.as_str(), before.flags.as_str()),
        ("estimated", "counted:bytes")
    );
    let (_, lesson) = ask(&gateway, &chat(true), "tokens=5000");
    assert_eq!(
        (lesson.source.as_str(), lesson.flags.as_str(), lesson.output),
        ("provider", "", 5_000)
    );
    let (_, after) = ask(&gateway, &chat(true), "tokens=100,no_usage");
    assert_eq!(
        (after.source.as_str(), after.flags.as_str()),
        ("estimated", "counted:calibrated")
    );
    let off = after.output.abs_diff(100);
    assert!(off <= 10, "{} of 100, by bytes it was {}", after.output, before.output);
    // Nobody told what a whole answer was: neither its bytes were learnt from, nor are they guessed at in another way.
    let (_, whole) = ask(&gateway, &chat(false), "tokens=100,no_usage");
    assert_eq!(whole.flags, "counted:calibrated");
}

#[test]
fn what_is_told_is_not_remarked_on() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("gpt-4o")]);
    for stream in [true, false] {
        let (_, record) = ask(&gateway, &chat(stream), "tokens=12");
        assert_eq!(
            (record.source.as_str(), record.flags.as_str(), record.output),
            ("provider", "", 12)
        );
    }
}
