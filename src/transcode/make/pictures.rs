//! Folders of pictures: counted, numbered, and told of in WebVTT.

use std::fmt::{self, Write as _};
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::transcode::plan::{Part, PartKind, Sheets};

/// The name of the file that tells a player which part of which sheet belongs to which time.
pub(in crate::transcode) const STORYBOARD: &str = "storyboard.vtt";

/// Width and height of a picture, from its header.
pub(in crate::transcode) fn size(path: &Path) -> Option<(u32, u32)> {
    let size = imagesize::size(path).ok()?;
    Some((u32::try_from(size.width).ok()?, u32::try_from(size.height).ok()?))
}

/// Why pictures aren't those that were planned.
#[derive(Debug)]
pub(in crate::transcode) enum Misfit {
    /// There are so many, which is too few.
    Fewer {
        /// How many were taken.
        found: usize,
        /// How many there should be.
        planned: u64,
    },
    /// Something else, in words for people.
    Otherwise(String),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fewer { found, planned } => write!(f, "it holds {found} of {planned} pictures"),
            Self::Otherwise(what) => f.write_str(what),
        }
    }
}

impl From<String> for Misfit {
    fn from(what: String) -> Self {
        Self::Otherwise(what)
    }
}

/// Checks the pictures in a folder against the times at which they were taken; writes the WebVTT file of sheets. Gives the
/// size of each picture or sheet in pixels; the inner error says what is wrong with them.
///
/// Unless they must be `whole`, those will do that were finished, and the last of them isn't shown until the end.
pub(in crate::transcode) fn gather(
    outputs: &Path,
    part: &Part,
    sheets: Option<Sheets>,
    length: Option<Duration>,
    whole: bool,
) -> io::Result<Result<(u32, u32), Misfit>> {
    let PartKind::Pictures { times, count } = &part.kind else {
        return Ok(Err("it is no folder of pictures".to_owned().into()));
    };
    let folder = outputs.join(&part.file);
    let taken = read_times(&std::fs::read_to_string(outputs.join(times))?);
    std::fs::remove_file(outputs.join(times))?;
    remove_unfinished(&folder)?;
    let files = names(&folder)?;
    let per_file = sheets.map_or(1, |sheets| u64::from(sheets.grid.0) * u64::from(sheets.grid.1));
    let expected = (taken.len() as u64).div_ceil(per_file);
    if let Some(planned) = count.filter(|planned| whole && *planned > taken.len() as u64) {
        return Ok(Err(Misfit::Fewer { found: taken.len(), planned }));
    }
    if let Some(planned) = count.filter(|planned| whole && *planned < taken.len() as u64) {
        return Ok(Err(format!("it holds {} pictures instead of {planned}", taken.len()).into()));
    }
    let Some(first) = files.first().and_then(|file| size(&folder.join(file))) else {
        return Ok(Err("there is no picture in it that can be read".to_owned().into()));
    };
    if whole && expected != files.len() as u64 {
        return Ok(Err(format!("it holds {} files instead of {expected}", files.len()).into()));
    }
    if let Some(odd) = files.iter().find(|file| size(&folder.join(file)) != Some(first)) {
        return Ok(Err(format!("{odd} can't be read, or is of another size than the first one").into()));
    }
    if let Some((fault, sheets)) = wrong_size(first, part, sheets) {
        let what = format!("its pictures are {}x{} instead of {}x{}", fault.0, fault.1, sheets.0, sheets.1);
        return Ok(Err(what.into()));
    }
    if let Some(sheets) = sheets {
        let length = length.filter(|_| whole);
        std::fs::write(folder.join(STORYBOARD), storyboard(&taken, &files, sheets, length))?;
    }
    Ok(Ok(first))
}

/// The size that was found and the one that was planned, where they differ.
fn wrong_size(found: (u32, u32), part: &Part, sheets: Option<Sheets>) -> Option<((u32, u32), (u32, u32))> {
    let one = part.holds.video.as_ref()?.size?;
    let planned = sheets.map_or(one, |sheets| (one.0 * sheets.grid.0, one.1 * sheets.grid.1));
    (found != planned).then_some((found, planned))
}

/// Removes what ffmpeg was about to write when it was killed, under a name of its own.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    let unfinished = |name: &String| Path::new(name).extension().is_some_and(|ending| ending == "tmp");
    for name in names(folder)?.into_iter().filter(unfinished) {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Reads ffmpeg's `framecrc`: a time base, then a line for each frame.
///
/// ```text
/// #tb 0: 1/1000
/// 0,          0,          0,       40,      384, 0x00000000
/// ```
pub(in crate::transcode) fn read_times(text: &str) -> Vec<Duration> {
    let base = text.lines().find_map(|line| {
        let (above, below) = line.strip_prefix("#tb 0: ")?.split_once('/')?;
        Some((above.trim().parse::<f64>().ok()?, below.trim().parse::<f64>().ok().filter(|below| *below > 0.0)?))
    });
    let unit = base.map_or(0.001, |(above, below)| above / below);
    let frames = text.lines().filter(|line| !line.starts_with('#'));
    let pts = frames.filter_map(|line| line.split(',').nth(2)?.trim().parse::<f64>().ok());
    pts.map(|pts| Duration::try_from_secs_f64(pts * unit).unwrap_or_default()).collect()
}

/// The WebVTT file of a player's scrub bar: each cue lasts until the next picture.
fn storyboard(taken: &[Duration], files: &[String], sheets: Sheets, length: Option<Duration>) -> String {
    let (columns, rows) = sheets.grid;
    let (width, height) = sheets.size;
    let begin = taken.first().copied().unwrap_or_default();
    let mut text = String::from("WEBVTT\n");
    for (index, time) in taken.iter().enumerate() {
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        let (sheet, place) = (place / (columns * rows), place % (columns * rows));
        let Some(file) = files.get(sheet as usize) else { break };
        let (x, y) = (place % columns * width, place / columns * height);
        let start = time.saturating_sub(begin);
        let next = taken.get(index + 1).map(|next| next.saturating_sub(begin));
        let end = next.or(length).filter(|end| *end > start).unwrap_or(start + sheets.every);
        // Writing to a String can't fail.
        let _ = write!(text, "\n{} --> {}\n{file}#xywh={x},{y},{width},{height}\n", clock(start), clock(end));
    }
    text
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:02}:{:02}:{:02}.{:03}", seconds / 3600, seconds / 60 % 60, seconds % 60, time.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_told_to_players() {
        let list = "#software: Lavf\n#tb 0: 1/1000\n#media_type 0: video\n0, 0, 0, 40, 384, 0x1\n0, 2000, 2000, 40, 384, 0x2\n0, 4000, 4000, 40, 384, 0x3\n";
        let taken = read_times(list);
        assert_eq!(taken, [0, 2000, 4000].map(Duration::from_millis));
        let sheets = Sheets { grid: (2, 1), size: (160, 90), every: Duration::from_secs(2) };
        let files = ["00001.jpg".to_owned(), "00002.jpg".to_owned()];
        let text = storyboard(&taken, &files, sheets, Some(Duration::from_millis(5300)));
        let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\n00001.jpg#xywh=0,0,160,90\n\
                        \n00:00:02.000 --> 00:00:04.000\n00001.jpg#xywh=160,0,160,90\n\
                        \n00:00:04.000 --> 00:00:05.300\n00002.jpg#xywh=0,0,160,90\n";
        assert_eq!(text, expected);
        assert!(read_times("garbage").is_empty());
    }
}
