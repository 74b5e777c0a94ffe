//! What the server holds in memory: idle, and with many open event streams.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;

use crate::ground::{Connection, REAL, Result, Role, Server, World, resident_mib};
use crate::report::{Aim, Row, Samples, Section};

const HOW: &str = "\
The resident set (`Rss` of `/proc/PID/smaps_rollup`, shared pages of libraries counted in full) of a server that has just \
answered that it is ready, and of the same server with 1,000 open streams of `/v1/events`, after each of them has received \
the events of a job from its submit to its end.";

const STREAMS: u32 = 1_000;

pub(crate) async fn measure(world: &World) -> Result<Section> {
    make_room_for_connections()?;
    let (mut idle, mut streaming, mut each) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        let server = Server::start_with(world, &world.stand_in(Role::Stamps)).await?;
        let before = resident_mib(server.id())?;
        let streams = open_streams(&server).await?;
        let after = resident_mib(server.id())?;
        drop(streams);
        idle.push(before);
        streaming.push(after);
        each.push((after - before) * 1024.0 / f64::from(STREAMS));
    }
    let idle = Samples::new(idle);
    let rows = vec![
        Row {
            what: "Memory when idle (RSS)".into(),
            ours: idle.shown(1, " MiB"),
            aim: Some(Aim { text: "under 20 MiB", met: idle.median() < 20.0 }),
            ..Row::default()
        },
        Row {
            what: "Memory with 1,000 open event streams (RSS)".into(),
            ours: Samples::new(streaming).shown(1, " MiB"),
            compared: format!("{} each", Samples::new(each).shown(1, " KiB")),
            ..Row::default()
        },
    ];
    Ok(Section { title: "Memory", how: HOW.into(), rows })
}

/// Opens the streams and lets a job pass by; returns when each of them has seen its end.
async fn open_streams(server: &Server) -> Result<Vec<Connection>> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        let mut stream = Connection::open(server.address).await?;
        stream.read_until(b"GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n", "event: snapshot").await?;
        streams.push(stream);
    }
    server.submit(&json!({"input": REAL, "outputs": [{"name": "out.mp4"}]})).await?;
    for stream in &mut streams {
        stream.wait_for(r#""state":"failed""#).await?;
    }
    Ok(streams)
}

/// Lets this process open as many connections as the system allows, as the server does for itself.
fn make_room_for_connections() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}
