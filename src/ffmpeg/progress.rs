//! Reads the blocks that `-progress` writes.
//!
//! A block becomes one value when its last line, `progress=`, arrives; it never inherits anything from the block
//! before. What it means for the job is left to `estimate`.

use std::time::Duration;

/// An output time beyond this is an artefact: ffmpeg 7 and 9 write 9223372036849725141 µs with `-copyts`.
const LONGEST: Duration = Duration::from_hours(24 * 366);

/// One complete progress block. The numbers are totals of the whole process; `None` is "unknown".
///
/// ffmpeg counts frames and bytes of its first output file only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Video frames written.
    pub frame: Option<u64>,
    /// Video frames written a second, on average.
    pub fps: Option<f64>,
    /// The output's rate so far, in bits per second.
    pub bitrate_bps: Option<u64>,
    /// The output's size so far, in bytes.
    pub size_bytes: Option<u64>,
    /// How much of the output is written, as time in the output.
    pub out_time: Option<Duration>,
    /// Frames that were repeated to keep the frame rate.
    pub dup_frames: Option<u64>,
    /// Frames that were left out to keep the frame rate.
    pub drop_frames: Option<u64>,
    /// Seconds of output per second of work, on average.
    pub speed: Option<f64>,
    /// Whether ffmpeg called this its last block. It does so after errors, too.
    pub end: bool,
}

impl Progress {
    /// Whether anything was encoded at all.
    #[must_use]
    pub fn has_output(&self) -> bool {
        self.frame.is_some_and(|frames| frames > 0)
            || self.size_bytes.is_some_and(|bytes| bytes > 0)
            || self.out_time.is_some_and(|time| !time.is_zero())
    }

    /// Whether more was done than the block `before` told. A stalled ffmpeg 7 or later sends the same block again and
    /// again.
    pub(super) fn advances(&self, before: &Self) -> bool {
        let done = |block: &Self| (block.frame, block.size_bytes, block.out_time);
        done(self) != done(before)
    }
}

/// Turns lines into [`Progress`] values.
#[derive(Clone, Debug, Default)]
pub struct ProgressParser {
    block: Progress,
}

impl ProgressParser {
    /// Whether `line` is one of those that make up progress blocks.
    #[must_use]
    pub fn is_progress(line: &str) -> bool {
        line.split_once('=').is_some_and(|(key, _)| {
            matches!(
                key,
                "frame"
                    | "fps"
                    | "bitrate"
                    | "total_size"
                    | "out_time_us"
                    | "out_time_ms"
                    | "out_time"
                    | "dup_frames"
                    | "drop_frames"
                    | "speed"
                    | "progress"
            ) || (key.starts_with("stream_") && key.ends_with("_q"))
        })
    }

    /// Takes the next line; a `progress=` line completes a block and returns it. Lines of other kinds change nothing.
    pub fn line(&mut self, line: &str) -> Option<Progress> {
        let (key, value) = line.split_once('=')?;
        let value = value.trim();
        let block = &mut self.block;
        match key {
            "frame" => block.frame = value.parse().ok(),
            "fps" => block.fps = amount(value),
            "bitrate" => block.bitrate_bps = bitrate(value),
            "total_size" => block.size_bytes = value.parse().ok(),
            // Both hold microseconds; the key `out_time_ms` has been a misnomer since its first day.
            "out_time_us" | "out_time_ms" => block.out_time = micros(value),
            "dup_frames" => block.dup_frames = value.parse().ok(),
            "drop_frames" => block.drop_frames = value.parse().ok(),
            "speed" => block.speed = value.strip_suffix('x').and_then(amount),
            "progress" => {
                block.end = value == "end";
                return Some(std::mem::take(block));
            }
            _ => {}
        }
        None
    }
}

/// A number that is neither negative nor infinite.
fn amount(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

fn micros(text: &str) -> Option<Duration> {
    text.parse().ok().map(Duration::from_micros).filter(|time| *time <= LONGEST)
}

/// Reads ` 782.3kbits/s`, where k is 1000.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be from 0 to 1e15")]
fn bitrate(text: &str) -> Option<u64> {
    let bits = amount(text.strip_suffix("kbits/s")?)? * 1000.0;
    (bits <= 1e15).then_some(bits.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &str) -> Vec<Progress> {
        let mut parser = ProgressParser::default();
        lines.lines().filter_map(|line| parser.line(line)).collect()
    }

    #[test]
    fn a_whole_block_becomes_one_value() {
        let blocks = parse(
            "frame=128\nfps=61.04\nstream_0_0_q=28.0\nbitrate= 782.3kbits/s\ntotal_size=768000\nout_time_us=5120000\n\
             out_time_ms=5120000\nout_time=00:00:05.120000\ndup_frames=1\ndrop_frames=2\nspeed=2.32e+03x\nprogress=end\n",
        );
        let expected = Progress {
            frame: Some(128),
            fps: Some(61.04),
            bitrate_bps: Some(782_300),
            size_bytes: Some(768_000),
            out_time: Some(Duration::from_millis(5120)),
            dup_frames: Some(1),
            drop_frames: Some(2),
            speed: Some(2320.0),
            end: true,
        };
        assert_eq!(blocks, [expected]);
    }

    #[test]
    fn what_is_unknown_in_a_block_is_not_taken_from_the_one_before() {
        let blocks = parse(
            "frame=5\nfps=5.0\nbitrate=1.0kbits/s\ntotal_size=9\nout_time_us=200000\nspeed=1x\nprogress=continue\n\
             frame=6\nbitrate=N/A\ntotal_size=N/A\nout_time_us=N/A\nspeed=N/A\nprogress=continue\nprogress=end\n",
        );
        assert_eq!(blocks[1], Progress { frame: Some(6), ..Progress::default() });
        assert_eq!(blocks[2], Progress { end: true, ..Progress::default() });
    }

    #[test]
    fn a_block_that_only_took_longer_does_not_advance() {
        let before =
            parse("frame=5\nfps=5.0\ntotal_size=9\nout_time_us=200000\nspeed=1x\nprogress=continue\n").remove(0);
        let later = Progress { fps: Some(4.0), speed: Some(0.8), end: true, ..before.clone() };
        assert!(!later.advances(&before));
        for more in [
            Progress { frame: Some(6), ..before.clone() },
            Progress { size_bytes: Some(10), ..before.clone() },
            Progress { out_time: Some(Duration::from_millis(240)), ..before.clone() },
        ] {
            assert!(more.advances(&before));
        }
    }

    #[test]
    fn negative_and_absurd_values_are_unknown() {
        for time in ["-79922", "-40000", "9223372036849725141", "18446744073709551616", "", "1e3", "N/A"] {
            let block = parse(&format!("out_time_us={time}\nout_time_ms={time}\nprogress=continue\n")).remove(0);
            assert_eq!(block.out_time, None, "{time}");
        }
        for rate in ["-0.1kbits/s", "infkbits/s", "nankbits/s", "1e300kbits/s", "12"] {
            assert_eq!(bitrate(rate), None, "{rate}");
        }
        let block = parse("frame=-1\nfps=nan\ntotal_size=-22\nspeed=-1x\nprogress=continue\n").remove(0);
        assert_eq!(block, Progress::default());
    }

    #[test]
    fn only_progress_keys_count_as_progress() {
        for line in ["frame=1", "stream_0_0_q=-1.0", "out_time=N/A", "progress=end"] {
            assert!(ProgressParser::is_progress(line), "{line}");
        }
        for line in ["hello", "", "title=frame", "stream_map=0", " frame=1", "frame"] {
            assert!(!ProgressParser::is_progress(line), "{line}");
        }
    }
}
