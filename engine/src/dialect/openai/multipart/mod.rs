//! Forms (`multipart/form-data`: RFC 7578, over RFC 2046) that stream through: only the field `model` is read, and
//! `stream`. Framing that another reader might take differently is refused, so that both see the same model.

mod boundary;
mod part;
mod scanner;

use std::ops::Range;

pub use boundary::boundary;
pub use scanner::MultipartScanner;

/// What a scanner has seen so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    NeedMore,
    /// The part with the model has ended; said once. `value_range` counts bytes from the body's start.
    Found {
        value_range: Range<u64>,
        value: String,
    },
    Malformed(MultipartError),
    /// The closing boundary has come.
    End,
}

/// Completes the sentence "the form is malformed: …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    #[error("a boundary is not on a line of its own, with CRLF as its end")]
    BadDelimiter,
    #[error("the headers of a part are longer than 8 KiB")]
    LongHeaders,
    #[error("the headers of a part are not 'name: value' lines with CRLF as their end")]
    BadHeaders,
    #[error("a part has no 'content-disposition: form-data' header with a plain name")]
    NoName,
    #[error("the field 'model' comes twice")]
    DuplicateModel,
    #[error("the field 'stream' comes twice")]
    DuplicateStream,
    #[error("the field 'model' or 'stream' is sent as a file or in an encoding; send it as plain text")]
    NotPlain,
    #[error("the field 'model' is not 1 to 256 bytes of UTF-8 text without control characters")]
    BadModel,
    #[error("the field 'stream' is neither 'true' nor 'false'")]
    BadStream,
}
