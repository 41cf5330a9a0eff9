//! Moments and spans of time as callers read them.

use std::time::Duration;

/// A Unix time in microseconds as `2026-12-01T00:00:00Z`, by the proleptic Gregorian calendar.
pub fn shown(epoch_us: u64) -> String {
    let seconds = epoch_us / 1_000_000;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Howard Hinnant's `civil_from_days` (<https://howardhinnant.github.io/date_algorithms.html>), for days since 1970.
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_based = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// As OpenAI writes it in `x-ratelimit-reset-*`: `17ms`, `1s`, `6m0s`, `1h0m0s`
/// (<https://platform.openai.com/docs/guides/rate-limits>).
pub fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (hours, minutes, rest) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) if seconds == 0 => format!("{}ms", span.as_millis()),
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

/// Nanodollars in dollars, exactly: at least two decimals, and no more than it needs.
pub fn dollars(nanodollars: u64) -> String {
    let (whole, rest) = (nanodollars / 1_000_000_000, nanodollars % 1_000_000_000);
    let decimals = format!("{rest:09}");
    let needed = decimals.trim_end_matches('0').len().max(2);
    format!("{whole}.{} USD", &decimals[..needed])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(shown(seconds * 1_000_000), text);
        }
    }

    #[test]
    fn spans_and_amounts_are_short() {
        for (millis, text) in [(17, "17ms"), (1_900, "1s"), (360_000, "6m0s"), (3_600_000, "1h0m0s")] {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
        for (amount, text) in [(0, "0.00 USD"), (1_500_000_000, "1.50 USD"), (150, "0.00000015 USD")] {
            assert_eq!(dollars(amount), text);
        }
    }
}
