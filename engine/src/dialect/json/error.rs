//! What is wrong with a document, and where.

use std::fmt;

/// `at` is a byte offset from the start of the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    pub at: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    UnexpectedEnd,
    ExpectedValue,
    ExpectedKey,
    ExpectedColon,
    ExpectedCommaOrEnd,
    ExpectedObject,
    BadNumber,
    BadEscape,
    LoneSurrogate,
    ControlCharacter,
    TooDeep,
    TrailingBytes,
}

impl ErrorKind {
    pub(super) fn at(self, at: usize) -> Error {
        Error { kind: self, at }
    }

    /// Completes the sentence "the JSON is wrong: …".
    pub fn text(self) -> &'static str {
        match self {
            Self::UnexpectedEnd => "it ends too early",
            Self::ExpectedValue => "a value was expected",
            Self::ExpectedKey => "a member's name in double quotes was expected",
            Self::ExpectedColon => "a colon was expected after a member's name",
            Self::ExpectedCommaOrEnd => "a comma or a closing bracket was expected",
            Self::ExpectedObject => "an object was expected",
            Self::BadNumber => "a number is malformed",
            Self::BadEscape => "a string has a malformed escape",
            Self::LoneSurrogate => "a string has half of a surrogate pair",
            Self::ControlCharacter => "a string has a control character that is not escaped",
            Self::TooDeep => "it is nested more than 128 deep",
            Self::TrailingBytes => "something follows its end",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.kind.text(), self.at)
    }
}

impl std::error::Error for Error {}
