//! Gives a transcode two seconds. In graceful mode what was encoded by then is a file that plays.

use std::error::Error;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, Ending, GLOBAL_ARGS, StopStep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools = ffmpeg::locate_in_environment()?;
    let output = std::env::temp_dir().join("timeout.mp4");
    let command = Command::new(&tools.ffmpeg)
        .args(GLOBAL_ARGS)
        .args(["-stream_loop", "20", "-i", "media/bigbuckbunny.mp4", "-preset", "slow"])
        .arg(&output)
        .timeout(Duration::from_secs(2));
    let (monitor, _watched) = ffmpeg::monitor();
    let report = ffmpeg::graceful(&CancellationToken::new(), command, monitor).await;

    assert!(matches!(report.ending, Ending::TimedOut), "{report:?}");
    let plays = report.stop.is_some_and(|stop| stop.step < StopStep::Kill);
    println!(
        "timed out after {:.1?}; {} {}",
        report.wall,
        output.display(),
        if plays { "plays" } else { "may not play" }
    );
    Ok(())
}
