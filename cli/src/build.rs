//! `mpcc build`: any stage as text.

use crate::args::{BuildArgs, Format, Source, Stage};
use crate::failure::Failure;
use crate::files;
use crate::output::{Shown, print};
use crate::program::{self, Object};
use node::Sizes;
use node::data;
use std::time::Instant;

/// Prints a stage.
///
/// # Errors
/// The program is wrong, sizes are missing, or the file cannot be written.
pub fn build(args: &BuildArgs, shown: &Shown) -> Result<(), Failure> {
    let text = match args.emit {
        Stage::Ast => {
            let place = crate::files::locate(&args.source.program).map_err(Failure::usage)?;
            let text = crate::files::read(&place.file).map_err(Failure::usage)?;
            let (text, diags, sources) = driver::ast_text(&place.file.display().to_string(), &text);
            shown.diags(&diags, &sources);
            if diags.has_errors() {
                return Err(Failure::Shown(1));
            }
            text
        }
        Stage::Types => {
            let (_, checked) = program::checked(&args.source, shown)?;
            driver::types_text(&checked)
        }
        _ => {
            let mut clock = Clock::new();
            let goal = program::target(&args.target)?;
            let (place, checked) = program::checked(&args.source, shown)?;
            clock.lap("check");
            need_main(&checked, shown)?;
            let object = Object::new(checked, &goal, shown.color)?;
            let sizes = sizes(&object, &args.source, &place)?;
            clock.lap("inputs");
            let lowered = object.lowered(&sizes)?;
            clock.lap("lower");
            shown.diags(&lowered.lints, &object.checked().sources);
            if args.emit == Stage::Program && args.emit_after.is_none() && !args.time_passes {
                driver::program_text(object.checked(), &lowered)
            } else if args.emit == Stage::Bristol {
                return bristol(args, &object, &lowered);
            } else {
                // Passes that run for both forms of trees leave two texts; the last pass chooses.
                let mut program: [Option<String>; 2] = [None, None];
                let mut chosen = 0;
                if args.emit == Stage::Program && args.emit_after.is_none() {
                    program[0] = Some(driver::program_text(object.checked(), &lowered));
                }
                clock.skip();
                let compiled = object.finish_with(lowered, &mut |pass, state| {
                    clock.lap(pass.name);
                    chosen = usize::from(state.rolled());
                    if args.emit_after.as_deref() == Some(pass.name) {
                        program[chosen] = Some(after_text(pass, state));
                    }
                    clock.skip();
                })?;
                clock.lap("verify");
                if args.time_passes {
                    shown.note(tracing::Level::INFO, clock.text(shown.format).trim_end());
                }
                let [plain, rolled] = program;
                if let Some(text) = if chosen == 1 { rolled.or(plain) } else { plain } {
                    return write(args, &text);
                }
                match args.emit {
                    Stage::Gates => circuit::text::print(&compiled.gates),
                    Stage::Schedule => circuit::text::print_schedule(&compiled.schedule, Some(&compiled.gates)),
                    _ => circuit::dot::dot(&compiled.gates),
                }
            }
        }
    };
    write(args, &text)
}

fn write(args: &BuildArgs, text: &str) -> Result<(), Failure> {
    match &args.output {
        None => print(text),
        Some(file) => {
            files::write(file, text.as_bytes()).map_err(Failure::usage)?;
        }
    }
    Ok(())
}

/// The program as one boolean circuit, and the names of its values beside it.
fn bristol(args: &BuildArgs, object: &Object, lowered: &driver::Lowered) -> Result<(), Failure> {
    let file = object.exported(lowered)?;
    let text = netlist::bristol::write(&file);
    let Some(path) = &args.output else {
        print(&text);
        return Ok(());
    };
    let c = &lowered.circuit;
    let party = |p: Option<circuit::PartyId>| p.and_then(|p| c.parties.get(p.0 as usize)).map(|p| p.name.clone());
    let value = |name: &str, who: Option<String>, elem: circuit::Elem, bits: usize| {
        let width = usize::from(elem.bits());
        serde_json::json!({ "name": name, "party": who, "type": elem.to_string(), "lanes": bits / width, "bits": bits })
    };
    let brought = c.inputs.iter().filter(|i| i.party.is_some()).zip(&file.inputs);
    let given = c.outputs.iter().zip(&file.outputs);
    let names = serde_json::json!({
        "inputs": brought.map(|(i, n)| value(&i.name, party(i.party), i.elem, *n)).collect::<Vec<_>>(),
        "outputs": given.map(|(o, n)| value(&o.name, party(o.party), c.ty(o.wire).elem, *n)).collect::<Vec<_>>(),
        "order": "lane by lane, least significant bit first",
        "and_gates": file.net.ands(),
        "and_depth": file.net.depth(),
    });
    let mut beside = path.as_os_str().to_owned();
    beside.push(".json");
    crate::files::replace(path, text.as_bytes()).map_err(Failure::usage)?;
    crate::files::replace(beside.as_ref(), format!("{names:#}\n").as_bytes()).map_err(Failure::usage)
}

/// What a pass left: the circuit, with the plan or the schedule where the pass made one.
fn after_text(pass: &opt::Pass, state: &opt::State<'_>) -> String {
    let circuit = state.circuit();
    match (pass.makes, state.plan(), state.schedule()) {
        (opt::Makes::Plan, Some(plan), _) => plan.text(circuit),
        (opt::Makes::Schedule, _, Some(schedule)) => circuit::text::print_schedule(schedule, Some(circuit)),
        _ => circuit::text::print(circuit),
    }
}

/// Seconds by stage.
struct Clock {
    since: Instant,
    laps: Vec<(&'static str, f64)>,
}

impl Clock {
    fn new() -> Clock {
        Clock { since: Instant::now(), laps: vec![] }
    }
    /// What went by since the last lap belongs to `name`.
    fn lap(&mut self, name: &'static str) {
        self.laps.push((name, self.since.elapsed().as_secs_f64()));
        self.since = Instant::now();
    }
    /// What went by belongs to no stage.
    fn skip(&mut self) {
        self.since = Instant::now();
    }
    fn text(&self, format: Format) -> String {
        if format == Format::Json {
            let stages: Vec<_> =
                self.laps.iter().map(|(name, s)| serde_json::json!({ "pass": name, "seconds": s })).collect();
            return format!("{}\n", serde_json::json!({ "passes": stages }));
        }
        let total: f64 = self.laps.iter().map(|l| l.1).sum();
        let line = |name: &str, s: f64| format!("{name:<10} {s:>9.6} s\n");
        self.laps.iter().map(|(name, s)| line(name, *s)).chain([line("all", total)]).collect()
    }
}

/// Shows what is wrong where there is no `main`.
///
/// # Errors
/// There is none.
pub fn need_main(checked: &driver::Checked, shown: &Shown) -> Result<(), Failure> {
    if checked.program.main.is_some() {
        return Ok(());
    }
    shown.diags(&checked.without_main(), &checked.sources);
    Err(Failure::Shown(1))
}

/// Sizes for a command that runs nothing: from `-D`, and from row counts of the inputs where `-D` leaves one open. Gives
/// the program its public values too.
///
/// # Errors
/// Usage, or bad inputs.
pub fn sizes(object: &Object, source: &Source, place: &crate::files::Place) -> Result<Sizes, Failure> {
    let defines = program::defines(source)?;
    let names = driver::size_names(&object.checked().program);
    let all_given = names.iter().all(|n| defines.iter().any(|(d, _)| d == n));
    let folder = source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let random = (all_given || !folder.is_dir()).then_some(0);
    // Only lengths are asked for.
    let kept = data::Kept::Dealt([0; 32]);
    let from = data::Source { folder: random.is_none().then_some(folder), defines, random, kept };
    let inputs = data::read(node::ProgramObject::contract(object), &from, None)
        .map_err(|e| Failure::from(node::NodeError::from(e)))?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    object.take_publics(&inputs, &sizes)?;
    Ok(sizes)
}
