//! One kept connection: sends a request's bytes, reads an answer to its end.

use std::io;
use std::net::SocketAddr;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const READ_BUFFER: usize = 64 * 1024;
const MOST_HEADERS: usize = 64;

/// A connection and what has been read from it.
pub struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// How long an answer's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Known(usize),
    Chunked,
}

/// Status line and headers, as far as a load generator cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub length: Length,
    pub keeps_alive: bool,
    /// Bytes of it.
    pub bytes: usize,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::with_capacity(READ_BUFFER),
        }
    }

    /// Asks, and reads the whole answer. Returns its status. After an error the next call connects anew.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        let asked = self.ask_on_open_connection(request).await;
        if asked.is_err() {
            self.close();
        }
        asked
    }

    /// Sends a request and reads up to the end of the answer's head; the rest is in `read_more`.
    pub async fn begin(&mut self, request: &[u8]) -> io::Result<Head> {
        self.send(request).await?;
        loop {
            if let Some(head) = parse_head(&self.buffer)? {
                self.buffer.drain(..head.bytes);
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    /// What has been read and not taken.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Reads more into the buffer. An ended connection is an error.
    pub async fn fill(&mut self) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        self.buffer.reserve(READ_BUFFER);
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Leaves the connection.
    pub fn close(&mut self) {
        self.stream = None;
        self.buffer.clear();
    }

    async fn ask_on_open_connection(&mut self, request: &[u8]) -> io::Result<u16> {
        self.send(request).await?;
        loop {
            if let Some(head) = parse_head(&self.buffer)? {
                self.skip_body(head).await?;
                return Ok(head.status);
            }
            self.fill().await?;
        }
    }

    async fn send(&mut self, request: &[u8]) -> io::Result<()> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        stream.write_all(request).await
    }

    async fn skip_body(&mut self, head: Head) -> io::Result<()> {
        match head.length {
            Length::Known(length) => self.skip_known(head.bytes + length).await?,
            Length::Chunked => {
                self.buffer.drain(..head.bytes);
                self.skip_chunks().await?;
            }
        }
        if !head.keeps_alive {
            self.close();
        }
        Ok(())
    }

    async fn skip_known(&mut self, mut left: usize) -> io::Result<()> {
        // A large body is thrown away as it comes rather than collected.
        while self.buffer.len() < left {
            left -= self.buffer.len();
            self.buffer.clear();
            self.fill().await?;
        }
        self.buffer.drain(..left);
        Ok(())
    }

    async fn skip_chunks(&mut self) -> io::Result<()> {
        let mut chunks = Chunks::default();
        let mut body = Vec::new();
        loop {
            let taken = chunks.take(&self.buffer, &mut body)?;
            self.buffer.drain(..taken);
            body.clear();
            if chunks.is_over() {
                return Ok(());
            }
            self.fill().await?;
        }
    }
}

/// Takes a body out of its chunks, whatever pieces it comes in.
#[derive(Debug, Default)]
pub struct Chunks {
    /// Bytes of the current chunk still to come, its line end included.
    left: usize,
    is_last: bool,
    is_over: bool,
}

impl Chunks {
    /// Appends what `bytes` brings to `body`; returns how much of `bytes` was taken.
    pub fn take(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> io::Result<usize> {
        let mut at = 0;
        while !self.is_over {
            if self.left > 0 {
                let available = bytes.len() - at;
                let data = self.left.saturating_sub(2).min(available);
                body.extend_from_slice(&bytes[at..at + data]);
                let end = (self.left - data).min(2).min(available - data);
                let end = if self.left - data <= 2 { end } else { 0 };
                self.left -= data + end;
                at += data + end;
                if self.left > 0 {
                    break;
                }
            }
            let Some(line) = memmem::find(&bytes[at..], b"\r\n") else {
                break;
            };
            let text = &bytes[at..at + line];
            at += line + 2;
            if self.is_last {
                self.is_over = text.is_empty();
                continue;
            }
            match chunk_size(text).ok_or(io::ErrorKind::InvalidData)? {
                0 => self.is_last = true,
                size => self.left = size + 2,
            }
        }
        Ok(at)
    }

    /// Whether the last chunk and its trailers have been taken.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

fn chunk_size(line: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(line).ok()?;
    usize::from_str_radix(text.split(';').next()?.trim(), 16).ok()
}

/// The head at the front of `bytes`, once it is whole. Interim answers (1xx) are not expected.
fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(bytes) = response.parse(bytes).map_err(|_| io::ErrorKind::InvalidData)? else {
        return Ok(None);
    };
    let find = |name: &str| {
        response
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))
    };
    let length = match find("content-length") {
        Some(header) => {
            let text = std::str::from_utf8(header.value)
                .ok()
                .and_then(|text| text.parse().ok());
            Length::Known(text.ok_or(io::ErrorKind::InvalidData)?)
        }
        None if find("transfer-encoding").is_some() => Length::Chunked,
        // A body that only the connection's end ends is no answer for a benchmark.
        None => return Err(io::ErrorKind::InvalidData.into()),
    };
    let keeps_alive = !find("connection").is_some_and(|header| header.value.eq_ignore_ascii_case(b"close"));
    Ok(Some(Head {
        status: response.code.unwrap_or(0),
        length,
        keeps_alive,
        bytes,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_split_of_chunks_gives_the_same_body() {
        let wire = b"4\r\nWiki\r\n6;x\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nA: b\r\n\r\nnext";
        for step in 1..wire.len() {
            let (mut chunks, mut pending, mut body) = (Chunks::default(), Vec::new(), Vec::new());
            for part in wire.chunks(step) {
                pending.extend_from_slice(part);
                let taken = chunks.take(&pending, &mut body).unwrap();
                pending.drain(..taken);
            }
            assert!(chunks.is_over());
            assert_eq!(
                (body.as_slice(), pending.as_slice()),
                (b"Wikipedia in \r\n\r\nchunks.".as_slice(), b"next".as_slice())
            );
        }
    }

    #[test]
    fn heads_are_read() {
        let bytes = b"HTTP/1.1 429 Too Many\r\nContent-Length: 12\r\nConnection: close\r\n\r\nbody";
        let head = parse_head(bytes).unwrap().unwrap();
        assert_eq!(
            head,
            Head {
                status: 429,
                length: Length::Known(12),
                keeps_alive: false,
                bytes: bytes.len() - 4
            }
        );
        assert_eq!(parse_head(&bytes[..30]).unwrap(), None);
        assert!(parse_head(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(parse_head(b"nonsense\r\n\r\n").is_err());
    }
}
