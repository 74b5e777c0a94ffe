//! The pool of slots in which jobs run.

mod attempt;
mod keeper;
mod pool;
mod seats;
mod threads;
mod upkeep;

pub use attempt::Room;
pub use pool::Pool;
pub use upkeep::Upkeep;
