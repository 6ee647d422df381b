//! `mpcc fmt`: files are put in style, compared, or refused, and never half-written.

use crate::support::said;
use std::io::Write;
use std::process::{Command, Stdio};

const UGLY: &str = "party A;\nfn main( x:u32 from A )->u32{reveal( x ) // the answer\n}\n";
const NEAT: &str = "party A;\n\nfn main(x: u32 from A) -> u32 {\n    reveal(x) // the answer\n}\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = dir.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    dir
}

fn text(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

#[test]
fn programs_below_a_folder_are_put_in_style() {
    let dir = folder(&[("a.mpc", UGLY), ("deep/b.mpc", UGLY), ("target/c.mpc", UGLY), ("d.txt", UGLY)]);
    let place = dir.path().to_str().unwrap();
    let (code, stdout, _) = said(&["fmt", "--check", place]);
    assert_eq!(code, 1);
    assert!(stdout.contains("-fn main( x:u32 from A )") && stdout.contains("+    reveal(x) // the answer"), "{stdout}");
    assert_eq!(text(&dir, "a.mpc"), UGLY, "--check changes nothing");
    assert_eq!(said(&["fmt", place]).0, 0);
    assert_eq!((text(&dir, "a.mpc"), text(&dir, "deep/b.mpc")), (NEAT.to_string(), NEAT.to_string()));
    assert_eq!((text(&dir, "target/c.mpc"), text(&dir, "d.txt")), (UGLY.to_string(), UGLY.to_string()));
    assert_eq!(said(&["fmt", "--check", place]).0, 0);
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 4, "nothing else is left behind: {names:?}");
}

#[test]
fn what_is_no_program_stays_as_it_is() {
    let dir = folder(&[("bad.mpc", "fn f( {"), ("good.mpc", UGLY)]);
    let (code, _, stderr) = said(&["fmt", dir.path().to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(stderr.contains("E0008"), "{stderr}");
    assert_eq!(text(&dir, "bad.mpc"), "fn f( {");
    assert_eq!(text(&dir, "good.mpc"), NEAT, "the others are formatted");
    std::fs::write(dir.path().join("raw.mpc"), [0xff, 0xfe]).unwrap();
    let (code, _, stderr) = said(&["fmt", dir.path().join("raw.mpc").to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(stderr.contains("UTF-8"), "{stderr}");
    assert_eq!(said(&["fmt", "no/such/place"]).0, 2);
    assert_eq!(said(&["fmt", "--stdin", "a.mpc"]).0, 2);
}

#[test]
fn standard_input_goes_to_standard_output() {
    let piped = |text: &str, args: &[&str]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mpcc"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap())
    };
    assert_eq!(piped(UGLY, &["fmt", "--stdin"]), (Some(0), NEAT.to_string()));
    assert_eq!(piped(NEAT, &["fmt", "--stdin", "--check"]), (Some(0), String::new()));
    assert_eq!(piped(UGLY, &["fmt", "--stdin", "--check"]).0, Some(1));
    assert_eq!(piped("fn f( {", &["fmt", "--stdin"]), (Some(1), String::new()));
}
