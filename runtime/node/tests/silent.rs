//! `Debug` of whatever may hold inputs, shares, keys, or results tells lengths and names, no content: it ends up in logs and
//! in messages of panics.

mod common;

use std::fmt::Debug;

use circuit::Column;
use common::{chain, write_inputs};
use net::tls::Identity;
use node::data::{self, BadData, DataError};
use node::session::Settings;
use node::{NodeError, local};
use wire::{Header, Kind};

const CANARY: u64 = 0xC0DE_F00D_BADC_0FFE;

/// The canary in no writing that `Debug` has: decimal, hexadecimal, or as a list of bytes.
fn silent(what: &str, value: &impl Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}"), format!("{value:x?}"), format!("{value:X?}")] {
        assert!(!text.is_empty());
        let one_line: String = text.split_whitespace().collect::<String>().to_lowercase();
        let bytes = |b: [u8; 8]| (format!("{b:?}").replace(' ', ""), format!("{b:x?}").replace(' ', ""));
        let (little, big) = (bytes(CANARY.to_le_bytes()), bytes(CANARY.to_be_bytes()));
        let inner = |s: &str| s[1..s.len() - 1].to_string();
        let looks = [
            CANARY.to_string(),
            format!("{CANARY:x}"),
            format!("{:x}", CANARY.swap_bytes()),
            inner(&little.0),
            inner(&little.1),
            inner(&big.0),
            inner(&big.1),
        ];
        for look in looks {
            assert!(!one_line.contains(&look), "{what}: {text}");
        }
    }
}

#[test]
#[should_panic(expected = "a list")]
fn a_list_of_bytes_would_be_noticed() {
    silent("a list", &Some(CANARY.to_be_bytes().to_vec()));
}

#[test]
#[should_panic(expected = "a number")]
fn a_number_would_be_noticed() {
    silent("a number", &vec![1, CANARY]);
}

#[test]
fn debug_tells_no_content() {
    let program = chain(1, 0);
    let columns: Vec<Column> = vec![Column::U64(vec![CANARY]); 2];
    silent("Column", &columns);
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path(), program.circuit(), &columns);
    let source = data::Source { folder: Some(folder.path().into()), ..data::Source::default() };
    let inputs = data::read(&program.contract, &source, None).unwrap();
    silent("Inputs", &inputs);
    let each = local::run_each([&program; 3], [&inputs; 3], &Settings::local(), None, &|_| {});
    for finished in &each {
        silent("Finished", finished);
        let outputs = &finished.as_ref().unwrap().outputs;
        assert_eq!(outputs[0].as_ref().map(|c| c.get(0)), Some(u128::from(CANARY)), "the canary came through");
        silent("Outputs", outputs);
    }
    // Placing inputs takes them.
    let inputs = data::read(&program.contract, &source, None).unwrap();
    let run = local::run(&program, inputs, &Settings::local(), None, &|_| {}).unwrap();
    assert!(run.outputs.json().contains(&CANARY.to_string()));
    silent("Run", &run);
    silent("OutputSet", &run.outputs);

    let secret = {
        let mut s = [0u8; 32];
        s.as_chunks_mut::<8>().0.iter_mut().for_each(|c| *c = CANARY.to_le_bytes());
        s
    };
    let keys = proto::SessionKeys::derive(0, &secret, &secret, &secret, &secret);
    silent("SessionKeys", &keys);
    silent(
        "Machine",
        &engine::Machine::new(
            program.compiled.program.clone(),
            0,
            keys,
            vec![Some(columns[0].clone()), None],
            Box::new(engine::NoBlocks),
        ),
    );
    let header = Header::new(Kind::Payload, 1, 2, 32).unwrap();
    silent("Frame", &net::Frame { header, body: secret.to_vec() });
    let (identity, pem) = Identity::generate("node0").unwrap();
    let text = format!("{identity:?}");
    assert!(pem.lines().filter(|l| !l.starts_with('-')).all(|l| !text.contains(l)), "{text}");

    let bad = BadData {
        file: "A.x.csv".into(),
        row: Some(3),
        column: None,
        at: None,
        expected: "a number".into(),
        found: CANARY.to_string(),
    };
    silent("BadData", &bad);
    let error = NodeError::from(DataError::from(bad));
    silent("NodeError", &error);
    assert!(!error.for_peers().contains(&CANARY.to_string()), "peers are not told");
    let NodeError::Data(data) = &error else { panic!() };
    assert_eq!(data.without_cells(), "A.x.csv, row 3: expected a number");
}
