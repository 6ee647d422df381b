//! One program up the whole ladder in memory: evaluator, program level, after each pass, gate level, three machines.
//!
//! Knows every stage's front door; compares values leaf by leaf, and costs with what machines counted.

use circuit::Column;
use driver::{Blocks, Bound, Checked, Compiled, Publics};
use eval::{Shape, Value};
use sema::layout;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values by leaf.
pub type Leaves = Vec<Vec<u128>>;

/// What climbing came to.
#[derive(Clone, Debug)]
pub enum Climb {
    /// All rungs agree.
    Agree {
        /// Rounds that the machines ran.
        rounds: u64,
        /// Payload bytes that each node sent.
        bytes: Vec<u64>,
        /// `main`'s result, leaf by leaf.
        result: Leaves,
    },
    /// All rungs stop with an error of the program.
    Fails,
    /// The compiler says that it cannot compile this yet (E0410), with its message.
    Refused(String),
}

/// Runner of `at` blocks on any rung.
#[derive(Clone)]
struct At(Blocks);

impl circuit::interp::AtRunner for At {
    fn run(&mut self, block: u32, args: &[Column]) -> Result<Vec<Column>, String> {
        self.0.run(block, args)
    }
}

/// Binds sizes by name.
pub fn bound(checked: &Checked, sizes: &BTreeMap<String, u64>) -> Bound {
    driver::bind(&checked.program, sizes).expect("the sizes of a test are bound")
}

/// Random inputs of `main`'s parameters: leaf by leaf, within declared ranges.
pub fn random_inputs(checked: &Checked, bound: &Bound, seed: u64) -> Vec<Leaves> {
    let mut rng = eval::testing::Rng::new(seed);
    let program = &checked.program;
    let main = program.f(program.main.expect("a `main`"));
    main.params
        .iter()
        .map(|p| {
            let ty = layout::close(&p.ty, &bound.env).expect("sizes are bound");
            let leaves = layout::leaves(program, &ty, &bound.env.families).expect("a layout");
            leaves
                .iter()
                .map(|l| {
                    let bits = driver::elem(&l.ty).expect("a scalar").bits();
                    (0..l.lanes)
                        .map(|_| {
                            let wide = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
                            // Small values too, so that equalities hold now and then.
                            let wide = if rng.chance(40) { wide % 8 } else { wide };
                            if l.ty == sema::tree::Ty::Str {
                                return strings::number(&word(wide % WORDS));
                            }
                            match p.range {
                                Some((lo, hi)) => (lo + (wide % ((hi - lo) as u128 + 1)) as i128) as u128,
                                None if bits == 128 => wide,
                                None => wide & ((1 << bits) - 1),
                            }
                        })
                        .collect()
                })
                .collect()
        })
        .collect()
}

/// Strings that inputs are: so few that some coincide.
const WORDS: u128 = 8;

fn word(k: u128) -> String {
    if k == 0 { String::new() } else { format!("key{k}") }
}

/// Climbs. `inputs` are values by parameter and leaf.
///
/// # Errors
/// Which rung differs, and how.
pub fn climb(checked: &Checked, bound: &Bound, inputs: &[Leaves]) -> Result<Climb, String> {
    climb_within(checked, bound, inputs, 0)
}

/// As [`climb`], for programs under `#![fixed(fast)]`: values of all rungs, as 64-bit words, may be up to `less` smaller than what
/// the evaluator gives.
///
/// # Errors
/// As [`climb`].
pub fn climb_within(checked: &Checked, bound: &Bound, inputs: &[Leaves], less: u64) -> Result<Climb, String> {
    let program = &checked.program;
    let main = program.f(program.main.ok_or("no main")?);
    let mut strings = strings::Table::default();
    (0..WORDS).for_each(|k| {
        strings.add(&word(k));
    });
    let strings = std::sync::Arc::new(strings);
    // The first rung: the oracle.
    let mut values = Vec::new();
    for (p, leaves) in main.params.iter().zip(inputs) {
        let ty = layout::close(&p.ty, &bound.env).ok_or("a parameter has no closed type")?;
        let shape = Shape::of(program, &ty, &bound.env.families).ok_or("a parameter has no shape")?;
        values.push(Value::from_columns(&shape, leaves.clone(), false).ok_or("inputs do not fit")?);
    }
    let want =
        eval::run_main_on(program, &bound.env, values, eval::Options::default(), &strings).map(|v| v.to_columns());
    if let Err(e) = &want
        && e.internal
    {
        return Err(format!("eval: {}", e.what));
    }
    // Lowering.
    let mut publics = Publics::new();
    let mut columns: Vec<Vec<u128>> = Vec::new();
    for (p, leaves) in main.params.iter().zip(inputs) {
        if matches!(p.origin, sema::tree::Origin::From(_) | sema::tree::Origin::Kept) {
            columns.extend(leaves.iter().cloned());
        } else {
            publics.insert(p.name.to_string(), leaves.clone());
        }
    }
    let lowered = match driver::lower(checked, bound, &publics) {
        Ok(l) => l,
        Err(driver::CompileError::Internal(what)) => return Err(format!("lower: {what}")),
        Err(driver::CompileError::Program(diags)) => {
            let first = diags.iter().next().ok_or("lowering failed and says nothing")?;
            return match (&want, first.code.as_str()) {
                (_, "E0410") => Ok(Climb::Refused(first.message.clone())),
                (Err(_), _) => Ok(Climb::Fails),
                (Ok(_), code) => Err(format!("lower: {code} {}", first.message)),
            };
        }
    };
    let flat: Vec<Column> = lowered
        .circuit
        .inputs
        .iter()
        .zip(&columns)
        .map(|(i, v)| {
            let mut column = Column::with_capacity(i.elem, v.len());
            v.iter().for_each(|x| column.push(*x));
            column
        })
        .collect();
    let at = At(Blocks { program: program.clone(), codes: lowered.blocks.clone(), strings: strings.clone() });
    let agree = |stage: &str, got: Result<Leaves, String>| match (&want, got) {
        (Ok(want), Ok(got)) if near(want, &got, less) => Ok(()),
        (Err(_), Err(e)) if e == "program" => Ok(()),
        (want, got) => Err(format!("{stage}: {got:?}, but eval gives {:?}", want.as_ref().map_err(|e| &e.what))),
    };
    let interpret = |c: &circuit::Circuit| match circuit::interp::run(c, &flat, &mut at.clone(), 7) {
        Ok(out) => Ok(out.iter().map(values_of).collect()),
        Err(circuit::interp::InterpError::Program { .. }) => Err("program".to_string()),
        Err(e) => Err(format!("{e:?}")),
    };
    agree("program level", interpret(&lowered.circuit))?;
    // Each pass.
    let mut wrong = None;
    let protocol = spec::protocol("rep3").ok_or("rep3 is there")?;
    let out = opt::compile_with(lowered.circuit.clone(), protocol, &opt::Profile::LAN, &mut |pass, state| {
        if wrong.is_none() && pass.makes.is_circuit() {
            wrong = agree(pass.name, interpret(state.circuit())).err();
        }
    });
    if let Some(e) = wrong {
        return Err(e);
    }
    if let Err(opt::Error::Unsupported { what, .. }) = &out {
        return Ok(Climb::Refused(what.clone()));
    }
    let compiled = match driver::compile(lowered.clone(), protocol, &opt::Profile::LAN) {
        Ok(c) => c,
        Err(e) => return Err(format!("compile: {e:?}")),
    };
    let want = want.map_err(|e| e.what);
    let out = machines(&compiled, &flat, &at, &want, protocol, less)?;
    clients(lowered, &flat, &at, &want, protocol, less)?;
    Ok(out)
}

/// The last rung once more with some of the parties as clients, where the program allows it.
fn clients(
    mut lowered: driver::Lowered,
    flat: &[Column],
    at: &At,
    want: &Result<Leaves, String>,
    protocol: &spec::Protocol,
    less: u64,
) -> Result<(), String> {
    let parties = lowered.circuit.parties.len();
    if parties == 0 {
        return Ok(());
    }
    // Every subset comes, for one program or another; never none.
    let chosen = (lowered.circuit.wires.len() + flat.len()) % ((1 << parties.min(8)) - 1) + 1;
    lowered.place((0..parties).map(|k| match chosen >> k & 1 {
        1 => circuit::Host::Client,
        _ => circuit::Host::Turn,
    }));
    match driver::compile(lowered, protocol, &opt::Profile::LAN) {
        Ok(compiled) => {
            machines(&compiled, flat, at, want, protocol, less).map(|_| ()).map_err(|e| format!("clients: {e}"))
        }
        // A program that needs a client in mid-run.
        Err(driver::CompileError::Program(diags)) if diags.iter().all(|d| d.message.contains("is a client")) => Ok(()),
        Err(e) => Err(format!("clients: compile: {e:?}")),
    }
}

/// Whether values are those that are wanted, or up to `less` smaller.
fn near(want: &Leaves, got: &Leaves, less: u64) -> bool {
    let below = |(w, g): (&u128, &u128)| w == g || (less > 0 && (*w as u64).wrapping_sub(*g as u64) <= less);
    want.len() == got.len() && want.iter().zip(got).all(|(w, g)| w.len() == g.len() && w.iter().zip(g).all(below))
}

fn values_of(c: &Column) -> Vec<u128> {
    (0..c.len()).map(|k| c.get(k)).collect()
}

/// The last rung, and the cost that was promised for it.
fn machines(
    compiled: &Compiled,
    flat: &[Column],
    at: &At,
    want: &Result<Leaves, String>,
    protocol: &spec::Protocol,
    less: u64,
) -> Result<Climb, String> {
    let program = Arc::new(engine::Program { circuit: compiled.gates.clone(), schedule: compiled.schedule.clone() });
    let run = engine::testing::run_in_memory(&program, flat, |_| Box::new(at.clone()), 11, 13);
    match (run, want) {
        (Ok(run), Ok(want)) => {
            let got: Leaves = run.outputs.iter().map(values_of).collect();
            if !near(want, &got, less) {
                return Err(format!("machines: {got:?}, but eval gives {want:?}"));
            }
            let cost = opt::cost::cost(&compiled.gates, &compiled.schedule, protocol, &opt::Profile::LAN)
                .map_err(|e| format!("cost: {e}"))?;
            let bytes: Vec<u64> = run.bytes.iter().map(|to| to.iter().map(|b| b.len() as u64).sum()).collect();
            // A round of which the run leaves no lanes sends nothing, and is one all the same.
            let rounds = run.stats[0].steps;
            if run.trace.len() as u64 > rounds {
                return Err(format!("{rounds} rounds were counted, and bytes went in {}", run.trace.len()));
            }
            // Exact in terms of what the run decided, and never above what was promised as the most.
            let entered = |r: circuit::RegionId| u128::from(run.stats[0].entered.get(&r.0).copied().unwrap_or(0));
            let (promised, pairs) = cost.of_run(&entered);
            let sent: Vec<Vec<u128>> =
                run.bytes.iter().map(|to| to.iter().map(|b| b.len() as u128).collect()).collect();
            let exact = cost.parts.iter().all(|p| !p.varies);
            if exact && (u128::from(rounds) != promised || sent != pairs) {
                return Err(format!(
                    "cost promises {promised} rounds and {pairs:?} bytes; the wire counted {rounds} and {sent:?}"
                ));
            }
            let above = |most: &(u128, Vec<Vec<u128>>)| {
                u128::from(rounds) > most.0 || sent.iter().flatten().zip(most.1.iter().flatten()).any(|(a, b)| a > b)
            };
            let often = cost.parts.iter().any(|p| p.at_most.is_some_and(|n| entered(p.region) > n));
            if often || cost.most.as_ref().is_some_and(above) {
                return Err(format!("the wire counted {rounds} and {sent:?}, more than the most that cost promises"));
            }
            if cost.client_bytes.iter().copied().ne(run.client_bytes.map(u128::from)) {
                return Err(format!(
                    "cost promises {:?} bytes of clients, not {:?}",
                    cost.client_bytes, run.client_bytes
                ));
            }
            Ok(Climb::Agree { rounds, bytes, result: got })
        }
        (Err(engine::Fault::Program { .. }), Err(_)) => Ok(Climb::Fails),
        (got, want) => Err(format!("machines: {:?}, but eval gives {want:?}", got.map(|_| "an answer"))),
    }
}
