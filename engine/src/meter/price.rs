//! What usage costs, in integers: `headworks.ledger.contracts.amounts` computes the same, and
//! `tests/support/charges.json` holds both to it.

use super::usage::UsageVector;

/// Nanodollars per million units: the buckets of a usage vector in their order, then requests.
pub type Rates = [u64; 12];

/// A price buys this many units.
pub const RATE_UNITS: u128 = 1_000_000;
/// Mark-ups are millionths.
pub const PARTS_PER_MILLION: i128 = 1_000_000;

/// Nanodollars that the organisation pays: the provider's cost with the mark-up, rounded once, half to even.
///
/// What used nothing and failed costs nothing, a charge for each request included. More than 64 bits is cut to them.
pub fn charge(usage: &UsageVector, rates: &Rates, succeeded: bool, markup_ppm: i64) -> u64 {
    let units = units(usage);
    if !succeeded && units.iter().all(|unit| *unit == 0) {
        return 0;
    }
    let of_units = units
        .iter()
        .zip(rates)
        .map(|(unit, rate)| u128::from(*unit) * u128::from(*rate));
    let total = of_units.fold(u128::from(rates[11]), u128::saturating_add);
    let factor = u128::try_from(PARTS_PER_MILLION + i128::from(markup_ppm)).unwrap_or(0);
    let most = i64::MAX.unsigned_abs();
    let Some(scaled) = total.checked_mul(factor) else {
        return most;
    };
    u64::try_from(half_to_even(scaled, RATE_UNITS * PARTS_PER_MILLION.unsigned_abs()))
        .map_or(most, |charge| charge.min(most))
}

fn units(usage: &UsageVector) -> [u64; 11] {
    [
        usage.input,
        usage.cache_read,
        usage.cache_write_5m,
        usage.cache_write_1h,
        usage.input_audio,
        usage.input_image,
        usage.output,
        usage.reasoning,
        usage.output_audio,
        usage.images,
        usage.milliseconds,
    ]
}

/// `parts` is even.
fn half_to_even(amount: u128, parts: u128) -> u128 {
    let (quotient, rest) = (amount / parts, amount % parts);
    let half = parts / 2;
    quotient + u128::from(rest > half || (rest == half && quotient % 2 == 1))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        name: String,
        units: [u64; 11],
        rates: Rates,
        succeeded: bool,
        markup_ppm: i64,
        charge: u64,
    }

    fn vector(units: [u64; 11]) -> UsageVector {
        UsageVector {
            input: units[0],
            cache_read: units[1],
            cache_write_5m: units[2],
            cache_write_1h: units[3],
            input_audio: units[4],
            input_image: units[5],
            output: units[6],
            reasoning: units[7],
            output_audio: units[8],
            images: units[9],
            milliseconds: units[10],
        }
    }

    #[test]
    fn charges_are_those_that_the_ledger_computes() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("../../../tests/support/charges.json")).unwrap();
        assert!(cases.len() > 10);
        for case in cases {
            let found = charge(&vector(case.units), &case.rates, case.succeeded, case.markup_ppm);
            assert_eq!(found, case.charge, "{}", case.name);
        }
    }
}
