//! Binding, accepting, stopping.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;

use super::{Gateway, Peer, connection};
use crate::settings::Tls;
use crate::upstream::tune;

/// How often idle upstream connections that have grown old are closed.
const SWEEP: Duration = Duration::from_secs(15);
/// How long idle connections of HTTP/1 stay for a request that may be on its way, from the leaving or from their last answer on.
/// Who sends one is told that it was the last; to close them at once would be to lose it.
const LAST_CALL: Duration = Duration::from_secs(1);
/// After the streams were told to end: time for the last bytes.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// Why the front door did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(
        "can't listen on {address}: {error}; another program may be using the port: choose one with HEADWORKS_PORT or --port"
    )]
    Bind { address: String, error: io::Error },
    #[error("TLS: {0}")]
    Tls(String),
}

pub struct Server {
    gateway: Arc<Gateway>,
    pub address: SocketAddr,
    accepting: Mutex<Option<tokio::task::JoinHandle<()>>>,
    close: Arc<Notify>,
    sweeping: tokio::task::JoinHandle<()>,
}

impl Server {
    pub async fn start(gateway: Arc<Gateway>) -> Result<Self, StartError> {
        let listen = gateway.settings.listen.clone();
        let bound = |error| StartError::Bind {
            address: listen.clone(),
            error,
        };
        let tls = gateway.settings.tls.as_ref().map(acceptor).transpose()?;
        let listener = TcpListener::bind(&listen).await.map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        let close = Arc::<Notify>::default();
        let accepting = tokio::spawn(accept(Arc::clone(&gateway), listener, tls, Arc::clone(&close)));
        let sweeping = tokio::spawn(sweep(Arc::clone(&gateway)));
        Ok(Self {
            gateway,
            address,
            accepting: Mutex::new(Some(accepting)),
            close,
            sweeping,
        })
    }

    /// Accept no more, let open requests finish for at most `limit`, then cut them. True when none was cut.
    pub async fn drain(&self, limit: Duration) -> bool {
        let drain = &self.gateway.drain;
        self.close.notify_one();
        let accepting = self.accepting.lock().take();
        if let Some(accepting) = accepting {
            let _ = accepting.await;
        }
        drain.leave(LAST_CALL.min(limit / 2));
        let in_time = drain.emptied(limit).await;
        if !in_time {
            drain.cut();
            drain.emptied(LAST_WORDS).await;
        }
        self.sweeping.abort();
        in_time
    }
}

/// Until it is to close. Who is connected by then is let in: to close the door on them would be to lose what they send.
async fn accept(gateway: Arc<Gateway>, listener: TcpListener, tls: Option<TlsAcceptor>, close: Arc<Notify>) {
    let mut close = pin!(close.notified());
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            () = &mut close => return accept_the_last(&gateway, listener, tls.as_ref()),
        };
        match accepted {
            Ok((stream, peer)) => let_in(&gateway, stream, peer, tls.as_ref()),
            Err(error) => {
                // Out of descriptors, most likely: what is open goes on, and may free some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Those whom the system connected and the runtime has not seen yet.
fn accept_the_last(gateway: &Arc<Gateway>, listener: TcpListener, tls: Option<&TlsAcceptor>) {
    let Ok(listener) = listener.into_std() else {
        return;
    };
    while let Ok((stream, peer)) = listener.accept() {
        let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
        match stream {
            Ok(stream) => let_in(gateway, stream, peer, tls),
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
}

fn let_in(gateway: &Arc<Gateway>, stream: TcpStream, peer: SocketAddr, tls: Option<&TlsAcceptor>) {
    tune(&stream);
    let peer = Peer {
        address: peer.ip(),
        is_tls: tls.is_some(),
    };
    // Counted from now on, or a drain might find nobody there before its task has begun.
    gateway.drain.entered();
    tokio::spawn(connection::serve(Arc::clone(gateway), stream, peer, tls.cloned()));
}

async fn sweep(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        gateway.pools.sweep();
    }
}

fn acceptor(tls: &Tls) -> Result<TlsAcceptor, StartError> {
    let unreadable = |file: &std::path::Path, error: &dyn std::fmt::Display| {
        StartError::Tls(format!("{} can't be read as PEM: {error}", file.display()))
    };
    let certificates = CertificateDer::pem_file_iter(&tls.certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unreadable(&tls.certificate_file, &error))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key_file).map_err(|error| unreadable(&tls.key_file, &error))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| StartError::Tls(format!("the certificate and its key do not serve: {error}")))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
