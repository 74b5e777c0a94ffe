//! How ffmpeg has to write the files that are packaged.

use std::time::Duration;

use crate::domain::media::FrameRate;

/// What ffmpeg gets for the file of a video rendition, before its name.
///
/// - `frag_keyframe`: a fragment begins at every key frame, so segments can be cut between any two.
/// - `delay_moov`: the head is written with the first fragment, when what it must say is known: the codec's own
///   configuration, which some encoders give with their first packet, and when the track begins.
/// - `default_base_moof`: fragments can be moved.
///
/// Frames that are reordered are decoded before they are shown, so all are some frames late by their own times; the
/// edit list takes that back. `negative_cts_offsets` (a part of `cmaf`) would do without, and browsers play that; but
/// what reads it with ffmpeg shows the picture two frames late. `skip_trailer` isn't there because the index at the end
/// tells a finished file from one that only ends where a fragment does.
///
/// `-flush_packets 1` hands each fragment to the kernel when it is whole. Else up to 256 KiB would stay in ffmpeg,
/// which are the last two or three fragments of a small rendition when it is killed. It costs a write for each
/// fragment, which can't be measured next to an encoder.
///
/// Chapters and time codes of the input would become tracks of their own; a rendition has one.
///
/// What the encoder needs besides, see [`force_key_frames`].
pub(in crate::transcode) const VIDEO_MUXER: &[&str] = &[
    "-map_metadata",
    "-1",
    "-map_chapters",
    "-1",
    "-write_tmcd",
    "0",
    "-f",
    "mp4",
    "-movflags",
    "+frag_keyframe+delay_moov+default_base_moof",
    "-flush_packets",
    "1",
];

/// What ffmpeg gets for the file of an audio rendition, before its name.
///
/// A fragment is half a second long, so a segment ends within that of the video's. The samples before the beginning,
/// which only set the decoder going, are marked by an edit list, which every player knows.
pub(in crate::transcode) const AUDIO_MUXER: &[&str] = &[
    "-map_metadata",
    "-1",
    "-map_chapters",
    "-1",
    "-write_tmcd",
    "0",
    "-f",
    "mp4",
    "-movflags",
    "+delay_moov+default_base_moof",
    "-frag_duration",
    "500000",
    "-flush_packets",
    "1",
];

/// The options that put a key frame at the first frame at or after every multiple of `segment`, in every rendition.
///
/// After a gap in the pictures the multiples that were missed are passed over. Besides:
///
/// - `libx265` needs `-x265-params open-gop=0`: else frames before a key frame need those before it, and a player that
///   changes renditions there shows damage; and `-tag:v hvc1`, without which Apple's players don't take it.
/// - `libsvtav1` before version 2 forces nothing; see [`fixed_key_frames`].
pub(in crate::transcode) fn force_key_frames(segment: Duration) -> [String; 2] {
    let seconds = segment.as_secs_f64();
    let expression =
        format!("expr:if(isnan(prev_forced_t),1,gte(t,(floor(prev_forced_t/{seconds}+0.001)+1)*{seconds}))");
    ["-force_key_frames".to_owned(), expression]
}

/// The option that puts a key frame at every so many frames, for an encoder that can't be forced.
///
/// The number is rounded up, so that none comes before its multiple of `segment`. Pictures whose rate varies get key
/// frames at times that vary; all renditions have them at the same ones.
pub(in crate::transcode) fn fixed_key_frames(segment: Duration, rate: FrameRate) -> [String; 2] {
    let frames = segment.as_nanos() * u128::from(rate.numerator);
    let frames = frames.div_ceil(u128::from(rate.denominator.max(1)) * 1_000_000_000).max(1);
    ["-g".to_owned(), frames.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_fixed_key_frame_comes_too_early() {
        for (rate, millis, frames) in
            [((25, 1), 2000, "50"), ((24_000, 1001), 2000, "48"), ((30_000, 1001), 4000, "120")]
        {
            let rate = FrameRate::new(rate.0, rate.1).unwrap();
            assert_eq!(fixed_key_frames(Duration::from_millis(millis), rate), ["-g", frames]);
        }
    }
}
