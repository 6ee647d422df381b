//! Where a command's words go: diagnostics and progress to stderr, results to stdout.

use crate::args::Format;
use diag::{Diags, SourceMap};
use std::io::{IsTerminal, Write};

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Human or JSON lines.
    pub format: Format,
    /// In colour.
    pub color: bool,
}

impl Shown {
    /// For stderr as it is: colour where it is a terminal and `NO_COLOR` does not say otherwise.
    pub fn stderr(format: Format) -> Shown {
        let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Shown { format, color }
    }

    /// Shows diagnostics in order of place: for people on stderr, or one JSON object a line on stderr.
    pub fn diags(&self, diags: &Diags, sources: &SourceMap) {
        let mut text = String::new();
        for d in diags.iter() {
            match self.format {
                Format::Json => {
                    text.push_str(&diag::to_json(d, sources));
                    text.push('\n');
                }
                _ => text.push_str(&crate::render::render(d, sources, self.color)),
            }
        }
        if diags.dropped_errors() > 0 && self.format != Format::Json {
            text.push_str(&format!("… and {} more errors\n", diags.dropped_errors()));
        }
        // A closed stderr is nobody's fault, and there is nowhere to say so.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Writes a result to stdout; a closed pipe ends the command quietly.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
