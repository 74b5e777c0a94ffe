//! A headless Chromium behind ChromeDriver, a server of files for it, and the players that are installed for the tests.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

/// Where other people's players are, installed as their lock file says.
pub(super) fn players() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    let lock = std::fs::File::open(folder.join("package-lock.json")).unwrap();
    // Tests of several processes may want them at once.
    lock.lock().unwrap();
    let changed = |file: &str| std::fs::metadata(folder.join(file)).and_then(|meta| meta.modified()).ok();
    if changed("node_modules/.package-lock.json") < changed("package-lock.json") {
        let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        let status = Command::new("npm").args(args).current_dir(&folder).stdout(Stdio::null()).status();
        assert!(status.expect("npm runs").success(), "npm ci");
    }
    folder
}

/// Serves `package` under `/package/` and everything else from `rest`; gives the address. Ends with the process.
pub(super) fn serve(package: PathBuf, rest: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (package, rest) = (package.clone(), rest.clone());
            std::thread::spawn(move || answer(stream, &package, &rest));
        }
    });
    address
}

fn answer(stream: TcpStream, package: &Path, rest: &Path) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let first = lines.next()?;
    lines.find(String::is_empty)?;
    let path = first.split(' ').nth(1)?.split('?').next()?;
    let file = match path.strip_prefix("/package/") {
        Some(inside) => package.join(inside),
        None => rest.join(path.trim_start_matches('/')),
    };
    let kind = match file.extension().and_then(|ending| ending.to_str()) {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("m3u8") => "application/vnd.apple.mpegurl",
        Some("mpd") => "application/dash+xml",
        Some("vtt") => "text/vtt",
        _ => "video/mp4",
    };
    let (status, body) = std::fs::read(file).map_or(("404 Not Found", Vec::new()), |body| ("200 OK", body));
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&body).ok()
}

/// ChromeDriver on a port of its own; ended with the test.
pub(super) struct Driver {
    child: Child,
    url: String,
    profile: tempfile::TempDir,
}

impl Driver {
    pub(super) fn start() -> Self {
        let mut child = Command::new("chromedriver")
            .arg("--port=0")
            // With a group of its own, so that the browsers that it starts end with it.
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver runs; `make test` installs it");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines
            .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok());
        let url = format!("http://127.0.0.1:{}", port.expect("chromedriver tells its port"));
        Self { child, url, profile: tempfile::tempdir().unwrap() }
    }

    pub(super) async fn browser(&self) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--autoplay-policy=no-user-gesture-required",
            &profile,
        ];
        let options = json!({"goog:chromeOptions": {"args": args}});
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let capabilities = options.as_object().unwrap().clone();
        ClientBuilder::new(connector).capabilities(capabilities).connect(&self.url).await.unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

/// Opens the player and gives what it says when it has come to the end.
pub(super) async fn play(browser: &Client, address: &str) -> Value {
    browser.goto(address).await.unwrap();
    let script = "const done = arguments[0];
                  const look = () => window.result ? done(window.result) : setTimeout(look, 50);
                  look();";
    let played = browser.execute_async(script, Vec::new());
    if let Ok(result) = tokio::time::timeout(Duration::from_secs(30), played).await {
        return result.unwrap();
    }
    let state = "const video = document.querySelector('video');
                 return { found, at: video.currentTime, ready: video.readyState, paused: video.paused };";
    panic!("{address} doesn't end: {:?}", browser.execute(state, Vec::new()).await)
}
