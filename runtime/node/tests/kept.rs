//! Shares kept by one run and taken by another: values come back, nothing is overwritten, and every file that is not the one that
//! is wanted is refused before a share moves, with its name, the field, and both values.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use circuit::{Builder, Domain, Elem, Len, Level, Op, Recipient, WireTy};
use common::Hand;
use net::tls::Identity;
use node::data::{self, Kept, Source};
use node::kept::{Place, Store};
use node::session::Settings;
use node::{NodeError, ProgramObject, local};

const LANES: u64 = 5;

/// x from Ada, of 24 bits in a ring of 32, and a bit, kept as they are.
fn keeper() -> Hand {
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let ada = b.party("Ada", None);
    for (name, elem) in [("x", Elem::u(24)), ("b", Elem::Bool)] {
        let x = b.input(Some(ada), name, elem, LANES);
        let id = b.effect();
        let ty = WireTy::new(elem.kept_form(), elem, Len::Const(LANES));
        let mut x = b.gate1_as(Op::InputShare(id), &[x], ty.clone()).unwrap();
        if elem != Elem::Bool {
            // Far above 24 bits: what is kept has none of it.
            for _ in 0..3 {
                x = b.gate1_as(Op::ArithAdd, &[x, x], ty.clone()).unwrap();
            }
        }
        b.kept_output(&format!("result.{name}"), x);
    }
    Hand::new(b.finish())
}

/// Takes what was kept, adds to the one and flips the other, opens both and keeps the first.
fn taker(elem: Elem, lanes: u64) -> Hand {
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let x = b.kept_input("x", elem, lanes);
    let bits = b.kept_input("b", Elem::Bool, lanes);
    let ty = WireTy::new(elem.kept_form(), elem, Len::Const(lanes));
    let seven = b.gate1_as(Op::Const(7), &[], WireTy::clear(elem, lanes)).unwrap();
    let sum = b.gate1_as(Op::ArithAdd, &[x, seven], ty).unwrap();
    let not = b.gate1_as(Op::BitsNot, &[bits], WireTy::new(Domain::Bits { planes: 1 }, Elem::Bool, Len::Const(lanes)));
    let all = b.open(sum, Recipient::All).unwrap();
    b.output(None, "result.0", all);
    let all = b.open(not.unwrap(), Recipient::All).unwrap();
    b.output(None, "result.1", all);
    b.kept_output("result.2", sum);
    Hand::new(b.finish())
}

fn place(settings: &Settings) -> Place {
    let Settings { protocol, parameters, names, .. } = settings.clone();
    Place { protocol, parameters, names }
}

fn mapped(store: &Store, take: &[&str], keep: &[&str]) -> Store {
    let texts = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let mut store = store.clone();
    store.take = Store::mapping(&texts(take)).unwrap();
    store.keep = Store::mapping(&texts(keep)).unwrap();
    store
}

fn source(store: &Store, settings: &Settings) -> Source {
    Source { kept: Kept::From(store.clone(), place(settings)), ..Source::default() }
}

/// Keeps under `NAME.x` and `NAME.b`.
fn keep(dir: &Path, name: &str, settings: &Settings) -> Result<(), NodeError> {
    let hand = keeper();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("Ada.json"),
        r#"{"x": [1, 2, 2097151, 4, 5], "b": [true, false, true, true, false]}"#,
    )
    .unwrap();
    let (x, b) = (format!("result.x={name}.x"), format!("result.b={name}.b"));
    let store = mapped(&Store::local(dir), &[], &[&x, &b]);
    store.ready(hand.contract(), &settings.names, None)?;
    let given = Source { folder: Some(folder.path().to_owned()), ..Source::default() };
    let inputs = data::read(hand.contract(), &given, None)?;
    let run = local::run(&hand, inputs, &Settings { store: Some(store), ..settings.clone() }, None, &|_| {})?;
    assert_eq!(run.outputs.json(), "{}", "nobody learns what is kept");
    Ok(())
}

/// Takes what lies under `NAME.x` and `NAME.b`; what was opened.
fn take(dir: &Path, name: &str, to: &str, hand: &Hand, settings: &Settings) -> Result<(String, Vec<u64>), NodeError> {
    let (x, b, c) = (format!("x={name}.x"), format!("b={name}.b"), format!("result.2={to}"));
    let store = mapped(&Store::local(dir), &[&x, &b], &[&c]);
    store.ready(hand.contract(), &settings.names, None)?;
    let inputs = data::read(hand.contract(), &source(&store, settings), None)?;
    let run = local::run(hand, inputs, &Settings { store: Some(store), ..settings.clone() }, None, &|_| {})?;
    Ok((run.outputs.json(), run.stats.bytes_sent.clone()))
}

fn file(dir: &Path, node: usize, name: &str) -> PathBuf {
    dir.join(format!("node{node}/{name}.kept"))
}

#[test]
fn what_one_run_keeps_another_takes() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::local();
    keep(dir.path(), "day", &settings).unwrap();
    for node in 0..3 {
        for name in ["day.x", "day.b"] {
            let mode = file(dir.path(), node, name).metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600);
        }
        // Nothing else, nothing half-written.
        assert_eq!(std::fs::read_dir(dir.path().join(format!("node{node}"))).unwrap().count(), 2);
    }
    // Three bytes of each component per value.
    let bytes = std::fs::read(file(dir.path(), 0, "day.x")).unwrap();
    let header = bytes.windows(2).position(|w| w == b"\n\n").unwrap() + 2;
    assert_eq!(bytes.len() - header, 2 * 3 * LANES as usize + 32);

    let hand = taker(Elem::u(24), LANES);
    let (shown, sent) = take(dir.path(), "day", "next", &hand, &settings).unwrap();
    let x: Vec<u64> = [1u64, 2, 2_097_151, 4, 5].iter().map(|v| (v * 8 + 7) % (1 << 24)).collect();
    let want = format!(r#"{{"all":{{"result.0":{x:?},"result.1":[false,true,false,false,true]}}}}"#);
    data::same(&shown, &want).unwrap();
    // Only the openings were sent: a word of the ring and a bit per value.
    assert_eq!(sent, [4 * LANES + 1; 3]);
    // And again: a share is not used up.
    assert_eq!(take(dir.path(), "day", "again", &hand, &settings).unwrap().0, shown);
    // What was kept in turn is there too; nothing is overwritten.
    let e = take(dir.path(), "day", "next", &hand, &settings).unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("nothing that was kept is overwritten")), (2, true), "{e}");
    let e = keep(dir.path(), "day", &settings).unwrap_err();
    assert_eq!((e.exit(), e.to_string().contains("day.x.kept")), (2, true), "{e}");
}

#[test]
fn shares_of_different_runs_stop_every_node() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::local();
    keep(dir.path(), "one", &settings).unwrap();
    keep(dir.path(), "two", &settings).unwrap();
    // Each is right in itself.
    let hand = taker(Elem::u(24), LANES);
    take(dir.path(), "two", "fine", &hand, &settings).unwrap();
    for odd in 0..3 {
        let right = std::fs::read(file(dir.path(), odd, "two.x")).unwrap();
        std::fs::copy(file(dir.path(), odd, "one.x"), file(dir.path(), odd, "two.x")).unwrap();
        let store = mapped(&Store::local(dir.path()), &["x=two.x", "b=two.b"], &["result.2=never"]);
        let inputs = data::read(hand.contract(), &source(&store, &settings), None).unwrap();
        let all = Settings { store: Some(store), ..settings.clone() };
        let objects: [&dyn ProgramObject; 3] = [&hand, &hand, &hand];
        for (me, end) in
            local::run_each(objects, [&inputs, &inputs, &inputs], &all, None, &|_| {}).into_iter().enumerate()
        {
            let e = end.unwrap_err();
            assert_eq!(e.exit(), 7, "node {me}: {e}");
            let text = e.to_string();
            assert!(text.contains("origin of the kept value `x`") && text.matches("of session").count() == 2, "{text}");
            assert!(!file(dir.path(), me, "never").exists());
        }
        std::fs::write(file(dir.path(), odd, "two.x"), right).unwrap();
    }
}

/// The file, the field, what was expected, and what was found.
fn refused(dir: &Path, hand: &Hand, settings: &Settings, words: &[&str]) {
    let e = take(dir, "day", "never", hand, settings).unwrap_err();
    let text = e.to_string();
    assert_eq!(e.exit(), 3, "{text}");
    for word in ["day.x.kept", "expected", "found"].iter().chain(words) {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!file(dir, 0, "never").exists());
}

#[test]
fn every_wrong_file_is_refused_with_its_field() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let settings = Settings::local();
    keep(dir, "day", &settings).unwrap();
    let hand = taker(Elem::u(24), LANES);
    let path = file(dir, 1, "day.x");
    let right = std::fs::read(&path).unwrap();
    let with = |bytes: &[u8], words: &[&str]| {
        std::fs::write(&path, bytes).unwrap();
        refused(dir, &hand, &settings, words);
        std::fs::write(&path, &right).unwrap();
    };
    // A bit of header, share, or tag; cut, longer, empty, another kind of file, another version.
    for at in [0, 30, 60, right.len() - 40, right.len() - 1] {
        let mut bytes = right.clone();
        bytes[at] ^= 4;
        with(&bytes, &[]);
    }
    with(&right[..right.len() - 1], &["(tag)"]);
    with(&[&right[..], &[0]].concat(), &["(tag)"]);
    with(b"", &["(version)"]);
    with(b"{\"x\": 3}", &["(version)", "another kind of file"]);
    let other = [b"mpcc kept shares 2", &right[18..]].concat();
    with(&other, &["(version)", "expected 1, found 2"]);
    // Another node's file.
    with(
        &std::fs::read(file(dir, 0, "day.x")).unwrap(),
        &["(node)", "1 of node0, node1, node2", "0 of node0, node1, node2"],
    );
    // The other value.
    with(&std::fs::read(file(dir, 1, "day.b")).unwrap(), &["(leaf)", "u24[5]", "bool[5]"]);
    // Another type, another length.
    refused(dir, &taker(Elem::i(24), LANES), &settings, &["(leaf)", "i24[5]", "u24[5]"]);
    refused(dir, &taker(Elem::u(24), 4), &settings, &["(leaf)", "4 elements", "found 5"]);
    // Made for another protocol, with other parameters, among other nodes.
    refused(
        dir,
        &hand,
        &Settings { protocol: "rep3m".into(), ..settings.clone() },
        &["(protocol)", "rep3m", "found rep3"],
    );
    refused(dir, &hand, &Settings { parameters: "s=40".into(), ..settings.clone() }, &["(parameters)", "s=40"]);
    // Open to others.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    refused(dir, &hand, &settings, &["chmod 600", "mode 640"]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    // Missing.
    std::fs::rename(&path, dir.join("elsewhere")).unwrap();
    refused(dir, &hand, &settings, &["no such file"]);
    std::fs::rename(dir.join("elsewhere"), &path).unwrap();
    take(dir, "day", "next", &hand, &settings).unwrap();
}

#[test]
fn tags_are_of_the_nodes_own_key_and_of_earlier_ones() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::local();
    let id = |name: &str| Identity::generate(name).unwrap().0;
    let (old, new, other) = (id("north"), id("north"), id("south"));
    // Node 1's file, as it would be among hosts: tagged with its own key.
    keep(dir.path(), "day", &settings).unwrap();
    let hand = taker(Elem::u(24), LANES);
    let read = |store: &Store| data::read(hand.contract(), &source(store, &settings), Some(1));
    let own = dir.path().join("node1");
    let e = read(&mapped(&Store::of(&own, &old, &[]), &["x=day.x", "b=day.b"], &[])).unwrap_err();
    let text = e.to_string();
    assert!(
        text.contains("(key)") && text.contains(&old.fingerprint().to_string()) && text.contains("found local"),
        "{text}"
    );

    let made = tempfile::tempdir().unwrap();
    let kept = {
        let hand = keeper();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("Ada.json"),
            r#"{"x": [1, 2, 3, 4, 5], "b": [true, false, true, true, false]}"#,
        )
        .unwrap();
        let given = Source { folder: Some(folder.path().to_owned()), ..Source::default() };
        let inputs = data::read(hand.contract(), &given, None).unwrap();
        let links = net::memory::links(3, None);
        std::thread::scope(|scope| {
            for (me, links) in links.into_iter().enumerate() {
                let dir = made.path().join(format!("host{me}"));
                let store = Some(Store::of(&dir, &old, &[]));
                let (hand, inputs, settings) = (&hand, inputs.clone(), Settings { store, ..settings.clone() });
                scope.spawn(move || node::session::run(links, &settings, hand, inputs, &mut |_| {}).unwrap());
            }
        });
        made.path().join("host1")
    };
    let takes = |identity: &Identity, earlier: &[Identity]| {
        read(&mapped(&Store::of(&kept, identity, earlier), &["x=result.x", "b=result.b"], &[]))
    };
    takes(&old, &[]).unwrap();
    // After a rotation the old certificate still vouches; without it, and with another node's, nothing does.
    let again = Identity::from_pem(&Identity::generate("x").unwrap().1).unwrap();
    takes(&new, &[again, old]).unwrap();
    for e in [takes(&new, &[]), takes(&other, &[])] {
        let text = e.unwrap_err().to_string();
        assert!(text.contains("(key)"), "{text}");
    }
}

#[test]
fn mappings_name_what_there_is() {
    for (texts, what) in [
        (&["x"][..], "expected NAME=NAME"),
        (&["x=../y"], "no name for a file"),
        (&["x=.y"], "no name"),
        (&["x=y", "x=z"], "twice"),
        (&["x="], "no name"),
    ] {
        let texts: Vec<String> = texts.iter().map(|t| (*t).to_owned()).collect();
        let e = Store::mapping(&texts).unwrap_err();
        assert!(e.contains(what), "{e}");
    }
    let dir = tempfile::tempdir().unwrap();
    let hand = taker(Elem::u(24), LANES);
    for (take, keep, what) in
        [(&["y=z"][..], &[][..], "`y` is no parameter"), (&[], &["result.0=z"], "`result.0` is no result")]
    {
        let e = mapped(&Store::local(dir.path()), take, keep).ready(hand.contract(), &Settings::local().names, None);
        let e = e.unwrap_err();
        assert_eq!((e.exit(), e.to_string().contains(what)), (2, true), "{e}");
    }
    // Without a store a program that takes shares does not run.
    let e = data::read(hand.contract(), &Source::default(), None).unwrap_err();
    assert!(e.to_string().contains("--store"), "{e}");
}

#[test]
fn a_local_run_deals_shares_of_values_that_stand_in() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("kept.json"),
        r#"{"x": [1, 2, 3, 4, 16777215], "b": [true, true, false, true, false]}"#,
    )
    .unwrap();
    let hand = taker(Elem::u(24), LANES);
    let given = Source { folder: Some(folder.path().to_owned()), kept: Kept::Dealt([3; 32]), ..Source::default() };
    let inputs = data::read(hand.contract(), &given, None).unwrap();
    let run = local::run(&hand, inputs, &Settings::local(), None, &|_| {}).unwrap();
    let want = r#"{"all":{"result.0":[8,9,10,11,6],"result.1":[false,false,true,false,true]}}"#;
    data::same(&run.outputs.json(), want).unwrap();
}
