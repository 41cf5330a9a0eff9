//! A mock on a free port, and a client that sees every byte of the answer.

#![allow(dead_code, reason = "each test file is a crate of its own and uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a helper of tests may fail loudly")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mock_provider::{Mock, Options, serve};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A mock that serves until the test ends.
pub struct Server {
    pub address: SocketAddr,
}

/// An answer, its body taken out of chunks.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// As it came.
    pub raw_body: Vec<u8>,
    /// How reading ended, where it was not by an orderly close.
    pub error: Option<std::io::ErrorKind>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn with(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(Mock::new(options))));
        Self { address }
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes, reads until the server closes.
    pub async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await;
        Answer::parse(&bytes, end.err().map(|error| error.kind()))
    }

    pub async fn get(&self, target: &str) -> Answer {
        self.raw(format!("GET {target} HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n\r\n").as_bytes())
            .await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, "", body).await
    }

    /// `headers` are whole lines.
    pub async fn post_with(&self, path: &str, headers: &str, body: &Value) -> Answer {
        self.raw(&request(
            path,
            &format!("Connection: close\r\n{headers}"),
            body.to_string().as_bytes(),
        ))
        .await
    }

    /// A chat with one message, of a model with these knobs.
    pub async fn chat(&self, knobs: &str, stream: bool) -> Answer {
        self.post("/v1/chat/completions", &chat(knobs, stream)).await
    }

    pub async fn stats(&self) -> Value {
        self.get("/mock/stats").await.json()
    }

    pub async fn records(&self) -> Vec<Value> {
        let lines = self.get("/mock/requests").await.text();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits until so many records are there; fails after some seconds.
    pub async fn records_when(&self, count: usize) -> Vec<Value> {
        for _ in 0..500 {
            let records = self.records().await;
            if records.len() >= count {
                return records;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.records().await
    }
}

/// The body of such a chat.
pub fn chat(knobs: &str, stream: bool) -> Value {
    serde_json::json!({"model": format!("mock:{knobs}"), "stream": stream, "messages": [{"role": "user", "content": "hello there"}]})
}

/// A POST as bytes.
pub fn request(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: mock\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

impl Answer {
    fn parse(bytes: &[u8], error: Option<std::io::ErrorKind>) -> Self {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Self {
                status: 0,
                head: String::new(),
                body: Vec::new(),
                raw_body: bytes.to_vec(),
                error,
            };
        };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let raw_body = bytes[end + 4..].to_vec();
        let is_chunked = head.contains("transfer-encoding: chunked");
        let body = if is_chunked {
            dechunk(&raw_body).concat()
        } else {
            raw_body.clone()
        };
        Self {
            status: head[9..12].parse().unwrap(),
            head,
            body,
            raw_body,
            error,
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether HTTP's own end of a chunked body came.
    pub fn is_ended(&self) -> bool {
        self.raw_body.ends_with(b"0\r\n\r\n")
    }

    pub fn chunks(&self) -> Vec<Vec<u8>> {
        dechunk(&self.raw_body)
    }

    /// The data of the stream's events, `[DONE]` included.
    pub fn data(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter_map(|line| line.strip_prefix("data: ").map(str::to_owned))
            .collect()
    }

    /// The JSON events of the stream.
    pub fn events(&self) -> Vec<Value> {
        self.data()
            .iter()
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }
}

fn dechunk(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        chunks.push(bytes[end + 2..end + 2 + size].to_vec());
        bytes = &bytes[end + 2 + size + 2..];
    }
    chunks
}
