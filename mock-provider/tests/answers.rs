//! Every endpoint answers in OpenAI's shape, the same each time, with usage that adds up.

mod support;

use mock_provider::Options;
use serde_json::{Value, json};
use support::{Server, chat};

#[tokio::test]
async fn the_same_request_gets_the_same_bytes() {
    let server = Server::start().await;
    let first = server.chat("tokens=20", false).await;
    let second = server.chat("tokens=20", false).await;
    assert_eq!(
        (first.status, &first.head, &first.body),
        (200, &second.head, &second.body)
    );
    assert_ne!(server.chat("tokens=21", false).await.json()["id"], first.json()["id"]);
}

#[tokio::test]
async fn chat_counts_its_tokens() {
    let server = Server::start().await;
    let body = server.chat("tokens=20,cached=2,reasoning=5", false).await.json();
    let words = body["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .split(' ')
        .count();
    assert_eq!(words, 20);
    let usage = &body["usage"];
    assert_eq!(
        (
            &usage["prompt_tokens"],
            &usage["completion_tokens"],
            &usage["total_tokens"]
        ),
        (&json!(4), &json!(25), &json!(29))
    );
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 2);
    assert_eq!(usage["completion_tokens_details"]["reasoning_tokens"], 5);
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_limit_of_tokens_holds() {
    let server = Server::start().await;
    for name in ["max_tokens", "max_completion_tokens"] {
        let mut body = chat("tokens=20", false);
        body[name] = json!(3);
        let answer = server.post("/v1/chat/completions", &body).await.json();
        assert_eq!(answer["usage"]["completion_tokens"], 3);
        assert_eq!(answer["choices"][0]["finish_reason"], "length");
    }
}

#[tokio::test]
async fn choices_and_log_probabilities_are_given() {
    let server = Server::start().await;
    let mut body = chat("tokens=3", false);
    body["n"] = json!(2);
    body["logprobs"] = json!(true);
    body["top_logprobs"] = json!(2);
    let answer = server.post("/v1/chat/completions", &body).await.json();
    assert_eq!(answer["choices"].as_array().unwrap().len(), 2);
    assert_ne!(answer["choices"][0]["message"], answer["choices"][1]["message"]);
    assert_eq!(answer["usage"]["completion_tokens"], 6);
    let tokens = answer["choices"][1]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(
        (tokens.len(), tokens[0]["top_logprobs"].as_array().unwrap().len()),
        (3, 2)
    );
}

#[tokio::test]
async fn a_named_tool_is_called_and_a_result_is_answered() {
    let server = Server::start().await;
    let parameters = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "parameters": parameters}}]);
    let asked = json!({"role": "user", "content": "get_weather please"});
    let body = json!({"model": "mock", "tools": tools, "messages": [asked]});
    let answer = server.post("/v1/chat/completions", &body).await.json();
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let call = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(
        (call["name"].as_str(), call["arguments"].as_str()),
        (Some("get_weather"), Some(r#"{"city":"example"}"#))
    );

    let result = json!({"role": "tool", "tool_call_id": "x", "content": "sun"});
    let body = json!({"model": "mock", "tools": tools, "messages": [asked, choice["message"], result]});
    let answer = server.post("/v1/chat/completions", &body).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_schema_is_filled() {
    let server = Server::start().await;
    let schema = json!({"type": "object", "properties": {"answer": {"type": "integer"}}});
    for format in [
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}),
        json!({"type": "json_object"}),
    ] {
        let mut body = chat("", false);
        body["response_format"] = format;
        let answer = server.post("/v1/chat/completions", &body).await.json();
        let content: Value =
            serde_json::from_str(answer["choices"][0]["message"]["content"].as_str().unwrap()).unwrap();
        assert!(content.get("answer").is_some(), "{content}");
    }
}

#[tokio::test]
async fn a_size_is_exact() {
    let server = Server::start().await;
    for size in [1_024, 32_768, 262_144] {
        let answer = server.chat(&format!("size={size}"), false).await;
        assert_eq!(answer.body.len(), size);
        assert!(answer.json()["usage"]["completion_tokens"].as_u64().unwrap() > 50);
    }
}

#[tokio::test]
async fn the_demo_repeats_and_says_what_it_is() {
    let server = Server::with(Options::demo()).await;
    let body = json!({"model": "echo", "messages": [{"role": "user", "content": "old"}, {"role": "user", "content": [{"type": "text", "text": "good day"}]}]});
    let answer = server
        .post_with("/v1/chat/completions", "x-mock: status=500\r\n", &body)
        .await
        .json();
    let text = "This is Headworks' built-in demo model; it repeats what you say: good day";
    assert_eq!(answer["choices"][0]["message"]["content"], text);
    assert_eq!(server.get("/mock/stats").await.status, 404);
}

#[tokio::test]
async fn what_arrived_is_shown() {
    let server = Server::start().await;
    let body = json!({"model": "mock:echo", "messages": [], "metadata": {"team": "a"}, "brand_new": [1]});
    let received = server
        .post_with("/v1/chat/completions", "X-Custom: 1\r\nX-Custom: 2\r\n", &body)
        .await
        .json();
    let received = &received["x_mock"]["received"];
    assert_eq!(received["body"], body);
    assert_eq!(received["headers"]["x-custom"], "1, 2");
    assert_eq!(received["target"], "/v1/chat/completions");
}

#[tokio::test]
async fn text_completions_answer_each_prompt() {
    let server = Server::start().await;
    let body = json!({"model": "mock:tokens=2", "prompt": ["a", "b"], "n": 2, "logprobs": 1});
    let answer = server.post("/v1/completions", &body).await.json();
    assert_eq!(answer["object"], "text_completion");
    assert_eq!(answer["choices"].as_array().unwrap().len(), 4);
    assert_eq!(answer["choices"][3]["logprobs"]["tokens"].as_array().unwrap().len(), 2);
    assert_eq!(answer["usage"]["prompt_tokens"], 2);
}

#[tokio::test]
async fn embeddings_are_unit_vectors_in_both_codings() {
    let server = Server::start().await;
    let plain = json!({"model": "mock", "input": ["a", "b"], "dimensions": 4});
    let answer = server.post("/v1/embeddings", &plain).await.json();
    let vector: Vec<f64> = answer["data"][1]["embedding"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect();
    assert!((vector.iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-5);
    assert_eq!(answer["usage"], json!({"prompt_tokens": 2, "total_tokens": 2}));

    let coded = json!({"model": "mock", "input": "a", "dimensions": 4, "encoding_format": "base64"});
    let answer = server.post("/v1/embeddings", &coded).await.json();
    assert_eq!(answer["data"][0]["embedding"].as_str().unwrap().len(), 24);
}

#[tokio::test]
async fn the_smaller_endpoints_answer() {
    let server = Server::start().await;
    let flagged = server
        .post("/v1/moderations", &json!({"input": ["fine", "flag-me"]}))
        .await
        .json();
    assert_eq!(
        (&flagged["results"][0]["flagged"], &flagged["results"][1]["flagged"]),
        (&json!(false), &json!(true))
    );

    let image = server
        .post(
            "/v1/images/generations",
            &json!({"model": "mock", "prompt": "a dam", "n": 2}),
        )
        .await
        .json();
    assert_eq!(image["data"].as_array().unwrap().len(), 2);
    assert_eq!(image["usage"]["output_tokens"], 544);

    let speech = server
        .post(
            "/v1/audio/speech",
            &json!({"model": "mock", "input": "hello you", "voice": "v"}),
        )
        .await;
    assert_eq!(
        (speech.header("content-type"), speech.body.len()),
        (Some("audio/mpeg"), 3 * 512)
    );

    let documents = json!(["a", "b", "c"]);
    let body = json!({"model": "mock", "query": "q", "documents": documents, "top_n": 2, "return_documents": true});
    let ranked = server.post("/v1/rerank", &body).await.json();
    let results = ranked["results"].as_array().unwrap();
    assert!(results[0]["relevance_score"].as_f64() >= results[1]["relevance_score"].as_f64());
    assert_eq!(
        results[0]["document"]["text"],
        documents[usize::try_from(results[0]["index"].as_u64().unwrap()).unwrap()]
    );
}

#[tokio::test]
async fn a_transcription_reads_a_form() {
    let server = Server::start().await;
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n0123456789\r\n--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--B--\r\n";
    let request = format!(
        "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: m\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\nx-mock: echo\r\n\r\n{form}",
        form.len()
    );
    let answer = server.raw(request.as_bytes()).await.json();
    assert_eq!(answer["usage"], json!({"type": "duration", "seconds": 1}));
    assert_eq!(answer["x_mock"]["received"]["body"][0]["bytes"], 10);
}

#[tokio::test]
async fn models_are_listed() {
    let models = vec!["a/b:c".to_owned(), "d".to_owned()];
    let server = Server::with(Options {
        models,
        ..Options::default()
    })
    .await;
    let list = server.get("/v1/models").await.json();
    assert_eq!((&list["object"], &list["data"][1]["id"]), (&json!("list"), &json!("d")));
    assert_eq!(server.get("/v1/models/a%2Fb:c").await.json()["id"], "a/b:c");
    assert_eq!(
        server.get("/v1/models/nope").await.json()["error"]["code"],
        "model_not_found"
    );
}

#[tokio::test]
async fn wrong_requests_are_refused_in_openais_shape() {
    let server = Server::with(Options {
        api_key: Some("secret".to_owned()),
        ..Options::default()
    })
    .await;
    let key = "Authorization: Bearer secret\r\n";
    let path = "/v1/chat/completions";
    let unauthorized = server.post(path, &json!({"model": "mock", "messages": []})).await;
    assert_eq!(
        (unauthorized.status, &unauthorized.json()["error"]["code"]),
        (401, &json!("invalid_api_key"))
    );
    for (path, body, status, param) in [
        ("/v1/nope", json!({}), 404, Value::Null),
        (path, json!({"messages": []}), 400, json!("model")),
        (path, json!({"model": 1, "messages": []}), 400, json!("model")),
        (path, json!({"model": "mock"}), 400, json!("messages")),
        (
            path,
            json!({"model": "mock:nope=1", "messages": []}),
            400,
            json!("model"),
        ),
        (path, json!([]), 400, Value::Null),
    ] {
        let answer = server.post_with(path, key, &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (status, &param),
            "{body}"
        );
    }
}
