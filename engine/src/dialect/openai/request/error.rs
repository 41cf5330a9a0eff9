//! Why a body is refused, in a sentence for the caller.

use std::fmt;

use crate::dialect::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyError {
    pub kind: BodyErrorKind,
    /// In bytes, from 0.
    pub offset: usize,
    /// From 1.
    pub line: usize,
    /// In bytes, from 1.
    pub column: usize,
    /// The field that is wrong.
    pub param: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyErrorKind {
    Empty,
    NotUtf8,
    ByteOrderMark,
    NotAnObject,
    Json(json::ErrorKind),
    /// The field comes twice.
    Duplicate,
    /// A field whose name is read as this one's by servers that ignore case.
    OtherCase,
    /// The field is not what the text says that it must be.
    MustBe(&'static str),
}

/// An error before its line and column are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub kind: BodyErrorKind,
    pub at: usize,
    pub param: Option<&'static str>,
}

impl From<json::Error> for Fault {
    fn from(error: json::Error) -> Self {
        Self {
            kind: BodyErrorKind::Json(error.kind),
            at: error.at,
            param: None,
        }
    }
}

impl Fault {
    #[cold]
    pub fn locate(self, body: &[u8]) -> BodyError {
        let before = body.get(..self.at).unwrap_or(body);
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        BodyError {
            kind: self.kind,
            offset: self.at,
            line: 1 + memchr::memchr_iter(b'\n', before).count(),
            column: 1 + before.len() - line_start,
            param: self.param,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.param.unwrap_or_default();
        match self.kind {
            BodyErrorKind::Empty => return formatter.write_str("The request body is empty; it must be a JSON object."),
            BodyErrorKind::NotUtf8 => formatter.write_str("The request body is not valid UTF-8")?,
            BodyErrorKind::ByteOrderMark => {
                formatter.write_str("The request body begins with a byte order mark; leave it out")?;
            }
            BodyErrorKind::NotAnObject => formatter.write_str("The request body must be a JSON object")?,
            BodyErrorKind::Json(kind) => write!(formatter, "The request body is not valid JSON: {}", kind.text())?,
            BodyErrorKind::Duplicate => write!(formatter, "The field '{field}' comes twice; send it once")?,
            BodyErrorKind::OtherCase => {
                write!(
                    formatter,
                    "A field's name differs from '{field}' in case only; spell it '{field}'"
                )?;
            }
            BodyErrorKind::MustBe(what) => write!(formatter, "The field '{field}' must be {what}")?,
        }
        write!(
            formatter,
            " (line {}, column {}, byte {}).",
            self.line, self.column, self.offset
        )
    }
}

impl std::error::Error for BodyError {}
