//! The program's own SIGINT and SIGTERM: the first asks, the second ends.

use std::io;
use std::process;
use std::sync::mpsc;
use std::thread;

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::guardian;

/// Cancels `token` at the first SIGINT or SIGTERM. At the second the program kills what it runs and exits at once, with
/// code 130 or 143.
///
/// A thread of its own listens, so the second signal works however busy the runtime is. Both signals are taken over
/// once this returns, for as long as the program runs.
///
/// # Errors
/// When the thread or the handlers can't be set up.
pub fn cancel_on_signals(token: CancellationToken) -> io::Result<()> {
    let (ready, is_ready) = mpsc::channel();
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let listening = runtime::Builder::new_current_thread().enable_io().build().and_then(|runtime| {
            let inside = runtime.enter();
            let both = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            drop(inside);
            Ok((runtime, both))
        });
        match listening {
            Ok((runtime, both)) => {
                let _ = ready.send(Ok(()));
                runtime.block_on(listen(both, &token));
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    })?;
    is_ready.recv().map_err(io::Error::other)?
}

async fn listen((mut interrupt, mut terminate): (Signal, Signal), token: &CancellationToken) {
    next(&mut interrupt, &mut terminate).await;
    token.cancel();
    let code = next(&mut interrupt, &mut terminate).await;
    guardian::kill_all();
    process::exit(code);
}

/// Waits for a signal and returns the exit code that stands for it.
async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> i32 {
    tokio::select! {
        _ = interrupt.recv() => 130,
        _ = terminate.recv() => 143,
    }
}
