//! The passes, in order: [`PASSES`] is the list, and [`compile`] walks it.
//!
//! Where the levels of trees can be loops, what follows `place` runs twice: once with them as loops, once with all written
//! out; `choose` takes one.

use crate::error::{Result, internal};
use crate::place::{Plan, Prices};
use crate::{Profile, chain, expand, fuse, pack, place, range, schedule, simplify, trim};
use circuit::{Circuit, Schedule};

/// A gate-level circuit with its schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Primitives of the protocol.
    pub gates: Circuit,
    /// Their rounds.
    pub schedule: Schedule,
}

/// What a pass makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Makes {
    /// A program-level circuit.
    Program,
    /// A plan for one.
    Plan,
    /// A gate-level circuit.
    Gates,
    /// A schedule of one.
    Schedule,
}

/// What passes hand on.
pub struct State<'a> {
    program: Circuit,
    plan: Option<Plan>,
    gates: Option<Circuit>,
    schedule: Option<Schedule>,
    /// Whether levels of trees are loops, where they can be.
    roll: bool,
    /// Whether there are any such.
    rolled: bool,
    /// What the same passes made with levels of trees as loops.
    other: Option<Compiled>,
    protocol: &'a spec::Protocol,
    profile: &'a Profile,
}

impl Makes {
    /// Whether the circuit changes.
    pub fn is_circuit(self) -> bool {
        matches!(self, Makes::Program | Makes::Gates)
    }
}

impl State<'_> {
    /// The circuit: at program level up to `expand`, at gate level after it.
    pub fn circuit(&self) -> &Circuit {
        self.gates.as_ref().unwrap_or(&self.program)
    }
    /// What `place` decided, once it has.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }
    /// What `schedule` made, once it has.
    pub fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }
    /// Whether this is the form that has levels of trees as loops.
    pub fn rolled(&self) -> bool {
        self.rolled
    }
    fn made(&mut self) -> Result<&mut Circuit> {
        self.gates.as_mut().map_or_else(|| internal("nothing was expanded"), Ok)
    }
}

/// A pass.
pub struct Pass {
    /// The name that `--emit-after` and `--time-passes` use.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// What it makes, or changes.
    pub makes: Makes,
    /// Whether a circuit can be compiled without it.
    pub optional: bool,
    run: fn(&mut State<'_>) -> Result<()>,
}

/// Every pass, in the order in which they run.
pub const PASSES: &[Pass] = &[
    Pass {
        name: "simplify",
        about: "fold, merge equal gates, recognise sums of products and counts, drop dead gates",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            simplify::simplify(&mut s.program);
            Ok(())
        },
    },
    Pass {
        name: "chain",
        about: "make of sums, products, and writes that are written out one by one what a loop gives",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            chain::chain(&mut s.program);
            simplify::sweep(&mut s.program);
            Ok(())
        },
    },
    Pass {
        name: "pack",
        about: "join equal scalar gates that wait for equally much into lanes",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            pack::pack(&mut s.program);
            simplify::sweep(&mut s.program);
            Ok(())
        },
    },
    Pass {
        name: "fuse",
        about: "run independent sequential loops side by side",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            fuse::fuse(&mut s.program);
            Ok(())
        },
    },
    Pass {
        name: "range",
        about: "compute in the words that values fit, and in the rings of the bits that count",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            if range::range(&mut s.program) {
                simplify::simplify(&mut s.program);
            }
            Ok(())
        },
    },
    Pass {
        name: "divide",
        about: "write divisions by constants out as products and shifts",
        makes: Makes::Program,
        optional: true,
        run: |s| {
            simplify::divide(&mut s.program);
            Ok(())
        },
    },
    Pass {
        name: "place",
        about: "choose for every secret wire: bit planes, or a ring",
        makes: Makes::Plan,
        optional: false,
        run: |s| {
            s.plan = Some(place::place(&s.program, Prices { round: s.profile.round_bytes() })?);
            Ok(())
        },
    },
    Pass {
        name: "expand",
        about: "write program gates out as primitives, from the gate library",
        makes: Makes::Gates,
        optional: false,
        run: |s| {
            let Some(plan) = &s.plan else { return internal("nothing was placed") };
            let round = s.profile.round_bytes();
            let (gates, rolled) = expand::expand(&s.program, plan, s.protocol.name, round, s.roll)?;
            (s.gates, s.rolled) = (Some(gates), rolled);
            Ok(())
        },
    },
    Pass {
        name: "trim",
        about: "cut planes that nobody reads",
        makes: Makes::Gates,
        optional: true,
        run: |s| {
            trim::trim(s.made()?);
            Ok(())
        },
    },
    Pass {
        name: "sweep",
        about: "drop gates that nothing depends on",
        makes: Makes::Gates,
        optional: true,
        run: |s| {
            simplify::sweep(s.made()?);
            Ok(())
        },
    },
    Pass {
        name: "join",
        about: "run independent trees side by side, where their levels are loops",
        makes: Makes::Gates,
        optional: true,
        run: |s| {
            if s.rolled {
                fuse::fuse(s.made()?);
            }
            Ok(())
        },
    },
    Pass {
        name: "schedule",
        about: "put interactive gates that do not wait for each other into one round",
        makes: Makes::Schedule,
        optional: false,
        run: |s| {
            let gates = s.made()?;
            clients(gates)?;
            s.schedule = Some(schedule::schedule(gates)?);
            Ok(())
        },
    },
    Pass {
        name: "choose",
        about: "keep levels of trees as loops, unless all written out takes fewer rounds",
        makes: Makes::Schedule,
        optional: false,
        run: |s| {
            let Some(other) = s.other.take() else { return Ok(()) };
            let length = |gates: &Circuit, schedule: &Schedule| schedule::length(gates, schedule, gates.root);
            let plain = s.gates.as_ref().zip(s.schedule.as_ref());
            if plain.is_none_or(|(g, h)| length(&other.gates, &other.schedule) <= length(g, h)) {
                (s.gates, s.schedule, s.rolled) = (Some(other.gates), Some(other.schedule), true);
            }
            Ok(())
        },
    },
];

/// Compiles a verified program-level circuit for a protocol and a network. It is taken, for it may be large.
///
/// # Errors
/// [`crate::Error::Unsupported`] for what the protocol has no form for.
pub fn compile(circuit: Circuit, protocol: &spec::Protocol, profile: &Profile) -> Result<Compiled> {
    compile_with(circuit, protocol, profile, &mut |_, _| {})
}

/// As [`compile`]; `after` is given the state after each pass, with the pass. Passes that run twice are given twice.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    circuit: Circuit,
    protocol: &spec::Protocol,
    profile: &Profile,
    after: &mut dyn FnMut(&Pass, &State<'_>),
) -> Result<Compiled> {
    walk(circuit, protocol, profile, &[], true, after)
}

/// As [`compile`], with the levels of trees written out even where they can be loops: what strips can be made of.
///
/// # Errors
/// As [`compile`].
pub fn compile_flat(circuit: Circuit, protocol: &spec::Protocol, profile: &Profile) -> Result<Compiled> {
    walk(circuit, protocol, profile, &[], false, &mut |_, _| {})
}

/// As [`compile`], without the optional passes of these names: what a pass is worth is the difference.
///
/// # Errors
/// As [`compile`].
pub fn compile_without(
    circuit: Circuit,
    protocol: &spec::Protocol,
    profile: &Profile,
    without: &[&str],
) -> Result<Compiled> {
    walk(circuit, protocol, profile, without, true, &mut |_, _| {})
}

fn walk(
    circuit: Circuit,
    protocol: &spec::Protocol,
    profile: &Profile,
    without: &[&str],
    roll: bool,
    after: &mut dyn FnMut(&Pass, &State<'_>),
) -> Result<Compiled> {
    let passes: Vec<&Pass> = PASSES.iter().filter(|p| !(p.optional && without.contains(&p.name))).collect();
    // What runs for both forms of trees: from the first pass that makes gates on, but for the choice between them.
    let first = passes.iter().position(|p| p.makes == Makes::Gates).unwrap_or(0);
    let last = passes.len() - 1;
    let mut state = State {
        program: circuit,
        plan: None,
        gates: None,
        schedule: None,
        roll,
        rolled: false,
        other: None,
        protocol,
        profile,
    };
    let mut run = |state: &mut State<'_>, passes: &[&Pass]| -> Result<()> {
        for pass in passes {
            (pass.run)(state)?;
            after(pass, state);
        }
        Ok(())
    };
    run(&mut state, &passes[..last])?;
    if state.rolled {
        state.other =
            state.gates.take().zip(state.schedule.take()).map(|(gates, schedule)| Compiled { gates, schedule });
        state.roll = false;
        run(&mut state, &passes[first..last])?;
    }
    run(&mut state, &passes[last..])?;
    match (state.gates, state.schedule) {
        (Some(gates), Some(schedule)) => Ok(Compiled { gates, schedule }),
        _ => internal("nothing was scheduled"),
    }
}

/// Holds that no client is needed while the nodes run.
fn clients(gates: &Circuit) -> Result<()> {
    for party in (0..gates.parties.len() as u32).map(circuit::PartyId).filter(|p| gates.is_client(*p)) {
        circuit::client::client_part(gates, party)
            .map_err(|e| crate::Error::Unsupported { what: e.what, span: e.span })?;
    }
    Ok(())
}
