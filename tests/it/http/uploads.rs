//! Uploads in one request and by tus, one header at a time: what is taken, what is refused, and what stays.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::{Options, Server, Tmpfs, blip, eventually, media_root, memory_kib, within};

/// Sends bytes as they are.
async fn raw(server: &Server, bytes: impl Into<reqwest::Body>) -> (u16, Value) {
    let response = server.request(Method::POST, "/v1/uploads?filename=a+b.wav").body(bytes).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The blip, uploaded: its name as an input.
async fn blip_uploaded(server: &Server) -> String {
    let (status, upload) = raw(server, std::fs::read(media_root().join(blip())).unwrap()).await;
    assert_eq!(status, 201, "{upload}");
    upload["input"].as_str().unwrap().to_owned()
}

fn path_of(input: &str) -> String {
    format!("/v1/uploads/{}", input.strip_prefix("upload:").unwrap())
}

fn tus(server: &Server, method: Method, path: &str, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let request = server.request(method, path).header("tus-resumable", "1.0.0");
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// Begins an upload of that length; its path.
async fn begin(server: &Server, length: &str) -> String {
    let response = tus(server, Method::POST, "/v1/uploads", &[("upload-length", length)]).send().await.unwrap();
    assert_eq!(response.status(), 201);
    header(&response, "location")
}

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
}

async fn patch(server: &Server, path: &str, offset: &str, more: &[(&str, &str)], bytes: &'static str) -> Response {
    let headers = [("upload-offset", offset), ("content-type", "application/offset+octet-stream")];
    tus(server, Method::PATCH, path, &headers).headers(pairs(more)).body(bytes).send().await.unwrap()
}

fn pairs(headers: &[(&str, &str)]) -> reqwest::header::HeaderMap {
    headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

async fn offset(server: &Server, path: &str) -> String {
    let response = tus(server, Method::HEAD, path, &[]).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "cache-control").as_str()), (200, "no-store"));
    header(&response, "upload-offset")
}

async fn is_at(server: &Server, path: &str, wanted: &str) {
    eventually("the bytes to be there", || async { (offset(server, path).await == wanted).then_some(()) }).await;
}

/// A request that announces ten bytes and has sent four.
async fn half_sent(server: &Server, path: &str, more: &str) -> TcpStream {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {address}\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n{more}\
         Content-Type: application/offset+octet-stream\r\nContent-Length: 10\r\n\r\n0123"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

fn files(server: &Server) -> usize {
    std::fs::read_dir(server.data_dir().join("uploads")).unwrap().count()
}

/// Sets the times of an upload's files back by a day and an hour.
fn age(server: &Server, input: &str) {
    let id = input.strip_prefix("upload:").unwrap();
    for name in [id.to_owned(), format!("{id}.json")] {
        let file = std::fs::File::options().append(true).open(server.data_dir().join("uploads").join(name)).unwrap();
        let then = file.metadata().unwrap().modified().unwrap() - Duration::from_hours(25);
        file.set_modified(then).unwrap();
    }
}

#[tokio::test]
async fn a_body_of_any_type_is_an_upload() {
    let server = Server::start();
    let request = server.request(Method::POST, "/v1/uploads?filename=a+b.wav").body("hello");
    let response = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    assert_eq!(response.status(), 201);
    let path = header(&response, "location");
    let upload: Value = response.json().await.unwrap();
    assert_eq!(path, path_of(upload["input"].as_str().unwrap()));
    let known = (&upload["size_bytes"], &upload["received_bytes"], &upload["complete"], &upload["filename"]);
    assert_eq!(known, (&json!(5), &json!(5), &json!(true), &json!("a b.wav")));
    assert!(upload["expires_at"].as_str() > upload["created_at"].as_str(), "{upload}");
    assert_eq!(server.get(&path).await, (200, upload));
    assert_eq!(server.delete(&path).await.0, 204);
    assert_eq!((server.get(&path).await.0, server.delete(&path).await.0, files(&server)), (404, 404, 0));
    assert_eq!(server.get("/v1/uploads/..%2ftranscoded.db").await.0, 404);
}

#[tokio::test]
async fn the_first_file_of_a_form_is_an_upload() {
    let server = Server::start();
    let form = |body: &'static str| {
        let kind = "multipart/form-data; boundary=x";
        server.request(Method::POST, "/v1/uploads").header("content-type", kind).body(body).send()
    };
    let response = form(
        "--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n\
         --x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"c.mov\"\r\n\r\nhello\r\n\
         --x\r\nContent-Disposition: form-data; name=\"g\"; filename=\"d.mov\"\r\n\r\nanother\r\n--x--\r\n",
    );
    let upload: Value = response.await.unwrap().json().await.unwrap();
    assert_eq!((&upload["size_bytes"], &upload["filename"]), (&json!(5), &json!("c.mov")), "{upload}");
    let none = form("--x\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nno file\r\n--x--\r\n").await.unwrap();
    assert_eq!(none.status(), 422);
    let broken = form("--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"c\"\r\n\r\nhel").await.unwrap();
    assert_eq!((broken.status().as_u16(), files(&server)), (400, 2), "nothing is left of a form that breaks off");
}

#[tokio::test]
async fn more_than_an_upload_may_have_is_413() {
    let server = Server::start_with(Options::with(&["--max-upload-bytes", "1000"]));
    let (status, problem) = raw(&server, vec![1; 2000]).await;
    assert_eq!((status, &problem["type"]), (413, &json!("urn:transcoded:problem:too-large")));
    let pieces = (0..20).map(|_| Ok::<_, std::io::Error>(vec![1; 100]));
    let unannounced = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    assert_eq!(raw(&server, unannounced).await.0, 413);
    let begun = tus(&server, Method::POST, "/v1/uploads", &[("upload-length", "1001")]).send().await.unwrap();
    assert_eq!((begun.status().as_u16(), files(&server)), (413, 0));
    assert_eq!(raw(&server, vec![1; 1000]).await.0, 201);
}

#[tokio::test]
async fn what_tus_can_do_here_is_told_and_other_versions_are_refused() {
    let server = Server::start();
    let response = server.request(Method::OPTIONS, "/v1/uploads").send().await.unwrap();
    assert_eq!(response.status(), 204);
    for (name, value) in [
        ("tus-resumable", "1.0.0"),
        ("tus-version", "1.0.0"),
        ("tus-extension", "creation,creation-with-upload,creation-defer-length,termination,expiration,checksum"),
        ("tus-max-size", "53687091200"),
        ("tus-checksum-algorithm", "sha1,sha256"),
    ] {
        assert_eq!(header(&response, name), value);
    }
    let old = server.request(Method::POST, "/v1/uploads").header("tus-resumable", "0.2.2").body("abc");
    let response = old.send().await.unwrap();
    assert_eq!((response.status().as_u16(), header(&response, "tus-version").as_str()), (412, "1.0.0"));
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let path = begin(&server, "3").await;
    assert_eq!(server.request(Method::PATCH, &path).body("abc").send().await.unwrap().status(), 412);
    let foreign = tus(&server, Method::PATCH, &path, &[("origin", "http://evil.example")]);
    assert_eq!(foreign.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn bytes_go_on_where_the_ones_before_ended_and_nowhere_else() {
    let server = Server::start();
    let path = begin(&server, "6").await;
    let response = patch(&server, &path, "0", &[], "abc").await;
    assert_eq!((response.status().as_u16(), header(&response, "upload-offset").as_str()), (204, "3"));
    assert!(header(&response, "upload-expires").ends_with(" GMT") && header(&response, "tus-resumable") == "1.0.0");
    for (offset, more, bytes, status) in [
        ("0", &[][..], "abc", 409),
        ("4", &[], "abc", 409),
        ("-3", &[], "abc", 400),
        ("3", &[], "defg", 413),
        ("3", &[("upload-length", "7")], "def", 400),
        ("3", &[("upload-checksum", "crc32 AAAA")], "def", 400),
    ] {
        let response = patch(&server, &path, offset, more, bytes).await;
        assert_eq!(response.status(), status, "{offset} {more:?}");
        assert_eq!(header(&response, "content-type"), "application/problem+json");
    }
    let typed = tus(&server, Method::PATCH, &path, &[("upload-offset", "3"), ("content-type", "video/mp4")]);
    assert_eq!(typed.body("def").send().await.unwrap().status(), 415);
    assert_eq!(offset(&server, &path).await, "3", "none of them has changed anything");
    let over = tus(&server, Method::POST, &path, &[("x-http-method-override", "PATCH"), ("upload-offset", "3")]);
    let over = over.header("content-type", "application/offset+octet-stream").body("def").send().await.unwrap();
    assert_eq!((over.status().as_u16(), offset(&server, &path).await.as_str()), (204, "6"));
    assert_eq!(patch(&server, &path, "6", &[], "g").await.status(), 413);
    assert_eq!(server.get(&path).await.1["complete"], true);
}

#[tokio::test]
async fn a_length_that_is_told_late_is_told_once() {
    let server = Server::start();
    let metadata = ("upload-metadata", "filename w7wubXA0,private");
    let headers = [("upload-defer-length", "1"), metadata];
    let path = header(&tus(&server, Method::POST, "/v1/uploads", &headers).send().await.unwrap(), "location");
    assert_eq!(patch(&server, &path, "0", &[], "abc").await.status(), 204);
    let response = tus(&server, Method::HEAD, &path, &[]).send().await.unwrap();
    assert_eq!(
        (header(&response, "upload-defer-length"), header(&response, "upload-length")),
        ("1".into(), String::new())
    );
    assert_eq!(header(&response, "upload-metadata"), metadata.1);
    assert_eq!(server.get(&path).await.1["size_bytes"], Value::Null);
    assert_eq!(patch(&server, &path, "3", &[("upload-length", "2")], "").await.status(), 400);
    assert_eq!(patch(&server, &path, "3", &[("upload-length", "4")], "d").await.status(), 204);
    let (_, upload) = server.get(&path).await;
    assert_eq!((&upload["complete"], &upload["filename"]), (&json!(true), &json!("ü.mp4")));
}

#[tokio::test]
async fn what_came_before_a_broken_connection_stays() {
    let server = Server::start();
    let path = begin(&server, "10").await;
    let stream = half_sent(&server, &path, "").await;
    is_at(&server, &path, "4").await;
    drop(stream);
    let go_on = || async { (patch(&server, &path, "4", &[], "456789").await.status() == 204).then_some(()) };
    eventually("the next one to be let in", go_on).await;
    let id = path.rsplit_once('/').unwrap().1;
    assert_eq!(std::fs::read(server.data_dir().join("uploads").join(id)).unwrap(), b"0123456789");
}

#[tokio::test]
async fn an_upload_has_one_writer_at_a_time() {
    let server = Server::start();
    let path = begin(&server, "10").await;
    let mut first = half_sent(&server, &path, "").await;
    is_at(&server, &path, "4").await;
    assert_eq!(patch(&server, &path, "4", &[], "x").await.status(), 423);
    let (status, problem) = server.delete(&path).await;
    assert_eq!((status, &problem["type"]), (423, &json!("urn:transcoded:problem:upload-busy")));
    first.write_all(b"456789").await.unwrap();
    let mut answer = [0; 12];
    within("the answer", first.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    assert_eq!(server.get(&path).await.1["complete"], true);
}

#[tokio::test]
async fn bytes_with_a_checksum_count_once_they_are_compared() {
    let server = Server::start();
    let path = begin(&server, "10").await;
    let hello = ("upload-checksum", "sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=");
    let response = patch(&server, &path, "0", &[hello], "Hello").await;
    assert_eq!((response.status().as_u16(), offset(&server, &path).await.as_str()), (460, "0"));
    assert_eq!(patch(&server, &path, "0", &[hello], "hello").await.status(), 204);
    let world = ("upload-checksum", "sha256 SG6kYiTRu0+2gPNPfJrZao8k7Ii+c+qOWmxlJg6cuKc=");
    assert_eq!(patch(&server, &path, "5", &[world], "world").await.status(), 204);
    let path = begin(&server, "10").await;
    let stream = half_sent(&server, &path, "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=\r\n").await;
    let file = server.data_dir().join("uploads").join(path.rsplit_once('/').unwrap().1);
    let written = || async { (std::fs::metadata(&file).unwrap().len() == 4).then_some(()) };
    eventually("the bytes to be written", written).await;
    assert_eq!(offset(&server, &path).await, "0");
    let server = server.kill_and_restart();
    drop(stream);
    assert_eq!(offset(&server, &path).await, "0", "nobody has compared them");
    assert_eq!(patch(&server, &path, "0", &[], "0123456789").await.status(), 204);
}

#[tokio::test]
async fn an_upload_goes_on_after_the_server_was_killed() {
    let server = Server::start();
    let path = begin(&server, "10").await;
    let stream = half_sent(&server, &path, "").await;
    is_at(&server, &path, "4").await;
    let whole = blip_uploaded(&server).await;
    for left in ["019234ab-5678-7def-8123-456789abcdef", "019234ab-5678-7def-8123-456789abcd00.json.new", "a.txt"] {
        std::fs::write(server.data_dir().join("uploads").join(left), "x").unwrap();
    }
    let server = server.kill_and_restart();
    drop(stream);
    assert_eq!(offset(&server, &path).await, "4");
    assert_eq!(patch(&server, &path, "4", &[], "456789").await.status(), 204);
    assert_eq!(server.get(&path_of(&whole)).await.1["complete"], true);
    assert_eq!(files(&server), 2 + 2 + 1, "what was half made is gone, what isn't ours stays");
}

#[tokio::test]
async fn only_a_whole_upload_is_an_input() {
    let server = Server::start();
    let path = begin(&server, "10").await;
    let half = format!("upload:{}", path.rsplit_once('/').unwrap().1);
    for (input, words) in [
        (half.as_str(), "0 bytes have come"),
        ("upload:019234ab-5678-7def-8123-456789abcdef", "no such upload"),
        ("upload:../a", "names no upload"),
    ] {
        let job = json!({"input": input, "outputs": [{"name": "a.mp3"}]});
        for (path, body) in [("/v1/jobs", &job), ("/v1/probe", &json!({"input": input}))] {
            let (status, problem) = server.post(path, body).await;
            assert_eq!((status, &problem["errors"][0]["pointer"]), (422, &json!("/input")), "{problem}");
            assert!(problem["detail"].as_str().unwrap().contains(words), "{problem}");
        }
        assert_eq!(server.post("/v1/plan", &job).await.1["errors"][0]["pointer"], "/input");
    }
    let whole = blip_uploaded(&server).await;
    let (_, plan) = server.post("/v1/plan", &json!({"input": whole, "outputs": [{"name": "a.mp3"}]})).await;
    assert_eq!(plan["feasible"], true, "{plan}");
    let id = server.submit(&json!({"input": whole, "outputs": [{"name": "a.mp3"}]})).await;
    assert_eq!(server.over(&id).await["state"], "succeeded");
    let log = server.request(Method::GET, &format!("/v1/jobs/{id}/log")).send().await.unwrap().text().await.unwrap();
    assert!(log.contains(&whole) && !log.contains("/uploads/"), "{log}");
}

#[tokio::test]
async fn an_upload_that_a_job_needs_is_not_removed() {
    let server = Server::start();
    let input = blip_uploaded(&server).await;
    let later = json!({"input": input, "outputs": [{"name": "a.mp3"}], "run_at": "2100-01-01T00:00:00Z"});
    let job = server.submit(&later).await;
    let (status, problem) = server.delete(&path_of(&input)).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:transcoded:problem:upload-needed")));
    assert_eq!(server.delete(&format!("/v1/jobs/{job}")).await.0, 200);
    assert_eq!(server.delete(&path_of(&input)).await.0, 204);
}

#[tokio::test]
async fn uploads_that_nobody_uses_expire() {
    let server = Server::start();
    let (unused, needed, used, fresh) = (
        blip_uploaded(&server).await,
        blip_uploaded(&server).await,
        blip_uploaded(&server).await,
        blip_uploaded(&server).await,
    );
    let half = format!("upload:{}", begin(&server, "10").await.rsplit_once('/').unwrap().1);
    let later = json!({"input": needed, "outputs": [{"name": "a.mp3"}], "run_at": "2100-01-01T00:00:00Z"});
    server.submit(&later).await;
    for input in [&unused, &needed, &used, &half] {
        age(&server, input);
    }
    let before = server.get(&path_of(&used)).await.1["expires_at"].clone();
    assert_eq!(server.post("/v1/probe", &json!({"input": used})).await.0, 200);
    assert!(server.get(&path_of(&used)).await.1["expires_at"].as_str() > before.as_str(), "its use renews its life");
    // The upkeep looks at the start.
    let server = server.kill_and_restart();
    for gone in [&unused, &half] {
        let path = path_of(gone);
        eventually("it to be gone", || async { (server.get(&path).await.0 == 404).then_some(()) }).await;
    }
    for kept in [&used, &fresh] {
        assert_eq!(server.get(&path_of(kept)).await.0, 200, "{kept}");
    }
    let path = path_of(&needed);
    let lives_on = || async {
        let upload = server.get(&path).await.1;
        (upload["expires_at"].as_str().unwrap() > upload["created_at"].as_str().unwrap()).then_some(())
    };
    eventually("what is needed to be kept from now", lives_on).await;
}

#[tokio::test]
async fn a_large_upload_is_never_in_memory() {
    let server = Server::start();
    raw(&server, "small").await;
    let before = memory_kib(server.pid(), "VmHWM");
    let pieces = (0..200).map(|_| Ok::<_, std::io::Error>(vec![7; 1_000_000]));
    let (status, upload) = raw(&server, reqwest::Body::wrap_stream(futures_util::stream::iter(pieces))).await;
    assert_eq!((status, &upload["size_bytes"]), (201, &json!(200_000_000)));
    let grown = memory_kib(server.pid(), "VmHWM") - before;
    assert!(grown < 40 * 1024, "{grown} KiB more");
}

#[tokio::test]
async fn a_full_disk_refuses_an_upload_and_keeps_what_is_there() {
    let Some(disk) = Tmpfs::mount(24 * 1024) else { return };
    let args = ["--min-free-bytes", "1000000"];
    let server = Server::start_with(Options { disk: Some(disk.path().to_owned()), ..Options::with(&args) });
    let (status, problem) = raw(&server, vec![1; 40_000_000]).await;
    assert_eq!((status, &problem["type"]), (507, &json!("urn:transcoded:problem:disk-full")));
    let pieces = (0..40).map(|_| Ok::<_, std::io::Error>(vec![1; 1_000_000]));
    let unannounced = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    assert_eq!((raw(&server, unannounced).await.0, files(&server)), (507, 0));
    let large = tus(&server, Method::POST, "/v1/uploads", &[("upload-length", "40000000")]).send().await.unwrap();
    assert_eq!(large.status(), 507);
    let path = begin(&server, "10").await;
    assert_eq!(patch(&server, &path, "0", &[], "0123").await.status(), 204);
    let filler = disk.fill(900_000);
    assert_eq!(patch(&server, &path, "4", &[], "456789").await.status(), 507);
    assert_eq!(offset(&server, &path).await, "4");
    drop(filler);
    assert_eq!(patch(&server, &path, "4", &[], "456789").await.status(), 204);
}
