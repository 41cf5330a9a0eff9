//! A body that asks for a shorter answer than its caller did, because no more can be paid for.

use bytes::Bytes;

use super::scan::Scan;

/// `body` with every limit on the length of its answer at most `tokens`; where it has none, with the field `name` added.
/// `scan` is the body's own. Rare, so the body is copied, and is to be scanned again.
pub fn clip(body: &[u8], scan: &Scan, name: &str, tokens: u64) -> Bytes {
    let mut places: Vec<_> = scan
        .token_limits
        .iter()
        .flatten()
        .filter(|limit| limit.tokens.is_none_or(|wanted| wanted > tokens))
        .map(|limit| limit.place.clone())
        .collect();
    places.sort_by_key(|place| place.start);
    let number = tokens.to_string();
    let mut clipped = Vec::with_capacity(body.len() + name.len() + number.len() + 4);
    if scan.token_limits.iter().all(Option::is_none) {
        let rest = &body[scan.inside..];
        let comma = if rest.trim_ascii_start().starts_with(b"}") {
            ""
        } else {
            ","
        };
        clipped.extend_from_slice(&body[..scan.inside]);
        clipped.extend_from_slice(format!("\"{name}\":{number}{comma}").as_bytes());
        clipped.extend_from_slice(rest);
        return clipped.into();
    }
    let mut from = 0;
    for place in places {
        clipped.extend_from_slice(&body[from..place.start]);
        clipped.extend_from_slice(number.as_bytes());
        from = place.end;
    }
    clipped.extend_from_slice(&body[from..]);
    clipped.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::openai::request::scan;

    fn clipped(body: &str, tokens: u64) -> String {
        let found = scan(body.as_bytes()).unwrap();
        let clipped = clip(body.as_bytes(), &found, "max_completion_tokens", tokens);
        let again = scan(&clipped).unwrap();
        assert!(again.max_tokens.is_some_and(|most| most <= tokens), "{body}");
        String::from_utf8(clipped.to_vec()).unwrap()
    }

    #[test]
    fn limits_become_smaller_and_nothing_else_changes() {
        for (body, expected) in [
            (r#"{ "model":"m" }"#, r#"{"max_completion_tokens":7, "model":"m" }"#),
            ("{ }", r#"{"max_completion_tokens":7 }"#),
            (r#"{"max_tokens": 900,"n":2}"#, r#"{"max_tokens": 7,"n":2}"#),
            (r#"{"max_tokens":null}"#, r#"{"max_tokens":7}"#),
            (r#"{"max_tokens":5}"#, r#"{"max_tokens":5}"#),
            (
                r#"{"max_output_tokens":8,"x":{"max_tokens":99},"max_tokens":70000}"#,
                r#"{"max_output_tokens":7,"x":{"max_tokens":99},"max_tokens":7}"#,
            ),
            (
                r#"{"max_completion_tokens":3,"max_tokens":9}"#,
                r#"{"max_completion_tokens":3,"max_tokens":7}"#,
            ),
        ] {
            assert_eq!(clipped(body, 7), expected);
        }
    }
}
