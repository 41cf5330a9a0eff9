//! Writing, reading and confirming, while it runs.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

#[test]
fn finals_come_out_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    for at in 0..2_000 {
        let opened = begin(&spool, at, b"intent").unwrap();
        spool.mark(&opened, b"mark");
        spool.finish(opened, b"final of a request").unwrap();
    }
    assert_eq!(spool.status().unshipped_records, 2_000);
    assert_eq!(drain(&spool), (0..2_000).collect::<Vec<_>>());
    assert_eq!((spool.status().unshipped_records, spool.status().open_requests), (0, 0));
    assert!(segments(dir.path()) <= 4, "what is confirmed is deleted");
}

#[test]
fn a_long_request_does_not_hold_what_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let long = begin(&spool, 7, b"a long stream").unwrap();
    spool.mark(&long, b"marked");
    for at in 100..20_000 {
        let opened = begin(&spool, at, &[0; 100]).unwrap();
        spool.finish(opened, &[0; 100]).unwrap();
        if at % 50 == 0 {
            drain(&spool);
        }
    }
    drain(&spool);
    assert!(segments(dir.path()) <= 4);
    drop(spool);
    let (_spool, orphans) = open(dir.path());
    assert_eq!(orphans.len(), 1);
    assert_eq!(
        (orphans[0].intent.as_slice(), orphans[0].mark.as_deref()),
        (&b"a long stream"[..], Some(&b"marked"[..]))
    );
}

#[test]
fn a_full_spool_refuses_intents_and_still_takes_every_final() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let mut opened = Vec::new();
    while let Some(open) = begin(&spool, opened.len() as u64, &[1; 300]) {
        opened.push(open);
    }
    assert!(spool.status().full && opened.len() > 100, "{}", opened.len());
    let count = opened.len() as u64;
    for open in opened {
        spool.mark(&open, &[2; 300]);
        spool.finish(open, &[3; 4_000]).unwrap();
    }
    assert_eq!(drain(&spool), (0..count).collect::<Vec<_>>());
    record(&spool, 9_999_999);
    assert!(!spool.status().full, "and is usable again");
}

#[test]
fn eight_writers_and_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Arc::new(open(dir.path()).0);
    let done = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (spool, done) = (Arc::clone(&spool), Arc::clone(&done));
            std::thread::spawn(move || {
                for at in 0..2_000 {
                    let number = writer * 1_000_000 + at;
                    let opened = loop {
                        // Full until the reader has caught up.
                        if let Some(opened) = begin(&spool, number, &[4; 50]) {
                            break opened;
                        }
                        std::thread::sleep(Duration::from_micros(200));
                    };
                    spool.finish(opened, &[5; 50]).unwrap();
                }
                done.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let mut seen = Vec::new();
    while done.load(Ordering::SeqCst) < 8 {
        seen.extend(drain(&spool));
    }
    for writer in writers {
        writer.join().unwrap();
    }
    seen.extend(drain(&spool));
    assert_eq!(seen.len(), 16_000);
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 16_000);
}

#[test]
fn many_open_requests_are_carried_on_without_holding_up_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(Settings {
        segment_bytes: 1024 * 1024,
        limit_bytes: 64 * 1024 * 1024,
        ..settings(dir.path())
    })
    .unwrap();
    let streams: Vec<_> = (0..3_000)
        .map(|number| begin(&spool, number, &[1; 200]).unwrap())
        .collect();
    for stream in &streams {
        spool.mark(stream, &[2; 50]);
    }
    for number in 10_000..40_000 {
        record(&spool, number);
        if number % 500 == 0 {
            drain(&spool);
        }
    }
    drain(&spool);
    assert!(spool.status().bytes < 8 * 1024 * 1024, "{:?}", spool.status());
    drop(spool);
    let (_spool, orphans) = open(dir.path());
    assert_eq!(orphans.len(), 3_000);
    assert!(
        orphans
            .iter()
            .all(|orphan| orphan.intent == [1; 200] && orphan.mark.as_deref() == Some(&[2; 50]))
    );
}

/// Every segment holds one open stream, and the spool is full.
#[test]
fn a_full_spool_of_open_requests_is_emptied_by_confirming() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let mut streams = Vec::new();
    for number in 0.. {
        let Some(open) = begin(&spool, number, &[1; 1_000]) else {
            break;
        };
        if number % 40 == 0 {
            streams.push(open);
        } else {
            spool.finish(open, &[3; 1_000]).unwrap();
        }
    }
    assert!(spool.status().full && streams.len() > 8);
    drain(&spool);
    wait_until("there is room again", || !spool.status().full);
    record(&spool, 1_000_000);
    assert_eq!(drain(&spool), [1_000_000]);
    assert!(segments(dir.path()) <= 5);
}
