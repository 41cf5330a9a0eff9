//! Passing over a whole value: checked, on a stack of bits instead of the call stack.

use super::cursor::Cursor;
use super::error::{Error, ErrorKind};
use super::text::Text;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 128;

/// Sees members of the objects inside a value that is passed over.
pub trait Visit {
    /// A member that is a string.
    fn string_member(&mut self, document: &[u8], key: Text, value: Text);

    /// A member that is an object, which begins at `at`, inside so many brackets of the value.
    fn object_member(&mut self, _document: &[u8], _key: Text, _at: usize, _depth: usize) {}
}

impl Visit for () {
    fn string_member(&mut self, _: &[u8], _: Text, _: Text) {}
}

/// What encloses the cursor, innermost in the lowest bit: 1 for an object, 0 for an array.
#[derive(Default)]
struct Stack {
    kinds: u128,
    depth: usize,
}

impl Stack {
    fn push(&mut self, is_object: bool) {
        self.kinds = self.kinds << 1 | u128::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    fn in_object(&self) -> bool {
        self.kinds & 1 == 1
    }
}

impl Cursor<'_> {
    /// Passes over the value that comes next.
    pub fn skip_value(&mut self) -> Result<(), Error> {
        self.visit_value(&mut ())
    }

    /// As `skip_value`, and shows the string members inside to `visit`.
    pub fn visit_value(&mut self, visit: &mut impl Visit) -> Result<(), Error> {
        let mut stack = Stack::default();
        // The name of the member whose value comes next, where the innermost bracket is an object's.
        let mut key = None;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let value = self.string()?;
                    if let Some(key) = key {
                        visit.string_member(self.document(), key, value);
                    }
                }
                Some(b'{') => {
                    if let Some(key) = key {
                        visit.object_member(self.document(), key, self.at(), stack.depth);
                    }
                    self.open(&mut stack, true)?;
                    if self.peek() != Some(b'}') {
                        key = Some(self.key()?);
                        continue;
                    }
                    self.step();
                    stack.pop();
                }
                Some(b'[') => {
                    self.open(&mut stack, false)?;
                    if self.peek() != Some(b']') {
                        key = None;
                        continue;
                    }
                    self.step();
                    stack.pop();
                }
                Some(b'-' | b'0'..=b'9') => {
                    self.number()?;
                }
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.wrong(ErrorKind::ExpectedValue)),
            }
            if !self.advance_to_value(&mut stack, &mut key)? {
                return Ok(());
            }
        }
    }

    fn open(&mut self, stack: &mut Stack, is_object: bool) -> Result<(), Error> {
        if self.depth() + stack.depth >= MAX_DEPTH {
            return Err(ErrorKind::TooDeep.at(self.at()));
        }
        self.step();
        stack.push(is_object);
        Ok(())
    }

    /// From the end of a value to the start of the next one; false when the outermost value has ended.
    fn advance_to_value(&mut self, stack: &mut Stack, key: &mut Option<Text>) -> Result<bool, Error> {
        while stack.depth > 0 {
            let in_object = stack.in_object();
            match self.peek() {
                Some(b',') => {
                    self.step();
                    *key = if in_object { Some(self.key()?) } else { None };
                    return Ok(true);
                }
                Some(b'}') if in_object => self.step(),
                Some(b']') if !in_object => self.step(),
                _ => return Err(self.wrong(ErrorKind::ExpectedCommaOrEnd)),
            }
            stack.pop();
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(document: &[u8]) -> Result<(), Error> {
        let mut cursor = Cursor::new(document);
        cursor.skip_value()?;
        cursor.end()
    }

    fn kind(document: &str) -> Option<ErrorKind> {
        check(document.as_bytes()).err().map(|error| error.kind)
    }

    #[test]
    fn good_documents_pass() {
        for document in [
            "{}",
            "[]",
            "0",
            "-0",
            "-1.5e+10",
            "1E400",
            "\"\"",
            " null ",
            "true",
            "false",
            r#"{"a":[1,{"b":null}],"c":"\u00e9"}"#,
            r#""\ud83d\ude00""#,
            "[ 1 , 2 ]",
            "{ \"a\" : { } }",
            "[[],[[]],{}]",
        ] {
            assert_eq!(kind(document), None, "{document}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (document, expected) in [
            ("", ErrorKind::UnexpectedEnd),
            ("{", ErrorKind::UnexpectedEnd),
            ("[1", ErrorKind::UnexpectedEnd),
            ("\"a", ErrorKind::UnexpectedEnd),
            ("tru", ErrorKind::UnexpectedEnd),
            ("1.", ErrorKind::UnexpectedEnd),
            (r#""\u00"#, ErrorKind::UnexpectedEnd),
            ("NaN", ErrorKind::ExpectedValue),
            ("nulL", ErrorKind::ExpectedValue),
            ("Infinity", ErrorKind::ExpectedValue),
            ("-Infinity", ErrorKind::BadNumber),
            ("01", ErrorKind::BadNumber),
            ("1.e1", ErrorKind::BadNumber),
            ("0x10", ErrorKind::BadNumber),
            ("+1", ErrorKind::ExpectedValue),
            ("{a:1}", ErrorKind::ExpectedKey),
            ("{\"a\":1,}", ErrorKind::ExpectedKey),
            ("[1,]", ErrorKind::ExpectedValue),
            ("{\"a\" 1}", ErrorKind::ExpectedColon),
            ("{\"a\":1]", ErrorKind::ExpectedCommaOrEnd),
            ("[1}", ErrorKind::ExpectedCommaOrEnd),
            ("[1 2]", ErrorKind::ExpectedCommaOrEnd),
            (r#""\x""#, ErrorKind::BadEscape),
            (r#""\u12g4""#, ErrorKind::BadEscape),
            (r#""\ud800""#, ErrorKind::LoneSurrogate),
            (r#""\ud800\u0041""#, ErrorKind::LoneSurrogate),
            (r#""\udc00""#, ErrorKind::LoneSurrogate),
            ("\"\n\"", ErrorKind::ControlCharacter),
            ("{} {}", ErrorKind::TrailingBytes),
            ("1 2", ErrorKind::TrailingBytes),
        ] {
            assert_eq!(kind(document), Some(expected), "{document}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert_eq!(kind(&nested(MAX_DEPTH)), None);
        assert_eq!(kind(&nested(MAX_DEPTH + 1)), Some(ErrorKind::TooDeep));
        assert_eq!(kind(&"[".repeat(200_000)), Some(ErrorKind::TooDeep));
        assert_eq!(kind(&"{\"a\":".repeat(200_000)), Some(ErrorKind::TooDeep));
        // Objects that were entered count.
        let document = format!("{{\"a\":{}}}", nested(MAX_DEPTH));
        let result = Cursor::new(document.as_bytes()).members(|cursor, _| cursor.skip_value());
        assert_eq!(result.err().map(|error| error.kind), Some(ErrorKind::TooDeep));
    }

    #[test]
    fn members_are_shown_with_their_names() {
        struct Seen(Vec<(String, String)>);
        fn text(document: &[u8], text: Text) -> String {
            String::from_utf8(text.decoded(document).into_owned()).unwrap()
        }
        impl Visit for Seen {
            fn string_member(&mut self, document: &[u8], key: Text, value: Text) {
                self.0.push((text(document, key), text(document, value)));
            }

            fn object_member(&mut self, document: &[u8], key: Text, at: usize, depth: usize) {
                assert_eq!(document[at], b'{');
                self.0.push((text(document, key), depth.to_string()));
            }
        }
        let mut seen = Seen(Vec::new());
        let document = br#"{"a":"1","b":["no",{"c":"2\n"},"no",{"h":{}}],"d":{"e":3,"f":"4"},"g":["no"]}"#;
        Cursor::new(document).visit_value(&mut seen).unwrap();
        let expected = [("a", "1"), ("c", "2\n"), ("h", "3"), ("d", "1"), ("f", "4")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(seen.0, expected);
    }

    proptest! {
        /// Whatever serde_json takes, this takes, and the other way round: but for what serde_json's numbers and depth
        /// can't hold.
        #[test]
        fn agrees_with_serde_json(document in r#"[\[\]{}:,"a-c0-3.eE+\- \\untrfalse]{0,24}"#) {
            let ours = check(document.as_bytes());
            let theirs = serde_json::from_str::<serde::de::IgnoredAny>(&document);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours, theirs);
        }

        #[test]
        fn any_bytes_end_in_a_verdict(document in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Err(error) = check(&document) {
                prop_assert!(error.at <= document.len());
            }
        }
    }
}
