//! Mutations of valid circuits and schedules are caught.

use std::collections::BTreeMap;

use super::*;
use crate::index::LoopVar;
use crate::schedule::Item;
use crate::testing::{Rng, Shape, random_gates, random_program, simple_schedule};
use crate::text::{parse, print};
use crate::types::EffectId;

/// A gate, anywhere in a circuit, that satisfies `f`.
fn find(c: &Circuit, rng: &mut Rng, f: impl Fn(&Gate) -> bool) -> Option<(usize, usize)> {
    let all: Vec<(usize, usize)> = (0..c.regions.len())
        .flat_map(|r| (0..c.regions[r].gates.len()).map(move |k| (r, k)))
        .filter(|(r, k)| f(&c.regions[*r].gates[*k]))
        .collect();
    (!all.is_empty()).then(|| all[rng.below(all.len() as u64) as usize])
}

fn users(c: &Circuit, w: WireId) -> usize {
    let in_gates = c.regions.iter().flat_map(|r| &r.gates).filter(|g| g.args.contains(&w)).count();
    in_gates + c.regions.iter().filter(|r| r.results.contains(&w)).count()
}

/// A mutation that must be caught; `None` where the circuit offers no place for it.
fn mutate(c: &mut Circuit, rng: &mut Rng) -> Option<&'static str> {
    let lanewise = |op: &Op| {
        use Op::*;
        matches!(op, Un(_) | Bin(_) | Select | ArithMul | ArithAdd | BitsAnd | BitsXor | BitsNot)
    };
    match rng.below(16) {
        0 => {
            let (r, k) = find(c, rng, |g| !g.args.is_empty())?;
            c.regions[r].gates[k].args[0] = WireId(c.wires.len() as u32 + 3);
            Some("a wire beyond the table")
        }
        1 => {
            // The label rule: no operation but reveal and open makes a clear wire of a secret one.
            let hidden = |c: &Circuit, w: &WireId| !matches!(c.ty(*w).domain, Domain::Clear | Domain::Local(_));
            let at = find(c, rng, |g| {
                !g.op.is_region()
                    && g.op.effect().is_none()
                    && !g.outs.is_empty()
                    && g.args.iter().any(|w| hidden(c, w))
            })?;
            let out = c.regions[at.0].gates[at.1].outs[0];
            c.wires[out.0 as usize].domain = Domain::Clear;
            Some("a label lowered")
        }
        2 => {
            let a = find(c, rng, |g| g.op.effect().is_some())?;
            let id = c.regions[a.0].gates[a.1].op.effect()?;
            let b = find(c, rng, |g| g.op.effect().is_some_and(|e| e != id))?;
            *c.regions[b.0].gates[b.1].op.effect_mut()? = id;
            Some("an effect twice")
        }
        3 => {
            let a = find(c, rng, |g| g.op.effect().is_some())?;
            *c.regions[a.0].gates[a.1].op.effect_mut()? = EffectId(c.effects);
            Some("an effect beyond the table")
        }
        4 => {
            let a = find(c, rng, |g| !g.outs.is_empty())?;
            let w = c.regions[a.0].gates[a.1].outs[0];
            let b = find(c, rng, |g| !g.outs.is_empty() && g.outs[0] != w)?;
            c.regions[b.0].gates[b.1].outs[0] = w;
            Some("a wire defined twice")
        }
        5 => {
            let (r, k) = find(c, rng, |g| lanewise(&g.op))?;
            let out = c.regions[r].gates[k].outs[0];
            let t = &mut c.wires[out.0 as usize];
            t.len = Len::Const(t.len.as_const()? + 1);
            Some("a length")
        }
        6 => {
            let (r, k) = find(c, rng, |g| matches!(g.op, Op::Loop { .. }))?;
            if let Op::Loop { step, .. } = &mut c.regions[r].gates[k].op {
                *step = 0;
            }
            Some("a step of 0")
        }
        7 => {
            let (r, k) = find(c, rng, |g| g.outs.iter().any(|w| users(c, *w) > 0))?;
            c.regions[r].gates.remove(k);
            Some("a gate removed")
        }
        8 => {
            let r = rng.below(c.regions.len() as u64) as usize;
            let gates = &mut c.regions[r].gates;
            let k = (1..gates.len()).find(|k| gates[*k].args.iter().any(|w| gates[*k - 1].outs.contains(w)))?;
            gates.swap(k - 1, k);
            Some("a use before the definition")
        }
        9 => {
            c.level = if c.level == Level::Program { Level::Gates("rep3".into()) } else { Level::Program };
            find(c, rng, |g| g.op.effect().is_some()).map(|_| "the other level")
        }
        10 => {
            let inner = find(c, rng, |g| matches!(g.op, Op::Loop { .. }))?;
            let Op::Loop { body, .. } = c.regions[inner.0].gates[inner.1].op else { return None };
            c.outputs.first_mut()?.wire = *c.region(body).params.first()?;
            Some("an output of an inner region")
        }
        11 => {
            let (r, k) = find(c, rng, |g| g.op.space_index().is_some())?;
            *c.regions[r].gates[k].op.space_index_mut()?.1 = Index::Coord(9);
            Some("a coordinate that is not there")
        }
        12 => {
            let (r, k) = find(c, rng, |g| g.op.space_index().is_some())?;
            *c.regions[r].gates[k].op.space_index_mut()?.1 = Index::Var(LoopVar(c.loop_vars));
            Some("a variable outside its loop")
        }
        13 => {
            let (r, k) = find(c, rng, |g| lanewise(&g.op))?;
            c.regions[r].gates[k].args.pop();
            let g = &c.regions[r].gates[k];
            // -x and x - y are both there.
            (g.op != Op::ArithSub).then_some("an operand less")
        }
        14 => {
            let (r, k) = find(c, rng, |g| matches!(g.op, Op::Loop { .. }))?;
            c.regions[r].gates[k].op.for_each_region_mut(|b| *b = RegionId(r as u32));
            Some("a region within itself")
        }
        _ => {
            let (r, k) = find(c, rng, |g| matches!(g.op, Op::Bin(crate::Bin::Lt | crate::Bin::Eq)))?;
            let out = c.regions[r].gates[k].outs[0];
            c.wires[out.0 as usize].elem = Elem::u(9);
            Some("an element")
        }
    }
}

#[test]
fn mutations_are_caught() {
    let mut rng = Rng::new(21);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..700 {
        let shape = Shape { steps: 15, ..Shape::default() };
        let case = if seed % 2 == 0 { random_program(seed, &shape) } else { random_gates(seed, &shape) };
        for _ in 0..4 {
            let mut c = case.circuit.clone();
            if let Some(what) = mutate(&mut c, &mut rng) {
                assert!(verify(&c).is_err(), "seed {seed}: not caught: {what}\n{}", print(&c));
                *seen.entry(what).or_default() += 1;
            }
        }
    }
    assert!(seen.len() == 16 && seen.values().all(|n| *n >= 10), "{seen:?}");
}

#[test]
fn broken_schedules_are_caught() {
    let mut rng = Rng::new(22);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in 0..400 {
        let case = random_gates(seed, &Shape { steps: 15, ..Shape::default() });
        let c = &case.circuit;
        let mut s = simple_schedule(c, rng.one_in(2), true);
        let r = rng.below(c.regions.len() as u64) as usize;
        let items = &mut s.regions[r];
        if items.is_empty() {
            continue;
        }
        let at = rng.below(items.len() as u64) as usize;
        let what = match (rng.below(4), items[at].clone()) {
            (0, Item::Free(_)) => continue,
            (0, _) => {
                items.remove(at);
                "an item less"
            }
            (1, item) => {
                items.push(item);
                "an item twice"
            }
            (2, Item::Local(gates)) => {
                items[at] = Item::Round(gates);
                "a local gate in a round"
            }
            (2, Item::Round(gates)) => {
                items[at] = Item::Local(gates);
                "an interactive gate among local ones"
            }
            (3, Item::Free(wires)) => {
                items.remove(at);
                items.insert(at - 1, Item::Free(wires));
                "freed before the last use"
            }
            _ => continue,
        };
        assert!(verify_schedule(c, &s).is_err(), "seed {seed}: not caught: {what}");
        *seen.entry(what).or_default() += 1;
    }
    assert!(seen.len() == 5 && seen.values().all(|n| *n >= 5), "{seen:?}");
    let c = parse("circuit gates rep3\n%0 = const 1 : clear u8[1]\n%1 = lift %0 : bits8 u8[1]\n%2 = bits.and %1, %1 : bits8 u8[1]\n%3 = bits.and %2, %1 : bits8 u8[1]\n").unwrap();
    let of = |items| crate::Schedule { regions: vec![items] };
    assert!(
        verify_schedule(&c, &of(vec![Item::Local(vec![0, 1]), Item::Round(vec![2]), Item::Round(vec![3])])).is_ok()
    );
    assert!(verify_schedule(&c, &of(vec![Item::Local(vec![0, 1]), Item::Round(vec![2, 3])])).is_err());
}

#[test]
fn lengths_that_vary_are_checked_on_iterations() {
    let with = |len: &str, max: u32| {
        format!(
            "circuit program\nspace s0 = [0..i0]\nspace s1 = [0..i0 + 1]\nvars 1\n%0 = table [1; 9] : clear u8[9]\nloop i0 in 0..9 step 1 carry () r1 {{\n  %1 = gather s0[c0] %0 : clear u8[s0 max {max}]\n  %2 = not %1 : clear u8[{len}]\n  yield\n}}\n"
        )
    };
    let check = |text: &str| verify(&parse(text).unwrap());
    assert_eq!(check(&with("s0 max 8", 8)), Ok(()));
    assert!(check(&with("s1 max 9", 8)).is_err(), "another length in every iteration");
    assert!(check(&with("8", 8)).is_err(), "right in the last iteration alone");
    assert!(check(&with("s0 max 8", 7)).is_err(), "above the maximum in the last iteration");
}

#[test]
fn what_is_kept_has_no_party_no_range_and_the_form_of_its_type() {
    let other = |c: &mut Circuit, domain| {
        let w = c.outputs[0].wire.0 as usize;
        c.wires[w].domain = domain;
    };
    type Change<'a> = (&'a str, &'a dyn Fn(&mut Circuit));
    let changes: [Change<'_>; 6] = [
        ("input `x` is kept, and has a party", &|c| c.inputs[0].party = Some(crate::PartyId(0))),
        ("input `x` is kept, and has a party or a range", &|c| c.inputs[0].range = Some((0, 9))),
        ("output `y` is kept, and has a party", &|c| c.outputs[0].party = Some(crate::PartyId(0))),
        ("output `y` is kept, and has a party or another form", &|c| c.outputs[0].kept = Some(Elem::u(40))),
        ("output `y` is kept, and has a party or another form", &|c| c.outputs[0].kept = Some(Elem::Bool)),
        ("output `y` is kept, and has a party or another form", &|c| other(c, Domain::Local(crate::PartyId(0)))),
    ];
    for level in [Level::Program, Level::Gates("rep3".into())] {
        let mut b = crate::Builder::new(level);
        b.party("Ada", None);
        let x = b.kept_input("x", Elem::u(24), 3);
        b.kept_output("y", x);
        let right = b.finish();
        assert!(verify(&right).is_ok(), "{:?}", verify(&right));
        for (what, change) in &changes {
            let mut c = right.clone();
            change(&mut c);
            let said = verify(&c).expect_err(what);
            assert!(said.iter().any(|p| p.to_string().contains(what)), "{what}: {said:?}");
        }
    }
}
