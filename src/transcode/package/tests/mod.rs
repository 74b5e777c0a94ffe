//! Packages made of small films that a real ffmpeg has encoded.

mod browser;
mod cut_short;
mod fixture;
mod hostile;
mod players;
mod whole;
