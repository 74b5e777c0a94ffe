//! How loud sound is, and what brings it to the loudness that was asked for: one gain for all of it, and a limiter where its
//! peaks leave no room for that.

/// The highest true peak that sound may have, in dBTP: EBU R128 leaves so much for what lossy codecs add.
const TRUE_PEAK: f64 = -1.5;
/// The loudness in LUFS below which the meter hears nothing, or less than it needs: 0.4 s.
const NOTHING: f64 = -70.0;
/// How much more gain is tried where a limiter takes of the loudness, in dB. Beyond the last, sound would be nothing but limit.
const MORE: [f64; 4] = [0.0, 3.0, 9.0, 18.0];
/// Where a limiter holds the peaks, in dBTP: on the way back to fewer samples they grow again.
const LIMIT: f64 = TRUE_PEAK - 0.5;
/// Peaks between the samples show at this rate.
const OVERSAMPLED: &str = "aresample=192000";
/// The filter that measures. It tells every frame's loudness to nobody, and the whole's at its end.
const METER: &str = "ebur128=framelog=verbose";
/// The same with true peaks, which cost more.
const PEAK_METER: &str = "ebur128=peak=true:framelog=verbose";

/// How loud sound is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::transcode) struct Loudness {
    /// Integrated loudness in LUFS.
    integrated: f64,
    /// True peak in dBTP.
    true_peak: f64,
}

/// How loud sound becomes behind a limiter, in LUFS, with each of [`MORE`].
pub(in crate::transcode) type Limited = [f64; MORE.len()];

/// What is done to sound that has to have a certain loudness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::transcode) enum Gain {
    /// Nobody knows before it is measured.
    Unknown,
    /// Nothing: it is silent, or too short to have a loudness.
    None,
    /// Its peaks leave room for this many dB.
    Plain(f64),
    /// Its peaks leave no room for this many dB. How loud it becomes behind a limiter has to be measured.
    ToLimit(f64),
    /// It gets so many dB and a limiter, which makes it so many LUFS.
    Limited(f64, f64),
}

impl Loudness {
    /// What brings it to `target` LUFS.
    pub(super) fn gain(self, target: f64, limited: Option<&Limited>) -> Gain {
        let gain = target - self.integrated;
        match limited {
            _ if self.integrated.is_nan() || self.integrated <= NOTHING => Gain::None,
            _ if self.true_peak + gain <= TRUE_PEAK => Gain::Plain(gain),
            None => Gain::ToLimit(gain),
            Some(limited) => {
                let more = more(target, limited);
                Gain::Limited(gain + more, target.min(limited[MORE.len() - 1]))
            }
        }
    }

    /// Reads what [`measuring`] told.
    pub(super) fn read(stderr: &[String]) -> Option<Self> {
        let integrated = integrated(stderr).last()?;
        let true_peak = stderr.iter().rev().find_map(|line| number(line, "Peak:", "dBFS"))?;
        Some(Self { integrated, true_peak })
    }
}

impl Gain {
    /// The filter for it.
    pub(super) fn filter(self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Unknown => Some("volume={measured}dB".to_owned()),
            Self::Plain(gain) => Some(format!("volume={gain:.2}dB")),
            Self::ToLimit(gain) | Self::Limited(gain, _) => Some(format!("{OVERSAMPLED},{}", limiting(gain))),
        }
    }

    /// Whether the filter leaves the sound at a rate that nobody asked for.
    pub(super) const fn oversamples(self) -> bool {
        matches!(self, Self::ToLimit(_) | Self::Limited(..))
    }

    /// What becomes of sound that was to have `target` LUFS.
    pub(super) fn told(self, target: f64) -> String {
        match self {
            Self::Unknown | Self::Plain(_) => format!("{target} LUFS"),
            Self::None => "as loud as it is, as there is too little of it to be measured".to_owned(),
            Self::Limited(_, reached) if reached < target - 0.5 => {
                format!("about {reached:.0} LUFS, as its peaks leave no room for {target}")
            }
            Self::ToLimit(_) | Self::Limited(..) => format!("{target} LUFS with its peaks limited"),
        }
    }
}

/// The gain beyond the needed one that makes it as loud as `target` behind the limiter: on the line between those that were
/// tried, which is all but straight.
fn more(target: f64, limited: &Limited) -> f64 {
    let tried = || MORE.iter().zip(limited);
    let below = tried().rfind(|(_, lufs)| **lufs <= target);
    let above = tried().find(|(_, lufs)| **lufs > target);
    match (below, above) {
        (Some((low, from)), Some((high, to))) => low + (high - low) * (target - from) / (to - from),
        (_, None) => MORE[MORE.len() - 1],
        (None, Some(_)) => MORE[0],
    }
}

/// The filter that tells how loud sound is.
pub(super) const fn measuring() -> &'static str {
    PEAK_METER
}

/// The filters that tell how loud sound of the input's stream `index` becomes behind a limiter, with the names of what they
/// put out. `before` are the filters up to there.
pub(super) fn trying(index: u32, before: &[String], gain: f64) -> (String, Vec<String>) {
    let filters: Vec<&str> = before.iter().map(String::as_str).chain([OVERSAMPLED]).collect();
    let inputs: Vec<String> = (0..MORE.len()).map(|place| format!("[in{place}]")).collect();
    let split = format!("[0:{index}]{},asplit={}{}", filters.join(","), MORE.len(), inputs.concat());
    let tries = MORE.iter().enumerate();
    let tries = tries.map(|(place, more)| format!("[in{place}]{},{METER}[out{place}]", limiting(gain + more)));
    let chains: Vec<String> = std::iter::once(split).chain(tries).collect();
    (chains.join(";"), (0..MORE.len()).map(|place| format!("[out{place}]")).collect())
}

/// Reads what [`trying`] told. ffmpeg may set the meters up twice, and they speak first before they have heard anything; in
/// the end they do so in any order, but more gain is never less loud.
pub(super) fn read_limited(stderr: &[String]) -> Option<Limited> {
    let told: Vec<f64> = integrated(stderr).collect();
    let mut last: Limited = *told.last_chunk()?;
    last.sort_by(f64::total_cmp);
    Some(last)
}

fn limiting(gain: f64) -> String {
    format!("volume={gain:.2}dB,{}", limiter(LIMIT))
}

/// A filter that keeps the samples below so many dB. It looks ahead and takes the time for that back, so that nothing is
/// shifted. Without `asc` the limiter of ffmpeg 5.1 mixes up the channels of surround sound and makes noise of it.
pub(super) fn limiter(most: f64) -> String {
    format!("alimiter=limit={:.4}:level=disabled:latency=1:asc=1", 10_f64.powf(most / 20.0))
}

/// The integrated loudness that each meter told.
fn integrated(stderr: &[String]) -> impl Iterator<Item = f64> {
    let told = stderr.windows(2).filter(|pair| pair[0].trim() == "Integrated loudness:");
    told.filter_map(|pair| number(&pair[1], "I:", "LUFS"))
}

fn number(line: &str, name: &str, unit: &str) -> Option<f64> {
    line.trim().strip_prefix(name)?.trim().strip_suffix(unit)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(integrated: &[f64]) -> Vec<String> {
        let summary = |lufs: &f64| {
            format!(
                "[Parsed_ebur128_6 @ 0x5561] [info] Summary:\n\n  Integrated loudness:\n    I: {lufs:>10.1} LUFS\n    \
                 Threshold: -25.9 LUFS\n\n  Loudness range:\n    LRA:         3.4 LU\n\n  True peak:\n    Peak:      -10.6 dBFS"
            )
        };
        integrated.iter().map(summary).collect::<Vec<_>>().join("\n").lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_the_meters_say_is_read() {
        let loudness = Loudness::read(&told(&[-31.4])).unwrap();
        assert_eq!(loudness, Loudness { integrated: -31.4, true_peak: -10.6 });
        assert_eq!(Loudness::read(&[]), None);
        assert_eq!(
            read_limited(&told(&[-70.0, -70.0, -70.0, -70.0, -10.1, -9.4, -15.2, -13.1])),
            Some([-15.2, -13.1, -10.1, -9.4])
        );
        assert_eq!(read_limited(&told(&[-10.1])), None);
        let silent = told(&[-70.0]).join("\n").replace("-10.6", "-inf");
        let silent: Vec<String> = silent.lines().map(str::to_owned).collect();
        assert_eq!(Loudness::read(&silent).unwrap().gain(-16.0, None), Gain::None);
    }

    #[test]
    fn one_gain_is_enough_where_the_peaks_leave_room() {
        let loudness = Loudness { integrated: -31.4, true_peak: -10.6 };
        assert_eq!(loudness.gain(-23.4, None), Gain::Plain(8.0));
        assert_eq!(loudness.gain(-16.4, None), Gain::ToLimit(15.0));
        assert_eq!(loudness.gain(-40.4, None).filter().unwrap(), "volume=-9.00dB");
    }

    #[test]
    fn a_limiter_gets_as_much_more_gain_as_it_takes_of_the_loudness() {
        let loudness = Loudness { integrated: -31.5, true_peak: -10.6 };
        let limited = [-15.5, -13.0, -10.0, -9.0];
        let gain = loudness.gain(-14.0, Some(&limited));
        assert_eq!(gain, Gain::Limited(17.5 + 1.8, -14.0));
        assert_eq!(gain.told(-14.0), "-14 LUFS with its peaks limited");
        let least = loudness.gain(-16.0, Some(&[-15.9, -13.0, -10.0, -9.0]));
        assert_eq!(least, Gain::Limited(15.5, -16.0));
        let most = loudness.gain(-5.0, Some(&limited));
        assert_eq!(most, Gain::Limited(44.5, -9.0));
        assert_eq!(most.told(-5.0), "about -9 LUFS, as its peaks leave no room for -5");
    }

    #[test]
    fn what_is_tried_goes_through_the_same_filters_as_what_is_made() {
        let (chain, outputs) = trying(1, &["aformat=channel_layouts=stereo".to_owned()], 17.4);
        assert!(
            chain.starts_with("[0:1]aformat=channel_layouts=stereo,aresample=192000,asplit=4[in0][in1][in2][in3];")
        );
        assert_eq!(outputs, ["[out0]", "[out1]", "[out2]", "[out3]"]);
        let made = Gain::Limited(20.4, -14.0).filter().unwrap();
        let made = made.strip_prefix("aresample=192000,").unwrap();
        assert!(chain.contains(&format!("[in1]{made},ebur128")), "{chain}");
    }
}
