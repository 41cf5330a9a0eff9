//! An upstream's base URL, taken apart once, when its flow arrives.

use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use serde::{Deserialize, Deserializer};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    Http,
    Https,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// Begins with a slash and does not end with one; empty at the root.
    base_path: String,
    pub host_header: HeaderValue,
}

impl Origin {
    /// Accepts `http(s)://host[:port][/path]`: no user, query or fragment.
    pub fn parse(base_url: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("base URL: {what}");
        let uri: Uri = base_url.parse().map_err(|error| wrong(&format!("{error}")))?;
        let (scheme, default_port) = match uri.scheme_str() {
            Some("http") => (Scheme::Http, 80),
            Some("https") => (Scheme::Https, 443),
            _ => return Err(wrong("it must begin with https:// or http://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it may carry no user name or password"));
        }
        if uri.query().is_some() || base_url.contains('#') {
            return Err(wrong("it may carry no query and no fragment"));
        }
        let host_header = HeaderValue::try_from(authority.as_str()).map_err(|_| wrong("its host is malformed"))?;
        Ok(Self {
            scheme,
            host: authority.host().trim_matches(['[', ']']).to_ascii_lowercase(),
            port: authority.port_u16().unwrap_or(default_port),
            base_path: uri.path().trim_end_matches('/').to_owned(),
            host_header,
        })
    }

    /// `rest` is what follows `/v1/` of the caller's path, which has been checked before.
    pub fn path(&self, rest: &str, query: Option<&str>) -> Result<PathAndQuery, http::Error> {
        let mut path = String::with_capacity(self.base_path.len() + rest.len() + query.map_or(0, str::len) + 2);
        path.push_str(&self.base_path);
        path.push('/');
        path.push_str(rest);
        if let Some(query) = query {
            path.push('?');
            path.push_str(query);
        }
        Ok(PathAndQuery::try_from(path)?)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_apart() {
        let origin = Origin::parse("https://API.example.com/v1beta/openai/").unwrap();
        assert_eq!((origin.scheme, origin.port), (Scheme::Https, 443));
        assert_eq!(origin.host, "api.example.com");
        assert_eq!(
            origin.path("chat/completions", Some("a=b")).unwrap(),
            "/v1beta/openai/chat/completions?a=b"
        );
    }

    #[test]
    fn an_ipv6_host_loses_its_brackets() {
        assert_eq!(Origin::parse("http://[::1]:8000/v1").unwrap().host, "::1");
    }

    #[test]
    fn what_could_redirect_a_credential_is_refused() {
        for bad in [
            "ftp://h/",
            "https://user:pass@h/",
            "https://h/?x=1",
            "https://h/#f",
            "/v1",
            "https://",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }
}
