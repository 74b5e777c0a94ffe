//! From the parts that ffmpeg has written to the outputs of a job: each part is read and compared with the plan, and what
//! belongs together is put together.
//!
//! What is here works for whole outputs and for what a stopped ffmpeg has left.

pub(super) mod packaging;
pub(super) mod pictures;
pub(super) mod remux;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::failure::{Failure, FailureCode};
use crate::domain::format::Container;
use crate::domain::job::Output;
use crate::domain::media::{MediaSummary, VideoSummary};
use crate::ffmpeg;
use crate::storage::Workspace;
use crate::transcode::check::decode;
use crate::transcode::check::inspect::{self, Contents, Digest, Found};
use crate::transcode::check::verify;
use crate::transcode::faults::blame::Case;
use crate::transcode::plan::{Make, Part, PartKind, Planned, Sheets};
use crate::transcode::run::attempt::{Attempt, Halt, blocking, disk_failure};

/// How long ffprobe may look at an output.
const PROBE_PATIENCE: Duration = Duration::from_secs(30);

/// What was found in a file.
#[derive(Debug)]
pub(in crate::transcode) struct Produced {
    pub(in crate::transcode) digest: Digest,
    /// What is in it; `None` where it can't be read to its end as media.
    pub(in crate::transcode) found: Option<Found>,
}

impl Produced {
    /// What a job shows of what is in it.
    pub(in crate::transcode) fn media(&self) -> Option<&MediaSummary> {
        self.found.as_ref().map(|found| &found.media)
    }
}

/// An output that was made and compared with the plan, still under a name of ours.
#[derive(Debug)]
pub(in crate::transcode) struct Made {
    /// The file or folder, in the folder of outputs.
    pub(in crate::transcode) file: String,
    /// What the job shows.
    pub(in crate::transcode) output: Output,
    /// What has to be decoded to be sure of it.
    pub(in crate::transcode) targets: Vec<decode::Target>,
}

/// How an attempt's outputs are made.
#[derive(Clone, Copy)]
pub(in crate::transcode) struct Making<'a> {
    pub(in crate::transcode) attempt: &'a Attempt<'a>,
    pub(in crate::transcode) workspace: &'a Workspace,
    pub(in crate::transcode) abort: &'a CancellationToken,
    /// Whether everything must be there; otherwise what there is will do.
    pub(in crate::transcode) whole: bool,
}

impl Making<'_> {
    /// Makes one output.
    ///
    /// # Errors
    /// Where a part isn't what was planned, or the disk refuses.
    pub(in crate::transcode) async fn output(self, planned: &Planned, case: Case<'_>) -> Result<Made, Halt> {
        match &planned.make {
            Make::AsItIs | Make::Defragment => self.file(planned, case).await,
            Make::Thumbnails => self.pictures(planned, None, case).await,
            Make::Storyboard(sheets) => self.pictures(planned, Some(*sheets), case).await,
            Make::Package(package) => self.package(planned, package, case).await,
        }
    }

    async fn file(self, planned: &Planned, case: Case<'_>) -> Result<Made, Halt> {
        let Some(part) = planned.parts.first() else { return Err(nothing(planned).into()) };
        let name = &planned.spec.name;
        let file = match planned.make {
            Make::Defragment => self.defragmented(part, name).await?,
            _ => part.file.clone(),
        };
        let path = self.path(&file);
        if part.kind == PartKind::Picture && !path.exists() {
            return Err(case.unmade().into());
        }
        let produced = self.checked(part, &path, name, case).await?;
        let targets = decode::Target::of_part(part, &path, name, produced.media());
        let mut output = Output::wanted(&planned.spec);
        output.media = produced.found.map(|found| found.media);
        output.size_bytes = Some(produced.digest.size_bytes);
        output.sha256 = Some(produced.digest.sha256);
        self.finish(planned, &mut output);
        Ok(Made { file, output, targets })
    }

    pub(in crate::transcode) fn path(self, file: &str) -> PathBuf {
        self.workspace.outputs().join(file)
    }

    pub(in crate::transcode) fn finish(self, planned: &Planned, output: &mut Output) {
        output.decisions.clone_from(&planned.decisions);
        output.partial = !self.whole;
        output.playable = Some(true);
    }

    /// Reads a part and compares it with the plan.
    pub(in crate::transcode) async fn checked(
        self,
        part: &Part,
        path: &Path,
        name: &str,
        case: Case<'_>,
    ) -> Result<Produced, Halt> {
        let mut produced = match part.kind {
            PartKind::Media | PartKind::Rendition(_) if !part.container.is_text() => {
                let mut produced = self.read(path, part.container, name).await?;
                let deep = part.holds.video.as_ref().and_then(|video| video.depth).is_some_and(|depth| depth > 8);
                if (part.holds.subtitles > 0 || deep) && produced.found.is_some() {
                    // What is read here tells neither of text nor of bits.
                    produced.found = self.probed(path, part.container).await;
                }
                produced
            }
            PartKind::Picture | PartKind::Pictures { .. } => self.picture(path, name).await?,
            _ => self.text(path, name).await?,
        };
        let Some(found) = produced.found.as_mut() else { return Err(case.unreadable().into()) };
        if matches!(part.kind, PartKind::Media) && found.media.duration_ms.is_none() {
            return Err(case.unreadable().into());
        }
        if part.holds.subtitles == 0 || !part.container.is_text() {
            verify::check(&part.holds, found, self.whole).or_else(|fault| case.judge(fault, part))?;
        }
        if self.whole {
            case.gaps(found.gaps)?;
        }
        verify::settle_rate(&part.holds, &mut found.media);
        Ok(produced)
    }

    /// Reads a file of sound and moving pictures to its end, here or, where that isn't enough, with one ffprobe.
    pub(in crate::transcode) async fn read(
        self,
        path: &Path,
        container: Container,
        name: &str,
    ) -> Result<Produced, Halt> {
        self.produced(path, container).await.map_err(|error| unread(&error, name))
    }

    async fn produced(self, path: &Path, container: Container) -> io::Result<Produced> {
        let (file, token) = (path.to_owned(), self.abort.clone());
        let (digest, contents) =
            blocking(move || Ok((inspect::digest(&file, &token)?, inspect::read(&file, container, &token)))).await?;
        let found = match contents {
            _ if digest.size_bytes == 0 => None,
            Contents::Known(found) => Some(found),
            Contents::Unnamed => self.probed(path, container).await,
            Contents::Doubtful => match decode::reads(self.attempt, path, self.abort).await {
                Some(true) => self.probed(path, container).await,
                _ => None,
            },
        };
        if self.abort.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(Produced { digest, found })
    }

    async fn probed(self, path: &Path, container: Container) -> Option<Found> {
        let ffprobe = &self.attempt.transcoder.tools.ffprobe;
        let info = ffmpeg::probe(self.abort, ffprobe, path, PROBE_PATIENCE).await.ok()?;
        Some(Found::of(&info, container))
    }

    async fn picture(self, path: &Path, name: &str) -> Result<Produced, Halt> {
        let (file, token) = (path.to_owned(), self.abort.clone());
        let read = blocking(move || Ok((inspect::digest(&file, &token)?, pictures::size(&file)))).await;
        let (digest, size) = read.map_err(|error| unread(&error, name))?;
        let container = Container::of_name(&path.to_string_lossy()).map_or("jpg", Container::name);
        let found = size.map(|size| Found::only(of_pictures(container, size)));
        Ok(Produced { digest, found })
    }

    async fn text(self, path: &Path, name: &str) -> Result<Produced, Halt> {
        let (file, token) = (path.to_owned(), self.abort.clone());
        let read = blocking(move || Ok((inspect::digest(&file, &token)?, std::fs::read(&file)?))).await;
        let (digest, bytes) = read.map_err(|error| unread(&error, name))?;
        let container = Container::of_name(&path.to_string_lossy()).map_or("vtt", Container::name);
        let sound = std::str::from_utf8(&bytes).is_ok_and(|text| container != "vtt" || text.starts_with("WEBVTT"));
        let media = sound.then(|| MediaSummary {
            container: container.to_owned(),
            duration_ms: None,
            video: None,
            audio: None,
            audio_tracks: 0,
            subtitle_tracks: 1,
        });
        Ok(Produced { digest, found: media.map(Found::only) })
    }

    /// A folder of pictures, or of sheets of them.
    async fn pictures(self, planned: &Planned, sheets: Option<Sheets>, case: Case<'_>) -> Result<Made, Halt> {
        let Some(part) = planned.parts.first() else { return Err(nothing(planned).into()) };
        let (folder, name) = (self.path(&part.file), &planned.spec.name);
        let (expected, whole) = (part.clone(), self.whole);
        let outputs = self.workspace.outputs().to_owned();
        let length = planned.length.map(|length| length.expected);
        let gathered = blocking(move || pictures::gather(&outputs, &expected, sheets, length, whole)).await;
        let gathered = gathered.map_err(|error| unread(&error, name))?;
        let size = gathered.map_err(|misfit| case.pictures(&misfit))?;
        let mut output = Output::wanted(&planned.spec);
        if sheets.is_some() {
            output.links.insert("vtt".to_owned(), pictures::STORYBOARD.to_owned());
        }
        output.media = Some(of_pictures(part.container.name(), size));
        self.sum_up_folder(&folder, &mut output, name).await?;
        self.finish(planned, &mut output);
        let targets = vec![decode::Target::pictures(&folder, part.container, name)];
        Ok(Made { file: part.file.clone(), output, targets })
    }

    /// The sizes and the hash of what is in a folder.
    pub(in crate::transcode) async fn sum_up_folder(
        self,
        folder: &Path,
        output: &mut Output,
        name: &str,
    ) -> Result<(), Halt> {
        let (folder, token) = (folder.to_owned(), self.abort.clone());
        let summed = blocking(move || inspect::digest_folder(&folder, &token)).await;
        let (digest, files) = summed.map_err(|error| unread(&error, name))?;
        output.size_bytes = Some(digest.size_bytes);
        output.sha256 = Some(digest.sha256);
        output.files = Some(files);
        Ok(())
    }
}

fn of_pictures(container: &str, size: (u32, u32)) -> MediaSummary {
    let codec = if container == "jpg" { "mjpeg" } else { container };
    MediaSummary {
        container: container.to_owned(),
        duration_ms: None,
        video: Some(VideoSummary { codec: codec.to_owned(), width: size.0, height: size.1, fps: None }),
        audio: None,
        audio_tracks: 0,
        subtitle_tracks: 0,
    }
}

fn nothing(planned: &Planned) -> Failure {
    Failure::new(FailureCode::Internal, format!("nothing was planned for {}", planned.spec.name))
}

/// The end of an attempt whose output can't be read.
pub(in crate::transcode) fn unread(error: &io::Error, name: &str) -> Halt {
    match error.kind() {
        io::ErrorKind::Interrupted => Halt::Stopped,
        io::ErrorKind::NotFound => {
            Failure::new(FailureCode::OutputInvalid, format!("ffmpeg ended well, but made no {name}")).into()
        }
        _ => disk_failure("read an output", error).into(),
    }
}

/// An output that a job's own arguments made.
pub(in crate::transcode) fn raw_output(
    name: &str,
    produced: Produced,
    partial: bool,
    playable: Option<bool>,
) -> Output {
    Output {
        name: name.to_owned(),
        container: Container::of_name(name),
        size_bytes: Some(produced.digest.size_bytes),
        sha256: Some(produced.digest.sha256),
        media: produced.found.map(|found| found.media),
        partial,
        playable,
        ..Output::default()
    }
}
