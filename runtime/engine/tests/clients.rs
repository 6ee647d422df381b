//! Client parties among three machines against the clear interpreter: every form and awkward lengths, single parties and
//! families, blocks before and after the run; what they cost; and what a client may not be able to tell from its answers.

mod common;

use circuit::client::{client_part, exchanges};
use circuit::{Circuit, Column, Domain, Elem, Host, Op, PartyId, Recipient, WireId, WireTy};
use common::*;
use engine::client::{Answers, ClientShares, Doubt, MaskKey, MemberInput, answer_bytes, deal, input_bytes, learn};
use engine::{Machine, NoBlocks, Status};
use proto::SessionKeys;

fn clients(c: &mut Circuit, who: &[usize]) {
    who.iter().for_each(|k| c.parties[*k].host = Host::Client);
}

/// Two parties bring values in a form, a third one learns a product and a sum of them, all learn the sum.
fn exchange(ty: &WireTy, family: Option<u64>) -> Circuit {
    let mut b = builder();
    let (ada, ben, eve) = (b.party("Ada", family), b.party("Ben", None), b.party("Eve", family));
    let (x, y) = (shared(&mut b, ada, ty.clone()), shared(&mut b, ben, ty.clone()));
    let (sum, product) = match ty.domain {
        Domain::Arith { .. } => (Op::ArithAdd, Op::ArithMul),
        _ => (Op::BitsXor, Op::BitsAnd),
    };
    let s = b.gate1_as(sum, &[x, y], ty.clone()).unwrap();
    let p = b.gate1_as(product, &[s, y], ty.clone()).unwrap();
    open(&mut b, s, Recipient::All);
    open(&mut b, s, Recipient::Party(eve));
    open(&mut b, p, Recipient::Party(eve));
    open(&mut b, x, Recipient::Party(ben));
    b.finish()
}

#[test]
fn clients_bring_and_learn_in_every_form() {
    for lanes in LENGTHS {
        for (ty, seed) in [
            (arith(8, Elem::u(8), lanes), 1),
            (arith(32, Elem::i(20), lanes), 2),
            (arith(64, Elem::u(33), lanes), 3),
            (arith(128, Elem::i(128), lanes), 4),
            (bits(1, Elem::Bool, lanes), 5),
            (bits(7, Elem::u(7), lanes), 6),
            (bits(40, Elem::i(33), lanes), 7),
        ] {
            for family in [None, Some(1), Some(5)] {
                if family.is_some_and(|m| !lanes.is_multiple_of(m)) {
                    continue;
                }
                let mut c = exchange(&ty, family);
                let plain = check(&c, lanes + seed);
                assert_eq!(plain.client_bytes, [0; 3]);
                for who in [&[0][..], &[2], &[0, 1], &[0, 1, 2]] {
                    clients(&mut c, who);
                    let run = check(&c, lanes + seed);
                    // Clients take no part in the rounds: never more of them, and no more bytes.
                    assert!(run.trace.len() <= plain.trace.len());
                    let sent = |r: &engine::testing::Run| r.bytes.iter().flatten().map(Vec::len).sum::<usize>();
                    assert!(sent(&run) <= sent(&plain));
                    assert_eq!(run.client_bytes, promised(&c), "{ty:?} {family:?} {who:?}");
                    who.iter().for_each(|k| c.parties[*k].host = Host::Turn);
                }
            }
        }
    }
}

/// Bytes by the published formulas.
fn promised(c: &Circuit) -> [u64; 3] {
    let mut out = [0; 3];
    for party in (0..c.parties.len() as u32).map(PartyId).filter(|p| c.is_client(*p)) {
        let members = circuit::client::members(c, party);
        let (shares, opens) = exchanges(c, party);
        let form = |d: Domain| match d {
            Domain::Arith { ring } => spec::Form::Ring(ring),
            Domain::Bits { planes } => spec::Form::Planes(planes.into()),
            other => panic!("{other:?}"),
        };
        let word = |e: Elem| e.bits().next_power_of_two().max(8);
        let bytes = |d, lanes: u64| spec::client::value_bytes(form(d), lanes / members).unwrap();
        let brings = shares.iter().map(|e| bytes(e.domain, e.lanes)).sum();
        let learns = opens
            .iter()
            .map(|e| match e.domain {
                Domain::Arith { .. } => bytes(Domain::Arith { ring: word(e.elem) }, e.lanes),
                _ => bytes(Domain::Bits { planes: e.elem.bits() }, e.lanes),
            })
            .sum();
        let publics = circuit::client::publics(c, party);
        let public = publics.iter().map(|p| p.lanes * u64::from(word(p.elem) / 8)).sum();
        for (out, input) in out.iter_mut().zip(spec::client::client_input(brings)) {
            *out += members * (input + spec::client::client_answer(learns, public));
        }
    }
    out
}

#[test]
fn a_node_gets_seeds_in_place_of_streams() {
    let mut c = exchange(&arith(32, Elem::u(32), 1000), None);
    clients(&mut c, &[0]);
    let (shares, _) = exchanges(&c, PartyId(0));
    assert_eq!([0, 1, 2].map(|me| input_bytes(&shares, 1, me).unwrap()), [32, 4016, 4016]);
}

#[test]
fn inputs_of_another_form_are_refused() {
    let mut c = exchange(&bits(3, Elem::u(3), 9), None);
    clients(&mut c, &[0]);
    let (shares, _) = exchanges(&c, PartyId(0));
    let value = Column::zeros(Elem::u(3), 9);
    let good = deal(&shares, 1, &[value], &[[1; 16], [2; 16]]).unwrap();
    for (me, message) in good.iter().enumerate() {
        MemberInput::read(&shares, 1, me, message).unwrap();
        assert!(MemberInput::read(&shares, 1, me, &message[1..]).is_err());
        assert!(MemberInput::read(&shares, 1, me, &[&message[..], &[0]].concat()).is_err());
    }
    // Bits past the last lane.
    let mut bad = good[1].clone();
    *bad.last_mut().unwrap() = 0xff;
    assert!(MemberInput::read(&shares, 1, 1, &bad).unwrap_err().contains("bits where none may be"));
    assert!(deal(&shares, 1, &[Column::zeros(Elem::u(3), 8)], &[[1; 16], [2; 16]]).is_err());
}

/// Runs three machines by hand, for the answers to client `party`.
fn answers(c: &Circuit, inputs: &[Column], seed: u64, mask: u8, party: PartyId) -> [Vec<u8>; 3] {
    let program = program(c, true);
    let mut machines: Vec<Machine> = (0..3)
        .map(|me| {
            let own = engine::testing::local_inputs(&program, inputs, me);
            let keys = SessionKeys::insecure_from_seed(me, seed);
            Machine::new(program.clone(), me, keys, own, Box::new(NoBlocks)).unwrap()
        })
        .map(|m| m.with_clients(ClientShares::new(c, 0).unwrap()))
        .collect();
    let mut done = [false; 3];
    while done != [true; 3] {
        for me in 0..3 {
            done[me] = machines[me].work(1 << 20).unwrap() == Status::Done;
            for to in 0..3 {
                let mut out = vec![];
                if let Some(step) = machines[me].poll_transmit(to, &mut out, 1 << 20) {
                    machines[to].handle(me, step, &out).unwrap();
                }
            }
        }
    }
    let mut out: [Vec<u8>; 3] = Default::default();
    for (me, machine) in machines.into_iter().enumerate() {
        let engine::Ended { outputs, opened, .. } = machine.end().unwrap();
        let key = MaskKey::new(&[mask; 16]);
        out[me] = Answers::new(c, me, &opened, &outputs, &key).unwrap().message(party, 0).unwrap();
        assert_eq!(out[me].len(), answer_bytes(c, party).unwrap());
    }
    out
}

/// x = a + b and y = b + c, for Eve; a, b, c brought by parties at the three nodes.
fn sums() -> Circuit {
    let mut b = builder();
    let parties = ["Ada", "Ben", "Cleo", "Eve"].map(|n| b.party(n, None));
    let ty = arith(64, Elem::u(64), 1);
    let v: Vec<WireId> = parties[..3].iter().map(|p| shared(&mut b, *p, ty.clone())).collect();
    let x = b.gate1_as(Op::ArithAdd, &[v[0], v[1]], ty.clone()).unwrap();
    let y = b.gate1_as(Op::ArithAdd, &[v[1], v[2]], ty).unwrap();
    open(&mut b, x, Recipient::Party(parties[3]));
    open(&mut b, y, Recipient::Party(parties[3]));
    let mut c = b.finish();
    clients(&mut c, &[3]);
    c
}

#[test]
fn answers_tell_a_client_its_results_and_no_more() {
    let c = sums();
    let word = |m: &[u8], k: usize| u64::from_le_bytes(m[8 * k..8 * k + 8].try_into().unwrap());
    let column = |v: u64| {
        let mut c = Column::zeros(Elem::u(64), 1);
        c.set(0, v.into());
        c
    };
    let mut found = [0; 6];
    for seed in 0..20 {
        let inputs = [column(1001), column(20), column(3)];
        let m = answers(&c, &inputs, seed, seed as u8, PartyId(3));
        let learned = learn(&c, PartyId(3), &m).unwrap();
        assert_eq!(learned.opened, [column(1021), column(23)]);
        // Without the masks the three components of both sums tell a, by one of these: node i deals in components i and
        // i + 1, so the part of one input that two components share cancels.
        for (k, (i, j)) in [(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)].into_iter().enumerate() {
            let guess = word(&m[i], 0).wrapping_add(word(&m[j], 0)).wrapping_sub(word(&m[j], 1));
            found[k] += u32::from([1001, 20, 3].contains(&guess));
        }
    }
    assert_eq!(found, [0; 6], "a client can tell an input from its answers");
}

#[test]
fn answers_have_no_bit_above_the_value_s() {
    for (ring, elem) in [(8u8, Elem::u(5)), (32, Elem::i(20)), (64, Elem::u(33)), (128, Elem::u(127))] {
        let (lanes, width) = (50, usize::from(ring) / 8);
        let mut c = exchange(&arith(ring, elem, lanes as u64), None);
        clients(&mut c, &[2]);
        let m = answers(&c, &columns(&c, 4), 4, 4, PartyId(2));
        let mut seen = 0;
        for sent in &m {
            // The sum and the product, one word for each lane, before the digests.
            for word in sent[..2 * lanes * width].chunks(width) {
                seen |= word.iter().rev().fold(0u128, |v, b| v << 8 | u128::from(*b));
            }
        }
        assert_eq!(seen, elem.mask(), "{elem} in a ring of {ring}");
    }
}

#[test]
fn copies_that_differ_are_found() {
    let c = sums();
    let columns = columns(&c, 3);
    let good = answers(&c, &columns, 1, 1, PartyId(3));
    learn(&c, PartyId(3), &good).unwrap();
    for node in 0..3 {
        for at in [0, 15, 16, 47] {
            let mut bad = good.clone();
            bad[node][at] ^= 1;
            // A value that a node sends is held against the digest of the node before; its digest against the node after.
            let pair = if at < 16 { ((node + 2) % 3, node) } else { (node, (node + 1) % 3) };
            assert_eq!(learn(&c, PartyId(3), &bad), Err(Doubt::Copies(pair.0, pair.1)), "{node} {at}");
        }
        let mut short = good.clone();
        short[node].pop();
        assert_eq!(learn(&c, PartyId(3), &short), Err(Doubt::Form(node)));
    }
}

#[test]
fn public_results_are_held_against_each_other() {
    let mut c = exchange(&arith(16, Elem::u(16), 3), None);
    clients(&mut c, &[2]);
    let columns = columns(&c, 3);
    let good = answers(&c, &columns, 1, 1, PartyId(2));
    let learned = learn(&c, PartyId(2), &good).unwrap();
    assert_eq!((learned.opened.len(), learned.public.len()), (2, 1));
    for node in 0..3 {
        let mut bad = good.clone();
        *bad[node].last_mut().unwrap() ^= 1;
        assert!(matches!(learn(&c, PartyId(2), &bad), Err(Doubt::Copies(a, b)) if a == node || b == node));
    }
    assert_eq!(client_part(&c, PartyId(2)).unwrap().opens.len(), 2);
}
