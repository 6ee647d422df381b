//! A node as a process of its own, started by [`crate::processes`] on the same machine.
//!
//! Its configuration is a file that only its user may read; it says on stdout where it listens, is told on stdin where the
//! others are, and reports as lines of JSON. When stdin closes, whoever started it is gone, and so is it. Knows neither
//! the language nor the command line.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use circuit::{Column, Elem};
use net::tcp::{self, Peer};
use net::tls::{Fingerprint, Identity};
use net::{Call, Stop};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::connect::{connect_error, farewell};
use crate::data::{Inputs, Named, named};
use crate::kept::Store;
use crate::session::{self, Settings};
use crate::stats::{Clock, NodeStats, peak_memory};
use crate::timeline::Record;
use crate::{NodeError, ProgramObject, Sizes};

/// What a child process needs to know.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) me: usize,
    pub(crate) names: Vec<String>,
    pub(crate) deadline_ms: u64,
    pub(crate) wait_ms: u64,
    pub(crate) protocol: String,
    pub(crate) parameters: String,
    pub(crate) profile: String,
    pub(crate) memory: u64,
    pub(crate) record: Record,
    pub(crate) store: Option<Store>,
    /// Certificate and key.
    pub(crate) identity: String,
    /// Of all nodes' certificates.
    pub(crate) fingerprints: Vec<String>,
    /// For whoever makes the program object: opaque here.
    pub(crate) program: serde_json::Value,
}

/// What a child says, one line each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Listening(String),
    Step(u64),
    Done(Box<Done>),
    Failed(NodeError),
}

/// What a child hands back at the end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Done {
    pub(crate) stats: NodeStats,
    pub(crate) sizes: Sizes,
    pub(crate) peak_memory: u64,
    pub(crate) leaves: Vec<Named>,
    pub(crate) outputs: Vec<Option<Packed>>,
}

/// A column of results: bits of its elements, and lanes as little-endian words in hexadecimal.
#[derive(Serialize, Deserialize)]
pub(crate) struct Packed {
    bits: u8,
    lanes: String,
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packed({} bits)", self.bits)
    }
}

impl Packed {
    fn new(column: &Column) -> Packed {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes = (column.word_bits() / 8) as usize;
        let mut lanes = String::with_capacity(column.len() * bytes * 2);
        for lane in 0..column.len() {
            for byte in &column.get(lane).to_le_bytes()[..bytes] {
                lanes.push(DIGITS[usize::from(byte >> 4)].into());
                lanes.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
        Packed { bits: column.word_bits() as u8, lanes }
    }

    pub(crate) fn column(&self) -> Option<Column> {
        let digits = usize::from(self.bits) / 4;
        if !matches!(self.bits, 8 | 16 | 32 | 64 | 128) || !self.lanes.len().is_multiple_of(digits) {
            return None;
        }
        let mut column = Column::with_capacity(Elem::Int { signed: false, bits: self.bits }, self.lanes.len() / digits);
        for lane in self.lanes.as_bytes().chunks(digits) {
            let mut value = 0u128;
            for (k, pair) in lane.chunks(2).enumerate() {
                let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
                value |= u128::from(byte) << (8 * k);
            }
            column.push(value);
        }
        Some(column)
    }
}

/// The addresses of all nodes, by index: what a child is told.
#[derive(Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) addresses: Vec<String>,
}

fn say(line: &Line) -> Result<(), NodeError> {
    let mut text = serde_json::to_string(line).map_err(|e| NodeError::Internal(e.to_string()))?;
    text.push('\n');
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|e| NodeError::Usage(format!("nobody reads this node's results: {e}")))
}

/// Runs the node that the file `config` describes, and says the result on stdout. `make` gives the program object and the
/// inputs of this node, from what [`crate::processes::Launch::program`] held and the node's index. The exit code.
pub fn run<F>(config: &Path, make: F) -> u8
where
    F: FnOnce(&serde_json::Value, usize) -> Result<(Box<dyn ProgramObject>, Inputs), NodeError>,
{
    let done = node(config, make);
    let (line, code) = match done {
        Ok(done) => (Line::Done(Box::new(done)), 0),
        Err(e) => {
            let code = e.exit();
            (Line::Failed(e), code)
        }
    };
    match say(&line) {
        Ok(()) => code,
        Err(e) => e.exit(),
    }
}

fn node<F>(config: &Path, make: F) -> Result<Done, NodeError>
where
    F: FnOnce(&serde_json::Value, usize) -> Result<(Box<dyn ProgramObject>, Inputs), NodeError>,
{
    let usage = |what: String| NodeError::Usage(format!("{}: {what}", config.display()));
    let text = Zeroizing::new(std::fs::read_to_string(config).map_err(|e| usage(e.to_string()))?);
    let mut config: Config =
        serde_json::from_str(&text).map_err(|e| usage(format!("line {}: no configuration", e.line())))?;
    let nodes = config.names.len();
    if config.me >= nodes || config.fingerprints.len() != nodes {
        return Err(NodeError::Usage("the configuration of this node contradicts itself".into()));
    }
    let identity = Identity::from_pem(&config.identity).map_err(NodeError::Usage);
    config.identity.zeroize();
    let identity = identity?;
    let listener = std::net::TcpListener::bind("127.0.0.1:0");
    let listener = listener.map_err(|e| NodeError::Usage(format!("this node cannot listen: {e}")))?;
    let address = listener.local_addr().map_err(|e| NodeError::Internal(e.to_string()))?;
    say(&Line::Listening(address.to_string()))?;

    // While the others start, this node reads its inputs.
    let wait = Duration::from_millis(config.wait_ms);
    let addresses = addresses_from_stdin();
    let (object, inputs) = make(&config.program, config.me)?;
    let addresses =
        addresses.recv_timeout(wait).map_err(|_| NodeError::Usage("nobody says where the peers are".into()))?;
    if addresses.len() != nodes {
        return Err(NodeError::Usage(format!("{} addresses for {nodes} nodes", addresses.len())));
    }
    let mut peers = Vec::new();
    for ((name, address), fingerprint) in config.names.iter().zip(addresses).zip(&config.fingerprints) {
        let fingerprint: Fingerprint = fingerprint.parse().map_err(NodeError::Usage)?;
        peers.push(Peer { name: name.clone(), address, fingerprints: vec![fingerprint] });
    }
    let connecting = Instant::now();
    let call = Call {
        clients: &[],
        me: config.me,
        peers: &peers,
        identity: &identity,
        listener,
        wait,
        build: &object.compiler_version(),
        stop: &Stop::default(),
        note: &|_| {},
        farewell: &farewell,
    };
    let links = tcp::connect(call).map_err(connect_error)?;
    let connected = connecting.elapsed();
    let settings = Settings {
        names: config.names.clone(),
        deadline: Duration::from_millis(config.deadline_ms.max(1)),
        protocol: config.protocol.clone(),
        parameters: config.parameters.clone(),
        profile: config.profile.clone(),
        memory: config.memory,
        clock: Clock::Process,
        stop: Stop::default(),
        record: config.record,
        clients: None,
        store: config.store.clone(),
    };
    let mut told = Instant::now();
    let mut on_step = |step: u64| {
        // Often enough for eyes, and nothing to the run.
        if config.me == 0 && told.elapsed() >= Duration::from_millis(50) {
            told = Instant::now();
            let _ = say(&Line::Step(step));
        }
    };
    let mut finished =
        session::run(links, &settings, &*object, inputs, &mut on_step).map_err(|e| placed(e, &*object))?;
    finished.stats.connect += connected.as_secs_f64();
    Ok(Done {
        stats: finished.stats,
        sizes: finished.sizes.into_iter().collect::<BTreeMap<_, _>>(),
        peak_memory: peak_memory(),
        leaves: named(&finished.compiled.program.circuit),
        outputs: finished.outputs.iter().map(|c| c.as_ref().map(Packed::new)).collect(),
    })
}

/// A program's failure with its place in words: spans mean nothing outside this process.
fn placed(e: NodeError, object: &dyn ProgramObject) -> NodeError {
    match e {
        NodeError::Program { span, what } => match object.place_of(span) {
            Some(place) => NodeError::Program { span: circuit::SpanId::default(), what: format!("{place}: {what}") },
            None => NodeError::Program { span, what },
        },
        other => other,
    }
}

/// Waits on a thread for the line with the addresses, and then for the end of stdin, which ends this process.
fn addresses_from_stdin() -> mpsc::Receiver<Vec<String>> {
    static FIRST: AtomicBool = AtomicBool::new(true);
    let (tell, told) = mpsc::channel();
    if !FIRST.swap(false, Ordering::Relaxed) {
        return told;
    }
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut line = String::new();
        while input.read_line(&mut line).is_ok_and(|n| n > 0) {
            if let Ok(a) = serde_json::from_str::<Addresses>(&line) {
                let _ = tell.send(a.addresses);
            }
            line.clear();
        }
        std::process::exit(4);
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_survive_text() {
        for bits in [1u8, 9, 17, 33, 65] {
            let elem = Elem::Int { signed: false, bits };
            let mut column = Column::with_capacity(elem, 3);
            [1u128, 0, (1 << bits) - 1].into_iter().for_each(|v| column.push(v));
            assert!(Packed::new(&column).column() == Some(column));
        }
        for (bits, lanes) in [(7, "00"), (8, "0"), (8, "zz"), (16, "00"), (0, ""), (8, "é0")] {
            assert!(Packed { bits, lanes: lanes.into() }.column().is_none(), "{bits} {lanes}");
        }
    }
}
