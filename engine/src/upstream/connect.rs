//! From an origin to an open byte stream: look-up, address check, TCP, TLS.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;

use super::io::UpstreamIo;
use super::origin::{Origin, Scheme};
use super::{CallError, guard};

/// An address that was good lately is not looked up again; one that was ever good outlives a failing resolver.
const LOOKUP_LASTS: Duration = Duration::from_secs(30);
/// A peer that neither reads nor acknowledges for this long is gone, whatever the socket says.
const UNACKNOWLEDGED: Duration = Duration::from_secs(60);
const START_POLL: Duration = Duration::from_millis(20);
const DEMO_BUFFER: usize = 64 * 1024;

/// Where a pool's connections come from.
pub enum Connector {
    Origin {
        origin: Origin,
        private_network: bool,
        addresses: Mutex<Addresses>,
    },
    Unix(std::path::PathBuf),
    /// The demo model inside this process; no socket is involved.
    Demo,
}

#[derive(Default)]
pub struct Addresses {
    known: Vec<SocketAddr>,
    looked_up: Option<Instant>,
}

pub struct Connected {
    pub io: UpstreamIo,
    pub http2: bool,
}

impl Connector {
    pub fn to_origin(origin: Origin, private_network: bool) -> Self {
        Self::Origin {
            origin,
            private_network,
            addresses: Mutex::default(),
        }
    }

    pub async fn connect(&self, deadline: Duration) -> Result<Connected, CallError> {
        tokio::time::timeout(deadline, self.dial())
            .await
            .unwrap_or(Err(CallError::ConnectTimeout(deadline)))
    }

    async fn dial(&self) -> Result<Connected, CallError> {
        let (origin, private_network, addresses) = match self {
            Self::Unix(path) => {
                let stream = unix(path).await.map_err(CallError::Connect)?;
                return Ok(Connected {
                    io: UpstreamIo::Unix(stream),
                    http2: false,
                });
            }
            Self::Demo => {
                return Ok(Connected {
                    io: demo(),
                    http2: false,
                });
            }
            Self::Origin {
                origin,
                private_network,
                addresses,
            } => (origin, *private_network, addresses),
        };
        match origin.scheme {
            Scheme::Http => {
                let stream = tcp(origin, private_network, addresses).await?;
                Ok(Connected {
                    io: UpstreamIo::Tcp(stream),
                    http2: false,
                })
            }
            Scheme::Https => {
                let stream = tcp(origin, private_network, addresses).await?;
                tls(origin, stream).await
            }
        }
    }
}

/// The other side is a part of this installation: where it does not listen yet, it is starting.
async fn unix(path: &std::path::Path) -> std::io::Result<UnixStream> {
    use std::io::ErrorKind::{ConnectionRefused, NotFound};
    loop {
        match UnixStream::connect(path).await {
            Err(error) if matches!(error.kind(), NotFound | ConnectionRefused) => tokio::time::sleep(START_POLL).await,
            connected => return connected,
        }
    }
}

async fn tcp(origin: &Origin, private_network: bool, addresses: &Mutex<Addresses>) -> Result<TcpStream, CallError> {
    let mut last = CallError::Dns(std::io::Error::other("the name has no address"));
    for address in look_up(origin, addresses).await? {
        if let Some(why) = guard::forbidden(address.ip(), private_network) {
            last = CallError::Forbidden(address.ip(), why);
            continue;
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                tune(&stream);
                return Ok(stream);
            }
            Err(error) => last = CallError::Connect(error),
        }
    }
    Err(last)
}

async fn look_up(origin: &Origin, addresses: &Mutex<Addresses>) -> Result<Vec<SocketAddr>, CallError> {
    // Held over the look-up on purpose: however many connect at once, the resolver is asked once.
    let mut addresses = addresses.lock().await;
    if addresses.looked_up.is_some_and(|at| at.elapsed() < LOOKUP_LASTS) {
        return Ok(addresses.known.clone());
    }
    match tokio::net::lookup_host((origin.host.as_str(), origin.port)).await {
        Ok(found) => addresses.known = found.collect(),
        Err(error) if addresses.known.is_empty() => return Err(CallError::Dns(error)),
        Err(error) => tracing::warn!(host = origin.host, %error, "look-up failed; using the last known addresses"),
    }
    addresses.looked_up = Some(Instant::now());
    Ok(addresses.known.clone())
}

/// Settings of every TCP connection of ours; a socket without them still works.
pub fn tune(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(Duration::from_secs(30)));
    #[cfg(target_os = "linux")]
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
}

async fn tls(origin: &Origin, stream: TcpStream) -> Result<Connected, CallError> {
    let name =
        ServerName::try_from(origin.host.clone()).map_err(|error| CallError::Tls(std::io::Error::other(error)))?;
    let stream = TlsConnector::from(client_config())
        .connect(name, stream)
        .await
        .map_err(CallError::Tls)?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Connected {
        io: UpstreamIo::Tls(Box::new(stream)),
        http2,
    })
}

/// The machine's trusted roots, read at the first TLS call; sessions are resumed across connections.
fn client_config() -> Arc<ClientConfig> {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Arc::clone(CONFIG.get_or_init(|| {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a trusted root could not be read");
        }
        roots.add_parsable_certificates(found.certs);
        let mut config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }))
}

/// The demo model: the mock provider at the other end of a pipe in memory.
fn demo() -> UpstreamIo {
    static MOCK: OnceLock<Arc<mock_provider::Mock>> = OnceLock::new();
    let (ours, theirs) = tokio::io::duplex(DEMO_BUFFER);
    let mock = MOCK.get_or_init(|| Arc::new(mock_provider::Mock::new(mock_provider::Options::demo())));
    tokio::spawn(mock_provider::serve_connection(theirs, Arc::clone(mock)));
    UpstreamIo::Memory(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::parse(url).unwrap()
    }

    async fn connect(url: &str, private_network: bool) -> Result<Connected, CallError> {
        let connector = Connector::to_origin(origin(url), private_network);
        connector.connect(Duration::from_secs(5)).await
    }

    /// A name says nothing of where it leads: what is checked is the address that would be connected to.
    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_at_the_connection() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/v1", listener.local_addr().unwrap().port());
        assert!(matches!(connect(&url, false).await, Err(CallError::Forbidden(..))));
        assert!(connect(&url, true).await.is_ok());
    }

    /// A resolver that answers otherwise the second time: what it says is checked each time, also what is remembered.
    #[tokio::test]
    async fn an_address_that_changed_is_checked_again() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let inside = listener.local_addr().unwrap();
        let connector = Connector::to_origin(origin("http://rebinds.example/v1"), false);
        if let Connector::Origin { addresses, .. } = &connector {
            *addresses.lock().await = Addresses {
                known: vec![inside],
                looked_up: Some(Instant::now()),
            };
        }
        let refused = connector.connect(Duration::from_secs(5)).await;
        assert!(matches!(refused, Err(CallError::Forbidden(address, _)) if address == inside.ip()));
    }

    #[tokio::test]
    async fn other_spellings_of_an_address_lead_nowhere_else() {
        for url in [
            "http://[::ffff:127.0.0.1]/v1",
            "http://[64:ff9b::7f00:1]/v1",
            "http://[2002:7f00:1::]/v1",
            "http://0.0.0.0/v1",
            "http://[::]/v1",
            "http://127.1/v1",
            "http://0x7f000001/v1",
            "http://2130706433/v1",
        ] {
            assert!(
                matches!(connect(url, false).await, Err(CallError::Forbidden(..))),
                "{url}"
            );
        }
    }
}
