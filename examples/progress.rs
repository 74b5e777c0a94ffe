//! Shows how far a transcode has got, and how long it will take.

use std::error::Error;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, Estimator, GLOBAL_ARGS};

const INPUT: &str = "media/bigbuckbunny.mp4";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let token = CancellationToken::new();
    let tools = ffmpeg::locate_in_environment()?;
    let facts = ffmpeg::probe(&token, &tools.ffprobe, INPUT.as_ref(), Duration::from_secs(10)).await?;
    let mut estimator = Estimator::new(facts.duration_ms.map(Duration::from_millis));

    let output = std::env::temp_dir().join("progress.mp4");
    let command = Command::new(&tools.ffmpeg).args(GLOBAL_ARGS).args(["-i", INPUT, "-preset", "slow"]).arg(&output);
    let (monitor, watched) = ffmpeg::monitor();
    let show = async {
        let (mut blocks, started) = (watched.progress(), Instant::now());
        while blocks.changed().await.is_ok() {
            if let Some(block) = blocks.borrow_and_update().as_ref() {
                let estimate = estimator.update(block, started.elapsed());
                let percent = estimate.percent.map_or("?".to_owned(), |percent| format!("{percent:.0}"));
                let left = estimate.eta.map_or("?".to_owned(), |eta| format!("{eta:.1?}"));
                println!("{percent} %, {left} left, {:.1}×", block.speed.unwrap_or_default());
            }
        }
    };
    let (report, ()) = tokio::join!(ffmpeg::standard(&token, command, monitor), show);
    println!("{:?} with {:?} after {:.1?}", report.ending, report.exit, report.wall);
    Ok(())
}
