//! What the engine is told at its start. `src/headworks/dataplane/engine.py` is the other side and holds the defaults.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::auth::Network;

/// PEM files of the front door.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

/// What an intent has survived before the upstream is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    Process,
    Machine,
}

/// What happens to a request when the spool can take no more records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenFull {
    Refuse,
    Drop,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: String,
    pub spool_dir: PathBuf,
    pub control_socket: Option<PathBuf>,
    /// Whether `/v1/` is served here, or by other gateways alone.
    #[serde(default = "yes")]
    pub serves_inference: bool,
    /// Whether limits are one for several gateways, of which each asks for its share.
    #[serde(default)]
    pub shares_limits: bool,
    pub tls: Option<Tls>,
    /// Peers whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    pub workers: usize,
    pub body_limit_bytes: u64,
    pub bodies_in_flight_bytes: u64,
    pub header_timeout_ms: u64,
    pub body_progress_ms: u64,
    pub idle_timeout_ms: u64,
    pub question_timeout_ms: u64,
    pub flow_table_size: usize,
    /// What is set aside for an answer whose length nothing limits.
    #[serde(default = "unknown_output_tokens")]
    pub unknown_output_tokens: u64,
    /// An answer that a budget can only pay for if it is shorter is refused.
    #[serde(default = "least_output_tokens")]
    pub least_output_tokens: u64,
    /// Tries with unknown keys that a source gets back in a second; 0 for no limit.
    pub unknown_key_rate: f64,
    pub unknown_key_burst: u32,
    pub unknown_key_loopback: bool,
    /// How far from our clock a signature may have been made.
    pub signature_window_seconds: u64,
    /// Nonces of signed requests that are remembered at a time.
    pub signature_nonces: usize,
    pub spool_segment_bytes: usize,
    pub spool_limit_bytes: u64,
    pub spool_sync_ms: u64,
    pub spool_durability: Durability,
    pub spool_when_full: WhenFull,
    pub log_level: String,
    pub fail_point: Option<String>,
}

fn yes() -> bool {
    true
}

fn unknown_output_tokens() -> u64 {
    4_096
}

fn least_output_tokens() -> u64 {
    1
}

impl Settings {
    pub fn from_json(text: &str) -> Result<Self, String> {
        let settings: Self = serde_json::from_str(text).map_err(|error| format!("engine settings: {error}"))?;
        let positive = [
            ("body_limit_bytes", settings.body_limit_bytes),
            ("bodies_in_flight_bytes", settings.bodies_in_flight_bytes),
            ("header_timeout_ms", settings.header_timeout_ms),
            ("body_progress_ms", settings.body_progress_ms),
            ("idle_timeout_ms", settings.idle_timeout_ms),
            ("question_timeout_ms", settings.question_timeout_ms),
            ("flow_table_size", settings.flow_table_size as u64),
            ("unknown_key_burst", settings.unknown_key_burst.into()),
            ("signature_window_seconds", settings.signature_window_seconds),
            ("signature_nonces", settings.signature_nonces as u64),
            ("unknown_output_tokens", settings.unknown_output_tokens),
            ("least_output_tokens", settings.least_output_tokens),
            ("spool_sync_ms", settings.spool_sync_ms),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(format!("engine settings: {name} is 0; it must be at least 1"));
            }
        }
        if !(0.0..=1_000_000.0).contains(&settings.unknown_key_rate) {
            return Err("engine settings: unknown_key_rate must be from 0 to 1000000".into());
        }
        if settings.bodies_in_flight_bytes < settings.body_limit_bytes {
            return Err(
                "engine settings: bodies_in_flight_bytes is below body_limit_bytes; one allowed body must fit".into(),
            );
        }
        Ok(settings)
    }

    pub fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub fn body_progress(&self) -> Duration {
        Duration::from_millis(self.body_progress_ms)
    }

    pub fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }

    pub fn question_timeout(&self) -> Duration {
        Duration::from_millis(self.question_timeout_ms)
    }
}
