//! What an earlier run left, however it ended.

use super::*;

#[test]
fn what_was_not_confirmed_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let source = spool.source().to_owned();
    for at in 0..10 {
        let opened = begin(&spool, at, b"").unwrap();
        spool.finish(opened, b"").unwrap();
    }
    let mut first = Vec::new();
    let position = spool.read(4, &mut first);
    spool.confirm(position).unwrap();
    spool.read(3, &mut first);
    drop(spool);
    let (spool, orphans) = open(dir.path());
    assert!(orphans.is_empty());
    assert_eq!(spool.status().unshipped_records, 6);
    assert_eq!(drain(&spool), (4..10).collect::<Vec<_>>());
    assert_eq!(spool.source(), source);
}

#[test]
fn what_waits_is_counted_without_opening_it() {
    let dir = tempfile::tempdir().unwrap();
    let nobody = dir.path().join("nobody");
    assert_eq!(waiting(&nobody).unwrap(), (0, 0));
    assert!(!nobody.exists());
    let (spool, _) = open(dir.path());
    for at in 0..10 {
        record(&spool, at);
    }
    let _open = begin(&spool, 10, b"intent").unwrap();
    let mut some = Vec::new();
    let position = spool.read(4, &mut some);
    spool.confirm(position).unwrap();
    drop(spool);
    assert_eq!(waiting(dir.path()).unwrap(), (6, 1));
    let (spool, orphans) = open(dir.path());
    assert_eq!(
        (spool.status().unshipped_records, orphans.len()),
        (6, 1),
        "as the spool itself counts"
    );
    drain(&spool);
    drop(spool);
    assert_eq!(waiting(dir.path()).unwrap().0, 0);
}

/// As a kill leaves it between the deletion of the last segment and the making of the next.
#[test]
fn a_deleted_segments_number_is_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let (spool, _) = open(dir.path());
        for at in 0..10 - round {
            let opened = begin(&spool, at, b"").unwrap();
            spool.finish(opened, b"").unwrap();
        }
        assert_eq!(drain(&spool), (0..10 - round).collect::<Vec<_>>(), "round {round}");
        drop(spool);
        for (_, path) in segment::Segment::list(dir.path()).unwrap() {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn an_open_intent_is_an_orphan_with_its_last_mark() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let opened = begin(&spool, 1, b"intent").unwrap();
    spool.mark(&opened, b"early");
    spool.mark(&opened, b"late");
    drop(spool);
    for _ in 0..2 {
        let (spool, orphans) = open(dir.path());
        assert_eq!(orphans.len(), 1, "until it is settled");
        assert_eq!(
            (orphans[0].intent.as_slice(), orphans[0].mark.as_deref()),
            (&b"intent"[..], Some(&b"late"[..]))
        );
        drop(spool);
    }
    let (spool, mut orphans) = open(dir.path());
    spool.finish(orphans.remove(0).open, b"settled").unwrap();
    drop(spool);
    let (spool, orphans) = open(dir.path());
    assert!(orphans.is_empty());
    assert_eq!(drain(&spool), [1]);
}

#[test]
fn a_folder_serves_one_spool_and_may_hold_other_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    std::fs::write(dir.path().join("0000000009.seg"), "").unwrap();
    let (spool, _) = open(dir.path());
    assert!(matches!(Spool::open(settings(dir.path())), Err(SpoolError::Locked(_))));
    drop(spool);
    open(dir.path());
    assert!(dir.path().join("notes.txt").exists());
}

#[test]
fn idle_restarts_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        drop(open(dir.path()));
    }
    assert!(segments(dir.path()) <= 2);
}

/// Crash after crash before anything could be shipped.
#[test]
fn restarts_with_a_backlog_use_no_more_room_than_the_backlog() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..40 {
        let (spool, orphans) = open(dir.path());
        assert!(orphans.is_empty());
        record(&spool, round);
    }
    assert!(segments(dir.path()) <= 3, "{}", segments(dir.path()));
    assert_eq!(drain(&open(dir.path()).0), (0..40).collect::<Vec<_>>());
}

/// Behind the end of the last segment may lie what a kill left of an append, or more after a power cut.
#[test]
fn what_lies_behind_the_end_is_not_mistaken_for_a_record() {
    for (garbage, segments_after) in [(100, 1), (40_000, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let (spool, _) = open(dir.path());
        record(&spool, 1);
        drop(spool);
        let first = dir.path().join("0000000001.seg");
        let mut bytes = std::fs::read(&first).unwrap();
        let end = Frames::new(&bytes, Position::new(1, 0)).last().unwrap().0 + frame::size(5);
        bytes[end + 8..end + garbage].fill(0x57);
        std::fs::write(&first, bytes).unwrap();
        for number in 2..4 {
            record(&open(dir.path()).0, number);
        }
        let (spool, _) = open(dir.path());
        assert_eq!(spool.shared.log.lock().segments().len(), segments_after);
        assert_eq!(drain(&spool), [1, 2, 3]);
    }
}

/// A power cut may keep the note of what is confirmed and lose the pages it speaks of: new records must not lie there.
#[test]
fn a_segment_that_is_shorter_than_what_was_confirmed_of_it_is_not_written_on() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    for number in 0..10 {
        record(&spool, number);
    }
    assert_eq!(drain(&spool).len(), 10);
    drop(spool);
    let first = dir.path().join("0000000001.seg");
    std::fs::write(&first, vec![0; SEGMENT]).unwrap();
    for round in 0..2 {
        let (spool, _) = open(dir.path());
        record(&spool, 100 + round);
        assert_eq!(drain(&spool), [100 + round]);
    }
}

#[test]
fn damage_in_the_middle_loses_only_what_it_hit() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    for at in 0..50 {
        let opened = begin(&spool, at, &[6; 40]).unwrap();
        spool.finish(opened, &[7; 40]).unwrap();
    }
    drop(spool);
    let segment = dir.path().join("0000000001.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    bytes[3_000..3_100].fill(0xff);
    std::fs::write(&segment, bytes).unwrap();
    let (spool, _) = open(dir.path());
    assert!(spool.status().corrupt_frames > 0);
    assert!(drain(&spool).len() >= 48);
}
