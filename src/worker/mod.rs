//! The pool of slots in which jobs run.

mod attempt;
mod pool;
mod threads;

pub use attempt::Room;
pub use pool::Pool;
