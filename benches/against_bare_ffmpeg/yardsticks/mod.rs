//! What the server is compared with: the same work with nothing around it.

mod command_lines;
mod single_commits;
mod xargs;

pub(crate) use command_lines::{CommandLine, check_command_line};
pub(crate) use single_commits::Rows;
pub(crate) use xargs::xargs;
