//! A disk that is slow, full, or fails.

use std::collections::HashSet;
use std::io;
use std::process::{Command, Stdio};

use super::*;

/// A file of this name in a spool's folder: its disk fails to sync.
const BROKEN_DISK: &str = "broken";

pub fn fail_if_told_to(segment: &Path) -> io::Result<()> {
    let is_broken = segment.with_file_name(BROKEN_DISK).exists();
    if is_broken {
        Err(io::Error::from_raw_os_error(libc::EIO))
    } else {
        Ok(())
    }
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
        .args(["--exact", "spool::tests::disk::restarted_on_a_full_disk"])
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
