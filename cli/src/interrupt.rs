//! Ctrl-C and SIGTERM as a wish to stop: the run ends, the others are told, and the exit code says so.

use node::Stop;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long a run may take to end after the wish; a second signal ends it at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// A wish that the next signal sets, from when this returns. Where signals cannot be heard the system's own way stays.
pub fn on_signal() -> Stop {
    let stop = Stop::default();
    let wish = stop.clone();
    let (listens, heard) = std::sync::mpsc::channel();
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
                return;
            };
            let _ = listens.send(());
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
            wish.set();
            tokio::select! { _ = int.recv() => {}, _ = term.recv() => {}, () = tokio::time::sleep(PATIENCE) => {} }
            std::process::exit(130);
        });
    };
    // Without the thread there is no listening, and signals end the process as ever.
    if std::thread::Builder::new().name("signals".into()).spawn(listen).is_ok() {
        // A thread that ends without a word has dropped its end.
        let _ = heard.recv();
    }
    stop
}
