//! Binding, accepting, stopping.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::{Gateway, Peer, connection};
use crate::settings::Tls;
use crate::upstream::tune;

/// How often idle upstream connections that have grown old are closed.
const SWEEP: Duration = Duration::from_secs(15);
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
    accepting: tokio::task::JoinHandle<()>,
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
        let accepting = tokio::spawn(accept(Arc::clone(&gateway), listener, tls));
        let sweeping = tokio::spawn(sweep(Arc::clone(&gateway)));
        Ok(Self {
            gateway,
            address,
            accepting,
            sweeping,
        })
    }

    /// Accept no more, let open requests finish for at most `limit`, then cut them. True when none was cut.
    pub async fn drain(&self, limit: Duration) -> bool {
        self.accepting.abort();
        self.gateway.drain.begin();
        let in_time = self.gateway.drain.emptied(limit).await;
        if !in_time {
            self.gateway.drain.cut();
            self.gateway.drain.emptied(LAST_WORDS).await;
        }
        self.sweeping.abort();
        in_time
    }
}

async fn accept(gateway: Arc<Gateway>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tune(&stream);
                let peer = Peer {
                    address: peer.ip(),
                    is_tls: tls.is_some(),
                };
                tokio::spawn(connection::serve(Arc::clone(&gateway), stream, peer, tls.clone()));
            }
            Err(error) => {
                // Out of descriptors, most likely: what is open goes on, and may free some.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
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
