//! What a caller labels a request with, for reports: the strings of the body's `metadata`, and the header
//! `x-headworks-tags: team=search,run=7`, which wins. Both are bounded; what does not fit is left out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::intake::{Intake, IntakeBody};
use crate::meter::{LONGEST_TAGS, Tags};

pub const X_TAGS: HeaderName = HeaderName::from_static("x-headworks-tags");
/// Of a name and of a value, in characters, as OpenAI bounds its metadata
/// (<https://platform.openai.com/docs/api-reference/chat/create>).
const LONGEST_NAME: usize = 64;
const LONGEST_VALUE: usize = 512;

/// Most requests have none, and cost nothing here.
pub fn of(headers: &HeaderMap, intake: &Intake) -> Tags {
    let metadata = match &intake.body {
        IntakeBody::Json { body, scan } => scan.metadata.clone().map(|place| &body[place]),
        _ => None,
    };
    if metadata.is_none() && !headers.contains_key(X_TAGS) {
        return Tags::default();
    }
    let mut tags = BTreeMap::new();
    if let Some(Value::Object(members)) = metadata.and_then(|text| serde_json::from_slice(text).ok()) {
        let strings = members.into_iter().filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        });
        tags.extend(strings);
    }
    for value in headers.get_all(X_TAGS) {
        let pairs = value.to_str().unwrap_or_default().split(',');
        let named = pairs.filter_map(|pair| pair.split_once('='));
        tags.extend(named.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())));
    }
    written(&tags)
}

/// Sorted, in ASCII, as JSON.
fn written(tags: &BTreeMap<String, String>) -> Tags {
    let mut text = String::from("{");
    for (name, value) in tags {
        let fits = !name.is_empty() && name.chars().count() <= LONGEST_NAME && value.chars().count() <= LONGEST_VALUE;
        let comma = if text.len() > 1 { "," } else { "" };
        let pair = format!("{comma}{}:{}", quoted(name), quoted(value));
        if fits && text.len() + pair.len() < LONGEST_TAGS {
            text.push_str(&pair);
        }
    }
    if text.len() == 1 {
        return Tags::default();
    }
    text.push('}');
    text.into()
}

/// A NUL, which PostgreSQL takes in no form, becomes a replacement character.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            ' '..='~' => out.push(character),
            '\0' => out.push_str("\\ufffd"),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> String {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        written(&owned.collect()).into()
    }

    #[test]
    fn tags_are_sorted_ascii_json() {
        assert_eq!(tags(&[]), "");
        assert_eq!(tags(&[("b", "2"), ("a", "\"\\")]), r#"{"a":"\"\\","b":"2"}"#);
        let odd = tags(&[("é", "a\0b\n\u{202e}😀")]);
        assert!(odd.is_ascii(), "{odd}");
        let read: BTreeMap<String, String> = serde_json::from_str(&odd).unwrap();
        assert_eq!(read["é"], "a\u{fffd}b\n\u{202e}😀");
    }

    #[test]
    fn what_does_not_fit_is_left_out() {
        let (long_name, long_value) = ("n".repeat(LONGEST_NAME + 1), "v".repeat(LONGEST_VALUE + 1));
        assert_eq!(
            tags(&[(&long_name, "1"), ("a", &long_value), ("", "x"), ("b", "2")]),
            r#"{"b":"2"}"#
        );
        let value = "é".repeat(LONGEST_VALUE);
        let most = tags(&[("a", "1"), ("b", &value), ("c", "3")]);
        assert_eq!(most, r#"{"a":"1","c":"3"}"#);
        let many: Vec<(String, String)> = (0..100).map(|n| (format!("name{n:03}"), "x".repeat(20))).collect();
        let pairs: Vec<_> = many
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert!(tags(&pairs).len() <= LONGEST_TAGS);
        assert!(tags(&pairs).len() > LONGEST_TAGS - 40);
    }
}
