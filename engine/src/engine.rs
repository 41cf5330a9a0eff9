//! The engine as a whole: what starts, what is asked of it while it runs, how it stops. Python's handle is `python`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::auth::KeyHash;
use crate::fail_point;
use crate::flow::{Answer, Controller, FlowTable, Resolver};
use crate::meter::Alarm;
use crate::meter::estimate::Calibrations;
use crate::meter::{Book, encoded, settle_orphan};
use crate::serve::{Gateway, Server};
use crate::settings::{Durability, Settings};
use crate::signal::Signal;
use crate::spool::{self, Final, Orphan, Position, Spool, SpoolError};
use crate::telemetry::{Metrics, Sample, log};

/// How long the end of service waits for the ledger to take leases back; what it does not hear ends with their terms.
const RETURNING: Duration = Duration::from_secs(1);

/// Why the engine could not do what was asked, for an operator to read.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct EngineError(String);

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError(error.to_string())
}

pub struct Engine {
    settings: Settings,
    resolver: Arc<Resolver>,
    usage: Arc<Signal>,
    running: Mutex<Option<Running>>,
}

struct Running {
    // Fields drop in this order: the server's tasks live on the runtime.
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    runtime: Runtime,
}

/// What readiness and `headworks status` report.
#[derive(Debug, Serialize)]
pub struct Status {
    pub version: &'static str,
    pub running: bool,
    pub flows: usize,
    pub refusals: usize,
    pub open_streams: i64,
    pub open_connections: i64,
    pub spool: Option<SpoolStatus>,
}

#[derive(Debug, Serialize)]
pub struct SpoolStatus {
    /// What its records say they are from.
    pub source: String,
    pub bytes: u64,
    pub limit_bytes: u64,
    pub over_half: bool,
    pub full: bool,
    pub unshipped_records: u64,
    pub open_intents: u64,
    pub corrupt_frames: u64,
    pub last_error: Option<String>,
}

impl Engine {
    pub fn new(settings: &str) -> Result<Self, EngineError> {
        let settings = Settings::from_json(settings).map_err(EngineError)?;
        log::install(&settings.log_level).map_err(EngineError)?;
        if let Some(point) = &settings.fail_point {
            fail_point::arm(point).map_err(EngineError)?;
        }
        let controller = Controller::new().map_err(failed)?;
        let table = FlowTable::new(settings.flow_table_size);
        let resolver = Arc::new(Resolver::new(table, controller, settings.question_timeout()));
        let usage = Arc::new(Signal::new().map_err(failed)?);
        Ok(Self {
            settings,
            resolver,
            usage,
            running: Mutex::new(None),
        })
    }

    /// Recover the spool, bind, serve. Returns the bound address.
    pub fn start(&self) -> Result<SocketAddr, EngineError> {
        let mut running = self.running.lock();
        if running.is_some() {
            return Err(EngineError("the engine is running already".into()));
        }
        let spool = Arc::new(self.open_spool()?);
        let book = Book {
            spool,
            metrics: Metrics::register(),
            when_full: self.settings.spool_when_full,
            calibrations: Calibrations::default(),
            alarm: Alarm::default(),
        };
        let gateway = Arc::new(Gateway::new(
            self.settings.clone(),
            Arc::clone(&self.resolver),
            Arc::new(book),
        ));
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().thread_name("hw-engine").max_blocking_threads(64);
        if self.settings.workers > 0 {
            builder.worker_threads(self.settings.workers);
        }
        let runtime = builder.build().map_err(failed)?;
        let server = runtime.block_on(Server::start(Arc::clone(&gateway))).map_err(failed)?;
        let address = server.address;
        tracing::info!(%address, "listening");
        runtime.spawn(Arc::clone(&gateway.limiter).keep());
        *running = Some(Running {
            server: Arc::new(server),
            gateway,
            runtime,
        });
        Ok(address)
    }

    fn open_spool(&self) -> Result<Spool, EngineError> {
        let signal = Arc::clone(&self.usage);
        let (spool, orphans) = Spool::open(spool::Settings {
            dir: self.settings.spool_dir.clone(),
            segment_bytes: self.settings.spool_segment_bytes,
            limit_bytes: self.settings.spool_limit_bytes,
            sync_interval: Duration::from_millis(self.settings.spool_sync_ms),
            durability: match self.settings.spool_durability {
                Durability::Process => spool::Durability::Process,
                Durability::Machine => spool::Durability::Machine,
            },
            on_data: Box::new(move || signal.raise()),
        })
        .map_err(failed)?;
        let count = orphans.len();
        for orphan in orphans {
            // It stays open, and is found again by the next start.
            if let Err(error) = settle(&spool, orphan) {
                tracing::error!(%error, "a request that the last run left open could not be settled");
            }
        }
        if count > 0 {
            tracing::warn!(count, "requests that the last run left open were settled by estimate");
        }
        Ok(spool)
    }

    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    pub fn answer(&self, number: u64, answer: &str) -> Result<(), EngineError> {
        let answer = Answer::from_json(answer).map_err(EngineError)?;
        self.resolver.controller.answer(number, answer);
        Ok(())
    }

    pub fn invalidate_key(&self, hash: &str) -> Result<(), EngineError> {
        let hash = key_hash(hash).ok_or_else(|| EngineError(format!("'{hash}' is not a SHA-256 in hex")))?;
        self.resolver.table.invalidate_key(&hash);
        Ok(())
    }

    /// A budget was changed or removed: what is left of its leases goes back. Nothing happens before the start.
    pub fn recall(&self, budget_id: &str) {
        let running = self.running.lock();
        if let Some(running) = running.as_ref() {
            let _inside = running.runtime.enter();
            running.gateway.limiter.recall(budget_id);
        }
    }

    /// Others need what is to spare of this gateway's share of a limit; of all, where none is named.
    pub fn recall_share(&self, limit_id: &str) {
        let running = self.running.lock();
        if let Some(running) = running.as_ref() {
            let _inside = running.runtime.enter();
            running.gateway.limiter.recall_shares(limit_id);
        }
    }

    pub fn usage_descriptor(&self) -> i32 {
        self.usage.descriptor()
    }

    /// Final records that have not been taken yet, and the position after them.
    pub fn take_usage(&self, limit: usize) -> Result<(u64, Vec<Final>), EngineError> {
        let spool = self.spool()?;
        self.usage.lower();
        let mut records = Vec::new();
        let Position(position) = spool.read(limit, &mut records);
        if records.len() == limit {
            self.usage.raise();
        }
        fail_point::reach(fail_point::FailPoint::K6);
        Ok((position, records))
    }

    pub fn confirm_usage(&self, position: u64) -> Result<(), EngineError> {
        self.spool()?.confirm(Position(position)).map_err(failed)
    }

    pub fn usage_source(&self) -> Result<String, EngineError> {
        Ok(self.spool()?.source().to_owned())
    }

    fn spool(&self) -> Result<Arc<Spool>, EngineError> {
        Ok(Arc::clone(&self.gateway()?.book.spool))
    }

    fn gateway(&self) -> Result<Arc<Gateway>, EngineError> {
        let running = self.running.lock();
        running
            .as_ref()
            .map(|running| Arc::clone(&running.gateway))
            .ok_or_else(|| EngineError("the engine is not running".into()))
    }

    pub fn status(&self) -> Status {
        let (flows, refusals) = self.resolver.table.sizes();
        let gateway = self.gateway().ok();
        let metrics = gateway.as_ref().map(|gateway| &gateway.book.metrics);
        Status {
            version: env!("CARGO_PKG_VERSION"),
            running: gateway.is_some(),
            flows,
            refusals,
            open_streams: metrics.map_or(0, |metrics| metrics.open_streams.get()),
            open_connections: metrics.map_or(0, |metrics| metrics.open_connections.get()),
            spool: gateway.as_ref().map(|gateway| spool_status(&gateway.book.spool)),
        }
    }

    /// In the Prometheus text format; empty before the start.
    pub fn metrics(&self) -> String {
        let Ok(gateway) = self.gateway() else {
            return String::new();
        };
        let mut samples = self.samples(&gateway);
        samples.extend(gateway.limiter.samples());
        gateway.book.metrics.render(&samples)
    }

    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are doubles")]
    fn samples(&self, gateway: &Gateway) -> Vec<Sample> {
        let (flows, refusals) = self.resolver.table.sizes();
        let (questions, entries) = self.resolver.controller.counts();
        let spool = gateway.book.spool.status();
        let gauge = |name, help, value: u64| Sample {
            name,
            kind: "gauge",
            help,
            value: value as f64,
        };
        let counter = |name, help, value: u64| Sample {
            name,
            kind: "counter",
            help,
            value: value as f64,
        };
        vec![
            gauge("flow_table_entries", "Flows that are known", flows as u64),
            gauge("flow_table_refusals", "Refusals that are remembered", refusals as u64),
            counter(
                "flow_misses_total",
                "Questions that the controller was asked",
                questions,
            ),
            counter(
                "interpreter_entries_total",
                "Times that Python was entered to take questions",
                entries,
            ),
            gauge(
                "request_body_bytes",
                "Request bodies held in memory",
                gateway.bodies.held(),
            ),
            gauge(
                "unknown_key_sources",
                "Sources of unknown keys that are being counted",
                gateway.strangers.sources() as u64,
            ),
            gauge(
                "signature_nonces",
                "Nonces of signed requests that are remembered",
                gateway.signatures.nonces.remembered() as u64,
            ),
            gauge(
                "upstream_idle_connections",
                "Connections to upstreams that wait for a request",
                gateway.pools.idle_connections() as u64,
            ),
            gauge("spool_bytes", "Size of the usage spool", spool.bytes),
            gauge(
                "spool_limit_bytes",
                "Size at which the usage spool is full",
                spool.limit_bytes,
            ),
            gauge(
                "spool_unshipped_records",
                "Final usage records that are not stored elsewhere yet",
                spool.unshipped_records,
            ),
            gauge(
                "spool_open_intents",
                "Requests that have begun and not ended",
                spool.open_requests,
            ),
            counter(
                "spool_corrupt_frames_total",
                "Damaged records that were skipped",
                spool.corrupt_frames,
            ),
        ]
    }

    /// Stop accepting, finish what is open within `limit`, cut the rest. True when nothing was cut.
    pub fn drain(&self, limit: Duration) -> bool {
        let server = {
            let running = self.running.lock();
            running.as_ref().map(|running| {
                (
                    Arc::clone(&running.server),
                    Arc::clone(&running.gateway.limiter),
                    running.runtime.handle().clone(),
                )
            })
        };
        server.is_none_or(|(server, limiter, runtime)| {
            runtime.block_on(async {
                let is_clean = server.drain(limit).await;
                limiter.give_all_back(RETURNING).await;
                is_clean
            })
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(running) = self.running.lock().take() {
            running.runtime.shutdown_timeout(Duration::from_millis(500));
        }
    }
}

fn settle(spool: &Spool, orphan: Orphan) -> Result<(), SpoolError> {
    let Orphan { open, intent, mark } = orphan;
    // What another version wrote can't be read: it ends as an empty record, which is logged when it is read.
    let settled = settle_orphan(&intent, mark.as_deref());
    let bytes = settled
        .and_then(|record| encoded(&record, <[u8]>::to_vec))
        .unwrap_or_default();
    spool.finish(open, &bytes)
}

fn spool_status(spool: &Spool) -> SpoolStatus {
    let status = spool.status();
    SpoolStatus {
        source: spool.source().to_owned(),
        bytes: status.bytes,
        limit_bytes: status.limit_bytes,
        over_half: status.over_half,
        full: status.full,
        unshipped_records: status.unshipped_records,
        open_intents: status.open_requests,
        corrupt_frames: status.corrupt_frames,
        last_error: status.disk_error,
    }
}

fn key_hash(hex: &str) -> Option<KeyHash> {
    let mut hash = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&hex[at..at + 2], 16).ok()?;
    }
    Some(hash)
}
