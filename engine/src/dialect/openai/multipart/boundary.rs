//! The boundary that a form's content type names.

const LONGEST: usize = 70;

/// The boundary in a `content-type` of `multipart/form-data`; None where there is none, two, or a malformed one
/// (RFC 2046, section 5.1.1).
pub fn boundary(content_type: &str) -> Option<String> {
    let (_, mut rest) = content_type.split_once(';')?;
    let mut found = None;
    loop {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = value(after)?;
        if name.trim().eq_ignore_ascii_case("boundary") {
            if found.is_some() {
                return None;
            }
            found = Some(value);
        }
        match after.trim_start().strip_prefix(';') {
            Some(next) if !next.trim().is_empty() => rest = next,
            Some(_) => break,
            None if after.trim().is_empty() => break,
            None => return None,
        }
    }
    found.filter(|boundary| is_valid(boundary))
}

/// A parameter's value, quoted or not, and what follows it.
pub(super) fn value(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (inside, after) = quoted.split_once('"')?;
        // Readers differ in what a backslash does.
        return (!inside.contains('\\')).then(|| (inside.to_owned(), after));
    }
    let (value, after) = text.split_at(text.find(';').unwrap_or(text.len()));
    Some((value.trim().to_owned(), after))
}

fn is_valid(boundary: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    (1..=LONGEST).contains(&boundary.len()) && boundary.bytes().all(is_allowed) && !boundary.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_read() {
        for (content_type, expected) in [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("multipart/form-data;charset=utf-8; Boundary=\"a b:c\" ;", Some("a b:c")),
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
                Some("----WebKitFormBoundary7MA4YWxkTrZu0gW"),
            ),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=a; boundary=b", None),
            ("multipart/form-data; boundary=\"a", None),
            ("multipart/form-data; boundary=\"a\"b", None),
            ("multipart/form-data; boundary=\"a\\b\"", None),
            ("multipart/form-data; boundary=a\r\nb", None),
            ("multipart/form-data; boundary=\"a \"", None),
            ("multipart/form-data; charset=x", None),
        ] {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
        assert_eq!(boundary(&format!("m/f; boundary={}", "x".repeat(71))), None);
    }
}
