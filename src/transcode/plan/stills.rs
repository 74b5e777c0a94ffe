//! Still pictures: which frames are taken, and how they are written.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::choice::Choice;
use super::faults::Faults;
use super::picture::{self, Carries};
use super::span::{self, Spans, Want};
use super::tracks::Chosen;
use super::{
    Drafted, Found, HeldVideo, Holds, MOST_PIXELS, Make, Part, PartKind, Surroundings, ends, file_address,
    guarded_input, measure, muxer, no_encoder, words,
};
use crate::domain::decision::{Action, Decision};
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::Container;
use crate::domain::media::{MediaInfo, Stream, VideoFacts};
use crate::domain::output::{OutputSpec, Shape, StoryboardSpec, Times, VideoSpec};

/// The most frames of a film that are looked at to find one that isn't black.
const CANDIDATES: [u32; 8] = [10, 20, 30, 45, 60, 5, 80, 2];
/// What a film counts as that doesn't tell its length.
const UNKNOWN_LENGTH: Duration = Duration::from_mins(1);
/// The pixels of a frame that is looked at.
pub(in crate::transcode) const LOOK: (u32, u32) = (64, 36);

/// The times at which a picture may be taken that isn't black, the likeliest first.
pub(super) fn candidates(length: Option<Duration>) -> Vec<Duration> {
    match length {
        Some(length) => {
            let mut times: Vec<Duration> = CANDIDATES.iter().map(|percent| length * *percent / 100).collect();
            times.push(Duration::ZERO);
            times
        }
        // What lies beyond the end makes no picture.
        None => [3, 5, 10, 20, 40, 1, 0].map(Duration::from_secs).to_vec(),
    }
}

/// The interval of a storyboard.
pub(super) fn interval(spec: &StoryboardSpec, length: Option<Duration>) -> Duration {
    spec.every_ms.map_or_else(
        || {
            length.map_or(Duration::from_secs(5), |length| {
                (length / 100).clamp(Duration::from_secs(1), Duration::from_secs(10))
            })
        },
        Duration::from_millis,
    )
}

/// Sheets of small pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct Sheets {
    /// Pictures beside and below each other.
    pub(in crate::transcode) grid: (u32, u32),
    /// The pixels of a small picture.
    pub(in crate::transcode) size: (u32, u32),
    /// The time between two.
    pub(in crate::transcode) every: Duration,
}

/// Plans the pictures of one output.
pub(super) fn plan(found: Found<'_>, chosen: &Chosen<'_>, around: Surroundings<'_>, faults: &mut Faults) -> Drafted {
    let mut drafted = Drafted::default();
    if !around.encoders.makes_pictures(found.spec.container) {
        faults.note("/container", no_encoder(found.spec.container.name()));
    }
    // That there is one was checked where the streams were chosen.
    let Some((stream, facts)) = chosen.video else { return drafted };
    let Found { index, spec, spans, length, .. } = found;
    let taken = match &spec.shape {
        Shape::Thumbnails(times) => Taking { choice: thumbnails(times, facts, found), video: spec.video, grid: None },
        Shape::Storyboard(board) => {
            let video = VideoSpec { width: Some(board.width), height: None, upscale: true, ..spec.video };
            let every = interval(board, length);
            let choice = Choice::every(every, spans.offset(index), spans.limit(index));
            let grid = (board.columns, board.rows);
            let size = picture::fit(facts, &video);
            drafted.make = Some(Make::Storyboard(Sheets { grid, size, every }));
            Taking { choice, video, grid: Some(grid) }
        }
        _ => Taking { choice: one(found, around), video: spec.video, grid: None },
    };
    frames(&mut drafted.args, (stream, facts), &taken, spec.container);
    let size = picture::fit(facts, &taken.video);
    let field = if taken.grid.is_some() { "/storyboard" } else { "/video" };
    faults.take(field, fits(spec, size, taken.grid));
    let held = HeldVideo { size: Some(size), encoded: true, ..HeldVideo::default() };
    let holds = Holds { video: Some(held).filter(|held| held.size != Some((0, 0))), ..Holds::default() };
    let result = format!("{}, {}x{}", spec.container, size.0, size.1);
    drafted.decisions.push(Decision::of("video", Action::Capture, &taken.choice.reason).into(&result));
    if !spec.shape.is_folder() {
        let file = format!(".{index}.{}", spec.container);
        drafted.args.extend(words(&["-update", "1", "-f", "image2"]));
        drafted.args.push(file_address(&around.outputs.join(&file)));
        drafted.parts.push(Part { file, container: spec.container, kind: PartKind::Picture, holds });
        return drafted;
    }
    let (file, times) = (format!(".{index}"), format!(".{index}.times"));
    // A picture gets its name when it is finished, so that it may be kept where the job is stopped.
    drafted.args.extend(words(&["-atomic_writing", "1", "-f", "image2"]));
    drafted.args.push(file_address(&pattern(&around.outputs.join(&file), spec.container)));
    times_list(&mut drafted.args, stream, &taken.choice);
    drafted.args.push(file_address(&around.outputs.join(&times)));
    let kind = PartKind::Pictures { times, count: taken.choice.count.filter(|_| taken.choice.sure) };
    drafted.parts.push(Part { file, container: spec.container, kind, holds });
    drafted.make.get_or_insert(Make::Thumbnails);
    drafted
}

/// # Errors
/// Where a picture or a sheet has more pixels than its format holds, or than we would read ourselves.
fn fits(spec: &OutputSpec, (width, height): (u32, u32), grid: Option<(u32, u32)>) -> Result<(), Failure> {
    let (columns, rows) = grid.unwrap_or((1, 1));
    let (width, height) = (u64::from(width) * u64::from(columns), u64::from(height) * u64::from(rows));
    let (side, pixels) = (most_side(spec.container), u64::from(MOST_PIXELS));
    if width.max(height) <= side && width * height <= pixels {
        return Ok(());
    }
    let (what, hint) = match grid {
        Some(_) => ("a sheet", "fewer rows or columns, or a smaller width"),
        None => ("the picture", "a width or a height"),
    };
    let (name, container) = (&spec.name, spec.container);
    let side = if width.max(height) > side { format!("{side} a side") } else { format!("{pixels} in all") };
    let message = format!(
        "{name}: {what} would have {width}x{height} pixels, and {container} is made with up to {side}; ask for {hint}"
    );
    Err(Failure::new(FailureCode::EncoderUnavailable, message))
}

/// The most pixels that a picture can have beside or below each other.
const fn most_side(container: Container) -> u64 {
    match container {
        Container::Webp => 16_383,
        // The format holds 35 more, ffmpeg doesn't.
        _ => 65_500,
    }
}

/// Which frames are taken, and what becomes of them.
struct Taking {
    choice: Choice,
    video: VideoSpec,
    grid: Option<(u32, u32)>,
}

fn one(found: Found<'_>, around: Surroundings<'_>) -> Choice {
    let Found { index, spec, spans, .. } = found;
    if measure::is_unmeasured_poster(spec, around.measured) {
        return Choice::unmeasured();
    }
    Choice::one(spans.offset(index), format!("the picture at {:.3} s", spans.start(index).as_secs_f64()))
}

fn thumbnails(times: &Times, facts: &VideoFacts, found: Found<'_>) -> Choice {
    let Found { index, spans, .. } = found;
    let offset = spans.offset(index);
    match times {
        Times::EveryMs(ms) => Choice::every(Duration::from_millis(*ms), offset, spans.limit(index)),
        Times::AtMs(times) => at(times, found),
        Times::Count(count) => evenly(*count, facts, found),
    }
}

/// A frame for each of these milliseconds from the start of what the output takes; where several are of the last frame of
/// the film, there may be fewer.
fn at(times: &[u64], found: Found<'_>) -> Choice {
    let (offset, start) = (found.spans.offset(found.index), found.spans.start(found.index));
    let latest = ends::last_picture(found.info).map_or(Duration::MAX, |last| last.saturating_sub(start));
    let times: Vec<Duration> = times.iter().copied().map(Duration::from_millis).collect();
    let sure = times.last().is_none_or(|last| *last <= latest);
    let moments: Vec<Duration> = times.into_iter().map(|time| offset + time.min(latest)).collect();
    Choice::at(&moments, sure)
}

/// So many frames from all over the film; where it has hardly more, there may be fewer.
fn evenly(count: u32, facts: &VideoFacts, found: Found<'_>) -> Choice {
    let frame = facts.frame_rate.map_or(0.0, |rate| 1.0 / rate.per_second());
    let frame = Duration::try_from_secs_f64(frame).unwrap_or_default();
    let interval = found.length.unwrap_or(UNKNOWN_LENGTH) / count.max(1);
    // In the middle of equal parts: neither the black of the beginning nor that of the end. A film that doesn't tell its
    // length may be over before the middle of the first.
    let middle = found.length.map_or(Duration::ZERO, |_| interval / 2);
    // The frame that is shown at a time begins before it.
    let first = found.spans.offset(found.index) + middle.saturating_sub(frame);
    let plenty = found.exact && !frame.is_zero() && interval > frame * 2;
    Choice::evenly(count.into(), interval, first, plenty)
}

/// Options for the chosen frames, up to the muxer.
fn frames(args: &mut Vec<OsString>, (stream, facts): (&Stream, &VideoFacts), taking: &Taking, container: Container) {
    // Pictures that stand still have no rate.
    let video = VideoSpec { fps: None, max_fps: None, ..taking.video };
    let mut made = picture::picture(stream, facts, &video, Carries::default());
    made.choose(taking.choice.filter());
    let mut filters = made.filters;
    filters.extend(taking.grid.map(|(columns, rows)| format!("tile={columns}x{rows}")));
    args.extend(["-map".into(), format!("0:{}", stream.index).into()]);
    args.extend(words(&["-an", "-sn", "-dn", "-fps_mode", "vfr", "-map_metadata", "-1"]));
    args.extend(["-filter:v".into(), filters.join(",").into()]);
    args.extend(words(muxer::picture(container)));
    // With several, each frame would wait for those after it, or for the end of the film.
    args.extend(words(&["-threads", "1"]));
    if let Some(count) = taking.choice.count.filter(|_| taking.grid.is_none()) {
        args.extend(["-frames:v".into(), count.to_string().into()]);
    }
}

/// A second, tiny output that tells when each frame was taken, up to its file.
fn times_list(args: &mut Vec<OsString>, stream: &Stream, choice: &Choice) {
    args.extend(["-map".into(), format!("0:{}", stream.index).into()]);
    args.extend(words(&["-an", "-sn", "-dn", "-fps_mode", "vfr", "-enc_time_base", "1:1000"]));
    args.extend(["-filter:v".into(), format!("{},scale=16:16", choice.filter()).into()]);
    if let Some(count) = choice.count {
        args.extend(["-frames:v".into(), count.to_string().into()]);
    }
    // Each is told at once, whenever ffmpeg is stopped.
    args.extend(words(&["-c:v", "rawvideo", "-flush_packets", "1", "-f", "framecrc"]));
}

/// The numbered files in a folder, from 1 on. A percent sign in the folder's own path would be read as a pattern.
pub(in crate::transcode) fn pattern(folder: &Path, container: Container) -> PathBuf {
    let bytes = folder.as_os_str().as_bytes().iter().copied();
    let doubled = bytes.flat_map(|byte| std::iter::repeat_n(byte, if byte == b'%' { 2 } else { 1 }));
    PathBuf::from(OsString::from_vec(doubled.collect())).join(format!("%05d.{container}"))
}

/// Looks at the frames among which one that isn't black is chosen: every one makes a small grey picture.
pub(super) fn looks(info: &MediaInfo, times: &[Duration], around: Surroundings<'_>) -> Vec<OsString> {
    let Some((stream, _)) = info.video() else { return Vec::new() };
    let lead = span::lead(&info.container);
    let mut growing: Vec<(usize, Duration)> = times.iter().copied().enumerate().collect();
    growing.sort_by_key(|(_, time)| *time);
    let (mut inputs, mut pictures) = (Vec::new(), Vec::new());
    // What would be read twice for the lead is read once.
    for (input, near) in growing.chunk_by(|(_, one), (_, next)| next.saturating_sub(*one) < lead).enumerate() {
        let wants: Vec<Want> = near.iter().map(|(_, start)| Want { start: *start, ..Want::default() }).collect();
        let spans = Spans::of(&wants, lead);
        for read in &spans.reads {
            inputs.extend(guarded_input());
            inputs.extend(read.options());
            inputs.extend(["-i".into(), file_address(around.input)]);
        }
        for ((index, _), span) in near.iter().zip(&spans.outputs) {
            pictures.extend(["-map".into(), format!("{input}:{}", stream.index).into()]);
            pictures.extend(span.options());
            pictures.extend(look(&around.scratch.join(format!("look-{index}"))));
        }
    }
    inputs.extend(pictures);
    inputs
}

/// Options for one small grey picture.
fn look(file: &Path) -> Vec<OsString> {
    let (width, height) = LOOK;
    let mut args = words(&["-frames:v", "1", "-an", "-sn", "-dn", "-vf"]);
    args.push(format!("scale={width}:{height},format=gray").into());
    args.extend(words(&["-c:v", "rawvideo", "-f", "rawvideo"]));
    args.push(file_address(file));
    args
}

/// How good a small grey picture is for a poster: contrast, unless it is nearly black or white.
pub(in crate::transcode) fn score(pixels: &[u8]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a few thousand pixels")]
    let count = pixels.len().max(1) as f64;
    let mean = pixels.iter().map(|&pixel| f64::from(pixel)).sum::<f64>() / count;
    let variance = pixels.iter().map(|&pixel| (f64::from(pixel) - mean).powi(2)).sum::<f64>() / count;
    let contrast = variance.sqrt();
    if (40.0..=220.0).contains(&mean) { 1000.0 + contrast } else { contrast }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_worse_than_any_picture() {
        let black = [16; 100];
        let white = [235; 100];
        let dim: Vec<u8> = (0..100).map(|pixel| 30 + pixel).collect();
        let rich: Vec<u8> = (0..200).map(|pixel| 20 + pixel).collect();
        assert!(score(&rich) > score(&dim) && score(&dim) > score(&white) && score(&white) <= 1.0);
        assert!(score(&black) < 1.0 && score(&[]) < 1.0);
    }

    #[test]
    fn a_percent_sign_in_a_folder_is_no_pattern() {
        assert_eq!(pattern(Path::new("/a%b/.0"), Container::Jpg), Path::new("/a%%b/.0/%05d.jpg"));
    }
}
