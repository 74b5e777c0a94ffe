//! A user changes their mind: another task cancels the token, and the file that is there plays.

use std::error::Error;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, GLOBAL_ARGS};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools = ffmpeg::locate_in_environment()?;
    let output = std::env::temp_dir().join("cancelled.mkv");
    let command = Command::new(&tools.ffmpeg)
        .args(GLOBAL_ARGS)
        .args(["-stream_loop", "20", "-i", "media/bigbuckbunny.mp4", "-preset", "slow"])
        .arg(&output);

    let token = CancellationToken::new();
    let user = token.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        println!("the user cancels");
        user.cancel();
    });
    let (monitor, _watched) = ffmpeg::monitor();
    let report = ffmpeg::graceful(&token, command, monitor).await;

    println!("{:?} by {:?}", report.ending, report.stop);
    let facts = ffmpeg::probe(&CancellationToken::new(), &tools.ffprobe, &output, Duration::from_secs(10)).await?;
    println!("{} holds {} ms", output.display(), facts.duration_ms.unwrap_or_default());
    Ok(())
}
