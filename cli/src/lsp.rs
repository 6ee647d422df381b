//! `mpcc lsp`: the language server over standard input and output. Knows transport and files; answers are `lsp`'s.

use crate::failure::Failure;
use crate::files;
use ::lsp::{Files, Server};
use lsp_server::{Connection, Message, Notification, Response};
use std::path::Path;

/// Files on disk.
struct Disk;

impl Files for Disk {
    fn read(&mut self, path: &str) -> Option<String> {
        files::read(Path::new(path)).ok()
    }

    fn beside(&mut self, path: &str) -> Vec<String> {
        let Some(entries) = Path::new(path).parent().and_then(|d| std::fs::read_dir(d).ok()) else { return Vec::new() };
        let paths = entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == "mpc"));
        let mut out: Vec<String> = paths.map(|p| p.display().to_string()).collect();
        out.sort();
        out
    }
}

/// Serves until the client says goodbye.
///
/// # Errors
/// The client breaks the protocol, or vanishes without a goodbye.
pub fn serve() -> Result<(), Failure> {
    let broken = |e: &dyn std::fmt::Display| Failure::Says(2, format!("language server: {e}"));
    let (connection, threads) = Connection::stdio();
    let (id, _) = connection.initialize_start().map_err(|e| broken(&e))?;
    let hello = serde_json::json!({
        "capabilities": ::lsp::capabilities(),
        "serverInfo": {"name": "mpcc", "version": env!("CARGO_PKG_VERSION")},
    });
    connection.initialize_finish(id, hello).map_err(|e| broken(&e))?;
    let mut server = Server::new(Disk);
    let mut goodbye = false;
    for message in &connection.receiver {
        let answers = match message {
            Message::Request(request) => {
                if connection.handle_shutdown(&request).map_err(|e| broken(&e))? {
                    goodbye = true;
                    break;
                }
                vec![Message::Response(match server.request(&request.method, request.params) {
                    Ok(value) => Response::new_ok(request.id, value),
                    Err((code, what)) => Response::new_err(request.id, code, what),
                })]
            }
            Message::Notification(n) => {
                let out = server.notify(&n.method, n.params);
                out.into_iter().map(|(m, p)| Message::Notification(Notification::new(m.into(), p))).collect()
            }
            Message::Response(_) => Vec::new(),
        };
        for answer in answers {
            connection.sender.send(answer).map_err(|e| broken(&e))?;
        }
    }
    drop(connection);
    threads.join().map_err(|e| broken(&e))?;
    if goodbye { Ok(()) } else { Err(Failure::Says(2, "language server: the client left without a goodbye".into())) }
}
