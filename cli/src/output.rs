//! Where a command's words go: diagnostics and progress to stderr, results to stdout.

use crate::args::{Format, LogFormat};
use crate::failure::Failure;
use diag::{Diags, SourceMap};
use std::io::{ErrorKind, IsTerminal, Write};

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Human or JSON lines.
    pub format: Format,
    /// How events and errors are told.
    pub log: LogFormat,
    /// How much is told.
    pub verbose: u8,
    /// In colour.
    pub color: bool,
}

impl Shown {
    /// For stderr as it is: colour where it is a terminal and `NO_COLOR` does not say otherwise.
    pub fn stderr(format: Format, log: LogFormat, verbose: u8) -> Shown {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Shown { format, log, verbose, color }
    }

    /// Arguments for a process of the same command that shall tell as this one does.
    pub fn arguments(&self, verb: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = verb.iter().map(|v| v.to_string()).collect();
        if self.log == LogFormat::Json {
            all.extend(["--log".to_string(), "json".to_string()]);
        }
        all.extend((0..self.verbose).map(|_| "-v".to_string()));
        all
    }

    /// Says something on stderr that needs no answer.
    pub fn note(&self, level: tracing::Level, text: &str) {
        match self.log {
            LogFormat::Human if level == tracing::Level::WARN => crate::log::write(&format!("warning: {text}\n")),
            LogFormat::Human => crate::log::write(&format!("{text}\n")),
            LogFormat::Json => {
                let fields = [("message".to_string(), text.into())];
                crate::log::write(&crate::log::line(self.log, level, "note", &fields));
            }
        }
    }

    /// Shows diagnostics in order of place: for people on stderr, or one JSON object a line on stderr.
    pub fn diags(&self, diags: &Diags, sources: &SourceMap) {
        let mut text = String::new();
        for d in diags.iter() {
            match (self.log, self.format) {
                (LogFormat::Json, _) => text.push_str(&event(d, sources)),
                (_, Format::Json) => text.push_str(&(diag::to_json(d, sources) + "\n")),
                _ => text.push_str(&crate::render::render(d, sources, self.color)),
            }
        }
        if diags.dropped_errors() > 0 && self.format != Format::Json && self.log == LogFormat::Human {
            text.push_str(&format!("… and {} more errors\n", diags.dropped_errors()));
        }
        // A closed stderr is nobody's fault, and there is nowhere to say so.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// A diagnostic as an event: its own fields after those that all events have.
fn event(d: &diag::Diag, sources: &SourceMap) -> String {
    let level = if d.severity == diag::Severity::Error { tracing::Level::ERROR } else { tracing::Level::WARN };
    let fields = match serde_json::from_str(&diag::to_json(d, sources)) {
        Ok(serde_json::Value::Object(fields)) => fields.into_iter().collect(),
        _ => Vec::new(),
    };
    crate::log::line(LogFormat::Json, level, "diagnostic", &fields)
}

/// Writes a result to stdout; a closed pipe ends the command quietly.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// As [`print()`], for what must not be lost: the results of a run.
///
/// # Errors
/// If they cannot be written, as when a disk is full. A closed pipe is its reader's choice.
pub fn deliver(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("the results cannot be written to standard output: {e}")))
        }
        _ => Ok(()),
    }
}
