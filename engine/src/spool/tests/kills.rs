//! A process that writes is killed, again and again.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::*;

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
            .args(["--exact", "spool::tests::kills::writer_to_be_killed", "--nocapture"])
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
