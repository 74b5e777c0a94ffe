//! Cuts a stream of bytes into lines of bounded length. Pure; `readers` brings the bytes.

/// The longest line that is passed on, in bytes.
pub(super) const MAX_LINE: usize = 8 * 1024;

/// What stands at the end of a line that was cut.
const CUT: &str = " [cut]";

/// Splits at `\n`, `\r` and `\r\n`. Takes any bytes; bytes that aren't UTF-8 come out as replacement characters.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    line: Vec<u8>,
    cut: bool,
    after_return: bool,
}

impl LineSplitter {
    /// Takes the next bytes and hands each line that they complete to `each`.
    pub(super) fn push(&mut self, mut bytes: &[u8], each: &mut impl FnMut(&str)) {
        if self.after_return && !bytes.is_empty() {
            self.after_return = false;
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.extend(&bytes[..end]);
            self.emit(each);
            let returned = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            if returned {
                self.after_return = bytes.is_empty();
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
        }
        self.extend(bytes);
    }

    /// Hands over what stands after the last line's end.
    pub(super) fn finish(&mut self, each: &mut impl FnMut(&str)) {
        if !self.line.is_empty() {
            self.emit(each);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - CUT.len() - self.line.len();
        self.cut |= bytes.len() > room;
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn emit(&mut self, each: &mut impl FnMut(&str)) {
        let text = String::from_utf8_lossy(&self.line);
        // A replacement character is longer than the byte that it stands for.
        let kept = text.floor_char_boundary(MAX_LINE - CUT.len());
        if self.cut || kept < text.len() {
            each(&format!("{}{CUT}", &text[..kept]));
        } else {
            each(&text);
        }
        self.line.clear();
        self.cut = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `bytes` in pieces of `size` and collects the lines.
    fn split(bytes: &[u8], size: usize) -> Vec<String> {
        let (mut splitter, mut lines) = (LineSplitter::default(), Vec::new());
        let mut each = |line: &str| lines.push(line.to_owned());
        for piece in bytes.chunks(size) {
            splitter.push(piece, &mut each);
        }
        splitter.finish(&mut each);
        lines
    }

    #[test]
    fn lines_end_at_newlines_and_returns_wherever_the_pieces_are_cut() {
        let bytes = b"one\ntwo\r\nframe=1\rframe=2\r\n\nlast";
        for size in 1..=bytes.len() {
            assert_eq!(split(bytes, size), ["one", "two", "frame=1", "frame=2", "", "last"], "pieces of {size}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_kept_readable() {
        assert_eq!(split(b"title: caf\xe9\n\xff\xfe", 3), ["title: caf\u{fffd}", "\u{fffd}\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_one_is_whole() {
        let mut bytes = vec![b'x'; 10 * 1024 * 1024];
        bytes.extend_from_slice(b"\nnext\n");
        let lines = split(&bytes, 64 * 1024);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() <= MAX_LINE && lines[0].ends_with("x [cut]"), "{}", lines[0].len());
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn a_long_line_of_bytes_that_are_no_text_is_bounded_too() {
        for bytes in [vec![0xff; MAX_LINE - CUT.len()], vec![0xff; 100 * 1024]] {
            let lines = split(&bytes, 1000);
            assert_eq!(lines.len(), 1);
            assert!(lines[0].len() <= MAX_LINE && lines[0].ends_with("\u{fffd} [cut]"), "{}", lines[0].len());
        }
    }

    #[test]
    fn a_line_of_exactly_the_room_is_not_marked() {
        let room = MAX_LINE - CUT.len();
        assert_eq!(split(&vec![b'x'; room], 1000)[0].len(), room);
        assert!(split(&vec![b'x'; room + 1], 1000)[0].ends_with(CUT));
    }
}
