//! Connections: HTTP/1.1 by hand, because a mock must be able to break its rules; HTTP/2 with prior knowledge by hyper.

mod body;
mod http1;
mod http2;
mod player;
mod rewind;
mod transport;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::TcpListener;

use crate::mock::Mock;
use crate::records::Counters;
use transport::{Plain, Transport};

/// How an HTTP/2 connection begins: RFC 9113, section 3.4.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const READ_BUFFER: usize = 16 * 1024;

/// Accepts connections until the task is dropped, each on a task of its own.
pub async fn serve(listener: TcpListener, mock: Arc<Mock>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without this a small chunk may wait 40 ms for the acknowledgement of the one before it.
                let _ = stream.set_nodelay(true);
                tokio::spawn(serve_transport(stream, Arc::clone(&mock)));
            }
            // Out of descriptors, most likely: those that are open go on, and one of them will end.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
}

/// Serves one connection of any kind until it ends.
pub async fn serve_connection<IO>(io: IO, mock: Arc<Mock>)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    serve_transport(Plain(io), mock).await;
}

async fn serve_transport<T: Transport>(mut io: T, mock: Arc<Mock>) {
    let _open = OpenConnection::enter(&mock);
    let mut buffer = BytesMut::with_capacity(READ_BUFFER);
    if speaks_http2(&mut io, &mut buffer).await {
        http2::serve(rewind::Rewind::new(buffer, io), &mock).await;
    } else {
        http1::serve(io, buffer, &mock).await;
    }
}

/// Reads until the first bytes tell the version; an ended connection counts as HTTP/1.1, which will notice.
async fn speaks_http2<T: Transport>(io: &mut T, buffer: &mut BytesMut) -> bool {
    loop {
        let seen = buffer.len().min(PREFACE.len());
        if buffer[..seen] != PREFACE[..seen] {
            return false;
        }
        if seen == PREFACE.len() {
            return true;
        }
        if io.read_buf(buffer).await.unwrap_or(0) == 0 {
            return false;
        }
    }
}

/// Counts a connection while it lives.
struct OpenConnection(Arc<Mock>);

impl OpenConnection {
    fn enter(mock: &Arc<Mock>) -> Self {
        let counters = &mock.records().counters;
        counters.connections.fetch_add(1, Relaxed);
        Counters::enter(&counters.open_connections, &counters.peak_connections);
        Self(Arc::clone(mock))
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.records().counters.open_connections.fetch_sub(1, Relaxed);
    }
}
