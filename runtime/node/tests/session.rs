//! Sessions of three nodes over in-memory links: right answers, disagreements, faults, and whom they are blamed on.

mod common;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use circuit::testing::{Shape, random_gates};
use common::*;
use net::sim::{Ended, Faults, Options, Place, Verdict, sound};
use node::data::{self, Inputs, Kept, Source};
use node::local::{self, Run};
use node::session::Settings;
use node::{NodeError, ProgramObject};
use wire::Kind;

fn inputs(hand: &Hand, folder: &std::path::Path) -> Inputs {
    let source = Source { folder: Some(folder.to_owned()), kept: Kept::Dealt([3; 32]), ..Source::default() };
    data::read(&hand.contract, &source, None).unwrap()
}

fn run(hand: &Hand, folder: &std::path::Path) -> Run {
    local::run(hand, inputs(hand, folder), &Settings::local(), None, &|_| {}).unwrap()
}

#[test]
fn random_circuits_agree_with_the_interpreter_from_file_to_text() {
    for seed in 0..60 {
        let case = random_gates(seed, &Shape::default());
        let hand = Hand::new(case.circuit.clone());
        let folder = tempfile::tempdir().unwrap();
        write_inputs(folder.path(), &case.circuit, &case.inputs);
        let want = circuit::interp::run(&case.circuit, &case.inputs, &mut circuit::interp::NoBlocks, 0).unwrap();
        let run = run(&hand, folder.path());
        data::same(&run.outputs.json(), &expected_json(&case.circuit, &want)).unwrap_or_else(|e| panic!("{seed}: {e}"));
    }
}

#[test]
fn figures_are_those_of_the_wire() {
    let (lanes, steps) = (1000, 7);
    let hand = chain(lanes, steps);
    let run = run(&hand, chain_inputs(lanes).path());
    data::same(&run.outputs.json(), &chain_answer(lanes, steps)).unwrap();
    let stats = run.stats;
    let program = &hand.compiled.program;
    let items = &program.schedule.regions[program.circuit.root.0 as usize];
    let rounds = items.iter().filter(|i| matches!(i, circuit::Item::Round(_))).count();
    assert_eq!(stats.rounds, rounds as u64);
    let column = 8 * lanes;
    // Each node sends a column per product and per opening; nodes 0 and 1 share an input, one node opens to Cleo.
    let openings_to_one: u64 = stats.bytes_sent.iter().sum::<u64>() - 3 * column * (steps + 1) - 2 * column;
    assert_eq!(openings_to_one, column);
    assert_eq!(stats.gates["mul"], lanes * steps);
    assert!(stats.overhead_bytes.iter().all(|b| *b > 0));
}

#[test]
fn megabytes_pass_through_the_windows() {
    let (lanes, steps) = (1_500_000, 2);
    let run = run(&chain(lanes, steps), chain_inputs(lanes).path());
    data::same(&run.outputs.json(), &chain_answer(lanes, steps)).unwrap();
}

#[test]
fn an_emulated_network_changes_time_alone() {
    let hand = chain(10, 3);
    let folder = chain_inputs(10);
    let net = net::Profile::parse("rtt=4ms,bw=100mbit").unwrap();
    let run = local::run(&hand, inputs(&hand, folder.path()), &Settings::local(), Some(net), &|_| {}).unwrap();
    data::same(&run.outputs.json(), &chain_answer(10, 3)).unwrap();
    assert!(run.stats.seconds.run >= 5.0 * 0.002, "five rounds take at least half a round trip each");
}

/// What each node comes to when node `odd` runs another thing than the others.
fn disagree(odd: usize, change: &dyn Fn(&mut Hand, &mut Settings)) -> Vec<NodeError> {
    let hand = chain(4, 2);
    let folder = chain_inputs(4);
    let (mut other, mut settings) = (hand.clone(), Settings::local());
    change(&mut other, &mut settings);
    let links = net::memory::links(3, None);
    std::thread::scope(|scope| {
        let nodes: Vec<_> = links
            .into_iter()
            .enumerate()
            .map(|(me, links)| {
                let (hand, settings) = if me == odd { (&other, settings.clone()) } else { (&hand, Settings::local()) };
                let inputs = inputs(hand, folder.path());
                scope.spawn(move || node::session::run(links, &settings, hand, inputs, &mut |_| {}).unwrap_err())
            })
            .collect();
        nodes.into_iter().map(|n| n.join().unwrap()).collect()
    })
}

type Change = (&'static str, Box<dyn Fn(&mut Hand, &mut Settings)>);

#[test]
fn every_difference_stops_every_node_with_its_name() {
    let changes: Vec<Change> = vec![
        ("compiler version", Box::new(|h, _| h.version = "other".into())),
        ("program", Box::new(|h, _| h.source[9] ^= 1)),
        ("protocol", Box::new(|_, s| s.protocol = "rep3m".into())),
        ("security parameters", Box::new(|_, s| s.parameters = "s=40".into())),
        ("network profile", Box::new(|_, s| s.profile = "wan".into())),
        ("memory budget", Box::new(|_, s| s.memory = 1 << 30)),
        ("list of parties", Box::new(|h, _| h.contract.parties[2].name = "Dan".into())),
        ("list of parties", Box::new(|h, _| h.contract.parties[1].host = circuit::Host::Node(0))),
        ("list of nodes", Box::new(|_, s| s.names[1] = "elsewhere".into())),
        ("circuit and schedule", Box::new(|h, _| h.compiled.digest[31] ^= 1)),
    ];
    for (odd, (field, change)) in (0..3).flat_map(|odd| changes.iter().map(move |c| (odd, c))) {
        let errors = disagree(odd, change);
        // The odd one meets the difference itself, and says both values.
        let NodeError::Disagree { field: found, mine: its, theirs: ours, .. } = &errors[odd] else {
            panic!("{field}, node {odd}: {}", errors[odd])
        };
        assert_eq!(found, field);
        assert_ne!(its, ours);
        for (me, e) in errors.iter().enumerate() {
            assert_eq!(e.exit(), 7, "{field}, node {me}: {e}");
            // Also one that hears of it from another before it meets it.
            let text = e.to_string();
            assert!(
                [field, its.as_str(), ours.as_str()].iter().all(|t| text.contains(t)),
                "{field}, node {me}: {text}"
            );
        }
    }
}

#[test]
fn sizes_and_public_inputs_must_agree() {
    let hand = chain(4, 1);
    let mut public = hand.clone();
    let schema = circuit::Schema::Scalar { elem: circuit::Elem::u(8), range: None };
    public.contract.params.push(node::Param { name: "limit".into(), party: None, kept: false, schema });
    public.contract.sizes = vec!["N".into()];
    let folder = chain_inputs(4);
    let with = |defines: &[(&str, &str)]| {
        let defines = defines.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        data::read(
            &public.contract,
            &Source { folder: Some(folder.path().to_owned()), defines, ..Source::default() },
            None,
        )
        .unwrap()
    };
    let settings = Settings { deadline: Duration::from_secs(5), ..Settings::local() };
    for (field, a, b) in [
        ("public input `limit`", with(&[("limit", "3")]), with(&[("limit", "4")])),
        ("sizes of the inputs", with(&[("limit", "3"), ("N", "1")]), with(&[("limit", "3"), ("N", "2")])),
    ] {
        let objects: [&dyn ProgramObject; 3] = [&public, &public, &public];
        let results = local::run_each(objects, [&a, &b, &a], &settings, None, &|_| {});
        for e in results.into_iter().map(Result::unwrap_err) {
            assert_eq!(e.exit(), 7, "{e}");
            assert!(e.to_string().contains(field), "{e}");
            let values = if field.starts_with("sizes") { ["N = 1 (-D)", "N = 2 (-D)"] } else { ["3", "4"] };
            assert!(values.iter().all(|v| e.to_string().contains(v)), "{e}");
        }
    }
}

/// Runs three nodes in the simulator, which shows what travels; all end well.
fn simulated(hand: &Hand, inputs: &Inputs, options: &Options, faults: Box<dyn Faults>) -> Vec<Place> {
    let settings = Settings::local();
    let node = |links| node::session::run(links, &settings, hand, inputs.clone(), &mut |_| {});
    let report = net::sim::run(options, faults, node);
    report.ends.iter().for_each(|e| assert!(matches!(&e.how, Ended::Done(Ok(_))), "{:?}", e.how));
    report.sent
}

/// A session's id and the first bytes that each node sends in it.
type First = BTreeMap<(usize, usize), (u64, Vec<u8>)>;

#[test]
fn a_second_run_is_another_session_with_fresh_randomness() {
    let hand = chain(50, 2);
    let folder = chain_inputs(50);
    let first = || {
        let first = Arc::new(Mutex::new(First::new()));
        let seen = first.clone();
        let record = move |place: &Place, bytes: &mut Vec<u8>| {
            if place.header.kind == Kind::Payload {
                let body = bytes[wire::HEADER..].to_vec();
                seen.lock().unwrap().entry((place.from, place.to)).or_insert((place.header.session, body));
            }
            Verdict::Deliver
        };
        // All but the nodes' randomness repeats.
        let options = Options { fresh: true, ..Options::new(1) };
        simulated(&hand, &inputs(&hand, folder.path()), &options, Box::new(record));
        first.lock().unwrap().clone()
    };
    let (one, two) = (first(), first());
    assert!(!one.is_empty() && one.keys().eq(two.keys()));
    for (pair, (session, bytes)) in &one {
        assert_ne!(*session, two[pair].0);
        // The same inputs, and nothing on the wire in common.
        assert_ne!(*bytes, two[pair].1, "{pair:?}");
    }
}

#[test]
fn what_travels_does_not_depend_on_secrets() {
    for seed in 100..110 {
        let case = random_gates(seed, &Shape::default());
        let hand = Hand::new(case.circuit.clone());
        let trace = |random: u64| {
            // Public inputs stay: what travels may depend on them.
            let folder = tempfile::tempdir().unwrap();
            let mut columns = case.inputs.clone();
            for (input, column) in case.circuit.inputs.iter().zip(&mut columns) {
                if input.party.is_some() {
                    for l in 0..column.len() {
                        let fresh =
                            u128::from(random).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835 + l as u128);
                        column.set(l, fresh & input.elem.mask());
                    }
                }
            }
            write_inputs(folder.path(), &case.circuit, &columns);
            simulated(&hand, &inputs(&hand, folder.path()), &Options::new(seed), sound())
        };
        assert_eq!(trace(1), trace(99), "{seed}");
    }
}

#[test]
fn random_inputs_fill_every_input_and_repeat() {
    let hand = chain(50, 1);
    let run = |seed| {
        let source = Source { random: Some(seed), ..Source::default() };
        let inputs = data::read(&hand.contract, &source, None).unwrap();
        local::run(&hand, inputs, &Settings::local(), None, &|_| {}).unwrap().outputs.json()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
