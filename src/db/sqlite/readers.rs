//! Connections that only read, lent out one at a time on the runtime's threads for blocking work.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;

use super::open;
use crate::db::error::Error;

/// How many idle connections are kept.
const KEPT: usize = 4;

#[derive(Clone)]
pub(super) struct Readers(Arc<Pool>);

struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self(Arc::new(Pool { path, idle: Mutex::default() }))
    }

    /// Runs `read` in one read transaction: all it reads is of the same moment.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            let mut connection = pool.take()?;
            let transaction = connection.transaction()?;
            let result = read(&transaction);
            transaction.finish()?;
            pool.give_back(connection);
            result
        })
        .await
        .unwrap_or(Err(Error::Closed))
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open::reader(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
    }
}
