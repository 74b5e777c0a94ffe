//! Several transcodes under one root token: each can be cancelled alone, and the root cancels what is left.

use std::error::Error;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use transcoded::ffmpeg::{self, Command, GLOBAL_ARGS, Tools};

fn encode(tools: &Tools, name: &str) -> Command {
    Command::new(&tools.ffmpeg)
        .args(GLOBAL_ARGS)
        .args(["-stream_loop", "20", "-i", "media/bigbuckbunny.mp4", "-preset", "slow", "-threads", "1"])
        .arg(std::env::temp_dir().join(name))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tools = ffmpeg::locate_in_environment()?;
    let root = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let mut tokens = Vec::new();
    for number in 0..3 {
        let (token, name) = (root.child_token(), format!("many_tasks-{number}.mp4"));
        let command = encode(&tools, &name);
        tokens.push(token.clone());
        tasks.spawn(async move {
            let (monitor, _watched) = ffmpeg::monitor();
            (name, ffmpeg::graceful(&token, command, monitor).await)
        });
    }

    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("cancelling the first one only");
    tokens[0].cancel();
    tokio::time::sleep(Duration::from_secs(2)).await;
    println!("cancelling all");
    root.cancel();

    while let Some(ended) = tasks.join_next().await {
        let (name, report) = ended?;
        println!("{name}: {:?} after {:.1?}", report.ending, report.wall);
    }
    Ok(())
}
