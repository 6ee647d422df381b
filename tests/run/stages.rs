//! Golden files of every stage, for the programs whose stages are short enough to be read in a review.
//!
//! They show shape; meaning is the ladder's business. `MPCC_BLESS=1` rewrites them in `tests/golden/stages`.

use crate::support::said;
use mpcc_tests::{golden, root};

#[test]
fn stages_are_as_their_golden_files_say() {
    let mut wrong = Vec::new();
    for program in ["salary", "millionaires", "cooking", "auction", "exposure", "matmul", "sorting"] {
        for stage in ["ast", "types", "program", "gates", "schedule"] {
            let (code, stdout, stderr) = said(&["build", &format!("examples/{program}"), "--emit", stage]);
            assert_eq!(code, 0, "{program} {stage}: {stderr}");
            if let Err(e) = golden(&root().join(format!("tests/golden/stages/{program}.{stage}.txt")), &stdout) {
                wrong.push(e);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Of every example, in processes of their own: hashes are seeded anew in each. What another build gives is held against these same
/// bytes by the golden files.
#[test]
fn the_same_source_gives_the_same_circuit_in_every_folder_and_process() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        let copy = elsewhere.path().join(&name);
        std::fs::create_dir_all(copy.join("inputs")).unwrap();
        for file in [format!("{name}.mpc"), "inputs".into()] {
            let from = entry.path().join(&file);
            match std::fs::read_dir(&from) {
                Ok(inputs) => inputs.flatten().for_each(|f| {
                    std::fs::copy(f.path(), copy.join("inputs").join(f.file_name())).unwrap();
                }),
                Err(_) => drop(std::fs::copy(from, copy.join(&file)).unwrap()),
            }
        }
        for (net, stage) in [("lan", "gates"), ("lan", "schedule"), ("wan", "schedule")] {
            let text = |folder: &str| {
                let (code, stdout, stderr) = said(&["build", folder, "--net", net, "--emit", stage]);
                assert_eq!(code, 0, "{folder}: {stderr}");
                stdout
            };
            let here = text(&format!("examples/{name}"));
            assert!(here.len() > 100, "{name}");
            assert!(here == text(copy.to_str().unwrap()), "{name}: {stage} for {net}");
            seen += 1;
        }
    }
    assert!(seen >= 3 * 20, "{seen}");
}

#[test]
fn the_library_passes_its_own_tests() {
    for module in driver::LIBRARY {
        let (code, stdout, stderr) = said(&["test", &format!("stdlib/{}.mpc", module.0)]);
        assert_eq!(code, 0, "{}: {stdout}{stderr}", module.0);
        assert!(!stdout.contains("0 passed"), "{}: {stdout}", module.0);
    }
}
