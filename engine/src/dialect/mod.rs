//! What upstreams and callers speak: one folder a dialect, and the JSON scanner that all of them share.

pub mod json;
pub mod openai;
