//! The requests that the commands make, and the answers to them as typed values or errors for people.

use std::path::Path;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;

use super::args::{Cancel, Connection};
use super::error::Error;
use super::problem::Problem;
use super::server_url::ServerUrl;
use crate::domain::id::JobId;
use crate::domain::job::Job;
use crate::domain::media::MediaInfo;
use crate::domain::planned::JobPlan;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a plain request may take.
const ANSWER: Duration = Duration::from_secs(30);
/// How long looking at an input may take; the server has a limit of its own.
const PROBE: Duration = Duration::from_mins(3);

/// How long saving what is left of a job may take.
const SALVAGE: Duration = Duration::from_hours(1);
/// How much of a file is read at once.
const PIECE: usize = 256 * 1024;

/// A page of jobs.
#[derive(Debug, Deserialize)]
pub(super) struct JobPage {
    /// The jobs, newest first.
    pub(super) items: Vec<Job>,
    /// Where the next page starts.
    pub(super) next_cursor: Option<String>,
}

/// A file of a folder that a job has made.
#[derive(Debug, Deserialize)]
pub(super) struct FolderFile {
    /// Its path inside the folder.
    pub(super) name: String,
    /// Its size.
    pub(super) size_bytes: u64,
}

/// The way to one server.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    server: ServerUrl,
}

impl Client {
    /// A client for the server that the command line names.
    ///
    /// # Errors
    /// When that is no URL of a server.
    pub(super) fn new(connection: &Connection) -> Result<Self, Error> {
        let server = ServerUrl::parse(connection.server.as_deref())?;
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .user_agent(concat!("transcoded/", env!("CARGO_PKG_VERSION")));
        let builder = if server.is_loopback() { builder.no_proxy() } else { builder };
        let http =
            builder.build().map_err(|error| Error::Usage(format!("this machine can't make HTTP requests: {error}")))?;
        Ok(Self { http, server })
    }

    /// The server.
    pub(super) fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Submits a job, given as JSON.
    pub(super) async fn submit(&self, body: String) -> Result<Job, Error> {
        let request = self.request(Method::POST, &["v1", "jobs"]).header("content-type", "application/json").body(body);
        self.read(request.timeout(ANSWER)).await
    }

    /// What a job, given as JSON, would do.
    pub(super) async fn plan(&self, body: String) -> Result<JobPlan, Error> {
        let request = self.request(Method::POST, &["v1", "plan"]).header("content-type", "application/json").body(body);
        self.read(request.timeout(PROBE)).await
    }

    /// Sends a file, as it is read, however long that takes; returns what the server says of it.
    ///
    /// # Errors
    /// Where the file can't be read, or the server doesn't take it.
    pub(super) async fn upload(&self, file: &Path) -> Result<Value, Error> {
        let unreadable = |error| Error::Usage(format!("{} can't be read: {error}", file.display()));
        let open = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let facts = open.metadata().await.map_err(unreadable)?;
        let mut url = self.server.at(&["v1", "uploads"]);
        if let Some(name) = file.file_name() {
            url.query_pairs_mut().append_pair("filename", &name.to_string_lossy());
        }
        let body = reqwest::Body::wrap_stream(ReaderStream::with_capacity(open, PIECE));
        let mut request = self.http.post(url).header("content-type", "application/octet-stream").body(body);
        // Of a pipe nobody knows how much will come.
        if facts.is_file() {
            request = request.header("content-length", facts.len());
        }
        self.read(request).await
    }

    /// Asks a job to stop.
    pub(super) async fn cancel(&self, cancel: &Cancel) -> Result<Job, Error> {
        let mut url = self.server.at(&["v1", "jobs", &cancel.id.to_string()]);
        if let Some(seconds) = cancel.grace_seconds {
            url.query_pairs_mut().append_pair("grace_seconds", &seconds.to_string());
        }
        let mut request = self.http.delete(url);
        let mut limit = ANSWER;
        if let Some(seconds) = cancel.wait {
            request = request.header("prefer", format!("wait={seconds}"));
            limit += Duration::from_secs(seconds.into());
        }
        self.read(request.timeout(limit)).await
    }

    /// Has a job paused, resumed, tried again or saved.
    pub(super) async fn change(&self, id: JobId, what: &str) -> Result<Job, Error> {
        // Saving what is left of a job takes as long as copying it.
        let limit = if what == "salvage" { SALVAGE } else { ANSWER };
        self.read(self.request(Method::POST, &["v1", "jobs", &id.to_string(), what]).timeout(limit)).await
    }

    /// One page of jobs; `query` is what the contract says about `GET /v1/jobs`.
    pub(super) async fn jobs(&self, query: &[(&str, String)]) -> Result<JobPage, Error> {
        let mut url = self.server.at(&["v1", "jobs"]);
        url.query_pairs_mut().extend_pairs(query);
        self.read(self.http.get(url).timeout(ANSWER)).await
    }

    /// What is in an input.
    pub(super) async fn probe(&self, input: &str) -> Result<MediaInfo, Error> {
        let request = self.request(Method::POST, &["v1", "probe"]).json(&json!({ "input": input }));
        self.read(request.timeout(PROBE)).await
    }

    /// The presets, as the server's JSON.
    pub(super) async fn presets(&self) -> Result<Vec<Value>, Error> {
        #[derive(Deserialize)]
        struct Presets {
            items: Vec<Value>,
        }
        let presets: Presets = self.read(self.request(Method::GET, &["v1", "presets"]).timeout(ANSWER)).await?;
        Ok(presets.items)
    }

    /// Whether the server takes jobs.
    pub(super) async fn ready(&self) -> Result<(), Error> {
        let request = self.request(Method::GET, &["readyz"]).timeout(CONNECT);
        self.read::<Value>(request).await.map(drop)
    }

    /// Opens the stream of a job's events, from after the event `last_id` where it is given.
    pub(super) async fn events(&self, id: JobId, last_id: Option<&str>) -> Result<Response, Error> {
        let mut request =
            self.request(Method::GET, &["v1", "jobs", &id.to_string(), "events"]).header("accept", "text/event-stream");
        if let Some(last_id) = last_id {
            request = request.header("last-event-id", last_id);
        }
        // No limit in all, as a job takes what it takes; the headers come at once or not at all.
        let response = tokio::time::timeout(ANSWER, self.answer(request)).await.map_err(|_| self.silent())??;
        let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if kind.starts_with("text/event-stream") { Ok(response) } else { Err(self.foreign(response.status())) }
    }

    /// Opens a file that a job has made.
    pub(super) async fn output(&self, id: JobId, name: &str) -> Result<Response, Error> {
        let request = self.request(Method::GET, &["v1", "jobs", &id.to_string(), "outputs", name]);
        tokio::time::timeout(ANSWER, self.answer(request)).await.map_err(|_| self.silent())?
    }

    /// Opens a file of a folder that a job has made; `path` are the parts of its path inside the folder.
    pub(super) async fn output_file(&self, id: JobId, name: &str, path: &[&str]) -> Result<Response, Error> {
        let id = id.to_string();
        let start = ["v1", "jobs", &id, "outputs", name];
        let segments: Vec<&str> = start.into_iter().chain(path.iter().copied()).collect();
        let request = self.request(Method::GET, &segments);
        tokio::time::timeout(ANSWER, self.answer(request)).await.map_err(|_| self.silent())?
    }

    /// The files of a folder that a job has made.
    pub(super) async fn folder(&self, id: JobId, name: &str) -> Result<Vec<FolderFile>, Error> {
        #[derive(Deserialize)]
        struct Folder {
            items: Vec<FolderFile>,
        }
        let request = self.request(Method::GET, &["v1", "jobs", &id.to_string(), "outputs", name]);
        Ok(self.read::<Folder>(request.timeout(ANSWER)).await?.items)
    }

    /// The whole URL of a file that a job has made.
    pub(super) fn output_url(&self, id: JobId, name: &str) -> String {
        self.server.at(&["v1", "jobs", &id.to_string(), "outputs", name]).into()
    }

    /// The error for a connection that broke or never came about.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        Error::no_answer(&self.server, error)
    }

    fn silent(&self) -> Error {
        Error::Unreachable(format!("the server at {} didn't answer in time", self.server))
    }

    fn foreign(&self, status: StatusCode) -> Error {
        let server = &self.server;
        if status.is_server_error() {
            // What a proxy says in place of a server that starts again.
            return Error::Unreachable(format!("{server} answered {status}"));
        }
        Error::Foreign(format!("{server} answered {status}, but not as transcoded does; is that the right address?"))
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        self.http.request(method, self.server.at(segments))
    }

    async fn answer(&self, request: RequestBuilder) -> Result<Response, Error> {
        let response = request.send().await.map_err(|error| self.broken(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.map_err(|error| self.broken(&error))?;
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        Err(problem.map_or_else(|| self.foreign(status), |problem| Error::Problem(Box::new(problem))))
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Error> {
        let response = self.answer(request).await?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&body).map_err(|_| self.foreign(status))
    }
}
