//! Packages made of small films that a real ffmpeg has encoded.

mod fixture;
mod whole;
