//! What must outlive the process besides the segments: the lock, the spool's own name, and how far it is confirmed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const SOURCE: &str = "source";
const CONFIRMED: &str = "confirmed";

/// Held as long as the spool is open. None when another process has it.
pub fn lock(dir: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(dir.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The name under which this spool's records are known for ever; made at the first opening.
pub fn source(dir: &Path) -> io::Result<String> {
    let path = dir.join(SOURCE);
    match std::fs::read_to_string(&path) {
        Ok(known) if !known.trim().is_empty() => Ok(known.trim().to_owned()),
        Ok(_) => create_source(dir),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_source(dir),
        Err(error) => Err(error),
    }
}

fn create_source(dir: &Path) -> io::Result<String> {
    let mut random = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let source = format!("spool_{:016x}", u64::from_be_bytes(random));
    replace(dir, SOURCE, source.as_bytes(), true)?;
    Ok(source)
}

/// Number with its complement, so that a torn write is known from a position. None: start from the beginning.
pub fn confirmed(dir: &Path) -> Option<u64> {
    let bytes: [u8; 16] = std::fs::read(dir.join(CONFIRMED)).ok()?.try_into().ok()?;
    let (value, check) = bytes.split_at(8);
    let value = u64::from_le_bytes(value.try_into().ok()?);
    (check == (!value).to_le_bytes()).then_some(value)
}

/// An old value after a power cut makes records come again, which their readers bear; so it is not synced.
pub fn confirm(dir: &Path, position: u64) -> io::Result<()> {
    let bytes = [position.to_le_bytes(), (!position).to_le_bytes()].concat();
    replace(dir, CONFIRMED, &bytes, false)
}

fn replace(dir: &Path, name: &str, bytes: &[u8], sync: bool) -> io::Result<()> {
    let path: PathBuf = dir.join(name);
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    if sync {
        file.sync_all()?;
    }
    std::fs::rename(fresh, path)
}
