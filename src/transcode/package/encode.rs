//! How ffmpeg has to write the files that are packaged.

use std::time::Duration;

/// What ffmpeg gets for the file of a video rendition, before its name. `-tag:v hvc1` has to be added for HEVC.
///
/// - `frag_keyframe`: a fragment begins at every key frame, so segments can be cut between any two.
/// - `delay_moov`: the head is written with the first fragment, when what it must say is known: the codec's own
///   configuration, which some encoders give with their first packet, and when the track begins.
/// - `default_base_moof`: fragments can be moved.
/// - `negative_cts_offsets`: the first frame is shown at its decode time. Without it the times of frames that are
///   reordered would all be some frames late, and an edit list would have to say so, which not every player believes.
///
/// `-flush_packets 1` hands each fragment to the kernel when it is whole. Else up to 256 KiB would stay in ffmpeg, which
/// is the last two or three fragments of a small rendition when it is killed. There is one write more for each fragment,
/// which can't be measured next to an encoder.
///
/// `skip_trailer` isn't there: the index at the end tells a finished file from one that only ends at a fragment's end.
pub(in crate::transcode) const VIDEO_MUXER: &[&str] = &[
    "-f",
    "mp4",
    "-movflags",
    "+frag_keyframe+delay_moov+default_base_moof+negative_cts_offsets",
    "-flush_packets",
    "1",
];

/// What ffmpeg gets for the file of an audio rendition, before its name.
///
/// A fragment is half a second long, so a segment ends within that of the video's. The samples before the beginning, which
/// only set the decoder going, are marked by an edit list, which every player knows.
pub(in crate::transcode) const AUDIO_MUXER: &[&str] =
    &["-f", "mp4", "-movflags", "+delay_moov+default_base_moof", "-frag_duration", "500000", "-flush_packets", "1"];

/// The options that put a key frame at the first frame at or after every multiple of `segment`, in every rendition.
///
/// After a gap in the pictures the multiples that were missed are passed over.
pub(in crate::transcode) fn force_key_frames(segment: Duration) -> [String; 2] {
    let seconds = segment.as_secs_f64();
    let expression =
        format!("expr:if(isnan(prev_forced_t),1,gte(t,(floor(prev_forced_t/{seconds}+0.001)+1)*{seconds}))");
    ["-force_key_frames".to_owned(), expression]
}
