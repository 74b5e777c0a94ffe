//! The names of codecs as browsers take them (RFC 6381): profile, level and what else decides whether a player can.

use std::fmt::Write as _;

use mp4_atom::{Audio, Av1c, Codec, Colr, Hvcc, Mp4a, Visual, VpcC};

/// Names the codec of a sample entry; `None` for one that no player is known to take in such a package.
pub(super) fn name(codec: &Codec) -> Option<String> {
    Some(match codec {
        Codec::Avc1(entry) => avc("avc1", &entry.avcc),
        Codec::Avc3(entry) => avc("avc3", &entry.avcc),
        Codec::Hvc1(entry) => hevc("hvc1", &entry.hvcc),
        Codec::Hev1(entry) => hevc("hev1", &entry.hvcc),
        Codec::Av01(entry) => av1(&entry.av1c),
        Codec::Vp09(entry) => vp9(&entry.vpcc, &entry.visual),
        Codec::Mp4a(entry) => mp4a(entry)?,
        Codec::Opus(_) => "opus".to_owned(),
        Codec::Flac(_) => "fLaC".to_owned(),
        Codec::Mp3(_) => "mp3".to_owned(),
        Codec::Ac3(_) => "ac-3".to_owned(),
        Codec::Eac3(_) => "ec-3".to_owned(),
        _ => return None,
    })
}

fn avc(entry: &str, avcc: &mp4_atom::Avcc) -> String {
    let (profile, constraints) = (avcc.avc_profile_indication, avcc.profile_compatibility);
    format!("{entry}.{profile:02x}{constraints:02x}{:02x}", avcc.avc_level_indication)
}

/// ISO/IEC 14496-15, annex E.3: profile, its compatibility flags from the last to the first, tier and level, and the
/// constraints up to the last that isn't 0.
fn hevc(entry: &str, hvcc: &Hvcc) -> String {
    let space = ["", "A", "B", "C"][usize::from(hvcc.general_profile_space & 3)];
    let flags = u32::from_be_bytes(hvcc.general_profile_compatibility_flags).reverse_bits();
    let tier = if hvcc.general_tier_flag { 'H' } else { 'L' };
    let constraints = &hvcc.general_constraint_indicator_flags;
    let kept = constraints.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut name = format!("{entry}.{space}{}.{flags:X}.{tier}{}", hvcc.general_profile_idc, hvcc.general_level_idc);
    for byte in &constraints[..kept] {
        let _ = write!(name, ".{byte:X}");
    }
    name
}

fn av1(av1c: &Av1c) -> String {
    let tier = if av1c.seq_tier_0 { 'H' } else { 'M' };
    let depth = match (av1c.high_bitdepth, av1c.twelve_bit) {
        (false, _) => 8,
        (true, false) => 10,
        (true, true) => 12,
    };
    format!("av01.{}.{:02}{tier}.{depth:02}", av1c.seq_profile, av1c.seq_level_idx_0)
}

fn vp9(vpcc: &VpcC, visual: &Visual) -> String {
    // ffmpeg writes 0 where it knows no frame rate, and browsers refuse it.
    let level = if vpcc.level == 0 { vp9_level(visual) } else { vpcc.level };
    format!("vp09.{:02}.{level:02}.{:02}", vpcc.profile, vpcc.bit_depth)
}

/// The lowest level that a picture of this size fits into.
fn vp9_level(visual: &Visual) -> u8 {
    let pixels = u32::from(visual.width) * u32::from(visual.height);
    let levels = [(36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31)];
    let larger = [(2_228_224, 40), (8_912_896, 50), (35_651_584, 60)];
    levels.into_iter().chain(larger).find(|(most, _)| pixels <= *most).map_or(62, |(_, level)| level)
}

fn mp4a(entry: &Mp4a) -> Option<String> {
    let config = &entry.esds.es_desc.dec_config;
    match config.object_type_indication {
        // AAC, of the kind that the decoder's configuration says; low complexity where it says nothing.
        0x40 => match config.dec_specific.as_ref().map_or(2, |specific| specific.profile) {
            0 => None,
            kind => Some(format!("mp4a.40.{kind}")),
        },
        kind @ (0x66..=0x69 | 0x6b) => Some(format!("mp4a.{kind:02X}")),
        _ => None,
    }
}

/// The picture of a sample entry, if it has one.
pub(super) fn visual(codec: &Codec) -> Option<(&Visual, Option<&Colr>)> {
    Some(match codec {
        Codec::Avc1(entry) => (&entry.visual, entry.colr.as_ref()),
        Codec::Avc3(entry) => (&entry.visual, entry.colr.as_ref()),
        Codec::Hvc1(entry) => (&entry.visual, entry.colr.as_ref()),
        Codec::Hev1(entry) => (&entry.visual, entry.colr.as_ref()),
        Codec::Av01(entry) => (&entry.visual, entry.colr.as_ref()),
        Codec::Vp09(entry) => (&entry.visual, entry.colr.as_ref()),
        _ => return None,
    })
}

/// Channels and samples per second of a sample entry, if it is sound.
///
/// The entry of AAC may lie about both; the decoder's configuration doesn't.
pub(super) fn sound(codec: &Codec) -> Option<(u32, u32)> {
    let entry = |audio: &Audio| (u32::from(audio.channel_count), u32::from(audio.sample_rate.integer()));
    Some(match codec {
        Codec::Mp4a(mp4a) => {
            let (channels, rate) = entry(&mp4a.audio);
            let told = mp4a.esds.es_desc.dec_config.dec_specific.as_ref().map_or(0, |specific| specific.chan_conf);
            match told {
                0 => (channels, rate),
                7 => (8, rate),
                told => (u32::from(told), rate),
            }
        }
        Codec::Opus(opus) => (u32::from(opus.dops.output_channel_count), 48_000),
        Codec::Flac(flac) => entry(&flac.audio),
        Codec::Mp3(mp3) => entry(&mp3.audio),
        Codec::Ac3(ac3) => entry(&ac3.audio),
        Codec::Eac3(eac3) => entry(&eac3.audio),
        _ => return None,
    })
}

/// How bright the brightest may be, as HLS names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::transcode) enum VideoRange {
    /// Like a television of old.
    #[default]
    Sdr,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantisation, as in HDR10.
    Pq,
}

/// Tells the range from the transfer function (ISO/IEC 23091-2).
pub(super) fn range(codec: &Codec) -> VideoRange {
    let colour = visual(codec).and_then(|(_, colour)| colour);
    let transfer = match (colour, codec) {
        (Some(Colr::Nclx { transfer_characteristics, .. } | Colr::Nclc { transfer_characteristics, .. }), _) => {
            *transfer_characteristics
        }
        (_, Codec::Vp09(entry)) => u16::from(entry.vpcc.transfer_characteristics),
        _ => 0,
    };
    match transfer {
        16 => VideoRange::Pq,
        18 => VideoRange::Hlg,
        _ => VideoRange::Sdr,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_are_known_for_profiles_and_levels() {
        let high = mp4_atom::Avcc { avc_profile_indication: 100, avc_level_indication: 31, ..Default::default() };
        assert_eq!(avc("avc1", &high), "avc1.64001f");
        let baseline = mp4_atom::Avcc { avc_profile_indication: 66, profile_compatibility: 0xc0, ..high };
        assert_eq!(avc("avc3", &baseline), "avc3.42c01f");

        let main = Hvcc {
            general_profile_idc: 1,
            general_profile_compatibility_flags: [0x60, 0, 0, 0],
            general_constraint_indicator_flags: [0xb0, 0, 0, 0, 0, 0],
            general_level_idc: 93,
            ..Hvcc::new()
        };
        assert_eq!(hevc("hvc1", &main), "hvc1.1.6.L93.B0");
        let odd = Hvcc {
            general_profile_space: 1,
            general_tier_flag: true,
            general_profile_idc: 4,
            general_profile_compatibility_flags: [0x08, 0, 0, 0],
            general_constraint_indicator_flags: [0, 0x1, 0, 0, 0, 0],
            ..main
        };
        assert_eq!(hevc("hev1", &odd), "hev1.A4.10.H93.0.1");

        let ten = Av1c { seq_level_idx_0: 8, high_bitdepth: true, ..Av1c::default() };
        assert_eq!(av1(&ten), "av01.0.08M.10");
        let high = Av1c { seq_profile: 2, seq_tier_0: true, twelve_bit: true, ..ten };
        assert_eq!(av1(&high), "av01.2.08H.12");

        let hd = Visual { width: 1920, height: 1080, ..Visual::default() };
        assert_eq!(vp9(&VpcC { bit_depth: 8, ..VpcC::default() }, &hd), "vp09.00.40.08");
        assert_eq!(vp9(&VpcC { profile: 2, level: 41, bit_depth: 10, ..VpcC::default() }, &hd), "vp09.02.41.10");
    }
}
