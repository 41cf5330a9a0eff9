//! What was counted and timed, as JSON.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Durations up to two minutes, to one part in a thousand.
pub struct Times(Option<Histogram<u64>>);

const LONGEST_NANOS: u64 = 120_000_000_000;
const DIGITS: u8 = 3;
#[rustfmt::skip]
const QUANTILES: [(&str, f64); 9] = [
    ("p1", 0.01), ("p5", 0.05), ("p25", 0.25), ("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999),
];

impl Times {
    pub fn new() -> Self {
        // Fails only for bounds that make no sense, which these do.
        Self(Histogram::new_with_bounds(1, LONGEST_NANOS, DIGITS).ok())
    }

    pub fn add(&mut self, duration: Duration) {
        if let Some(times) = &mut self.0 {
            times.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Microseconds, with a fraction.
    pub fn report(&self) -> Value {
        let Some(times) = self.0.as_ref().filter(|times| !times.is_empty()) else {
            return json!({"count": 0});
        };
        let mut report = serde_json::Map::new();
        report.insert("count".to_owned(), times.len().into());
        report.insert("mean".to_owned(), json!(times.mean() / 1e3));
        report.insert("min".to_owned(), micros(times.min()));
        for (name, quantile) in QUANTILES {
            report.insert(name.to_owned(), micros(times.value_at_quantile(quantile)));
        }
        report.insert("max".to_owned(), micros(times.max()));
        let steps = times
            .iter_recorded()
            .map(|step| json!([micros(step.value_iterated_to()), step.count_since_last_iteration()]));
        report.insert("histogram".to_owned(), steps.collect());
        report.into()
    }
}

/// A measured value of the histogram in microseconds; three digits are kept after the point.
fn micros(nanos: u64) -> Value {
    #[expect(
        clippy::cast_precision_loss,
        reason = "two minutes in nanoseconds are well within a double"
    )]
    let micros = nanos as f64 / 1e3;
    json!(micros)
}

/// What became of requests.
#[derive(Default)]
pub struct Counts {
    statuses: BTreeMap<u16, u64>,
    timeouts: u64,
    errors: BTreeMap<String, u64>,
}

impl Counts {
    pub fn answered(&mut self, status: u16) {
        *self.statuses.entry(status).or_default() += 1;
    }

    pub fn timed_out(&mut self) {
        self.timeouts += 1;
    }

    pub fn failed(&mut self, error: &io::Error) {
        *self.errors.entry(error.kind().to_string()).or_default() += 1;
    }

    /// Answers of 200 to 299.
    pub fn good(&self) -> u64 {
        self.statuses.range(200..300).map(|(_, count)| count).sum()
    }

    pub fn report(&self) -> Value {
        let answered: u64 = self.statuses.values().sum();
        let statuses: BTreeMap<String, u64> = self
            .statuses
            .iter()
            .map(|(status, count)| (status.to_string(), *count))
            .collect();
        json!({
            "good": self.good(),
            "non_2xx": answered - self.good(),
            "timeouts": self.timeouts,
            "errors": self.errors.values().sum::<u64>(),
            "by_status": statuses,
            "by_error": self.errors,
        })
    }
}

/// A rate, 0 where no time passed.
pub fn per_second(count: u64, time: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "no run counts to 2^53")]
    let count = count as f64;
    if time.is_zero() {
        0.0
    } else {
        count / time.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_reported_in_microseconds() {
        let mut times = Times::new();
        (1..=1_000).for_each(|micros| times.add(Duration::from_micros(micros)));
        let report = times.report();
        assert_eq!(report["count"], 1_000);
        assert!((report["p50"].as_f64().unwrap() - 500.0).abs() < 1.0);
        assert!((report["max"].as_f64().unwrap() - 1_000.0).abs() < 1.5);
        assert_eq!(Times::new().report(), json!({"count": 0}));
    }

    #[test]
    fn counts_tell_good_from_bad() {
        let mut counts = Counts::default();
        for status in [200, 204, 429, 500] {
            counts.answered(status);
        }
        counts.timed_out();
        counts.failed(&io::ErrorKind::ConnectionReset.into());
        let report = counts.report();
        assert_eq!(
            (
                &report["good"],
                &report["non_2xx"],
                &report["timeouts"],
                &report["errors"]
            ),
            (&json!(2), &json!(2), &json!(1), &json!(1))
        );
    }
}
