//! The fields of a body that admission reads, and the spellings that servers take for them.

/// A field at the top level of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Model,
    Stream,
    StreamOptions,
    N,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    Metadata,
}

pub const INCLUDE_USAGE: &str = "include_usage";

impl Field {
    pub fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"model" => Some(Self::Model),
            b"stream" => Some(Self::Stream),
            b"stream_options" => Some(Self::StreamOptions),
            b"n" => Some(Self::N),
            b"max_tokens" => Some(Self::MaxTokens),
            b"max_completion_tokens" => Some(Self::MaxCompletionTokens),
            b"max_output_tokens" => Some(Self::MaxOutputTokens),
            b"metadata" => Some(Self::Metadata),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::N => "n",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::Metadata => "metadata",
        }
    }

    /// One bit for each.
    pub fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The name as a reader sees it that ignores case, where that is another one. Go's `encoding/json` is such a reader: it
/// prefers an exact match but takes `"Model"` for `model`, and by Unicode's simple folding the long s and the Kelvin
/// sign for s and k (<https://pkg.go.dev/encoding/json#Unmarshal>).
pub fn folded(name: &[u8]) -> Option<Vec<u8>> {
    if name.iter().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return None;
    }
    let text = std::str::from_utf8(name).ok()?;
    let fold = |character| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    Some(text.chars().map(fold).collect::<String>().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_agree() {
        let mut seen = 0;
        for name in [
            "model",
            "stream",
            "stream_options",
            "n",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "metadata",
        ] {
            let field = Field::of(name.as_bytes()).unwrap();
            assert_eq!(field.name(), name);
            assert_eq!(seen & field.bit(), 0);
            seen |= field.bit();
        }
        assert_eq!(Field::of(b"Model"), None);
    }

    #[test]
    fn only_other_spellings_are_folded() {
        assert_eq!(folded(b"model"), None);
        assert_eq!(folded(b"MODEL").as_deref(), Some(&b"model"[..]));
        assert_eq!(folded("\u{17f}tream".as_bytes()).as_deref(), Some(&b"stream"[..]));
        assert_eq!(
            folded("max_to\u{212a}ens".as_bytes()).as_deref(),
            Some(&b"max_tokens"[..])
        );
    }
}
