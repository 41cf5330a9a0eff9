//! A few members of a document that comes in frames and is too long to keep: found by counting brackets, not checked.

/// A member whose value is longer than this is given up.
const LONGEST_VALUE: usize = 64 * 1024;
/// A shorter stretch is unrolled by the compiler before it can be made vector instructions.
const WIDE: usize = 64;

/// No name that is looked for is longer.
const LONGEST_NAME: usize = 20;

/// Looks for members of the outermost object; of an array of objects, or of several documents, for those of each.
#[derive(Debug)]
pub struct Skimmer<const N: usize> {
    names: [&'static str; N],
    /// Whether documents may follow each other.
    in_lines: bool,
    /// The brackets around the objects that are looked into: 1 in an array.
    base: usize,
    place: Place,
    depth: usize,
    top: Top,
    /// What has come of the string in the key's place; None where it can be no name.
    key: Option<Key>,
    /// Which of the names the value is of.
    found: usize,
    value: Vec<u8>,
    last: [Option<Vec<u8>>; N],
}

#[derive(Debug, Default, Clone, Copy)]
struct Key {
    bytes: [u8; LONGEST_NAME],
    length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Plain,
    String,
    Escape,
}

/// Where in the outermost bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Top {
    Before,
    /// Between the objects of an array.
    Array,
    /// In an object, where a member's name stands or may follow.
    Name,
    /// In a value that is not looked for.
    Other,
    /// In the value that is looked for.
    Value,
    After,
    /// Something follows the document's end, or it is no object.
    Wrong,
}

impl<const N: usize> Skimmer<N> {
    pub fn new(names: [&'static str; N]) -> Self {
        Self {
            names,
            in_lines: false,
            base: 0,
            place: Place::Plain,
            depth: 0,
            top: Top::Before,
            key: None,
            found: 0,
            value: Vec::new(),
            last: [const { None }; N],
        }
    }

    /// For a document in each line.
    #[must_use]
    pub fn in_lines(self) -> Self {
        Self { in_lines: true, ..self }
    }

    pub fn feed(&mut self, mut frame: &[u8]) {
        while !frame.is_empty() && self.top != Top::Wrong {
            let length = self.advance(frame);
            let (passed, rest) = frame.split_at(length);
            if self.top == Top::Value && self.value.len() <= LONGEST_VALUE {
                self.value.extend_from_slice(passed);
            }
            frame = rest;
        }
    }

    /// The last value that each member had, as it was written.
    pub fn values(&self) -> [Option<&[u8]>; N] {
        self.last.each_ref().map(Option::as_deref)
    }

    /// Whether the outermost bracket was closed, and nothing but space came after it. Lines need not be objects, so what
    /// is none is complete there.
    pub fn is_complete(&self) -> bool {
        self.top == Top::After || (self.in_lines && matches!(self.top, Top::Before | Top::Wrong))
    }

    /// Passes over a stretch of the frame; returns its length, which is never 0.
    fn advance(&mut self, frame: &[u8]) -> usize {
        match self.place {
            Place::Plain => self.plain(frame),
            Place::String => self.string(frame),
            Place::Escape => {
                self.place = Place::String;
                1
            }
        }
    }

    fn string(&mut self, frame: &[u8]) -> usize {
        let found = memchr::memchr2(b'"', b'\\', frame);
        let length = found.unwrap_or(frame.len());
        if self.top == Top::Name && self.depth == self.base + 1 {
            self.extend_key(&frame[..length]);
        }
        match found.map(|at| frame[at]) {
            Some(b'"') => self.place = Place::Plain,
            Some(_) => {
                self.place = Place::Escape;
                self.key = None;
            }
            None => return length,
        }
        length + 1
    }

    fn extend_key(&mut self, part: &[u8]) {
        self.key = self.key.and_then(|mut key| {
            let end = key.length + part.len();
            key.bytes.get_mut(key.length..end)?.copy_from_slice(part);
            key.length = end;
            Some(key)
        });
    }

    fn name_of_key(&self) -> Option<usize> {
        let key = self.key.as_ref()?;
        let key = &key.bytes[..key.length];
        self.names.iter().position(|name| name.as_bytes() == key)
    }

    fn plain(&mut self, frame: &[u8]) -> usize {
        if self.depth > self.base + 1 {
            let skipped = skip_to_bracket(frame);
            if skipped > 0 {
                return skipped;
            }
        }
        match frame[0] {
            b'"' => {
                self.place = Place::String;
                self.key = Some(Key::default());
                if self.depth == 0 {
                    self.top = Top::Wrong;
                }
            }
            b'{' | b'[' => self.open(frame[0]),
            b'}' | b']' => self.close(),
            byte if self.depth == self.base + 1 => self.between(byte),
            byte if self.depth == 0 && !byte.is_ascii_whitespace() => self.top = Top::Wrong,
            _ => {}
        }
        1
    }

    fn open(&mut self, bracket: u8) {
        self.depth += 1;
        let is_object = bracket == b'{';
        let may_begin = self.top == Top::Before || (self.in_lines && self.top == Top::After);
        match self.depth {
            1 if may_begin && is_object => (self.top, self.base) = (Top::Name, 0),
            1 if may_begin => (self.top, self.base) = (Top::Array, 1),
            1 => self.top = Top::Wrong,
            2 if self.base == 1 => self.top = if is_object { Top::Name } else { Top::Other },
            _ => {}
        }
    }

    fn close(&mut self) {
        if self.depth == self.base + 1 {
            self.end_value();
            self.top = Top::Array;
        }
        if self.depth == 1 {
            self.top = Top::After;
        }
        match self.depth.checked_sub(1) {
            Some(depth) => self.depth = depth,
            None => self.top = Top::Wrong,
        }
    }

    /// A byte between the members of an object that is looked into.
    fn between(&mut self, byte: u8) {
        match (byte, self.top) {
            (b':', Top::Name) => {
                // The colon itself is put in front of the value, and taken off at its end.
                match self.name_of_key() {
                    Some(found) => (self.top, self.found) = (Top::Value, found),
                    None => self.top = Top::Other,
                }
                self.value.clear();
            }
            (b',', _) => {
                self.end_value();
                self.top = Top::Name;
            }
            _ => {}
        }
    }

    fn end_value(&mut self) {
        if self.top == Top::Value && self.value.len() <= LONGEST_VALUE {
            let value = self.value.strip_prefix(b":").unwrap_or(&self.value);
            self.last[self.found] = Some(value.trim_ascii().to_vec());
        }
    }
}

/// How many bytes come before the next quote or bracket.
fn skip_to_bracket(frame: &[u8]) -> usize {
    let mut at = 0;
    while let Some(bytes) = frame[at..].first_chunk::<WIDE>() {
        // No early exit: the compiler turns this into vector instructions.
        if bytes.iter().fold(false, |any, byte| any | is_bracket(*byte)) {
            break;
        }
        at += WIDE;
    }
    let rest = &frame[at..];
    at + rest.iter().position(|byte| is_bracket(*byte)).unwrap_or(rest.len())
}

/// Quotes too. Square brackets differ from curly ones in one bit.
fn is_bracket(byte: u8) -> bool {
    byte == b'"' || byte | 0x20 == b'{' || byte | 0x20 == b'}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn skim(document: &[u8], step: usize) -> (Option<Vec<u8>>, bool) {
        let mut skimmer = Skimmer::new(["usage"]);
        for frame in document.chunks(step.max(1)) {
            skimmer.feed(frame);
        }
        (skimmer.values()[0].map(<[u8]>::to_vec), skimmer.is_complete())
    }

    #[test]
    fn only_the_top_level_member_counts() {
        for (document, expected) in [
            (r#"{"usage": {"a":[1,"}"]} , "b":2}"#, Some(r#"{"a":[1,"}"]}"#)),
            (r#"{"b":{"usage":1},"c":["usage",{"usage":2}]}"#, None),
            (r#"{"b":"usage","usage":3}"#, Some("3")),
            (r#"{"b":"\"usage\":9","usage":null}"#, Some("null")),
            (r#"{"usage":1,"usage":2}"#, Some("2")),
            (r#"{"usages":1,"usag":2,"us\u0061ge":3}"#, None),
            (
                r#"[{"usage":1},{"a":{"usage":2}},[{"usage":3}],"usage",{"usage":4}]"#,
                Some("4"),
            ),
            (r#"[["usage",{"usage":3}],{}]"#, None),
        ] {
            for step in 1..document.len() {
                let (value, _) = skim(document.as_bytes(), step);
                assert_eq!(value.as_deref(), expected.map(str::as_bytes), "{document} by {step}");
            }
        }
    }

    #[test]
    fn an_end_is_told_from_a_cut() {
        for (document, expected) in [
            ("{}", true),
            ("{\"a\":[{}]} \r\n", true),
            ("[{\"a\":[{}]},[1]] ", true),
            ("[]", true),
            ("[{}", false),
            ("[{}]]", false),
            ("[][]", false),
            ("{", false),
            ("{\"a\":\"}", false),
            ("{\"a\":{}", false),
            ("{}x", false),
            ("{}{}", false),
            ("}", false),
            ("", false),
            ("<html>", false),
        ] {
            for step in 1..=document.len().max(1) {
                assert_eq!(skim(document.as_bytes(), step).1, expected, "{document} by {step}");
            }
        }
    }

    #[test]
    fn documents_may_follow_each_other_in_lines() {
        for (document, expected, is_complete) in [
            ("{\"usage\":1}\n{\"usage\":2}\n", Some("2"), true),
            ("{\"usage\":1}\n{\"b\":{\"usage\":2}}", Some("1"), true),
            ("{\"usage\":1}\n{\"b\":", Some("1"), false),
            ("[{\"usage\":1}]\n{\"usage\":2}", Some("2"), true),
            ("1\n2\n", None, true),
            ("", None, true),
        ] {
            for step in 1..=document.len().max(1) {
                let mut skimmer = Skimmer::new(["usage"]).in_lines();
                document.as_bytes().chunks(step).for_each(|frame| skimmer.feed(frame));
                assert_eq!(skimmer.values()[0], expected.map(str::as_bytes), "{document} by {step}");
                assert_eq!(skimmer.is_complete(), is_complete, "{document} by {step}");
            }
        }
    }

    #[test]
    fn an_endless_value_is_given_up() {
        let document = format!(r#"{{"usage":"{}","b":1}}"#, "x".repeat(LONGEST_VALUE));
        assert_eq!(skim(document.as_bytes(), 1000), (None, true));
    }

    proptest! {
        #[test]
        fn frames_do_not_matter(document in r#"[{\[]?("usage"|"[a-z\\"]{0,3}"|[\[\]{}:, 0-9a-z]){0,12}"#, step in 1..9_usize) {
            prop_assert_eq!(skim(document.as_bytes(), step), skim(document.as_bytes(), document.len()));
        }
    }
}
