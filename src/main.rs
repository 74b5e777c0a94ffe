//! The `transcoded` program.

fn main() {}
