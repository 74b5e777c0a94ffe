//! Faults from outside: what happens then, and that nobody else is harmed. `docs/RELIABILITY.md` names each test beside the
//! promise that it defends.

mod clients;
mod database;
mod disks;
mod ffmpeg;
mod inputs;
mod lies;
mod many;
mod races;
mod shutdown;

use serde_json::{Value, json};

use crate::harness::{Server, clip, eventually, processes_naming};

/// The same numbers in every run.
struct Random(u64);

impl Random {
    /// A number below `bound` (the step of splitmix64).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)) % bound
    }
}

/// A job that the real ffmpeg does, whatever is done to the others.
fn neighbour() -> Value {
    json!({"input": clip(), "outputs": [{"name": "neighbour.wav"}]})
}

/// Submits a neighbour, which must succeed at the first try.
async fn a_neighbour_is_unharmed(server: &Server) {
    let id = server.submit(&neighbour()).await;
    let job = server.over(&id).await;
    assert_eq!((job["state"].as_str(), attempts(&job)), (Some("succeeded"), 1), "{job:#}");
}

fn attempts(job: &Value) -> usize {
    job["attempts"].as_array().unwrap().len()
}

/// How the attempts ended, by the code of the failure or else by the outcome.
fn endings(job: &Value) -> Vec<String> {
    let ending = |attempt: &Value| {
        let code = attempt["error"]["code"].as_str().or(attempt["outcome"].as_str());
        code.unwrap_or("open").to_owned()
    };
    job["attempts"].as_array().unwrap().iter().map(ending).collect()
}

/// Waits until the job runs.
async fn runs(server: &Server, id: &str) {
    eventually("the job's ffmpeg to run", || async {
        (server.job(id).await["state"] == "running" && !processes_naming(id).is_empty()).then_some(())
    })
    .await;
}

/// Waits until the job is in this state.
async fn is(server: &Server, id: &str, state: &str) -> Value {
    eventually(state, || async { Some(server.job(id).await).filter(|job| job["state"] == state) }).await
}

/// Checks that no process, scratch folder or output of a job is left. Its files go after its end is told.
async fn nothing_is_left_of(server: &Server, id: &str) {
    assert_eq!(processes_naming(id), []);
    eventually("the files of the job to go", || async {
        let work = std::fs::read_dir(server.data_dir().join("work")).unwrap().flatten();
        let scratch = work.filter(|entry| entry.file_name().to_string_lossy().starts_with(id)).count();
        let folder = std::fs::read_dir(server.data_dir().join("jobs").join(id)).into_iter().flatten().flatten();
        let published = folder.filter(|attempt| attempt.path().join("outputs").exists()).count();
        (scratch + published == 0).then_some(())
    })
    .await;
}
