//! The dashboard in a real browser: headless Chromium, driven through ChromeDriver.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder, Locator};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;

use crate::harness::{Server, clip, eventually, slow_job};

/// ChromeDriver on a port of its own; ended with the test.
struct Driver {
    child: Child,
    url: String,
}

impl Driver {
    fn start() -> Self {
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
        Self { child, url: format!("http://127.0.0.1:{}", port.expect("chromedriver tells its port")) }
    }

    /// A browser with a fresh profile and no wish to talk to anybody else.
    async fn browser(&self, profile: &std::path::Path) -> Client {
        let profile = format!("--user-data-dir={}", profile.display());
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-sync",
            "--disable-background-networking",
            "--disable-component-update",
            "--window-size=1200,900",
            &profile,
        ];
        let options = json!({"goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}});
        let capabilities = options.as_object().unwrap().clone();
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
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

/// What the row of a job shows: its state, and how far its bar is, in percent.
async fn row(browser: &Client, id: &str) -> Option<(String, Option<f64>)> {
    let script = "const row = document.querySelector(`[data-job-id='${arguments[0]}']`);
                  const bar = row?.querySelector('[data-role=progress]');
                  const at = bar?.getAttribute('aria-valuenow') ?? (bar?.hasAttribute('value') ? bar.value / bar.max * 100 : null);
                  return row && [row.dataset.state, at === null ? null : Number(at)];";
    let found = browser.execute(script, vec![json!(id)]).await.ok()?;
    Some((found.get(0)?.as_str()?.to_owned(), found.get(1)?.as_f64()))
}

async fn shows(browser: &Client, id: &str, state: &str) {
    eventually(&format!("the row to show {state}"), || async {
        row(browser, id).await.filter(|(shown, _)| shown == state)
    })
    .await;
}

#[tokio::test]
async fn a_visitor_sees_the_bar_move_presses_cancel_and_sees_cancelled() {
    let (server, driver, profile) = (Server::start(), Driver::start(), tempfile::tempdir().unwrap());
    let browser = driver.browser(profile.path()).await;
    browser.goto(&format!("{}/", server.url)).await.unwrap();
    let id = server.submit(&slow_job("graceful")).await;
    shows(&browser, &id, "running").await;
    let bar = || async { row(&browser, &id).await?.1.filter(|percent| *percent > 0.0) };
    let first = eventually("the bar to show something", bar).await;
    eventually("the bar to move", || async { bar().await.filter(|percent| *percent > first) }).await;

    let button = format!("[data-job-id='{id}'] [data-action='cancel']");
    browser
        .wait()
        .at_most(Duration::from_secs(30))
        .for_element(Locator::Css(&button))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    shows(&browser, &id, "cancelled").await;
    assert_eq!(server.job(&id).await["state"], "cancelled");
    let link = format!("[data-job-id='{id}'] a[href*='/outputs/']");
    browser
        .wait()
        .at_most(Duration::from_secs(30))
        .for_element(Locator::Css(&link))
        .await
        .expect("a link to what was kept");
    browser.close().await.unwrap();
}

/// Presses a button of a job's row.
async fn press(browser: &Client, id: &str, act: &str) {
    let button = format!("[data-job-id='{id}'] [data-action='{act}']:not([hidden]):not([aria-disabled='true'])");
    let found = browser.wait().at_most(Duration::from_secs(30)).for_element(Locator::Css(&button)).await;
    found.unwrap_or_else(|error| panic!("no button to {act}: {error}")).click().await.unwrap();
}

#[tokio::test]
async fn a_visitor_pauses_resumes_cancels_and_retries() {
    let (server, driver, profile) = (Server::start(), Driver::start(), tempfile::tempdir().unwrap());
    let browser = driver.browser(profile.path()).await;
    browser.goto(&format!("{}/", server.url)).await.unwrap();
    let id = server.submit_slow("standard").await;
    for (act, state) in [
        ("pause", "paused"),
        ("resume", "running"),
        ("cancel", "cancelled"),
        ("retry", "running"),
        ("cancel", "cancelled"),
    ] {
        press(&browser, &id, act).await;
        shows(&browser, &id, state).await;
    }
    assert_eq!(server.job(&id).await["attempts"].as_array().unwrap().len(), 2);
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_long_queue_does_not_hide_what_is_finished() {
    let (server, driver, profile) = (Server::start(), Driver::start(), tempfile::tempdir().unwrap());
    let body = json!({"input": clip(), "outputs": [{"name": "a.wav"}]});
    let finished = server.submit(&body).await;
    server.over(&finished).await;
    let running = [server.submit_slow("slim").await, server.submit_slow("slim").await];
    futures_util::future::join_all((0..60).map(|_| server.submit(&body))).await;
    let browser = driver.browser(profile.path()).await;
    browser.goto(&format!("{}/", server.url)).await.unwrap();
    shows(&browser, &finished, "succeeded").await;
    shows(&browser, &running[0], "running").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn the_page_survives_a_restart_of_the_server_by_itself() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = crate::harness::Options {
        args: vec!["--listen".into(), format!("127.0.0.1:{port}")],
        ..crate::harness::Options::default()
    };
    let (server, driver, profile) = (Server::start_with(options), Driver::start(), tempfile::tempdir().unwrap());
    let browser = driver.browser(profile.path()).await;
    browser.goto(&format!("{}/", server.url)).await.unwrap();
    let id = server.submit_slow("graceful").await;
    shows(&browser, &id, "running").await;
    let server = server.kill_and_restart();
    server.encoding(&id).await;
    server.delete(&format!("/v1/jobs/{id}")).await;
    shows(&browser, &id, "cancelled").await;
    let next = server.submit(&json!({"input": clip(), "outputs": [{"name": "a.wav"}]})).await;
    shows(&browser, &next, "succeeded").await;
    browser.close().await.unwrap();
}
