//! The only place that sees everything: it builds the parts, wires them, and takes them down in order.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::config::{DEFAULT_MEDIA_ROOT, Flags, Limits, LogFormat, Settings, load_presets};
use crate::db::{self, Retention, Rules, SqliteStore, Store};
use crate::domain::job::RetryPolicy;
use crate::domain::time::{SharedClock, SystemClock};
use crate::failpoint::{Point, failpoint};
use crate::fetch::{Bounds, Fetcher, Networks};
use crate::ffmpeg;
use crate::http::{self, Context, Metrics, Parts};
use crate::queue::Queue;
use crate::storage::{Files, Inputs, MediaRoots, Uploads};
use crate::transcode::{Toolchain, Transcoder};
use crate::worker::{Pool, Room, Upkeep};

/// How much of the time for a shutdown is kept for what comes after ffmpeg: recording and closing.
const CLOSING_TIME: Duration = Duration::from_secs(3);

/// Why a server didn't start or didn't end well: what to tell the person who started it.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a server until SIGINT or SIGTERM, and says how that went.
#[must_use]
pub fn serve(flags: Flags) -> ExitCode {
    let run = || {
        let settings = Settings::load(flags)?;
        start_log(&settings);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(settings))
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("transcoded: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(settings: &Settings) {
    let colours = std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_max_level(settings.log_level).with_ansi(colours).with_writer(std::io::stderr);
    let started = match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // Somebody who uses this as a library may have started one already.
    drop(started);
}

/// The parts of a running server.
struct Server {
    context: Context,
    pool: Pool,
    upkeep: Upkeep,
    stop: CancellationToken,
    draining: CancellationToken,
    closing: CancellationToken,
}

async fn run(settings: Settings) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    ffmpeg::cancel_on_signals(stop.clone())?;
    // Bound first: a port in use is told at once, and who connects early waits instead of being refused.
    let address = settings.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| format!("can't listen on {address}: {error}"))?;
    let shutdown_timeout = settings.shutdown_timeout;
    let server = build(&settings, stop).await?;
    let address = listener.local_addr()?;
    let most_connections = http::most_connections();
    tracing::info!(%address, slots = settings.slots, "ready: http://{address}/");
    run_until_stopped(server, listener, most_connections, shutdown_timeout).await
}

async fn build(settings: &Settings, stop: CancellationToken) -> Result<Server, Failure> {
    let clock: SharedClock = Arc::new(SystemClock);
    let presets = load_presets(settings.preset_dir.as_deref())?;
    let roots = open_roots(&settings.media_roots)?;
    // The lock on the database comes first: it keeps a second server from clearing this one's workspaces.
    let jobs = CancellationToken::new();
    let rules = rules(&settings.limits);
    let database_clock = Arc::clone(&clock);
    let open = |on_commit| -> Result<Box<dyn Store>, db::Error> {
        Ok(Box::new(SqliteStore::open(&settings.database, rules, database_clock, on_commit)?))
    };
    let queue = Arc::new(Queue::open(jobs, open).await?);
    let files = Arc::new(Files::open(&settings.data_dir)?);
    let limits = &settings.limits;
    let uploads = Arc::new(Uploads::open(&settings.data_dir, limits.max_upload_bytes, limits.min_free_bytes)?);
    let inputs = Inputs::new(roots, Arc::clone(&uploads));
    let path = std::env::var_os("PATH");
    let tools = ffmpeg::locate(settings.ffmpeg.clone(), settings.ffprobe.clone(), path.as_deref())?;
    let toolchain = Toolchain::examine(tools, &settings.data_dir).await?;
    tracing::info!(
        ffmpeg = toolchain.version,
        encoders = toolchain.encoders.join(" "),
        "ffmpeg {} works",
        toolchain.version
    );
    let (ffmpeg_version, encoders) = (toolchain.version.clone(), toolchain.encoders.clone());
    let transcoder = Transcoder::new(toolchain, inputs, Arc::clone(&files), Arc::clone(&clock));
    let transcoder = transcoder.stall_after(settings.limits.stall_timeout).fetch_with(fetcher(settings));
    let transcoder = Arc::new(transcoder);
    let (draining, closing) = (CancellationToken::new(), CancellationToken::new());
    let pool = Pool {
        room: Room { queue: Arc::clone(&queue), transcoder: Arc::clone(&transcoder), files: Arc::clone(&files) },
        slots: settings.slots,
        cores: settings.cores,
        lease: settings.limits.lease,
        min_free_bytes: settings.limits.min_free_bytes,
        clock: Arc::clone(&clock),
        draining: draining.clone(),
    };
    let retention = retention(&settings.limits);
    let upkeep = Upkeep {
        queue: Arc::clone(&queue),
        files: Arc::clone(&files),
        uploads: Arc::clone(&uploads),
        clock: Arc::clone(&clock),
        retention,
        keep_uploads: limits.keep_uploads,
    };
    let context = Context::new(Parts {
        queue,
        transcoder,
        files,
        uploads,
        keep_uploads: limits.keep_uploads,
        presets,
        ffmpeg_version,
        encoders,
        slots: settings.slots,
        allow_raw_args: settings.allow_raw_args,
        allowed_hosts: settings.allowed_hosts.clone(),
        started_at: clock.now(),
        clock,
        metrics: Metrics::install()?,
        draining: draining.clone(),
        closing: closing.clone(),
    });
    Ok(Server { context, pool, upkeep, stop, draining, closing })
}

fn fetcher(settings: &Settings) -> Fetcher {
    Fetcher::new(Bounds {
        networks: Arc::new(Networks::new(settings.allowed_networks.clone())),
        max_bytes: settings.limits.max_input_bytes,
        reserve_bytes: settings.limits.min_free_bytes,
        ..Bounds::default()
    })
}

fn rules(limits: &Limits) -> Rules {
    let retry = RetryPolicy { delay: limits.retry_delay, most_crashes: limits.max_crashes, ..RetryPolicy::default() };
    Rules { retry, lease: limits.lease, most_queued: limits.max_queued, ..Rules::default() }
}

fn retention(limits: &Limits) -> Retention {
    Retention {
        succeeded: limits.keep_succeeded,
        failed: limits.keep_failed,
        cancelled: limits.keep_cancelled,
        most_events: limits.event_history,
    }
}

fn open_roots(paths: &[PathBuf]) -> Result<MediaRoots, Failure> {
    // The default needn't be there at the first start; a folder that somebody named should.
    if paths == [PathBuf::from(DEFAULT_MEDIA_ROOT)] {
        std::fs::create_dir_all(DEFAULT_MEDIA_ROOT)?;
    }
    MediaRoots::open(paths).map_err(|error| format!("a media root can't be opened: {error}").into())
}

/// Serves until stopped; then: no new jobs, running ones are stopped in their mode and put back, the event streams end
/// after the last event, the requests under way are answered.
async fn run_until_stopped(
    server: Server,
    listener: TcpListener,
    most_connections: usize,
    shutdown_timeout: Duration,
) -> Result<(), Failure> {
    let Server { context, pool, upkeep, stop, draining, closing } = server;
    let queue = Arc::clone(&context.queue);
    let done_serving = CancellationToken::new();
    let http = tokio::spawn(http::serve(listener, http::router(context), most_connections, done_serving.clone()));
    let pool = tokio::spawn(pool.run());
    let _upkeep = AbortOnDropHandle::new(tokio::spawn(upkeep.run()));
    stop.cancelled().await;
    tracing::info!("stopping: running jobs go back to the queue");
    draining.cancel();
    queue.stop_all();
    failpoint(Point::Stopping);
    let shut_down = async {
        let mut pool = pool;
        let patience = shutdown_timeout.saturating_sub(CLOSING_TIME).max(shutdown_timeout / 2);
        if timeout(patience, &mut pool).await.is_err() {
            tracing::warn!("some jobs did not stop in time; killing them");
            queue.kill_all();
            pool.await?;
        }
        failpoint(Point::Stopped);
        closing.cancel();
        done_serving.cancel();
        http.await
    };
    match timeout(shutdown_timeout, shut_down).await {
        Ok(Ok(())) => tracing::info!("stopped"),
        Ok(Err(panic)) => return Err(panic.into()),
        // What is left are clients that don't take their answers, or a disk that hangs; every job is safe on disk.
        Err(_) => tracing::warn!("stopped with clients still connected"),
    }
    Ok(())
}
