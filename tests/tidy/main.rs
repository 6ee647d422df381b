//! The laws of the house, held by a test: who may import whom, which crates stay pure, where `unsafe` may stand, that every
//! file says what it is, and that every diagnostic code has a page and a UI test.
//!
//! Knows the crate table of `docs/architecture.md`; reads sources and manifests, compiles nothing.

mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Crate, folder, direct imports among ours. Arrows are transitive: whatever an import may name, its importer may too.
const TABLE: &[(&str, &str, &[&str])] = &[
    ("diag", "compiler/diag", &[]),
    ("decimal", "compiler/decimal", &[]),
    ("strings", "compiler/strings", &[]),
    ("netlist", "compiler/netlist", &[]),
    ("syntax", "compiler/syntax", &["diag"]),
    ("style", "compiler/style", &["syntax"]),
    ("sema", "compiler/sema", &["syntax", "netlist", "decimal", "strings"]),
    ("eval", "compiler/eval", &["sema"]),
    ("circuit", "compiler/circuit", &["netlist"]),
    ("lower", "compiler/lower", &["sema", "circuit"]),
    ("opt", "compiler/opt", &["circuit", "spec"]),
    ("driver", "compiler/driver", &["style", "eval", "lower", "opt"]),
    ("lsp", "compiler/lsp", &["driver"]),
    ("field", "runtime/field", &[]),
    ("spec", "runtime/spec", &[]),
    ("wire", "runtime/wire", &[]),
    ("proto", "runtime/proto", &["field", "spec", "wire"]),
    ("engine", "runtime/engine", &["proto", "circuit"]),
    ("net", "runtime/net", &["wire"]),
    ("node", "runtime/node", &["engine", "net", "decimal", "strings"]),
];

/// Crates that also compile to WebAssembly: no file system, sockets, threads, clocks, or operating system's randomness.
const PURE: &[&str] = &[
    "diag", "decimal", "strings", "netlist", "syntax", "style", "sema", "eval", "circuit", "lower", "opt", "driver",
    "lsp", "field", "spec", "wire", "proto", "engine",
];

/// What a pure crate may not name.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::thread",
    "std::process",
    "std::env",
    "std::time",
    "tokio",
    "rustls",
    "rayon",
    "getrandom",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn rust_files(dir: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_some_and(|n| n != "target") {
                rust_files(&path, out);
            }
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn all_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in ["compiler", "runtime", "cli", "tests"] {
        rust_files(&root().join(dir), &mut files);
    }
    assert!(files.len() > 40, "the walk over the sources finds them");
    files
}

/// The file without comments, string literals, and character literals: what is left is code. Raw strings and nested
/// comments are handled; every removed character is a space, so that lines stay lines.
fn code_of(text: &str) -> String {
    let b: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut i = 0;
    let blank = |out: &mut String, c: char| out.push(if c == '\n' { '\n' } else { ' ' });
    while i < b.len() {
        let next = b.get(i + 1).copied();
        match b[i] {
            '/' if next == Some('/') => {
                while i < b.len() && b[i] != '\n' {
                    blank(&mut out, b[i]);
                    i += 1;
                }
            }
            '/' if next == Some('*') => {
                let mut depth = 0;
                while i < b.len() {
                    if b[i] == '/' && b.get(i + 1) == Some(&'*') {
                        depth += 1;
                        blank(&mut out, ' ');
                        i += 1;
                    } else if b[i] == '*' && b.get(i + 1) == Some(&'/') {
                        depth -= 1;
                        blank(&mut out, ' ');
                        i += 1;
                    }
                    blank(&mut out, b[i.min(b.len() - 1)]);
                    i += 1;
                    if depth == 0 {
                        break;
                    }
                }
            }
            'r' if matches!(next, Some('"' | '#'))
                && !out.chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_') =>
            {
                let mut hashes = 0;
                while b.get(i + 1 + hashes) == Some(&'#') {
                    hashes += 1;
                }
                if b.get(i + 1 + hashes) != Some(&'"') {
                    out.push(b[i]);
                    i += 1;
                    continue;
                }
                i += 2 + hashes;
                out.push_str(&" ".repeat(2 + hashes));
                while i < b.len() {
                    let closes = b[i] == '"' && (0..hashes).all(|k| b.get(i + 1 + k) == Some(&'#'));
                    blank(&mut out, b[i]);
                    i += 1;
                    if closes {
                        i += hashes;
                        out.push_str(&" ".repeat(hashes));
                        break;
                    }
                }
            }
            '"' => {
                out.push(' ');
                i += 1;
                while i < b.len() && b[i] != '"' {
                    if b[i] == '\\' {
                        out.push(' ');
                        i += 1;
                    }
                    if i < b.len() {
                        blank(&mut out, b[i]);
                        i += 1;
                    }
                }
                out.push(' ');
                i += 1;
            }
            '\'' if next == Some('\\') || b.get(i + 2) == Some(&'\'') => {
                let end = if next == Some('\\') {
                    (i + 3..b.len()).find(|&k| b[k] == '\'').unwrap_or(b.len() - 1)
                } else {
                    i + 2
                };
                out.push_str(&" ".repeat(end - i + 1));
                i = end + 1;
            }
            c => {
                out.push(c);
                i += 1;
            }
        }
    }
    out
}

/// Paths that the code names, with the groups of `use a::{b, c::d}` written out.
fn named_paths(code: &str) -> Vec<String> {
    let mut out = Vec::new();
    for statement in code.split(';') {
        let statement = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        let Some(at) = statement.find("use ").filter(|&p| p == 0 || statement[..p].ends_with([' ', '}', '{', ')']))
        else {
            continue;
        };
        expand("", &statement[at + 4..], &mut out);
    }
    out.push(code.to_string());
    out
}

/// `a::{b, c::{d}}` to `a::b`, `a::c::d`.
fn expand(prefix: &str, tree: &str, out: &mut Vec<String>) {
    let tree: String = tree.replace(" ::", "::").replace(":: ", "::");
    let Some(open) = tree.find('{') else {
        out.push(format!("{prefix}{}", tree.trim()));
        return;
    };
    let head = format!("{prefix}{}", tree[..open].trim());
    let (mut depth, mut start) = (0, open + 1);
    for (k, c) in tree.char_indices().skip(open) {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 1 => {
                if start <= k {
                    expand(&head, &tree[start..k], out);
                }
                start = k + 1;
                if c == '}' {
                    return;
                }
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
}

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut closed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, _, imports) in TABLE {
        let mut set = BTreeSet::new();
        for import in *imports {
            set.insert(*import);
            set.extend(closed.get(import).into_iter().flatten().copied());
        }
        closed.insert(name, set);
    }
    closed
}

#[test]
fn crates_import_only_what_the_table_allows() {
    let closed = allowed();
    let ours: BTreeSet<&str> = TABLE.iter().map(|row| row.0).collect();
    let mut wrong = Vec::new();
    for (name, dir, _) in TABLE {
        let text = std::fs::read_to_string(root().join(dir).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        for section in ["dependencies", "build-dependencies"] {
            let Some(deps) = manifest.get(section).and_then(|d| d.as_table()) else { continue };
            for dep in deps.keys() {
                if ours.contains(dep.as_str()) && !closed[name].contains(dep.as_str()) {
                    wrong.push(format!("{name} may not import {dep}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_crates_name_nothing_of_the_world() {
    let mut wrong = Vec::new();
    for (name, dir, _) in TABLE.iter().filter(|row| PURE.contains(&row.0)) {
        let mut files = Vec::new();
        rust_files(&root().join(dir).join("src"), &mut files);
        for file in files {
            let code = code_of(&std::fs::read_to_string(&file).unwrap());
            for path in named_paths(&code) {
                for word in IMPURE {
                    if mentions(&path, word) {
                        wrong.push(format!("{name}: {} names {word}", file.display()));
                    }
                }
            }
        }
    }
    wrong.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where clocks, sleep, and randomness of the system may be read in `net` and `node`: transports and what starts nodes.
/// All else is run by the simulator, and gets them from its links.
const CLOCKS: &[&str] = &[
    "runtime/net/src/platform.rs",
    "runtime/net/src/meet.rs",
    "runtime/net/src/tcp.rs",
    "runtime/net/src/clients/tcp.rs",
    "runtime/net/src/client.rs",
    "runtime/net/src/probe.rs",
    "runtime/node/src/hosts.rs",
    "runtime/node/src/processes.rs",
    "runtime/node/src/child.rs",
];

#[test]
fn what_the_simulator_runs_reads_no_clock() {
    let clock =
        ["Instant::now", "SystemTime::now", "tokio::time", "thread::sleep", "thread::park_timeout", "getrandom"];
    let mut wrong = Vec::new();
    let mut reads: BTreeSet<&str> = BTreeSet::new();
    for dir in ["runtime/net/src", "runtime/node/src"] {
        let mut files = Vec::new();
        rust_files(&root().join(dir), &mut files);
        for file in files {
            // Unit tests stand at the end of a file.
            let code = code_of(&std::fs::read_to_string(&file).unwrap());
            let code = code.split("#[cfg(test)]").next().unwrap_or("");
            let paths = named_paths(code);
            for word in clock.iter().filter(|w| paths.iter().any(|p| mentions(p, w))) {
                match CLOCKS.iter().find(|c| file == root().join(c)) {
                    Some(known) => {
                        reads.insert(known);
                    }
                    None => wrong.push(format!("{} names {word}", file.display())),
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(reads.len(), CLOCKS.len(), "a file of the list reads no clock any more; only these do: {reads:#?}");
}

/// Whether `code` names the path `word` (whole identifiers).
fn mentions(code: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word)
        .any(|(at, _)| !code[..at].ends_with(inside) && !code[at + word.len()..].starts_with(inside))
}

#[test]
fn unsafe_stands_in_field_alone() {
    let mut wrong = Vec::new();
    for file in all_files() {
        if file.starts_with(root().join("runtime/field")) {
            continue;
        }
        let code = code_of(&std::fs::read_to_string(&file).unwrap());
        if mentions(&code, "unsafe") {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_file_says_what_it_is_and_stays_readable() {
    let mut wrong = Vec::new();
    for file in all_files() {
        let text = std::fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not open with what it does", file.display()));
        }
        let header: String = text.lines().take_while(|l| l.starts_with("//!")).collect();
        if text.lines().count() > 700 && !header.contains("Long because") {
            wrong.push(format!(
                "{} has {} lines and its header does not say why",
                file.display(),
                text.lines().count()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn examples_are_whole() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("examples")).unwrap() {
        let dir = entry.unwrap().path();
        let name = dir.file_name().unwrap().to_string_lossy().into_owned();
        for part in [format!("{name}.mpc"), "inputs".into(), "expected.json".into(), "README.md".into()] {
            assert!(dir.join(&part).exists(), "examples/{name} has no {part}");
        }
        seen += 1;
    }
    assert!(seen >= 8);
}

#[test]
fn the_scanner_itself_sees_through_comments_strings_and_groups() {
    let code =
        code_of("let a = \"std::fs\"; // std::net\n/* tokio /* x */ */ let c = 'x'; r#\"rayon\"#; let l: &'a u8;");
    for word in IMPURE {
        assert!(!mentions(&code, word), "{word} in {code}");
    }
    let code = code_of("use std::{collections::BTreeMap, fs::{self, File}};");
    assert!(named_paths(&code).iter().any(|p| mentions(p, "std::fs")));
    assert!(mentions("unsafe { x }", "unsafe") && !mentions("deny(unsafe_code)", "unsafe"));
}

/// The words that the lexer knows, and those that are words only where they can stand.
fn words() -> BTreeSet<String> {
    let lexer = std::fs::read_to_string(root().join("compiler/syntax/src/lexer.rs")).unwrap();
    let tokens = lexer.split("#[token(\"").skip(1).filter_map(|s| s.split('"').next());
    let mut out: BTreeSet<String> =
        tokens.filter(|t| t.bytes().all(|b| b.is_ascii_lowercase())).map(str::to_string).collect();
    assert!(out.len() > 20, "the lexer's words are found: {out:?}");
    out.extend(["at", "party", "checked", "max", "size"].map(str::to_string));
    out
}

#[test]
fn editors_know_the_words_of_the_language() {
    let dir = root().join("editors/vscode");
    let json = |name: &str| -> serde_json::Value {
        let text = std::fs::read_to_string(dir.join(name)).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"))
    };
    let grammar = json("syntaxes/mpc.tmLanguage.json");
    let mut known = BTreeSet::new();
    for pattern in grammar["repository"]["keywords"]["patterns"].as_array().unwrap() {
        let text = pattern["match"].as_str().unwrap();
        let (_, list) = text.split_once("\\b(").unwrap();
        known.extend(list.split_once(')').unwrap().0.split('|').map(str::to_string));
    }
    assert_eq!(known, words());
    // Every group that is included is there, and every file that the manifest names.
    let included = grammar.to_string();
    for part in included.split("\"include\":\"#").skip(1).filter_map(|s| s.split('"').next()) {
        assert!(grammar["repository"][part].is_object(), "no group {part}");
    }
    let manifest = json("package.json");
    let contributes = &manifest["contributes"];
    assert_eq!(contributes["grammars"][0]["scopeName"], grammar["scopeName"]);
    for file in [&manifest["main"], &contributes["grammars"][0]["path"], &contributes["languages"][0]["configuration"]]
    {
        assert!(dir.join(file.as_str().unwrap()).exists(), "{file} is not there");
    }
    json("language-configuration.json");
    let lock = json("package-lock.json");
    assert_eq!(lock["packages"][""]["dependencies"], manifest["dependencies"], "npm install renews the lock file");
}

#[test]
fn what_the_library_opens_masked_has_its_argument() {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(root().join("stdlib")).unwrap() {
        files.push(entry.unwrap().path());
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "mpc"));
    let mut openings = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (k, line) in lines.iter().enumerate().filter(|(_, l)| !l.starts_with("//") && l.contains("open_masked(")) {
            openings += 1;
            let first = lines[..k].iter().rposition(|l| !l.starts_with("// ")).map_or(0, |k| k + 1);
            assert!(lines[first].starts_with("// simulatable: "), "{}:{}: {line}", file.display(), k + 1);
        }
    }
    assert!(openings > 0);
}
