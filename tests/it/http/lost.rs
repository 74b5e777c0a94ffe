//! Uploads whose connection is lost, and forms that have no end.

use futures_util::stream;
use reqwest::{Body, Method};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Server, eventually, memory_kib, within};

async fn begin(server: &Server) -> String {
    let request = server.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0");
    let response = request.header("upload-length", "10").send().await.unwrap();
    assert_eq!(response.status(), 201);
    response.headers()["location"].to_str().unwrap().to_owned()
}

/// A connection by which four of ten bytes come, and then nothing more; it is never closed.
async fn lost(server: &Server, path: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 10\r\n\r\n0123"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// Goes on as tus's clients do: asks where, then sends.
async fn goes_on(server: &Server, path: &str) -> Option<()> {
    let tus = |method| server.request(method, path).header("tus-resumable", "1.0.0");
    let at = tus(Method::HEAD).send().await.unwrap().headers()["upload-offset"].clone();
    if at != "4" {
        return None;
    }
    let request = tus(Method::PATCH).header("upload-offset", at);
    let sent = request.header("content-type", "application/offset+octet-stream").body("456789").send().await.unwrap();
    assert!(matches!(sent.status().as_u16(), 204 | 423), "{}", sent.status());
    (sent.status() == 204).then_some(())
}

#[tokio::test]
async fn a_client_that_lost_its_connection_needs_not_wait_for_the_server_to_notice() {
    let server = Server::start();
    let path = begin(&server).await;
    let mut stream = lost(&server, &path).await;
    eventually("the upload to go on", || goes_on(&server, &path)).await;
    let mut answer = [0; 12];
    within("an answer to the lost request", stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 409", "it wasn't ended by its own silence");
    assert_eq!(server.get(&path).await.1["complete"], true);
}

/// Sends 256 MiB of zeros after `head` as a form. The connection may break before there is an answer.
async fn flood(server: &Server, head: &'static str) -> Option<u16> {
    let zeros = vec![b'0'; 64 * 1024];
    let pieces = (0..4096)
        .map(move |number| Ok::<_, std::io::Error>(if number == 0 { head.as_bytes().to_vec() } else { zeros.clone() }));
    let request = server.request(Method::POST, "/v1/uploads").header("content-type", "multipart/form-data; boundary=x");
    let sent = within("an answer", request.body(Body::wrap_stream(stream::iter(pieces))).send()).await;
    sent.ok().map(|response| response.status().as_u16())
}

#[tokio::test]
async fn a_form_without_end_is_refused_before_it_fills_the_memory() {
    let server = Server::start();
    let before = memory_kib(server.pid(), "VmHWM");
    for head in [
        // No field ever begins; the head of one never ends; a field that is no file never does.
        "zeros",
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"",
        "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\n",
    ] {
        let status = flood(&server, head).await;
        assert!(matches!(status, None | Some(400 | 413)), "{head:?}: {status:?}");
    }
    let grown = memory_kib(server.pid(), "VmHWM") - before;
    assert!(grown < 48 * 1024, "{grown} KiB");
    assert_eq!(server.get("/healthz").await.0, 200);
    assert_eq!(std::fs::read_dir(server.data_dir().join("uploads")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_large_file_in_a_form_is_never_in_memory() {
    let server = Server::start();
    let before = memory_kib(server.pid(), "VmHWM");
    let status = flood(&server, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n").await;
    assert_eq!(status, Some(400), "its last boundary is missing");
    let grown = memory_kib(server.pid(), "VmHWM") - before;
    assert!(grown < 64 * 1024, "{grown} KiB");
}
