//! The settings after everything was laid over the defaults, checked.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use tracing::Level;

use super::error::{ConfigError, check_positive};
use super::flags::{Flags, LogFormat};
use super::limits::Limits;

/// Where inputs are read from unless something else is said.
pub const DEFAULT_MEDIA_ROOT: &str = "media";

/// The settings of a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where it listens.
    pub listen: SocketAddr,
    /// The names under which it may be asked for, besides localhost and addresses; `None` where any will do.
    pub allowed_hosts: Option<Vec<String>>,
    /// Where the database, results and logs are.
    pub data_dir: PathBuf,
    /// The folders that inputs may be read from; never empty.
    pub media_roots: Vec<PathBuf>,
    /// The folder with the operator's own presets.
    pub preset_dir: Option<PathBuf>,
    /// The networks that inputs may be fetched from besides public addresses.
    pub allowed_networks: Vec<IpNet>,
    /// How many jobs run at once.
    pub slots: usize,
    /// How many cores encoders may use between them.
    pub cores: usize,
    /// The database's file.
    pub database: PathBuf,
    /// Whether jobs may bring raw ffmpeg arguments.
    pub allow_raw_args: bool,
    /// How long a shutdown may take.
    pub shutdown_timeout: Duration,
    /// What bounds it.
    pub limits: Limits,
    /// The ffmpeg to run instead of the first one in PATH.
    pub ffmpeg: Option<PathBuf>,
    /// The ffprobe to run instead of the first one in PATH.
    pub ffprobe: Option<PathBuf>,
    /// What is logged.
    pub log_level: Level,
    /// How it is logged.
    pub log_format: LogFormat,
}

impl Settings {
    /// Lays flags and environment (already in `flags`) over the file that they name, over the defaults.
    ///
    /// # Errors
    /// Where the file or a value can't be used.
    pub fn load(flags: Flags) -> Result<Self, ConfigError> {
        let file = match &flags.config {
            Some(path) => read_file(path.clone())?,
            None => Flags::default(),
        };
        Self::complete(flags.over(file))
    }

    fn complete(flags: Flags) -> Result<Self, ConfigError> {
        let limits = Limits::complete(&flags)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let data_dir = flags.data_dir.unwrap_or_else(|| "data".into());
        let media_roots = if flags.media_root.is_empty() { vec![DEFAULT_MEDIA_ROOT.into()] } else { flags.media_root };
        let slots = flags.slots.map_or(cores, |slots| slots as usize);
        check_positive("slots", slots as u64)?;
        let shutdown_timeout = u64::from(flags.shutdown_timeout.unwrap_or(25));
        check_positive("shutdown_timeout", shutdown_timeout)?;
        let listen = flags.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)));
        let log_level = flags.log_level.as_deref().unwrap_or("info");
        Ok(Self {
            listen,
            allowed_hosts: allowed_hosts(flags.allow_host, listen)?,
            database: database_file(flags.database_url.as_deref(), &data_dir)?,
            data_dir,
            media_roots,
            preset_dir: flags.preset_dir,
            allowed_networks: flags.allow_network.iter().map(|text| network(text)).collect::<Result<_, _>>()?,
            slots,
            cores,
            allow_raw_args: flags.allow_raw_args.unwrap_or(false),
            shutdown_timeout: Duration::from_secs(shutdown_timeout),
            limits,
            ffmpeg: flags.ffmpeg,
            ffprobe: flags.ffprobe,
            log_level: log_level.parse().map_err(|_| ConfigError::Unusable {
                setting: "log_level",
                message: format!("{log_level:?} is none of error, warn, info, debug and trace"),
            })?,
            log_format: flags.log_format.unwrap_or_default(),
        })
    }
}

fn read_file(path: PathBuf) -> Result<Flags, ConfigError> {
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    toml::from_str(&text).map_err(|error| ConfigError::Wrong { path, message: error.to_string().trim().to_owned() })
}

/// On loopback only this machine's own names make sense; elsewhere the server can't know the names that it has.
fn allowed_hosts(names: Vec<String>, listen: SocketAddr) -> Result<Option<Vec<String>>, ConfigError> {
    let odd = |name: &&String| name.is_empty() || name.contains(|c: char| c.is_whitespace() || "/:*@".contains(c));
    match names.iter().find(odd) {
        Some(name) => Err(ConfigError::Unusable {
            setting: "allow_host",
            message: format!(
                "{name:?} is no name of a host; one is written without scheme and port: video.example.org"
            ),
        }),
        None => Ok((!names.is_empty() || listen.ip().is_loopback()).then_some(names)),
    }
}

/// A network, or a single address.
fn network(text: &str) -> Result<IpNet, ConfigError> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).map_err(|_| ConfigError::Unusable {
        setting: "allow_network",
        message: format!("{text:?} is no network; one is written 10.1.0.0/16 or fd00:1::/32"),
    })
}

fn database_file(url: Option<&str>, data_dir: &std::path::Path) -> Result<PathBuf, ConfigError> {
    let Some(url) = url else { return Ok(data_dir.join("transcoded.db")) };
    let file = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
    match file {
        Some(file) if !file.is_empty() => Ok(file.into()),
        _ => Err(ConfigError::Unusable {
            setting: "database_url",
            message: "this version keeps its jobs in SQLite; use \"sqlite:FILE\" or leave it out".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(toml: &str) -> Flags {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn nothing_needs_to_be_set() {
        let settings = Settings::load(Flags::default()).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.database, PathBuf::from("data/transcoded.db"));
        assert_eq!(settings.slots, settings.cores);
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = flags("slots = 3\nshutdown_timeout = 7\nmedia_root = ['/a', '/b']");
        let merged = flags("slots = 5").over(file);
        let settings = Settings::complete(merged).unwrap();
        assert_eq!(settings.slots, 5);
        assert_eq!(settings.shutdown_timeout, Duration::from_secs(7));
        assert_eq!(settings.media_roots, [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    #[test]
    fn wrong_values_are_refused_with_the_settings_name() {
        for (toml, setting) in [
            ("slots = 0", "slots"),
            ("shutdown_timeout = 0", "shutdown_timeout"),
            ("log_level = 'loud'", "log_level"),
            ("allow_host = ['http://a']", "allow_host"),
            ("allow_host = ['a:80']", "allow_host"),
            ("database_url = 'postgres://x'", "database_url"),
            ("allow_network = ['10.0.0.0/33']", "allow_network"),
            ("allow_network = ['localhost']", "allow_network"),
            ("max_input_bytes = 0", "max_input_bytes"),
        ] {
            let error = Settings::complete(flags(toml)).unwrap_err().to_string();
            assert!(error.starts_with(setting), "{error}");
        }
    }

    #[test]
    fn names_are_checked_on_loopback_and_where_some_are_given() {
        let allowed = |toml: &str| Settings::complete(flags(toml)).unwrap().allowed_hosts;
        assert_eq!(allowed(""), Some(Vec::new()));
        assert_eq!(allowed("listen = '0.0.0.0:8080'"), None);
        assert_eq!(allowed("listen = '[::]:8080'\nallow_host = ['a']"), Some(vec!["a".to_owned()]));
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Flags>("slot = 3").is_err());
    }

    /// The example is the documentation of every key, so it must name all of them and be loadable.
    #[test]
    fn the_example_configuration_names_every_key() {
        let text = include_str!("../../docs/transcoded.example.toml");
        let shown: String =
            text.lines().map(|line| line.strip_prefix("#:").unwrap_or(line)).collect::<Vec<_>>().join("\n");
        let example = flags(&shown);
        Settings::complete(example.clone()).unwrap();
        let keys = |flags: &Flags| toml::Table::try_from(flags).unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(&example).len(), 27, "every key but the file itself: {:?}", keys(&example));
    }
}
