//! A level that another thread's event loop can wait for: a socket pair that is readable while it is raised.

use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};

pub struct Signal {
    raised: AtomicBool,
    writer: UnixStream,
    reader: UnixStream,
}

impl Signal {
    pub fn new() -> io::Result<Self> {
        let (writer, reader) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        Ok(Self {
            raised: AtomicBool::new(false),
            writer,
            reader,
        })
    }

    /// One system call at the first raise, none while it is up.
    pub fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // A full buffer means that the reader has plenty to wake for.
            let _ = (&self.writer).write(&[1]);
        }
    }

    /// To be called by the one that waits, before it looks whether there is more to do.
    ///
    /// Drained first and marked after: a raise in between finds the mark still up and writes nothing, and what it
    /// announces is seen by the look that follows.
    pub fn lower(&self) {
        let mut drained = [0; 64];
        while matches!((&self.reader).read(&mut drained), Ok(count) if count == drained.len()) {}
        self.raised.store(false, Ordering::Release);
    }

    /// Borrowed: it lives as long as the signal.
    pub fn descriptor(&self) -> i32 {
        self.reader.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the byte away, as a look by `poll` would not.
    fn was_readable(signal: &Signal) -> bool {
        (&signal.reader).read(&mut [0]).is_ok()
    }

    #[test]
    fn two_raises_are_one_byte() {
        let signal = Signal::new().unwrap();
        assert!(!was_readable(&signal));
        signal.raise();
        signal.raise();
        assert!(was_readable(&signal));
        assert!(!was_readable(&signal));
    }

    #[test]
    fn lowered_is_not_readable_and_can_be_raised_again() {
        let signal = Signal::new().unwrap();
        signal.raise();
        signal.lower();
        assert!(!was_readable(&signal));
        signal.raise();
        assert!(was_readable(&signal));
    }
}
