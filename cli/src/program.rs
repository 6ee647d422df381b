//! A program of the command line: found, read, checked, and offered to nodes as the object that they run.
//!
//! Here compiler and runtime meet: the driver's answers in the runtime's words. Knows no protocol.

use crate::args::{Source, Target};
use crate::failure::Failure;
use crate::files::{self, Place};
use driver::{BindError, Blocks, Bound, Checked, CompileError, Publics, SourceProvider};
use node::{Contract, Param, PartyDecl, ProgramObject, ResultPart, Sizes};
use std::collections::BTreeMap;
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

/// The protocol and network that the arguments name.
///
/// # Errors
/// Usage, with what there is.
pub fn target(target: &Target) -> Result<(&'static spec::Protocol, opt::Profile), Failure> {
    let protocol = spec::protocol(&target.protocol)
        .ok_or_else(|| Failure::usage(format!("there is no protocol `{}`; there is rep3", target.protocol)))?;
    let profile = match &target.net {
        None => opt::Profile::LAN,
        Some(text) => opt::Profile::parse(text).map_err(|e| Failure::usage(format!("--net: {e}")))?,
    };
    Ok((protocol, profile))
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
            })
            .collect(),
        params: driver::parameters(program)
            .into_iter()
            .map(|p| Param { name: p.name, party: p.party.map(|p| p.0 as usize), schema: p.schema })
            .collect(),
        results: driver::results(program)
            .into_iter()
            .map(|r| ResultPart { name: r.name, party: r.party.map(|p| p.0 as usize), schema: r.schema })
            .collect(),
        sizes: driver::size_names(program),
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
    color: bool,
}

impl Object {
    /// Wraps a checked program without errors.
    pub fn new(checked: Checked, protocol: &'static spec::Protocol, profile: opt::Profile, color: bool) -> Object {
        let digest = checked.digest();
        let contract = contract(&checked);
        Object {
            checked,
            contract,
            protocol,
            profile,
            publics: Mutex::new(Publics::new()),
            blocks: Mutex::new(None),
            spans: Mutex::new(Arc::from([])),
            digest,
            color,
        }
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
        driver::lower(&self.checked, &bound, &publics).map_err(|e| self.failure(e))
    }

    /// Compiles what was lowered.
    ///
    /// # Errors
    /// In the command's words.
    pub fn finish(&self, lowered: driver::Lowered) -> Result<driver::Compiled, Failure> {
        driver::compile(lowered, self.protocol, &self.profile).map_err(|e| self.failure(e))
    }

    /// Compiles for these sizes.
    ///
    /// # Errors
    /// In the command's words.
    pub fn compiled(&self, sizes: &Sizes) -> Result<driver::Compiled, Failure> {
        let compiled = self.finish(self.lowered(sizes)?)?;
        *self.spans.lock().unwrap_or_else(|e| e.into_inner()) = compiled.lowered.spans.clone();
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

    fn failure(&self, e: CompileError) -> Failure {
        match e {
            CompileError::Program(diags) => Failure::Text(1, self.render(&diags)),
            CompileError::Internal(what) => Failure::Ours(what),
        }
    }
}

/// Binds sizes, or says in the command's words why not.
///
/// # Errors
/// Usage, or the program with these sizes.
pub fn bind(checked: &Checked, sizes: &Sizes) -> Result<Bound, Failure> {
    let numbers: BTreeMap<String, u64> = sizes.clone();
    driver::bind(&checked.program, &numbers).map_err(|e| match e {
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
    })
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
        let compiled = self.compiled(sizes).map_err(|f| node::CompileError { exit: f.code(), message: f.text() })?;
        *self.blocks.lock().unwrap_or_else(|e| e.into_inner()) =
            Some(Blocks { program: self.checked.program.clone(), codes: compiled.lowered.blocks.clone() });
        let program = engine::Program { circuit: compiled.gates, schedule: compiled.schedule };
        Ok(node::Compiled { program: Arc::new(program), digest: compiled.digest })
    }

    fn place_of(&self, span: circuit::SpanId) -> Option<String> {
        let spans = self.spans.lock().unwrap_or_else(|e| e.into_inner()).clone();
        let span = spans.get(span.0 as usize).filter(|s| **s != diag::Span::default())?;
        let (line, column) = self.checked.sources.start(*span);
        Some(format!("{}:{line}:{column}", self.checked.sources.name(span.file)))
    }

    fn at_runner(&self, _sizes: &Sizes) -> Box<dyn engine::AtRunner + Send> {
        match self.blocks.lock().unwrap_or_else(|e| e.into_inner()).clone() {
            Some(blocks) => Box::new(Runner(blocks)),
            None => Box::new(engine::NoBlocks),
        }
    }
}

/// The driver's blocks as the engine runs them.
struct Runner(Blocks);

impl engine::AtRunner for Runner {
    fn run(&mut self, block: u32, args: &[circuit::Column]) -> Result<Vec<circuit::Column>, String> {
        self.0.run(block, args)
    }
}
