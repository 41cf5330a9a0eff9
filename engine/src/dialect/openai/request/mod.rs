//! A request's JSON body: read as far as admission needs it, and rewritten where it must change.
//!
//! What is authorised is what the upstream reads: so a field that we read may come once only, under any spelling.

mod clip;
mod error;
mod field;
mod rewrite;
mod scan;
mod text;

pub use clip::clip;
pub use error::{BodyError, BodyErrorKind};
pub use rewrite::{Pieces, rewrite};
pub use scan::{Scan, StreamOptions, scan};
pub use text::{InputText, input_text};
