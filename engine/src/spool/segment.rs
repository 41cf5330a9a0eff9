//! A file of frames: given its full size before it is used, mapped into memory, written from front to back.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use memmap2::{MmapOptions, MmapRaw};

use super::frame::{self, Frame};

const SUFFIX: &str = ".seg";

pub struct Segment {
    pub number: u32,
    path: PathBuf,
    map: MmapRaw,
    /// Frames end here; what lies before it never changes.
    end: AtomicUsize,
    synced: AtomicUsize,
}

impl Segment {
    /// A new, empty one. The space is taken now: a full disk shows here and not as a fault in the middle of a write.
    pub fn create(dir: &Path, number: u32, bytes: usize) -> io::Result<Self> {
        let path = dir.join(format!("{number:010}{SUFFIX}"));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let mapped = allocate(&file, bytes).and_then(|()| MmapOptions::new().len(bytes).map_raw(&file));
        match mapped {
            Ok(map) => Ok(Self {
                number,
                path,
                map,
                end: AtomicUsize::new(0),
                synced: AtomicUsize::new(0),
            }),
            Err(error) => {
                // Leaves no half-made file behind.
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// One of an earlier run: read, never written again.
    pub fn open(path: PathBuf, number: u32) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "an empty segment"));
        }
        let map = MmapOptions::new().len(length).map_raw(&file)?;
        Ok(Self {
            number,
            path,
            map,
            end: AtomicUsize::new(length),
            synced: AtomicUsize::new(length),
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
        self.map.len() - self.end()
    }

    pub fn capacity(&self) -> usize {
        self.map.len()
    }

    pub fn end(&self) -> usize {
        self.end.load(Ordering::Acquire)
    }

    /// Appends a frame that fits, and returns its offset. The caller holds the spool's lock: there is one writer.
    pub fn append(&self, frame: &Frame<'_>) -> usize {
        let offset = self.end.load(Ordering::Relaxed);
        let size = frame::size(frame.payload.len());
        debug_assert!(offset + size <= self.map.len(), "the caller has checked the room");
        // SAFETY: the range lies inside the mapping and after `end`, where nobody reads, and there is one writer.
        let room = unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(offset), size) };
        let word = frame::write(room, frame);
        // SAFETY: frames are aligned to eight bytes in a mapping that is aligned to a page.
        let header = unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(offset).cast()) };
        frame::commit(header, word);
        self.end.store(offset + size, Ordering::Release);
        offset
    }

    /// Everything that is written, as of now.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: inside the mapping; bytes before `end` are never written again.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr(), self.end()) }
    }

    /// Written, but perhaps not on the disk.
    pub fn is_dirty(&self) -> bool {
        self.synced.load(Ordering::Relaxed) < self.end()
    }

    /// Puts what is written on the disk. Returns the offset up to which it is there.
    pub fn sync(&self) -> io::Result<usize> {
        let (from, end) = (self.synced.load(Ordering::Relaxed), self.end());
        if from < end {
            self.map.flush_range(from, end - from)?;
            self.synced.store(end, Ordering::Relaxed);
        }
        Ok(end)
    }

    /// Of an earlier run: its frames end at `offset`.
    pub fn seal(&self, offset: usize) {
        self.end.store(offset.min(self.map.len()), Ordering::Release);
        self.synced.store(self.map.len(), Ordering::Relaxed);
    }

    /// Its disk has failed: no more syncs.
    pub fn give_up(&self) {
        self.synced.store(self.map.len(), Ordering::Relaxed);
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
