//! Streams: OpenAI's events in their order, at the rate that was asked for, usage only where it was asked for.

mod support;

use serde_json::{Value, json};
use support::{Server, chat};

fn text_of(events: &[Value]) -> String {
    events
        .iter()
        .filter_map(|event| event["choices"][0]["delta"]["content"].as_str())
        .collect()
}

#[tokio::test]
async fn a_stream_says_what_a_whole_answer_says_and_ends() {
    let server = Server::start().await;
    let answer = server.chat("tokens=5", true).await;
    assert_eq!(answer.header("content-type"), Some("text/event-stream; charset=utf-8"));
    assert_eq!(answer.data().last().map(String::as_str), Some("[DONE]"));
    assert!(answer.is_ended());
    let events = answer.events();
    assert_eq!(text_of(&events).split(' ').count(), 5);
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "stop");
    assert!(events.iter().all(|event| event.get("usage").is_none()));
}

#[tokio::test]
async fn every_event_is_a_chunk_of_its_own() {
    let server = Server::start().await;
    let answer = server.chat("tokens=5", true).await;
    assert_eq!(answer.chunks().len(), answer.data().len());
    assert!(answer.chunks().iter().all(|chunk| chunk.ends_with(b"\n\n")));
}

#[tokio::test]
async fn usage_comes_last_where_it_is_asked_for() {
    let server = Server::start().await;
    let mut body = chat("tokens=5,reasoning=3", true);
    body["stream_options"] = json!({"include_usage": true});
    let events = server.post("/v1/chat/completions", &body).await.events();
    let (last, others) = events.split_last().unwrap();
    assert_eq!(
        (&last["choices"], &last["usage"]["completion_tokens"]),
        (&json!([]), &json!(8))
    );
    assert!(
        others
            .iter()
            .all(|event| event["usage"] == Value::Null && event.get("usage").is_some())
    );
}

#[tokio::test]
async fn usage_can_ride_inline_or_in_every_chunk() {
    let server = Server::start().await;
    let inline = server.chat("tokens=3,usage=inline", true).await.events();
    let last = inline.last().unwrap();
    assert_eq!(
        (
            &last["choices"][0]["finish_reason"],
            &last["usage"]["completion_tokens"]
        ),
        (&json!("stop"), &json!(3))
    );
    let every = server.chat("tokens=3,usage=every", true).await.events();
    let counts: Vec<u64> = every
        .iter()
        .filter_map(|event| event["usage"]["completion_tokens"].as_u64())
        .collect();
    assert_eq!(counts, [1, 2, 3]);
}

#[tokio::test]
async fn a_tool_call_comes_in_fragments() {
    let server = Server::start().await;
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]);
    let body = json!({"model": "mock", "stream": true, "tools": tools, "tool_choice": "required", "messages": []});
    let events = server.post("/v1/chat/completions", &body).await.events();
    let calls: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["delta"]["tool_calls"][0])
        .filter(|call| !call.is_null())
        .collect();
    assert_eq!(calls[0]["function"]["name"], "get_weather");
    let arguments: String = calls
        .iter()
        .filter_map(|call| call["function"]["arguments"].as_str())
        .collect();
    assert_eq!(arguments, r#"{"city":"example"}"#);
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn choices_are_interleaved() {
    let server = Server::start().await;
    let mut body = chat("tokens=2", true);
    body["n"] = json!(2);
    let events = server.post("/v1/chat/completions", &body).await.events();
    let order: Vec<u64> = events
        .iter()
        .filter_map(|event| event["choices"][0]["index"].as_u64())
        .collect();
    assert_eq!(order, [0, 1, 0, 1, 0, 1, 0, 1]);
}

#[tokio::test]
async fn responses_number_their_documented_events() {
    let server = Server::start().await;
    let body = json!({"model": "mock:tokens=2", "stream": true, "input": "hi"});
    let answer = server.post("/v1/responses", &body).await;
    let events = answer.events();
    let numbers: Vec<u64> = events
        .iter()
        .map(|event| event["sequence_number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    let names: Vec<String> = answer
        .text()
        .lines()
        .filter_map(|line| line.strip_prefix("event: ").map(str::to_owned))
        .collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(names, types);
    assert_eq!(types[0], "response.created");
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["usage"]["output_tokens"]),
        (&json!("response.completed"), &json!(2))
    );
    assert!(!answer.text().contains("[DONE]"));
}

#[tokio::test]
async fn a_response_at_its_limit_is_incomplete() {
    let server = Server::start().await;
    let body = json!({"model": "mock:tokens=9", "stream": true, "input": "hi", "max_output_tokens": 2});
    let events = server.post("/v1/responses", &body).await.events();
    let last = events.last().unwrap();
    assert_eq!(
        (&last["type"], &last["response"]["status"]),
        (&json!("response.incomplete"), &json!("incomplete"))
    );
}

#[tokio::test]
async fn text_completions_stream() {
    let server = Server::start().await;
    let body =
        json!({"model": "mock:tokens=3", "stream": true, "prompt": "a", "stream_options": {"include_usage": true}});
    let events = server.post("/v1/completions", &body).await.events();
    let text: String = events
        .iter()
        .filter_map(|event| event["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(text.split(' ').count(), 3);
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 3);
}

#[tokio::test]
async fn stamps_are_times_in_the_order_of_sending() {
    let server = Server::start().await;
    let events = server.chat("tokens=4,rate=100,stamp", true).await.events();
    let stamps: Vec<u64> = events.iter().filter_map(|event| event["x_mock_us"].as_u64()).collect();
    assert_eq!(stamps.len(), 4);
    // A rate is a lower bound of the time that the stream takes, whatever the machine is doing.
    assert!(stamps.windows(2).all(|two| two[0] < two[1]));
    assert!(stamps[3] - stamps[0] >= 20_000, "{stamps:?}");
}
