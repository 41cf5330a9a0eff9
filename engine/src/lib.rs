//! The data plane of Headworks: admits, directs and measures requests to models.
//!
//! A request's walk: `serve` → `auth` → `flow` → `limit` → `route` → `dialect` → `upstream` → `stream` → `meter` → `spool`.

pub mod auth;
pub mod dialect;
pub mod engine;
pub mod fail_point;
pub mod flow;
pub mod limit;
pub mod meter;
pub mod route;
pub mod serve;
pub mod settings;
mod signal;
pub mod spool;
pub mod stream;
pub mod telemetry;
pub mod upstream;

#[cfg(feature = "python")]
mod python;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
