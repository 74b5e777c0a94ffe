//! Who is busy with which upload: one that writes or removes it, or any number that want it to stay.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::id::UploadId;

/// What an upload is busy with.
#[derive(Clone, Debug)]
enum Lock {
    /// Somebody writes or removes it.
    Alone(Presence),
    /// So many want it to stay.
    Held(usize),
}

/// The locks of all uploads.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks(Arc<Mutex<HashMap<UploadId, Lock>>>);

/// The right to write or remove an upload; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Alone {
    locks: Locks,
    pub(super) id: UploadId,
    presence: Presence,
}

/// Whether the one who is alone with an upload is still there.
#[derive(Clone, Debug)]
struct Presence {
    /// When it did something last.
    active: Arc<Mutex<Instant>>,
    /// Cancelled when it is to leave.
    leave: CancellationToken,
    /// Cancelled when it has left.
    left: CancellationToken,
}

/// Keeps an upload from being removed until it is dropped.
#[derive(Debug)]
pub(in crate::storage) struct Hold {
    locks: Locks,
    id: UploadId,
}

/// Why nobody may write or remove an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Somebody else does.
    Busy,
    /// Somebody wants it to stay.
    Held,
}

impl Locks {
    pub(super) fn alone(&self, id: UploadId) -> Result<Alone, Taken> {
        let mut table = self.table();
        match table.get(&id) {
            None => {
                let presence = Presence {
                    active: Arc::new(Mutex::new(Instant::now())),
                    leave: CancellationToken::new(),
                    left: CancellationToken::new(),
                };
                table.insert(id, Lock::Alone(presence.clone()));
                Ok(Alone { locks: self.clone(), id, presence })
            }
            Some(Lock::Alone(_)) => Err(Taken::Busy),
            Some(Lock::Held(_)) => Err(Taken::Held),
        }
    }

    pub(super) fn hold(&self, id: UploadId) -> Option<Hold> {
        let mut table = self.table();
        match table.entry(id).or_insert(Lock::Held(0)) {
            Lock::Alone(_) => None,
            Lock::Held(count) => {
                *count += 1;
                Some(Hold { locks: self.clone(), id })
            }
        }
    }

    /// Asks whoever is alone with an upload to leave, where it has done nothing for `silence`. The token is cancelled once it
    /// has left.
    pub(super) fn part(&self, id: UploadId, silence: Duration) -> Option<CancellationToken> {
        let table = self.table();
        let Some(Lock::Alone(presence)) = table.get(&id) else { return None };
        let active = *presence.active.lock().unwrap_or_else(PoisonError::into_inner);
        if active.elapsed() < silence {
            return None;
        }
        presence.leave.cancel();
        Some(presence.left.clone())
    }

    fn table(&self) -> MutexGuard<'_, HashMap<UploadId, Lock>> {
        // Nothing that panics is done under it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alone {
    /// Notes that it has done something.
    pub(super) fn is_active(&self) {
        *self.presence.active.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Cancelled when it is to leave.
    pub(super) fn leave(&self) -> &CancellationToken {
        &self.presence.leave
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.locks.table().remove(&self.id);
        self.presence.left.cancel();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut table = self.locks.table();
        match table.get_mut(&self.id) {
            Some(Lock::Held(count)) if *count > 1 => *count -= 1,
            _ => drop(table.remove(&self.id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn one_writes_or_many_hold() {
        let (locks, id) = (Locks::default(), UploadId::new(Timestamp::from_millis(1), &[0; 10]));
        let alone = locks.alone(id).unwrap();
        assert_eq!(locks.alone(id).unwrap_err(), Taken::Busy);
        assert!(locks.hold(id).is_none());
        drop(alone);
        let (first, second) = (locks.hold(id).unwrap(), locks.hold(id).unwrap());
        drop(first);
        assert_eq!(locks.alone(id).unwrap_err(), Taken::Held);
        drop(second);
        drop(locks.alone(id).unwrap());
        assert!(locks.table().is_empty());
    }

    #[test]
    fn only_one_who_is_silent_is_asked_to_leave() {
        let (locks, id) = (Locks::default(), UploadId::new(Timestamp::from_millis(1), &[0; 10]));
        assert!(locks.part(id, Duration::ZERO).is_none(), "nobody is there");
        let alone = locks.alone(id).unwrap();
        alone.is_active();
        assert!(locks.part(id, Duration::from_hours(1)).is_none() && !alone.leave().is_cancelled());
        let left = locks.part(id, Duration::ZERO).unwrap();
        assert!(alone.leave().is_cancelled() && !left.is_cancelled());
        drop(alone);
        assert!(left.is_cancelled());
    }
}
