//! One pass over a body: all of it checked, a few fields read, nothing copied.

use std::borrow::Cow;
use std::ops::Range;

use super::error::{BodyError, BodyErrorKind, Fault};
use super::field::{Field, INCLUDE_USAGE, folded};
use crate::dialect::json::{Cursor, Text};

const LONGEST_MODEL: usize = 256;
const MOST_ANSWERS: u64 = 1_024;
const MOST_TOKENS: u64 = (1 << 31) - 1;

/// What a body says, as far as admission reads it. Ranges are bytes of the body that was scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scan {
    pub model: Option<Text>,
    /// False where it is absent or null.
    pub stream: bool,
    pub stream_options: StreamOptions,
    /// What the caller set; None where it is absent or null.
    pub include_usage: Option<bool>,
    /// The largest of `max_tokens`, `max_completion_tokens` and `max_output_tokens`, in tokens.
    pub max_tokens: Option<u64>,
    /// Where each of them stands, null included.
    pub(super) token_limits: [Option<TokenLimit>; 3],
    /// Where the value of `metadata` stands.
    pub metadata: Option<Range<usize>>,
    /// How many answers are asked for.
    pub n: Option<u64>,
    /// The length of the body, in bytes.
    pub input_bytes: u64,
    /// Just after the bracket that opens the body's object.
    pub(super) inside: usize,
}

/// A field that limits the length of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TokenLimit {
    pub place: Range<usize>,
    /// None for null.
    pub tokens: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StreamOptions {
    #[default]
    Absent,
    /// Where the `null` stands.
    Null(Range<usize>),
    Object {
        /// Just after the opening bracket.
        inside: usize,
        is_empty: bool,
        /// Where the value of `include_usage` stands: a boolean or null.
        include_usage: Option<Range<usize>>,
    },
}

impl Scan {
    /// The model's name; `body` is the one that was scanned.
    pub fn model<'a>(&self, body: &'a [u8]) -> Option<Cow<'a, str>> {
        match self.model?.decoded(body) {
            Cow::Borrowed(name) => std::str::from_utf8(name).ok().map(Cow::Borrowed),
            Cow::Owned(name) => String::from_utf8(name).ok().map(Cow::Owned),
        }
    }
}

/// Reads a request body, and checks all of it: UTF-8, JSON's grammar, nesting of at most 128, an object at the top, and
/// the types of the fields that are read, each of which may come once.
pub fn scan(body: &[u8]) -> Result<Scan, BodyError> {
    Scanner {
        scan: Scan::default(),
        seen: 0,
    }
    .run(body)
    .map_err(|fault| fault.locate(body))
}

struct Scanner {
    scan: Scan,
    /// The bits of the fields that have come.
    seen: u8,
}

impl Scanner {
    fn run(mut self, body: &[u8]) -> Result<Scan, Fault> {
        check_text(body)?;
        let mut cursor = Cursor::new(body);
        if cursor.peek() != Some(b'{') {
            let kind = if cursor.at() == body.len() {
                BodyErrorKind::Empty
            } else {
                BodyErrorKind::NotAnObject
            };
            return Err(Fault {
                kind,
                at: cursor.at(),
                param: None,
            });
        }
        self.scan.inside = cursor.at() + 1;
        cursor.members(|cursor, key| self.member(cursor, key))?;
        cursor.end()?;
        self.scan.input_bytes = body.len() as u64;
        Ok(self.scan)
    }

    fn member(&mut self, cursor: &mut Cursor<'_>, key: Text) -> Result<(), Fault> {
        let name = key.decoded(cursor.document());
        let Some(field) = Field::of(&name) else {
            return match folded(&name).and_then(|name| Field::of(&name)) {
                Some(field) => Err(wrong(BodyErrorKind::OtherCase, key, field.name())),
                None => Ok(cursor.skip_value()?),
            };
        };
        if self.seen & field.bit() != 0 {
            return Err(wrong(BodyErrorKind::Duplicate, key, field.name()));
        }
        self.seen |= field.bit();
        self.field(field, cursor)
    }

    fn field(&mut self, field: Field, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let name = field.name();
        match field {
            Field::Model => self.scan.model = Some(model(cursor)?),
            Field::Stream => self.scan.stream = boolean(cursor, name)?.unwrap_or(false),
            Field::StreamOptions => self.stream_options(cursor)?,
            Field::N => self.scan.n = integer(cursor, name, MOST_ANSWERS, "an integer from 1 to 1024, or null")?,
            Field::MaxTokens => self.token_limit(0, cursor, name)?,
            Field::MaxCompletionTokens => self.token_limit(1, cursor, name)?,
            Field::MaxOutputTokens => self.token_limit(2, cursor, name)?,
            Field::Metadata => {
                let at = cursor.at();
                cursor.skip_value()?;
                self.scan.metadata = Some(at..cursor.at());
            }
        }
        Ok(())
    }

    fn token_limit(&mut self, slot: usize, cursor: &mut Cursor<'_>, name: &'static str) -> Result<(), Fault> {
        let at = cursor.at();
        let tokens = integer(cursor, name, MOST_TOKENS, "an integer from 1 to 2147483647, or null")?;
        self.scan.max_tokens = self.scan.max_tokens.max(tokens);
        self.scan.token_limits[slot] = Some(TokenLimit {
            place: at..cursor.at(),
            tokens,
        });
        Ok(())
    }

    fn stream_options(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Fault> {
        let at = cursor.at();
        match cursor.peek() {
            Some(b'n') => {
                cursor.word(b"null")?;
                self.scan.stream_options = StreamOptions::Null(at..cursor.at());
                return Ok(());
            }
            Some(b'{') => {}
            _ => return Err(must_be("an object or null", at, Field::StreamOptions.name())),
        }
        let mut is_empty = true;
        let mut include_usage = None;
        cursor.members(|cursor, key| {
            is_empty = false;
            self.stream_option(cursor, key, &mut include_usage)
        })?;
        self.scan.stream_options = StreamOptions::Object {
            inside: at + 1,
            is_empty,
            include_usage,
        };
        Ok(())
    }

    fn stream_option(
        &mut self,
        cursor: &mut Cursor<'_>,
        key: Text,
        include_usage: &mut Option<Range<usize>>,
    ) -> Result<(), Fault> {
        let name = key.decoded(cursor.document());
        if *name != *INCLUDE_USAGE.as_bytes() {
            return match folded(&name) {
                Some(name) if name == INCLUDE_USAGE.as_bytes() => {
                    Err(wrong(BodyErrorKind::OtherCase, key, "stream_options.include_usage"))
                }
                _ => Ok(cursor.skip_value()?),
            };
        }
        if include_usage.is_some() {
            return Err(wrong(BodyErrorKind::Duplicate, key, "stream_options.include_usage"));
        }
        let at = cursor.at();
        self.scan.include_usage = boolean(cursor, "stream_options.include_usage")?;
        *include_usage = Some(at..cursor.at());
        Ok(())
    }
}

fn wrong(kind: BodyErrorKind, key: Text, param: &'static str) -> Fault {
    Fault {
        kind,
        at: key.literal().start,
        param: Some(param),
    }
}

fn must_be(what: &'static str, at: usize, param: &'static str) -> Fault {
    Fault {
        kind: BodyErrorKind::MustBe(what),
        at,
        param: Some(param),
    }
}

fn check_text(body: &[u8]) -> Result<(), Fault> {
    let fault = |kind, at| Fault { kind, at, param: None };
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(fault(BodyErrorKind::ByteOrderMark, 0));
    }
    std::str::from_utf8(body)
        .map(|_| ())
        .map_err(|error| fault(BodyErrorKind::NotUtf8, error.valid_up_to()))
}

fn model(cursor: &mut Cursor<'_>) -> Result<Text, Fault> {
    const WHAT: &str = "a string of 1 to 256 bytes without control characters";
    let at = cursor.at();
    if cursor.peek() != Some(b'"') {
        return Err(must_be(WHAT, at, "model"));
    }
    let text = cursor.string()?;
    let name = text.decoded(cursor.document());
    let is_fit = (1..=LONGEST_MODEL).contains(&name.len())
        && std::str::from_utf8(&name).is_ok_and(|name| !name.chars().any(char::is_control));
    if is_fit {
        Ok(text)
    } else {
        Err(must_be(WHAT, at, "model"))
    }
}

fn boolean(cursor: &mut Cursor<'_>, param: &'static str) -> Result<Option<bool>, Fault> {
    let (word, value): (&[u8], _) = match cursor.peek() {
        Some(b't') => (b"true", Some(true)),
        Some(b'f') => (b"false", Some(false)),
        Some(b'n') => (b"null", None),
        _ => return Err(must_be("true, false or null", cursor.at(), param)),
    };
    cursor.word(word)?;
    Ok(value)
}

/// An integer from 1 to `most`.
fn integer(cursor: &mut Cursor<'_>, param: &'static str, most: u64, what: &'static str) -> Result<Option<u64>, Fault> {
    let at = cursor.at();
    match cursor.peek() {
        Some(b'n') => {
            cursor.word(b"null")?;
            return Ok(None);
        }
        Some(b'-' | b'0'..=b'9') => {}
        _ => return Err(must_be(what, at, param)),
    }
    let digits = std::str::from_utf8(cursor.number()?).unwrap_or_default();
    match digits.parse() {
        Ok(value) if (1..=most).contains(&value) => Ok(Some(value)),
        _ => Err(must_be(what, at, param)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialect::json::ErrorKind;

    fn refused(body: &str) -> (BodyErrorKind, Option<&'static str>) {
        let error = scan(body.as_bytes()).expect_err(body);
        (error.kind, error.param)
    }

    fn model_of(body: &str) -> String {
        scan(body.as_bytes())
            .unwrap()
            .model(body.as_bytes())
            .unwrap()
            .into_owned()
    }

    #[test]
    fn the_fields_are_read() {
        let body = r#"{ "messages":[{"model":"no","n":7}], "model" : "gpt-4o", "stream":true, "n":2,
            "stream_options":{"x":1,"include_usage":false}, "max_tokens":5, "max_completion_tokens":9, "new":{"n":"x"}}"#;
        let scan = scan(body.as_bytes()).unwrap();
        assert_eq!(scan.model(body.as_bytes()).as_deref(), Some("gpt-4o"));
        assert_eq!(
            (scan.stream, scan.n, scan.max_tokens, scan.include_usage),
            (true, Some(2), Some(9), Some(false))
        );
        assert_eq!(scan.input_bytes, body.len() as u64);
    }

    #[test]
    fn null_is_absent() {
        let body = r#"{"stream":null,"n":null,"max_tokens":null,"stream_options":null}"#;
        let scan = scan(body.as_bytes()).unwrap();
        assert_eq!(
            (scan.stream, scan.n, scan.max_tokens, scan.include_usage),
            (false, None, None, None)
        );
        assert_eq!(scan.model(body.as_bytes()), None);
        assert_eq!(scan.stream_options, StreamOptions::Null(body.len() - 5..body.len() - 1));
    }

    #[test]
    fn escaped_names_and_values_are_what_they_say() {
        assert_eq!(model_of(r#"{"mod\u0065l":"a\/b\u00e9"}"#), "a/bé");
        assert_eq!(model_of(r#"{"model":"\ud83d\ude00"}"#), "😀");
    }

    #[test]
    fn a_field_comes_once() {
        for (body, param) in [
            (r#"{"model":"a","model":"a"}"#, "model"),
            (r#"{"model":"a","mod\u0065l":"b"}"#, "model"),
            (r#"{"stream":true,"stream":true}"#, "stream"),
            (r#"{"max_output_tokens":1,"max_output_tokens":2}"#, "max_output_tokens"),
            (r#"{"stream_options":null,"stream_options":{}}"#, "stream_options"),
            (
                r#"{"stream_options":{"include_usage":null,"include_usage":true}}"#,
                "stream_options.include_usage",
            ),
        ] {
            assert_eq!(refused(body), (BodyErrorKind::Duplicate, Some(param)), "{body}");
        }
        assert!(scan(br#"{"other":1,"other":2}"#).is_ok());
    }

    #[test]
    fn other_cases_are_refused() {
        for (body, param) in [
            (r#"{"model":"a","Model":"b"}"#, "model"),
            (r#"{"MAX_TOKENS":1}"#, "max_tokens"),
            ("{\"\u{17f}tream\":true}", "stream"),
            (r#"{"\u017ftream":true}"#, "stream"),
            (
                r#"{"stream_options":{"Include_usage":true}}"#,
                "stream_options.include_usage",
            ),
        ] {
            assert_eq!(refused(body), (BodyErrorKind::OtherCase, Some(param)), "{body}");
        }
        assert!(scan(r#"{"Modell":1,"é":2,"maxTokens":3}"#.as_bytes()).is_ok());
    }

    #[test]
    fn wrong_types_are_named() {
        let long = format!(r#"{{"model":"{}"}}"#, "m".repeat(LONGEST_MODEL + 1));
        for (body, param) in [
            (r#"{"model":1}"#, "model"),
            (r#"{"model":null}"#, "model"),
            (r#"{"model":""}"#, "model"),
            (r#"{"model":"a\nb"}"#, "model"),
            (r#"{"model":"a\u0085"}"#, "model"),
            (&long, "model"),
            (r#"{"stream":1}"#, "stream"),
            (r#"{"stream":"true"}"#, "stream"),
            (r#"{"stream_options":[]}"#, "stream_options"),
            (
                r#"{"stream_options":{"include_usage":1}}"#,
                "stream_options.include_usage",
            ),
            (r#"{"n":0}"#, "n"),
            (r#"{"n":1025}"#, "n"),
            (r#"{"n":1.0}"#, "n"),
            (r#"{"n":-1}"#, "n"),
            (r#"{"max_tokens":2147483648}"#, "max_tokens"),
            (r#"{"max_tokens":1e3}"#, "max_tokens"),
            (r#"{"max_tokens":"5"}"#, "max_tokens"),
            (
                r#"{"max_completion_tokens":99999999999999999999999}"#,
                "max_completion_tokens",
            ),
        ] {
            let (kind, named) = refused(body);
            assert!(matches!(kind, BodyErrorKind::MustBe(_)), "{body}: {kind:?}");
            assert_eq!(named, Some(param), "{body}");
        }
    }

    #[test]
    fn what_is_no_object_in_utf8_is_refused() {
        let kind = |body: &[u8]| scan(body).unwrap_err().kind;
        assert_eq!(kind(b""), BodyErrorKind::Empty);
        assert_eq!(kind(b" \n"), BodyErrorKind::Empty);
        assert_eq!(kind(b"\xef\xbb\xbf{}"), BodyErrorKind::ByteOrderMark);
        assert_eq!(kind(b"{\"a\":\"\xff\"}"), BodyErrorKind::NotUtf8);
        assert_eq!(kind(b"\xff\xfe{\0}\0"), BodyErrorKind::NotUtf8);
        assert_eq!(kind(b"{\0}\0"), BodyErrorKind::Json(ErrorKind::ExpectedKey));
        assert_eq!(kind(b"[]"), BodyErrorKind::NotAnObject);
        assert_eq!(kind(b"{}{}"), BodyErrorKind::Json(ErrorKind::TrailingBytes));
        assert_eq!(kind(br#"{"a":NaN}"#), BodyErrorKind::Json(ErrorKind::ExpectedValue));
        assert_eq!(
            kind(br#"{"a":"\ud800"}"#),
            BodyErrorKind::Json(ErrorKind::LoneSurrogate)
        );
        let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(128), "]".repeat(128));
        assert_eq!(kind(deep.as_bytes()), BodyErrorKind::Json(ErrorKind::TooDeep));
    }

    #[test]
    fn numbers_that_we_do_not_read_may_be_of_any_size() {
        let digits = "9".repeat(5_000);
        assert!(scan(format!(r#"{{"seed":{digits},"x":1e400}}"#).as_bytes()).is_ok());
    }

    #[test]
    fn an_error_says_where() {
        let error = scan(b"{\n  \"a\": tru\n}").unwrap_err();
        assert_eq!((error.line, error.column, error.offset), (2, 8, 9));
        let expected = "The request body is not valid JSON: a value was expected (line 2, column 8, byte 9).";
        assert_eq!(error.to_string(), expected);
        let error = scan(br#"{"n":0}"#).unwrap_err();
        let expected = "The field 'n' must be an integer from 1 to 1024, or null (line 1, column 6, byte 5).";
        assert_eq!(error.to_string(), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_a_verdict(body in prop::collection::vec(any::<u8>(), 0..80)) {
            if let Err(error) = scan(&body) {
                prop_assert!(error.offset <= body.len());
            }
        }

        /// What is accepted is JSON to another reader, which reads the same model.
        #[test]
        fn agrees_with_serde_json(body in r#"\{("(model|mod\\u0065l|stream|n|x)":("[a-c]"|true|null|[1-3]|\{\}|\[1\]),?){0,4}\}"#) {
            let Ok(scan) = scan(body.as_bytes()) else { return Ok(()) };
            let value: serde_json::Value = serde_json::from_str(&body).unwrap();
            let model = scan.model(body.as_bytes());
            prop_assert_eq!(model.as_deref(), value["model"].as_str());
            prop_assert_eq!(scan.stream, value["stream"].as_bool().unwrap_or(false));
        }
    }
}
