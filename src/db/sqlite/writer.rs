//! The one thread that writes. It takes everything that has queued up while it was busy with the last commit, does it
//! in one transaction, syncs the disk once and answers all: group commit without any waiting on purpose.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::db::error::Error;
use crate::db::model::StateEvent;
use crate::db::store::OnCommit;
use crate::failpoint::{Point, failpoint};

/// How many operations may wait. More senders than that wait for room.
const QUEUE: usize = 1024;
/// The most operations of one transaction, so that none waits long for its answer.
const BATCH: usize = 256;

/// An open transaction, and the changes of state that were made in it.
pub(super) struct Transaction<'a> {
    pub(super) sql: &'a Connection,
    pub(super) events: Vec<StateEvent>,
}

/// An operation: does its work and returns what answers its caller once the commit has succeeded or failed.
type Work = Box<dyn FnOnce(&mut Transaction<'_>) -> Answer + Send>;

/// An operation, and whether it needs the disk.
struct Operation {
    work: Work,
    on_disk: bool,
}
type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The way to the writer's thread, which does what it was asked and ends when this is dropped.
pub(super) struct Writer {
    operations: mpsc::Sender<Operation>,
    works: Arc<AtomicBool>,
}

/// The writer's thread. Dropped after its [`Writer`], it waits for its end, with which the database is closed.
pub(super) struct WriterThread(Option<thread::JoinHandle<()>>);

impl Drop for WriterThread {
    fn drop(&mut self) {
        // A panic of it was told when it happened.
        let _ = self.0.take().map(thread::JoinHandle::join);
    }
}

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(connection: Connection, on_commit: OnCommit) -> std::io::Result<(Self, WriterThread)> {
        let (operations, receiver) = mpsc::channel(QUEUE);
        let works = Arc::new(AtomicBool::new(true));
        let told = Arc::clone(&works);
        let thread = thread::Builder::new()
            .name("db-writer".into())
            .spawn(move || write(connection, receiver, &on_commit, &told))?;
        Ok((Self { operations, works }, WriterThread(Some(thread))))
    }

    /// Whether the last commit that had something to write succeeded.
    pub(super) fn works(&self) -> bool {
        self.works.load(Ordering::Relaxed)
    }

    /// Does `work` in a transaction and returns what it returned once that is on disk. Where `work` fails, what it had
    /// written is undone and others in the same transaction are not touched.
    ///
    /// Not undone by dropping the future: once sent, it is carried out.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(true, work).await
    }

    /// The same for work that changes only tables in memory: no full or broken disk can fail it.
    pub(super) async fn run_in_memory<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.send(false, work).await
    }

    async fn send<T: Send + 'static>(
        &self,
        on_disk: bool,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |transaction| {
            let result = in_savepoint(transaction, work);
            Box::new(move |committed| {
                let result = result.and_then(|value| match committed {
                    Ok(()) => Ok(value),
                    Err(message) => Err(Error::Commit(message.to_owned())),
                });
                // Nobody waits for the answer any more: the work is done all the same.
                let _ = reply.send(result);
            })
        });
        self.operations.send(Operation { work, on_disk }).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }
}

fn in_savepoint<T>(
    transaction: &mut Transaction<'_>,
    work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let events = transaction.events.len();
    transaction.sql.prepare_cached("SAVEPOINT operation")?.execute([])?;
    let result = work(transaction);
    if result.is_err() {
        transaction.events.truncate(events);
        transaction.sql.prepare_cached("ROLLBACK TO operation")?.execute([])?;
    }
    transaction.sql.prepare_cached("RELEASE operation")?.execute([])?;
    result
}

fn write(
    mut connection: Connection,
    mut operations: mpsc::Receiver<Operation>,
    on_commit: &OnCommit,
    works: &AtomicBool,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while operations.blocking_recv_many(&mut batch, BATCH) > 0 {
        let (on_disk, in_memory): (Vec<_>, Vec<_>) = batch.drain(..).partition(|operation| operation.on_disk);
        if !in_memory.is_empty() {
            // Deferred: takes no lock of the file, which somebody else may have.
            transact(&mut connection, TransactionBehavior::Deferred, in_memory, on_commit);
        }
        if !on_disk.is_empty() {
            let before = connection.total_changes();
            // Immediate: a transaction that begins by reading could not become a writer while another writes.
            let committed = transact(&mut connection, TransactionBehavior::Immediate, on_disk, on_commit);
            // One that had nothing to write succeeds on a full disk, too.
            if !committed || connection.total_changes() > before {
                works.store(committed, Ordering::Relaxed);
            }
        }
    }
}

/// Does `operations` in one transaction and answers their callers. Whether they are on disk.
fn transact(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    operations: Vec<Operation>,
    on_commit: &OnCommit,
) -> bool {
    let mut answers = Vec::with_capacity(operations.len());
    match commit(connection, behavior, operations, &mut answers) {
        Ok(events) => {
            // Told before the callers are answered, so that what they do next finds the change known.
            on_commit(events);
            for answer in answers {
                answer(Ok(()));
            }
            true
        }
        Err(error) => {
            let message = error.to_string();
            tracing::error!(error = message, "the database could not commit");
            for answer in answers {
                answer(Err(&message));
            }
            // What could not even be begun was dropped, which its callers see as a closed channel.
            false
        }
    }
}

fn commit(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    operations: Vec<Operation>,
    answers: &mut Vec<Answer>,
) -> Result<Vec<StateEvent>, rusqlite::Error> {
    let sql = connection.transaction_with_behavior(behavior)?;
    let mut transaction = Transaction { sql: &sql, events: Vec::new() };
    for Operation { work, .. } in operations {
        answers.push(work(&mut transaction));
        // Some errors, a full disk for one, end the whole transaction. A savepoint would then begin one of its own, and
        // commit what its caller is told has failed.
        if transaction.sql.is_autocommit() {
            break;
        }
    }
    let events = transaction.events;
    if !events.is_empty() {
        failpoint(Point::BeforeCommit);
    }
    sql.commit()?;
    if !events.is_empty() {
        failpoint(Point::AfterCommit);
    }
    Ok(events)
}
