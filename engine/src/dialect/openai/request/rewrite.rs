//! The body that goes to a target: the caller's own bytes, but for the model's name and the request for usage.

use std::ops::Range;

use bytes::Bytes;

use super::scan::{Scan, StreamOptions};
use crate::dialect::json::quoted;

/// Below this a copy into one buffer costs less than writing several pieces.
const ONE_BUFFER: usize = 16 * 1024;
/// Two edits, and what stands before, between and after them.
const MOST_PIECES: usize = 5;

/// A body in pieces, in order. Pieces of the original share its memory.
#[derive(Debug, Clone, Default)]
pub struct Pieces {
    /// Unused ones are empty.
    pieces: [Bytes; MOST_PIECES],
}

impl Pieces {
    /// In bytes.
    pub fn len(&self) -> usize {
        self.pieces.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn one(whole: Bytes) -> Self {
        Self {
            pieces: [whole, Bytes::new(), Bytes::new(), Bytes::new(), Bytes::new()],
        }
    }
}

impl IntoIterator for Pieces {
    type Item = Bytes;
    type IntoIter = std::iter::Filter<std::array::IntoIter<Bytes, MOST_PIECES>, fn(&Bytes) -> bool>;

    fn into_iter(self) -> Self::IntoIter {
        self.pieces.into_iter().filter(|piece| !piece.is_empty())
    }
}

/// Bytes to put in the place of others.
struct Edit {
    place: Range<usize>,
    text: Vec<u8>,
}

/// `body`, with `model` in place of the name in it, and asking for usage where `ask_usage` and the body asks for a
/// stream. `scan` is the body's own. A body that names no model stays without.
pub fn rewrite(body: &Bytes, scan: &Scan, model: Option<&str>, ask_usage: bool) -> Pieces {
    let model = model.and_then(|model| model_edit(body, scan, model));
    let usage = if ask_usage { usage_edit(scan) } else { None };
    match (model, usage) {
        (None, None) => Pieces::one(body.clone()),
        (Some(edit), None) | (None, Some(edit)) => apply(body, &mut [edit]),
        (Some(model), Some(usage)) => apply(body, &mut [model, usage]),
    }
}

fn model_edit(body: &[u8], scan: &Scan, model: &str) -> Option<Edit> {
    let place = scan.model?.literal();
    let is_same = scan.model(body).is_some_and(|name| name == model);
    (!is_same).then(|| Edit {
        place,
        text: quoted(model),
    })
}

fn usage_edit(scan: &Scan) -> Option<Edit> {
    if !scan.stream || scan.include_usage == Some(true) {
        return None;
    }
    let (place, text): (_, &[u8]) = match &scan.stream_options {
        // A body that asks for a stream has at least that member after this one.
        StreamOptions::Absent => (scan.inside..scan.inside, br#""stream_options":{"include_usage":true},"#),
        StreamOptions::Null(place) => (place.clone(), br#"{"include_usage":true}"#),
        StreamOptions::Object {
            include_usage: Some(place),
            ..
        } => (place.clone(), b"true"),
        StreamOptions::Object {
            inside, is_empty: true, ..
        } => (*inside..*inside, br#""include_usage":true"#),
        StreamOptions::Object {
            inside,
            is_empty: false,
            ..
        } => (*inside..*inside, br#""include_usage":true,"#),
    };
    Some(Edit {
        place,
        text: text.to_vec(),
    })
}

fn apply(body: &Bytes, edits: &mut [Edit]) -> Pieces {
    edits.sort_by_key(|edit| edit.place.start);
    let mut pieces = Pieces::default();
    let mut slots = pieces.pieces.iter_mut();
    let mut put = |piece| {
        if let Some(slot) = slots.next() {
            *slot = piece;
        }
    };
    let mut from = 0;
    for edit in edits {
        put(body.slice(from..edit.place.start));
        put(Bytes::from(std::mem::take(&mut edit.text)));
        from = edit.place.end;
    }
    put(body.slice(from..));
    if pieces.len() < ONE_BUFFER {
        Pieces::one(pieces.pieces.concat().into())
    } else {
        pieces
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialect::openai::request::scan;

    fn rewritten(body: &str, model: Option<&str>, ask_usage: bool) -> String {
        let body = Bytes::from(body.to_owned());
        let scan = scan(&body).unwrap();
        let pieces = rewrite(&body, &scan, model, ask_usage);
        let length = pieces.len();
        let whole = pieces.into_iter().collect::<Vec<_>>().concat();
        assert_eq!(whole.len(), length);
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn only_what_must_change_changes() {
        for (body, expected) in [
            (
                r#"{ "stream":true,"model":"a" }"#,
                r#"{"stream_options":{"include_usage":true}, "stream":true,"model":"b/\"c" }"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":null}"#,
                r#"{"model":"b/\"c","stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                r#"{"model":"a","stream":true,"stream_options":{ }}"#,
                r#"{"model":"b/\"c","stream":true,"stream_options":{"include_usage":true }}"#,
            ),
            (
                r#"{"stream_options":{"x":1},"model":"a","stream":true}"#,
                r#"{"stream_options":{"include_usage":true,"x":1},"model":"b/\"c","stream":true}"#,
            ),
            (
                r#"{"stream_options":{"include_usage": false},"stream":true}"#,
                r#"{"stream_options":{"include_usage": true},"stream":true}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":null},"stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (r#"{"model":"a","stream":false}"#, r#"{"model":"b/\"c","stream":false}"#),
        ] {
            assert_eq!(rewritten(body, Some("b/\"c"), true), expected);
        }
    }

    #[test]
    fn an_unchanged_body_is_the_same_memory() {
        let body = Bytes::from_static(br#"{"model":"\u0061","stream":true}"#);
        let scan = scan(&body).unwrap();
        for pieces in [
            rewrite(&body, &scan, None, false),
            rewrite(&body, &scan, Some("a"), false),
        ] {
            let pieces: Vec<_> = pieces.into_iter().collect();
            assert_eq!(pieces.len(), 1);
            assert_eq!(pieces[0].as_ptr(), body.as_ptr());
        }
    }

    #[test]
    fn a_long_body_is_not_copied() {
        let body = Bytes::from(format!(
            r#"{{"model":"a","stream":true,"input":"{}"}}"#,
            "x".repeat(ONE_BUFFER)
        ));
        let scan = scan(&body).unwrap();
        let pieces: Vec<_> = rewrite(&body, &scan, Some("b"), true).into_iter().collect();
        assert_eq!(pieces.len(), 5);
        let end = body.as_ptr_range().end;
        assert_eq!(pieces[4].as_ptr_range().end, end);
    }

    prop_compose! {
        fn member()(member in prop_oneof![
            Just(r#""stream":true"#.to_owned()),
            Just(r#""stream":false"#.to_owned()),
            "\"model\" ?: ?\"[a-c\u{e9}/]{1,3}\"",
            "\"(x|y|model2)\":(1|\"model\"|\\{\"model\":\"z\"\\}|\\[true\\])",
            "\"stream_options\":(null|\\{\\}|\\{ \"include_usage\": ?(true|false|null)\\}|\\{\"a\":\\{\"include_usage\":1\\}\\})",
        ]) -> String { member }
    }

    proptest! {
        #[test]
        fn the_target_reads_what_was_authorised(
            members in prop::collection::vec(member(), 0..6),
            model in "[a-z/:\"\\\\é\u{1}]{1,12}",
            filler in 0..2_usize,
            ask in any::<bool>(),
        ) {
            let padding = format!("\"pad\":\"{}\"", "p".repeat(filler * ONE_BUFFER));
            let body = Bytes::from(format!("{{{}}}", [members, vec![padding]].concat().join(",")));
            let Ok(before) = scan(&body) else { return Ok(()) };
            let pieces = rewrite(&body, &before, Some(&model), ask).into_iter().collect::<Vec<_>>().concat();
            // A name with a control character would be refused from a caller; catalogues have none either.
            let Ok(after) = scan(&pieces) else {
                let has_control = model.contains('\u{1}');
                prop_assert!(has_control && before.model.is_some());
                return Ok(());
            };
            let named = after.model(&pieces);
            prop_assert_eq!(named.as_deref(), before.model.map(|_| model.as_str()));
            if ask && before.stream {
                prop_assert_eq!(after.include_usage, Some(true));
            } else {
                prop_assert_eq!(after.include_usage, before.include_usage);
            }
            // Everything else is as it was.
            let mut expected: serde_json::Value = serde_json::from_slice(&body).unwrap();
            if before.model.is_some() {
                expected["model"] = model.into();
            }
            if ask && before.stream {
                if !expected["stream_options"].is_object() {
                    expected["stream_options"] = serde_json::json!({});
                }
                expected["stream_options"]["include_usage"] = true.into();
            }
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&pieces).unwrap(), expected);
        }
    }
}
