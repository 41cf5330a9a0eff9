//! The signature base: the text that is signed (RFC 9421 §2.5), made from the request as it came to us.

use std::borrow::Cow;

use http::header::HOST;
use http::{HeaderMap, HeaderName, Method, Uri};

use super::Claim;
use super::claim::{joined, not_supported};
use super::coverage::not_there;
use crate::dialect::openai::errors::ApiError;

/// A request, as far as a signature can cover it.
pub struct Message<'a> {
    pub method: &'a Method,
    /// As the client knows it, who may speak to a proxy of ours.
    pub is_https: bool,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub has_body: bool,
}

impl Message<'_> {
    /// A line for each covered component, and the parameters of the signature.
    pub(super) fn base(&self, claim: &Claim) -> Result<Vec<u8>, ApiError> {
        let mut base = Vec::with_capacity(512);
        for name in &claim.components {
            base.push(b'"');
            base.extend_from_slice(name.as_bytes());
            base.extend_from_slice(b"\": ");
            base.extend_from_slice(&self.component(name)?);
            base.push(b'\n');
        }
        base.extend_from_slice(b"\"@signature-params\": ");
        base.extend_from_slice(claim.params.as_bytes());
        Ok(base)
    }

    fn component(&self, name: &str) -> Result<Cow<'_, [u8]>, ApiError> {
        let Some(derived) = name.strip_prefix('@') else {
            return self.field(name);
        };
        Ok(match derived {
            "method" => Cow::Borrowed(self.method.as_str().as_bytes()),
            "authority" => Cow::Owned(self.authority().into_bytes()),
            "scheme" => Cow::Borrowed(self.scheme().as_bytes()),
            "path" => Cow::Borrowed(self.path().as_bytes()),
            "query" => Cow::Owned(format!("?{}", self.uri.query().unwrap_or_default()).into_bytes()),
            "request-target" => Cow::Owned(self.target().into_bytes()),
            "target-uri" => {
                Cow::Owned(format!("{}://{}{}", self.scheme(), self.authority(), self.target()).into_bytes())
            }
            _ => return Err(not_supported(name, "as it stands")),
        })
    }

    fn field(&self, name: &str) -> Result<Cow<'_, [u8]>, ApiError> {
        let header =
            HeaderName::from_lowercase(name.as_bytes()).map_err(|_| not_supported(name, "in these letters"))?;
        if !self.headers.contains_key(&header) {
            return Err(not_there(header.as_str()));
        }
        Ok(joined(self.headers, &header))
    }

    fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// In small letters, without the port that the scheme stands for (RFC 9421 §2.2.3).
    fn authority(&self) -> String {
        let host = || self.headers.get(HOST).and_then(|host| host.to_str().ok());
        let named = self.uri.authority().map(http::uri::Authority::as_str).or_else(host);
        let mut authority = named.unwrap_or_default().trim().to_ascii_lowercase();
        let usual = if self.is_https { ":443" } else { ":80" };
        if authority.ends_with(usual) {
            authority.truncate(authority.len() - usual.len());
        }
        authority
    }

    fn path(&self) -> &str {
        match self.uri.path() {
            "" => "/",
            path => path,
        }
    }

    fn target(&self) -> String {
        let path = self.path();
        self.uri
            .query()
            .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }
}
