//! Forms with files, `multipart/form-data` (RFC 7578): held whole, which a mock may do.

use memchr::memmem;
use serde_json::{Map, Value, json};

use super::Refusal;
use crate::hash::hash;
use crate::received::Received;

/// A form that was read.
pub struct Form {
    parts: Vec<Part>,
}

/// One part of it.
pub struct Part {
    pub name: String,
    pub file_name: Option<String>,
    pub bytes: usize,
    hash: u64,
    /// Of a part without a file name.
    text: Option<String>,
}

/// The form in the body; None where the body is not one.
pub fn read(received: &Received<'_>) -> Result<Option<Form>, Refusal> {
    let content_type = received.header("content-type").unwrap_or_default();
    if !content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
    {
        return Ok(None);
    }
    let boundary = parameter(content_type, "boundary")
        .ok_or_else(|| Refusal::invalid(None, "multipart/form-data without a boundary"))?;
    parse(received.body, &boundary)
        .map(Some)
        .ok_or_else(|| Refusal::invalid(None, "the multipart body does not end with its boundary"))
}

impl Form {
    /// The file of that name.
    pub fn file(&self, name: &str) -> Option<&Part> {
        self.parts
            .iter()
            .find(|part| part.name == name && part.file_name.is_some())
    }

    /// The text fields as a JSON object.
    pub fn fields(&self) -> Value {
        let texts = self
            .parts
            .iter()
            .filter_map(|part| Some((part.name.clone(), Value::from(part.text.clone()?))));
        Value::Object(texts.collect::<Map<_, _>>())
    }

    /// What arrived, for `echo`: a file is told by its size and hash.
    pub fn summary(&self) -> Value {
        let parts = self.parts.iter().map(|part| {
            json!({"name": part.name, "file_name": part.file_name, "bytes": part.bytes, "hash": format!("{:016x}", part.hash), "text": part.text})
        });
        parts.collect()
    }
}

fn parse(body: &[u8], boundary: &str) -> Option<Form> {
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.get(memmem::find(body, first.as_bytes())? + first.len()..)?;
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = memmem::find(rest, between.as_bytes())?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + between.len()..];
    }
    Some(Form { parts })
}

fn part(bytes: &[u8]) -> Option<Part> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let content = &bytes[end + 4..];
    let is_disposition = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let disposition = head.lines().find(is_disposition)?;
    let file_name = parameter(disposition, "filename");
    let text = file_name
        .is_none()
        .then(|| String::from_utf8_lossy(content).into_owned());
    Some(Part {
        name: parameter(disposition, "name")?,
        file_name,
        bytes: content.len(),
        hash: hash(content),
        text,
    })
}

/// The value of `; name=value` or `; name="value"`.
fn parameter(header: &str, name: &str) -> Option<String> {
    header.split(';').skip(1).find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_files_are_told_apart() {
        let body = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: audio/wav\r\n\r\n\x00\r\n--\xff\r\n--B\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nmock\r\n--B--\r\n";
        let form = parse(body, "B").unwrap();
        assert_eq!(form.file("file").unwrap().bytes, 6);
        assert_eq!(form.fields(), json!({"model": "mock"}));
    }

    #[test]
    fn a_form_without_an_end_is_refused() {
        assert!(parse(b"--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "B").is_none());
        assert!(parse(b"nothing", "B").is_none());
    }
}
