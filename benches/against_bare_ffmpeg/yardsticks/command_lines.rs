//! The very command lines that the server ran, so that the same can be run without it.
//!
//! They are taken from the logs of the jobs, in which a client sees names instead of paths. [`check_command_line`] proves,
//! against what the kernel handed to a program in ffmpeg's place, that putting the paths back gives the true command line.

use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use crate::ground::{Result, Role, Server, World, recorded};

/// ffmpeg's arguments as a job's log shows them.
pub(crate) struct CommandLine {
    arguments: Vec<String>,
    input: String,
    output: String,
}

impl CommandLine {
    /// What the server ran for this job, by its id and the body that it was submitted with.
    pub(crate) async fn of(server: &Server, id: &str, job: &Value) -> Result<Self> {
        let names = job["input"].as_str().zip(job["outputs"][0]["name"].as_str());
        let (input, output) = names.ok_or("a job without input or output")?;
        let log = server.log(id).await?;
        let line = log.lines().next().and_then(|line| line.strip_prefix("ffmpeg "));
        let line = line.ok_or_else(|| format!("the log of job {id} doesn't begin with a command line"))?;
        if line.contains(['"', '\'', '\\']) {
            return Err(format!("an argument that this bench can't read: {line}").into());
        }
        let arguments = line.split(' ').map(str::to_owned).collect();
        Ok(Self { arguments, input: input.to_owned(), output: output.to_owned() })
    }

    /// The same with paths: that of the input, and another output.
    pub(crate) fn writing_to(&self, world: &World, output: &Path) -> Vec<String> {
        let with_path = |argument: &String| match argument {
            name if *name == self.input => format!("file:{}", world.clips.root.join(name).display()),
            name if *name == self.output => format!("file:{}", output.display()),
            other => other.clone(),
        };
        self.arguments.iter().map(with_path).collect()
    }
}

/// Runs one job and proves that its log tells the command line which was really executed.
pub(crate) async fn check_command_line(world: &World, job: &Value) -> Result<()> {
    let program = world.stand_in(Role::Records);
    let server = Server::start_with(world, &program).await?;
    let mut events = server.events().await?;
    let id = server.submit(job).await?;
    events.succeeded().await?;
    let executed = recorded(&program)?;
    let output = executed.last().and_then(|path| path.to_str()?.strip_prefix("file:")).unwrap_or_default();
    let told = CommandLine::of(&server, &id, job).await?.writing_to(world, Path::new(output));
    if executed.iter().eq(told.iter().map(OsStr::new)) {
        Ok(())
    } else {
        Err(format!("the log tells another command line than was executed: {told:?}, {executed:?}").into())
    }
}
