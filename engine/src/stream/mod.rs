//! Response bodies on their way to the client.

mod relay;
pub mod sse;

pub use relay::{Content, Relay, RelayLimits, stream_kind};
