//! Inputs from other servers: which may be reached, and how their bytes get to a file here.
//!
//! - [`Networks`] says which addresses may be reached: public ones, and those that the operator allows.
//! - [`Target`] is a `http(s)://` URL that was checked as far as that goes without asking anybody.
//! - [`Fetcher`] connects to what it names, follows redirects and goes on after a break.
//!
//! What is in the bytes, and what becomes of them, is none of its business.

mod address;
mod download;
mod error;
mod fetcher;
mod hops;
mod patience;
mod range;
mod resolver;
mod target;

pub use address::Networks;
pub use error::{FetchError, Refused};
pub use fetcher::{Bounds, Fetcher};
pub use patience::Patience;
pub use target::Target;
