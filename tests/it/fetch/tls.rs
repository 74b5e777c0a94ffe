//! Inputs over TLS: from servers whose certificates this machine trusts, and from no others.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use super::web::{Reply, Web};
use crate::harness::{Options, Server, clip, media_root};

fn bytes() -> Vec<u8> {
    std::fs::read(media_root().join(clip())).unwrap()
}

/// A server for the clip, and its certificate as PEM.
fn secured(name: &str) -> (Web, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key.into()).unwrap();
    (Web::serve_tls(Arc::new(config), |_, _| Reply::whole(&bytes())), cert.pem())
}

/// What becomes of a job where the machine trusts this certificate alone.
async fn fetched(web: &Web, trusted: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trusted.pem");
    std::fs::write(&file, trusted).unwrap();
    let options = Options::with(&["--allow-network", "127.0.0.0/8"]);
    let env = vec![("SSL_CERT_FILE".to_owned(), file.to_str().unwrap().to_owned())];
    let server = Server::start_with(Options { env, ..options });
    let job = json!({"input": web.url("/a.mp4"), "outputs": [{"name": "a.mp4"}], "max_attempts": 1});
    let id = server.submit(&job).await;
    server.over(&id).await
}

#[tokio::test]
async fn an_input_comes_from_a_server_whose_certificate_is_trusted() {
    let (web, certificate) = secured("127.0.0.1");
    let over = fetched(&web, &certificate).await;
    assert_eq!(over["state"], "succeeded", "{over:#}");
    assert_eq!(web.asked().len(), 1);
}

#[tokio::test]
async fn a_server_that_can_not_prove_its_name_is_asked_for_nothing() {
    let (other, _) = secured("127.0.0.1");
    let (named_otherwise, certificate) = secured("media.example");
    for web in [other, named_otherwise] {
        let over = fetched(&web, &certificate).await;
        assert_eq!((over["state"].as_str(), web.asked().len()), (Some("failed"), 0), "{over:#}");
        let message = over["error"]["message"].as_str().unwrap();
        assert!(message.contains("certificate"), "{message}");
    }
}
