//! Transcodes a clip, in the cheapest of the three modes.

use std::error::Error;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, GLOBAL_ARGS};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools = ffmpeg::locate_in_environment()?;
    let output = std::env::temp_dir().join("basic.mp4");
    let command = Command::new(&tools.ffmpeg)
        .args(GLOBAL_ARGS)
        .args(["-i", "media/bigbuckbunny.mp4", "-vf", "scale=640:-2", "-preset", "veryfast"])
        .arg(&output);

    let report = ffmpeg::slim(&CancellationToken::new(), command).await;

    if !report.succeeded() {
        return Err(format!("ffmpeg failed: {}", report.errors.join("; ")).into());
    }
    println!("made {} in {:.1?}, with {:.1?} of processor time", output.display(), report.wall, report.cpu);
    Ok(())
}
