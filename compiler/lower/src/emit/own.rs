//! Whose values a wire holds: what may be opened to a party because nothing of anyone else is in it.
//!
//! The checker of labels has decided that already. This looks at the circuit alone, so that a mistake there ends a
//! compilation and never opens a value. Knows data, and that conditions of regions are public.

use circuit::gate::Op;
use circuit::types::{Domain, PartyId, RegionId, WireId};
use circuit::{Circuit, Gate, Input};
use rustc_hash::FxHashMap;

/// Whose values something depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// What everyone knows.
    Nobody,
    One(PartyId),
    Several,
}

impl Owner {
    fn with(self, other: Owner) -> Owner {
        match (self, other) {
            (Owner::Nobody, x) | (x, Owner::Nobody) => x,
            (a, b) if a == b => a,
            _ => Owner::Several,
        }
    }
}

type Owners = FxHashMap<WireId, Owner>;

/// Whether a wire of the outermost region depends on nobody's values but the party's.
pub(super) fn only(c: &Circuit, wire: WireId, party: PartyId) -> bool {
    let mut owners = Owners::default();
    walk(c, c.root, &mut owners);
    owners.get(&wire).is_some_and(|o| *o == Owner::Nobody || *o == Owner::One(party))
}

/// Notes whose values the wires of a region depend on. Its parameters are noted already.
fn walk(c: &Circuit, region: RegionId, owners: &mut Owners) {
    for g in &c.region(region).gates {
        let owner = of(c, g, owners);
        for w in &g.outs {
            // An opened value is for those that it was opened to.
            let known = match c.ty(*w).domain {
                Domain::Clear => Owner::Nobody,
                Domain::Local(p) => Owner::One(p),
                _ => owner,
            };
            owners.insert(*w, known);
        }
    }
}

fn all<'a>(wires: impl IntoIterator<Item = &'a WireId>, owners: &Owners) -> Owner {
    let of = |w: &WireId| owners.get(w).copied().unwrap_or(Owner::Several);
    wires.into_iter().fold(Owner::Nobody, |o, w| o.with(of(w)))
}

/// Whose values a gate takes in. Of one with regions, all that it is given and all that they give flow into each other.
fn of(c: &Circuit, g: &Gate, owners: &mut Owners) -> Owner {
    let mut owner = all(&g.args, owners);
    if let Op::Input(k) = &g.op {
        owner = match c.inputs.get(*k as usize) {
            Some(Input { party: Some(p), .. }) => Owner::One(*p),
            Some(Input { kept: false, .. }) => Owner::Nobody,
            // Shares that an earlier run kept are of anyone.
            _ => Owner::Several,
        };
    }
    // At most twice more: from nobody by one to several.
    loop {
        let before = owner;
        for r in g.op.regions() {
            owners.extend(c.region(r).params.iter().map(|w| (*w, before)));
            walk(c, r, owners);
            owner = owner.with(all(&c.region(r).results, owners));
        }
        if owner == before {
            return owner;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use circuit::gate::{Bin, Recipient};
    use circuit::index::{Index, Len};
    use circuit::{Builder, Elem, Level, WireTy};

    #[test]
    fn what_holds_another_s_value_is_not_one_s_own() {
        let mut b = Builder::new(Level::Program);
        let (ada, ben) = (b.party("Ada", None), b.party("Ben", None));
        let ty = WireTy { domain: Domain::Secret, elem: Elem::u(8), len: Len::ONE };
        let [x, y] = [(ada, "x"), (ben, "y")].map(|(p, name)| {
            let w = b.input(Some(p), name, Elem::u(8), 1);
            let id = b.effect();
            b.gate1_as(Op::Share(id), &[w], ty.clone()).unwrap()
        });
        let kept = b.kept_input("old", Elem::u(8), 1);
        let open = b.input(None, "open", Elem::u(8), 1);
        let both = |b: &mut Builder, p, q| b.gate1_as(Op::Bin(Bin::Add), &[p, q], ty.clone()).unwrap();
        let own = both(&mut b, x, x);
        let public = both(&mut b, own, open);
        let mixed = both(&mut b, x, y);
        let old = both(&mut b, x, kept);
        let id = b.effect();
        let shown = b.gate_as(Op::Reveal { id, to: Recipient::All }, &[mixed], &[]).unwrap()[0];
        let after = both(&mut b, x, shown);
        // A loop whose body alone reads the other's value.
        let inner = |b: &mut Builder, other| {
            let var = b.loop_var();
            let (body, params) = b.begin(std::slice::from_ref(&ty));
            let sum = b.gate1_as(Op::Bin(Bin::Add), &[params[0], other], ty.clone()).unwrap();
            b.end(vec![sum]);
            let op = Op::Loop { var, lo: Index::Const(0), hi: Index::Const(3), step: 1, body };
            b.gate_as(op, &[x], std::slice::from_ref(&ty)).unwrap()[0]
        };
        let (alone, looped) = (inner(&mut b, x), inner(&mut b, y));
        // A choice: one side gives what was opened there to Ada, or the other's value as it is; the other gives what is public.
        let choice = |b: &mut Builder, open: bool| {
            let secret = b.gate1_as(Op::Bin(Bin::Lt), &[x, y], WireTy { elem: Elem::Bool, ..ty.clone() }).unwrap();
            let id = b.effect();
            let cond = b.gate_as(Op::Reveal { id, to: Recipient::All }, &[secret], &[]).unwrap()[0];
            let (then, _) = b.begin(&[]);
            let given = if open {
                let id = b.effect();
                let local = b.gate_as(Op::Reveal { id, to: Recipient::Party(ada) }, &[mixed], &[]).unwrap()[0];
                let id = b.effect();
                b.gate1_as(Op::Share(id), &[local], ty.clone()).unwrap()
            } else {
                mixed
            };
            b.end(vec![given]);
            let (otherwise, _) = b.begin(&[]);
            let zero = b.gate1_as(Op::Const(0), &[], WireTy { domain: Domain::Clear, ..ty.clone() }).unwrap();
            b.end(vec![zero]);
            b.gate_as(Op::If { then, otherwise }, &[cond], std::slice::from_ref(&ty)).unwrap()[0]
        };
        let (opened, given) = (choice(&mut b, true), choice(&mut b, false));
        let c = b.circuit();
        for (wire, fits) in [
            (own, true),
            (public, true),
            (mixed, false),
            (old, false),
            (after, true),
            (alone, true),
            (looped, false),
            (opened, true),
            (given, false),
        ] {
            assert_eq!(only(c, wire, ada), fits, "{wire:?}");
        }
        assert!(!only(c, own, ben) && only(c, y, ben));
    }
}
