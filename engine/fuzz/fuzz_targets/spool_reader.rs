//! A segment of any bytes is read to its end, however it was damaged.

#![no_main]

use headworks_fuzz::spool::fuzz_read;
use libfuzzer_sys::fuzz_target;

/// The least that a frame takes: its header.
const LEAST: usize = 32;

fuzz_target!(|segment: &[u8]| {
    assert!(fuzz_read(segment) <= segment.len() / LEAST);
});
