//! A place in a document, and the steps from there: spaces, strings, numbers, members.

use super::error::{Error, ErrorKind};
use super::text::{Text, skip_escape, skip_plain};
use super::value::MAX_DEPTH;

pub struct Cursor<'a> {
    document: &'a [u8],
    at: usize,
    /// Of the objects that `members` has entered.
    depth: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(document: &'a [u8]) -> Self {
        Self {
            document,
            at: 0,
            depth: 0,
        }
    }

    pub fn document(&self) -> &'a [u8] {
        self.document
    }

    /// The byte offset of what comes next.
    pub fn at(&self) -> usize {
        self.at
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    pub(super) fn byte(&self) -> Option<u8> {
        self.document.get(self.at).copied()
    }

    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// What is wrong here, unless the document is at its end.
    #[cold]
    pub(super) fn wrong(&self, kind: ErrorKind) -> Error {
        if self.at < self.document.len() {
            kind.at(self.at)
        } else {
            ErrorKind::UnexpectedEnd.at(self.document.len())
        }
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    /// The byte that the next token begins with; None at the end.
    pub fn peek(&mut self) -> Option<u8> {
        self.skip_space();
        self.byte()
    }

    /// The string whose opening quote comes next.
    pub fn string(&mut self) -> Result<Text, Error> {
        let start = self.at + 1;
        let mut at = start;
        let mut escaped = false;
        loop {
            at = skip_plain(self.document, at);
            match self.document.get(at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    at = skip_escape(self.document, at)?;
                }
                Some(_) => return Err(ErrorKind::ControlCharacter.at(at)),
                None => return Err(ErrorKind::UnexpectedEnd.at(at)),
            }
        }
        self.at = at + 1;
        Ok(Text {
            start,
            end: at,
            escaped,
        })
    }

    /// The name of a member and the colon after it.
    pub(super) fn key(&mut self) -> Result<Text, Error> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong(ErrorKind::ExpectedKey));
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.wrong(ErrorKind::ExpectedColon));
        }
        self.step();
        Ok(key)
    }

    /// The number that comes next, as it is written.
    pub fn number(&mut self) -> Result<&'a [u8], Error> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.step();
        }
        match self.byte() {
            Some(b'0') => self.step(),
            Some(b'1'..=b'9') => self.skip_digits(),
            _ => return Err(self.wrong(ErrorKind::BadNumber)),
        }
        if self.byte() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.step();
            if let Some(b'+' | b'-') = self.byte() {
                self.step();
            }
            self.digits()?;
        }
        if self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-'))
        {
            return Err(ErrorKind::BadNumber.at(start));
        }
        Ok(&self.document[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Error> {
        if !self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong(ErrorKind::BadNumber));
        }
        self.skip_digits();
        Ok(())
    }

    fn skip_digits(&mut self) {
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    /// `true`, `false` or `null`.
    pub fn word(&mut self, word: &[u8]) -> Result<(), Error> {
        let rest = &self.document[self.at..];
        if rest.starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        if word.starts_with(rest) {
            return Err(ErrorKind::UnexpectedEnd.at(self.document.len()));
        }
        Err(ErrorKind::ExpectedValue.at(self.at))
    }

    /// Calls `each` for every member of the object that comes next, with the cursor before the member's value, which
    /// `each` has to pass.
    pub fn members<E: From<Error>>(&mut self, mut each: impl FnMut(&mut Self, Text) -> Result<(), E>) -> Result<(), E> {
        if self.peek() != Some(b'{') {
            return Err(self.wrong(ErrorKind::ExpectedObject).into());
        }
        if self.depth == MAX_DEPTH {
            return Err(ErrorKind::TooDeep.at(self.at).into());
        }
        self.depth += 1;
        self.step();
        if self.peek() == Some(b'}') {
            self.step();
        } else {
            loop {
                let key = self.key()?;
                self.skip_space();
                each(self, key)?;
                match self.peek() {
                    Some(b',') => self.step(),
                    Some(b'}') => {
                        self.step();
                        break;
                    }
                    _ => return Err(self.wrong(ErrorKind::ExpectedCommaOrEnd).into()),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Calls `each` for every element of the array that comes next, with the cursor before the element, which `each` has to
    /// pass.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        if self.peek() != Some(b'[') {
            return Err(self.wrong(ErrorKind::ExpectedValue));
        }
        if self.depth == MAX_DEPTH {
            return Err(ErrorKind::TooDeep.at(self.at));
        }
        self.depth += 1;
        self.step();
        if self.peek() == Some(b']') {
            self.step();
        } else {
            loop {
                self.skip_space();
                each(self)?;
                match self.peek() {
                    Some(b',') => self.step(),
                    Some(b']') => {
                        self.step();
                        break;
                    }
                    _ => return Err(self.wrong(ErrorKind::ExpectedCommaOrEnd)),
                }
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Nothing but space may be left.
    pub fn end(&mut self) -> Result<(), Error> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(ErrorKind::TrailingBytes.at(self.at)),
        }
    }
}
