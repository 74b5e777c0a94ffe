//! From a submit to the start of its process, with a free slot, against the spawn alone.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ground::{Events, REAL, Result, Role, Server, World, started_after};
use crate::report::{Aim, Row, Samples, Section};

const HOW: &str = "\
In ffmpeg's place the server runs a small program that notes the time as the first thing it does. The time runs \
from before the submit is sent to that note; the next submit is sent when the job before is over, so that a slot is free \
each time. It holds the request, the synced commit, the claim with a synced commit of its own, a look at the input and \
the new folder. Beside it, turn by turn: the same program started by the bench itself, with as many arguments. The server \
knows the input from the first job; with an input that it has never seen it starts ffprobe first.";

/// How often it is started in each round.
const STARTS: usize = 100;
/// The same for inputs that the server has never seen.
const STRANGERS: usize = 10;

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let program = world.stand_in(Role::Stamps);
    let server = Server::start_with(world, &program).await?;
    let mut events = server.events().await?;
    let (mut submitted, mut spawned, mut strange) = (Vec::new(), Vec::new(), Vec::new());
    submit(&server, &mut events, &program, REAL).await?;
    for round in 0..world.rounds {
        for _ in 0..STARTS {
            submitted.push(submit(&server, &mut events, &program, REAL).await?);
            spawned.push(spawn(&program)?);
        }
        for number in round * STRANGERS..(round + 1) * STRANGERS {
            let input = world.clips.copy_of(REAL, number)?;
            strange.push(submit(&server, &mut events, &program, &input).await?);
        }
    }
    Ok(Section { title: "From a submit to its process", how: HOW.into(), rows: rows(&submitted, &spawned, &strange) })
}

/// Submits a job and returns how long it took until its process ran.
async fn submit(server: &Server, events: &mut Events, program: &Path, input: &str) -> Result<Duration> {
    let job: Value = json!({"input": input, "outputs": [{"name": "out.mp4"}]});
    let before = Timestamp::now();
    server.submit(&job).await?;
    // It leaves no file, so it fails; only its start matters here.
    events.over().await?;
    started_after(program, before)
}

fn spawn(program: &Path) -> Result<Duration> {
    let mut command = Command::new(program);
    // About as many as the server gives to ffmpeg.
    command.args(["-option"; 50]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let before = Timestamp::now();
    command.status()?;
    started_after(program, before)
}

fn rows(submitted: &[Duration], spawned: &[Duration], strange: &[Duration]) -> Vec<Row> {
    let (ours, alone, strange) = (Samples::millis(submitted), Samples::millis(spawned), Samples::millis(strange));
    let above = |ours: &Samples| ours.median() - alone.median();
    let row = |what: &str, ours: &Samples| Row {
        what: what.into(),
        ours: ours.shown(2, " ms"),
        beside: format!("the spawn alone: {}", alone.shown(2, " ms")),
        compared: format!("{:.2} ms more", above(ours)),
        ..Row::default()
    };
    let mut known = row("Submit to process, an input it knows", &ours);
    known.aim = Some(Aim { text: "median under 5 ms more", met: above(&ours) < 5.0 });
    vec![known, row("Submit to process, an input it has never seen", &strange)]
}
