//! Prometheus metrics of the data plane. docs/reference/metrics.md lists each one.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::dialect::openai::errors::ApiError;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    pub endpoint: &'static str,
    pub model: String,
    pub status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabels {
    endpoint: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    code: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    provider: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProviderLabels {
    provider: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnitLabels {
    unit: &'static str,
}

type Histograms = Family<EndpointLabels, Histogram, fn() -> Histogram>;

pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    limited: Family<UnitLabels, Counter>,
    attempts: Family<AttemptLabels, Counter>,
    contradictions: Family<ProviderLabels, Counter>,
    durations: Histograms,
    added: Histograms,
    pub stream_events: Counter,
    pub unrecorded: Counter,
    pub open_streams: Gauge<i64, AtomicI64>,
    pub open_connections: Gauge<i64, AtomicI64>,
}

fn seconds_to_minutes() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
    ])
}

fn microseconds() -> Histogram {
    Histogram::new([
        0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25,
    ])
}

impl Metrics {
    /// Every metric, registered and at nought.
    pub fn register() -> Self {
        let mut registry = Registry::with_prefix("headworks");
        let requests = Family::default();
        registry.register(
            "requests",
            "Inference requests that were let in, by the status of their answer",
            requests.clone(),
        );
        let refusals = Family::default();
        registry.register(
            "refusals",
            "Requests that were not let in, by error code and status",
            refusals.clone(),
        );
        let limited = Family::default();
        registry.register(
            "limit_refusals",
            "Requests that a limit or a budget did not let in, by what it counts",
            limited.clone(),
        );
        let attempts = Family::default();
        registry.register(
            "upstream_attempts",
            "Calls to upstreams, by provider and result",
            attempts.clone(),
        );
        let contradictions = Family::default();
        registry.register(
            "usage_contradictions",
            "Answers whose provider counts their output otherwise than what it delivered, by provider",
            contradictions.clone(),
        );
        let durations: Histograms = Family::new_with_constructor(seconds_to_minutes);
        let help = "From the request's first byte to the response's last";
        registry.register_with_unit("request_duration", help, Unit::Seconds, durations.clone());
        let added: Histograms = Family::new_with_constructor(microseconds);
        let help = "Time before the response head that was spent in the gateway and not on the upstream";
        registry.register_with_unit("added_latency", help, Unit::Seconds, added.clone());
        let stream_events = Counter::default();
        registry.register("stream_events", "Server-sent events relayed", stream_events.clone());
        let unrecorded = Counter::default();
        let help = "Requests served without a usage record, because the spool was full and its policy is to drop";
        registry.register("unrecorded_requests", help, unrecorded.clone());
        let open_streams = Gauge::default();
        registry.register(
            "open_streams",
            "Response bodies being relayed now",
            open_streams.clone(),
        );
        let open_connections = Gauge::default();
        registry.register(
            "open_connections",
            "Client connections open now",
            open_connections.clone(),
        );
        Self {
            registry: Mutex::new(registry),
            requests,
            refusals,
            limited,
            attempts,
            contradictions,
            durations,
            added,
            stream_events,
            unrecorded,
            open_streams,
            open_connections,
        }
    }

    /// Every request is counted once: here, or as [`Self::refused`].
    pub fn answered(&self, labels: &RequestLabels, duration: Duration) {
        self.requests.get_or_create(labels).inc();
        self.durations
            .get_or_create(&EndpointLabels {
                endpoint: labels.endpoint,
            })
            .observe(duration.as_secs_f64());
    }

    pub fn added(&self, endpoint: &'static str, latency: Duration) {
        self.added
            .get_or_create(&EndpointLabels { endpoint })
            .observe(latency.as_secs_f64());
    }

    pub fn refused(&self, error: &ApiError) {
        let labels = RefusalLabels {
            code: error.code.clone(),
            status: error.status,
        };
        self.refusals.get_or_create(&labels).inc();
    }

    pub fn limited(&self, unit: &'static str) {
        self.limited.get_or_create(&UnitLabels { unit }).inc();
    }

    pub fn contradicted(&self, provider: &str) {
        let provider = provider.to_owned();
        self.contradictions.get_or_create(&ProviderLabels { provider }).inc();
    }

    pub fn attempted(&self, provider: &str, result: &'static str) {
        self.attempts
            .get_or_create(&AttemptLabels {
                provider: provider.to_owned(),
                result,
            })
            .inc();
    }

    /// The Prometheus text format: the registry, then `samples` of what is counted elsewhere.
    pub fn render(&self, samples: &[Sample]) -> String {
        let mut open_metrics = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut open_metrics, &self.registry.lock());
        let mut text = String::with_capacity(open_metrics.len() + 4_096);
        for line in open_metrics.lines().filter(|line| *line != "# EOF") {
            text.push_str(&counter_as_sampled(line));
            text.push('\n');
        }
        for sample in samples {
            let Sample {
                name,
                kind,
                help,
                value,
            } = sample;
            let _ = write!(
                text,
                "# HELP headworks_{name} {help}\n# TYPE headworks_{name} {kind}\nheadworks_{name} {value}\n"
            );
        }
        text
    }
}

/// `OpenMetrics` describes a counter by its bare name and samples it as `…_total`; in the older text format, which the
/// control plane serves, both carry the suffix.
fn counter_as_sampled(line: &str) -> Cow<'_, str> {
    const COUNTERS: [&str; 7] = [
        "requests",
        "refusals",
        "limit_refusals",
        "upstream_attempts",
        "usage_contradictions",
        "stream_events",
        "unrecorded_requests",
    ];
    let mut words = line.splitn(4, ' ');
    let (Some("#"), Some(what @ ("HELP" | "TYPE")), Some(name), Some(rest)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return line.into();
    };
    match name.strip_prefix("headworks_") {
        Some(bare) if COUNTERS.contains(&bare) => format!("# {what} {name}_total {rest}").into(),
        _ => line.into(),
    }
}

/// A number that lives elsewhere and is read when it is asked for.
pub struct Sample {
    pub name: &'static str,
    pub kind: &'static str,
    pub help: &'static str,
    pub value: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_described_under_the_name_of_its_samples() {
        let metrics = Metrics::register();
        metrics.refused(&ApiError::new(
            401,
            "invalid_request_error",
            "invalid_api_key",
            "No key.",
        ));
        let text = metrics.render(&[]);
        for line in text.lines().filter(|line| line.ends_with(" counter")) {
            assert!(line.contains("_total counter"), "{line}");
        }
        assert!(
            text.contains("headworks_refusals_total{code=\"invalid_api_key\",status=\"401\"} 1"),
            "{text}"
        );
        assert!(!text.contains("# EOF"));
    }
}
