//! The passes, in order.

use crate::error::Result;
use crate::place::Prices;
use crate::{Profile, expand, fuse, pack, place, schedule, simplify};
use circuit::{Circuit, Schedule};

/// A gate-level circuit with its schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// Primitives of the protocol.
    pub gates: Circuit,
    /// Their rounds.
    pub schedule: Schedule,
}

/// Compiles a verified program-level circuit for a protocol and a network.
///
/// # Errors
/// [`crate::Error::Unsupported`] for what the protocol has no form for.
pub fn compile(circuit: &Circuit, protocol: &spec::Protocol, profile: &Profile) -> Result<Compiled> {
    compile_with(circuit, protocol, profile, &mut |_, _| {})
}

/// As [`compile`]; `after` is given the circuit after each pass, with the pass's name.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    circuit: &Circuit,
    protocol: &spec::Protocol,
    profile: &Profile,
    after: &mut dyn FnMut(&str, &Circuit),
) -> Result<Compiled> {
    let mut program = circuit.clone();
    simplify::simplify(&mut program);
    after("simplify", &program);
    pack::pack(&mut program);
    simplify::sweep(&mut program);
    after("pack", &program);
    fuse::fuse(&mut program);
    after("fuse", &program);
    let plan = place::place(&program, Prices { round: profile.round_bytes() })?;
    let mut gates = expand::expand(&program, &plan, protocol.name, profile.round_bytes())?;
    after("expand", &gates);
    simplify::sweep(&mut gates);
    after("sweep", &gates);
    clients(&gates)?;
    let schedule = schedule::schedule(&gates)?;
    Ok(Compiled { gates, schedule })
}

/// Holds that no client is needed while the nodes run.
fn clients(gates: &Circuit) -> Result<()> {
    for party in (0..gates.parties.len() as u32).map(circuit::PartyId).filter(|p| gates.is_client(*p)) {
        circuit::client::client_part(gates, party)
            .map_err(|e| crate::Error::Unsupported { what: e.what, span: e.span })?;
    }
    Ok(())
}
