//! Makes a whole package: every rendition cut, every manifest written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::contents::{Contents, Text};
use super::error::PackageError;
use super::fragments::Index;
use super::rendition::{Facts, Rendition};
use super::{SUBTITLES, Source, Subtitles, Words, cut, cut_planned, dash, hls, plan, text};

/// What a package is to be.
#[derive(Clone, Copy, Debug)]
pub(in crate::transcode) struct Options {
    /// Whether to write the playlists of HLS.
    pub(in crate::transcode) hls: bool,
    /// Whether to write the manifest of DASH.
    pub(in crate::transcode) dash: bool,
    /// How long a segment is: the distance at which key frames were forced.
    pub(in crate::transcode) segment: Duration,
}

/// A finished package.
#[derive(Clone, Debug)]
pub(in crate::transcode) struct Packaged {
    /// The playlist that a player of HLS opens, inside the package.
    pub(in crate::transcode) hls: Option<&'static str>,
    /// The manifest that a player of DASH opens, inside the package.
    pub(in crate::transcode) dash: Option<&'static str>,
    /// When the last of all renditions is over.
    pub(in crate::transcode) duration: Duration,
    /// Every rendition, in the order of the sources.
    pub(in crate::transcode) renditions: Vec<Rendition>,
    /// The folders of audio that the encoder had written nothing whole of when it was stopped.
    pub(in crate::transcode) missing: Vec<String>,
    /// Whether an encoder was stopped before it had brought its file to its end.
    pub(in crate::transcode) cut_short: bool,
    /// Every file.
    pub(in crate::transcode) files: Vec<PackagedFile>,
}

/// One file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::transcode) struct PackagedFile {
    /// Its path inside the package, with `/`.
    pub(in crate::transcode) path: String,
    /// Its size.
    pub(in crate::transcode) bytes: u64,
}

/// Makes a package of what encoders have written, in the folder `into`, which must be empty.
///
/// Where an encoder was stopped, all renditions end at the same time, and audio that there is nothing of is left out.
///
/// # Errors
/// As [`PackageError`] says. What has been written until then is left to the caller to remove.
pub(in crate::transcode) fn package(
    sources: &[Source],
    subtitles: &[Subtitles],
    options: &Options,
    into: &Path,
    token: &CancellationToken,
) -> Result<Packaged, PackageError> {
    let folders = sources.iter().map(|source| &source.folder).chain(subtitles.iter().map(|file| &file.folder));
    for folder in folders {
        if !text::is_path(folder) {
            return Err(PackageError::unsupported(into, format!("{folder:?} can't be a folder in it")));
        }
    }
    let Read { kept, indexes, mut missing } = read(sources, token)?;
    let cut_short = indexes.iter().any(|index| !index.finished) || !missing.is_empty();
    let planned = plan::segments(&indexes, options.segment);
    let mut contents = Contents { target: options.segment, ..Contents::default() };
    for (at, (source, index)) in kept.iter().zip(&indexes).enumerate() {
        let segments = planned.get(at).map(Vec::as_slice).unwrap_or_default();
        if segments.is_empty() && !index.track.is_video() && cut_short {
            missing.push(source);
            continue;
        }
        contents.renditions.push(cut_planned(source, index, segments, options.segment, into, token)?);
    }
    clean_names(&mut contents);
    let mut files = listed(&contents);
    for file in subtitles {
        files.push(copy_text(file, &mut contents, into)?);
    }
    if contents.renditions.is_empty() {
        return Err(PackageError::nothing_whole(into));
    }
    write_manifests(&contents, options, into, &mut files)?;
    if token.is_cancelled() {
        return Err(PackageError::Cancelled);
    }
    Ok(Packaged {
        hls: options.hls.then_some(hls::MASTER),
        dash: options.dash.then_some(dash::MANIFEST),
        duration: contents.duration(),
        renditions: contents.renditions,
        missing: missing.into_iter().map(|source| source.folder.clone()).collect(),
        cut_short,
        files,
    })
}

/// What was found in the sources.
#[derive(Default)]
struct Read<'a> {
    /// Those that there is something whole of.
    kept: Vec<&'a Source>,
    /// What is in each of them.
    indexes: Vec<Index>,
    /// The audio that there is nothing whole of.
    missing: Vec<&'a Source>,
}

fn read<'a>(sources: &'a [Source], token: &CancellationToken) -> Result<Read<'a>, PackageError> {
    let mut read = Read::default();
    for source in sources {
        match Index::read(&source.path, token)? {
            Some(index) if !index.fragments.is_empty() => {
                read.kept.push(source);
                read.indexes.push(index);
            }
            _ if matches!(source.words, Words::Audio { .. }) => read.missing.push(source),
            _ => return Err(PackageError::nothing_whole(&source.path)),
        }
    }
    match sources.first() {
        Some(first) if read.indexes.is_empty() => Err(PackageError::nothing_whole(&first.path)),
        _ => Ok(read),
    }
}

/// Cleans the names of audio, and gives those that have none a number. One of them is the default.
fn clean_names(contents: &mut Contents) {
    let chosen = contents
        .renditions
        .iter()
        .position(|rendition| matches!(rendition.facts, Facts::Audio { default, .. } if default));
    let mut number = 0;
    for (at, rendition) in contents.renditions.iter_mut().enumerate() {
        if let Facts::Audio { name, default, .. } = &mut rendition.facts {
            number += 1;
            *name = text::name(name, &format!("Audio {number}"));
            *default = chosen.map_or(number == 1, |chosen| chosen == at);
        }
    }
}

fn listed(contents: &Contents) -> Vec<PackagedFile> {
    let mut files = Vec::new();
    for rendition in &contents.renditions {
        let folder = &rendition.folder;
        files.push(PackagedFile { path: format!("{folder}/{}", cut::INIT), bytes: rendition.init_bytes });
        for (number, segment) in rendition.segments.iter().enumerate() {
            let path = format!("{folder}/{}", cut::file_name(number + 1));
            files.push(PackagedFile { path, bytes: segment.bytes });
        }
    }
    files
}

fn copy_text(from: &Subtitles, contents: &mut Contents, into: &Path) -> Result<PackagedFile, PackageError> {
    let folder = into.join(&from.folder);
    fs::create_dir_all(&folder).map_err(PackageError::io(&folder))?;
    let to = folder.join(SUBTITLES);
    let bytes = fs::copy(&from.path, &to).map_err(PackageError::io(&to))?;
    contents.texts.push(Text {
        folder: from.folder.clone(),
        name: text::name(&from.name, &format!("Subtitles {}", contents.texts.len() + 1)),
        language: from.language.as_deref().and_then(text::language),
        // Only one can be shown unasked.
        default: from.default && !contents.texts.iter().any(|text| text.default),
        forced: from.forced,
        bytes,
    });
    Ok(PackagedFile { path: format!("{}/{SUBTITLES}", from.folder), bytes })
}

/// Writes the manifests last: a package that has one has all that it names.
fn write_manifests(
    contents: &Contents,
    options: &Options,
    into: &Path,
    files: &mut Vec<PackagedFile>,
) -> Result<(), PackageError> {
    let mut write = |path: String, text: String| {
        cut::write_file(&into.join(&path), text.as_bytes())?;
        files.push(PackagedFile { path, bytes: text.len() as u64 });
        Ok(())
    };
    if options.hls {
        for rendition in &contents.renditions {
            write(format!("{}/{}", rendition.folder, hls::PLAYLIST), hls::playlist(rendition))?;
        }
        for subtitles in &contents.texts {
            let text = hls::text_playlist(SUBTITLES, contents.duration());
            write(format!("{}/{}", subtitles.folder, hls::PLAYLIST), text)?;
        }
        write(hls::MASTER.to_owned(), hls::master(contents))?;
    }
    if options.dash {
        write(dash::MANIFEST.to_owned(), dash::manifest(contents))?;
    }
    Ok(())
}
