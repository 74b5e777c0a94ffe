//! A media root, a data folder and a transcoder, all in a temporary folder.

#![expect(clippy::unwrap_used, reason = "a test fails where a step of it does")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;
use transcoded::domain::failure::Failure;
use transcoded::domain::id::JobId;
use transcoded::domain::job::{CancelReason, JobProgress, Output, Phase};
use transcoded::domain::log::LogLevel;
use transcoded::domain::preset::Presets;
use transcoded::domain::request::{JobRequest, JobSpec};
use transcoded::domain::time::{SystemClock, Timestamp};
use transcoded::ffmpeg::{self, ENCODER_CANDIDATES};
use transcoded::storage::{Files, Inputs, MediaRoots, Uploads};
use transcoded::transcode::{Controls, End, Observer, Order, Outcome, Toolchain, Transcoder};

pub(crate) struct World {
    folder: TempDir,
    pub(crate) transcoder: Transcoder,
    pub(crate) files: Arc<Files>,
    jobs: AtomicU8,
}

/// Remembers what it is told, and may stop the job in a phase; where that runs ffmpeg, once it has come some way.
#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) progress: Mutex<Vec<JobProgress>>,
    pub(crate) log: Mutex<Vec<String>>,
    pub(crate) stop_at: Option<(Phase, Controls)>,
}

impl Observer for Witness {
    fn started(&self, pid: u32) {
        assert!(pid > 1);
    }

    fn progress(&self, progress: JobProgress) {
        if let Some((phase, controls)) = &self.stop_at {
            let encoded = progress.frame.unwrap_or(0) > 50 || progress.out_time_ms.unwrap_or(0) > 2000;
            let runs_ffmpeg = matches!(phase, Phase::Analyzing | Phase::Transcoding);
            if progress.phase == *phase && (encoded || !runs_ffmpeg) {
                // A stop without a reason would be the server's own.
                let _ = controls.reason.set(CancelReason::Client);
                controls.stop.cancel();
            }
        }
        self.progress.lock().unwrap().push(progress);
    }

    fn log(&self, _: LogLevel, line: &str) {
        self.log.lock().unwrap().push(line.to_owned());
    }
}

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let media = folder.path().join("media");
        std::fs::create_dir(&media).unwrap();
        let roots = MediaRoots::open(&[media]).unwrap();
        let uploads = Uploads::open(&folder.path().join("data"), u64::MAX, 0).unwrap();
        let inputs = Inputs::new(roots, Arc::new(uploads));
        let files = Arc::new(Files::open(&folder.path().join("data")).unwrap());
        let tools = ffmpeg::locate_in_environment().expect("ffmpeg is installed");
        let encoders = ENCODER_CANDIDATES.iter().map(|&name| name.to_owned()).collect();
        let toolchain = Toolchain { tools, version: String::new(), encoders };
        let transcoder = Transcoder::new(toolchain, inputs, Arc::clone(&files), Arc::new(SystemClock));
        Self { folder, transcoder, files, jobs: AtomicU8::new(0) }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("media").join(name)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Makes a clip with ffmpeg. `{name}` in the arguments stands for the path of an earlier clip.
    pub(crate) fn clip(&self, args: &str, name: &str) {
        let args = args.replace('{', &format!("{}/", self.path("").display())).replace('}', "");
        let status = cli().args(["-y"]).args(args.split_whitespace()).arg(self.path(name)).status().unwrap();
        assert!(status.success());
    }

    /// A second of moving picture and stereo sound, small and quick to decode.
    pub(crate) fn small_clip(&self) {
        self.clip(
            "-f lavfi -i testsrc2=size=160x120:rate=25:duration=1 -f lavfi -i sine=duration=1:sample_rate=48000 -ac 2 \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
            "in.mp4",
        );
    }

    /// Hours of an almost still picture, for jobs that are stopped on their way.
    pub(crate) fn long_clip(&self) {
        self.clip(
            "-f lavfi -i color=size=160x120:rate=10:duration=5 -f lavfi -i sine=duration=5:sample_rate=48000 \
             -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac",
            "short.mp4",
        );
        self.clip("-stream_loop 2800 -i {short.mp4} -c copy", "long.mp4");
    }

    pub(crate) fn bunny(&self) {
        let bunny = Path::new(env!("CARGO_MANIFEST_DIR")).join("media/bigbuckbunny.mp4");
        std::fs::copy(bunny, self.path("bunny.mp4")).unwrap();
    }

    pub(crate) async fn run(&self, spec: &JobSpec, controls: &Controls, witness: &Witness) -> (JobId, Outcome) {
        let number = self.jobs.fetch_add(1, Ordering::Relaxed);
        let job = JobId::new(Timestamp::from_millis(1_700_000_000_000), &[number; 10]);
        let order = Order { job, attempt: 1, spec, threads: 1 };
        let outcome = self.transcoder.run(order, controls, witness).await;
        let left: Vec<_> = std::fs::read_dir(self.data().join("work")).unwrap().collect();
        assert!(left.is_empty(), "scratch space is left: {left:?}");
        (job, outcome)
    }

    /// The files that are published of a job.
    pub(crate) fn published(&self, job: JobId) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.data().join("jobs").join(job.to_string()).join("1/outputs"));
        folder.map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default()
    }

    /// Runs a job that must succeed; the outputs' files are there, and are what the job says of them.
    pub(crate) async fn succeed(&self, request: Value) -> Vec<Output> {
        self.succeed_as(request).await.1
    }

    /// The same, and which job it was.
    pub(crate) async fn succeed_as(&self, request: Value) -> (JobId, Vec<Output>) {
        let witness = Witness::default();
        let (job, outcome) = self.run(&spec(request.clone()), &Controls::default(), &witness).await;
        let End::Succeeded(outputs) = outcome.end else { panic!("{request}: {:?}", outcome.end) };
        assert_eq!((outcome.exit_code, outcome.signal), (Some(0), None));
        assert!(!outcome.cpu.is_zero() && outcome.peak_memory_bytes.is_some());
        for output in &outputs {
            let file = std::fs::metadata(self.files.output(job, 1, &output.name)).expect("published");
            assert!(file.is_dir() || output.size_bytes == Some(file.len()));
            assert_eq!(output.sha256.as_ref().map(String::len), Some(64));
            assert!(!output.partial && output.url.is_none());
        }
        assert_eq!(self.published(job).len(), outputs.len(), "nothing else is published");
        self.check_witness(&witness);
        (job, outputs)
    }

    fn check_witness(&self, witness: &Witness) {
        let progress = witness.progress.lock().unwrap();
        let percents: Vec<f64> = progress.iter().filter_map(|progress| progress.percent).collect();
        assert!(percents.is_sorted(), "{percents:?}");
        assert!(percents.iter().rev().skip(1).all(|percent| *percent < 100.0), "{percents:?}");
        assert!(percents.last().is_some_and(|last| *last >= 100.0));
        let mut phases: Vec<u8> = progress.iter().map(|progress| progress.phase as u8).collect();
        assert!(phases.is_sorted(), "{phases:?}");
        phases.dedup();
        for phase in [Phase::Preparing, Phase::Transcoding, Phase::Verifying, Phase::Publishing] {
            assert!(phases.contains(&(phase as u8)), "{phases:?}");
        }
        let folder = self.folder.path().display().to_string();
        for line in witness.log.lock().unwrap().iter() {
            assert!(!line.contains(&folder), "a path leaked: {line}");
        }
    }

    /// Runs a job that must fail.
    pub(crate) async fn fail(&self, request: Value) -> Failure {
        let (job, outcome) = self.run(&spec(request.clone()), &Controls::default(), &Witness::default()).await;
        let End::Failed(failure) = outcome.end else { panic!("{request}: {:?}", outcome.end) };
        let folder = self.folder.path().display().to_string();
        assert!(!failure.message.contains(&folder) && !failure.message.contains(" @ 0x"), "{}", failure.message);
        let log = self.files.read_log(job, 1).unwrap().expect("a log");
        assert!(!log.contains(&folder), "a path leaked: {log}");
        assert!(self.published(job).is_empty());
        failure
    }

    /// Runs a job with one output, which must succeed.
    pub(crate) async fn one(&self, input: &str, output: Value) -> Output {
        self.one_of(input, output).await.1
    }

    /// The same, and which job it was.
    pub(crate) async fn one_of(&self, input: &str, output: Value) -> (JobId, Output) {
        let (job, mut outputs) = self.succeed_as(json!({ "input": input, "outputs": [output] })).await;
        (job, outputs.remove(0))
    }
}

/// What ffprobe says of a file.
pub(crate) fn describe(path: &Path) -> Value {
    let ffprobe = ffmpeg::locate_in_environment().expect("ffmpeg is installed").ffprobe;
    let mut command = Command::new(ffprobe);
    let what = ["-show_format", "-show_streams", "-show_chapters", "-of", "json"];
    let told = command.args(["-v", "error"]).args(what).arg(path).output();
    serde_json::from_slice(&told.unwrap().stdout).unwrap()
}

/// What ffmpeg says on standard error.
pub(crate) fn said(args: &[&str]) -> String {
    let mut command = Command::new(ffmpeg::locate_in_environment().expect("ffmpeg is installed").ffmpeg);
    let output = command.args(["-hide_banner", "-nostats"]).args(args).stdin(std::process::Stdio::null()).output();
    String::from_utf8_lossy(&output.unwrap().stderr).into_owned()
}

/// How bright a picture, or the first frame of a film, is on average: 0 to 255.
pub(crate) fn grey(path: &Path) -> u8 {
    let mut command = cli();
    let shrunk =
        command.arg("-i").arg(path).args(["-frames:v", "1", "-vf", "scale=1:1,format=gray", "-f", "rawvideo", "-"]);
    shrunk.output().unwrap().stdout[0]
}

pub(crate) fn spec(request: Value) -> JobSpec {
    let request: JobRequest = serde_json::from_value(request).unwrap();
    request.check(&Presets::built_in(), true).unwrap()
}

pub(crate) fn cli() -> Command {
    let mut command = Command::new(ffmpeg::locate_in_environment().expect("ffmpeg is installed").ffmpeg);
    command.args(["-v", "error"]).stdin(std::process::Stdio::null());
    command
}

/// Whether ffmpeg decodes the file without any error.
pub(crate) fn decodes(path: &Path) -> bool {
    cli().args(["-xerror", "-i"]).arg(path).args(["-f", "null", "-"]).status().unwrap().success()
}
