//! Running ffmpeg.
