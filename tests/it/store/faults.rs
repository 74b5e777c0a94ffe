//! A disk that is full, and a database that somebody else has locked: what was answered stays true, and everything works
//! again by itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use futures_util::future::join_all;
use rusqlite::Connection;
use transcoded::db::{Error, ListQuery, NewJob, OnCommit, Renewal, Rules, SqliteStore, Store};
use transcoded::domain::id::{JobId, Lease};
use transcoded::domain::job::JobState;
use transcoded::domain::time::ManualClock;

use super::backend::{Backend, RULES, START, World, done, end, new_job};

/// A database in a folder that somebody else sees to.
struct In(PathBuf);

impl Backend for In {
    fn open(&self, rules: Rules, clock: Arc<ManualClock>, on_commit: OnCommit) -> Box<dyn Store> {
        Box::new(SqliteStore::open(&self.0.join("transcoded.db"), rules, clock, on_commit).unwrap())
    }
}

fn world_in(folder: &Path) -> World {
    World::with_rules(Box::new(In(folder.to_owned())), Rules { most_queued: 1_000_000, ..RULES })
}

/// A disk of four megabytes.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this process may not mount one.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let mut ballast = std::fs::File::create(self.ballast()).unwrap();
        for block in [1 << 16, 1 << 12, 1] {
            while ballast.write_all(&vec![0; block]).is_ok() {}
        }
    }

    fn make_room(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: where the test has failed, the database may still be open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Jobs that are submitted, a few at a time, and what became of each.
#[derive(Default)]
struct Submits {
    sent: u64,
    answered: Vec<JobId>,
    failed: Vec<JobId>,
}

impl Submits {
    async fn some(&mut self, world: &World, count: u8) {
        let jobs: Vec<_> = (0..count)
            .map(|_| {
                self.sent += 1;
                let mut random = [0; 10];
                random[2..].copy_from_slice(&self.sent.to_be_bytes());
                NewJob { id: JobId::new(START, &random), ..new_job(1, 0) }
            })
            .collect();
        let answers = join_all(jobs.iter().map(|job| world.store.submit(job.clone()))).await;
        for (job, answer) in jobs.into_iter().zip(answers) {
            match answer {
                Ok(_) => self.answered.push(job.id),
                Err(error) if error.is_outage() => self.failed.push(job.id),
                Err(error) => panic!("no outage: {error}"),
            }
        }
    }

    /// Exactly what was answered is there, and was told.
    async fn check(&self, world: &World) {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let query = ListQuery { before, limit: 1000, ..ListQuery::default() };
            let page = world.store.list(query).await.unwrap();
            seen.extend(page.jobs.iter().map(|job| job.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        seen.reverse();
        assert_eq!(seen.len(), self.answered.len());
        assert!(seen == self.answered, "in the order in which they were answered");
        let told = world.told().into_iter().filter(|event| event.state == JobState::Queued);
        assert!(told.map(|event| event.job).eq(seen.iter().copied()));
        let counted: u64 = world.store.counts().await.unwrap().iter().map(|(_, count)| count).sum();
        assert_eq!(counted, seen.len() as u64);
    }
}

/// What must go on while nothing can be written.
async fn goes_on_without_writing(world: &World, submits: &Submits, lease: Lease) {
    world.clock.pass(20_000);
    let renewed = world.store.renew(vec![Renewal { lease, progress: None }]).await.unwrap();
    assert_eq!(renewed, [lease], "renewing a lease needs no disk");
    submits.check(world).await;
    let running = world.store.job(submits.answered[0]).await.unwrap().unwrap();
    assert_eq!(running.state, JobState::Running);
    // What has nothing to write may succeed, and is no sign that all is well.
    let (finished, _) = tokio::join!(world.store.finish(lease, end(done())), world.store.expire());
    assert!(matches!(&finished, Err(error) if error.is_outage()), "{finished:?}");
    assert!(matches!(world.store.ping().await, Err(error) if error.is_outage()));
}

async fn works_again(world: World, mut submits: Submits, lease: Lease) -> World {
    world.store.ping().await.unwrap();
    let before = submits.answered.len();
    submits.some(&world, 8).await;
    assert_eq!(submits.answered.len(), before + 8);
    assert_eq!(world.finish(lease, done()).await.state, JobState::Succeeded);
    submits.check(&world).await;
    let world = world.restart().await;
    submits.check(&world).await;
    world
}

fn is_whole(folder: &Path) {
    let database = Connection::open(folder.join("transcoded.db")).unwrap();
    let check: String = database.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_is_over_when_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a small disk can't be mounted here; it takes root");
        return;
    };
    let world = world_in(disk.0.path());
    let mut submits = Submits::default();
    submits.some(&world, 8).await;
    let lease = world.claim().await.lease;
    disk.fill();
    // What the log of the database has room for goes on.
    while submits.failed.is_empty() {
        submits.some(&world, 8).await;
        assert!(submits.sent < 100_000, "the disk is never full");
    }
    let mut in_a_row = 0;
    while in_a_row < 20 {
        let before = submits.failed.len();
        submits.some(&world, 1).await;
        in_a_row = if submits.failed.len() > before { in_a_row + 1 } else { 0 };
    }
    goes_on_without_writing(&world, &submits, lease).await;
    disk.make_room();
    drop(works_again(world, submits, lease).await);
    is_whole(disk.0.path());
}

#[tokio::test]
async fn a_database_that_somebody_else_has_locked_is_an_outage_until_they_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_in(folder.path());
    let mut submits = Submits::default();
    submits.some(&world, 8).await;
    let lease = world.claim().await.lease;
    let other = Connection::open(folder.path().join("transcoded.db")).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // It waits for as long as one may hope that they let go.
    submits.some(&world, 8).await;
    assert_eq!(submits.failed.len(), 8);
    goes_on_without_writing(&world, &submits, lease).await;
    other.execute_batch("ROLLBACK").unwrap();
    drop(other);
    drop(works_again(world, submits, lease).await);
    is_whole(folder.path());
}

#[tokio::test]
async fn a_second_server_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let _first = world_in(folder.path());
    let clock = Arc::new(ManualClock::at(START));
    let second = SqliteStore::open(&folder.path().join("transcoded.db"), RULES, clock, Box::new(drop));
    let Err(error @ Error::InUse { .. }) = second else { panic!("it was opened") };
    assert!(error.to_string().contains("transcoded.db is in use by another server"), "{error}");
}
