//! What must come of a plan: the outputs, the files that ffmpeg writes for them, and what those must hold.

use std::time::Duration;

use super::length::Length;
use super::package::Track;
use super::stills::Sheets;
use crate::domain::decision::Decision;
use crate::domain::format::Container;
use crate::domain::media::FrameRate;
use crate::domain::output::{OutputSpec, PackageSpec, Shape, Times};

/// One output.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) struct Planned {
    /// What was asked for.
    pub(in crate::transcode) spec: OutputSpec,
    /// Where it starts in the input.
    pub(in crate::transcode) start: Duration,
    /// How long it must be.
    pub(in crate::transcode) length: Option<Length>,
    /// What becomes of each stream, and why.
    pub(in crate::transcode) decisions: Vec<Decision>,
    /// What ffmpeg writes for it.
    pub(in crate::transcode) parts: Vec<Part>,
    /// What becomes of the parts then.
    pub(in crate::transcode) make: Make,
}

impl Planned {
    /// What it needs of the input at a certain time, in words, and that time: where it starts, or its picture of this number.
    pub(in crate::transcode) fn need(&self, picture: usize) -> (String, Duration) {
        let name = &self.spec.name;
        match &self.spec.shape {
            Shape::Thumbnails(Times::AtMs(times)) => {
                let after = times.get(picture).copied().map(Duration::from_millis).unwrap_or_default();
                (format!("{name} needs a picture"), self.start + after)
            }
            Shape::Picture(_) => (format!("{name} needs the picture"), self.start),
            _ => (format!("{name} starts"), self.start),
        }
    }
}

/// One file, or folder of pictures, that ffmpeg writes.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) struct Part {
    /// The name that ffmpeg writes to. No client can choose such a name, as it starts with a dot.
    pub(in crate::transcode) file: String,
    /// How it is to be read.
    pub(in crate::transcode) container: Container,
    /// What kind of thing it is.
    pub(in crate::transcode) kind: PartKind,
    /// What it must hold.
    pub(in crate::transcode) holds: Holds,
}

/// What kind of thing a part is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) enum PartKind {
    /// Sound and moving pictures.
    Media,
    /// One rendition of a package.
    Rendition(Track),
    /// One picture.
    Picture,
    /// A folder with numbered pictures, or sheets of them, and the file that tells when each was taken.
    Pictures {
        /// The file with the times.
        times: String,
        /// How many there must be, where that is known.
        count: Option<u64>,
    },
    /// One track of subtitles.
    Text,
}

/// What becomes of an output's parts when ffmpeg has ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::transcode) enum Make {
    /// The part is the output.
    AsItIs,
    /// The part is in fragments and is put together into one file that starts playing before it is loaded.
    Defragment,
    /// The renditions are cut into segments.
    Package(PackageSpec),
    /// The pictures are numbered as they are.
    Thumbnails,
    /// The sheets get a WebVTT file beside them.
    Storyboard(Sheets),
}

/// What a file must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::transcode) struct Holds {
    /// The video; `None` where there must be none.
    pub(in crate::transcode) video: Option<HeldVideo>,
    /// Every audio track; empty where there must be none.
    pub(in crate::transcode) audio: Vec<HeldAudio>,
    /// How many subtitles there must be.
    pub(in crate::transcode) subtitles: u32,
    /// How long it must be.
    pub(in crate::transcode) length: Option<Length>,
}

/// The video that an output must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::transcode) struct HeldVideo {
    /// ffmpeg's name of the codec; empty for a picture.
    pub(in crate::transcode) codec: String,
    /// Width and height, where they are known.
    pub(in crate::transcode) size: Option<(u32, u32)>,
    /// The frame rate that was asked for, else the input's.
    pub(in crate::transcode) rate: Option<FrameRate>,
    /// Whether it was asked for.
    pub(in crate::transcode) rated: bool,
    /// Bits of each colour component, where we encode it.
    pub(in crate::transcode) depth: Option<u8>,
    /// How long it must be.
    pub(in crate::transcode) length: Option<Length>,
    /// Whether we encode it, so that every frame of it must decode.
    pub(in crate::transcode) encoded: bool,
}

/// The audio that an output must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::transcode) struct HeldAudio {
    /// ffmpeg's name of the codec.
    pub(in crate::transcode) codec: String,
    /// The number of channels, where it is known.
    pub(in crate::transcode) channels: Option<u32>,
    /// How long it must be.
    pub(in crate::transcode) length: Option<Length>,
    /// Whether we encode it, so that every frame of it must decode.
    pub(in crate::transcode) encoded: bool,
}
