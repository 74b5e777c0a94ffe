//! Brings a job's files here: each is checked, and appears under its name in one step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::fs::{self, File};
use tokio::io::AsyncWriteExt as _;

use super::client::Client;
use super::error::Error;
use super::print::{complain, print};
use super::text::{plain, size};
use crate::domain::id::JobId;
use crate::domain::job::{Job, Output};

/// How long the server may be silent in the middle of a file.
const SILENCE: Duration = Duration::from_mins(1);

/// Makes the folder, so that a wrong one is known before any work is done.
pub(super) fn prepare(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::Usage(format!("the folder {} can't be made: {error}", folder.display())))
}

/// Downloads every file that the job has made.
///
/// # Cancel safety
/// Dropped half way it leaves the files that are complete, and an incomplete one under another name.
pub(super) async fn download(client: &Client, job: &Job, folder: &Path, json: bool) -> Result<(), Error> {
    for output in job.outputs.iter().filter(|output| output.url.is_some()) {
        if !json {
            let size = output.size_bytes.map(|bytes| format!(" ({})", size(bytes))).unwrap_or_default();
            complain(&format!("downloading {}{size}", plain(&output.name)));
        }
        let path = if output.files.is_some() {
            fetch_folder(client, job.id, output, folder).await?
        } else {
            let file = Wanted { path: &[], size: output.size_bytes, sha256: output.sha256.as_deref() };
            fetch(client, job.id, output, file, &folder.join(safe_name(&output.name)?)).await?
        };
        let path = path.to_string_lossy();
        print(&if json {
            format!("{}\n", json!({ "event": "downloaded", "id": null, "data": { "name": output.name, "path": path } }))
        } else {
            format!("  saved {}\n", plain(&path))
        })?;
    }
    Ok(())
}

/// One file of an output.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    /// The parts of its path inside a folder; none where it is the output itself.
    path: &'a [&'a str],
    size: Option<u64>,
    sha256: Option<&'a str>,
}

async fn fetch_folder(client: &Client, job: JobId, output: &Output, folder: &Path) -> Result<PathBuf, Error> {
    let target = folder.join(safe_name(&output.name)?);
    for file in client.folder(job, &output.name).await? {
        let path: Vec<&str> = file.name.split('/').map(safe_name).collect::<Result<_, _>>()?;
        let to = path.iter().fold(target.clone(), |to, part| to.join(part));
        let parent = to.parent().unwrap_or(&target);
        fs::create_dir_all(parent).await.map_err(|error| broken_file(parent, &error))?;
        let wanted = Wanted { path: &path, size: Some(file.size_bytes), sha256: None };
        fetch(client, job, output, wanted, &to).await?;
    }
    Ok(target)
}

async fn fetch(
    client: &Client,
    job: JobId,
    output: &Output,
    wanted: Wanted<'_>,
    target: &Path,
) -> Result<PathBuf, Error> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let unfinished = target.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let done = receive(client, job, output, wanted, &unfinished).await;
    let placed = match done {
        Ok(()) => fs::rename(&unfinished, target).await.map_err(|error| broken_file(target, &error)),
        Err(error) => Err(error),
    };
    if placed.is_err() {
        let _ = fs::remove_file(&unfinished).await;
    }
    placed.map(|()| target.to_owned())
}

async fn receive(client: &Client, job: JobId, output: &Output, wanted: Wanted<'_>, path: &Path) -> Result<(), Error> {
    let mut response = match wanted.path {
        [] => client.output(job, &output.name).await?,
        parts => client.output_file(job, &output.name, parts).await?,
    };
    let mut file = File::create(path).await.map_err(|error| broken_file(path, &error))?;
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    let silent = |_| Error::Unreachable(format!("the server at {} has fallen silent", client.server()));
    while let Some(chunk) =
        tokio::time::timeout(SILENCE, response.chunk()).await.map_err(silent)?.map_err(|error| client.broken(&error))?
    {
        digest.update(&chunk);
        bytes += chunk.len() as u64;
        file.write_all(&chunk).await.map_err(|error| broken_file(path, &error))?;
    }
    file.sync_all().await.map_err(|error| broken_file(path, &error))?;
    let sum = digest.finalize().iter().fold(String::new(), |sum, byte| format!("{sum}{byte:02x}"));
    let same = wanted.size.is_none_or(|size| size == bytes) && wanted.sha256.is_none_or(|sha| sha == sum);
    if same { Ok(()) } else { Err(Error::File(format!("{} arrived damaged; it was not kept", plain(&output.name)))) }
}

/// A name that stays in its folder, whatever the server says.
fn safe_name(name: &str) -> Result<&str, Error> {
    let odd = name.is_empty() || matches!(name, "." | "..") || name.contains(['/', '\\', '\0']);
    if odd {
        Err(Error::File(format!("the server named a file \"{}\", which is no file name", plain(name))))
    } else {
        Ok(name)
    }
}

fn broken_file(path: &Path, error: &std::io::Error) -> Error {
    Error::File(format!("{} can't be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leaves_the_folder() {
        for name in ["", ".", "..", "../a", "/etc/passwd", "a/b", "a\\b", "a\0"] {
            assert!(safe_name(name).is_err(), "{name:?}");
        }
        assert_eq!(safe_name("..a b.mp4").unwrap(), "..a b.mp4");
    }
}
