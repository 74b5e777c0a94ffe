//! From figures to tables, and from tables to the document.

mod document;
mod machine;
mod samples;
mod table;

pub(crate) use document::write;
pub(crate) use machine::describe;
pub(crate) use samples::Samples;
pub(crate) use table::{Aim, Row, Section, table};
