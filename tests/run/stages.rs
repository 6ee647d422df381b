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

#[test]
fn circuits_do_not_depend_on_where_the_program_lies() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("elsewhere.mpc");
    std::fs::copy(root().join("examples/matmul/matmul.mpc"), &copy).unwrap();
    let sizes = ["-D", "R=3", "-D", "K=4", "-D", "C=5", "--emit", "gates"];
    let text = |file: &str| {
        let mut args = vec!["build", file];
        args.extend(sizes);
        said(&args).1
    };
    let here = text("examples/matmul/matmul.mpc");
    assert!(here.contains("matmul"));
    assert_eq!(here, text(copy.to_str().unwrap()));
}

#[test]
fn the_library_passes_its_own_tests() {
    for module in driver::LIBRARY {
        let (code, stdout, stderr) = said(&["test", &format!("stdlib/{}.mpc", module.0)]);
        assert_eq!(code, 0, "{}: {stdout}{stderr}", module.0);
        assert!(!stdout.contains("0 passed"), "{}: {stdout}", module.0);
    }
}
