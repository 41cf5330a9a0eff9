//! A multipart form on its way to the upstream: read only until its model is known, and never held whole in memory.
//!
//! SDKs differ in where they put the field: a model that comes after a large file makes the file wait on disk.

use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::intake::{next_bytes, too_large};
use super::refusal::Refused;
use super::streamed::{Passage, Watch};
use crate::dialect::openai::errors::ApiError;
use crate::dialect::openai::multipart::{MultipartScanner, Progress};
use crate::upstream::{BodyError, RequestBody};

/// What a form may take up in memory before its model is known; the rest waits in a temporary file.
pub const IN_MEMORY: u64 = 1024 * 1024;

/// A form whose model is known, or that has none.
pub struct Form {
    model: Option<Field>,
    /// What was read to find the model.
    read: Vec<Bytes>,
    rest: Rest,
    declared: Option<u64>,
}

struct Field {
    at: Range<u64>,
    value: String,
}

/// What comes after the part that was read.
enum Rest {
    Nothing,
    Waiting(Box<Passage<MultipartScanner>>),
    Gone,
}

impl Form {
    /// `spill` is a folder for a temporary file without a name.
    pub async fn read(
        boundary: &str,
        declared: Option<u64>,
        mut body: Incoming,
        limit: u64,
        progress: Duration,
        spill: &Path,
    ) -> Result<Self, Refused> {
        let mut scanner = MultipartScanner::new(boundary);
        let mut store = Store::Memory(Vec::new());
        let mut length = 0;
        loop {
            let Some(bytes) = next_bytes(&mut body, progress).await? else {
                return Err(malformed("it ends before its closing boundary"));
            };
            length += bytes.len() as u64;
            let left = limit.checked_sub(length).ok_or_else(|| too_large(limit))?;
            let seen = scanner.feed(&bytes);
            store = store
                .keep(bytes, length, spill)
                .await
                .map_err(|error| no_disk(&error))?;
            let model = match seen {
                Progress::NeedMore => continue,
                Progress::Malformed(what) => return Err(malformed(&what.to_string())),
                Progress::Found { value_range: at, value } => Some(Field { at, value }),
                Progress::End => None,
            };
            let read = store.into_pieces().await.map_err(|error| no_disk(&error))?;
            let rest = if body.is_end_stream() {
                Rest::Nothing
            } else {
                Rest::Waiting(Box::new(Passage::new(body, left, scanner)))
            };
            return Ok(Self {
                model,
                read,
                rest,
                declared,
            });
        }
    }

    /// One that was read to its end.
    pub fn whole(boundary: &str, body: Bytes) -> Result<Self, Refused> {
        let model = match MultipartScanner::new(boundary).feed(&body) {
            Progress::NeedMore => return Err(malformed("it ends before its closing boundary")),
            Progress::Malformed(what) => return Err(malformed(&what.to_string())),
            Progress::Found { value_range: at, value } => Some(Field { at, value }),
            Progress::End => None,
        };
        Ok(Self {
            model,
            declared: Some(body.len() as u64),
            read: vec![body],
            rest: Rest::Nothing,
        })
    }

    pub fn model(&self) -> &str {
        self.model.as_ref().map_or("", |field| &field.value)
    }

    /// The form with `model` in place of the caller's; None when its rest has streamed away before.
    pub fn outgoing(&mut self, model: Option<&str>) -> Option<RequestBody> {
        let splice = match (&self.model, model) {
            (Some(field), Some(model)) if field.value != model => {
                Some((field.at.clone(), Bytes::from(model.to_owned())))
            }
            _ => None,
        };
        let length = self.declared.map(|declared| match &splice {
            Some((at, model)) => declared - (at.end - at.start) + model.len() as u64,
            None => declared,
        });
        let mut read = spliced(&self.read, splice);
        match std::mem::replace(&mut self.rest, Rest::Gone) {
            Rest::Nothing => {
                self.rest = Rest::Nothing;
                Some(RequestBody::pieces(read))
            }
            Rest::Waiting(rest) => {
                read.reverse();
                Some(RequestBody::Stream(Box::pin(ReadThenRest { read, rest, length })))
            }
            Rest::Gone => None,
        }
    }
}

impl Watch for MultipartScanner {
    /// A second model, further on, could be the one that the upstream reads.
    fn saw(&mut self, bytes: &[u8]) -> Result<(), BodyError> {
        match self.feed(bytes) {
            Progress::Malformed(what) => Err(what.to_string().into()),
            _ => Ok(()),
        }
    }
}

/// Where the part that was read is kept.
enum Store {
    Memory(Vec<Bytes>),
    Disk(File),
}

impl Store {
    async fn keep(self, bytes: Bytes, length: u64, spill: &Path) -> std::io::Result<Self> {
        match self {
            Self::Memory(mut pieces) => {
                pieces.push(bytes);
                if length <= IN_MEMORY {
                    return Ok(Self::Memory(pieces));
                }
                let spill = spill.to_owned();
                let file = tokio::task::spawn_blocking(move || tempfile::tempfile_in(spill)).await??;
                let mut file = File::from_std(file);
                for piece in pieces {
                    file.write_all(&piece).await?;
                }
                Ok(Self::Disk(file))
            }
            Self::Disk(mut file) => {
                file.write_all(&bytes).await?;
                Ok(Self::Disk(file))
            }
        }
    }

    async fn into_pieces(self) -> std::io::Result<Vec<Bytes>> {
        match self {
            Self::Memory(pieces) => Ok(pieces),
            Self::Disk(mut file) => {
                file.flush().await?;
                let file = file.into_std().await;
                // SAFETY: the file has no name and no other handle, so nobody can shorten it under the mapping.
                let mapped = unsafe { memmap2::Mmap::map(&file)? };
                Ok(vec![Bytes::from_owner(mapped)])
            }
        }
    }
}

/// The pieces with a range of their bytes replaced; nothing is copied.
fn spliced(pieces: &[Bytes], splice: Option<(Range<u64>, Bytes)>) -> Vec<Bytes> {
    let Some((at, replacement)) = splice else {
        return pieces.to_vec();
    };
    let mut result = Vec::with_capacity(pieces.len() + 2);
    let mut replacement = Some(replacement);
    let mut start = 0;
    for piece in pieces {
        let end = start + piece.len() as u64;
        // Clamped to the piece, so it fits.
        let cut = |offset: u64| usize::try_from(offset.clamp(start, end) - start).unwrap_or(piece.len());
        let (from, to) = (cut(at.start), cut(at.end));
        result.push(piece.slice(..from));
        if at.start < end {
            result.extend(replacement.take());
        }
        result.push(piece.slice(to..));
        start = end;
    }
    result
}

struct ReadThenRest {
    /// In reverse.
    read: Vec<Bytes>,
    rest: Box<Passage<MultipartScanner>>,
    length: Option<u64>,
}

impl Body for ReadThenRest {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        match body.read.pop() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None => Pin::new(body.rest.as_mut()).poll_frame(cx),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn malformed(what: &str) -> Refused {
    let message = format!("The multipart form is malformed: {what}.");
    Refused::and_close(ApiError::new(400, "invalid_request_error", "invalid_body", &message))
}

fn no_disk(error: &std::io::Error) -> Refused {
    tracing::error!(%error, "a form could not be kept in a temporary file");
    Refused::unavailable(
        "no_disk",
        "The gateway has no room to hold this form; send the field 'model' before the files.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_splice_may_lie_anywhere() {
        let whole = b"0123456789";
        for split in 0..=whole.len() {
            let (left, right) = whole.split_at(split);
            let pieces = [Bytes::from_static(left), Bytes::from_static(right)];
            for start in 0..whole.len() {
                for end in start + 1..=whole.len() {
                    let splice = Some((start as u64..end as u64, Bytes::from_static(b"new")));
                    let expected = [&whole[..start], b"new", &whole[end..]].concat();
                    assert_eq!(
                        spliced(&pieces, splice).concat(),
                        expected,
                        "split {split}, {start}..{end}"
                    );
                }
            }
        }
    }
}
