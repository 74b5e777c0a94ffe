//! What every store owes, tested by one suite against each of them.
//!
//! A further store takes part by a [`Backend`](backend::Backend) of its own and one more line at the end of `suite`.

mod backend;
mod faults;
mod migrations;
mod model;
mod plans;
mod scale;
mod suite;
