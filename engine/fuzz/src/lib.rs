//! The engine's parsers, built from its own files but without the rest of it: with coverage on, the whole engine and
//! what it stands on would take minutes to build.

#[path = "../../src/auth/mod.rs"]
pub mod auth;

#[path = "../../src/dialect/mod.rs"]
pub mod dialect;

#[path = "../../src/meter"]
pub mod meter {
    pub mod usage;

    /// The real one counts what it keeps, by vocabularies that take minutes to build.
    pub mod estimate {
        use crate::dialect::json::Text;

        #[derive(Debug, Default)]
        pub struct Kept(Vec<u8>);

        impl Kept {
            pub fn len(&self) -> usize {
                self.0.len()
            }

            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            pub fn push(&mut self, document: &[u8], text: Text) {
                text.decode_into(document, &mut self.0);
            }

            pub fn truncate(&mut self, length: usize) {
                self.0.truncate(length);
            }
        }
    }
}

#[path = "../../src/spool/mod.rs"]
pub mod spool;

#[path = "../../src/stream"]
pub mod stream {
    pub mod sse;
}

/// Splits `data` into pieces whose lengths `cuts` chooses, from 1 to 16 bytes; in one piece where it is empty.
pub fn pieces<'a>(data: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    let mut rest = data;
    for cut in cuts.iter().cycle().take(data.len()) {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(cut % 16)));
        pieces.push(piece);
        rest = after;
        if rest.is_empty() {
            return pieces;
        }
    }
    pieces.push(rest);
    pieces
}

/// Takes `length` bytes off the front of an input, to choose by.
pub fn choices(data: &[u8], length: usize) -> (&[u8], &[u8]) {
    data.split_at(length.min(data.len()))
}
