//! What was served is on record, whole and interrupted.

mod support;

use std::io::Read as _;

use mock_provider::Options;
use serde_json::{Value, json};
use support::{Server, chat, request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const PATH: &str = "/v1/chat/completions";

#[tokio::test]
async fn each_request_leaves_one_record_with_honest_counts() {
    let server = Server::start().await;
    server
        .post_with(PATH, "x-request-id: one\r\n", &chat("tokens=7,usage=contradict", false))
        .await;
    server
        .post_with(PATH, "x-request-id: two\r\n", &chat("tokens=7,reasoning=2", true))
        .await;
    server
        .post_with(PATH, "x-request-id: three\r\n", &chat("tokens=7,truncate=3", true))
        .await;
    server
        .post_with(PATH, "x-request-id: four\r\n", &chat("status=500", true))
        .await;
    let rows: Vec<Value> = server
        .records()
        .await
        .into_iter()
        .map(|record| {
            json!([
                record["sequence"],
                record["request_id"],
                record["status"],
                record["stream"],
                record["tokens"]["output"],
                record["produced"],
                record["delivered"],
                record["outcome"]
            ])
        })
        .collect();
    assert_eq!(
        rows,
        [
            json!([1, "one", 200, false, 7, 7, 7, "complete"]),
            json!([2, "two", 200, true, 9, 9, 9, "complete"]),
            json!([3, "three", 200, true, 7, 3, 3, "cut"]),
            json!([4, "four", 500, false, 0, 0, 0, "complete"]),
        ]
    );
    let after = server.get("/mock/requests?after=2&limit=1").await.text();
    assert_eq!(after.lines().count(), 1);
    assert!(after.contains("\"three\""));
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed() {
    let server = Server::start().await;
    let mut stream = server.connect().await;
    stream
        .write_all(&request(
            PATH,
            "",
            chat("tokens=100000,rate=200", true).to_string().as_bytes(),
        ))
        .await
        .unwrap();
    let mut some = [0; 2_000];
    stream.read_exact(&mut some).await.unwrap();
    assert_eq!(server.stats().await["open_requests"], 1);
    drop(stream);
    let record = server.records_when(1).await.remove(0);
    assert_eq!(record["outcome"], "client_left");
    let (delivered, produced) = (
        record["delivered"].as_u64().unwrap(),
        record["produced"].as_u64().unwrap(),
    );
    assert!(0 < delivered && delivered <= produced && produced < 100_000);
    assert!(record["ended_us"].as_u64() >= record["last_write_us"].as_u64());
    assert_eq!(server.stats().await["open_requests"], 0);
}

#[tokio::test]
async fn the_log_is_written_line_by_line() {
    let mut file = tempfile::tempfile().unwrap();
    let log = Some(file.try_clone().unwrap());
    let server = Server::with(Options {
        log,
        records: 1,
        ..Options::default()
    })
    .await;
    for _ in 0..3 {
        server.chat("", false).await;
    }
    std::io::Seek::rewind(&mut file).unwrap();
    let mut text = String::new();
    file.read_to_string(&mut text).unwrap();
    let sequences: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].clone())
        .collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(server.records().await.len(), 1);
}

#[tokio::test]
async fn a_reset_forgets() {
    let server = Server::start().await;
    server.chat("", false).await;
    server.post("/mock/reset", &json!({})).await;
    assert!(server.records().await.is_empty());
    assert_eq!(server.stats().await["requests"], 0);
}
