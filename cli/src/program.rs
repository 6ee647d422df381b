//! A program of the command line: found, read, checked, and offered to nodes as the object that they run.
//!
//! Here compiler and runtime meet: the driver's answers in the runtime's words. Knows no protocol.

use crate::args::{Source, Target};
use crate::bench::Calibration;
use crate::failure::Failure;
use crate::files::{self, Place};
use driver::{BindError, Blocks, Bound, Checked, CompileError, Publics, SourceProvider};
use node::parties::{HostedBy, Parties};
use node::{Contract, Param, PartyDecl, ProgramObject, ResultPart, Sizes};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Modules beside a program, from its folder.
struct Folder {
    dir: PathBuf,
}

impl SourceProvider for Folder {
    fn module(&mut self, path: &[&str]) -> Option<(String, String)> {
        let mut file = self.dir.clone();
        path.iter().for_each(|part| file.push(part));
        file.set_extension("mpc");
        let text = files::read(&file).ok()?;
        Some((file.display().to_string(), text))
    }

    fn circuit(&mut self, path: &[&str], name: &str) -> Option<(String, String)> {
        let mut file = self.dir.clone();
        // A module's file stands in the folder of its parents.
        path.iter().rev().skip(1).rev().for_each(|part| file.push(part));
        file.push(name);
        let text = files::read(&file).ok()?;
        Some((file.display().to_string(), text))
    }
}

/// Reads and checks the program that the arguments name. Diagnostics are in the result.
///
/// # Errors
/// Usage: there is no such program.
pub fn check(source: &Source) -> Result<(Place, Checked), Failure> {
    let place = files::locate(&source.program).map_err(Failure::usage)?;
    let text = files::read(&place.file).map_err(Failure::usage)?;
    let checked = driver::check(&mut Folder { dir: place.dir.clone() }, &place.file.display().to_string(), &text);
    Ok((place, checked))
}

/// As [`check`], and shows what was found; gives the program only if it may run.
///
/// # Errors
/// Usage; or the program is wrong, and that was shown.
pub fn checked(source: &Source, shown: &crate::output::Shown) -> Result<(Place, Checked), Failure> {
    let (place, checked) = check(source)?;
    shown.diags(&checked.diags, &checked.sources);
    if checked.ok() { Ok((place, checked)) } else { Err(Failure::Shown(1)) }
}

/// What a program is compiled for.
pub struct Goal {
    /// Protocol.
    pub protocol: &'static spec::Protocol,
    /// Network.
    pub profile: opt::Profile,
    /// Network, as it was written.
    pub net: String,
    /// Who takes part, if a file says so.
    pub parties: Option<Parties>,
    /// Bytes of memory that a run may take, where somebody says so: one that needs more is refused.
    pub memory: Option<u64>,
    /// What this machine takes, for predictions of times.
    pub calibration: Calibration,
}

/// Bytes of memory that a run on this machine takes as few strips for as it may, if nobody says how many: first touching memory
/// takes longer than the rounds that more strips take among threads. None that needs more is refused.
const EASY: u64 = 600_000_000;

/// Networks on which a round costs as little as that, in seconds there and back.
const NEAR: f64 = 0.001;

impl Goal {
    /// The memory in which a run is to find room.
    fn room(&self) -> Option<u64> {
        let near = self.parties.is_none() && self.profile.rtt <= NEAR;
        self.memory.or(near.then_some(EASY))
    }

    /// How the nodes of a run among hosts, or else on this machine, are spread.
    pub fn spread(&self) -> Spread {
        if self.parties.is_some() { Spread::One } else { Spread::Together }
    }
}

/// What the arguments name, or else the parties file.
///
/// # Errors
/// Usage, with what there is.
pub fn target(target: &Target) -> Result<Goal, Failure> {
    let parties = target.parties.as_deref().map(Parties::read).transpose().map_err(Failure::usage)?;
    let run = parties.as_ref().map(|p| &p.run);
    let name = target.protocol.as_deref().or(run.and_then(|r| r.protocol.as_deref())).unwrap_or("rep3");
    let protocol =
        spec::protocol(name).ok_or_else(|| Failure::usage(format!("there is no protocol `{name}`; there is rep3")))?;
    let net = target.net.as_deref().or(run.and_then(|r| r.profile.as_deref())).unwrap_or("lan").to_owned();
    let profile = opt::Profile::parse(&net).map_err(|e| Failure::usage(format!("--net: {e}")))?;
    let memory = target.memory.or(run.and_then(|r| r.memory));
    Ok(Goal { protocol, profile, net, parties, memory, calibration: Calibration::read()? })
}

/// `-D` definitions, in order.
///
/// # Errors
/// Usage: one without `=`, or twice the same name.
pub fn defines(source: &Source) -> Result<Vec<(String, String)>, Failure> {
    let mut out: Vec<(String, String)> = Vec::new();
    for text in &source.defines {
        let Some((name, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("-D {text}: expected NAME=VALUE")));
        };
        let name = name.trim().to_string();
        if out.iter().any(|(n, _)| *n == name) {
            return Err(Failure::usage(format!("-D {name} is given twice")));
        }
        out.push((name, value.trim().to_string()));
    }
    Ok(out)
}

/// What `main` takes and gives, in the runtime's words.
pub fn contract(checked: &Checked) -> Contract {
    let program = &checked.program;
    Contract {
        parties: program
            .parties
            .iter()
            .map(|p| PartyDecl {
                name: p.name.to_string(),
                family: p.family.as_ref().map(|n| circuit::SchemaLen::Binds(n.to_string())),
                host: circuit::Host::Turn,
            })
            .collect(),
        params: driver::parameters(program)
            .into_iter()
            .map(|p| Param { name: p.name, party: p.party.map(|p| p.0 as usize), kept: p.kept, schema: p.schema })
            .collect(),
        results: driver::results(program)
            .into_iter()
            .map(|r| ResultPart { name: r.name, party: r.party.map(|p| p.0 as usize), kept: r.kept, schema: r.schema })
            .collect(),
        sizes: driver::size_names(program),
    }
}

/// Puts the parties where the file says.
fn place(contract: &mut Contract, parties: &Parties) -> Result<(), Failure> {
    let places = parties.places(contract).map_err(|e| Failure::usage(e.to_string()))?;
    for (party, place) in contract.parties.iter_mut().zip(places) {
        party.host = match place {
            None => circuit::Host::Turn,
            Some(HostedBy::Node(n)) => circuit::Host::Node(n as u32),
            Some(HostedBy::Client) => circuit::Host::Client,
        };
    }
    Ok(())
}

/// What a process takes before any value of a run is there: the program, the compiler, stacks, the runtime.
const PROCESS: u128 = 20_000_000;

/// How the nodes of a run are spread over processes: what their memory is predicted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// All nodes in one process.
    Together,
    /// A process for each, and one that started them.
    Apart,
    /// One node of several hosts.
    One,
}

impl Spread {
    /// Resident peak of all these processes, of what the values of all nodes take.
    pub fn resident(self, values: u128, nodes: usize) -> u128 {
        let nodes = nodes as u128;
        match self {
            Spread::Together => values + PROCESS,
            Spread::Apart => values + (nodes + 1) * PROCESS,
            Spread::One => values.div_ceil(nodes.max(1)) + PROCESS,
        }
    }
}

/// Why a program was not compiled, in the command's words or in the driver's.
enum Refused {
    Said(Failure),
    Compile(CompileError),
}

impl From<CompileError> for Refused {
    fn from(e: CompileError) -> Refused {
        Refused::Compile(e)
    }
}

/// A program with what compiling it for a run needs.
pub struct Object {
    checked: Checked,
    contract: Contract,
    protocol: &'static spec::Protocol,
    profile: opt::Profile,
    publics: Mutex<Publics>,
    blocks: Mutex<Option<Blocks>>,
    spans: Mutex<Arc<[diag::Span]>>,
    digest: [u8; 32],
    /// Bytes of memory that a run may take, and those in which it is to find room; and what counts.
    memory: Option<u64>,
    room: Option<u64>,
    spread: Spread,
    color: bool,
    /// Whether compiling also says what the run will cost, for which processes and what carries their messages; and what it
    /// said.
    predict: Option<(Spread, opt::Carrier)>,
    predicted: Mutex<Option<node::Predicted>>,
}

impl Object {
    /// Wraps a checked program without errors.
    ///
    /// # Errors
    /// Usage: the parties file and the program do not fit.
    pub fn new(checked: Checked, goal: &Goal, color: bool) -> Result<Object, Failure> {
        let digest = checked.digest();
        let mut contract = contract(&checked);
        if let Some(parties) = &goal.parties {
            place(&mut contract, parties)?;
        }
        Ok(Object {
            checked,
            contract,
            protocol: goal.protocol,
            profile: goal.profile,
            publics: Mutex::new(Publics::new()),
            blocks: Mutex::new(None),
            spans: Mutex::new(Arc::from([])),
            digest,
            memory: goal.memory,
            room: goal.room(),
            spread: goal.spread(),
            color,
            predict: None,
            predicted: Mutex::new(None),
        })
    }

    /// What its memory is predicted for, if not for what the goal says.
    pub fn spread(mut self, spread: Spread) -> Object {
        self.spread = spread;
        self
    }

    /// What values take at most, where they are in all processes of a run.
    fn resident(&self, values: u128) -> u128 {
        self.spread.resident(values, self.protocol.nodes)
    }

    /// Compiles with long vectors in strips, where a run would not find room otherwise.
    fn fitted(&self, sizes: &Sizes) -> Result<driver::Compiled, Failure> {
        let lowered = self.lowered(sizes)?;
        let Some(room) = self.room else { return self.finish(lowered) };
        // A prediction is not exact: a tenth stays free.
        let enough = |values| self.resident(values) * 11 <= u128::from(room) * 10;
        let (compiled, curve) = self.within(lowered, sizes, &enough)?;
        // Nobody asked for more rounds: only where they give what they are for.
        if self.memory.is_none() && curve.last().is_some_and(|p| p.strips > 1 && !enough(p.peak)) {
            return self.finish(self.lowered(sizes)?);
        }
        Ok(compiled)
    }

    fn within(
        &self,
        lowered: driver::Lowered,
        sizes: &Sizes,
        enough: &dyn Fn(u128) -> bool,
    ) -> Result<(driver::Compiled, Vec<opt::strips::Point>), Failure> {
        let again = || self.lowered(sizes).map_err(Refused::Said);
        driver::compile_within(lowered, again, self.protocol, &self.profile, enough).map_err(|e| match e {
            Refused::Said(f) => f,
            Refused::Compile(e) => self.failure(e),
        })
    }

    /// Rounds against memory: strips, rounds, bytes of the run's processes.
    ///
    /// # Errors
    /// In the command's words.
    pub fn curve(&self, sizes: &Sizes) -> Result<Vec<(u64, u128, u128)>, Failure> {
        let curve = self.within(self.lowered(sizes)?, sizes, &|_| false)?.1;
        Ok(curve.into_iter().map(|p| (p.strips, p.rounds, self.resident(p.peak))).collect())
    }

    /// Whether a run fits into the memory that it may take.
    fn fits(&self, compiled: &driver::Compiled) -> Result<(), Failure> {
        let Some(budget) = self.memory else { return Ok(()) };
        let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, self.protocol, &self.profile)
            .map_err(|e| Failure::Ours(e.to_string()))?;
        let takes = self.resident(cost.predicted_peak_bytes);
        if takes <= u128::from(budget) {
            return Ok(());
        }
        let what = if self.spread == Spread::One { "a node of this run" } else { "this run" };
        let text = format!("{what} takes about {takes} bytes, and its budget is {budget}");
        Err(Failure::Says(8, text))
    }

    /// Also says what a run in these processes will cost, when it compiles.
    pub fn predicting(mut self, predict: Option<(Spread, opt::Carrier)>) -> Object {
        self.predict = predict;
        self
    }

    /// Nodes of its protocol.
    pub fn nodes(&self) -> usize {
        self.protocol.nodes
    }

    /// The program.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The spans of the circuit's span ids are the driver's; this says where one is, in words.
    pub fn render(&self, diags: &diag::Diags) -> String {
        let mut out = String::new();
        for d in diags.iter() {
            out.push_str(&crate::render::render(d, &self.checked.sources, self.color));
        }
        out
    }

    /// Lowers for these sizes.
    ///
    /// # Errors
    /// In the command's words.
    pub fn lowered(&self, sizes: &Sizes) -> Result<driver::Lowered, Failure> {
        let bound = bind(&self.checked, sizes)?;
        let publics = self.publics.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let mut lowered = driver::lower(&self.checked, &bound, &publics).map_err(|e| self.failure(e))?;
        lowered.place(self.contract.parties.iter().map(|p| p.host));
        Ok(lowered)
    }

    /// Compiles what was lowered.
    ///
    /// # Errors
    /// In the command's words.
    pub fn finish(&self, lowered: driver::Lowered) -> Result<driver::Compiled, Failure> {
        self.finish_with(lowered, &mut |_, _| {})
    }

    /// As [`Object::finish`]; `after` is given what each pass made.
    ///
    /// # Errors
    /// In the command's words.
    pub fn finish_with(
        &self,
        lowered: driver::Lowered,
        after: &mut dyn FnMut(&opt::Pass, &opt::State<'_>),
    ) -> Result<driver::Compiled, Failure> {
        driver::compile_with(lowered, self.protocol, &self.profile, after).map_err(|e| self.failure(e))
    }

    /// The program as one boolean circuit, unrolled.
    ///
    /// # Errors
    /// In the command's words: there is none, or it is too large.
    pub fn exported(&self, lowered: &driver::Lowered) -> Result<netlist::bristol::File, Failure> {
        driver::export(lowered).map_err(|e| self.failure(e))
    }

    /// Compiles for these sizes.
    ///
    /// # Errors
    /// In the command's words.
    pub fn compiled(&self, sizes: &Sizes) -> Result<driver::Compiled, Failure> {
        let compiled = self.fitted(sizes)?;
        *self.spans.lock().unwrap_or_else(|e| e.into_inner()) = compiled.spans.clone();
        Ok(compiled)
    }

    /// Takes the values of public parameters out of the inputs, before compiling.
    ///
    /// # Errors
    /// A length that is not known.
    pub fn take_publics(&self, inputs: &node::data::Inputs, sizes: &Sizes) -> Result<(), Failure> {
        let values = inputs.publics(&self.contract, sizes)?;
        *self.publics.lock().unwrap_or_else(|e| e.into_inner()) = values;
        Ok(())
    }

    /// A failure of the program while it ran, with its place if this process compiled it.
    pub fn program_error(&self, span: circuit::SpanId, what: &str) -> Failure {
        match self.place_of(span) {
            Some(place) => Failure::Says(1, format!("{place}: {what}")),
            None => Failure::Says(1, what.to_string()),
        }
    }

    /// File and line of a span of the compiled program.
    fn line_of(&self, span: circuit::SpanId) -> Option<(String, u32)> {
        let spans = self.spans.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let span = spans.get(span.0 as usize).filter(|s| **s != diag::Span::default())?;
        Some((self.checked.sources.name(span.file).to_string(), self.checked.sources.start(*span).0))
    }

    /// The program's own files, without the library's: names and texts.
    pub fn sources(&self) -> Vec<(String, String)> {
        let sources = &self.checked.sources;
        let files = (0..sources.len() as u32).map(diag::FileId);
        let own = files.filter(|f| !sources.name(*f).starts_with("std::"));
        own.map(|f| (sources.name(f).to_string(), sources.text(f).to_string())).collect()
    }

    fn failure(&self, e: CompileError) -> Failure {
        match e {
            CompileError::Program(diags) => Failure::Text(1, self.render(&diags)),
            CompileError::Internal(what) => Failure::Ours(what),
        }
    }
}

/// Checks that the program has the sizes that this host's inputs and flags name; others may bind the rest.
///
/// # Errors
/// Usage, with what there is.
pub fn known(checked: &Checked, sizes: &Sizes) -> Result<(), Failure> {
    match driver::bind(&checked.program, sizes) {
        Ok(_) | Err(BindError::Missing(_)) => Ok(()),
        Err(e) => Err(bind_failure(checked, e)),
    }
}

/// Binds sizes, or says in the command's words why not.
///
/// # Errors
/// Usage, or the program with these sizes.
pub fn bind(checked: &Checked, sizes: &Sizes) -> Result<Bound, Failure> {
    driver::bind(&checked.program, sizes).map_err(|e| bind_failure(checked, e))
}

fn bind_failure(checked: &Checked, e: BindError) -> Failure {
    match e {
        BindError::Missing(names) => Failure::usage(format!(
            "no number for {}: bring inputs, or give {}",
            names.join(", "),
            names.iter().map(|n| format!("-D {n}=…")).collect::<Vec<_>>().join(" ")
        )),
        BindError::Unknown(name, near) => Failure::usage(match near {
            Some(near) => format!("the program has no size `{name}`; did you mean `{near}`?"),
            None => format!("the program has no size `{name}`"),
        }),
        BindError::TooLarge(name, n) => Failure::usage(format!("{name} = {n} is too large for a size")),
        BindError::Program(diags) => {
            let text: String = diags.iter().map(|d| crate::render::render(d, &checked.sources, false)).collect();
            Failure::Text(1, text)
        }
    }
}

impl ProgramObject for Object {
    fn source_digest(&self) -> [u8; 32] {
        self.digest
    }

    fn compiler_version(&self) -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn compile(&self, sizes: &Sizes) -> Result<node::Compiled, node::CompileError> {
        let failed = |f: Failure| node::CompileError { exit: f.code(), message: f.text() };
        let compiled = self.compiled(sizes).map_err(failed)?;
        self.fits(&compiled).map_err(failed)?;
        *self.blocks.lock().unwrap_or_else(|e| e.into_inner()) = Some(Blocks {
            program: self.checked.program.clone(),
            codes: compiled.blocks.clone(),
            strings: Default::default(),
        });
        if let Some((spread, carrier)) = &self.predict {
            let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, self.protocol, &self.profile);
            // A program that is too long to price runs all the same.
            let memory = |c: &opt::cost::Cost| spread.resident(c.predicted_peak_bytes, self.protocol.nodes);
            let predicted =
                cost.ok().map(|c| crate::report::prediction(&c, memory(&c), carrier, |span| self.line_of(span)));
            *self.predicted.lock().unwrap_or_else(|e| e.into_inner()) = predicted;
        }
        let program = engine::Program { circuit: compiled.gates, schedule: compiled.schedule };
        Ok(node::Compiled { program: Arc::new(program), digest: compiled.digest })
    }

    fn predicted(&self) -> Option<node::Predicted> {
        self.predicted.lock().unwrap_or_else(|e| e.into_inner()).clone()
    }

    fn place_of(&self, span: circuit::SpanId) -> Option<String> {
        let spans = self.spans.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let span = spans.get(span.0 as usize).filter(|s| **s != diag::Span::default())?;
        let (line, column) = self.checked.sources.start(*span);
        Some(format!("{}:{line}:{column}", self.checked.sources.name(span.file)))
    }

    fn at_runner(&self, _sizes: &Sizes, strings: Arc<strings::Table>) -> Box<dyn engine::AtRunner + Send> {
        match self.blocks.lock().unwrap_or_else(|e| e.into_inner()).clone() {
            Some(blocks) => Box::new(Runner(Blocks { strings, ..blocks })),
            None => Box::new(engine::NoBlocks),
        }
    }
}

/// The driver's blocks as the engine runs them.
pub struct Runner(pub Blocks);

impl engine::AtRunner for Runner {
    fn run(&mut self, block: u32, args: &[circuit::Column]) -> Result<Vec<circuit::Column>, String> {
        self.0.run(block, args)
    }
}
