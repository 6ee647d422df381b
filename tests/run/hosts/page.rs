//! `docs/hosts.md` and the run of `docs/clients.md` as they are written: the blocks of each host in its folder, section by
//! section, and what they print.

use super::{Hosts, NODES, Said, command};
use mpcc_tests::{blocks, root};
use std::collections::BTreeMap;

/// Sections of the page, each with the commands of each node and what the last of them prints.
type Section = (String, Vec<Vec<String>>, BTreeMap<usize, String>);

/// Hosts of the pages: nodes, and clients.
const HOSTS: [&str; 5] = [NODES[0], NODES[1], NODES[2], "banka", "bankb"];

fn sections(page: &str) -> Vec<Section> {
    let index = |name: &str| HOSTS.iter().position(|n| *n == name);
    page.split("\n## ")
        .map(|text| {
            let title = text.lines().next().unwrap_or("").to_string();
            let mut commands = vec![Vec::new(); HOSTS.len()];
            let mut prints = BTreeMap::new();
            for block in blocks(text) {
                let mut words = block.info.split_whitespace();
                let kind = words.next();
                for node in words.filter_map(index) {
                    match kind {
                        Some("sh") => commands[node].extend(block.text.lines().map(str::to_string)),
                        Some("text") => {
                            prints.insert(node, block.text.clone());
                        }
                        _ => {}
                    }
                }
            }
            (title, commands, prints)
        })
        .collect()
}

/// Runs a page, `banks` being the hosts of the two banks; how many commands there were.
fn follow(page: &str, hosts: &Hosts, banks: [usize; 2]) -> usize {
    let example = root().join("examples/exposure");
    let dir = |k: usize| hosts.root.path().join(HOSTS[k]);
    let here: Vec<usize> = (0..HOSTS.len()).filter(|k| *k < 3 || banks.contains(k)).collect();
    for &k in &here {
        std::fs::create_dir_all(dir(k)).unwrap();
        std::fs::copy(example.join("exposure.mpc"), dir(k).join("exposure.mpc")).unwrap();
    }
    for (k, input) in banks.into_iter().zip(["BankA.a.csv", "BankB.b.csv"]) {
        std::fs::create_dir(dir(k).join("inputs")).unwrap();
        std::fs::copy(example.join("inputs").join(input), dir(k).join("inputs").join(input)).unwrap();
    }
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_mpcc")).parent().unwrap().to_owned();
    let path = std::env::join_paths(
        [bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    let mut ran = 0;
    for (title, commands, prints) in sections(page) {
        // Everyone has sent the lines that tell of it.
        for &from in &here {
            let lines = format!("{}.lines", HOSTS[from]);
            for &to in here.iter().filter(|to| **to != from && dir(from).join(&lines).exists()) {
                std::fs::copy(dir(from).join(&lines), dir(to).join(&lines)).unwrap();
            }
        }
        let threads: Vec<_> = here
            .iter()
            .map(|&k| {
                let mut script = commands[k].join("\n");
                for (node, name) in NODES.into_iter().enumerate() {
                    script = script.replace(&format!("{name}.example.org:7700"), &hosts.address(node));
                }
                let (dir, path, said) = (dir(k), path.clone(), prints.get(&k).cloned());
                let title = title.clone();
                std::thread::spawn(move || {
                    let mut shell = std::process::Command::new("sh");
                    for (name, _) in command(&dir).get_envs() {
                        shell.env_remove(name);
                    }
                    let shell = shell.args(["-e", "-c", &script]).current_dir(&dir).env("PATH", path);
                    let got = Said::of(shell.stdin(std::process::Stdio::null()).output().unwrap());
                    assert_eq!(got.code, 0, "{title}, {}: {script}\n{}{}", HOSTS[k], got.out, got.err);
                    match said {
                        Some(said) => assert_eq!(got.out, said, "{title}, {}", HOSTS[k]),
                        // Who learns nothing prints nothing; keys say what was made.
                        None if title.contains("run") => assert_eq!(got.out, "", "{title}, {}", HOSTS[k]),
                        None => {}
                    }
                    script.lines().filter(|l| l.starts_with("mpcc")).count()
                })
            })
            .collect();
        ran += threads.into_iter().map(|t| t.join().unwrap()).sum::<usize>();
    }
    ran
}

#[test]
fn the_page_of_three_hosts_runs_as_it_is_written() {
    let page = std::fs::read_to_string(root().join("docs/hosts.md")).unwrap();
    let hosts = Hosts::bare();
    let ran = follow(&page, &hosts, [0, 1]);
    assert!(ran >= 18, "the page's commands are found: {ran}");
    // The switch of section 6 took place: north has a kept certificate, and no next one.
    let names: Vec<String> = std::fs::read_dir(hosts.dir(0).join("keys"))
        .unwrap()
        .map(|f| f.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|n| n.starts_with("north.old-")) && !names.contains(&"north.next.pem".to_string()));
}

#[test]
fn the_page_of_two_clients_runs_as_it_is_written() {
    let page = std::fs::read_to_string(root().join("docs/clients.md")).unwrap();
    let ran = follow(&page, &Hosts::bare(), [3, 4]);
    assert_eq!(ran, 15, "the page's commands are found");
}
