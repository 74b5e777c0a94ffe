//! Which part of the input is read, and which part of that goes into each output.

use std::ffi::OsString;
use std::time::Duration;

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

/// What one output wants of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Want {
    /// Where it starts.
    pub(super) start: Duration,
    /// How long it is, where it doesn't last to the end.
    pub(super) length: Option<Duration>,
    /// Whether it shares what others read.
    pub(super) reading: Reading,
}

/// How an output comes to what it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reading {
    /// From what is decoded for all.
    #[default]
    Shared,
    /// The input is read and decoded for it alone: ffmpeg 9 doesn't move the times of text that is encoded to those of an
    /// output which begins later.
    Alone,
    /// The same, from the key frame before its start on, as the video is taken as it is.
    FromKeyFrame,
}

/// When the frames of a video are shown that come at a constant rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Grid {
    /// The first one, in seconds from the start of the file.
    pub(super) first: f64,
    /// Frames in a second.
    pub(super) rate: f64,
}

impl Grid {
    /// The first frame at `time` or later, seen from a moment before it.
    fn frame_from(self, time: Duration) -> Duration {
        let number = ((time.as_secs_f64() - self.first) * self.rate - 0.02).ceil().max(0.0);
        micros(self.first + number / self.rate - self.moment())
    }

    /// How many frames come before `time`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the frames of a film")]
    pub(super) fn frames_until(self, time: Duration) -> u64 {
        ((time.as_secs_f64() - self.first) * self.rate - 0.02).ceil().max(1.0) as u64
    }

    /// How long a moment is, in seconds: containers round the times of frames, Matroska to a thousandth.
    fn moment(self) -> f64 {
        (0.3 / self.rate).min(0.001_2)
    }
}

/// So many seconds to the microsecond, which is as exact as ffmpeg is.
fn micros(seconds: f64) -> Duration {
    Duration::try_from_secs_f64((seconds * 1e6).round() / 1e6).unwrap_or_default()
}

impl Want {
    /// The same from frame to frame: a start between two frames would show the first one twice, and an end between two
    /// would add one or not, as ffmpeg happens to round. It has at least one frame.
    pub(super) fn on(self, grid: Grid) -> Self {
        let start = if self.start.is_zero() { self.start } else { grid.frame_from(self.start) };
        let length = self.length.map(|length| {
            // ffmpeg counts it from the first frame on.
            let frames = grid.frame_from(self.start + length).saturating_sub(start).max(micros(1.0 / grid.rate));
            frames.saturating_sub(micros(grid.moment()))
        });
        Self { start, length, ..self }
    }
}

/// How the input is read, and what each output takes of that.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// Every way in which the input is read: first the one that is decoded, once for all outputs.
    pub(super) reads: Vec<Read>,
    /// One for each output.
    pub(super) outputs: Vec<Span>,
}

/// One way in which the input is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Nothing before it is read.
    pub(super) seek: Duration,
    /// How much is read, where that is bounded.
    length: Option<Duration>,
    /// Whether it begins at the key frame before.
    from_key_frame: bool,
}

/// What one output takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    /// Which of the reads it takes from.
    pub(super) read: usize,
    start: Duration,
    length: Option<Duration>,
}

impl Spans {
    /// Equal parts of all outputs become one exact seek in the input; different ones share the part that they can.
    /// With a `lead`, reading begins so much earlier, and every output cuts for itself. What copies a part of the video
    /// reads for itself: ffmpeg would have it begin at the next key frame after the start.
    pub(super) fn of(wants: &[Want], lead: Duration) -> Self {
        let joins = |want: &Want| match want.reading {
            Reading::Shared => true,
            Reading::Alone => !lead.is_zero(),
            Reading::FromKeyFrame => false,
        };
        let shared: Vec<Want> = wants.iter().filter(|want| joins(want)).copied().collect();
        let (read, mut spans) = share(&shared, lead);
        let mut reads: Vec<Read> = read.into_iter().collect();
        let mut outputs = Vec::new();
        for want in wants {
            if joins(want) {
                outputs.push(spans.remove(0));
                continue;
            }
            let own =
                Read { seek: want.start, length: want.length, from_key_frame: want.reading == Reading::FromKeyFrame };
            let place = reads.iter().position(|read| *read == own).unwrap_or(reads.len());
            if place == reads.len() {
                reads.push(own);
            }
            outputs.push(Span { read: place, ..Span::default() });
        }
        Self { reads, outputs }
    }

    /// How long output `index` will be, out of an input of this length.
    pub(super) fn length(&self, index: usize, input: Option<Duration>) -> Option<Duration> {
        let span = self.outputs[index];
        let left = input.map(|input| input.saturating_sub(self.start(index)));
        [left, span.length, self.reads[span.read].length].into_iter().flatten().min()
    }

    /// Where output `index` starts in the input.
    pub(super) fn start(&self, index: usize) -> Duration {
        let span = self.outputs[index];
        self.reads[span.read].seek + span.start
    }

    /// Where output `index` starts in what is read.
    pub(super) fn offset(&self, index: usize) -> Duration {
        self.outputs[index].start
    }

    /// How much output `index` takes at most, where that is bounded.
    pub(super) fn limit(&self, index: usize) -> Option<Duration> {
        let span = self.outputs[index];
        span.length.or(self.reads[span.read].length)
    }

    /// Whether output `index` begins at a key frame.
    pub(super) fn copies(&self, index: usize) -> bool {
        self.reads[self.outputs[index].read].from_key_frame
    }

    /// Whether output `index` is something else than all of the input.
    pub(super) fn trims(&self, index: usize) -> bool {
        !self.start(index).is_zero() || self.length(index, None).is_some()
    }
}

fn share(wants: &[Want], lead: Duration) -> (Option<Read>, Vec<Span>) {
    let Some(earliest) = wants.iter().map(|want| want.start).min() else { return (None, Vec::new()) };
    let seek = earliest.saturating_sub(lead);
    // No start is before the earliest one, and that not before where reading starts.
    let span = |want: &Want| Span { read: 0, start: want.start.saturating_sub(seek), length: want.length };
    let spans: Vec<Span> = wants.iter().map(span).collect();
    let same = spans.windows(2).all(|pair| pair[0] == pair[1]);
    if same && seek == earliest {
        let read = Read { seek, length: spans[0].length, from_key_frame: false };
        return (Some(read), vec![Span::default(); wants.len()]);
    }
    (Some(Read { seek, ..Read::default() }), spans)
}

impl Read {
    /// Options before the input.
    pub(super) fn options(self) -> Vec<OsString> {
        let mut options = options(self.seek, self.length);
        if self.seek.is_zero() && self.length.is_some() {
            // Without a start ffmpeg counts from the first frame of each stream, and some begin late.
            options.splice(0..0, ["-ss".into(), seconds(Duration::ZERO).into()]);
        }
        options
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
    let mut options = Vec::new();
    if !start.is_zero() {
        options.extend(["-ss".into(), seconds(start).into()]);
    }
    if let Some(length) = length {
        options.extend(["-t".into(), seconds(length).into()]);
    }
    options
}

/// A time as ffmpeg reads it, to the millisecond or, where it isn't a whole one, to the microsecond.
pub(super) fn seconds(time: Duration) -> String {
    match time.subsec_micros() % 1000 {
        0 => format!("{}.{:03}", time.as_secs(), time.subsec_millis()),
        _ => format!("{}.{:06}", time.as_secs(), time.subsec_micros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(trims: &[(Option<u64>, Option<u64>)]) -> Spans {
        spans_of("mov,mp4,m4a,3gp,3g2,mj2", trims)
    }

    fn spans_of(container: &str, trims: &[(Option<u64>, Option<u64>)]) -> Spans {
        let wants: Vec<Want> = trims.iter().map(|&(start, end)| want(start, end)).collect();
        Spans::of(&wants, lead(container))
    }

    fn want(start_ms: Option<u64>, end_ms: Option<u64>) -> Want {
        let start = Duration::from_millis(start_ms.unwrap_or(0));
        Want { start, length: end_ms.map(|end| Duration::from_millis(end).saturating_sub(start)), ..Want::default() }
    }

    fn words(options: &[OsString]) -> String {
        options.join(&OsString::from(" ")).into_string().unwrap()
    }

    #[test]
    fn equal_trims_become_one_seek_of_the_input() {
        let spans = spans(&[(Some(1500), Some(4000)), (Some(1500), Some(4000))]);
        assert_eq!(words(&spans.reads[0].options()), "-ss 1.500 -t 2.500");
        assert!(spans.outputs.iter().all(|span| span.options().is_empty()));
        assert_eq!(spans.length(1, Some(Duration::from_secs(3))), Some(Duration::from_millis(1500)));
        assert_eq!(spans.length(1, None), Some(Duration::from_millis(2500)));
    }

    #[test]
    fn different_trims_are_cut_from_what_all_need() {
        let spans = spans(&[(Some(2000), Some(3000)), (Some(5000), None)]);
        assert_eq!(words(&spans.reads[0].options()), "-ss 2.000");
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
            assert_eq!(words(&spans.reads[0].options()), input, "{container}");
            assert_eq!(words(&spans.outputs[0].options()), output, "{container}");
            assert_eq!(spans.start(0), Duration::from_millis(start_ms), "{container}");
            assert_eq!(
                spans.length(0, Some(Duration::from_secs(101))),
                Some(Duration::from_secs(1).max(Duration::from_millis(2000.min(101_000 - start_ms)))),
                "{container}"
            );
        }
        assert!(spans_of("mpegts", &[(None, None)]).reads[0].options().is_empty());
    }

    #[test]
    fn without_a_trim_everything_is_read() {
        let spans = spans(&[(None, None), (None, None)]);
        assert!(spans.reads[0].options().is_empty() && !spans.trims(0));
        assert_eq!(spans.length(0, Some(Duration::from_secs(6))), Some(Duration::from_secs(6)));
    }

    #[test]
    fn what_copies_a_part_reads_for_itself_from_the_key_frame_before() {
        let copy = Want { reading: Reading::FromKeyFrame, ..want(Some(3000), Some(4000)) };
        let spans = Spans::of(&[copy, want(None, None), copy], Duration::ZERO);
        assert_eq!(spans.outputs.iter().map(|span| span.read).collect::<Vec<_>>(), [1, 0, 1]);
        assert_eq!(words(&spans.reads[0].options()), "");
        assert_eq!(words(&spans.reads[1].options()), "-ss 3.000 -t 1.000");
        let text = Want { reading: Reading::Alone, ..copy };
        let apart = Spans::of(&[want(None, None), text, text], Duration::ZERO);
        assert_eq!(apart.outputs.iter().map(|span| span.read).collect::<Vec<_>>(), [0, 1, 1]);
        assert_eq!(words(&apart.reads[1].options()), "-ss 3.000 -t 1.000");
        assert!(apart.outputs[1].options().is_empty() && !apart.copies(1) && spans.copies(0));
        let alone = Spans::of(&[copy], Duration::from_secs(30));
        assert_eq!(words(&alone.reads[0].options()), "-ss 3.000 -t 1.000");
        assert_eq!(alone.start(0), Duration::from_secs(3));
    }

    #[test]
    fn a_part_begins_and_ends_with_frames() {
        let pal = Grid { first: 0.0, rate: 25.0 };
        let film = Grid { first: 0.021, rate: 24.0 };
        for (grid, start, end, options) in [
            (pal, 1500, 3000, "-ss 1.518800 -t 1.478800"),
            (pal, 1000, 3000, "-ss 0.998800 -t 1.998800"),
            (pal, 1010, 1020, "-ss 1.038800 -t 0.038800"),
            (pal, 0, 1010, "-t 1.037600"),
            (film, 2000, 3000, "-ss 2.019800 -t 0.998800"),
            (film, 2040, 2080, "-ss 2.061467 -t 0.040467"),
        ] {
            let want = want(Some(start), Some(end)).on(grid);
            assert_eq!(words(&super::options(want.start, want.length)), options, "{start} {end}");
        }
    }
}
