//! Failures to meet, in a node's words.

use net::tcp::ConnectError;

use crate::NodeError;

/// A node's error for a meeting that failed.
pub(crate) fn connect_error(e: ConnectError) -> NodeError {
    let what = e.to_string();
    match e {
        ConnectError::Setup(_) => NodeError::Connect { peer: None, what },
        ConnectError::Interrupted => NodeError::Interrupted,
        ConnectError::Version { peer, name, mine, theirs } => {
            NodeError::Disagree { field: "wire version".into(), mine, theirs, peer, name }
        }
        ConnectError::Identity { peer, .. }
        | ConnectError::Refused { peer, .. }
        | ConnectError::Absent { peer, .. } => NodeError::Connect { peer: Some(peer), what },
    }
}

/// What the others are told: the body of an abort.
pub(crate) fn farewell(e: &ConnectError) -> Vec<u8> {
    connect_error(e.clone()).word().bytes()
}
