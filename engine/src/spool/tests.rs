//! The spool as its users see it, and as a kill leaves it.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

const SEGMENT: usize = 64 * 1024;

fn settings(dir: &Path) -> Settings {
    Settings {
        dir: dir.to_owned(),
        segment_bytes: SEGMENT,
        limit_bytes: 16 * SEGMENT as u64,
        sync_interval: Duration::from_millis(2),
        durability: Durability::Process,
        on_data: Box::new(|| {}),
    }
}

fn open(dir: &Path) -> (Spool, Vec<Orphan>) {
    Spool::open(settings(dir)).unwrap()
}

fn id(number: u64) -> Id {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    id
}

fn number(id: Id) -> u64 {
    u64::from_le_bytes(id[..8].try_into().unwrap())
}

/// Reads everything in small batches, confirming each.
fn drain(spool: &Spool) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let mut batch = Vec::new();
        let position = spool.read(7, &mut batch);
        spool.confirm(position).unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.into_iter().map(|record| number(record.id)));
    }
}

fn segments(dir: &Path) -> usize {
    std::fs::read_dir(dir)
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|end| end == "seg")
        })
        .count()
}

#[test]
fn finals_come_out_once_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    for at in 0..2_000 {
        let opened = spool.begin(id(at), b"intent").unwrap();
        spool.mark(&opened, b"mark");
        spool.finish(opened, b"final of a request").unwrap();
    }
    assert_eq!(spool.status().unshipped_records, 2_000);
    assert_eq!(drain(&spool), (0..2_000).collect::<Vec<_>>());
    assert_eq!((spool.status().unshipped_records, spool.status().open_intents), (0, 0));
    assert!(segments(dir.path()) <= 3, "what is confirmed is deleted");
}

#[test]
fn what_was_not_confirmed_comes_again() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let source = spool.source().to_owned();
    for at in 0..10 {
        let opened = spool.begin(id(at), b"").unwrap();
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

/// As a kill leaves it between the deletion of the last segment and the making of the next.
#[test]
fn a_deleted_segments_number_is_not_used_again() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let (spool, _) = open(dir.path());
        for at in 0..10 - round {
            let opened = spool.begin(id(at), b"").unwrap();
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
    let opened = spool.begin(id(1), b"intent").unwrap();
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
    let (spool, orphans) = open(dir.path());
    spool.append_orphan_final(orphans[0].id, b"settled").unwrap();
    drop(spool);
    let (spool, orphans) = open(dir.path());
    assert!(orphans.is_empty());
    assert_eq!(drain(&spool), [1]);
}

#[test]
fn a_long_request_does_not_hold_what_came_after_it() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let long = spool.begin(id(7), b"a long stream").unwrap();
    spool.mark(&long, b"marked");
    for at in 100..20_000 {
        let opened = spool.begin(id(at), &[0; 100]).unwrap();
        spool.finish(opened, &[0; 100]).unwrap();
        if at % 50 == 0 {
            drain(&spool);
        }
    }
    drain(&spool);
    assert!(segments(dir.path()) <= 3);
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
    while let Ok(open) = spool.begin(id(opened.len() as u64), &[1; 300]) {
        opened.push(open);
    }
    assert!(spool.status().full && opened.len() > 100, "{}", opened.len());
    let count = opened.len() as u64;
    for open in opened {
        spool.mark(&open, &[2; 300]);
        spool.finish(open, &[3; 4_000]).unwrap();
    }
    assert_eq!(drain(&spool), (0..count).collect::<Vec<_>>());
    assert!(spool.begin(id(9_999_999), b"").is_ok(), "and is usable again");
    assert!(!spool.status().full);
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
                    loop {
                        if let Ok(opened) = spool.begin(id(writer * 1_000_000 + at), &[4; 50]) {
                            spool.finish(opened, &[5; 50]).unwrap();
                            break;
                        }
                        std::thread::sleep(Duration::from_micros(200));
                    }
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

#[tokio::test]
async fn machine_durability_waits_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(Settings {
        durability: Durability::Machine,
        ..settings(dir.path())
    })
    .unwrap();
    for at in 0..20 {
        let opened = spool.begin(id(at), b"").unwrap();
        tokio::time::timeout(Duration::from_secs(5), spool.durable(&opened))
            .await
            .unwrap();
        spool.finish(opened, b"").unwrap();
    }
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

#[test]
fn a_folder_that_can_t_be_used_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = Spool::open(settings(file.path())).err().unwrap().to_string();
    assert!(refused.contains(file.path().to_str().unwrap()), "{refused}");
}

#[test]
fn damage_in_the_middle_loses_only_what_it_hit() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    for at in 0..50 {
        let opened = spool.begin(id(at), &[6; 40]).unwrap();
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

const WRITER: &str = "HEADWORKS_SPOOL_WRITER";

/// Not a test of its own: the process that the next one kills. Says on its output what the spool has taken.
#[test]
fn writer_to_be_killed() {
    let Ok(dir) = std::env::var(WRITER) else { return };
    let spool = Arc::new(open(Path::new(&dir)).0);
    let base = u64::from(std::process::id()) << 32;
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let spool = Arc::clone(&spool);
            scope.spawn(move || {
                for at in 0.. {
                    let number = base + (thread << 28) + at;
                    let Ok(opened) = spool.begin(id(number), &number.to_le_bytes()) else {
                        return;
                    };
                    say("begun", number);
                    spool.mark(&opened, b"mark");
                    // Every fifth is left open.
                    if at % 5 != 0 {
                        spool.finish(opened, &number.to_le_bytes()).unwrap();
                        say("ended", number);
                    }
                }
            });
        }
    });
}

fn say(what: &str, number: u64) {
    let line = format!("{what} {number}\n");
    // A line is one write: it is whole in the pipe, or not there.
    let _ = std::io::stderr().write_all(line.as_bytes());
}

#[test]
fn a_kill_loses_nothing_that_was_taken() {
    let kills: u32 = std::env::var("HEADWORKS_KILLS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(12);
    let dir = tempfile::tempdir().unwrap();
    let (mut begun, mut ended, mut seen, mut settled) = (HashSet::new(), HashSet::new(), Vec::new(), HashSet::new());
    for kill in 0..kills {
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "spool::tests::writer_to_be_killed", "--nocapture"])
            .env(WRITER, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(writer.stderr.take().unwrap());
        let mut line = String::new();
        // The moment differs from kill to kill.
        for _ in 0..50 + kill * 97 % 1_500 {
            line.clear();
            if said.read_line(&mut line).unwrap() == 0 {
                break;
            }
            note(&line, &mut begun, &mut ended);
        }
        writer.kill().unwrap();
        while {
            line.clear();
            said.read_line(&mut line).unwrap_or(0) > 0
        } {
            note(&line, &mut begun, &mut ended);
        }
        writer.wait().unwrap();
        let (spool, orphans) = open(dir.path());
        for orphan in orphans {
            assert_eq!(orphan.intent, number(orphan.id).to_le_bytes());
            assert!(settled.insert(number(orphan.id)));
            spool.append_orphan_final(orphan.id, b"settled").unwrap();
        }
        seen.extend(drain(&spool));
        assert_eq!(spool.status().corrupt_frames, 0);
    }
    let unique: HashSet<u64> = seen.iter().copied().collect();
    assert_eq!(unique.len(), seen.len(), "nothing twice");
    assert!(
        begun.is_subset(&unique),
        "every intent has a final: its own or a settled one"
    );
    assert!(ended.is_disjoint(&settled), "what ended was not settled again");
    assert!(ended.len() > kills as usize);
}

fn note(line: &str, begun: &mut HashSet<u64>, ended: &mut HashSet<u64>) {
    match line
        .trim()
        .split_once(' ')
        .and_then(|(what, number)| Some((what, number.parse::<u64>().ok()?)))
    {
        Some(("begun", number)) => drop(begun.insert(number)),
        Some(("ended", number)) => drop(ended.insert(number)),
        _ => {}
    }
}
