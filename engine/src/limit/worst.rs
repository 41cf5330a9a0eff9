//! The most that a request may use, known before it is sent.

use crate::flow::{Flow, Target};
use crate::meter::price::{PARTS_PER_MILLION, RATE_UNITS, Rates};

/// Of an image that is given by its address; one that is in the body is bounded by its bytes. The most that current
/// models of OpenAI's `high` detail count is below it, but for the smallest, which count an image many times.
pub const IMAGE_TOKENS: u64 = 2_048;

/// Kinds of tokens that a request may cause besides those of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Media {
    pub input_audio: bool,
    pub input_image: bool,
    pub output_audio: bool,
}

/// What a request may use at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Worst {
    /// Tokens: no text has more of them than bytes.
    pub input: u64,
    /// Tokens of one answer.
    pub output: u64,
    /// How many answers are asked for.
    pub answers: u64,
    pub media: Media,
    pub images: u64,
    /// Of audio.
    pub milliseconds: u64,
    /// Whether nothing says how long an answer may get: then `output` is a guess.
    pub is_guess: bool,
    /// Whether the request has a place for a limit on the length of its answer.
    pub can_be_clipped: bool,
}

impl Worst {
    pub fn tokens(&self) -> u64 {
        self.input.saturating_add(self.output_tokens())
    }

    pub fn output_tokens(&self) -> u64 {
        self.output.saturating_mul(self.answers)
    }

    /// Nanodollars, at the dearest of the flow's targets. None where one of them has no price.
    pub fn charge(&self, flow: &Flow) -> Option<u64> {
        flow.targets
            .iter()
            .map(|target| self.charge_of(target, flow.markup_ppm))
            .try_fold(0, |most, charge| Some(charge?.max(most)))
    }

    fn charge_of(&self, target: &Target, markup_ppm: i64) -> Option<u64> {
        let rates = target.rates.as_ref()?;
        let output = u128::from(self.output_tokens()) * u128::from(self.output_rate(rates));
        Some(rounded_up(self.fixed(rates).saturating_add(output), markup_ppm))
    }

    /// The longest answer that `nanodollars` pay for, whichever target gives it. None where they pay for none at all.
    pub fn payable(&self, flow: &Flow, nanodollars: u64) -> Option<u64> {
        let factor = u128::try_from(PARTS_PER_MILLION + i128::from(flow.markup_ppm)).unwrap_or(0);
        let mut least = u64::MAX;
        for target in &flow.targets {
            let rates = target.rates.as_ref()?;
            // All that is paid for, in the units of rates.
            let paid = (u128::from(nanodollars) * RATE_UNITS * PARTS_PER_MILLION.unsigned_abs())
                .checked_div(factor)
                .unwrap_or(u128::MAX);
            let rest = paid.checked_sub(self.fixed(rates))?;
            let each = u128::from(self.output_rate(rates)) * u128::from(self.answers.max(1));
            let output = rest.checked_div(each).unwrap_or(u128::MAX);
            least = least.min(u64::try_from(output).unwrap_or(u64::MAX));
        }
        Some(least)
    }

    /// All but the answers.
    fn fixed(&self, rates: &Rates) -> u128 {
        let text = [rates[0], rates[1], rates[2], rates[3]].into_iter().max().unwrap_or(0);
        let audio = if self.media.input_audio { rates[4] } else { 0 };
        let image = if self.media.input_image { rates[5] } else { 0 };
        let input = u128::from(self.input) * u128::from(text.max(audio).max(image));
        let images = u128::from(self.images) * u128::from(rates[9]);
        let sound = u128::from(self.milliseconds) * u128::from(rates[10]);
        input
            .saturating_add(images)
            .saturating_add(sound)
            .saturating_add(u128::from(rates[11]))
    }

    fn output_rate(&self, rates: &Rates) -> u64 {
        let audio = if self.media.output_audio { rates[8] } else { 0 };
        rates[6].max(rates[7]).max(audio)
    }
}

/// In favour of the budget.
fn rounded_up(total: u128, markup_ppm: i64) -> u64 {
    let factor = u128::try_from(PARTS_PER_MILLION + i128::from(markup_ppm)).unwrap_or(0);
    let most = i64::MAX.unsigned_abs();
    let Some(scaled) = total.checked_mul(factor) else {
        return most;
    };
    let charge = scaled.div_ceil(RATE_UNITS * PARTS_PER_MILLION.unsigned_abs());
    u64::try_from(charge).map_or(most, |charge| charge.min(most))
}
