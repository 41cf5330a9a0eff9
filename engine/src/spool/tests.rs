//! The spool as its users see it, and as a kill leaves it.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

const SEGMENT: usize = 64 * 1024;
/// A file of this name in a spool's folder: its disk fails to sync.
pub const BROKEN_DISK: &str = "broken";

pub fn fail_if_told_to(segment: &Path) -> io::Result<()> {
    let is_broken = segment.with_file_name(BROKEN_DISK).exists();
    if is_broken {
        Err(io::Error::from_raw_os_error(libc::EIO))
    } else {
        Ok(())
    }
}

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

/// Begins when there is room; None when there is none and there will be none.
fn begin(spool: &Spool, number: u64, intent: &[u8]) -> Option<Open> {
    loop {
        match spool.begin(id(number), intent) {
            Ok(open) => return Some(open),
            Err(NoRoom::Full) => return None,
            Err(NoRoom::Growing(_)) => std::thread::sleep(Duration::from_micros(100)),
        }
    }
}

fn record(spool: &Spool, number: u64) {
    let open = begin(spool, number, b"intent").unwrap();
    spool.finish(open, b"final").unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(std::time::Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
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

#[tokio::test]
async fn machine_durability_waits_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(Settings {
        durability: Durability::Machine,
        ..settings(dir.path())
    })
    .unwrap();
    for at in 0..20 {
        let opened = begin(&spool, at, b"").unwrap();
        assert!(spool.durable(&opened).await);
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

#[test]
fn a_disk_that_gives_no_more_is_full_until_it_does() {
    let dir = tempfile::tempdir().unwrap();
    let (home, away) = (dir.path().join("spool"), dir.path().join("away"));
    let (spool, _) = open(&home);
    record(&spool, 0);
    // Files that are open go on; no new one can be made.
    std::fs::rename(&home, &away).unwrap();
    let mut taken = 1;
    while let Some(open) = begin(&spool, taken, &[1; 300]) {
        spool.finish(open, &[2; 300]).unwrap();
        taken += 1;
    }
    let status = spool.status();
    assert!(
        status.full && !status.over_half && status.disk_error.is_some(),
        "{status:?}"
    );
    std::fs::rename(&away, &home).unwrap();
    wait_until("it goes on by itself", || !spool.status().full);
    assert_eq!(spool.status().disk_error, None);
    record(&spool, taken);
    assert_eq!(drain(&spool), (0..=taken).collect::<Vec<_>>());
}

const FULL_DISK: &str = "HEADWORKS_SPOOL_FULL_DISK";

/// Not a test of its own: the process of the next one, which can't make a file of a segment's size.
#[test]
fn restarted_on_a_full_disk() {
    let Ok(dir) = std::env::var(FULL_DISK) else { return };
    let (spool, orphans) = open(Path::new(&dir));
    assert_eq!(orphans.len(), 100, "what was promised room finds it");
    for orphan in orphans {
        spool.finish(orphan.open, &[5; MAX_PAYLOAD]).unwrap();
    }
    while let Some(open) = begin(&spool, 1_000, b"") {
        spool.finish(open, b"").unwrap();
    }
    assert!(spool.status().disk_error.is_some());
}

#[cfg(target_os = "linux")]
#[test]
fn a_restart_on_a_full_disk_settles_what_was_open() {
    use std::os::unix::process::CommandExt;
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let streams: Vec<_> = (0..100).map(|number| begin(&spool, number, b"").unwrap()).collect();
    drop((streams, spool));
    let mut restarted = Command::new(std::env::current_exe().unwrap());
    restarted
        .args(["--exact", "spool::tests::restarted_on_a_full_disk"])
        .env(FULL_DISK, dir.path())
        .stdout(Stdio::null());
    let limit = libc::rlimit {
        rlim_cur: SEGMENT as u64 / 2,
        rlim_max: SEGMENT as u64 / 2,
    };
    // SAFETY: two system calls that may be made between fork and exec.
    unsafe {
        restarted.pre_exec(move || {
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit);
            Ok(())
        });
    }
    assert!(restarted.status().unwrap().success());
    let (spool, orphans) = open(dir.path());
    assert!(orphans.is_empty());
    assert!(drain(&spool).iter().filter(|number| **number < 100).count() == 100);
}

#[test]
fn records_of_a_disk_that_failed_are_written_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path());
    let stream = begin(&spool, 7, b"a stream").unwrap();
    spool.mark(&stream, b"marked");
    record(&spool, 1);
    std::fs::write(dir.path().join(BROKEN_DISK), "").unwrap();
    record(&spool, 2);
    wait_until("the failure is seen", || spool.status().disk_error.is_some());
    std::fs::remove_file(dir.path().join(BROKEN_DISK)).unwrap();
    wait_until("and passes", || spool.status().disk_error.is_none());
    assert!(!dir.path().join("0000000001.seg").exists());
    assert_eq!(spool.status().unshipped_records, 2);
    drop((stream, spool));
    let (spool, orphans) = open(dir.path());
    assert_eq!((orphans.len(), orphans[0].mark.as_deref()), (1, Some(&b"marked"[..])));
    assert_eq!(drain(&spool).into_iter().collect::<HashSet<_>>(), HashSet::from([1, 2]));
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_fails_is_not_called_durable() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(Settings {
        durability: Durability::Machine,
        ..settings(dir.path())
    })
    .unwrap();
    std::fs::write(dir.path().join(BROKEN_DISK), "").unwrap();
    let open = begin(&spool, 1, b"").unwrap();
    assert!(!spool.durable(&open).await);
    wait_until("the failure is seen", || spool.status().disk_error.is_some());
    let refused = begin(&spool, 2, b"").unwrap();
    assert!(!spool.durable(&refused).await);
    std::fs::remove_file(dir.path().join(BROKEN_DISK)).unwrap();
    wait_until("it is whole again", || spool.status().disk_error.is_none());
    tokio::time::resume();
    assert!(spool.durable(&open).await, "wherever its intent lies now");
}

#[cfg(target_os = "linux")]
#[test]
fn a_backlog_is_on_the_disk_and_not_in_memory() {
    const BACKLOG: usize = 48 * 1024 * 1024;
    let resident = |dir: &Path| -> usize {
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut ours = false;
        let mut kilobytes = 0;
        for line in maps.lines() {
            if line.contains('-') && !line.starts_with(char::is_uppercase) {
                ours = line.contains(dir.to_str().unwrap());
            } else if let Some(size) = line.strip_prefix("Rss:").filter(|_| ours) {
                kilobytes += size.trim().trim_end_matches(" kB").parse::<usize>().unwrap();
            }
        }
        kilobytes * 1024
    };
    let dir = tempfile::tempdir().unwrap();
    let settings = || Settings {
        segment_bytes: 2 * 1024 * 1024,
        limit_bytes: 2 * BACKLOG as u64,
        ..settings(dir.path())
    };
    let (spool, _) = Spool::open(settings()).unwrap();
    for number in 0.. {
        let open = begin(&spool, number, &[1; 4_000]).unwrap();
        spool.finish(open, &[2; 4_000]).unwrap();
        if spool.status().bytes > BACKLOG as u64 {
            break;
        }
    }
    wait_until("written pages leave the memory", || resident(dir.path()) < BACKLOG / 6);
    drop(spool);
    let (_spool, _) = Spool::open(settings()).unwrap();
    assert!(resident(dir.path()) < BACKLOG / 6);
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
                    let Some(opened) = begin(&spool, number, &number.to_le_bytes()) else {
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
        for Orphan { open, intent, .. } in orphans {
            assert_eq!(intent, number(open.id).to_le_bytes());
            assert!(settled.insert(number(open.id)));
            spool.finish(open, b"settled").unwrap();
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
