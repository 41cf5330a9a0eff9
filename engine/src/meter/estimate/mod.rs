//! What a request used where its provider does not say: counted by the model's own tokenizer, by what the deployment's
//! answers have taught, or by a rule of thumb. The record says by which.

mod calibration;
mod kept;
pub mod tokenizer;

pub use calibration::{Calibration, Calibrations};
pub use kept::Kept;
pub use tokenizer::Encoding;

/// What tokens were counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedBy {
    Tokenizer(Encoding),
    /// Bytes a token, as the deployment's usage has shown them.
    Calibration,
    /// Four bytes a token.
    Bytes,
}

impl CountedBy {
    /// The remark on the request's record.
    pub fn remark(self) -> &'static str {
        match self {
            Self::Tokenizer(Encoding::O200k) => "counted:o200k",
            Self::Tokenizer(Encoding::Cl100k) => "counted:cl100k",
            Self::Calibration => "counted:calibrated",
            Self::Bytes => "counted:bytes",
        }
    }
}

/// Tokens by a rule of thumb (`OpenAI`'s help page "What are tokens and how to count them?").
pub fn by_bytes(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}
