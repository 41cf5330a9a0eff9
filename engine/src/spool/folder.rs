//! What must outlive the process besides the segments: the lock, the spool's own name, and how far it is confirmed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::frame::Position;

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
    let source = format!("spool_{:016x}", random()?);
    let fresh = dir.join(format!("{SOURCE}.new"));
    let mut file = File::create(&fresh)?;
    file.write_all(source.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, dir.join(SOURCE))?;
    Ok(source)
}

/// Another life of it than any before.
pub fn life(source: &str) -> io::Result<String> {
    Ok(format!("{source}-{:016x}", random()?))
}

fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_be_bytes(bytes))
}

/// How far the records are stored elsewhere: a position with its complement, so that a torn write is known from one.
///
/// An old value after a power cut makes records come again, which their readers bear; so it is not synced.
pub struct Cursor(File);

impl Cursor {
    /// With the position it holds; the very beginning if it holds none.
    pub fn open(dir: &Path) -> io::Result<(Self, Position)> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(dir.join(CONFIRMED))?;
        let mut bytes = [0; 16];
        match file.read_exact_at(&mut bytes, 0) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => bytes = [0; 16],
            Err(error) => return Err(error),
        }
        Ok((Self(file), position(bytes)))
    }

    /// The position it holds, of a folder that nobody has open: nothing is made there.
    pub fn peek(dir: &Path) -> io::Result<Position> {
        match std::fs::read(dir.join(CONFIRMED)) {
            Ok(bytes) => Ok(bytes
                .first_chunk()
                .map_or_else(Position::default, |known| position(*known))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Position::default()),
            Err(error) => Err(error),
        }
    }

    pub fn write(&self, position: Position) -> io::Result<()> {
        self.0.write_all_at(&with_complement(position.0).to_le_bytes(), 0)
    }
}

/// The very beginning unless both halves agree.
fn position(bytes: [u8; 16]) -> Position {
    let known = u128::from_le_bytes(bytes);
    let position = u64::try_from(known & u128::from(u64::MAX)).unwrap_or_default();
    if known == with_complement(position) {
        Position(position)
    } else {
        Position::default()
    }
}

fn with_complement(position: u64) -> u128 {
    u128::from(position) | u128::from(!position) << 64
}
