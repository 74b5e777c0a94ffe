//! The one thread that writes. It takes everything that has queued up while it was busy with the last commit, does it
//! in one transaction, syncs the disk once and answers all: group commit without any waiting on purpose.

use std::thread;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::error::Error;
use super::events::StateEvent;

/// How many operations may wait. More senders than that wait for room.
const QUEUE: usize = 1024;
/// The most operations of one transaction, so that none waits long for its answer.
const BATCH: usize = 256;

/// What is told after each commit, on the writer's thread: the events of the transaction, in order. It must not block.
pub(super) type OnCommit = Box<dyn Fn(Vec<StateEvent>) + Send>;

/// An open transaction, and the changes of state that were made in it.
pub(super) struct Transaction<'a> {
    pub(super) sql: &'a Connection,
    pub(super) events: Vec<StateEvent>,
}

/// An operation: does its work and returns what answers its caller once the commit has succeeded or failed.
type Operation = Box<dyn FnOnce(&mut Transaction<'_>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), &str>) + Send>;

/// The way to the writer's thread, which ends when the last one of these is dropped.
#[derive(Clone)]
pub(super) struct Writer(mpsc::Sender<Operation>);

impl Writer {
    /// Starts the thread on `connection`.
    pub(super) fn start(
        connection: Connection,
        on_commit: OnCommit,
    ) -> std::io::Result<(Self, thread::JoinHandle<()>)> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let thread =
            thread::Builder::new().name("db-writer".into()).spawn(move || write(connection, receiver, &on_commit))?;
        Ok((Self(sender), thread))
    }

    /// Does `work` in a transaction and returns what it returned once that is on disk. Where `work` fails, what it had
    /// written is undone and others in the same transaction are not touched.
    ///
    /// Not undone by dropping the future: once sent, it is carried out.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let operation: Operation = Box::new(move |transaction| {
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
        self.0.send(operation).await.map_err(|_| Error::Closed)?;
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

fn write(mut connection: Connection, mut operations: mpsc::Receiver<Operation>, on_commit: &OnCommit) {
    let mut batch = Vec::with_capacity(BATCH);
    while operations.blocking_recv_many(&mut batch, BATCH) > 0 {
        let mut answers = Vec::with_capacity(batch.len());
        match commit(&mut connection, &mut batch, &mut answers) {
            Ok(events) => {
                // Told before the callers are answered, so that what they do next finds the change known.
                on_commit(events);
                for answer in answers {
                    answer(Ok(()));
                }
            }
            Err(error) => {
                let message = error.to_string();
                tracing::error!(error = message, "the database could not commit");
                for answer in answers {
                    answer(Err(&message));
                }
            }
        }
        // What could not even be begun is dropped, which its callers see as a closed channel.
        batch.clear();
    }
}

fn commit(
    connection: &mut Connection,
    batch: &mut Vec<Operation>,
    answers: &mut Vec<Answer>,
) -> Result<Vec<StateEvent>, rusqlite::Error> {
    // Immediate: a transaction that begins by reading could not become a writer while another writes.
    let sql = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut transaction = Transaction { sql: &sql, events: Vec::new() };
    for operation in batch.drain(..) {
        answers.push(operation(&mut transaction));
    }
    let events = transaction.events;
    sql.commit()?;
    Ok(events)
}
