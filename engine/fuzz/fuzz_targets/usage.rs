//! Usage blocks, and the two ways to find one in a body: they agree, however the body comes.

#![no_main]

use headworks_fuzz::dialect::openai::response::{UsageFinder, inspect};
use headworks_fuzz::meter::usage::read_block;
use headworks_fuzz::{choices, pieces};
use libfuzzer_sys::fuzz_target;

/// No dialect lists more than five counts that don't overlap, of at most 2^53 each.
const MOST: u64 = 5 << 53;

fuzz_target!(|data: &[u8]| {
    if let Ok(measured) = read_block(data) {
        assert!(measured.vector.tokens() <= MOST);
    }
    let (cuts, body) = choices(data, 4);
    let seen = inspect(body);
    let mut finder = UsageFinder::default();
    pieces(body, cuts).into_iter().for_each(|frame| finder.feed(frame));
    if seen.complete && body.trim_ascii_start().starts_with(b"{") {
        assert!(finder.is_complete());
        assert_eq!(
            (finder.finish(), finder.refused_usage()),
            (seen.usage, seen.refused_usage)
        );
    }
});
