//! Packages made of small films that a real ffmpeg has encoded.

mod cut_short;
mod fixture;
mod hostile;
mod whole;
