//! What an answer is asked to be like, good or bad: `mock:tokens=300,rate=50,drop_after=10`.
//!
//! The knobs ride in the model's name, after a colon, so that they pass through a gateway; `x-mock` takes the same text.
//! The tables below are the grammar, the defaults and the help at once.

use std::fmt::{self, Write as _};

/// A knob that is there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    Hang,
    Html,
    CutJson,
    WrongLength,
    TwoLengths,
    Redirect,
    UntilClose,
    NoUsage,
    Crlf,
    Bom,
    UnknownEvents,
    HalfEvent,
    NoDone,
    Echo,
    Stamp,
}

struct FlagRow {
    name: &'static str,
    flag: Flag,
    /// Whether it makes the answer a bad one; `fail_first` turns such knobs off after the first calls.
    fault: bool,
    help: &'static str,
}

#[rustfmt::skip]
const FLAGS: [FlagRow; 15] = [
    FlagRow { name: "hang", flag: Flag::Hang, fault: true, help: "take the request and never answer" },
    FlagRow { name: "html", flag: Flag::Html, fault: true, help: "200 with an HTML page" },
    FlagRow { name: "cut_json", flag: Flag::CutJson, fault: true, help: "a JSON body cut in the middle, its length rightly declared" },
    FlagRow { name: "wrong_length", flag: Flag::WrongLength, fault: true, help: "declare 100 bytes more than are sent, then close" },
    FlagRow { name: "two_lengths", flag: Flag::TwoLengths, fault: true, help: "two content-length headers that differ" },
    FlagRow { name: "redirect", flag: Flag::Redirect, fault: true, help: "302 to /mock/redirected on this server; /mock/stats counts who follows" },
    FlagRow { name: "until_close", flag: Flag::UntilClose, fault: false, help: "neither length nor chunks: the body ends with the connection" },
    FlagRow { name: "no_usage", flag: Flag::NoUsage, fault: false, help: "no usage block, even where it was asked for" },
    FlagRow { name: "crlf", flag: Flag::Crlf, fault: false, help: "CRLF line ends in the event stream" },
    FlagRow { name: "bom", flag: Flag::Bom, fault: false, help: "a byte order mark before the first event or body" },
    FlagRow { name: "unknown_events", flag: Flag::UnknownEvents, fault: false, help: "events of an unknown type, with id: and retry: lines, between the others" },
    FlagRow { name: "half_event", flag: Flag::HalfEvent, fault: true, help: "the stream ends in the middle of its last content event; HTTP ends properly" },
    FlagRow { name: "no_done", flag: Flag::NoDone, fault: true, help: "leave out the terminal event; HTTP ends properly" },
    FlagRow { name: "echo", flag: Flag::Echo, fault: false, help: "show the request as it arrived (headers and body) in a member x_mock.received" },
    FlagRow { name: "stamp", flag: Flag::Stamp, fault: false, help: "the time of sending in each content event: x_mock_us, microseconds since 1970" },
];

/// A knob with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Tokens,
    Rate,
    FirstByteMs,
    Size,
    Oversize,
    Cached,
    Reasoning,
    Split,
    Comments,
    Status,
    RetryAfter,
    FailFirst,
    DropAfter,
    CloseAfter,
    Truncate,
    HangAfter,
    ErrorAfter,
    Malformed,
}

struct NumberRow {
    name: &'static str,
    number: Number,
    fault: bool,
    /// The value of the bare name, where that makes sense.
    bare: Option<u64>,
    range: (u64, u64),
    help: &'static str,
}

const GIB: u64 = 1 << 30;
const MANY: u64 = 1_000_000;

#[rustfmt::skip]
const NUMBERS: [NumberRow; 18] = [
    NumberRow { name: "tokens", number: Number::Tokens, fault: false, bare: None, range: (0, MANY), help: "output tokens (default 16); max_tokens still cuts" },
    NumberRow { name: "rate", number: Number::Rate, fault: false, bare: None, range: (0, MANY), help: "tokens a second; 0 is as fast as possible (default; 40 for `echo`)" },
    NumberRow { name: "first_byte_ms", number: Number::FirstByteMs, fault: false, bare: None, range: (0, 86_400_000), help: "wait before the status line" },
    NumberRow { name: "size", number: Number::Size, fault: false, bare: None, range: (0, GIB), help: "bytes of a whole body, exactly, where it is a chat, text or speech answer that can be as small" },
    NumberRow { name: "oversize", number: Number::Oversize, fault: true, bare: None, range: (0, GIB), help: "like size; in a stream, one event with so many bytes of content" },
    NumberRow { name: "cached", number: Number::Cached, fault: false, bare: None, range: (0, MANY), help: "input tokens that the usage block reports as cached (at most all)" },
    NumberRow { name: "reasoning", number: Number::Reasoning, fault: false, bare: None, range: (0, MANY), help: "reasoning tokens that the usage block adds to the output" },
    NumberRow { name: "split", number: Number::Split, fault: false, bare: Some(1), range: (1, GIB), help: "send so many bytes at a time, each its own chunk and write" },
    NumberRow { name: "comments", number: Number::Comments, fault: false, bare: Some(16), range: (1, GIB), help: "an SSE comment of so many bytes before each event" },
    NumberRow { name: "status", number: Number::Status, fault: true, bare: None, range: (300, 599), help: "refuse with this status, in OpenAI's error shape" },
    NumberRow { name: "retry_after", number: Number::RetryAfter, fault: true, bare: None, range: (0, 86_400), help: "seconds in a retry-after header beside the status" },
    NumberRow { name: "fail_first", number: Number::FailFirst, fault: true, bare: None, range: (1, MANY), help: "the first n calls with exactly this model string suffer its other faults (503 where there is none), later ones do not" },
    NumberRow { name: "drop_after", number: Number::DropAfter, fault: true, bare: None, range: (0, GIB), help: "reset the connection after so many tokens of a stream, or bytes of a whole body" },
    NumberRow { name: "close_after", number: Number::CloseAfter, fault: true, bare: None, range: (0, GIB), help: "the same with an orderly close, HTTP's own end missing" },
    NumberRow { name: "truncate", number: Number::Truncate, fault: true, bare: None, range: (0, GIB), help: "the same, HTTP ending properly: no finish_reason, no [DONE]" },
    NumberRow { name: "hang_after", number: Number::HangAfter, fault: true, bare: None, range: (0, GIB), help: "fall silent there, connection open" },
    NumberRow { name: "error_after", number: Number::ErrorAfter, fault: true, bare: None, range: (0, GIB), help: "an error event there, in place of the rest of the stream" },
    NumberRow { name: "malformed", number: Number::Malformed, fault: true, bare: Some(1), range: (1, GIB), help: "the n-th event of a stream is not JSON; a whole body is not JSON at all" },
];

/// How the usage block lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageFault {
    Twice,
    Negative,
    Huge,
    Contradict,
    WrongTotal,
    Null,
    Float,
    Inline,
    Every,
}

#[rustfmt::skip]
const USAGES: [(&str, UsageFault, &str); 9] = [
    ("twice", UsageFault::Twice, "two usage blocks, half the output in the first"),
    ("negative", UsageFault::Negative, "a negative output"),
    ("huge", UsageFault::Huge, "2^53 output tokens"),
    ("contradict", UsageFault::Contradict, "twice the output that was sent"),
    ("wrong_total", UsageFault::WrongTotal, "a total that is not the sum"),
    ("null", UsageFault::Null, "usage: null at the end too"),
    ("float", UsageFault::Float, "whole numbers written as 12.0"),
    ("inline", UsageFault::Inline, "chat and text streams: in the chunk with the finish_reason, asked for or not"),
    ("every", UsageFault::Every, "chat and text streams: a running total in each chunk, asked for or not"),
];

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
