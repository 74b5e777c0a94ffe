//! What a job would do, without doing it.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::failure::Failure;
use crate::domain::input::shown;
use crate::domain::media::{FrameRate, MediaInfo};
use crate::domain::output::OutputSpec;
use crate::domain::planned::{PlannedAudio, PlannedCommand, PlannedMedia, PlannedOutput, PlannedVideo};
use crate::domain::request::{JobSpec, Work};
use crate::transcode::plan::{self, Fault, Make, Measured, Part, Plan, Planned, Surroundings, raw};
use crate::transcode::transcoder::{ProbeFailure, Transcoder};

/// What stands for the job's own folders in the arguments.
const OUTPUT: &str = "{output}";
const SCRATCH: &str = "{scratch}";

/// What a job would do.
#[derive(Debug)]
pub struct Planning {
    /// What was found in the input; none where it can't be read, or needn't be.
    pub input: Option<MediaInfo>,
    /// What would be made; none of those that can't be.
    pub outputs: Vec<PlannedOutput>,
    /// What would be run.
    pub commands: Vec<PlannedCommand>,
    /// Why the input can't be read.
    pub unreadable: Option<Failure>,
    /// Why single outputs can't be made, all of it.
    pub impossible: Vec<Impossible>,
}

/// Why an output can't be made.
#[derive(Clone, Debug)]
pub struct Impossible {
    /// The output's number among those of the job, and the others after them.
    pub output: usize,
    /// A JSON pointer into the output, e.g. `/video/codec`; empty for all of it.
    pub field: String,
    /// Why.
    pub failure: Failure,
}

impl Transcoder {
    /// Works out what a job would do. The input is looked at, but nothing is made. Of the `others` it is only found out why the
    /// input can't become them.
    ///
    /// # Errors
    /// Where the input can't be named like that or isn't there, or `token` is cancelled.
    ///
    /// # Cancel safety
    /// Dropping the future is the same as cancelling `token`.
    pub async fn plan(
        &self,
        token: &CancellationToken,
        spec: &JobSpec,
        others: &[OutputSpec],
    ) -> Result<Planning, ProbeFailure> {
        let lent = self.lend(token, &spec.input).await?;
        let (input, unreadable) = match self.facts(token, &lent.path).await {
            Ok(info) => (Some(info), None),
            Err(ProbeFailure::Media(failure)) => (None, Some(failure)),
            Err(error) => return Err(error),
        };
        let mut planning =
            Planning { input: None, outputs: Vec::new(), commands: Vec::new(), unreadable, impossible: Vec::new() };
        match &spec.work {
            Work::Args(args) => {
                let plan = raw::plan(args, Some(Path::new(&*shown(&spec.input))), Path::new(OUTPUT), None);
                if !raw::reads_input(args) {
                    planning.unreadable = None;
                }
                planning.add(&plan);
            }
            Work::Outputs(specs) => {
                if let Some(info) = &input {
                    self.plan_outputs(spec, (specs, others), info, &mut planning);
                }
            }
        }
        planning.input = input.map(|info| info.as_ref().clone());
        Ok(planning)
    }

    fn plan_outputs(
        &self,
        spec: &JobSpec,
        (specs, others): (&[OutputSpec], &[OutputSpec]),
        info: &MediaInfo,
        planning: &mut Planning,
    ) {
        let (measured, shown) = (Measured::default(), shown(&spec.input));
        let around = Surroundings {
            input: Path::new(&*shown),
            outputs: Path::new(OUTPUT),
            scratch: Path::new(SCRATCH),
            encoders: &self.encoders,
            threads: 0,
            crash_safe: spec.crash_safe,
            measured: &measured,
        };
        let faults = plan::faults(&[specs, others].concat(), info, around).into_iter();
        let named = |(output, Fault { field, failure })| Impossible { output, field, failure };
        planning.impossible = faults.map(named).collect();
        let impossible = |index: usize| planning.impossible.iter().any(|fault| fault.output == index);
        let possible: Vec<OutputSpec> =
            specs.iter().enumerate().filter(|(index, _)| !impossible(*index)).map(|(_, spec)| spec.clone()).collect();
        if !possible.is_empty() {
            match plan::plan(&possible, info, around) {
                Ok(plan) => planning.add(&plan),
                // Each alone is possible, so this can't be; it would be told all the same.
                Err(failure) => planning.unreadable = Some(failure),
            }
        }
    }
}

impl Planning {
    fn add(&mut self, plan: &Plan) {
        let argv = |args: &[std::ffi::OsString]| {
            let args = args.iter().map(|arg| arg.to_string_lossy().into_owned());
            std::iter::once("ffmpeg".to_owned()).chain(args).collect()
        };
        for measurement in &plan.measurements {
            self.commands.push(PlannedCommand { purpose: "measure".to_owned(), argv: argv(&measurement.args) });
        }
        self.commands.push(PlannedCommand { purpose: "transcode".to_owned(), argv: argv(&plan.args) });
        for planned in &plan.outputs {
            if planned.make == Make::Defragment
                && let Some(part) = planned.parts.first()
            {
                let (from, to) = (Path::new(OUTPUT).join(&part.file), Path::new(OUTPUT).join(&planned.spec.name));
                let remux = crate::transcode::make::remux::arguments(&from, &to, part.container);
                self.commands.push(PlannedCommand { purpose: "defragment".to_owned(), argv: argv(&remux) });
            }
        }
        self.outputs.extend(plan.outputs.iter().map(planned_output));
    }
}

fn planned_output(planned: &Planned) -> PlannedOutput {
    let millis = |time: Duration| u64::try_from(time.as_millis()).ok();
    let timed = !planned.spec.shape.is_pictures() && !planned.spec.container.is_text();
    PlannedOutput {
        name: planned.spec.name.clone(),
        container: planned.spec.container,
        duration_ms: planned.length.filter(|_| timed).and_then(|length| millis(length.expected)),
        holds: planned.parts.iter().map(held).collect(),
        decisions: planned.decisions.clone(),
    }
}

fn held(part: &Part) -> PlannedMedia {
    let thousandths = |rate: FrameRate| (rate.per_second() * 1000.0).round() / 1000.0;
    PlannedMedia {
        video: part.holds.video.as_ref().map(|video| PlannedVideo {
            codec: video.codec.clone(),
            width: video.size.map(|size| size.0),
            height: video.size.map(|size| size.1),
            fps: video.rate.map(thousandths),
        }),
        audio: part
            .holds
            .audio
            .iter()
            .map(|audio| PlannedAudio { codec: audio.codec.clone(), channels: audio.channels })
            .collect(),
        subtitle_tracks: part.holds.subtitles,
    }
}
