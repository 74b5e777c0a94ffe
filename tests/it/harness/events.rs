//! A reader of event streams that knows the wire and nothing else, to judge the server by.

use serde_json::Value;

use super::wait::within;

/// One event as it came over the wire.
#[derive(Clone, Debug)]
pub struct Event {
    pub kind: String,
    pub id: Option<u64>,
    pub data: Value,
}

impl Event {
    /// The state of the job in the data.
    pub fn state(&self) -> &str {
        self.data["state"].as_str().unwrap_or_default()
    }
}

/// An open stream.
pub struct Events {
    response: reqwest::Response,
    text: String,
}

impl Events {
    pub fn new(response: reqwest::Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event; `None` where the stream has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let event = parse(&self.text[..end]);
                self.text.drain(..end + 2);
                if event.is_some() {
                    return event;
                }
            }
            let chunk = within("an event", self.response.chunk()).await.ok()??;
            self.text += std::str::from_utf8(&chunk).expect("frames are not cut within a character");
        }
    }

    /// The next event of this kind.
    pub async fn next_of(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended before a {kind} event"));
            if event.kind == kind {
                return event;
            }
        }
    }

    /// The next `state` event with this state.
    pub async fn until_state(&mut self, state: &str) -> Event {
        loop {
            let event = self.next_of("state").await;
            if event.state() == state {
                return event;
            }
        }
    }

    /// Everything until the stream ends.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

/// A frame; comments are none.
fn parse(frame: &str) -> Option<Event> {
    let field = |name: &str| {
        let lines = frame.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let values: Vec<_> = lines.map(|value| value.strip_prefix(' ').unwrap_or(value)).collect();
        (!values.is_empty()).then(|| values.join("\n"))
    };
    let id = field("id").map(|id| id.parse().expect("ids are decimal"));
    let data = serde_json::from_str(&field("data")?).expect("data is JSON");
    Some(Event { kind: field("event").expect("every event is named"), id, data })
}
