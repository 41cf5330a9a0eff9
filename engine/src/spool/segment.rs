//! A file of frames: given its full size before it is used, mapped into memory, written from front to back.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use memmap2::{MmapOptions, MmapRaw, UncheckedAdvice};

use super::frame::{self, Found, Frame, Kind, Position};

const SUFFIX: &str = ".seg";

pub struct Segment {
    pub number: u32,
    path: PathBuf,
    map: MmapRaw,
    /// Whether it may be written to.
    is_open: bool,
    /// Frames end here; what lies before it never changes.
    end: AtomicUsize,
    synced: AtomicUsize,
    finals: AtomicU64,
    /// Its disk did not take what was written.
    failed: AtomicBool,
    /// Its pages may be in memory though nobody needs them there.
    resident: AtomicBool,
}

impl Segment {
    /// A new, empty one. The space is taken now: a full disk shows here and not as a fault in the middle of a write.
    pub fn create(dir: &Path, number: u32, bytes: usize) -> io::Result<Self> {
        let path = dir.join(format!("{number:010}{SUFFIX}"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let made = allocate(&file, bytes).and_then(|()| Self::map(&file, &path, number, bytes));
        if made.is_err() {
            // Leaves no half-made file behind.
            let _ = std::fs::remove_file(&path);
        }
        made
    }

    /// One of an earlier run, whose frames end at `end`. It may be written on if it `goes_on`.
    pub fn open(path: &Path, number: u32, end: usize, finals: u64, goes_on: bool) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let segment = Self {
            is_open: goes_on,
            end: AtomicUsize::new(end.min(length)),
            finals: AtomicU64::new(finals),
            ..Self::map(&file, path, number, length)?
        };
        if goes_on {
            // What an append that was cut short has left.
            let remains = frame::MAX_SIZE.min(segment.room());
            // SAFETY: nobody else knows the segment yet.
            unsafe { segment.unwritten(end, remains) }.fill(0);
        }
        Ok(segment)
    }

    fn map(file: &File, path: &Path, number: u32, bytes: usize) -> io::Result<Self> {
        Ok(Self {
            number,
            path: path.to_owned(),
            map: MmapOptions::new().len(bytes).map_raw(file)?,
            is_open: true,
            end: AtomicUsize::new(0),
            synced: AtomicUsize::new(0),
            finals: AtomicU64::new(0),
            failed: AtomicBool::new(false),
            resident: AtomicBool::new(true),
        })
    }

    /// The segments of a folder, oldest first. Other files are none of our business.
    pub fn list(dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let number = path
                .file_name()
                .and_then(|name| name.to_str())
                .and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
            found.extend(number.map(|number| (number, path)));
        }
        found.sort_unstable();
        Ok(found)
    }

    pub fn room(&self) -> usize {
        if self.is_open {
            self.map.len() - self.end.load(Ordering::Acquire)
        } else {
            0
        }
    }

    pub fn capacity(&self) -> usize {
        self.map.len()
    }

    pub fn start(&self) -> Position {
        Position::new(self.number, 0)
    }

    pub fn end(&self) -> Position {
        Position::new(self.number, self.end.load(Ordering::Acquire))
    }

    /// Final records that were appended.
    pub fn finals(&self) -> u64 {
        self.finals.load(Ordering::Relaxed)
    }

    /// Appends a frame that fits. The caller holds the spool's lock: there is one writer.
    pub fn append(&self, frame: &Frame<'_>) -> Position {
        let offset = self.end.load(Ordering::Relaxed);
        let at = Position::new(self.number, offset);
        let size = frame::size(frame.payload.len());
        // SAFETY: the range lies inside the mapping and after `end`, where nobody reads, and there is one writer.
        let room = unsafe { self.unwritten(offset, size) };
        let word = frame::write(room, at, frame);
        // SAFETY: frames are aligned to eight bytes in a mapping that is aligned to a page.
        let header = unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(offset).cast()) };
        frame::commit(header, word);
        self.finals
            .fetch_add(u64::from(frame.kind == Kind::Final), Ordering::Relaxed);
        self.end.store(offset + size, Ordering::Release);
        at
    }

    /// # Safety
    ///
    /// The range lies after `end`, and the caller is the only writer.
    #[expect(clippy::mut_from_ref, reason = "what is not written yet is the one writer's")]
    unsafe fn unwritten(&self, offset: usize, size: usize) -> &mut [u8] {
        debug_assert!(offset + size <= self.map.len(), "the caller has checked the room");
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(offset), size) }
    }

    /// Everything that is written, as of now.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: inside the mapping; bytes before `end` are never written again.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), self.end().offset()) }
    }

    /// The frame at a place that [`Self::append`] returned.
    pub fn frame(&self, at: Position) -> Option<Frame<'_>> {
        match frame::read(self.bytes().get(at.offset()..)?, at) {
            Found::Frame(frame, _) if at.segment() == self.number => Some(frame),
            _ => None,
        }
    }

    /// Written, but perhaps not on the disk.
    pub fn is_dirty(&self) -> bool {
        self.synced.load(Ordering::Relaxed) < self.end().offset()
    }

    /// Puts what is written on the disk. Returns the position up to which it is there.
    ///
    /// After a failure the kernel may have dropped the pages, and would call the next attempt a success: so the first
    /// failure is for good.
    pub fn sync(&self) -> io::Result<Position> {
        let (from, end) = (self.synced.load(Ordering::Relaxed), self.end());
        if from < end.offset() {
            if let Err(error) = self.flush(from, end.offset() - from) {
                self.failed.store(true, Ordering::Relaxed);
                return Err(error);
            }
            self.synced.store(end.offset(), Ordering::Relaxed);
        }
        Ok(end)
    }

    fn flush(&self, from: usize, length: usize) -> io::Result<()> {
        #[cfg(test)]
        super::tests::fail_if_told_to(&self.path)?;
        self.map.flush_range(from, length)
    }

    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Lets its pages leave this process's memory until they are read again. They stay what they are in the file.
    pub fn release(&self) {
        if self.resident.swap(false, Ordering::Relaxed) {
            // SAFETY: the mapping is shared: its pages are the file's, and come back with what was written.
            let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
        }
    }

    pub fn delete(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, bytes: usize) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let length = libc::off_t::try_from(bytes).map_err(io::Error::other)?;
    // SAFETY: a plain system call on an open descriptor.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, length) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// Without `posix_fallocate`, zeros are written: slower, and the space is as surely taken.
#[cfg(not(target_os = "linux"))]
fn allocate(mut file: &File, bytes: usize) -> io::Result<()> {
    let zeros = vec![0; 1024 * 1024];
    let mut left = bytes;
    while left > 0 {
        let step = left.min(zeros.len());
        io::Write::write_all(&mut file, &zeros[..step])?;
        left -= step;
    }
    Ok(())
}
