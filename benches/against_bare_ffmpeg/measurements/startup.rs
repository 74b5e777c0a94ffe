//! How long a server takes to be ready.

use crate::ground::{Result, Server, World};
use crate::report::{Aim, Row, Samples, Section};

const HOW: &str = "\
From before the process is started to its first answer that it is ready (`GET /readyz`), on a new data folder. The server \
tests once which encoders of its ffmpeg work and keeps that in `ffmpeg.json` beside its data until ffmpeg changes; here \
that file is there, as it is at every start but the first.";

/// How often a server is started in each round.
const STARTS: usize = 10;

pub(crate) async fn measure(world: &World) -> Result<Section> {
    let mut times = Vec::new();
    for _ in 0..world.rounds * STARTS {
        times.push(Server::start(world).await?.ready_in);
    }
    let times = Samples::millis(&times);
    let warm = Row {
        what: "Start to ready".into(),
        ours: times.shown(1, " ms"),
        aim: Some(Aim { text: "median under 150 ms", met: times.median() < 150.0 }),
        ..Row::default()
    };
    let first = Row {
        what: "Start to ready, the very first time, with the test of all encoders".into(),
        ours: Samples::seconds(&[world.examined.first_start]).shown(2, " s"),
        ..Row::default()
    };
    Ok(Section { title: "Starting the server", how: HOW.into(), rows: vec![warm, first] })
}
