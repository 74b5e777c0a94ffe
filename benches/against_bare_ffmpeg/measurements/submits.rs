//! How many jobs a second the server takes and has on disk when it answers.

use serde_json::json;

use crate::ground::{REAL, Result, Role, Server, World, load};
use crate::report::{Aim, Row, Samples, Section};
use crate::yardsticks::Rows;

const HOW: &str = "\
One thread of the bench sends `POST /v1/jobs` over connections that are kept open, each waiting for its answer before it \
sends the next; each answer must be 201. The slots are held by jobs that wait, so that no ffmpeg runs meanwhile. Beside \
it, in the same round: the rows of these very jobs and their events, read back from the server's database, written into \
a new one with the same tables, one commit for each job, `synchronous=FULL`, prepared statements, no HTTP; and \
`GET /healthz` of the same server over as many connections, which shows what HTTP and the load generator alone cost on \
this machine.";

/// How many connections, how many submits and how many times `/healthz` is asked.
const FEW: (usize, usize, usize) = (1, 2_000, 8_000);
const MANY: (usize, usize, usize) = (64, 19_200, 64_000);
/// How many rows are written one by one.
const ROWS: u32 = 2_000;

#[derive(Default)]
struct Rates {
    single_commits: Vec<f64>,
    few: Vec<f64>,
    many: Vec<f64>,
    few_healthz: Vec<f64>,
    many_healthz: Vec<f64>,
}

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let mut rates = Rates::default();
    for _ in 0..world.rounds {
        round(world, &mut rates).await?;
        let last = |of: &[f64]| of.last().copied().unwrap_or_default();
        let (one_by_one, few, many) = (last(&rates.single_commits), last(&rates.few), last(&rates.many));
        eprintln!("  submits a second: {few:.0} and {many:.0}, rows one by one {one_by_one:.0}");
    }
    Ok(Section { title: "Durable submits", how: HOW.into(), rows: rows(&rates) })
}

async fn round(world: &World, rates: &mut Rates) -> Result<()> {
    let server = Server::start_with(world, &world.stand_in(Role::Waits)).await?;
    fill_the_slots(world, &server).await?;
    let output = json!({"name": "out.mp4", "preset": "h264-720p"});
    let submit = post(&json!({"input": REAL, "outputs": [output]}).to_string());
    for ((connections, submits, asks), rate, healthz) in
        [(FEW, &mut rates.few, &mut rates.few_healthz), (MANY, &mut rates.many, &mut rates.many_healthz)]
    {
        rate.push(load(server.address, connections, submits, &submit, 201).await?);
        healthz.push(load(server.address, connections, asks, GET_HEALTHZ, 200).await?);
    }
    let written = Rows::of(&server.database(), ROWS)?;
    drop(server);
    let folder = world.folder().to_owned();
    // Nothing else runs meanwhile; it is only to let Ctrl-C through.
    rates.single_commits.push(tokio::task::spawn_blocking(move || written.write(&folder)).await??);
    Ok(())
}

/// Every slot gets a job that never ends by itself.
async fn fill_the_slots(world: &World, server: &Server) -> Result<()> {
    let mut events = server.events().await?;
    for _ in 0..world.at_once {
        let job = json!({"input": REAL, "mode": "slim", "outputs": [{"name": "out.mp4"}]});
        server.submit(&job).await?;
        events.until("running").await?;
    }
    Ok(())
}

const GET_HEALTHZ: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn post(body: &str) -> Vec<u8> {
    let head = "POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ";
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}

fn rows(rates: &Rates) -> Vec<Row> {
    let shown = |of: &[f64]| Samples::new(of.iter().copied()).shown(0, "/s");
    let row = |what: &str, ours: &[f64], name: &str, theirs: &[f64]| Row {
        what: what.into(),
        ours: shown(ours),
        beside: format!("{name}: {}", shown(theirs)),
        compared: Samples::ratios(ours, theirs).shown(2, " times"),
        ..Row::default()
    };
    let one_by_one = "one commit each";
    let mut many = row("Submits, 64 connections", &rates.many, one_by_one, &rates.single_commits);
    let met = Samples::ratios(&rates.many, &rates.single_commits).median() >= 4.0;
    many.aim = Some(Aim { text: "at least 4 times", met });
    many.reason = Some(
        "A commit of one row takes 0.16 ms on this disk, so bare single commits are fast. With 64 connections the \
         load generator and the server share two cores, and they are likely out of processor before the disk is \
         out of syncs; no profile has shown it yet.",
    );
    vec![
        row("Submits, 1 connection", &rates.few, one_by_one, &rates.single_commits),
        many,
        row("Submits, 1 connection", &rates.few, "`/healthz`", &rates.few_healthz),
        row("Submits, 64 connections", &rates.many, "`/healthz`", &rates.many_healthz),
    ]
}
