//! Tokens as `OpenAI`'s models count them, by tiktoken's encodings. No other provider publishes what it counts by.
//!
//! An encoding takes some 50 MB of memory and a third of a second to load, so none is before a request needs it; and
//! counting takes about a second for a megabyte at worst, so it happens beside the runtime's workers, for few at a time.

use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longer texts are not counted.
pub const LONGEST: usize = 256 * 1024;
/// Texts are counted in pieces: a cut may add a token, and bounds what a hostile text can cost.
const PIECE: usize = 16 * 1024;
/// Of requests that somebody waits for. More do not wait: they do without.
static AT_ONCE: Semaphore = Semaphore::const_new(2);
/// Of requests that have ended: they take their turn.
static AFTERWARDS: Semaphore = Semaphore::const_new(1);

/// A vocabulary. That of `gpt-oss`, `o200k_harmony`, is `o200k` for all ordinary text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    O200k,
    Cl100k,
}

impl Encoding {
    /// By the name that the upstream knows the model by; what is before a slash is who made it.
    pub fn of_model(model: &str) -> Option<Self> {
        let name = model.rsplit('/').next()?;
        match get_tokenizer(name)? {
            Tokenizer::O200kBase | Tokenizer::O200kHarmony => Some(Self::O200k),
            Tokenizer::Cl100kBase => Some(Self::Cl100k),
            // Of models that are retired.
            Tokenizer::P50kBase | Tokenizer::R50kBase | Tokenizer::P50kEdit | Tokenizer::Gpt2 => None,
        }
    }

    fn load(self) -> &'static CoreBPE {
        match self {
            Self::O200k => tiktoken_rs::o200k_base_singleton(),
            Self::Cl100k => tiktoken_rs::cl100k_base_singleton(),
        }
    }

    /// Blocks for as long as the counting takes.
    pub fn count(self, text: &str) -> u64 {
        let encoding = self.load();
        pieces(text).map(|piece| encoding.count_ordinary(piece) as u64).sum()
    }

    /// Counts each group of texts. None where they are too long together, or too many others are being counted.
    pub async fn count_beside<const N: usize>(self, groups: [Vec<String>; N]) -> Option<[u64; N]> {
        if groups.iter().map(|texts| length(texts)).sum::<usize>() > LONGEST {
            return None;
        }
        let permit = AT_ONCE.try_acquire().ok()?;
        self.count_with(permit, groups).await
    }

    /// The same for what nobody waits for: it takes its turn. None where one of them is too long.
    pub async fn count_later<const N: usize>(self, groups: [Vec<String>; N]) -> Option<[u64; N]> {
        if groups.iter().any(|texts| length(texts) > LONGEST) {
            return None;
        }
        let permit = AFTERWARDS.acquire().await.ok()?;
        self.count_with(permit, groups).await
    }

    async fn count_with<const N: usize>(
        self,
        permit: SemaphorePermit<'static>,
        groups: [Vec<String>; N],
    ) -> Option<[u64; N]> {
        let counting = tokio::task::spawn_blocking(move || {
            let counts = groups.map(|texts| texts.iter().map(|text| self.count(text)).sum());
            drop(permit);
            counts
        });
        counting.await.ok()
    }
}

fn length(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let longest = PIECE.min(text.len());
        let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at))?;
        let (piece, rest) = text.split_at(end);
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_have_the_encodings_that_openai_gives_them() {
        for (model, encoding) in [
            ("gpt-4o", Some(Encoding::O200k)),
            ("gpt-4o-mini-2024-07-18", Some(Encoding::O200k)),
            ("gpt-4.1-nano", Some(Encoding::O200k)),
            ("gpt-5-mini", Some(Encoding::O200k)),
            ("o1", Some(Encoding::O200k)),
            ("o3-mini", Some(Encoding::O200k)),
            ("o4-mini", Some(Encoding::O200k)),
            ("openai/gpt-oss-120b", Some(Encoding::O200k)),
            ("openai/gpt-4o", Some(Encoding::O200k)),
            ("gpt-4", Some(Encoding::Cl100k)),
            ("gpt-4-turbo-2024-04-09", Some(Encoding::Cl100k)),
            ("gpt-3.5-turbo", Some(Encoding::Cl100k)),
            ("text-embedding-3-small", Some(Encoding::Cl100k)),
            ("claude-sonnet-4-5", None),
            ("gemini-2.5-pro", None),
            ("llama3.2", None),
            ("mistral-large-latest", None),
            ("gpt2", None),
            ("", None),
        ] {
            assert_eq!(Encoding::of_model(model), encoding, "{model}");
        }
    }

    /// From the tests and the cookbook of tiktoken: <https://github.com/openai/tiktoken/blob/main/tests/test_simple_public.py>,
    /// <https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken>.
    #[test]
    fn counts_are_tiktokens() {
        for (text, o200k, cl100k) in [
            ("hello world", 2, 2),
            ("antidisestablishmentarianism", 6, 6),
            ("2 + 2 = 4", 7, 7),
            ("お誕生日おめでとう", 8, 9),
            ("", 0, 0),
        ] {
            assert_eq!(Encoding::O200k.count(text), o200k, "{text}");
            assert_eq!(Encoding::Cl100k.count(text), cl100k, "{text}");
        }
    }

    #[test]
    fn no_text_has_more_tokens_than_bytes_however_it_is_cut() {
        let texts = [
            "é".repeat(PIECE),
            "a".repeat(3 * PIECE + 1),
            format!("{}x", " ".repeat(2 * PIECE)),
            "\n \t".repeat(PIECE),
            "ー漢A1".repeat(2_000),
            "\u{0}\u{fffd}<|endoftext|>".repeat(500),
        ];
        for text in texts {
            let tokens = Encoding::O200k.count(&text);
            assert!(tokens > 0 && tokens <= text.len() as u64, "{tokens} of {}", text.len());
            assert_eq!(pieces(&text).map(str::len).sum::<usize>(), text.len());
        }
    }

    #[tokio::test]
    async fn what_is_too_long_is_not_counted() {
        let long = "a".repeat(LONGEST);
        assert_eq!(Encoding::O200k.count_beside([vec![long], vec!["a".into()]]).await, None);
        let texts = [vec!["hello world".into(), "hello".into()], Vec::new()];
        assert_eq!(Encoding::O200k.count_beside(texts).await, Some([3, 0]));
    }
}
