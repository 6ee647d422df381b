//! Strings by the command: two parties hash their own keys and count those that both have, however the keys come; and what
//! is wrong with an input is told with its place.

use crate::support::{folder, json, said};

const KEYS: &str = "party Ada, Ben;

struct Customer { email: str, spent: u32 }

fn main<N: size, M: size>(mine: [Customer; N] from Ada, theirs: [str; M] from Ben, skip: public str) -> (u64, u32) {
    let spent = mine.map(|c| c.spent);
    let a = at Ada { mine.map(|c| if c.email == skip { 0 } else { c.email.hash() }) };
    let b = at Ben { theirs.map(|e| if e == skip { 1 } else { e.hash() }) };
    let mut both: u64 = 0;
    let mut sum: u32 = 0;
    for i in 0..N {
        for j in 0..M {
            if a[i] == b[j] {
                both += 1;
                sum += spent[i];
            }
        }
    }
    (reveal(both), reveal(sum))
}
";

const PUBLIC: (&str, &str) = ("public.json", "{\"skip\": \"n/a\"}");
const TABLE: (&str, &str) = ("Ada.mine.csv", "email,spent\nada@x.org,1\nn/a,2\n\"Bo, é\",4\n,8\n");
const OBJECT: (&str, &str) = (
    "Ada.json",
    "{\"mine\": [{\"email\": \"ada@x.org\", \"spent\": 1}, {\"spent\": 2, \"email\": \"n/a\"},
        {\"email\": \"Bo, \\u00e9\", \"spent\": 4}, {\"email\": \"\", \"spent\": 8}]}",
);
const LIST: (&str, &str) = ("Ben.json", "{\"theirs\": [\"Bo, é\", \"n/a\", \"\", \"ada@x.or\"]}");

#[test]
fn keys_that_both_have_are_counted() {
    for (mine, theirs) in
        [(TABLE, LIST), (OBJECT, LIST), (OBJECT, ("Ben.theirs.csv", "theirs\n\"Bo, é\"\nn/a\n\"\"\nada@x.or\n"))]
    {
        let dir = folder(KEYS, &[mine, theirs, PUBLIC]);
        let path = dir.path().to_str().unwrap();
        for extra in [&[][..], &["--tcp"], &["--insecure-clear"]] {
            let args = [&["run", path, "--format", "json"], extra].concat();
            let (code, stdout, stderr) = said(&args);
            assert_eq!(code, 0, "{stderr}");
            let want = "{\"outputs\":{\"all\":{\"result.0\":2,\"result.1\":12}}}";
            assert_eq!(stdout.trim(), want, "{mine:?} {theirs:?} {extra:?}");
        }
    }
}

#[test]
fn length_and_bytes_of_what_was_read() {
    let program = "party A, F[N];
fn main(a: str from A, each: [(str, u8); N] from F, open: public str) -> (u64, [u8; 4], u64, u64) {
    let n = at A { a.len() * 100 + open.len() };
    let head = at A { a.bytes::<4>() };
    let all = (at F { each.0.len() + each.1 as u64 }).sum();
    (reveal(n), reveal(head), reveal(all), open.hash() ^ \"open\".hash())
}
";
    let long = "z".repeat(65536);
    let inputs = [
        ("A.json", "{\"a\": \"xé\"}"),
        ("F/0.json", &*format!("{{\"each\": [\"{long}\", 1]}}")),
        ("F/1.json", "{\"each\": [\"\", 2]}"),
    ];
    let dir = folder(program, &[]);
    std::fs::create_dir(dir.path().join("inputs/F")).unwrap();
    for (name, text) in inputs {
        std::fs::write(dir.path().join("inputs").join(name), text).unwrap();
    }
    let path = dir.path().to_str().unwrap();
    for extra in [&[][..], &["--tcp"], &["--insecure-clear"]] {
        let args = [&["run", path, "--format", "json", "-D", "open=open"], extra].concat();
        let out = &json(&args)["outputs"]["all"];
        let want =
            serde_json::json!({"result.0": 304, "result.1": [120, 0xc3, 0xa9, 0], "result.2": 65539, "result.3": 0});
        assert_eq!(*out, want, "{extra:?}");
    }
}

/// What is wrong, Ben's file, and words that must be told.
type Case = (&'static str, &'static str, Vec<u8>, &'static [&'static str]);

#[test]
fn wrong_strings_are_told_with_their_place() {
    let long = [b"theirs\nok\n".to_vec(), vec![b'y'; 65537], b"\n".to_vec()].concat();
    let quoted = [b"{\"theirs\": [\"ok\", \"".to_vec(), vec![b'y'; 65537], b"\"]}".to_vec()].concat();
    let cases: Vec<Case> = vec![
        (
            "a number",
            "Ben.json",
            b"{\"theirs\": [\"ok\", 5]}".to_vec(),
            &["row 1, column 19 (theirs[1])", "a string", "`5`"],
        ),
        (
            "an object",
            "Ben.json",
            b"{\"theirs\": [\"ok\",\n {}]}".to_vec(),
            &["row 2, column 2", "a string", "an object"],
        ),
        ("an open string", "Ben.json", b"{\"theirs\": [\"ok]}".to_vec(), &["row 1", "the end of a string"]),
        ("too long", "Ben.json", quoted, &["(theirs[1])", "at most 65536 bytes", "a longer value"]),
        ("too long in a table", "Ben.theirs.csv", long, &["row 3, column theirs", "at most 65536 bytes", "`yyyy"]),
        ("not UTF-8", "Ben.theirs.csv", b"theirs\nok\n\xff\n".to_vec(), &["row 3, column theirs", "UTF-8"]),
        ("not UTF-8 in JSON", "Ben.json", b"{\"theirs\": [\"\xff\"]}".to_vec(), &["row 1", "UTF-8"]),
        ("a comma", "Ben.theirs.csv", b"theirs\nBo, Al\n".to_vec(), &["row 2", "1 columns", "2"]),
    ];
    for (what, name, text, words) in cases {
        let dir = folder(KEYS, &[TABLE, PUBLIC]);
        std::fs::write(dir.path().join("inputs").join(name), text).unwrap();
        for extra in [&[][..], &["--tcp"]] {
            let args = [&["run", dir.path().to_str().unwrap(), "--format", "json"], extra].concat();
            let (code, stdout, stderr) = said(&args);
            assert_eq!((code, stdout.as_str()), (3, ""), "{what}: {stderr}");
            for word in [&[name][..], words].concat() {
                assert!(stderr.contains(word), "{what}: no `{word}` in {stderr}");
            }
        }
    }
}

#[test]
fn the_contract_shows_strings_and_random_ones_are_the_same_everywhere() {
    let dir = folder(KEYS, &[]);
    let program = dir.path().join("main.mpc");
    let program = program.to_str().unwrap();
    let (code, stdout, stderr) = said(&["check", program]);
    assert_eq!(code, 0, "{stderr}");
    for words in ["theirs: [str; M]", "skip: str", "{ email: str, spent: u32 }"] {
        assert!(stdout.contains(words), "no `{words}` in {stdout}");
    }
    let mut seen = Vec::new();
    for extra in [&[][..], &["--tcp"], &["--insecure-clear"]] {
        let args = ["run", program, "--random-inputs", "7", "-D", "N=60", "-D", "M=50", "--format", "json"];
        seen.push(json(&[&args, extra].concat())["outputs"].clone());
    }
    assert!(seen[0]["all"]["result.0"].as_u64().unwrap() > 0, "keys of 1000 coincide: {seen:?}");
    assert!(seen.iter().all(|s| *s == seen[0]), "{seen:?}");
    // Their text is at hand too: `key0` to `key999`.
    let dir = folder("party A;\nfn main(s: str from A) -> u64 { reveal(at A { s.len() }) }\n", &[]);
    let out = json(&["run", dir.path().join("main.mpc").to_str().unwrap(), "--random-inputs", "7", "--format", "json"]);
    assert!((4..=6).contains(&out["outputs"]["all"]["result"].as_u64().unwrap()), "{out}");
}

#[test]
fn tests_of_a_program_work_on_strings() {
    let dir = folder(
        "fn key(s: str) -> u64 { s.hash() ^ s.len() }
#[test]
fn keys() {
    let s = \"abc\";
    assert_eq(key(s), s.hash() ^ 3);
    assert(key(\"\") != key(\"x\"));
    assert_eq(s.bytes::<2>(), [97, 98]);
}
",
        &[],
    );
    let program = dir.path().join("main.mpc");
    for extra in [&[][..], &["--protocol", "rep3"]] {
        let (code, stdout, stderr) = said(&[&["test", program.to_str().unwrap()], extra].concat());
        assert_eq!(code, 0, "{stdout}{stderr}");
    }
}
