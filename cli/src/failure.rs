//! How a command ends badly: text for stderr, and an exit code.
//!
//! 0 ok, 1 program, test, or budget failed, 2 usage or configuration, 3 bad input data, 4 peer, network, or deadline, 5
//! cheating or corruption, 6 refused by policy, 7 parties disagree, 8 resource limit, 101 a bug of ours, 130 interrupted.

/// A command's failure.
#[derive(Debug)]
pub enum Failure {
    /// Everything was shown already.
    Shown(u8),
    /// Text as it is, already rendered.
    Text(u8, String),
    /// A sentence.
    Says(u8, String),
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
            Failure::Shown(code) | Failure::Text(code, _) | Failure::Says(code, _) => *code,
            Failure::Ours(_) => 101,
        }
    }

    /// What goes to stderr; may be empty.
    pub fn text(&self) -> String {
        match self {
            Failure::Shown(_) => String::new(),
            Failure::Text(_, text) => text.clone(),
            Failure::Says(_, text) => format!("error: {text}\n"),
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
            _ => Failure::Says(e.exit(), e.to_string()),
        }
    }
}
