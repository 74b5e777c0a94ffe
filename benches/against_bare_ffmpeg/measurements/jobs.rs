//! Whole jobs through HTTP against the same ffmpeg commands under `xargs -P`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ground::{Events, ONE_FRAME, REAL, Result, Server, World, resident_mib};
use crate::report::{Aim, Row, Samples, Section};
use crate::yardsticks::{CommandLine, check_command_line, xargs};

const HOW: &str = "\
A round is a fresh server, to which one client submits all jobs one after the other over HTTP and waits on `/v1/events` \
for the last one to be over; the time runs from before the first request to the last event. Probing, progress, \
verification, hashing and syncing are on, in the default mode (`graceful`), and each job must succeed. Then `xargs -P` \
runs the same ffmpeg commands, as many at a time as the server has slots (one for each core), with their output going \
to `/dev/null`. The ratio is of the two times of one round. \
That they are the same commands: before the first round a job runs with a program in ffmpeg's place that notes the \
arguments with which the kernel started it, and they must be those that the job's log tells. Then xargs gets the \
command of each job out of its log, round by round, with another path for the output, in the same environment.";

/// A batch of jobs of one kind.
struct Batch {
    what: &'static str,
    jobs: Vec<Value>,
    aim: Option<(f64, &'static str)>,
    reason: Option<&'static str>,
}

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let mut rows = Vec::new();
    let mut memory = Vec::new();
    for batch in [real(), one_frame(), strangers(world)?] {
        check_command_line(world, &batch.jobs[0]).await?;
        rows.push(compare(world, &batch, &mut memory).await?);
    }
    rows.push(Row {
        what: "Memory of the server after such a batch (RSS)".into(),
        ours: Samples::new(memory).shown(1, " MiB"),
        ..Row::default()
    });
    Ok(Section { title: "Jobs against bare ffmpeg", how: HOW.into(), rows })
}

fn real() -> Batch {
    Batch {
        what: "24 real jobs: five seconds of 720p to H.264 and AAC",
        jobs: vec![job(REAL); 24],
        aim: Some((1.03, "at most 1.03 times")),
        reason: Some(
            "What lasts no longer than half a minute is decoded as a whole before it is published, which bare ffmpeg does \
             without: a third of a second of processor time a job. Of what is longer only the first and last seconds are, \
             see the share of probing and checking below.",
        ),
    }
}

fn one_frame() -> Batch {
    Batch {
        what: "200 jobs of one frame",
        jobs: vec![job(ONE_FRAME); 200],
        aim: Some((1.10, "at most 1.10 times")),
        reason: Some(
            "A job of one frame is all overhead, and a second ffmpeg that starts and decodes what the first one has made \
             takes about as long as that one. The rest is 5 ms: what was made is read, its folders are synced and two \
             transactions are.",
        ),
    }
}

/// Each with an input that no job has read before.
fn strangers(world: &World) -> Result<Batch> {
    let inputs = (0..12).map(|number| world.clips.copy_of(REAL, number));
    let jobs = inputs.map(|input| Ok(job(&input?))).collect::<Result<_>>()?;
    Ok(Batch { what: "12 real jobs, each with an input of its own", jobs, aim: None, reason: None })
}

fn job(input: &str) -> Value {
    let output = json!({"name": "out.mp4", "preset": "h264-720p", "copy": "never", "video": {"speed": "veryfast"}});
    json!({"input": input, "outputs": [output]})
}

async fn compare(world: &World, batch: &Batch, memory: &mut Vec<f64>) -> Result<Row> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        let round = through_the_server(world, &batch.jobs).await?;
        ours.push(round.took.as_secs_f64());
        memory.push(round.memory_mib);
        theirs.push(bare_round(world, &round.commands).await?.as_secs_f64());
        eprintln!("  {}: {:.2} s, bare {:.2} s", batch.what, ours[ours.len() - 1], theirs[theirs.len() - 1]);
    }
    let ratios = Samples::ratios(&ours, &theirs);
    Ok(Row {
        what: batch.what.into(),
        ours: Samples::new(ours).shown(2, " s"),
        beside: format!("bare ffmpeg: {}", Samples::new(theirs).shown(2, " s")),
        compared: ratios.shown(3, " times"),
        aim: batch.aim.map(|(most, text)| Aim { text, met: ratios.median() <= most }),
        reason: batch.reason,
    })
}

struct Round {
    took: Duration,
    memory_mib: f64,
    /// What the server ran, job by job.
    commands: Vec<CommandLine>,
}

async fn through_the_server(world: &World, jobs: &[Value]) -> Result<Round> {
    let server = Server::start(world).await?;
    let mut events = server.events().await?;
    let started = Instant::now();
    let (ids, took) = tokio::try_join!(submit(&server, jobs), all_over(&mut events, jobs.len(), started))?;
    let memory_mib = resident_mib(server.id())?;
    let mut commands = Vec::new();
    for (id, job) in ids.iter().zip(jobs) {
        commands.push(CommandLine::of(&server, id, job).await?);
    }
    Ok(Round { took, memory_mib, commands })
}

async fn submit(server: &Server, jobs: &[Value]) -> Result<Vec<String>> {
    let mut ids = Vec::new();
    for job in jobs {
        ids.push(server.submit(job).await?);
    }
    Ok(ids)
}

async fn all_over(events: &mut Events, count: usize, started: Instant) -> Result<Duration> {
    for _ in 0..count {
        events.succeeded().await?;
    }
    Ok(started.elapsed())
}

async fn bare_round(world: &World, commands: &[CommandLine]) -> Result<Duration> {
    let folder = tempfile::Builder::new().prefix("bare-").tempdir_in(world.folder())?;
    let outputs: Vec<PathBuf> = (0..commands.len()).map(|number| folder.path().join(format!("{number}.mp4"))).collect();
    let lines: Vec<_> = commands.iter().zip(&outputs).map(|(line, output)| line.writing_to(world, output)).collect();
    let took = xargs(world, folder.path(), &lines).await?;
    if let Some(missing) = outputs.iter().find(|path| !is_there(path)) {
        return Err(format!("bare ffmpeg left no {}", missing.display()).into());
    }
    Ok(took)
}

fn is_there(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() > 0)
}
