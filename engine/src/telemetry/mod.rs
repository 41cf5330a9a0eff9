//! What the engine says of itself: metrics and logs.

pub mod log;
mod metrics;

pub use metrics::{Metrics, RequestLabels, Sample};
