//! The headers of one part: which field it is.

use super::MultipartError;
use super::boundary::value;

/// What a part is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Model,
    Stream,
    Other,
}

/// Reads a part's headers, without the empty line that ends them.
pub fn part(headers: &[u8]) -> Result<Part, MultipartError> {
    let headers = std::str::from_utf8(headers).map_err(|_| MultipartError::BadHeaders)?;
    let mut disposition = None;
    let mut is_encoded = false;
    for line in headers.split("\r\n") {
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case("content-disposition") {
            if disposition.is_some() {
                return Err(MultipartError::NoName);
            }
            disposition = Some(value);
        } else if name.eq_ignore_ascii_case("content-transfer-encoding") {
            is_encoded = !["7bit", "8bit", "binary"]
                .iter()
                .any(|plain| value.eq_ignore_ascii_case(plain));
        }
    }
    let (name, is_file) = disposition.and_then(form_data).ok_or(MultipartError::NoName)?;
    let part = match name.as_str() {
        "model" => Part::Model,
        "stream" => Part::Stream,
        _ => return Ok(Part::Other),
    };
    if is_file || is_encoded {
        Err(MultipartError::NotPlain)
    } else {
        Ok(part)
    }
}

fn header(line: &str) -> Result<(&str, &str), MultipartError> {
    let (name, value) = line.split_once(':').ok_or(MultipartError::BadHeaders)?;
    let is_token = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // A line that goes on, a bare line end: readers differ in what they make of them.
    if !is_token || value.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t') {
        return Err(MultipartError::BadHeaders);
    }
    Ok((name, value.trim()))
}

/// The name in `form-data; name="…"`, and whether there is a file name; None where readers may differ on the name.
fn form_data(disposition: &str) -> Option<(String, bool)> {
    let (kind, mut rest) = disposition.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return None;
    }
    let mut found = None;
    let mut is_file = false;
    while !rest.trim().is_empty() {
        let (parameter, after) = rest.split_once('=')?;
        let parameter = parameter.trim().to_ascii_lowercase();
        // A file's name may hold escapes, and nobody compares it with anything.
        let (value, after) = if parameter.starts_with("filename") {
            file_name(after)?
        } else {
            value(after)?
        };
        match parameter.as_str() {
            "name" if found.is_none() => found = Some(value),
            "name" | "name*" => return None,
            "filename" | "filename*" => is_file = true,
            _ => {}
        }
        let after = after.trim_start();
        rest = match after.strip_prefix(';') {
            Some(next) => next,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    found.map(|name| (name, is_file))
}

/// As `value`, with backslashes before quotes.
fn file_name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return value(text);
    };
    let mut is_escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return Some((String::new(), &quoted[at + 1..])),
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart() {
        for (headers, expected) in [
            ("Content-Disposition: form-data; name=\"model\"", Ok(Part::Model)),
            (
                "content-type: text/plain\r\ncontent-disposition:form-data;name=model ",
                Ok(Part::Model),
            ),
            (
                "Content-Disposition: form-data; name=\"stream\"\r\nContent-Transfer-Encoding: 8BIT",
                Ok(Part::Stream),
            ),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"a\\\"; name=\\\"model.wav\"",
                Ok(Part::Other),
            ),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"\u{e9};.wav\"; filename*=UTF-8''x",
                Ok(Part::Other),
            ),
            ("Content-Disposition: form-data; name=\"Model\"", Ok(Part::Other)),
            (
                "Content-Disposition: form-data; name=\"model\"; filename=\"x\"",
                Err(MultipartError::NotPlain),
            ),
            (
                "Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64",
                Err(MultipartError::NotPlain),
            ),
            (
                "Content-Disposition: form-data; name=\"mod\\el\"",
                Err(MultipartError::NoName),
            ),
            (
                "Content-Disposition: form-data; name=\"a\"; name=\"model\"",
                Err(MultipartError::NoName),
            ),
            (
                "Content-Disposition: form-data; name*=utf-8''model",
                Err(MultipartError::NoName),
            ),
            (
                "Content-Disposition: form-data; name=\"a\" name=\"model\"",
                Err(MultipartError::NoName),
            ),
            (
                "Content-Disposition: attachment; name=\"model\"",
                Err(MultipartError::NoName),
            ),
            ("Content-Disposition: form-data", Err(MultipartError::NoName)),
            (
                "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
                Err(MultipartError::NoName),
            ),
            ("Content-Type: text/plain", Err(MultipartError::NoName)),
            (
                "Content-Disposition: form-data;\r\n name=\"model\"",
                Err(MultipartError::BadHeaders),
            ),
            (
                "Content-Disposition : form-data; name=\"model\"",
                Err(MultipartError::BadHeaders),
            ),
            (
                "Content-Disposition: form-data; name=\"model\nx\"",
                Err(MultipartError::BadHeaders),
            ),
            ("", Err(MultipartError::BadHeaders)),
        ] {
            assert_eq!(part(headers.as_bytes()), expected, "{headers}");
        }
    }
}
