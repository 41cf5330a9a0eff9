//! What is recorded where the upstream does not say what it used, over real sockets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use headworks_engine::meter::estimate::Encoding;
use serde_json::{Value, json};
use support::{Answer, Gateway, Mock, Stored, exchange, post, target};

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

/// Reads a stream as far as `events` of its events, and leaves.
fn leave_after(gateway: &Gateway, knobs: &str, events: usize) -> (String, Stored) {
    let request = post("chat/completions", &chat(true).to_string());
    let request = request.replacen("\r\n\r\n", &format!("\r\nx-mock: {knobs}\r\n\r\n"), 1);
    let mut socket = TcpStream::connect(gateway.address).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let (mut read, mut buffer) = (String::new(), [0; 4096]);
    while read.matches("data: ").count() < events {
        let length = socket.read(&mut buffer).unwrap();
        assert!(length > 0, "{read}");
        read.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
    }
    drop(socket);
    (read, gateway.records(1).remove(0))
}

fn text_of(stream: &str) -> String {
    stream
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line.strip_prefix("data: ")?).ok())
        .filter_map(|event| Some(event["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn a_stream_that_tells_nothing_is_counted_as_its_model_counts() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("gpt-4o")]);
    for (knobs, flags) in [
        ("tokens=40,no_usage", "counted:o200k"),
        ("tokens=40,no_usage,split=3", "counted:o200k"),
        ("tokens=40,usage=negative", "negative,counted:o200k"),
    ] {
        let (answer, record) = ask(&gateway, &chat(true), knobs);
        let expected = Encoding::O200k.count(&text_of(&answer.body));
        assert!(expected > 30, "{answer:?}");
        assert_eq!((record.input, record.output), (8, expected), "{knobs}");
        assert_eq!((record.source.as_str(), record.flags.as_str()), ("estimated", flags));
    }
    let unknown = Gateway::to(vec![mock.target("nobody-knows")]);
    let (_, record) = ask(&unknown, &chat(true), "tokens=40,no_usage");
    assert_eq!(record.flags, "counted:bytes");
}

#[test]
fn who_leaves_pays_for_what_the_tokenizer_counts() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("gpt-4o")]);
    let (read, record) = leave_after(&gateway, "tokens=400,rate=200", 30);
    let delivered = Encoding::O200k.count(&text_of(&read));
    assert_eq!(
        (record.outcome.as_str(), record.flags.as_str()),
        ("cancelled", "counted:o200k")
    );
    let served = mock.served();
    let produced = usize::try_from(served[0]["produced"].as_u64().unwrap()).unwrap();
    // The same words come each time, one in each event; by the tokenizer some are more than one.
    let (whole, _) = ask(&gateway, &chat(true), "tokens=400");
    let text = text_of(&whole.body);
    let produced: Vec<&str> = text.split_inclusive(' ').take(produced + 1).collect();
    let produced = Encoding::O200k.count(&produced.concat());
    assert!(
        delivered > 20 && delivered <= record.output,
        "{delivered} of {record:?}"
    );
    assert!(record.output <= produced, "{produced} of {record:?}");
}

#[test]
fn a_provider_that_counts_twice_what_it_sent_is_found_out() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("gpt-4o")]);
    for stream in [true, false] {
        let (_, honest) = ask(&gateway, &chat(stream), "tokens=400");
        assert_eq!((honest.output, honest.flags.as_str()), (400, ""));
        let (_, record) = ask(&gateway, &chat(stream), "tokens=400,usage=contradict");
        assert_eq!(
            (record.source.as_str(), record.output),
            ("provider", 800),
            "what it says is charged"
        );
        let flags: Vec<&str> = record.flags.split(',').collect();
        let delivered: u64 = flags[0].strip_prefix("contradicts:").unwrap().parse().unwrap();
        assert!(delivered.abs_diff(400) < 20, "{record:?}");
        assert_eq!(flags[1], "counted:o200k");
    }
    assert!(gateway.metric("headworks_usage_contradictions_total{provider=") >= 2.0);
}

#[test]
fn a_deployment_that_begins_to_lie_is_found_out_by_what_it_taught() {
    let mock = Mock::start();
    let gateway = Gateway::to(vec![mock.target("any")]);
    let contradict = "tokens=400,usage=contradict";
    let (_, before) = ask(&gateway, &chat(true), contradict);
    assert_eq!(before.flags, "", "nothing is known, and bytes may have a token each");
    for _ in 0..24 {
        let (_, honest) = ask(&gateway, &chat(true), "tokens=400");
        assert_eq!(honest.flags, "");
    }
    let (_, record) = ask(&gateway, &chat(true), contradict);
    assert_eq!((record.source.as_str(), record.output), ("provider", 800));
    let (delivered, by) = record.flags.split_once(',').unwrap();
    let delivered: u64 = delivered.strip_prefix("contradicts:").unwrap().parse().unwrap();
    assert!(delivered.abs_diff(400) < 80, "{record:?}");
    assert_eq!(by, "counted:calibrated");
}

#[test]
fn what_need_not_be_shown_contradicts_nothing() {
    let mock = Mock::start();
    let tools = json!({"model": "m", "stream": true, "messages": [{"role": "user", "content": "Hello"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": "required"});
    for model in ["gpt-4o", "any"] {
        let gateway = Gateway::to(vec![mock.target(model)]);
        for (body, knobs) in [
            (chat(true), "tokens=50,reasoning=5000"),
            (chat(false), "tokens=50,reasoning=5000"),
            (chat(true), "tokens=9,usage=contradict"),
            (chat(false), "tokens=9,usage=contradict"),
            (tools.clone(), "tokens=100,usage=contradict"),
            (chat(true), "tokens=400,usage=every"),
            (chat(true), "tokens=400,usage=inline"),
        ] {
            let (_, record) = ask(&gateway, &body, knobs);
            assert_eq!(
                (record.source.as_str(), record.flags.contains("contradicts")),
                ("provider", false),
                "{knobs}: {record:?}"
            );
        }
    }
}

/// An upstream that answers every connection with the same bytes, and closes it.
fn speaks(media_type: &str, body: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\nconnection: close\r\n\r\n{body}");
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            let mut request = [0; 4096];
            // What is asked lies in one packet.
            let _ = socket.read(&mut request);
            let _ = socket.write_all(answer.as_bytes());
        }
    });
    address
}

#[test]
fn dialects_that_pass_through_tell_their_usage() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams");
    for (name, path) in [
        ("anthropic-messages-cached", "messages"),
        ("gemini-generate-content-events", "generate"),
        ("gemini-generate-content-array", "generate"),
        ("ollama-chat-lines", "chat"),
        ("ollama-chat", "chat"),
    ] {
        let golden = std::fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let golden: Value = serde_json::from_str(&golden).unwrap();
        let media_type = match golden["form"].as_str().unwrap() {
            "events" => "text/event-stream",
            "lines" => "application/x-ndjson",
            _ => "application/json; charset=utf-8",
        };
        let body = golden["body"].as_str().unwrap();
        let upstream = speaks(media_type, body);
        let gateway = Gateway::to(vec![target(&format!("http://{upstream}/v1"), "any")]);
        let answer = exchange(gateway.address, &post(path, &chat(true).to_string()));
        assert_eq!((answer.status, answer.body.as_str()), (200, body), "{name}");
        let record = gateway.records(1).remove(0);
        let expected = &golden["expected"];
        assert_eq!(
            (record.outcome.as_str(), record.source.as_str()),
            ("success", "provider"),
            "{name}"
        );
        assert_eq!(Some(record.input), expected["input"].as_u64(), "{name}");
        let reasoning = expected["reasoning"].as_u64().unwrap_or(0);
        assert_eq!(
            Some(record.output),
            expected["output"].as_u64().map(|output| output + reasoning),
            "{name}"
        );
    }
}

#[test]
fn an_anthropic_stream_that_breaks_off_is_charged_what_was_told_and_what_was_delivered() {
    let start = json!({"type": "message_start", "message": {"usage":
        {"input_tokens": 9, "cache_read_input_tokens": 4, "output_tokens": 1}}});
    let delta =
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x".repeat(41)}});
    let upstream = speaks("text/event-stream", &format!("data: {start}\n\ndata: {delta}\n\n"));
    let gateway = Gateway::to(vec![target(&format!("http://{upstream}/v1"), "any")]);
    let answer = exchange(gateway.address, &post("messages", &chat(true).to_string()));
    assert!(answer.body.contains("upstream_truncated"), "{answer:?}");
    let record = gateway.records(1).remove(0);
    assert_eq!(
        (record.source.as_str(), record.flags.as_str()),
        ("partial", "counted:bytes")
    );
    assert_eq!((record.input, record.output), (9, 11));
}
