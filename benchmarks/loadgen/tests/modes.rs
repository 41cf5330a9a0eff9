//! Each mode against the mock provider: what is reported is what was served.

#![allow(clippy::unwrap_used, reason = "a helper of tests may fail loudly")]

use std::net::SocketAddr;
use std::sync::Arc;

use mock_provider::{Mock, Options, serve};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A mock that serves until the test ends, and refuses requests without this key.
const KEY: &str = "k2";

async fn mock() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options {
        api_key: Some(KEY.to_owned()),
        ..Options::default()
    };
    tokio::spawn(serve(listener, Arc::new(Mock::new(options))));
    address
}

/// The report, or what the program complains about.
async fn loadgen(address: SocketAddr, words: &[&str]) -> Result<Value, String> {
    let url = format!("http://{address}/v1/chat/completions");
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["--url".to_owned(), url]);
    let run = move || {
        std::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
            .args(words)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout).unwrap());
    }
    Err(String::from_utf8(output.stderr).unwrap())
}

async fn stats(address: SocketAddr) -> Value {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /mock/stats HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    serde_json::from_str(text.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_counts_what_the_mock_counts() {
    let address = mock().await;
    let words = [
        "closed",
        "--connections",
        "3",
        "--seconds",
        "0.2",
        "--warmup",
        "0",
        "--bearer",
        KEY,
        "--body-bytes",
        "70000",
    ];
    let report = loadgen(address, &words).await.unwrap();
    assert!(report["requests"]["good"].as_u64().unwrap() > 0);
    assert_eq!(report["latency_us"]["count"], report["requests"]["good"]);
    let stats = stats(address).await;
    assert_eq!(
        (&stats["complete"], &stats["peak_connections"]),
        (&report["good_in_all"], &3.into())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_does_not_call_a_refusal_good() {
    let words = ["closed", "--connections", "1", "--seconds", "0.1", "--warmup", "0"];
    let report = loadgen(mock().await, &words).await.unwrap();
    assert_eq!(
        (&report["requests"]["good"], &report["latency_us"]["count"]),
        (&0.into(), &0.into())
    );
    assert!(report["requests"]["by_status"]["401"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_sends_what_arrives() {
    let words = [
        "open",
        "--rate",
        "500",
        "--seconds",
        "0.4",
        "--warmup",
        "0",
        "--bearer",
        KEY,
    ];
    let (first, second) = (
        loadgen(mock().await, &words).await.unwrap(),
        loadgen(mock().await, &words).await.unwrap(),
    );
    // The arrivals are drawn from the seed, so their number is always the same.
    assert_eq!(first["requests"]["good"], second["requests"]["good"]);
    assert!((120..280).contains(&first["requests"]["good"].as_u64().unwrap()));
    assert_eq!(first["send_slip_us"]["count"], first["latency_us"]["count"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_uses_every_key_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    std::fs::write(&path, format!("{KEY}\n{KEY}\nwrong\n")).unwrap();
    let report = loadgen(mock().await, &["each", "--bearers", path.to_str().unwrap()])
        .await
        .unwrap();
    assert_eq!(report["keys"], 2);
    for pass in ["first", "second"] {
        let requests = &report[pass]["requests"];
        assert_eq!((&requests["good"], &requests["non_2xx"]), (&1.into(), &1.into()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_lose_nothing_and_notice_what_is_lost() {
    let address = mock().await;
    let words = [
        "streams",
        "--connections",
        "5",
        "--ramp",
        "0",
        "--chunks",
        "20",
        "--bearer",
        KEY,
        "--model",
    ];
    let whole = loadgen(address, &[&words[..], &["mock:tokens=20,rate=500,stamp"]].concat())
        .await
        .unwrap();
    let told = |report: &Value| {
        [
            report["chunks"].clone(),
            report["lost_chunks"].clone(),
            report["whole_streams"].clone(),
        ]
    };
    assert_eq!(told(&whole), [100, 0, 5]);
    assert_eq!(whole["gap_us"]["count"], 95);
    assert_eq!(whole["one_way_us"]["count"], 100);
    let split = loadgen(address, &[&words[..], &["mock:tokens=20,stamp,split=7"]].concat())
        .await
        .unwrap();
    assert_eq!(told(&split), [100, 0, 5]);
    let cut = loadgen(address, &[&words[..], &["mock:tokens=20,stamp,truncate=15"]].concat())
        .await
        .unwrap();
    assert_eq!(told(&cut), [75, 25, 0]);
}

#[tokio::test]
async fn other_machines_are_refused() {
    let complaint = loadgen("192.0.2.1:80".parse().unwrap(), &["closed"]).await.unwrap_err();
    assert!(complaint.contains("loopback only"), "{complaint}");
}
