//! What an output must be, worked out from the input's facts and the preset alone.

use std::path::Path;

use serde_json::Value;

use super::read::{self, Decoded};
use crate::harness::{Facts, Source, Trouble};

/// One output of a job that has succeeded, and all that is known of it.
pub(super) struct Case<'a> {
    pub(super) source: &'a Source,
    pub(super) input: &'a Path,
    pub(super) preset: &'a Value,
    /// Its part of the plan's answer.
    pub(super) planned: &'a Value,
}

impl Case<'_> {
    fn facts(&self) -> &Facts {
        &self.source.facts
    }

    fn damaged(&self) -> bool {
        self.facts().trouble == Some(Trouble::Damaged)
    }

    fn copies(&self, stream: &str) -> bool {
        let decisions = self.planned["decisions"].as_array().into_iter().flatten();
        decisions.filter(|decision| decision["action"] == "copy").any(|decision| decision["stream"] == stream)
    }

    /// The size in which players show the input.
    fn shown(&self) -> (f64, f64) {
        let (width, height) = (f64::from(self.facts().size.0), f64::from(self.facts().size.1));
        let (above, below) = self.facts().pixel_aspect.unwrap_or((1, 1));
        let width = width * f64::from(above) / f64::from(below);
        if self.facts().rotation % 180 == 90 { (height, width) } else { (width, height) }
    }

    /// What is wrong with a file of sound and moving pictures.
    pub(super) fn check_file(&self, path: &Path, holds: &Value) -> Vec<String> {
        let found = match read::probe(path) {
            Ok(found) => found,
            Err(why) => return vec![why],
        };
        let decoded = read::decode(path);
        let mut wrong = self.wrong_streams(&found, holds);
        wrong.extend(self.wrong_duration(&found, &decoded));
        if !decoded.complaints.is_empty() && !self.may_complain(&decoded) {
            wrong.push(format!("decoding it, ffmpeg says: {}", decoded.complaints));
        }
        if !holds["video"].is_null() {
            wrong.extend(self.wrong_look(path));
        }
        if holds["audio"][0].is_object() && !self.facts().silent && !self.damaged() {
            wrong.extend(wrong_loudness(path));
        }
        wrong
    }

    /// What is copied is as good as it was.
    pub(super) fn may_complain(&self, decoded: &Decoded) -> bool {
        let untimely = self.facts().trouble == Some(Trouble::Untimely) && decoded.complaints.contains("increasing dts");
        untimely || self.damaged() && (self.copies("video") || self.copies("audio"))
    }

    fn wrong_streams(&self, found: &Value, holds: &Value) -> Vec<String> {
        let of = |kind: &str| -> Vec<&Value> {
            let streams = found["streams"].as_array().into_iter().flatten();
            streams.filter(|stream| stream["codec_type"] == kind).collect()
        };
        let mut wrong = Vec::new();
        let videos = of("video");
        match (holds["video"].is_null(), videos.as_slice()) {
            (true, []) => {}
            (false, [video]) => wrong.extend(self.wrong_video(video, &holds["video"])),
            (_, videos) => wrong.push(format!("it has {} videos, planned: {}", videos.len(), holds["video"])),
        }
        let sounds: Vec<Value> = of("audio").iter().map(|sound| codec_and_channels(sound, "codec_name")).collect();
        let planned = holds["audio"].as_array().into_iter().flatten();
        let planned: Vec<Value> = planned.map(|sound| codec_and_channels(sound, "codec")).collect();
        if sounds != planned {
            wrong.push(format!("its sounds are {sounds:?}, planned: {planned:?}"));
        }
        let subtitles = of("subtitle").len();
        if holds["subtitle_tracks"].as_u64() != u64::try_from(subtitles).ok() {
            wrong.push(format!("it has {subtitles} subtitles, planned: {}", holds["subtitle_tracks"]));
        }
        wrong
    }

    fn wrong_video(&self, video: &Value, holds: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |what: &str, holds: bool, found: &Value| {
            if !holds {
                wrong.push(format!("its {what} is {found}"));
            }
        };
        expect("codec", video["codec_name"] == holds["codec"], &video["codec_name"]);
        for side in ["width", "height"] {
            expect(side, video[side] == holds[side], &video[side]);
        }
        let rate = self.facts().fps.filter(|_| !self.damaged() && self.facts().trouble.is_none());
        let planned = holds["fps"].as_f64();
        let near = |one: f64, other: f64| (one - other).abs() < one * 0.01;
        expect("planned rate", rate.zip(planned).is_none_or(|(rate, planned)| near(rate, planned)), &holds["fps"]);
        if self.copies("video") {
            return wrong;
        }
        expect(
            "pixels",
            matches!(video["sample_aspect_ratio"].as_str(), None | Some("1:1" | "0:1")),
            &video["sample_aspect_ratio"],
        );
        expect("turn", video["side_data_list"][0]["rotation"].as_f64().unwrap_or(0.0) == 0.0, &video["side_data_list"]);
        expect("format", matches!(video["pix_fmt"].as_str(), Some("yuv420p" | "yuv420p10le")), &video["pix_fmt"]);
        let mapped = video["color_transfer"] != "smpte2084" && video["color_transfer"] != "arib-std-b67";
        let hdr = self.facts().transfer.is_some() && video["pix_fmt"] == "yuv420p10le";
        expect("transfer", mapped != hdr, &video["color_transfer"]);
        expect(
            "fields",
            matches!(video["field_order"].as_str(), None | Some("progressive" | "unknown")),
            &video["field_order"],
        );
        wrong.extend(self.wrong_size((&video["width"], &video["height"])));
        wrong
    }

    /// Upright, square, even, and as large as the preset lets it be.
    pub(super) fn wrong_size(&self, (width, height): (&Value, &Value)) -> Option<String> {
        let (width, height) = (width.as_f64()?, height.as_f64()?);
        let (shown_width, shown_height) = self.shown();
        let most = |side: &str| self.preset["video"][side].as_f64().unwrap_or(f64::MAX);
        let zoom = (most("width") / shown_width).min(most("height") / shown_height).min(1.0);
        let near = |found: f64, exact: f64| (found - exact).abs() <= 2.0 && found % 2.0 == 0.0;
        let right = near(width, shown_width * zoom) && near(height, shown_height * zoom);
        // A picture below two pixels is made two pixels high, and the packages' smaller renditions are in the plan.
        let package = self.preset["package"].is_object() && width <= shown_width;
        (!right && !package).then(|| format!("{width}x{height} is made of {shown_width}x{shown_height}"))
    }

    pub(super) fn wrong_look(&self, path: &Path) -> Option<String> {
        // In few pixels there is nothing to see.
        if self.facts().trouble.is_some() || self.facts().size.0 < 16 {
            return None;
        }
        let upright = read::look_turned(self.input, self.facts().rotation).expect("the input has a picture");
        let Some(found) = read::look(path) else { return Some("it has no picture".to_owned()) };
        if self.preset["name"] == "poster" && read::is_plain(&found) {
            return Some("there is nothing to see in it".to_owned());
        }
        if read::is_plain(&upright) {
            return None;
        }
        let likeness = read::likeness(&upright, &found);
        (likeness < 0.6).then(|| format!("it doesn't look like the input ({likeness:.2})"))
    }

    fn wrong_duration(&self, found: &Value, decoded: &Decoded) -> Vec<String> {
        let told = found["format"]["duration"].as_str().and_then(|text| text.parse::<f64>().ok());
        let told = told.map_or(0.0, |seconds| seconds * 1000.0);
        let frame = self.facts().fps.map_or(0.0, |fps| 2000.0 / fps);
        let slack = frame.max(150.0);
        let lasts = decoded.millis;
        let mut wrong = Vec::new();
        // Some tell when they end, others how long they are; at 8 kHz the lead of mp3 alone is a seventh of a second.
        let start =
            found["format"]["start_time"].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0) * 1000.0;
        let near = |told: f64| (told - lasts).abs() <= slack.max(200.0);
        if !near(told) && !near(told - start) && !self.damaged() {
            wrong.push(format!("it says that it lasts {told:.0} ms, and lasts {lasts:.0}"));
        }
        if self.facts().trouble.is_none() {
            let planned = self.planned["duration_ms"]
                .as_f64()
                .filter(|_| self.facts().really.is_none() && !self.is_one_of_uneven());
            let whole = self.whole();
            for (what, expected) in [("planned", planned), ("in the input", whole)] {
                if let Some(expected) = expected.filter(|expected| (lasts - expected).abs() > slack) {
                    wrong.push(format!("it lasts {lasts:.0} ms; {what}: {expected:.0}"));
                }
            }
        }
        wrong
    }

    /// How long the output must be; none where it holds only some of the input's streams, whose lengths differ.
    fn whole(&self) -> Option<f64> {
        let millis = self.facts().really.or(self.facts().millis).filter(|_| !self.facts().uneven)?;
        u32::try_from(millis).ok().map(f64::from)
    }

    /// A rendition of a package is as long as its own stream, and the plan tells of the longest.
    fn is_one_of_uneven(&self) -> bool {
        self.facts().uneven && self.preset["package"].is_object()
    }
}

fn codec_and_channels(sound: &Value, codec: &str) -> Value {
    serde_json::json!([sound[codec], sound["channels"]])
}

fn wrong_loudness(path: &Path) -> Option<String> {
    match read::loudness(path) {
        Some(loudness) if loudness > -45.0 => None,
        Some(loudness) => Some(format!("its sound is at {loudness} dB")),
        None => Some("its sound can't be measured".to_owned()),
    }
}
