//! Reads server-sent events out of a stream of bytes, wherever it is cut.
//!
//! Follows the HTML standard's rules for `text/event-stream`; what an event means is left to `events`.

/// The longest event in bytes. A job with all its outputs and attempts stays far below.
const LONGEST: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The event's name; `message` where it has none.
    pub(super) kind: String,
    /// The last id that the stream gave, with this event or an earlier one.
    pub(super) id: Option<String>,
    /// The data, its lines joined by `\n`.
    pub(super) data: String,
}

/// An event is longer than any of ours.
#[derive(Debug, thiserror::Error)]
#[error("an event is longer than {} MiB", LONGEST >> 20)]
pub(super) struct TooLong;

/// The state of one connection's reader.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// The line so far.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, whose line feed may still come.
    after_return: bool,
    /// Whether the first line is behind us; only that one may start with a byte order mark.
    begun: bool,
    kind: String,
    /// The data lines so far, each with a line feed behind it.
    data: String,
    /// The id in the frame that isn't complete yet.
    pending_id: Option<String>,
    /// The id of complete frames.
    id: Option<String>,
}

impl FrameReader {
    /// Takes the next bytes and returns the events that they complete. An event that is cut off by the end of the stream
    /// never comes, nor counts its id.
    ///
    /// # Errors
    /// When an event is longer than any of ours.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        for &byte in bytes {
            let second_half = byte == b'\n' && self.after_return;
            self.after_return = byte == b'\r';
            if second_half {
                continue;
            }
            if matches!(byte, b'\n' | b'\r') {
                let line = std::mem::take(&mut self.line);
                frames.extend(self.take_line(&line));
            } else if self.line.len() + self.data.len() < LONGEST {
                self.line.push(byte);
            } else {
                return Err(TooLong);
            }
        }
        Ok(frames)
    }

    fn take_line(&mut self, line: &[u8]) -> Option<Frame> {
        let line = if self.begun { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        self.begun = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                self.data += value;
                self.data.push('\n');
            }
            "id" if !value.contains('\0') => self.pending_id = Some(value.to_owned()),
            // A comment (no field name), `retry`, or a field of later times.
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Frame> {
        if let Some(id) = self.pending_id.take() {
            self.id = Some(id).filter(|id| !id.is_empty());
        }
        let kind = std::mem::take(&mut self.kind);
        let mut data = std::mem::take(&mut self.data);
        // Every data line has left its line feed; without any there is no event.
        data.pop()?;
        let kind = if kind.is_empty() { "message".to_owned() } else { kind };
        Some(Frame { kind, id: self.id.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: hello\r\n\r\nid: 7\r\nevent: snapshot\r\ndata: {\"größe\":\r\ndata:  1}\r\n\r\n\
                          event: progress\ndata:{}\n\n:\n\nid: 8\revent: state\rdata\rretry: 10\rodd: x\r\r\
                          data: plain\n\nevent: lost\n\nid: 9\ndata: never complete\n";

    fn frame(kind: &str, id: &str, data: &str) -> Frame {
        Frame { kind: kind.into(), id: Some(id.into()), data: data.into() }
    }

    fn expected() -> [Frame; 4] {
        [
            frame("snapshot", "7", "{\"größe\":\n 1}"),
            frame("progress", "7", "{}"),
            frame("state", "8", ""),
            frame("message", "8", "plain"),
        ]
    }

    #[test]
    fn a_stream_cut_anywhere_yields_the_same_events() {
        let bytes = STREAM.as_bytes();
        for cut in 0..=bytes.len() {
            let mut reader = FrameReader::default();
            let mut frames = reader.push(&bytes[..cut]).unwrap();
            frames.extend(reader.push(&bytes[cut..]).unwrap());
            assert_eq!(frames, expected(), "cut at {cut}");
        }
    }

    #[test]
    fn a_stream_in_pieces_of_any_size_yields_the_same_events() {
        for size in 1..40 {
            let mut reader = FrameReader::default();
            let pieces = STREAM.as_bytes().chunks(size);
            let frames: Vec<_> = pieces.flat_map(|piece| reader.push(piece).unwrap()).collect();
            assert_eq!(frames, expected(), "pieces of {size}");
        }
    }

    #[test]
    fn the_id_of_an_event_that_is_cut_off_does_not_count() {
        let mut reader = FrameReader::default();
        reader.push(b"id: 1\ndata: a\n\nid: 2\ndata: b\n").unwrap();
        assert_eq!(reader.id.as_deref(), Some("1"));
    }

    #[test]
    fn a_line_without_end_is_given_up() {
        let mut reader = FrameReader::default();
        let piece = vec![b'x'; 1 << 20];
        let refused = (0..=LONGEST >> 20).find(|_| reader.push(&piece).is_err());
        assert_eq!(refused, Some(LONGEST >> 20));
    }
}
