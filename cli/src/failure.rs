//! How a command ends badly: text for stderr, and an exit code.
//!
//! 0 ok, 1 program, test, or budget failed, 2 usage or configuration, 3 bad input data, 4 peer, network, or deadline, 5
//! cheating or corruption, 6 refused by policy, 7 parties disagree, 8 resource limit, 101 a bug of ours, 130 interrupted.

use crate::args::LogFormat;
use crate::log;

/// A command's failure.
#[derive(Debug)]
pub enum Failure {
    /// Everything was shown already.
    Shown(u8),
    /// Text as it is, already rendered.
    Text(u8, String),
    /// A sentence.
    Says(u8, String),
    /// Words for whoever sits here, who may see cells of the own file, and words for a log, which may not.
    Private(u8, String, String),
    /// We are wrong.
    Ours(String),
}

impl Failure {
    /// Wrong use of the command.
    pub fn usage(text: impl Into<String>) -> Failure {
        Failure::Says(2, text.into())
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Shown(code) | Failure::Text(code, _) | Failure::Says(code, _) | Failure::Private(code, ..) => {
                *code
            }
            Failure::Ours(_) => 101,
        }
    }

    /// Says it on stderr.
    pub fn tell(&self, format: LogFormat) {
        let (Failure::Text(..) | Failure::Says(..) | Failure::Private(..) | Failure::Ours(_)) = self else { return };
        if format == LogFormat::Human {
            return log::write(&self.text());
        }
        let message = match self {
            Failure::Private(_, _, text) => text.clone(),
            other => other.text().trim_end().to_string(),
        };
        let fields = [("exit".to_string(), self.code().into()), ("message".to_string(), message.into())];
        log::write(&log::line(format, tracing::Level::ERROR, "failed", &fields));
    }

    /// What goes to stderr; may be empty.
    pub fn text(&self) -> String {
        match self {
            Failure::Shown(_) => String::new(),
            Failure::Text(_, text) => text.clone(),
            Failure::Says(_, text) | Failure::Private(_, text, _) => format!("error: {text}\n"),
            Failure::Ours(text) => format!("internal error: {text}\nThis is a bug of mpcc, not of the program.\n"),
        }
    }
}

impl From<node::NodeError> for Failure {
    fn from(e: node::NodeError) -> Failure {
        match &e {
            // Compile errors come rendered.
            node::NodeError::Compile(c) => Failure::Text(e.exit(), c.message.clone()),
            node::NodeError::Internal(what) => Failure::Ours(what.clone()),
            node::NodeError::Data(data) => Failure::Private(e.exit(), e.to_string(), data.without_cells()),
            _ => Failure::Says(e.exit(), e.to_string()),
        }
    }
}
