//! What an answer is asked to be like, good or bad: `mock:tokens=300,rate=50,drop_after=10`.
//!
//! The knobs ride in the model's name, after a colon, so that they pass through a gateway; `x-mock` takes the same text.
//! `tables.rs` is the grammar, the defaults and the help at once.

mod tables;

use std::fmt::{self, Write as _};

use tables::{FLAGS, NUMBERS, NumberRow, USAGES};
pub(crate) use tables::{Flag, Number, UsageFault};

/// The knobs of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    flags: u32,
    numbers: [Option<u64>; NUMBERS.len()],
    usage: Option<UsageFault>,
}

/// A knob that does not exist, or a value that does not fit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnobError(String);

impl fmt::Display for KnobError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for KnobError {}

impl Knobs {
    /// Reads `name`, `name=value`, … separated by commas; empty text turns nothing.
    pub fn parse(text: &str) -> Result<Self, KnobError> {
        let mut knobs = Self::default();
        knobs.turn(text)?;
        Ok(knobs)
    }

    /// Adds what `text` says; it wins over what was there.
    pub fn turn(&mut self, text: &str) -> Result<(), KnobError> {
        text.split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .try_for_each(|part| self.turn_one(part))
    }

    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flags & bit(flag) != 0
    }

    pub(crate) fn number(&self, number: Number) -> Option<u64> {
        self.numbers[number as usize]
    }

    pub(crate) fn usage(&self) -> Option<UsageFault> {
        self.usage
    }

    /// Sets `number` where the text did not.
    pub(crate) fn default_to(&mut self, number: Number, value: u64) {
        self.numbers[number as usize].get_or_insert(value);
    }

    /// Whether every answer to the same request is the same whole body, sent at once: then it may be kept.
    pub(crate) fn is_plain(&self) -> bool {
        let shapes_only = |row: &NumberRow| {
            matches!(
                row.number,
                Number::Tokens | Number::Size | Number::Cached | Number::Reasoning
            ) || self
                .number(row.number)
                .is_none_or(|value| row.number == Number::Rate && value == 0)
        };
        self.flags & !bit(Flag::NoUsage) & !bit(Flag::Stamp) == 0 && NUMBERS.iter().all(shapes_only)
    }

    /// The same without its faults: what `fail_first` leaves after the first calls. It stays itself, since what was counted
    /// must not be kept.
    pub(crate) fn healed(mut self) -> Self {
        for row in FLAGS.iter().filter(|row| row.fault) {
            self.flags &= !bit(row.flag);
        }
        for row in NUMBERS
            .iter()
            .filter(|row| row.fault && row.number != Number::FailFirst)
        {
            self.numbers[row.number as usize] = None;
        }
        self.usage = None;
        self
    }

    /// Whether `fail_first` stands alone, and so needs a fault to begin with.
    pub(crate) fn has_fault_beside_count(&self) -> bool {
        FLAGS.iter().any(|row| row.fault && self.has(row.flag))
            || NUMBERS.iter().any(|row| {
                let beside = !matches!(row.number, Number::FailFirst | Number::RetryAfter);
                row.fault && beside && self.number(row.number).is_some()
            })
            || self.usage.is_some()
    }

    fn turn_one(&mut self, part: &str) -> Result<(), KnobError> {
        let (name, value) = part
            .split_once('=')
            .map_or((part, None), |(name, value)| (name.trim(), Some(value.trim())));
        if let Some(row) = FLAGS.iter().find(|row| row.name == name) {
            return match value {
                None => {
                    self.flags |= bit(row.flag);
                    Ok(())
                }
                Some(_) => Err(KnobError(format!(
                    "mock knob `{name}` takes no value; write `{name}` alone"
                ))),
            };
        }
        if name == "usage" {
            self.usage = Some(usage_fault(value)?);
            return Ok(());
        }
        let row = NUMBERS
            .iter()
            .find(|row| row.name == name)
            .ok_or_else(|| unknown(name))?;
        self.numbers[row.number as usize] = Some(number(row, value)?);
        Ok(())
    }
}

/// The list of knobs, for `--help`.
pub(crate) fn help() -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    for row in &NUMBERS {
        let form = if row.bare.is_some() {
            format!("{}[=N]", row.name)
        } else {
            format!("{}=N", row.name)
        };
        let _ = writeln!(text, "  {form:<18} {}", row.help);
    }
    for row in &FLAGS {
        let _ = writeln!(text, "  {:<18} {}", row.name, row.help);
    }
    for (name, _, help) in &USAGES {
        let _ = writeln!(text, "  {:<18} {help}", format!("usage={name}"));
    }
    text
}

fn bit(flag: Flag) -> u32 {
    1 << (flag as u32)
}

fn usage_fault(value: Option<&str>) -> Result<UsageFault, KnobError> {
    let found = value.and_then(|value| USAGES.iter().find(|(name, ..)| *name == value));
    found.map(|(_, fault, _)| *fault).ok_or_else(|| {
        let names: Vec<&str> = USAGES.iter().map(|(name, ..)| *name).collect();
        KnobError(format!("mock knob `usage` must be one of {}", names.join(", ")))
    })
}

fn number(row: &NumberRow, value: Option<&str>) -> Result<u64, KnobError> {
    let (low, high) = row.range;
    let Some(value) = value else {
        return row
            .bare
            .ok_or_else(|| KnobError(format!("mock knob `{0}` needs a number: `{0}=N`", row.name)));
    };
    let fits = value.parse().ok().filter(|number| (low..=high).contains(number));
    fits.ok_or_else(|| {
        KnobError(format!(
            "mock knob `{}` must be a whole number from {low} to {high}, not `{value}`",
            row.name
        ))
    })
}

fn unknown(name: &str) -> KnobError {
    let numbers = NUMBERS.iter().map(|row| row.name);
    let names: Vec<&str> = numbers
        .chain(FLAGS.iter().map(|row| row.name))
        .chain(["usage"])
        .collect();
    KnobError(format!(
        "the mock provider has no knob `{name}`; it has {}",
        names.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_where_their_number_says() {
        for (index, row) in NUMBERS.iter().enumerate() {
            assert_eq!(row.number as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn every_knob_of_the_tables_can_be_turned() {
        for row in &FLAGS {
            assert!(Knobs::parse(row.name).unwrap().has(row.flag));
        }
        for row in &NUMBERS {
            let text = format!("{}={}", row.name, row.range.1);
            assert_eq!(Knobs::parse(&text).unwrap().number(row.number), Some(row.range.1));
        }
        for (name, fault, _) in &USAGES {
            assert_eq!(Knobs::parse(&format!("usage={name}")).unwrap().usage(), Some(*fault));
        }
    }

    #[test]
    fn errors_name_the_knob() {
        for (text, part) in [
            ("tokens", "needs a number"),
            ("tokens=x", "not `x`"),
            ("status=200", "300 to 599"),
            ("hang=1", "no value"),
            ("nope", "no knob `nope`"),
            ("usage=odd", "one of"),
        ] {
            let error = Knobs::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn healing_keeps_the_shape_and_takes_the_faults() {
        let knobs = Knobs::parse("tokens=9,fail_first=2,status=500,hang,crlf").unwrap();
        assert!(knobs.has_fault_beside_count());
        assert_eq!(knobs.healed(), Knobs::parse("tokens=9,fail_first=2,crlf").unwrap());
        assert!(!Knobs::parse("fail_first=2").unwrap().has_fault_beside_count());
    }

    #[test]
    fn only_plain_answers_are_kept() {
        assert!(Knobs::parse("tokens=9,size=1024,rate=0").unwrap().is_plain());
        for text in ["rate=5", "echo", "first_byte_ms=1", "status=500", "split", "crlf"] {
            assert!(!Knobs::parse(text).unwrap().is_plain(), "{text}");
        }
    }
}
