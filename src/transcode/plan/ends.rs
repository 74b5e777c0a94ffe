//! Whether what is asked of an input comes before its end.

use std::time::Duration;

use super::faults::Faults;
use super::length::tells_its_length;
use super::tracks::Chosen;
use crate::domain::failure::{Failure, FailureCode};
use crate::domain::media::{MediaInfo, Stream};
use crate::domain::output::{OutputSpec, Shape, Times};

/// What begins so much after the others begins late.
const LATE: Duration = Duration::from_millis(50);
/// Reading begins less than this before the first frame that is wanted.
const A_MOMENT: Duration = Duration::from_millis(2);

/// Notes where the output starts, or one of its pictures is to be taken, when the input has ended for sure. `first` is when
/// the first frame from `start` on is shown.
pub(super) fn in_time(
    spec: &OutputSpec,
    (start, first): (Duration, Duration),
    info: &MediaInfo,
    chosen: &Chosen<'_>,
    faults: &mut Faults,
) {
    let Some(end) = end(info, chosen) else { return };
    let mut check = |moment: Duration, field: &str, does: &str, what: &str| {
        if moment >= end || (moment == start && first + A_MOMENT >= end) {
            let (name, moment, end) = (&spec.name, moment.as_secs_f64(), end.as_secs_f64());
            let message = format!("{name} {does} {moment:.3} s, but the {what} ends at {end:.3} s");
            faults.note(field, Failure::new(FailureCode::TrimBeyondEnd, message));
        }
    };
    match &spec.shape {
        Shape::Thumbnails(Times::AtMs(times)) => {
            for (index, ms) in times.iter().enumerate() {
                let (moment, field) = (start + Duration::from_millis(*ms), format!("/thumbnails/at_ms/{index}"));
                check(moment, &field, "needs a picture at", "input's video");
            }
        }
        Shape::Picture(picture) => {
            let field = if picture.at_ms.is_some() { "/picture/at_ms" } else { "/trim/start_ms" };
            check(start, field, "needs the picture at", "input's video");
        }
        _ => check(start, "/trim/start_ms", "starts at", "input"),
    }
}

/// When all chosen streams have ended, where the input tells: it may be earlier, but not later.
fn end(info: &MediaInfo, chosen: &Chosen<'_>) -> Option<Duration> {
    if !tells_its_length(&info.container) {
        return None;
    }
    let ends: Option<Vec<Duration>> = chosen
        .streams()
        .map(|stream| Some(begin(stream, info).unwrap_or_default() + Duration::from_millis(stream.duration_ms?)))
        .collect();
    ends.and_then(|ends| ends.into_iter().max()).or(info.duration_ms.map(Duration::from_millis))
}

/// A moment just before the last picture of the input's video is shown, where it tells; at later times there is none.
pub(super) fn last_picture(info: &MediaInfo) -> Option<Duration> {
    let (stream, facts) = info.video().filter(|(_, facts)| facts.constant_rate)?;
    let frame = Duration::try_from_secs_f64(1.5 / facts.frame_rate?.per_second()).ok()?;
    let end = begin(stream, info)? + Duration::from_millis(stream.own_ms?);
    Some(end.saturating_sub(frame))
}

/// Whether all chosen streams begin clearly after `start`.
pub(super) fn all_begin_after(start: Duration, info: &MediaInfo, chosen: &Chosen<'_>) -> bool {
    chosen.streams().all(|stream| begin(stream, info).is_some_and(|begin| begin > start + LATE))
}

/// When a stream begins, from the start of the input on.
pub(super) fn begin(stream: &Stream, info: &MediaInfo) -> Option<Duration> {
    u64::try_from(stream.start_us? - info.start_us?).ok().map(Duration::from_micros)
}
