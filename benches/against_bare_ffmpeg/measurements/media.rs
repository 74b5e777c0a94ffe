//! What media jobs cost in processor time: a ladder, copies, checks; and how right the time left is.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use crate::ground::{REAL, Result, Server, World, ticks, ticks_of_children};
use crate::report::{Aim, Row, Samples, Section};

/// A film of five minutes in full HD, and how often the clip is repeated to make it.
const FILM: (&str, &str) = ("film.mp4", "56");
/// The same of one minute.
const MINUTE: (&str, &str) = ("minute.mp4", "11");
/// The most rounds of a comparison that takes minutes each.
const LONG_ROUNDS: usize = 2;
/// Ticks of the kernel's processor time in a second.
const TICKS: f64 = 100.0;

const HOW: &str = "\
One job at a time on a fresh server, which has nothing else to do. Processor time is that of the server and of every \
process that it started and has waited for: probing, encoding, packaging, checking. The ladder is the built-in one, of a \
film of a minute in full HD (five renditions and the sound) and of the clip of five seconds in 720p (four); beside it \
stand the same renditions, each as a run of ffmpeg of its own with the arguments that `POST /v1/plan` tells, one after \
the other, neither packaged nor checked. The films in full HD are the clip enlarged and repeated. The share of probing and checking is that of the time from the start of the job to its end, as its events \
tell it. The error of the time left is taken at every progress event from a tenth of the job on: how far the predicted \
end is from the true one, as a share of the whole time.";

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let (film, minute) = films(world)?;
    let long = ladder(world, &minute, world.rounds.min(LONG_ROUNDS)).await?;
    let mut rows = vec![long.row("A ladder of a minute in 1080p, packaged and checked", None)];
    let short = ladder(world, REAL, world.rounds).await?;
    let reason =
        "Of less than half a minute all is decoded once more to check it, which takes as much as decoding once saves.";
    rows.push(short.row("A ladder of five seconds in 720p, packaged and checked in full", Some(reason)));
    let (copied, encoded) = (one_job(world, &copy(&film)).await?, one_job(world, &encode(&film)).await?);
    let ratio = encoded.cpu / copied.cpu.max(0.01);
    rows.push(Row {
        what: "A film of five minutes in 1080p that already fits: copied".into(),
        ours: format!("{:.2} s of processor time", copied.cpu),
        beside: format!("encoded (veryfast): {:.1} s", encoded.cpu),
        compared: format!("{ratio:.0} times less"),
        aim: Some(Aim { text: "50 times less", met: ratio >= 50.0 }),
        reason: None,
    });
    let share = encoded.checking / encoded.took * 100.0;
    rows.push(Row {
        what: "Probing and checking as a share of the encoding job".into(),
        ours: format!("{:.2} s of {:.1} s", encoded.checking, encoded.took),
        compared: format!("{share:.2} %"),
        aim: Some(Aim { text: "under 3 %", met: share < 3.0 }),
        ..Row::default()
    });
    let errors = Samples::new(encoded.errors);
    rows.push(Row {
        what: "Error of the time left, while that job runs".into(),
        ours: format!("median {:.1} %, 9 of 10 within {:.1} %", errors.median(), errors.percentile(90)),
        beside: format!("{} predictions", errors.count()),
        ..Row::default()
    });
    Ok(Section { title: "Media jobs", how: HOW.into(), rows })
}

fn encode(film: &str) -> Value {
    json!({"input": film, "outputs": [{"name": "out.mp4", "copy": "never", "video": {"codec": "h264", "speed": "veryfast"}}]})
}

fn copy(film: &str) -> Value {
    json!({"input": film, "outputs": [{"name": "out.mp4", "video": {"codec": "h264"}, "audio": {"codec": "aac"}}]})
}

/// Makes the films; minutes long, but quick to make.
fn films(world: &World) -> Result<(String, String)> {
    let once = world.clips.root.join("once.mp4");
    let source = world.clips.root.join(REAL);
    let larger =
        ["-vf", "scale=1920:1080", "-c:v", "libx264", "-preset", "veryfast", "-crf", "23", "-c:a", "aac", "-ac", "2"];
    run(world, &[], &source, &larger, &once)?;
    for (name, repeats) in [FILM, MINUTE] {
        run(world, &["-stream_loop", repeats], &once, &["-c", "copy"], &world.clips.root.join(name))?;
    }
    Ok((FILM.0.to_owned(), MINUTE.0.to_owned()))
}

fn run(world: &World, before: &[&str], input: &Path, after: &[&str], output: &Path) -> Result<()> {
    let mut command = std::process::Command::new(&world.tools.ffmpeg);
    command.args(["-v", "error", "-nostdin", "-y"]).args(before).arg("-i").arg(input).args(after).arg(output);
    if command.status()?.success() { Ok(()) } else { Err(format!("ffmpeg could not make {}", output.display()).into()) }
}

/// What one job cost.
struct Cost {
    /// Seconds of processor time.
    cpu: f64,
    /// Seconds from its start to its end.
    took: f64,
    /// Seconds of that in which it was prepared, checked and published.
    checking: f64,
    /// How far each prediction of the end was off, in percent of `took`.
    errors: Vec<f64>,
}

async fn one_job(world: &World, job: &Value) -> Result<Cost> {
    let server = Server::start(world).await?;
    let mut events = server.events().await?;
    let before = used(server.id())?;
    let started = Instant::now();
    server.submit(job).await?;
    let (mut told, mut checking, mut phase_began) = (Vec::new(), 0.0, 0.0);
    let mut phase = "preparing".to_owned();
    let took = loop {
        let (kind, data) = events.next().await?;
        let now = started.elapsed().as_secs_f64();
        if kind == "progress" {
            let next = data["phase"].as_str().unwrap_or_default();
            if next != phase {
                checking += if phase == "transcoding" { 0.0 } else { now - phase_began };
                (phase, phase_began) = (next.to_owned(), now);
            }
            told.extend(data["eta_ms"].as_f64().map(|eta| (now, eta / 1000.0)));
        } else if kind == "state" && !data["finished_at"].is_null() {
            if data["state"] != "succeeded" {
                return Err(format!("a job did not succeed: {data:#}").into());
            }
            checking += if phase == "transcoding" { 0.0 } else { now - phase_began };
            break now;
        }
    };
    let cpu = used(server.id())? - before;
    let late = told.into_iter().filter(|(now, _)| *now > took * 0.1);
    let errors = late.map(|(now, eta)| ((now + eta - took) / took * 100.0).abs()).collect();
    Ok(Cost { cpu, took, checking, errors })
}

/// Seconds of processor time of the server and of what it has waited for.
fn used(id: u32) -> Result<f64> {
    let own = ticks(id).zip(ticks_of_children(id)).ok_or("the kernel tells no processor time")?;
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds")]
    let seconds = (own.0 + own.1) as f64 / TICKS;
    Ok(seconds)
}

/// What ladders cost, and the same renditions one by one, in seconds of processor time.
struct Ladder {
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

async fn ladder(world: &World, input: &str, rounds: usize) -> Result<Ladder> {
    let output = json!({"name": "stream", "preset": "stream-h264", "video": {"speed": "veryfast"}});
    let job = json!({"input": input, "outputs": [output]});
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(one_job(world, &job).await?.cpu);
        theirs.push(separately(world, input, &job).await?);
        eprintln!("  ladder: {:.2} s, separately {:.2} s", ours[ours.len() - 1], theirs[theirs.len() - 1]);
    }
    Ok(Ladder { ours, theirs })
}

impl Ladder {
    /// `reason` is why it misses the aim, where it does.
    fn row(self, what: &str, reason: Option<&'static str>) -> Row {
        let ratios = Samples::ratios(&self.ours, &self.theirs);
        let met = ratios.median() <= 0.9;
        Row {
            what: what.into(),
            ours: Samples::new(self.ours).shown(2, " s of processor time"),
            beside: format!("separate runs of ffmpeg: {}", Samples::new(self.theirs).shown(2, " s")),
            compared: ratios.shown(3, " times"),
            aim: Some(Aim { text: "at most 0.9 times", met }),
            reason: reason.filter(|_| !met),
        }
    }
}

/// Runs what the plan of a job tells, an output of ffmpeg at a time; seconds of processor time.
async fn separately(world: &World, input: &str, job: &Value) -> Result<f64> {
    let server = Server::start(world).await?;
    let plan = server.plan(job).await?;
    let argv = plan["commands"][0]["argv"].as_array().ok_or("a plan without a command")?.clone();
    let words: Vec<String> = argv.iter().filter_map(|word| word.as_str().map(str::to_owned)).skip(1).collect();
    let at = words.iter().position(|word| word == "-i").ok_or("a command without an input")? + 1;
    let folder = tempfile::Builder::new().prefix("separate-").tempdir_in(world.folder())?;
    let (mut head, rest) = (words[..=at].to_vec(), &words[at + 1..]);
    head[at] = format!("file:{}", world.clips.root.join(input).display());
    let mut cpu = 0.0;
    for (number, output) in rest.split_inclusive(|word| word.starts_with("file:{output}")).enumerate() {
        let mut words = head.clone();
        words.extend_from_slice(&output[..output.len() - 1]);
        words.push(format!("file:{}", folder.path().join(format!("{number}.mp4")).display()));
        cpu += cpu_of(&world.tools.ffmpeg, &words)?;
    }
    Ok(cpu)
}

/// Runs ffmpeg and tells what processor time it took.
fn cpu_of(ffmpeg: &PathBuf, words: &[String]) -> Result<f64> {
    use std::process::{Command, Stdio};
    let before = children()?;
    let done =
        Command::new(ffmpeg).args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !done.success() {
        return Err(format!("ffmpeg failed: {words:?}").into());
    }
    Ok(children()? - before)
}

/// Seconds of processor time of what this program has started and waited for.
#[expect(clippy::cast_precision_loss, reason = "hundredths of seconds")]
fn children() -> Result<f64> {
    Ok(ticks_of_children(std::process::id()).ok_or("the kernel tells no processor time")? as f64 / TICKS)
}
