//! Following a stream of events, as far as the bench wants to know: which jobs are over, and how.

use serde_json::Value;

use super::world::Result;

/// An open stream.
pub(crate) struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub(crate) async fn open(request: reqwest::RequestBuilder) -> Result<Self> {
        Ok(Self { response: request.send().await?.error_for_status()?, text: String::new() })
    }

    /// The data of the next event of this kind.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Result<Value> {
        loop {
            let (found, data) = self.next().await?;
            if found == kind {
                return Ok(data);
            }
        }
    }

    /// The next event: its kind and its data.
    pub(crate) async fn next(&mut self) -> Result<(String, Value)> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let frame: String = self.text.drain(..end + 2).collect();
                if let Some((kind, data)) = parts_of(&frame) {
                    return Ok((kind.to_owned(), serde_json::from_str(data)?));
                }
            }
            let chunk = self.response.chunk().await?.ok_or("the stream of events ended early")?;
            self.text += std::str::from_utf8(&chunk)?;
        }
    }

    /// The next job that reaches this state.
    pub(crate) async fn until(&mut self, state: &str) -> Result<Value> {
        loop {
            let job = self.next_of("state").await?;
            if job["state"] == state {
                return Ok(job);
            }
        }
    }

    /// The next job that is over.
    pub(crate) async fn over(&mut self) -> Result<Value> {
        loop {
            let job = self.next_of("state").await?;
            if !job["finished_at"].is_null() {
                return Ok(job);
            }
        }
    }

    /// The next job that is over, which must have succeeded.
    pub(crate) async fn succeeded(&mut self) -> Result<Value> {
        let job = self.over().await?;
        if job["state"] == "succeeded" { Ok(job) } else { Err(format!("a job did not succeed: {job:#}").into()) }
    }
}

fn parts_of(frame: &str) -> Option<(&str, &str)> {
    let field = |name| frame.lines().find_map(|line| line.strip_prefix(name));
    field("event: ").zip(field("data: "))
}
