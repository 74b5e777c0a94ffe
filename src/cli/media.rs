//! Facts about media in a line or a table; `transcoded probe`.

use super::args::Probe;
use super::client::Client;
use super::error::Error;
use super::outcome::Outcome;
use super::print::print;
use super::text::{bitrate, plain, size, span, table};
use crate::domain::media::{MediaInfo, MediaSummary, Stream, StreamKind};

/// Shows what is in an input.
pub(super) async fn probe(client: &Client, args: &Probe) -> Result<Outcome, Error> {
    let info = client.probe(&args.input).await?;
    // Numbers and strings can always be written as JSON.
    print(&if args.json { serde_json::to_string(&info).unwrap_or_default() + "\n" } else { facts(&info) })?;
    Ok(Outcome::Done)
}

/// A finished output's facts: `mp4, 5.1 s, h264 1280×720 25 fps, aac 2 channels 48 kHz`.
pub(super) fn summary(media: &MediaSummary) -> String {
    let mut parts = vec![plain(&media.container).into_owned()];
    parts.extend(media.duration_ms.map(span));
    parts.extend(media.video.as_ref().map(|video| {
        let rate = video.fps.map(|fps| format!(" {fps} fps")).unwrap_or_default();
        format!("{} {}×{}{rate}", plain(&video.codec), video.width, video.height)
    }));
    parts.extend(media.audio.as_ref().map(|audio| {
        format!("{} {} {}", plain(&audio.codec), channels(audio.channels), kilohertz(audio.sample_rate_hz))
    }));
    parts.join(", ")
}

/// What is in a file, stream by stream.
pub(super) fn facts(info: &MediaInfo) -> String {
    let mut head = vec![plain(&info.container).into_owned()];
    head.extend(info.duration_ms.map(span));
    head.extend(info.size_bytes.map(size));
    head.extend(info.bitrate_bps.map(bitrate));
    let rows: Vec<_> = info.streams.iter().map(row).collect();
    format!("{}\n{}", head.join(", "), table(&rows))
}

fn row(stream: &Stream) -> Vec<String> {
    let (kind, facts) = match &stream.kind {
        StreamKind::Video(video) => {
            let mut facts = vec![format!("{}×{}", video.width, video.height)];
            facts.extend(video.frame_rate.map(|rate| format!("{} fps", (rate.per_second() * 1000.0).round() / 1000.0)));
            facts.extend(video.bit_depth.filter(|depth| *depth != 8).map(|depth| format!("{depth} bits")));
            facts.extend((video.rotation != 0).then(|| format!("turned {}°", video.rotation)));
            (if video.attached_picture { "picture" } else { "video" }, facts)
        }
        StreamKind::Audio(audio) => {
            let layout = audio.channel_layout.as_deref().map(|layout| plain(layout).into_owned());
            let layout = layout.unwrap_or_else(|| channels(audio.channels));
            ("audio", vec![layout, kilohertz(audio.sample_rate_hz)])
        }
        StreamKind::Subtitle => ("subtitle", Vec::new()),
        StreamKind::Other => ("other", Vec::new()),
    };
    let mut facts = facts;
    facts.extend(stream.bitrate_bps.map(bitrate));
    facts.extend(stream.language.as_deref().map(|language| plain(language).into_owned()));
    facts.extend(stream.default.then(|| "default".to_owned()));
    vec![format!("  {}", stream.index), kind.to_owned(), plain(&stream.codec).into_owned(), facts.join(", ")]
}

fn channels(count: u32) -> String {
    match count {
        1 => "1 channel".to_owned(),
        count => format!("{count} channels"),
    }
}

fn kilohertz(hertz: u32) -> String {
    format!("{} kHz", f64::from(hertz) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_summed_up_in_a_line() {
        let media: MediaSummary = serde_json::from_str(
            r#"{"container": "mp4", "duration_ms": 5120, "video": {"codec": "h264", "width": 1280, "height": 720, "fps": 29.97},
                "audio": {"codec": "aac", "channels": 2, "sample_rate_hz": 44100}}"#,
        )
        .unwrap();
        assert_eq!(summary(&media), "mp4, 5.1 s, h264 1280×720 29.97 fps, aac 2 channels 44.1 kHz");
        let media: MediaSummary =
            serde_json::from_str(r#"{"container": "ogg", "duration_ms": null, "video": null, "audio": null}"#).unwrap();
        assert_eq!(summary(&media), "ogg");
    }

    #[test]
    fn an_input_is_shown_stream_by_stream() {
        let info: MediaInfo = serde_json::from_str(
            r#"{"container": "matroska,webm", "duration_ms": 125000, "start_ms": 0, "size_bytes": 2500000, "bitrate_bps": 160000,
                "streams": [
                  {"index": 0, "codec": "hevc", "profile": null, "language": null, "duration_ms": null, "bitrate_bps": null, "default": true,
                   "type": "video", "width": 1920, "height": 1080, "frame_rate": {"numerator": 30000, "denominator": 1001},
                   "rotation": 90, "pixel_format": "yuv420p10le", "bit_depth": 10, "attached_picture": false},
                  {"index": 1, "codec": "ac3", "profile": null, "language": "eng", "duration_ms": null, "bitrate_bps": 448000, "default": false,
                   "type": "audio", "channels": 6, "channel_layout": "5.1", "sample_rate_hz": 48000, "bit_depth": null}]}"#,
        )
        .unwrap();
        assert_eq!(
            facts(&info),
            "matroska,webm, 2:05, 2.4 MiB, 160 kbit/s\n  \
             0  video  hevc  1920×1080, 29.97 fps, 10 bits, turned 90°, default\n  \
             1  audio  ac3   5.1, 48 kHz, 448 kbit/s, eng\n"
        );
    }
}
