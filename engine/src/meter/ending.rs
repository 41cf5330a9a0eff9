//! The end of a request: settled at once, or where its text has to be counted for that, when this is done.

use super::contradiction::{Delivered, Estimate, is_doubtful};
use super::estimate::Kept;
use super::usage::Flag;
use super::{Counted, Meter, Outcome, Settlement, now_us};
use crate::flow::Endpoint;

impl Meter {
    /// Settles the request. Nobody waits where its text is counted first, but `pending` makes what the process waits for
    /// before it ends.
    pub fn end<P: Send + 'static>(
        mut self,
        settlement: Settlement,
        kept: Option<Box<Kept>>,
        pending: impl FnOnce() -> P,
    ) {
        self.ended = Some(self.started.elapsed());
        let kept = kept.filter(|kept| kept.is_whole() && self.needs_a_count(&settlement));
        // Outside of a runtime, as it is being taken down, there is nobody to count.
        let (Some(kept), Ok(runtime)) = (kept, tokio::runtime::Handle::try_current()) else {
            return self.settle(&settlement);
        };
        let pending = pending();
        let mut ended = Ended {
            meter: self,
            settlement,
        };
        runtime.spawn(async move {
            let by = kept.encoding();
            if let Some(counted) = kept.count().await {
                let input = counted.input.unwrap_or_else(|| ended.meter.estimate().0.input);
                let output = counted.output;
                ended.meter.counted(Counted { by, input, output });
            }
            drop(ended);
            drop(pending);
        });
    }

    fn needs_a_count(&self, settlement: &Settlement) -> bool {
        match &settlement.usage {
            None => settlement.was_served && self.has_tokens(),
            Some(_) => self
                .told(settlement)
                .is_some_and(|(told, delivered)| is_doubtful(told, delivered)),
        }
    }

    /// The whole answer, or all events of its stream, had nothing but text.
    pub fn delivered_text(&mut self, events: u64) {
        self.text_events = Some(events);
    }

    /// What the provider says of an answer's text, where that can be compared with what was delivered.
    pub(super) fn told(&self, settlement: &Settlement) -> Option<(u64, Delivered)> {
        let measured = settlement.usage.as_ref()?;
        let delivered = Delivered {
            bytes: self.delivered_bytes,
            events: self.text_events?,
        };
        let usage = &measured.vector;
        // Reasoning need not be shown. Completions may repeat the prompt, and count answers that are not the best.
        let is_shown = usage.reasoning == 0 && usage.output_audio == 0 && usage.images == 0 && delivered.bytes > 0;
        let is_told = match usage.output {
            0 => !measured.flags.has(Flag::MissingTotal) && !measured.flags.has(Flag::Unsplit),
            _ => true,
        };
        let is_chat = matches!(self.endpoint, Endpoint::ChatCompletions | Endpoint::Responses);
        (settlement.outcome == Outcome::Success && is_chat && is_shown && is_told)
            .then(|| (usage.output.saturating_sub(measured.rejected), delivered))
    }

    /// What was delivered, where the provider's count cannot be true of it.
    pub(super) fn contradiction(&self, settlement: &Settlement) -> Option<Estimate> {
        let (told, delivered) = self.told(settlement)?;
        let estimate = match self.counted.as_deref() {
            Some(counted) => Estimate::counted(counted.by, counted.output, delivered),
            None => Estimate::cheap(self.calibration(), delivered),
        };
        if !estimate.is_contradicted_by(told) {
            return None;
        }
        let target = self.target();
        let provider = target.map_or("", |target| target.provider_id.as_str());
        self.book.metrics.contradicted(provider);
        if let Some(unsaid) = self.book.alarm.raised(now_us() / 1_000_000) {
            tracing::warn!(
                request_id = %self.id,
                provider,
                deployment = target.map_or("", |target| target.deployment_id.as_str()),
                told,
                delivered = estimate.tokens,
                by = estimate.by.remark(),
                unsaid,
                "a provider's count of output contradicts what it delivered; its count is charged"
            );
        }
        Some(estimate)
    }
}

/// Settles however the counting ends, and if it does not.
struct Ended {
    meter: Meter,
    settlement: Settlement,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.meter.settle(&self.settlement);
    }
}
