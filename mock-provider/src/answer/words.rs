//! The mock's vocabulary, and its way of counting tokens.
//!
//! A token is four bytes of a word, or what is left of it: `tokens` = the sum over words, as whitespace parts them, of
//! bytes / 4, rounded up. Every word of the vocabulary is one token.

use crate::hash::draw;

#[rustfmt::skip]
const VOCABULARY: [&str; 64] = [
    "a", "able", "air", "all", "and", "as", "at", "bank", "beam", "bed", "blue", "boat", "both", "by", "calm", "clay",
    "cold", "dam", "deep", "drop", "dry", "each", "east", "edge", "fall", "fast", "fish", "flow", "foam", "for", "from", "full",
    "gate", "hill", "in", "into", "it", "lake", "land", "leaf", "low", "mill", "mist", "new", "of", "on", "open", "pond",
    "rain", "reed", "rise", "rock", "sand", "sea", "ship", "slow", "snow", "tide", "to", "wave", "weir", "well", "west", "wind",
];

/// The `index`-th word of the text that `seed` stands for.
pub fn word(seed: u64, index: u64) -> &'static str {
    let place = usize::try_from(draw(seed, index) % 64).unwrap_or(0);
    VOCABULARY[place]
}

/// Tokens in a text.
pub fn tokens(text: &str) -> u64 {
    text.split_whitespace().map(|word| word.len().div_ceil(4) as u64).sum()
}

/// Text of exactly so many bytes.
pub fn filler(seed: u64, bytes: usize) -> String {
    let mut text = String::with_capacity(bytes + 8);
    for index in 0.. {
        if text.len() >= bytes {
            break;
        }
        if index > 0 {
            text.push(' ');
        }
        text.push_str(word(seed, index));
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_token() {
        assert!(VOCABULARY.iter().all(|word| tokens(word) == 1));
    }

    #[test]
    fn long_words_count_by_four_bytes() {
        assert_eq!(tokens("  one  headworks\nis "), 1 + 3 + 1);
        assert_eq!(tokens(""), 0);
    }

    #[test]
    fn filler_is_exact_and_the_same_each_time() {
        for bytes in [0, 1, 7, 1024] {
            assert_eq!(filler(3, bytes).len(), bytes);
            assert_eq!(filler(3, bytes), filler(3, bytes));
        }
    }
}
