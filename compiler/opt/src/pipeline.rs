//! The passes, in order.

use crate::error::Result;
use crate::place::Prices;
use crate::{Profile, chain, expand, fuse, pack, place, schedule, simplify};
use circuit::{Circuit, Schedule};

/// A gate-level circuit with its schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Primitives of the protocol.
    pub gates: Circuit,
    /// Their rounds.
    pub schedule: Schedule,
}

/// Compiles a verified program-level circuit for a protocol and a network. It is taken, for it may be large.
///
/// # Errors
/// [`crate::Error::Unsupported`] for what the protocol has no form for.
pub fn compile(circuit: Circuit, protocol: &spec::Protocol, profile: &Profile) -> Result<Compiled> {
    compile_with(circuit, protocol, profile, &mut |_, _| {})
}

/// As [`compile`]; `after` is given the circuit after each pass, with the pass's name.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    circuit: Circuit,
    protocol: &spec::Protocol,
    profile: &Profile,
    after: &mut dyn FnMut(&str, &Circuit),
) -> Result<Compiled> {
    let mut program = circuit;
    simplify::simplify(&mut program);
    after("simplify", &program);
    chain::chain(&mut program);
    simplify::sweep(&mut program);
    after("chain", &program);
    pack::pack(&mut program);
    simplify::sweep(&mut program);
    after("pack", &program);
    fuse::fuse(&mut program);
    after("fuse", &program);
    let plan = place::place(&program, Prices { round: profile.round_bytes() })?;
    let mut gates = |roll: bool| -> Result<(Compiled, bool)> {
        let (mut gates, rolled) = expand::expand(&program, &plan, protocol.name, profile.round_bytes(), roll)?;
        after("expand", &gates);
        simplify::sweep(&mut gates);
        after("sweep", &gates);
        if rolled {
            fuse::fuse(&mut gates);
            after("fuse", &gates);
        }
        clients(&gates)?;
        let schedule = schedule::schedule(&gates)?;
        Ok((Compiled { gates, schedule }, rolled))
    };
    // Levels of trees as loops, unless trees that are written out share more rounds with what runs beside them.
    let (rolled, any) = gates(true)?;
    if any {
        let (plain, _) = gates(false)?;
        let rounds = |c: &Compiled| schedule::length(&c.gates, &c.schedule, c.gates.root);
        if rounds(&plain) < rounds(&rolled) {
            return Ok(plain);
        }
    }
    Ok(rolled)
}

/// Holds that no client is needed while the nodes run.
fn clients(gates: &Circuit) -> Result<()> {
    for party in (0..gates.parties.len() as u32).map(circuit::PartyId).filter(|p| gates.is_client(*p)) {
        circuit::client::client_part(gates, party)
            .map_err(|e| crate::Error::Unsupported { what: e.what, span: e.span })?;
    }
    Ok(())
}
