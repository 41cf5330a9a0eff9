//! An upstream over TLS: HTTP/2 where it is offered, with many requests on a connection; a certificate is checked.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use support::{Gateway, target};

const ANSWER: &str = r#"{"id":"c","object":"chat.completion","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#;

struct Upstream {
    port: u16,
    connections: Arc<AtomicUsize>,
    certificate: String,
}

/// Speaks `protocol` alone, as `localhost`, and answers everything with the same completion.
fn upstream(protocol: &'static str) -> Upstream {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![protocol.into()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let connections = Arc::new(AtomicUsize::new(0));
    let (tell, port) = std::sync::mpsc::channel();
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap().port()).unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    let Ok(stream) = acceptor.accept(stream).await else {
                        continue;
                    };
                    counted.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(async move {
                        let io = TokioIo::new(stream);
                        let _ = match protocol {
                            "h2" => {
                                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                                    .serve_connection(io, service_fn(answer))
                                    .await
                            }
                            _ => {
                                hyper::server::conn::http1::Builder::new()
                                    .serve_connection(io, service_fn(answer))
                                    .await
                            }
                        };
                    });
                }
            });
    });
    Upstream {
        port: port.recv().unwrap(),
        connections,
        certificate: made.cert.pem(),
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _ = request.into_body().collect().await;
    Ok(Response::builder()
        .header("content-type", "application/json")
        .body(Full::from(ANSWER))
        .unwrap())
}

/// One test: the trusted certificates are read once in a process.
#[test]
fn tls_upstreams() {
    let (h2, h1, stranger) = (upstream("h2"), upstream("http/1.1"), upstream("h2"));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(trusted.path(), format!("{}{}", h2.certificate, h1.certificate)).unwrap();
    // SAFETY: no other thread of this test reads the environment now.
    unsafe { std::env::set_var("SSL_CERT_FILE", trusted.path()) };
    for (upstream, most) in [(&h2, 1), (&h1, 8)] {
        let gateway = Gateway::to(vec![target(&format!("https://localhost:{}/v1", upstream.port), "gpt")]);
        let body = json!({"model": "m", "messages": []});
        assert_eq!(gateway.chat(&body).status, 200);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(gateway.chat(&body).status, 200));
            }
        });
        let records = gateway.records(9);
        assert!(
            records
                .iter()
                .all(|record| record.output == 4 && record.source == "provider"),
            "{records:?}"
        );
        assert!(
            upstream.connections.load(Ordering::SeqCst) <= most,
            "connections are used again"
        );
    }
    let gateway = Gateway::to(vec![target(&format!("https://localhost:{}/v1", stranger.port), "gpt")]);
    let refused = gateway.chat(&json!({"model": "m", "messages": []}));
    assert_eq!(
        (refused.status, refused.error_code().as_str()),
        (502, "upstream_unreachable")
    );
    assert!(refused.body.contains("TLS"), "{refused:?}");
}
