//! What a run cost: counted at the transport and by the clocks of the system, never by the tables that predict it.

use std::collections::BTreeMap;
use std::time::Duration;

use net::Links;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Predicted;
use crate::timeline::{Timeline, Times};

/// Whose CPU time is a node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The thread that runs the session: several nodes share a process.
    Thread,
    /// All threads of the process: it is the node.
    Process,
}

impl Clock {
    fn now(self) -> Duration {
        let id = match self {
            Clock::Thread => ClockId::ThreadCPUTime,
            Clock::Process => ClockId::ProcessCPUTime,
        };
        let t = clock_gettime(id);
        Duration::new(t.tv_sec.max(0) as u64, t.tv_nsec.clamp(0, 999_999_999) as u32)
    }

    /// Starts counting.
    pub fn start(self) -> CpuTimer {
        CpuTimer { clock: self, start: self.now() }
    }
}

/// CPU time since a moment.
#[derive(Clone, Copy, Debug)]
pub struct CpuTimer {
    clock: Clock,
    start: Duration,
}

impl CpuTimer {
    /// So far.
    pub fn elapsed(&self) -> Duration {
        self.clock.now().saturating_sub(self.start)
    }
}

/// Resident peak of this process in bytes; 0 where the system does not tell.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kb = line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse::<u64>().ok());
    kb.unwrap_or(0) * 1024
}

/// One node's figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeStats {
    /// Steps executed, inputs and openings included.
    pub rounds: u64,
    /// Payload bytes sent to each node.
    pub sent: Vec<u64>,
    /// Payload bytes that came from each node.
    pub received: Vec<u64>,
    /// Other bytes sent to each node.
    pub overhead: Vec<u64>,
    /// CPU seconds after connecting, without compiling.
    pub cpu: f64,
    /// Seconds of compiling.
    pub compile: f64,
    /// Seconds of connecting and agreeing.
    pub connect: f64,
    /// Seconds from the first share to the last confirmation.
    pub run: f64,
    /// Lanes by kind of gate.
    pub gates: BTreeMap<String, u64>,
    /// Seconds of the run by what the node did, if recorded.
    pub times: Option<Times>,
    /// The run round by round, if recorded.
    pub timeline: Option<Timeline>,
    /// What the compiler said before.
    pub predicted: Option<Predicted>,
    /// Payload bytes from and to clients.
    pub client_bytes: u64,
}

impl NodeStats {
    pub(crate) fn new(
        links: &Links,
        rounds: u64,
        gates: BTreeMap<String, u64>,
        cpu: Duration,
        compile: Duration,
        connect: Duration,
        run: Duration,
    ) -> NodeStats {
        let counters: Vec<_> = (0..links.nodes()).map(|p| links.counters(p)).collect();
        NodeStats {
            rounds,
            sent: counters.iter().map(|c| c.payload_sent).collect(),
            received: counters.iter().map(|c| c.payload_received).collect(),
            overhead: counters.iter().map(|c| c.overhead_sent).collect(),
            cpu: cpu.as_secs_f64(),
            compile: compile.as_secs_f64(),
            connect: connect.as_secs_f64(),
            run: run.as_secs_f64(),
            gates,
            ..NodeStats::default()
        }
    }
}

/// Seconds by phase: the slowest node's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Seconds {
    /// Compiling.
    pub compile: f64,
    /// Connecting and agreeing.
    pub connect: f64,
    /// Running.
    pub run: f64,
}

/// A run's figures, with the names and units of `--stats --format json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunStats {
    /// Steps executed.
    pub rounds: u64,
    /// Payload bytes sent, by node.
    pub bytes_sent: Vec<u64>,
    /// Other bytes sent, by node.
    pub overhead_bytes: Vec<u64>,
    /// Payload bytes from and to clients, by node; not in `bytes_sent`.
    pub client_bytes: Vec<u64>,
    /// CPU seconds, by node.
    pub cpu_seconds: Vec<f64>,
    /// By phase.
    pub seconds: Seconds,
    /// Resident peak, summed over processes.
    pub peak_memory_bytes: u64,
    /// Lanes by kind of gate.
    pub gates: BTreeMap<String, u64>,
    /// Payload bytes by sender and receiver.
    pub pairs: Vec<Vec<u64>>,
    /// Other bytes by sender and receiver.
    pub overhead_pairs: Vec<Vec<u64>>,
    /// Seconds by what each node did; empty unless recorded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Times>,
    /// What the compiler said before, if it was asked.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "without_lines")]
    pub predicted: Option<Predicted>,
    /// Round by round, by node; empty unless recorded.
    #[serde(skip)]
    pub timelines: Vec<Timeline>,
}

/// The prediction in a line of statistics: lines of source are for reports.
fn without_lines<S: serde::Serializer>(predicted: &Option<Predicted>, to: S) -> Result<S::Ok, S::Error> {
    predicted.as_ref().map(|p| Predicted { lines: Vec::new(), ..p.clone() }).serialize(to)
}

impl RunStats {
    /// Joins the figures of all nodes.
    pub fn join(nodes: &[NodeStats], peak_memory_bytes: u64) -> RunStats {
        let max = |f: fn(&NodeStats) -> f64| nodes.iter().map(f).fold(0.0, f64::max);
        RunStats {
            rounds: nodes.iter().map(|n| n.rounds).max().unwrap_or(0),
            bytes_sent: nodes.iter().map(|n| n.sent.iter().sum()).collect(),
            overhead_bytes: nodes.iter().map(|n| n.overhead.iter().sum()).collect(),
            client_bytes: nodes.iter().map(|n| n.client_bytes).collect(),
            cpu_seconds: nodes.iter().map(|n| n.cpu).collect(),
            seconds: Seconds { compile: max(|n| n.compile), connect: max(|n| n.connect), run: max(|n| n.run) },
            peak_memory_bytes,
            gates: nodes.first().map(|n| n.gates.clone()).unwrap_or_default(),
            pairs: nodes.iter().map(|n| n.sent.clone()).collect(),
            overhead_pairs: nodes.iter().map(|n| n.overhead.clone()).collect(),
            times: nodes.iter().filter_map(|n| n.times).collect(),
            predicted: nodes.iter().find_map(|n| n.predicted.clone()),
            timelines: nodes.iter().filter_map(|n| n.timeline.clone()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_run_and_the_thread_clock_is_the_smaller() {
        let (process, thread) = (Clock::Process.start(), Clock::Thread.start());
        let mut x = 1u64;
        while thread.elapsed() < Duration::from_millis(2) {
            x = std::hint::black_box(x.wrapping_mul(3));
        }
        assert!(process.elapsed() >= Duration::from_millis(2));
        assert!(peak_memory() > 1 << 20);
    }
}
