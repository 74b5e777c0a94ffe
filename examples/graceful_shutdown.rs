//! Press Ctrl-C: ffmpeg finishes its file, which plays. Press it twice: everything ends at once.

use std::error::Error;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, Ending, GLOBAL_ARGS, StopStep};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = CancellationToken::new();
    ffmpeg::cancel_on_signals(token.clone())?;

    let tools = ffmpeg::locate_in_environment()?;
    let output = std::env::temp_dir().join("graceful_shutdown.mp4");
    let command = Command::new(&tools.ffmpeg)
        .args(GLOBAL_ARGS)
        .args(["-stream_loop", "20", "-i", "media/bigbuckbunny.mp4", "-preset", "slow"])
        .arg(&output);
    let (monitor, _watched) = ffmpeg::monitor();
    println!("Encoding; press Ctrl-C to stop and keep what there is.");
    let report = ffmpeg::graceful(&token, command, monitor).await;

    match (report.ending, report.stop) {
        (Ending::Stopped, Some(stop)) if stop.step < StopStep::Kill => {
            println!("stopped by {:?} after {:.1?}; {} plays", stop.step, stop.took, output.display());
        }
        (Ending::Stopped, _) => println!("killed; {} may not play", output.display()),
        (ending, _) => println!("{ending:?} with {:?}: {}", report.exit, output.display()),
    }
    Ok(())
}
