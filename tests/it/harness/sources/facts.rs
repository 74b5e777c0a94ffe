//! What is known of an input because of how it was made.

use super::Source;

/// What a probe must find.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they have nothing to do with each other")]
pub struct Facts {
    /// The codec of the first video, if there is one.
    pub video: Option<&'static str>,
    /// Its size as it is coded.
    pub size: (u32, u32),
    /// Frames per second, where they are constant.
    pub fps: Option<f64>,
    /// How far players turn it, clockwise.
    pub rotation: u16,
    /// How much wider than high its pixels are shown.
    pub pixel_aspect: Option<(u32, u32)>,
    /// Whether its frames hold two fields, where the file says so.
    pub interlaced: Option<bool>,
    /// Bits per colour, where they aren't 8.
    pub depth: Option<u8>,
    /// The transfer function of a picture with a high dynamic range.
    pub transfer: Option<&'static str>,
    /// The display on which it was graded, and its brightest pixel and frame.
    pub mastering: Option<(&'static str, &'static str)>,
    /// Every sound.
    pub sounds: Vec<Sound>,
    /// The codecs of all subtitles.
    pub subtitles: Vec<&'static str>,
    /// The languages of all streams that have one.
    pub languages: Vec<&'static str>,
    /// How long it is in milliseconds; none where the file doesn't tell.
    pub millis: Option<u64>,
    /// How long it really is, where that isn't what the file tells.
    pub really: Option<u64>,
    /// Whether there is cover art.
    pub cover: bool,
    /// What is wrong with it.
    pub trouble: Option<Trouble>,
    /// Whether its video can't be copied into mkv.
    pub uncopied: bool,
    /// Whether its streams aren't equally long.
    pub uneven: bool,
    /// Whether nothing can be heard in it although there is sound.
    pub silent: bool,
}

/// One sound of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Its codec.
    pub codec: &'static str,
    /// How many channels it has.
    pub channels: u32,
    /// Samples per second.
    pub rate: u32,
}

/// What is wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Part of it is lost: a job may fail with `input_invalid`, and what it makes may be shorter.
    Damaged,
    /// It is whole, but its times can't be trusted: what is made of it may be longer or shorter than planned.
    Untimely,
}

impl Source {
    pub(super) fn video(mut self, codec: &'static str, width: u32, height: u32, fps: f64) -> Self {
        self.facts.video = Some(codec);
        self.facts.size = (width, height);
        self.facts.fps = (fps > 0.0).then_some(fps);
        self
    }

    /// The usual picture.
    pub(super) fn small(self, codec: &'static str) -> Self {
        self.video(codec, 160, 120, 25.0)
    }

    pub(super) fn audio(mut self, codec: &'static str, channels: u32, rate: u32) -> Self {
        self.facts.sounds.push(Sound { codec, channels, rate });
        self
    }

    /// The usual sound.
    pub(super) fn stereo(self, codec: &'static str) -> Self {
        self.audio(codec, 2, 48_000)
    }

    pub(super) fn subtitles(mut self, codecs: &[&'static str]) -> Self {
        self.facts.subtitles = codecs.to_vec();
        self
    }

    pub(super) fn languages(mut self, languages: &[&'static str]) -> Self {
        self.facts.languages = languages.to_vec();
        self
    }

    pub(super) fn lasts(mut self, millis: u64) -> Self {
        self.facts.millis = Some(millis);
        self
    }

    /// How long it really is, where the file says something else or nothing.
    pub(super) fn really(mut self, millis: u64) -> Self {
        self.facts.really = Some(millis);
        self
    }

    pub(super) fn turned(mut self, degrees: u16) -> Self {
        self.facts.rotation = degrees;
        self
    }

    pub(super) fn pixels(mut self, width: u32, height: u32) -> Self {
        self.facts.pixel_aspect = Some((width, height));
        self
    }

    pub(super) fn interlaced(mut self) -> Self {
        self.facts.interlaced = Some(true);
        self
    }

    pub(super) fn bits(mut self, depth: u8) -> Self {
        self.facts.depth = Some(depth);
        self
    }

    pub(super) fn transfer(mut self, transfer: &'static str) -> Self {
        self.facts.transfer = Some(transfer);
        self
    }

    pub(super) fn mastered(mut self, display: &'static str, light: &'static str) -> Self {
        self.facts.mastering = Some((display, light));
        self
    }

    pub(super) fn cover(mut self) -> Self {
        self.facts.cover = true;
        self
    }

    pub(super) fn uncopied(mut self) -> Self {
        self.facts.uncopied = true;
        self
    }

    pub(super) fn uneven(mut self) -> Self {
        self.facts.uneven = true;
        self
    }

    pub(super) fn silent(mut self) -> Self {
        self.facts.silent = true;
        self
    }

    pub(super) fn damaged(mut self) -> Self {
        self.facts.trouble = Some(Trouble::Damaged);
        self
    }

    pub(super) fn untimely(mut self) -> Self {
        self.facts.trouble = Some(Trouble::Untimely);
        self
    }
}
