//! A request's measure: begun before the upstream is called, settled exactly once however the request ends.

mod contradiction;
mod ending;
pub mod estimate;
pub mod price;
mod record;
mod request_id;
pub mod usage;

pub use contradiction::Alarm;
pub use record::{LONGEST_TAGS, Outcome, Payer, Record, UsageSource, decode, encoded, settle_orphan};
pub use request_id::{RequestId, Text as RequestIdText, now_us};

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fail_point::{FailPoint, reach};
use crate::flow::{Endpoint, Flow, Target};
use crate::limit::{Reservation, Used};
use crate::settings::WhenFull;
use crate::spool::{NoRoom, Open, Spool};
use crate::telemetry::{Metrics, RequestLabels};
use contradiction::Estimate;
use estimate::{Calibration, Calibrations, CountedBy, Encoding, by_bytes};
use record::{Mark, bounded, bounded_id, encoded_mark};
use usage::{Measured, UsageError, UsageVector};

/// A mark is written when a stream has grown by this much, or after [`MARK_EVERY`].
const MARK_BYTES: u64 = 4_096;
const MARK_EVERY: Duration = Duration::from_secs(1);

/// Why a request can't be recorded, and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unrecordable {
    /// The spool takes no more records.
    Full,
    /// The disk does not keep what it is given.
    NotDurable,
}

/// What the caller labelled a request with: a JSON object of strings, or nothing. In ASCII, at most [`LONGEST_TAGS`].
pub type Tags = Box<str>;

/// Where records go.
pub struct Book {
    pub spool: Arc<Spool>,
    pub metrics: Metrics,
    pub when_full: WhenFull,
    pub calibrations: Calibrations,
    /// Of usage that contradicts what was delivered.
    pub alarm: Alarm,
}

/// How a request ended.
pub struct Settlement {
    /// What the client got.
    pub status: u16,
    pub outcome: Outcome,
    /// What the upstream reported, if it did.
    pub usage: Option<Measured>,
    /// Why what it reported was not believed.
    pub refused_usage: Option<UsageError>,
    /// Whether the upstream worked on the request, so that missing usage has to be estimated.
    pub was_served: bool,
    pub error_code: &'static str,
}

pub struct Meter {
    book: Arc<Book>,
    id: RequestId,
    flow: Arc<Flow>,
    endpoint: Endpoint,
    target: usize,
    streamed: bool,
    input_bytes: u64,
    started: Instant,
    started_us: u64,
    first_byte: Option<Duration>,
    attempts: u32,
    upstream_request: String,
    status: u16,
    delivered_bytes: u64,
    /// Of an answer that has come whole and is nothing but text: in how many events it came.
    text_events: Option<u64>,
    /// When the request had ended, where it is settled later.
    ended: Option<Duration>,
    marked_bytes: u64,
    marked_at: Instant,
    open: Option<Open>,
    settled: bool,
    /// What limits and budgets it was set aside on; None before it is admitted to any, and when it has ended.
    /// On the heap: a request that nothing limits does not carry its size about.
    reservation: Option<Box<Reservation>>,
    /// What it drew from each of its budgets, or will have, as far as is known.
    drawn: u64,
    tags: Tags,
    /// What the model's tokenizer makes of a request whose usage is missing, or doubted.
    counted: Option<Box<Counted>>,
}

/// Tokens by a tokenizer.
#[derive(Debug, Clone, Copy)]
pub struct Counted {
    pub by: Encoding,
    pub input: u64,
    pub output: u64,
}

/// Tokens, where they are from, and what is to be remarked.
type Usage<'a> = (UsageVector, UsageSource, Cow<'a, str>);

/// What is known of a request when it is admitted.
pub struct Admitted {
    pub id: RequestId,
    pub flow: Arc<Flow>,
    pub endpoint: Endpoint,
    pub streamed: bool,
    pub input_bytes: u64,
    pub started: Instant,
    pub started_us: u64,
    pub reservation: Option<Box<Reservation>>,
    pub tags: Tags,
}

impl Meter {
    /// Writes the intent: from here on the request has a record, whatever happens to this process.
    pub async fn begin(book: Arc<Book>, admitted: Admitted, target: usize) -> Result<Self, Unrecordable> {
        reach(FailPoint::K1);
        let mut meter = Self {
            book,
            id: admitted.id,
            flow: admitted.flow,
            endpoint: admitted.endpoint,
            target,
            streamed: admitted.streamed,
            input_bytes: admitted.input_bytes,
            started: admitted.started,
            started_us: admitted.started_us,
            first_byte: None,
            attempts: 1,
            upstream_request: String::new(),
            status: 0,
            delivered_bytes: 0,
            text_events: None,
            ended: None,
            marked_bytes: 0,
            marked_at: admitted.started,
            open: None,
            settled: false,
            drawn: admitted.reservation.as_deref().map_or(0, Reservation::drawn),
            reservation: admitted.reservation,
            tags: admitted.tags,
            counted: None,
        };
        let expected = Settlement {
            status: 0,
            outcome: Outcome::Interrupted,
            usage: None,
            refused_usage: None,
            was_served: true,
            error_code: "interrupted",
        };
        let (vector, source, flags) = meter.usage(&expected, None);
        let intent = meter.record(&expected, (vector, source, &flags));
        let opened = loop {
            match encoded(&intent, |bytes| meter.book.spool.begin(meter.id.bytes(), bytes)) {
                Some(Ok(open)) => break Some(open),
                Some(Err(NoRoom::Growing(attempts))) if meter.book.spool.grown(attempts).await => {}
                _ => break None,
            }
        };
        meter.open = opened;
        let must_record = meter.book.when_full == WhenFull::Refuse;
        match &meter.open {
            None if must_record => {
                meter.settled = true;
                return Err(Unrecordable::Full);
            }
            None => drop(meter.book.metrics.unrecorded.inc()),
            Some(open) if !meter.book.spool.durable(open).await && must_record => {
                meter.refused();
                return Err(Unrecordable::NotDurable);
            }
            Some(_) => {}
        }
        reach(FailPoint::K2);
        Ok(meter)
    }

    /// Nothing was sent upstream: the request's record is closed without a charge.
    fn refused(&mut self) {
        self.settle(&Settlement {
            status: 503,
            outcome: Outcome::GatewayError,
            usage: None,
            refused_usage: None,
            was_served: false,
            error_code: "usage_not_durable",
        });
    }

    pub fn id(&self) -> RequestId {
        self.id
    }

    pub fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// The request goes on to another target.
    pub fn next_attempt(&mut self, target: usize) {
        self.target = target;
        self.attempts += 1;
    }

    pub fn attempted(&self, result: &'static str) {
        if let Some(target) = self.target() {
            self.book.metrics.attempted(&target.provider_id, result);
        }
    }

    /// A response head came: what the caller will see, and what the upstream calls the request.
    pub fn answered(&mut self, status: u16, upstream_request: &str) {
        self.status = status;
        bounded(upstream_request).clone_into(&mut self.upstream_request);
    }

    pub fn first_byte(&mut self) {
        if self.first_byte.is_none() {
            self.first_byte = Some(self.started.elapsed());
        }
    }

    /// An answer that was whole before any of it was passed on has delivered this many bytes of output.
    pub fn delivered_whole(&mut self, output_bytes: u64) {
        self.delivered_bytes = output_bytes;
    }

    /// A stream has delivered this many bytes of output so far.
    pub fn delivered(&mut self, output_bytes: u64) {
        self.delivered_bytes = output_bytes;
        if output_bytes - self.marked_bytes >= MARK_BYTES {
            self.mark();
        }
    }

    /// To be called about once a second while a stream is open.
    pub fn tick(&mut self) {
        if self.delivered_bytes > self.marked_bytes && self.marked_at.elapsed() >= MARK_EVERY {
            self.mark();
        }
    }

    fn mark(&mut self) {
        self.marked_bytes = self.delivered_bytes;
        self.marked_at = Instant::now();
        let mark = Mark {
            duration_us: micros(self.started.elapsed()),
            output_bytes: self.delivered_bytes,
            status: self.status,
        };
        if let Some(open) = &self.open {
            encoded_mark(&mark, |bytes| self.book.spool.mark(open, bytes));
        }
    }

    /// The final record. Later calls, and the drop, do nothing.
    pub fn settle(&mut self, settlement: &Settlement) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        reach(FailPoint::K4);
        let contradicted = self.contradiction(settlement);
        self.learn(settlement);
        let (vector, source, flags) = self.usage(settlement, contradicted);
        if let Some(reservation) = self.reservation.take() {
            self.drawn = reservation.settle(self.used(&vector, settlement));
        }
        if let Some(open) = self.open.take() {
            match encoded(&self.record(settlement, (vector, source, &flags)), |bytes| {
                self.book.spool.finish(open, bytes)
            }) {
                Some(Ok(())) => {}
                Some(Err(error)) => {
                    tracing::error!(request_id = %self.id, %error, "a final usage record could not be written");
                }
                None => tracing::error!(request_id = %self.id, "a usage record does not fit"),
            }
        }
        reach(FailPoint::K5);
        let labels = RequestLabels {
            endpoint: self.endpoint.name(),
            model: self.flow.model.clone(),
            status: settlement.status,
        };
        self.book.metrics.answered(&labels, self.duration());
    }

    fn duration(&self) -> Duration {
        self.ended.unwrap_or_else(|| self.started.elapsed())
    }

    /// What limits and budgets count.
    fn used(&self, usage: &UsageVector, settlement: &Settlement) -> Used {
        let succeeded = settlement.outcome == Outcome::Success;
        let rates = self.target().and_then(|target| target.rates.as_ref());
        Used {
            tokens: usage.tokens(),
            charge: rates.map_or(0, |rates| price::charge(usage, rates, succeeded, self.flow.markup_ppm)),
        }
    }

    /// A stream has come to so many events. True where nothing is left to pay for more, and it has to end.
    pub fn is_outrun(&mut self, events: u64) -> bool {
        let tokens = events.max(by_bytes(self.delivered_bytes));
        self.reservation
            .as_mut()
            .is_some_and(|reservation| reservation.is_outrun(tokens))
    }

    /// Whether the answer may outrun what was set aside for it.
    pub fn may_be_outrun(&self) -> bool {
        self.reservation.as_deref().is_some_and(Reservation::may_be_outrun)
    }

    /// It did, and there was no more.
    pub fn was_cut_short(&self) {
        if let Some(reservation) = &self.reservation {
            reservation.was_cut_short();
        }
    }

    fn record<'a>(
        &'a self,
        settlement: &Settlement,
        (usage, source, flags): (UsageVector, UsageSource, &'a str),
    ) -> Record<'a> {
        let target = self.target();
        Record {
            occurred_at_us: self.started_us,
            duration_us: micros(self.duration()),
            first_byte_us: self.first_byte.map(micros),
            organization: bounded_id(&self.flow.organization_id),
            project: bounded_id(&self.flow.project_id),
            key: bounded_id(&self.flow.key_id),
            model: bounded(&self.flow.model),
            endpoint: self.endpoint.name(),
            provider: target.map_or("", |target| bounded_id(&target.provider_id)),
            deployment: target.map_or("", |target| bounded_id(&target.deployment_id)),
            upstream_model: target
                .and_then(|target| target.upstream_model.as_deref())
                .map_or("", bounded),
            streamed: self.streamed,
            status: settlement.status,
            outcome: settlement.outcome,
            source,
            usage,
            attempts: self.attempts,
            upstream_request: &self.upstream_request,
            error_code: bounded(settlement.error_code),
            flags,
            payer: Payer {
                user: bounded_id(&self.flow.user_id),
                tags: &self.tags,
                drawn: self.drawn,
                budgets: self.flow.budgets_text(self.book.spool.life()),
            },
        }
    }

    fn usage<'a>(&self, settlement: &'a Settlement, contradicted: Option<Estimate>) -> Usage<'a> {
        match &settlement.usage {
            Some(measured) if settlement.outcome == Outcome::Success && !measured.is_open => {
                let flags = match (measured.flags.text(), contradicted) {
                    (flags, None) => flags.into(),
                    ("", Some(delivered)) => delivered.remark().into(),
                    (flags, Some(delivered)) => format!("{flags},{}", delivered.remark()).into(),
                };
                (measured.vector, UsageSource::Provider, flags)
            }
            Some(measured) if measured.is_open => self.completed(measured),
            Some(measured) => (measured.vector, UsageSource::Partial, measured.flags.text().into()),
            None => {
                let flags = settlement.refused_usage.map_or("", UsageError::name);
                if settlement.was_served && self.has_tokens() {
                    let (vector, counted_by) = self.estimate();
                    let flags = match flags {
                        "" => counted_by.remark().into(),
                        flags => format!("{flags},{}", counted_by.remark()).into(),
                    };
                    (vector, UsageSource::Estimated, flags)
                } else {
                    (UsageVector::default(), UsageSource::None, flags.into())
                }
            }
        }
    }

    /// The input as it was told, and the output as far as it has come.
    fn completed(&self, measured: &Measured) -> Usage<'static> {
        let (estimate, by) = self.estimate();
        let vector = UsageVector {
            output: measured.vector.output.max(estimate.output),
            ..measured.vector
        };
        let flags = match measured.flags.text() {
            "" => by.remark().into(),
            flags => format!("{flags},{}", by.remark()).into(),
        };
        (vector, UsageSource::Partial, flags)
    }

    /// What the provider tells teaches what to think of the requests of which it tells nothing.
    fn learn(&self, settlement: &Settlement) {
        let Some(measured) = settlement.usage.as_ref().filter(|measured| !measured.is_open) else {
            return;
        };
        if settlement.outcome != Outcome::Success {
            return;
        }
        let Some(calibration) = self.calibration() else {
            return;
        };
        let usage = &measured.vector;
        if usage.input_audio == 0 && usage.input_image == 0 {
            let input = usage.input + usage.cache_read + usage.cache_write_5m + usage.cache_write_1h;
            calibration.learn_input(self.input_bytes, input);
        }
        // Of reasoning there may be more than was told.
        if usage.reasoning == 0 && usage.output_audio == 0 {
            calibration.learn_output(self.delivered_bytes, usage.output);
        }
        if let Some((told, delivered)) = self.told(settlement) {
            calibration.learn_spread(delivered.bytes, told);
        }
    }

    fn calibration(&self) -> Option<&Calibration> {
        let target = self.target()?;
        let found = target.calibration.get_or_init(|| self.book.calibrations.of(target));
        Some(found)
    }

    /// Endpoints whose upstreams bill otherwise than by tokens of text are not guessed at.
    fn has_tokens(&self) -> bool {
        !matches!(
            self.endpoint,
            Endpoint::Models | Endpoint::Model | Endpoint::Other | Endpoint::Moderations | Endpoint::Rerank
        ) && !self.endpoint.takes_form()
    }

    /// What the tokenizer makes of it, for the case that the upstream does not say.
    pub fn counted(&mut self, counted: Counted) {
        self.counted = Some(Box::new(counted));
    }

    /// The tokens of the request as far as it has come, and what they were counted by.
    pub fn estimate(&self) -> (UsageVector, CountedBy) {
        let (input, output, by) = match self.counted.as_deref() {
            Some(counted) => (counted.input, counted.output, CountedBy::Tokenizer(counted.by)),
            None => self.guessed(),
        };
        let vector = UsageVector {
            input,
            output,
            ..UsageVector::default()
        };
        (vector, by)
    }

    fn guessed(&self) -> (u64, u64, CountedBy) {
        let (sent, delivered) = (self.input_bytes, self.delivered_bytes);
        // An intent may be completed by a mark alone, which knows the rule of thumb.
        let taught = self.open.as_ref().and_then(|_| self.calibration());
        let input = taught.and_then(|taught| taught.input(sent));
        let output = taught.and_then(|taught| taught.output(delivered));
        let by = match input.or(output) {
            Some(_) => CountedBy::Calibration,
            None => CountedBy::Bytes,
        };
        (
            input.unwrap_or(by_bytes(sent)),
            output.unwrap_or(by_bytes(delivered)),
            by,
        )
    }

    fn target(&self) -> Option<&Target> {
        self.flow.targets.get(self.target)
    }
}

impl Drop for Meter {
    /// Whoever held the meter was dropped: the client left. What was delivered is charged, as an estimate.
    fn drop(&mut self) {
        let status = if self.status == 0 {
            CLIENT_CLOSED_REQUEST
        } else {
            self.status
        };
        self.settle(&Settlement {
            status,
            outcome: Outcome::Cancelled,
            usage: None,
            refused_usage: None,
            was_served: true,
            error_code: "client_left",
        });
    }
}

/// nginx's status for a client that leaves before the response; nobody receives it.
pub const CLIENT_CLOSED_REQUEST: u16 = 499;

pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
