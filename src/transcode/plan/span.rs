//! Which part of the input is read, and which part of that goes into each output.

use std::ffi::OsString;
use std::time::Duration;

use crate::domain::output::Trim;

/// How far ahead of a trim's start reading begins where ffmpeg doesn't find the key frame before it by itself.
const LEAD: Duration = Duration::from_secs(30);

/// How far ahead of a trim's start an input of this container must be read.
///
/// In a transport or program stream ffmpeg goes to the time alone, and everything up to the next key frame is lost; in
/// raw video it finds nothing at all, as there are no times.
pub(super) fn lead(container: &str) -> Duration {
    match container {
        "h264" | "hevc" | "obu" | "av1" | "vc1" => Duration::MAX,
        "mpegts" | "mpeg" => LEAD,
        _ => Duration::ZERO,
    }
}

/// Where reading starts, how much is read, and what each output takes of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// The earliest start of all outputs, less the lead: nothing before it is read.
    pub(super) seek: Duration,
    /// How much is read, where all outputs take the same.
    pub(super) read: Option<Duration>,
    /// One for each output, counted from `seek`.
    pub(super) outputs: Vec<Span>,
}

/// What one output takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: Duration,
    length: Option<Duration>,
}

impl Spans {
    /// Equal trims of all outputs become one exact seek in the input; different ones share the part that they can.
    /// With a `lead`, reading begins so much earlier, and every output cuts for itself.
    pub(super) fn of(trims: &[Trim], lead: Duration) -> Self {
        let starts = trims.iter().map(|trim| Duration::from_millis(trim.start_ms.unwrap_or(0)));
        let earliest = starts.clone().min().unwrap_or_default();
        let seek = earliest.saturating_sub(lead);
        let spans: Vec<Span> = trims
            .iter()
            .zip(starts)
            .map(|(trim, start)| Span {
                // No start is before the earliest one, and that not before where reading starts.
                start: start.saturating_sub(seek),
                length: trim.end_ms.map(|end| Duration::from_millis(end).saturating_sub(start)),
            })
            .collect();
        let same = spans.windows(2).all(|pair| pair[0] == pair[1]);
        match spans.first() {
            Some(first) if same && seek == earliest => {
                Self { seek, read: first.length, outputs: vec![Span::default(); trims.len()] }
            }
            _ => Self { seek, read: None, outputs: spans },
        }
    }

    /// Options before the input.
    pub(super) fn input_options(&self) -> Vec<OsString> {
        options(self.seek, self.read)
    }

    /// How long output `index` will be, out of an input of this length.
    pub(super) fn length(&self, index: usize, input: Option<Duration>) -> Option<Duration> {
        let span = self.outputs.get(index).copied().unwrap_or_default();
        let left = input.map(|input| input.saturating_sub(self.seek + span.start));
        [left, span.length, self.read].into_iter().flatten().min()
    }

    /// Where output `index` starts in the input.
    pub(super) fn start(&self, index: usize) -> Duration {
        self.seek + self.outputs.get(index).copied().unwrap_or_default().start
    }

    /// Where output `index` starts in what is read.
    pub(super) fn offset(&self, index: usize) -> Duration {
        self.outputs.get(index).copied().unwrap_or_default().start
    }

    /// How much output `index` takes at most, where that is bounded.
    pub(super) fn limit(&self, index: usize) -> Option<Duration> {
        self.outputs.get(index).copied().unwrap_or_default().length.or(self.read)
    }

    /// Whether output `index` is something else than all of the input.
    pub(super) fn trims(&self, index: usize) -> bool {
        !self.start(index).is_zero() || self.length(index, None).is_some()
    }
}

impl Span {
    /// Options before the output.
    pub(super) fn options(self) -> Vec<OsString> {
        options(self.start, self.length)
    }
}

/// `-ss` and `-t`, where they are needed.
pub(super) fn options(start: Duration, length: Option<Duration>) -> Vec<OsString> {
    let seconds = |time: Duration| OsString::from(format!("{}.{:03}", time.as_secs(), time.subsec_millis()));
    let mut options = Vec::new();
    if !start.is_zero() {
        options.extend(["-ss".into(), seconds(start)]);
    }
    if let Some(length) = length {
        options.extend(["-t".into(), seconds(length)]);
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(trims: &[(Option<u64>, Option<u64>)]) -> Spans {
        spans_of("mov,mp4,m4a,3gp,3g2,mj2", trims)
    }

    fn spans_of(container: &str, trims: &[(Option<u64>, Option<u64>)]) -> Spans {
        let trims: Vec<Trim> = trims.iter().map(|&(start_ms, end_ms)| Trim { start_ms, end_ms, mode: None }).collect();
        Spans::of(&trims, lead(container))
    }

    fn words(options: &[OsString]) -> String {
        options.join(&OsString::from(" ")).into_string().unwrap()
    }

    #[test]
    fn equal_trims_become_one_seek_of_the_input() {
        let spans = spans(&[(Some(1500), Some(4000)), (Some(1500), Some(4000))]);
        assert_eq!(words(&spans.input_options()), "-ss 1.500 -t 2.500");
        assert!(spans.outputs.iter().all(|span| span.options().is_empty()));
        assert_eq!(spans.length(1, Some(Duration::from_secs(3))), Some(Duration::from_millis(1500)));
        assert_eq!(spans.length(1, None), Some(Duration::from_millis(2500)));
    }

    #[test]
    fn different_trims_are_cut_from_what_all_need() {
        let spans = spans(&[(Some(2000), Some(3000)), (Some(5000), None)]);
        assert_eq!(words(&spans.input_options()), "-ss 2.000");
        assert_eq!(words(&spans.outputs[0].options()), "-t 1.000");
        assert_eq!(words(&spans.outputs[1].options()), "-ss 3.000");
        assert_eq!(spans.length(1, Some(Duration::from_secs(6))), Some(Duration::from_secs(1)));
        assert_eq!(spans.start(1), Duration::from_secs(5));
    }

    #[test]
    fn containers_without_an_index_are_read_from_before_the_start() {
        for (container, start_ms, input, output) in [
            ("mpegts", 100_000, "-ss 70.000", "-ss 30.000 -t 2.000"),
            ("mpeg", 10_000, "", "-ss 10.000 -t 2.000"),
            ("h264", 100_000, "", "-ss 100.000 -t 2.000"),
            ("matroska,webm", 100_000, "-ss 100.000 -t 2.000", ""),
        ] {
            let spans = spans_of(container, &[(Some(start_ms), Some(start_ms + 2000))]);
            assert_eq!(words(&spans.input_options()), input, "{container}");
            assert_eq!(words(&spans.outputs[0].options()), output, "{container}");
            assert_eq!(spans.start(0), Duration::from_millis(start_ms), "{container}");
            assert_eq!(
                spans.length(0, Some(Duration::from_secs(101))),
                Some(Duration::from_secs(1).max(Duration::from_millis(2000.min(101_000 - start_ms)))),
                "{container}"
            );
        }
        assert!(spans_of("mpegts", &[(None, None)]).input_options().is_empty());
    }

    #[test]
    fn without_a_trim_everything_is_read() {
        let spans = spans(&[(None, None), (None, None)]);
        assert!(spans.input_options().is_empty() && !spans.trims(0));
        assert_eq!(spans.length(0, Some(Duration::from_secs(6))), Some(Duration::from_secs(6)));
    }
}
