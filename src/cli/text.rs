//! How sizes, times and foreign texts are written for people.

use std::borrow::Cow;

/// `text` without control characters: what a server tells must not steer the terminal.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    // The marks for writing from right to left could make one name look like another.
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.contains(odd) {
        text.chars().map(|c| if odd(c) { '\u{fffd}' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

/// A size in bytes: `0 B`, `1.5 KiB`, `23 MiB`.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.
    while value >= 1023.5 {
        value /= 1024.0;
        unit += 1;
    }
    if value < 9.95 { format!("{value:.1} {}", UNITS[unit]) } else { format!("{value:.0} {}", UNITS[unit]) }
}

/// A span of time in a few characters: `0.4 s`, `12 s`, `3:05`, `1:02:03`.
pub(super) fn span(millis: u64) -> String {
    let seconds = (millis + 500) / 1000;
    match seconds {
        _ if millis < 9950 => format!("{}.{} s", (millis + 50) / 1000, (millis + 50) % 1000 / 100),
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

/// A rate in bits per second: `128 kbit/s`, `2.4 Mbit/s`.
pub(super) fn bitrate(bps: u64) -> String {
    if bps < 1_000_000 {
        format!("{} kbit/s", (bps + 500) / 1000)
    } else {
        format!("{}.{} Mbit/s", (bps + 50_000) / 1_000_000, (bps + 50_000) % 1_000_000 / 100_000)
    }
}

/// A table with two spaces between the columns; the last column is not padded.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_two_or_three_digits() {
        let sizes = [0, 1023, 1024, 1536, 10 * 1024, 1_048_575, 5 << 20, 3 << 40, u64::MAX].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "10 KiB", "1.0 MiB", "5.0 MiB", "3.0 TiB", "16 EiB"]);
    }

    #[test]
    fn spans_read_like_a_clock() {
        let spans = [0, 420, 9949, 9950, 59_499, 59_500, 185_000, 3_723_000].map(span);
        assert_eq!(spans, ["0.0 s", "0.4 s", "9.9 s", "10 s", "59 s", "1:00", "3:05", "1:02:03"]);
    }

    #[test]
    fn rates_are_in_thousands() {
        assert_eq!([128_000, 999_499, 2_449_000].map(bitrate), ["128 kbit/s", "999 kbit/s", "2.4 Mbit/s"]);
    }

    #[test]
    fn foreign_texts_lose_what_steers_a_terminal() {
        assert_eq!(plain("a\u{1b}[31m\nb\u{202e}c"), "a\u{fffd}[31m\u{fffd}b\u{fffd}c");
        assert!(matches!(plain("Grüße 1×2"), Cow::Borrowed(_)));
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "bb".into()], vec!["ccc".into(), "d".into()], vec!["e".into()]];
        assert_eq!(table(&rows), "a    bb\nccc  d\ne\n");
    }
}
