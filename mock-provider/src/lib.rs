//! A deterministic OpenAI-dialect upstream: honest answers, real streaming, and faults on demand.
//!
//! Tests and benchmarks point the engine at it; users may rehearse a roll-out with it. The engine also keeps one in process
//! for the built-in demo model. A request walks `serve/` → `answer/` → `play/`, and leaves a line in `records/`.

mod answer;
mod cli;
mod clock;
mod hash;
mod knobs;
mod mock;
mod play;
mod received;
mod records;
mod serve;

pub use cli::run;
pub use knobs::{KnobError, Knobs};
pub use mock::{Mock, Options};
pub use records::{Outcome, Record};
pub use serve::{serve, serve_connection};
