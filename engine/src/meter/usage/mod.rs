//! What a request used, as the provider reports it, in buckets that don't overlap.
//!
//! Their sum is the provider's total, whichever way it reports the parts: files in `tests/golden/usage` show how.

mod anthropic;
mod count;
mod gemini;
mod ollama;
mod openai;
#[cfg(test)]
mod tests;

pub use anthropic::updated;

use serde::{Deserialize, Serialize};

/// Reads a usage block, which is a JSON object, in whichever of the shapes that providers give it.
///
/// Upstreams speak `OpenAI`'s dialect, so that is tried first; what passes through untranslated may be of another.
pub fn read_block(block: &[u8]) -> Result<Measured, UsageError> {
    let read = openai::read(block);
    let other = match &read {
        // A total is what tells `OpenAI`'s input from Anthropic's, which is only a part of it.
        Ok(measured) if measured.flags.has(Flag::MissingTotal) || measured.flags.has(Flag::MissingInput) => {
            anthropic::read(block)
        }
        Err(UsageError::Empty) => anthropic::read(block)
            .or_else(|| gemini::read(block))
            .or_else(|| ollama::read(block)),
        _ => None,
    };
    other.unwrap_or(read)
}

/// Disjoint buckets. All but the last two are tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageVector {
    /// Neither from a cache nor of another medium.
    pub input: u64,
    pub cache_read: u64,
    /// Written to a cache that lasts five minutes, or of a duration that the provider does not tell.
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub input_audio: u64,
    pub input_image: u64,
    /// Neither reasoning nor audio.
    pub output: u64,
    pub reasoning: u64,
    pub output_audio: u64,
    pub images: u64,
    /// Of audio, where the provider bills by time.
    pub milliseconds: u64,
}

impl UsageVector {
    /// The sum of all buckets of tokens.
    pub fn tokens(&self) -> u64 {
        [
            self.input,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.input_audio,
            self.input_image,
            self.output,
            self.reasoning,
            self.output_audio,
        ]
        .into_iter()
        .fold(0, u64::saturating_add)
    }
}

/// A usage block that was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    pub vector: UsageVector,
    pub flags: Flags,
    /// Of the output: predictions of the caller's that the model did not keep, which are billed and not delivered.
    pub rejected: u64,
    /// The output is what had come when it was told, and more may have come since.
    pub is_open: bool,
}

impl Measured {
    fn of(vector: UsageVector, flags: Flags) -> Self {
        Self {
            vector,
            flags,
            rejected: 0,
            is_open: false,
        }
    }
}

/// A remark on a block that was counted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// The total is not the sum of its parts; the parts were counted.
    Contradiction,
    /// A detail was larger than what it is a part of, and was cut to it.
    Clamped,
    /// Nothing says how many tokens went in.
    MissingInput,
    /// There is no total to check the parts against.
    MissingTotal,
    /// Only a total is given; it was counted as input.
    Unsplit,
    /// The total holds tokens that no part lists; they were counted as reasoning.
    Unlisted,
    /// A stream reported its usage more than once; the last report was counted.
    Repeated,
}

impl Flag {
    pub fn name(self) -> &'static str {
        match self {
            Self::Contradiction => "contradiction",
            Self::Clamped => "clamped",
            Self::MissingInput => "missing_input",
            Self::MissingTotal => "missing_total",
            Self::Unsplit => "unsplit",
            Self::Unlisted => "unlisted",
            Self::Repeated => "repeated",
        }
    }
}

/// The remarks on a block, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags(String);

impl Flags {
    pub fn raise(&mut self, flag: Flag) {
        if self.has(flag) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(flag.name());
    }

    pub fn has(&self, flag: Flag) -> bool {
        // There is hardly ever one, and splitting nothing takes a hundred instructions too.
        !self.0.is_empty() && self.0.split(',').any(|name| name == flag.name())
    }

    /// Their names, separated by commas; empty where there is none.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// Why a block can't be counted. `name` is the remark that belongs on the request's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    #[error("the usage block has none of the fields that are known")]
    Empty,
    #[error("the usage block is not JSON, or has a field of a wrong type")]
    Malformed,
    #[error("the usage block has a negative count")]
    Negative,
    #[error("the usage block has a count above 2^53")]
    TooLarge,
}

impl UsageError {
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::Negative => "negative",
            Self::TooLarge => "overflow",
        }
    }
}

/// At most `wanted` of what is left, so that the buckets can't sum to more than their total.
fn take(left: &mut u64, wanted: u64, flags: &mut Flags) -> u64 {
    let taken = wanted.min(*left);
    if taken < wanted {
        flags.raise(Flag::Clamped);
    }
    *left -= taken;
    taken
}
