//! What can be set, by a flag, an environment variable or a key of the configuration file: one list for all three.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// The settings of `transcoded serve`. A flag wins over the environment, that over the file, that over the default.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Flags {
    /// The configuration file (TOML); its keys are the names of these flags with `_` for `-`
    #[arg(long, env = "TRANSCODED_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// The address to listen on [default: 127.0.0.1:8080]
    #[arg(long, env = "TRANSCODED_LISTEN", value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,

    /// A name for this server that requests may use besides localhost and IP addresses; may be given several times, in the
    /// environment with "," between. Requests under other names are refused once one is given, and where the server
    /// listens on loopback [default: none on loopback, else any]
    #[arg(long, env = "TRANSCODED_ALLOW_HOST", value_name = "NAME", value_delimiter = ',')]
    pub allow_host: Vec<String>,

    /// The folder for the database, results and logs [default: ./data]
    #[arg(long, env = "TRANSCODED_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// A folder that inputs may be read from; may be given several times, in the environment with ":" between
    /// [default: ./media]
    #[arg(long, env = "TRANSCODED_MEDIA_ROOT", value_name = "DIR", value_delimiter = ':')]
    pub media_root: Vec<PathBuf>,

    /// A network that inputs may be fetched from besides public addresses, such as 10.1.0.0/16; may be given several times, in
    /// the environment with "," between [default: none]
    #[arg(long, env = "TRANSCODED_ALLOW_NETWORK", value_name = "CIDR", value_delimiter = ',')]
    pub allow_network: Vec<String>,

    /// The most bytes of an input that is fetched from another server [default: 107374182400]
    #[arg(long, env = "TRANSCODED_MAX_INPUT_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_input_bytes: Option<u64>,

    /// A folder with presets of your own, one TOML or JSON file each, checked at the start [default: none]
    #[arg(long, env = "TRANSCODED_PRESET_DIR", value_name = "DIR")]
    pub preset_dir: Option<PathBuf>,

    /// How many jobs run at once [default: the number of cores]
    #[arg(long, env = "TRANSCODED_SLOTS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub slots: Option<u32>,

    /// The database, "sqlite:FILE" [default: sqlite:DATA_DIR/transcoded.db]
    #[arg(long, env = "TRANSCODED_DATABASE_URL", value_name = "URL")]
    pub database_url: Option<String>,

    /// Take jobs with raw ffmpeg arguments; whoever may submit can then read and write what the server can
    #[arg(long, env = "TRANSCODED_ALLOW_RAW_ARGS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_raw_args: Option<bool>,

    /// Seconds that a shutdown may take: running jobs are stopped in their mode and go back to the queue [default: 25]
    #[arg(long, env = "TRANSCODED_SHUTDOWN_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub shutdown_timeout: Option<u32>,

    /// How many jobs may wait; more are refused with 429 [default: 100000]
    #[arg(long, env = "TRANSCODED_MAX_QUEUED", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_queued: Option<u64>,

    /// Milliseconds before a job that failed for a passing reason is tried again; doubled with each further try, up to ten
    /// minutes [default: 5000]
    #[arg(long, env = "TRANSCODED_RETRY_DELAY_MS", value_name = "MILLISECONDS", value_parser = clap::value_parser!(u32).range(..=600_000))]
    pub retry_delay_ms: Option<u32>,

    /// How often in a row a job may be running when the server crashes, before it is set aside as failed [default: 5]
    #[arg(long, env = "TRANSCODED_MAX_CRASHES", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_crashes: Option<u32>,

    /// Seconds after which an ffmpeg is stopped that stands still: no progress, no work, no output [default: 300]
    #[arg(long, env = "TRANSCODED_STALL_TIMEOUT", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    pub stall_timeout: Option<u32>,

    /// Seconds that the server's right to run a job lasts without being renewed; it kills its ffmpeg before that
    /// [default: 60]
    #[arg(long, env = "TRANSCODED_LEASE_SECONDS", value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub lease_seconds: Option<u32>,

    /// No job is started and no upload taken while fewer bytes are free on the disk of the data folder [default: 268435456]
    #[arg(long, env = "TRANSCODED_MIN_FREE_BYTES", value_name = "BYTES")]
    pub min_free_bytes: Option<u64>,

    /// Hours that a job which succeeded is kept, with its files; 0 for ever [default: 168]
    #[arg(long, env = "TRANSCODED_KEEP_SUCCEEDED_HOURS", value_name = "HOURS")]
    pub keep_succeeded_hours: Option<u32>,

    /// Hours that a job which failed is kept; 0 for ever [default: 720]
    #[arg(long, env = "TRANSCODED_KEEP_FAILED_HOURS", value_name = "HOURS")]
    pub keep_failed_hours: Option<u32>,

    /// Hours that a job which was cancelled is kept, with its files; 0 for ever [default: 168]
    #[arg(long, env = "TRANSCODED_KEEP_CANCELLED_HOURS", value_name = "HOURS")]
    pub keep_cancelled_hours: Option<u32>,

    /// Hours that an upload is kept which no job needs, since its last byte or its last use; 0 for ever [default: 24]
    #[arg(long, env = "TRANSCODED_KEEP_UPLOADS_HOURS", value_name = "HOURS")]
    pub keep_uploads_hours: Option<u32>,

    /// The most bytes that an upload may have [default: 53687091200]
    #[arg(long, env = "TRANSCODED_MAX_UPLOAD_BYTES", value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_upload_bytes: Option<u64>,

    /// How many events are kept for clients that come back [default: 100000]
    #[arg(long, env = "TRANSCODED_EVENT_HISTORY", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub event_history: Option<u64>,

    /// The ffmpeg to run [default: the first one in PATH]
    #[arg(long, env = "TRANSCODED_FFMPEG", value_name = "FILE")]
    pub ffmpeg: Option<PathBuf>,

    /// The ffprobe to run [default: the first one in PATH]
    #[arg(long, env = "TRANSCODED_FFPROBE", value_name = "FILE")]
    pub ffprobe: Option<PathBuf>,

    /// What is logged to standard error: error, warn, info, debug or trace [default: info]
    #[arg(long, env = "TRANSCODED_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<String>,

    /// How the log is written [default: text]
    #[arg(long, env = "TRANSCODED_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How the log is written.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// These settings where they are set, else those of `below`.
    #[must_use]
    pub fn over(self, below: Self) -> Self {
        let media_root = if self.media_root.is_empty() { below.media_root } else { self.media_root };
        let allow_host = if self.allow_host.is_empty() { below.allow_host } else { self.allow_host };
        let allow_network = if self.allow_network.is_empty() { below.allow_network } else { self.allow_network };
        Self {
            config: self.config.or(below.config),
            listen: self.listen.or(below.listen),
            allow_host,
            data_dir: self.data_dir.or(below.data_dir),
            media_root,
            allow_network,
            max_input_bytes: self.max_input_bytes.or(below.max_input_bytes),
            preset_dir: self.preset_dir.or(below.preset_dir),
            slots: self.slots.or(below.slots),
            database_url: self.database_url.or(below.database_url),
            allow_raw_args: self.allow_raw_args.or(below.allow_raw_args),
            shutdown_timeout: self.shutdown_timeout.or(below.shutdown_timeout),
            max_queued: self.max_queued.or(below.max_queued),
            retry_delay_ms: self.retry_delay_ms.or(below.retry_delay_ms),
            max_crashes: self.max_crashes.or(below.max_crashes),
            stall_timeout: self.stall_timeout.or(below.stall_timeout),
            lease_seconds: self.lease_seconds.or(below.lease_seconds),
            min_free_bytes: self.min_free_bytes.or(below.min_free_bytes),
            keep_succeeded_hours: self.keep_succeeded_hours.or(below.keep_succeeded_hours),
            keep_failed_hours: self.keep_failed_hours.or(below.keep_failed_hours),
            keep_cancelled_hours: self.keep_cancelled_hours.or(below.keep_cancelled_hours),
            keep_uploads_hours: self.keep_uploads_hours.or(below.keep_uploads_hours),
            max_upload_bytes: self.max_upload_bytes.or(below.max_upload_bytes),
            event_history: self.event_history.or(below.event_history),
            ffmpeg: self.ffmpeg.or(below.ffmpeg),
            ffprobe: self.ffprobe.or(below.ffprobe),
            log_level: self.log_level.or(below.log_level),
            log_format: self.log_format.or(below.log_format),
        }
    }
}
