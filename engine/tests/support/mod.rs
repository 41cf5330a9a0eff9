//! A gateway, a controller and an upstream for tests, all on loopback.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "each test file uses a part of it"
)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headworks_engine::engine::Engine;
use headworks_engine::meter::decode;

pub const KEY: &str = "a-foreign-key-for-tests";

/// An upstream: the mock provider on a thread of its own.
pub struct Mock {
    pub address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Mock {
    pub fn start() -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                let mock = Arc::new(mock_provider::Mock::new(mock_provider::Options::default()));
                tokio::select! {
                    () = mock_provider::serve(listener, mock) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().unwrap(),
            stop: Some(stop),
        }
    }

    /// What the mock has served, one JSON object a line.
    pub fn served(&self) -> Vec<serde_json::Value> {
        let answer = exchange(
            self.address,
            "GET /mock/requests?limit=100000 HTTP/1.1\r\nhost: m\r\nconnection: close\r\n\r\n",
        );
        answer
            .body
            .lines()
            .filter(|line| line.starts_with('{'))
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub fn target(&self, model: &str) -> serde_json::Value {
        target(&format!("http://{}/v1", self.address), model)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

pub fn target(base_url: &str, model: &str) -> serde_json::Value {
    serde_json::json!({
        "deployment_id": "dep_1", "provider_id": "prv_1", "dialect": "openai", "base_url": base_url,
        "upstream_model": model, "credential": {"id": "cred_1", "value": "Bearer upstream-secret", "header": "authorization"},
        "weight": 1, "stream_usage": true, "private_network": true,
    })
}

pub fn flow(targets: &[serde_json::Value]) -> serde_json::Value {
    serde_json::json!({"flow": {
        "organization_id": "org_1", "project_id": "prj_1", "key_id": "key_1", "model": "m", "targets": targets, "document": null,
        "policy": {"connect_ms": 1000, "first_byte_ms": 1500, "idle_ms": 1500, "total_ms": 60000, "attempts": 3},
        "fresh_ms": 60000, "hard_ms": 60000, "revision": 1, "version": 2,
    }})
}

pub type Policy = Box<dyn Fn(&serde_json::Value) -> serde_json::Value + Send>;

/// An engine with a controller thread that answers by `policy`.
pub struct Gateway {
    pub engine: Arc<Engine>,
    pub address: SocketAddr,
    pub folder: tempfile::TempDir,
    stopping: Arc<AtomicBool>,
    controller: Option<JoinHandle<()>>,
}

impl Gateway {
    pub fn start(policy: Policy) -> Self {
        Self::with_settings(&serde_json::json!({}), policy)
    }

    pub fn with_settings(changes: &serde_json::Value, policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = serde_json::json!({
            "listen": "127.0.0.1:0", "spool_dir": folder.path(), "control_socket": null, "tls": null, "workers": 2,
            "body_limit_bytes": 1_048_576, "bodies_in_flight_bytes": 16_777_216, "header_timeout_ms": 400,
            "body_progress_ms": 400, "idle_timeout_ms": 2000, "question_timeout_ms": 2000, "flow_table_size": 1000,
            "unknown_key_rate": 1.0, "unknown_key_burst": 20, "unknown_key_loopback": false,
            "signature_window_seconds": 300, "signature_nonces": 1000,
            "spool_segment_bytes": 1_048_576, "spool_limit_bytes": 16_777_216, "spool_sync_ms": 10,
            "spool_durability": "process", "spool_when_full": "refuse", "log_level": "error", "fail_point": null,
        });
        settings
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let engine = Arc::new(Engine::new(&settings.to_string()).unwrap());
        let address = engine.start().unwrap();
        let stopping = Arc::new(AtomicBool::new(false));
        let controller = {
            let (engine, stopping) = (Arc::clone(&engine), Arc::clone(&stopping));
            std::thread::spawn(move || {
                while !stopping.load(Ordering::Relaxed) {
                    for (number, question) in engine.resolver().controller.take(100) {
                        let answer = policy(&serde_json::from_str(&question).unwrap());
                        engine.answer(number, &answer.to_string()).unwrap();
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            })
        };
        Self {
            engine,
            address,
            folder,
            stopping,
            controller: Some(controller),
        }
    }

    /// A gateway whose every model leads to `targets`.
    pub fn to(targets: Vec<serde_json::Value>) -> Self {
        Self::start(Box::new(move |_| flow(&targets)))
    }

    pub fn chat(&self, body: &serde_json::Value) -> Answer {
        self.post("chat/completions", &body.to_string())
    }

    pub fn post(&self, path: &str, body: &str) -> Answer {
        exchange(self.address, &post(path, body))
    }

    /// Usage records, waiting for at least `count` of them.
    pub fn records(&self, count: usize) -> Vec<Stored> {
        let until = Instant::now() + Duration::from_secs(10);
        let mut all = Vec::new();
        while all.len() < count && Instant::now() < until {
            let (position, records) = self.engine.take_usage(1000).unwrap();
            all.extend(records.iter().map(|stored| Stored::of(&stored.payload)));
            self.engine.confirm_usage(position).unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
        all
    }

    /// Those that are there.
    pub fn records_now(&self) -> Vec<Stored> {
        let (position, records) = self.engine.take_usage(10_000).unwrap();
        self.engine.confirm_usage(position).unwrap();
        records.iter().map(|stored| Stored::of(&stored.payload)).collect()
    }

    pub fn metric(&self, name: &str) -> f64 {
        let metrics = self.engine.metrics();
        let line = metrics
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no metric {name}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(controller) = self.controller.take() {
            let _ = controller.join();
        }
        self.engine.drain(Duration::from_millis(10));
    }
}

/// A record, owned.
#[derive(Debug)]
pub struct Stored {
    pub outcome: String,
    pub source: String,
    pub status: u16,
    pub input: u64,
    pub output: u64,
    pub attempts: u32,
    pub error_code: String,
    pub endpoint: String,
    pub upstream_model: String,
    pub user: String,
    pub tags: String,
    pub drawn: u64,
    pub budgets: String,
    pub flags: String,
}

impl Stored {
    fn of(payload: &[u8]) -> Self {
        let record = decode(payload).unwrap();
        Self {
            outcome: record.outcome.name().into(),
            source: record.source.name().into(),
            status: record.status,
            input: record.usage.input,
            output: record.usage.output + record.usage.reasoning,
            attempts: record.attempts,
            error_code: record.error_code.into(),
            endpoint: record.endpoint.into(),
            upstream_model: record.upstream_model.into(),
            user: record.payer.user.into(),
            tags: record.payer.tags.into(),
            drawn: record.payer.drawn,
            budgets: record.payer.budgets.into(),
            flags: record.flags.into(),
        }
    }
}

pub fn post(path: &str, body: &str) -> String {
    format!(
        "POST /v1/{path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn parse(raw: &[u8]) -> Self {
        let text = String::from_utf8_lossy(raw);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0);
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            unchunk(body)
        } else {
            body.to_owned()
        };
        Self {
            status,
            head: head.to_owned(),
            body,
        }
    }
}

fn unchunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 || after.len() < size {
            body.push_str(&after[..size.min(after.len())]);
            break;
        }
        body.push_str(&after[..size]);
        rest = after[size..].trim_start_matches("\r\n");
    }
    body
}

/// Sends raw bytes, and reads until the other side closes.
pub fn exchange(address: SocketAddr, request: &str) -> Answer {
    Answer::parse(&exchange_raw(address, request.as_bytes()))
}

pub fn exchange_raw(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The other side may answer and close before it has read everything.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let mut buffer = [0; 16 * 1024];
    while let Ok(read) = stream.read(&mut buffer) {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    answer
}
