//! All nodes in this process: a thread per node on in-memory links, optionally with an emulated network.
//!
//! The program is compiled once for all. Knows sessions; nothing of the language.

use std::sync::{Arc, Mutex, PoisonError};

use engine::{AtRunner, Outputs};
use net::{Profile, memory};

use crate::data::{Inputs, Named, OutputSet, merge, named};
use crate::session::{self, Finished, Settings, hosts};
use crate::stats::{NodeStats, RunStats, peak_memory};
use crate::{CompileError, Compiled, Contract, NodeError, ProgramObject, Sizes};

/// Stack of a node's thread; only what is used takes memory.
const STACK: usize = 256 << 20;

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Run {
    /// Results by recipient.
    pub outputs: OutputSet,
    /// Figures of all nodes.
    pub stats: RunStats,
    /// Sizes of this run.
    pub sizes: Sizes,
}

/// How far a run is: steps done.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Compiles once; nodes that come later wait for the first.
struct Once<'a> {
    program: &'a dyn ProgramObject,
    made: Mutex<Option<(Sizes, Result<Compiled, CompileError>)>>,
}

impl ProgramObject for Once<'_> {
    fn source_digest(&self) -> [u8; 32] {
        self.program.source_digest()
    }
    fn compiler_version(&self) -> String {
        self.program.compiler_version()
    }
    fn contract(&self) -> &Contract {
        self.program.contract()
    }
    fn compile(&self, sizes: &Sizes) -> Result<Compiled, CompileError> {
        let crashed = || CompileError { message: "the compiler stopped".into(), exit: 101 };
        let mut made = self.made.lock().map_err(|_| crashed())?;
        match &*made {
            Some((s, result)) if s == sizes => result.clone(),
            _ => {
                let result = self.program.compile(sizes);
                *made = Some((sizes.clone(), result.clone()));
                result
            }
        }
    }
    fn at_runner(&self, sizes: &Sizes, strings: Arc<strings::Table>) -> Box<dyn AtRunner + Send> {
        self.program.at_runner(sizes, strings)
    }
    fn predicted(&self) -> Option<crate::Predicted> {
        self.program.predicted()
    }
}

/// Runs a program with all nodes in this process.
///
/// # Errors
/// Of all nodes' errors, the one closest to the cause.
pub fn run(
    program: &dyn ProgramObject,
    inputs: Inputs,
    settings: &Settings,
    network: Option<Profile>,
    progress: Progress<'_>,
) -> Result<Run, NodeError> {
    let once = Once { program, made: Mutex::new(None) };
    let results = run_each([&once, &once, &once], [&inputs, &inputs, &inputs], settings, network, progress);
    join(program.contract(), results)
}

/// As [`run`], with a program and inputs for each node of its own; what each node came to.
pub fn run_each(
    programs: [&dyn ProgramObject; 3],
    inputs: [&Inputs; 3],
    settings: &Settings,
    network: Option<Profile>,
    progress: Progress<'_>,
) -> Vec<Result<Finished, NodeError>> {
    let first = Mutex::new(0u64);
    std::thread::scope(|scope| {
        let nodes: Vec<_> = memory::links(3, network)
            .into_iter()
            .zip(programs)
            .zip(inputs)
            .enumerate()
            .map(|(me, ((links, program), inputs))| {
                let (inputs, first) = (inputs.clone(), &first);
                let node = move || {
                    let mut on_step = |step: u64| {
                        // Of three nodes the furthest is shown.
                        let mut shown = first.lock().unwrap_or_else(PoisonError::into_inner);
                        if step > *shown {
                            *shown = step;
                            progress(step);
                        }
                    };
                    session::run(links, settings, program, inputs, &mut on_step)
                };
                // One of them compiles, which may recurse as deep as a main thread of the command may.
                let thread = std::thread::Builder::new().name(format!("node{me}")).stack_size(STACK);
                thread.spawn_scoped(scope, node)
            })
            .collect();
        let crashed = || NodeError::Internal("a node's thread stopped".into());
        nodes.into_iter().map(|node| node.map_err(|_| crashed())?.join().unwrap_or_else(|_| Err(crashed()))).collect()
    })
}

/// One answer from three.
fn join(contract: &Contract, results: Vec<Result<Finished, NodeError>>) -> Result<Run, NodeError> {
    let mut done = Vec::new();
    let mut worst: Option<NodeError> = None;
    for result in results {
        match result {
            Ok(finished) => done.push(finished),
            Err(e) => keep(&mut worst, e),
        }
    }
    if let Some(e) = worst {
        return Err(e);
    }
    let Some(first) = done.first() else { return Err(NodeError::Internal("no node ran".into())) };
    let (leaves, sizes) = (named(&first.compiled.program.circuit), first.sizes.clone());
    let stats: Vec<_> = done.iter().map(|f| f.stats.clone()).collect();
    let outputs: Vec<_> = done.into_iter().map(|f| f.outputs).collect();
    Run::new(contract, &leaves, outputs, &stats, sizes, peak_memory())
}

/// Keeps the error that is closest to the cause; of equals, the first.
pub(crate) fn keep(worst: &mut Option<NodeError>, e: NodeError) {
    if worst.as_ref().is_none_or(|w| e.distance() < w.distance()) {
        *worst = Some(e);
    }
}

impl Run {
    pub(crate) fn new(
        contract: &Contract,
        leaves: &[Named],
        outputs: Vec<Outputs>,
        stats: &[NodeStats],
        sizes: Sizes,
        memory: u64,
    ) -> Result<Run, NodeError> {
        let whole = merge(leaves, outputs, &hosts(contract, &sizes)?);
        let outputs = OutputSet::new(contract, leaves, whole, &sizes)?;
        Ok(Run { outputs, stats: RunStats::join(stats, memory), sizes })
    }
}
