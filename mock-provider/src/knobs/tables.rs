//! Every knob, what it may be, and what it does.

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

pub struct FlagRow {
    pub name: &'static str,
    pub flag: Flag,
    /// Whether it makes the answer a bad one; `fail_first` turns such knobs off after the first calls.
    pub fault: bool,
    pub help: &'static str,
}

#[rustfmt::skip]
pub const FLAGS: [FlagRow; 15] = [
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

pub struct NumberRow {
    pub name: &'static str,
    pub number: Number,
    pub fault: bool,
    /// The value of the bare name, where that makes sense.
    pub bare: Option<u64>,
    pub range: (u64, u64),
    pub help: &'static str,
}

const GIB: u64 = 1 << 30;
const MANY: u64 = 1_000_000;

#[rustfmt::skip]
pub const NUMBERS: [NumberRow; 18] = [
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
pub const USAGES: [(&str, UsageFault, &str); 9] = [
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
