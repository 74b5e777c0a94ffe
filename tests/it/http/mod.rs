//! The API as a stranger uses it.

mod bad_input;
mod cancel;
mod events;
mod get_and_list;
mod hold;
mod hostile;
mod lost;
mod operations;
mod outputs;
mod plan;
mod restart;
mod salvage;
mod shutdown;
mod submit;
mod tus;
mod uploads;
