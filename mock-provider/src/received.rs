//! A request as it arrived, whichever HTTP version brought it.

use std::borrow::Cow;

use httparse::Header;

/// Borrowed from the connection's buffer: nothing is copied to look at it.
pub struct Received<'a> {
    pub method: &'a str,
    pub target: &'a str,
    pub headers: &'a [Header<'a>],
    pub body: &'a [u8],
}

impl<'a> Received<'a> {
    /// The first header of that name, where it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        find(self.headers, name)
    }

    /// The target without its query.
    pub fn path(&self) -> &'a str {
        self.target.split_once('?').map_or(self.target, |(path, _)| path)
    }

    /// The value of a query parameter, as it stands.
    pub fn query(&self, name: &str) -> Option<&'a str> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// The headers as a JSON object; of a repeated name, all values joined by a comma.
    pub fn headers_as_json(&self) -> serde_json::Value {
        let mut object = serde_json::Map::new();
        for header in self.headers {
            let value = String::from_utf8_lossy(header.value);
            let joined = match object
                .get(&header.name.to_ascii_lowercase())
                .and_then(serde_json::Value::as_str)
            {
                Some(earlier) => Cow::Owned(format!("{earlier}, {value}")),
                None => value,
            };
            object.insert(header.name.to_ascii_lowercase(), joined.into());
        }
        object.into()
    }
}

/// The first header of that name, where it is text.
pub fn find<'a>(headers: &'a [Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok()
}
