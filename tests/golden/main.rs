//! Golden pairs: the naive form of each class of loop, the expert's, and variants of both (other names, orders, strides,
//! temporaries) compute the same in the same rounds and bytes. Golden files hold the figures.
//!
//! `MPCC_BLESS=1` rewrites the golden files.

use mpcc_tests::ladder::{Climb, bound, climb, random_inputs};
use mpcc_tests::{check, golden, root, walk};
use std::collections::BTreeMap;
use std::fmt::Write;

#[test]
fn every_spelling_costs_what_the_expert_pays() {
    let mut folders: Vec<_> = std::fs::read_dir(root().join("tests/pairs"))
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .collect();
    folders.sort();
    assert!(folders.len() >= 9);
    let mut wrong = Vec::new();
    let mut table = String::from("# Rounds and bytes (busiest node) of each class, the same for every spelling.\n");
    for folder in folders {
        let class = folder.file_name().unwrap().to_string_lossy().into_owned();
        let mut files = Vec::new();
        walk(&folder, "mpc", &mut files);
        for n in [13u64, 200] {
            let mut first: Option<(String, u64, u64, Vec<Vec<u128>>)> = None;
            for file in &files {
                let spelling = file.file_stem().unwrap().to_string_lossy().into_owned();
                let checked = check(&std::fs::read_to_string(file).unwrap());
                if !checked.ok() {
                    let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
                    wrong.push(format!("{class}/{spelling}: {codes:?}"));
                    continue;
                }
                // Matrices of n numbers in all; a sorting network of as many levels as n has doublings.
                let sizes: BTreeMap<String, u64> = driver::size_names(&checked.program)
                    .into_iter()
                    .map(|name| {
                        let value = match (&*class, &*name) {
                            ("matmul", "R") => 3,
                            ("matmul", "K") => n,
                            ("matmul", _) => 2,
                            ("sort", "L") => u64::from(n.next_power_of_two().trailing_zeros()),
                            _ => n,
                        };
                        (name, value)
                    })
                    .collect();
                let bound = bound(&checked, &sizes);
                match climb(&checked, &bound, &random_inputs(&checked, &bound, 5)) {
                    Ok(Climb::Agree { rounds, bytes, result }) => {
                        let most = bytes.into_iter().max().unwrap_or(0);
                        match &first {
                            None => first = Some((spelling, rounds, most, result)),
                            Some((other, r, b, value)) => {
                                if (*r, *b) != (rounds, most) {
                                    wrong.push(format!(
                                        "{class} at {n}: {other} takes {r} rounds and {b} bytes, {spelling} {rounds} and {most}"
                                    ));
                                }
                                if *value != result {
                                    wrong
                                        .push(format!("{class} at {n}: {other} and {spelling} give different answers"));
                                }
                            }
                        }
                    }
                    other => wrong.push(format!("{class}/{spelling} at {n}: {other:?}")),
                }
            }
            if let Some((_, rounds, bytes, _)) = first {
                let _ = writeln!(table, "{class:<12} n = {n:<4} {rounds:>4} rounds {bytes:>8} bytes");
            }
        }
    }
    if let Err(e) = golden(&root().join("tests/golden/pairs.txt"), &table) {
        wrong.push(e);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
