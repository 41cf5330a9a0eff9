//! What the spool holds of a request. `headworks.dataplane.events.UsageEvent` is the shape that leaves it.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use super::estimate::{CountedBy, by_bytes};
use super::usage::UsageVector;

/// The encoding below; a reader refuses versions that it does not know.
pub const VERSION: u8 = 2;
/// Records of this version end before their [`Payer`]; marks are the same.
const FIRST_VERSION: u8 = 1;
/// The longest encoded record: names are bounded at admission.
pub const MAX_ENCODED: usize = 4_096;
/// Names longer than this are cut in records. No name that the control plane accepts is.
const MAX_NAME: usize = 256;
/// Likewise ids.
const MAX_ID: usize = 128;
/// Of tags, in bytes: `headworks.dataplane.events.LONGEST_TAGS`.
pub const LONGEST_TAGS: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Success,
    UpstreamError,
    Truncated,
    Cancelled,
    Interrupted,
    GatewayError,
}

impl Outcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::UpstreamError => "upstream_error",
            Self::Truncated => "truncated",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
            Self::GatewayError => "gateway_error",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageSource {
    Provider,
    Partial,
    Estimated,
    None,
}

impl UsageSource {
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Partial => "partial",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }
}

/// One request. As an intent it says what will be true if nothing more is heard of it: the same shape, settled by
/// an estimate. So a crash needs no rule of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record<'a> {
    pub occurred_at_us: u64,
    pub duration_us: u64,
    pub first_byte_us: Option<u64>,
    pub organization: &'a str,
    pub project: &'a str,
    pub key: &'a str,
    pub model: &'a str,
    pub endpoint: &'a str,
    pub provider: &'a str,
    pub deployment: &'a str,
    pub upstream_model: &'a str,
    pub streamed: bool,
    pub status: u16,
    pub outcome: Outcome,
    pub source: UsageSource,
    pub usage: UsageVector,
    pub attempts: u32,
    pub upstream_request: &'a str,
    pub error_code: &'a str,
    pub flags: &'a str,
    /// Written after all the rest, which records of the first version end with.
    #[serde(skip)]
    pub payer: Payer<'a>,
}

/// Whose the request was, and what it drew from which budgets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer<'a> {
    pub user: &'a str,
    /// A JSON object of strings; empty for none.
    pub tags: &'a str,
    /// Nanodollars, from each of the budgets.
    pub drawn: u64,
    /// `bud_a@<period_start_us>,bud_b@…#<life>`
    pub budgets: &'a str,
}

/// How far a stream has come: what an estimate after a crash builds on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub duration_us: u64,
    pub output_bytes: u64,
    pub status: u16,
}

thread_local! {
    /// Kept, so that a record costs no allocation.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Encodes a record, and hands the bytes to `write`. None when it does not fit.
pub fn encoded<R>(record: &Record<'_>, write: impl FnOnce(&[u8]) -> R) -> Option<R> {
    encoded_parts(record, &record.payer, write)
}

/// The same for a mark.
pub fn encoded_mark<R>(mark: &Mark, write: impl FnOnce(&[u8]) -> R) -> Option<R> {
    encoded_parts(mark, &(), write)
}

/// The parts of a value lie one behind the other, as its fields would.
fn encoded_parts<R>(first: &impl Serialize, second: &impl Serialize, write: impl FnOnce(&[u8]) -> R) -> Option<R> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        buffer.push(VERSION);
        *buffer = postcard::to_extend(first, std::mem::take(buffer)).ok()?;
        *buffer = postcard::to_extend(second, std::mem::take(buffer)).ok()?;
        (buffer.len() <= MAX_ENCODED).then(|| write(buffer))
    })
}

/// Reads what [`encoded`] wrote; None when it is of another version or damaged.
pub fn decode(bytes: &[u8]) -> Option<Record<'_>> {
    let (version, rest) = bytes.split_first()?;
    let (record, rest) = postcard::take_from_bytes::<Record<'_>>(rest).ok()?;
    let payer = match *version {
        VERSION => postcard::from_bytes(rest).ok()?,
        FIRST_VERSION => Payer::default(),
        _ => return None,
    };
    Some(Record { payer, ..record })
}

fn decode_mark(bytes: &[u8]) -> Option<Mark> {
    let (version, rest) = bytes.split_first()?;
    let is_known = matches!(*version, FIRST_VERSION | VERSION);
    is_known.then(|| postcard::from_bytes(rest).ok()).flatten()
}

/// `name`, cut to what a record has room for.
pub fn bounded(name: &str) -> &str {
    cut(name, MAX_NAME)
}

/// The same for an id.
pub fn bounded_id(id: &str) -> &str {
    cut(id, MAX_ID)
}

fn cut(text: &str, longest: usize) -> &str {
    if text.len() <= longest {
        return text;
    }
    let end = (0..=longest).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The final record of an intent that nobody finished: its estimate, with what the last mark adds.
pub fn settle_orphan<'a>(intent: &'a [u8], mark: Option<&[u8]>) -> Option<Record<'a>> {
    let mut record = decode(intent)?;
    if let Some(mark) = mark.and_then(decode_mark) {
        record.duration_us = mark.duration_us;
        record.status = mark.status;
        record.usage.output = by_bytes(mark.output_bytes);
        if record.usage.output > 0 {
            // Also where the endpoint's usage is not guessed at before anything has come.
            record.source = UsageSource::Estimated;
        }
    }
    // An intent that has another remark was counted before the upstream was called: by bytes, always.
    if record.source == UsageSource::Estimated && record.flags.is_empty() {
        record.flags = CountedBy::Bytes.remark();
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::LONGEST_BUDGETS;

    fn encode(record: &Record<'_>) -> Vec<u8> {
        encoded(record, <[u8]>::to_vec).unwrap()
    }

    fn record() -> Record<'static> {
        Record {
            occurred_at_us: 1_700_000_000_000_000,
            duration_us: 0,
            first_byte_us: None,
            organization: "org_1",
            project: "prj_1",
            key: "key_1",
            model: "m",
            endpoint: "chat/completions",
            provider: "prv_1",
            deployment: "dep_1",
            upstream_model: "mock",
            streamed: true,
            status: 0,
            outcome: Outcome::Interrupted,
            source: UsageSource::Estimated,
            usage: UsageVector {
                input: 7,
                ..UsageVector::default()
            },
            attempts: 1,
            upstream_request: "",
            error_code: "",
            flags: "",
            payer: Payer {
                user: "usr_1",
                tags: r#"{"team":"a"}"#,
                drawn: 7_000,
                budgets: "bud_1@1700000000000000#0123456789abcdef",
            },
        }
    }

    #[test]
    fn a_record_survives_its_encoding() {
        let encoded = encode(&record());
        assert_eq!(decode(&encoded).unwrap(), record());
    }

    #[test]
    fn a_record_of_the_first_version_had_no_payer() {
        let mut first = vec![FIRST_VERSION];
        first = postcard::to_extend(&record(), first).unwrap();
        let expected = Record {
            payer: Payer::default(),
            ..record()
        };
        assert_eq!(decode(&first).unwrap(), expected);
        let mark = Mark {
            duration_us: 9,
            output_bytes: 41,
            status: 200,
        };
        let mark = postcard::to_extend(&mark, vec![FIRST_VERSION]).unwrap();
        let settled = settle_orphan(&first, Some(&mark)).unwrap();
        assert_eq!((settled.usage.output, settled.flags), (11, "counted:bytes"));
    }

    #[test]
    fn damage_and_other_versions_are_not_read() {
        let encoded = encode(&record());
        let mut other = encoded.clone();
        other[0] = VERSION + 1;
        assert!(decode(&other).is_none());
        assert!(decode(&encoded[..10]).is_none());
        assert!(decode(&encoded[..encoded.len() - 1]).is_none());
        assert!(decode(&[]).is_none());
    }

    #[test]
    fn an_orphan_is_charged_for_what_was_delivered() {
        let intent = encode(&record());
        let mark = Mark {
            duration_us: 9,
            output_bytes: 41,
            status: 200,
        };
        let mark = encoded_mark(&mark, <[u8]>::to_vec).unwrap();
        let settled = settle_orphan(&intent, Some(&mark)).unwrap();
        assert_eq!(
            (settled.usage.input, settled.usage.output, settled.status),
            (7, 11, 200)
        );
        assert_eq!(
            (settled.outcome, settled.source),
            (Outcome::Interrupted, UsageSource::Estimated)
        );
        assert_eq!(settled.payer, record().payer, "with what was reserved as its draw");
    }

    #[test]
    fn an_orphan_says_that_it_was_counted_by_bytes() {
        let unguessed = Record {
            source: UsageSource::None,
            usage: UsageVector::default(),
            ..record()
        };
        let mark = |output_bytes| {
            let mark = Mark {
                duration_us: 9,
                output_bytes,
                status: 200,
            };
            encoded_mark(&mark, <[u8]>::to_vec).unwrap()
        };
        for (intent, mark, expected) in [
            (record(), None, (UsageSource::Estimated, "counted:bytes", 0)),
            (record(), Some(mark(41)), (UsageSource::Estimated, "counted:bytes", 11)),
            (unguessed.clone(), None, (UsageSource::None, "", 0)),
            (unguessed.clone(), Some(mark(0)), (UsageSource::None, "", 0)),
            (unguessed, Some(mark(41)), (UsageSource::Estimated, "counted:bytes", 11)),
        ] {
            let intent = encode(&intent);
            let settled = settle_orphan(&intent, mark.as_deref()).unwrap();
            assert_eq!((settled.source, settled.flags, settled.usage.output), expected);
        }
    }

    #[test]
    fn the_longest_names_fit() {
        let long = "é".repeat(MAX_NAME);
        let (name, id) = (bounded(&long), bounded_id(&long));
        let (tags, budgets) = ("t".repeat(LONGEST_TAGS), "b".repeat(LONGEST_BUDGETS));
        let mut widest = record();
        for field in [
            &mut widest.organization,
            &mut widest.project,
            &mut widest.key,
            &mut widest.provider,
            &mut widest.deployment,
            &mut widest.payer.user,
        ] {
            *field = id;
        }
        for field in [
            &mut widest.model,
            &mut widest.upstream_model,
            &mut widest.upstream_request,
        ] {
            *field = name;
        }
        widest.error_code = name;
        widest.flags = "contradiction,clamped,missing_input,missing_total,unsplit,unlisted,repeated,estimate,tags,contradicts:18446744073709551615,counted:calibrated";
        (widest.payer.tags, widest.payer.budgets) = (&tags, &budgets);
        widest.payer.drawn = u64::MAX;
        widest.occurred_at_us = u64::MAX;
        widest.usage.output = u64::MAX;
        assert!(encoded(&widest, |_| ()).is_some());
    }
}
