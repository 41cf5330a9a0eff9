//! A number of a usage block, in the forms that providers write.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::UsageError;

/// The largest whole number up to which a double is exact, and so the largest that any JSON reader agrees on
/// (RFC 8259, section 6).
pub const LARGEST: u64 = 1 << 53;

/// A count, or why it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    Of(u64),
    Negative,
    TooLarge,
}

impl Count {
    fn from_u64(value: u64) -> Self {
        if value <= LARGEST {
            Self::Of(value)
        } else {
            Self::TooLarge
        }
    }

    /// None for what is not whole. Python and JavaScript servers write `12.0` at times.
    fn from_f64(value: f64) -> Option<Self> {
        if value < 0.0 {
            return Some(Self::Negative);
        }
        if value.fract() != 0.0 {
            return None;
        }
        Some(truncated(value).map_or(Self::TooLarge, Self::Of))
    }
}

/// The whole part, where it is at most [`LARGEST`].
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the range is checked"
)]
pub fn truncated(value: f64) -> Option<u64> {
    (0.0..=LARGEST as f64).contains(&value).then_some(value as u64)
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl Visitor<'_> for Reader {
            type Value = Count;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count::from_u64(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Count, E> {
                Ok(u64::try_from(value).map_or(Count::Negative, Count::from_u64))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Count, E> {
                Count::from_f64(value).ok_or_else(|| E::custom("a count must be whole"))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

/// None is not 0: it was not said.
pub fn checked(count: Option<Count>) -> Result<Option<u64>, UsageError> {
    match count {
        None => Ok(None),
        Some(Count::Of(value)) => Ok(Some(value)),
        Some(Count::Negative) => Err(UsageError::Negative),
        Some(Count::TooLarge) => Err(UsageError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_numbers_are_read() {
        for (text, expected) in [
            ("0", Count::Of(0)),
            ("-0", Count::Of(0)),
            ("12.0", Count::Of(12)),
            ("1e3", Count::Of(1000)),
            ("9007199254740992", Count::Of(LARGEST)),
            ("9007199254740992.0", Count::Of(LARGEST)),
            ("9007199254740993", Count::TooLarge),
            ("18446744073709551615", Count::TooLarge),
            ("99999999999999999999999", Count::TooLarge),
            ("1e300", Count::TooLarge),
            ("-1", Count::Negative),
            ("-0.5", Count::Negative),
            ("-99999999999999999999999", Count::Negative),
        ] {
            assert_eq!(serde_json::from_str::<Count>(text).unwrap(), expected, "{text}");
        }
        for text in ["0.5", "\"1\"", "true", "[]", "1e999"] {
            assert!(serde_json::from_str::<Count>(text).is_err(), "{text}");
        }
    }
}
