//! Each place at which a server can be made to die is really passed, and the next server puts everything right.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use rustix::process::Signal;
use serde_json::json;
use transcoded::failpoint::Point;

use super::clients::World;
use super::host::Host;
use super::{PATIENCE, PATIENT, checks};

/// Does everything that there is to do, in this order, as long as the server lives.
async fn live(world: World) {
    let wav = |number: u32| {
        let labels = json!({"number": number.to_string(), "kind": "good"});
        json!({"input": "short.mp4", "outputs": [{"name": "a.wav"}], "labels": labels})
    };
    let Some(first) = world.submit(&wav(1), None).await else { return };
    let Some(second) = world.submit(&wav(2), None).await else { return };
    world.until(&first, "succeeded").await;
    world.until(&second, "succeeded").await;
    world.retry(&first).await;
    world.until(&first, "succeeded").await;
    let slow = json!({"name": "a.mp4", "video": {"codec": "h264", "speed": "slow"}});
    let labels = json!({"number": "3", "kind": "good"});
    let slow = json!({"input": "real.mp4", "outputs": [slow], "labels": labels});
    let Some(slow) = world.submit(&slow, None).await else { return };
    world.until(&slow, "running").await;
    world.post(&format!("/v1/jobs/{slow}/pause")).await;
    world.post(&format!("/v1/jobs/{slow}/resume")).await;
    world.cancel(&slow, None).await;
    world.until(&slow, "cancelled").await;
    world.delete(&format!("/v1/jobs/{second}?purge=true")).await;
}

async fn dies_and_recovers(point: Point) {
    let mut host = Host::new(&PATIENT);
    host.start(Some((point, 1)));
    let world = World::new(host.url());
    let life = tokio::spawn(live(world.clone()));
    while !life.is_finished() {
        if host.dies_within(Duration::from_millis(20)).await {
            life.abort();
            break;
        }
    }
    host.signal(Signal::TERM);
    assert!(host.dies_within(PATIENCE * 10).await, "{} is not passed\n{}", point.name(), host.tail());
    // It is dead already; this checks that nothing but a SIGKILL has ended it.
    host.kill();
    host.start(None);
    assert!(host.ready().await, "{}", host.tail());
    host.alone().await;
    checks::drain(&world).await;
    let jobs = checks::jobs(&world).await;
    let accepted = world.ledger().accepted.clone();
    let lost = accepted.iter().filter(|id| !jobs.iter().any(|job| job["id"] == **id)).count();
    let may_be_purged = matches!(point, Point::JobPurged | Point::Stopping | Point::Stopped);
    assert!(lost <= usize::from(may_be_purged), "{} lost {lost} of {accepted:?}", point.name());
    let files = checks::files(&host, &jobs).await;
    checks::decode(files).await;
    assert_eq!((world.ledger().complaints.clone(), host.wrong_lines()), (Vec::new(), Vec::new()), "{}", point.name());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_place_is_passed_and_survived() {
    stream::iter(Point::ALL)
        .map(|point| tokio::spawn(dies_and_recovers(point)))
        .buffer_unordered(3)
        .for_each(async |done| done.unwrap())
        .await;
}
