//! HTTP itself: keep-alive, pipelining, chunked uploads, what smells of smuggling, and HTTP/2.

mod support;

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mock_provider::{Mock, Options, serve_connection};
use support::{Server, chat, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const PATH: &str = "/v1/chat/completions";

#[tokio::test]
async fn one_connection_serves_many_requests_even_pipelined() {
    let server = Server::start().await;
    let body = chat("tokens=2", true).to_string();
    let one = request(PATH, "", body.as_bytes());
    let last = request(PATH, "Connection: close\r\n", body.as_bytes());
    let answer = server.raw(&[one.clone(), one, last].concat()).await;
    assert_eq!(String::from_utf8_lossy(&answer.raw_body).matches("[DONE]").count(), 3);
    assert_eq!(server.stats().await["requests"], 3);
}

#[tokio::test]
async fn a_chunked_upload_is_read() {
    let server = Server::start().await;
    let body = chat("echo", false).to_string();
    let (first, second) = body.split_at(10);
    let wire = format!(
        "POST {PATH} HTTP/1.1\r\nHost: m\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\na\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n",
        second.len()
    );
    let answer = server.raw(wire.as_bytes()).await.json();
    assert_eq!(answer["x_mock"]["received"]["body"], chat("echo", false));
}

#[tokio::test]
async fn a_caller_that_waits_for_a_go_ahead_gets_it() {
    let server = Server::start().await;
    let body = chat("", false).to_string();
    let wire = request(PATH, "Connection: close\r\nExpect: 100-continue\r\n", body.as_bytes());
    let mut stream = server.connect().await;
    stream.write_all(&wire[..wire.len() - body.len()]).await.unwrap();
    let mut go_ahead = [0; 25];
    stream.read_exact(&mut go_ahead).await.unwrap();
    assert_eq!(&go_ahead, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn ambiguous_requests_are_refused_and_counted() {
    let server = Server::start().await;
    for head in [
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: xchunked\r\n",
    ] {
        let answer = server
            .raw(format!("POST {PATH} HTTP/1.1\r\nHost: m\r\n{head}\r\nx").as_bytes())
            .await;
        assert_eq!(answer.status, 400, "{head}");
    }
    let stats = server.stats().await;
    assert_eq!((&stats["protocol_errors"], &stats["requests"]), (&4.into(), &0.into()));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_unread() {
    let server = Server::with(Options {
        body_limit: 100,
        ..Options::default()
    })
    .await;
    let answer = server
        .raw(format!("POST {PATH} HTTP/1.1\r\nHost: m\r\nContent-Length: 101\r\n\r\n").as_bytes())
        .await;
    assert_eq!(answer.status, 413);
}

#[tokio::test]
async fn http2_gets_the_same_answers() {
    let server = Server::start().await;
    let stream = server.connect().await;
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    for stream in [false, true] {
        let body = Full::new(Bytes::from(chat("tokens=3", stream).to_string()));
        let request = http::Request::post(format!("http://mock{PATH}"))
            .header("x-request-id", "two")
            .body(body)
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, server.chat("tokens=3", stream).await.body);
    }
    let ids: Vec<_> = server
        .records()
        .await
        .iter()
        .map(|record| record["request_id"].clone())
        .collect();
    assert_eq!(ids.iter().filter(|id| *id == "two").count(), 2);

    let body = Full::new(Bytes::from(chat("drop_after=1", true).to_string()));
    let request = http::Request::post(format!("http://mock{PATH}")).body(body).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_connection_in_memory_is_served() {
    let (mut near, far) = tokio::io::duplex(4_096);
    tokio::spawn(serve_connection(far, Arc::new(Mock::new(Options::demo()))));
    let body = serde_json::json!({"model": "echo", "messages": [{"role": "user", "content": "hi"}]}).to_string();
    near.write_all(&request(PATH, "Connection: close\r\n", body.as_bytes()))
        .await
        .unwrap();
    let mut answer = String::new();
    near.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("it repeats what you say: hi"));
}
