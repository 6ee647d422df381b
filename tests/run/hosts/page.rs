//! `docs/hosts.md` as it is written: the blocks of each host in its folder, section by section, and what they print.

use super::{Hosts, NODES, Said, command};
use mpcc_tests::{blocks, root};
use std::collections::BTreeMap;

/// Sections of the page, each with the commands of each node and what the last of them prints.
type Section = (String, [Vec<String>; 3], BTreeMap<usize, String>);

fn sections(page: &str) -> Vec<Section> {
    let index = |name: &str| NODES.iter().position(|n| *n == name);
    page.split("\n## ")
        .map(|text| {
            let title = text.lines().next().unwrap_or("").to_string();
            let mut commands: [Vec<String>; 3] = Default::default();
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

#[test]
fn the_page_of_three_hosts_runs_as_it_is_written() {
    let page = std::fs::read_to_string(root().join("docs/hosts.md")).unwrap();
    let hosts = Hosts::bare();
    let example = root().join("examples/exposure");
    for (k, input) in [(0, Some("BankA.a.csv")), (1, Some("BankB.b.csv")), (2, None)] {
        std::fs::copy(example.join("exposure.mpc"), hosts.dir(k).join("exposure.mpc")).unwrap();
        if let Some(input) = input {
            std::fs::create_dir(hosts.dir(k).join("inputs")).unwrap();
            std::fs::copy(example.join("inputs").join(input), hosts.dir(k).join("inputs").join(input)).unwrap();
        }
    }
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_mpcc")).parent().unwrap().to_owned();
    let path = std::env::join_paths(
        [bin].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .unwrap();
    let mut ran = 0;
    for (title, commands, prints) in sections(&page) {
        // Everyone has sent the lines that tell of it.
        for (from, name) in NODES.into_iter().enumerate() {
            let lines = format!("{name}.lines");
            for to in (0..3).filter(|to| *to != from && hosts.dir(from).join(&lines).exists()) {
                std::fs::copy(hosts.dir(from).join(&lines), hosts.dir(to).join(&lines)).unwrap();
            }
        }
        let threads: Vec<_> = (0..3)
            .map(|k| {
                let mut script = commands[k].join("\n");
                for (node, name) in NODES.into_iter().enumerate() {
                    script = script.replace(&format!("{name}.example.org:7700"), &hosts.address(node));
                }
                let (dir, path, said) = (hosts.dir(k), path.clone(), prints.get(&k).cloned());
                let title = title.clone();
                std::thread::spawn(move || {
                    let mut shell = std::process::Command::new("sh");
                    for (name, _) in command(&dir).get_envs() {
                        shell.env_remove(name);
                    }
                    let shell = shell.args(["-e", "-c", &script]).current_dir(&dir).env("PATH", path);
                    let got = Said::of(shell.stdin(std::process::Stdio::null()).output().unwrap());
                    assert_eq!(got.code, 0, "{title}, {}: {script}\n{}{}", NODES[k], got.out, got.err);
                    if let Some(said) = said {
                        assert_eq!(got.out, said, "{title}, {}", NODES[k]);
                    }
                    if title.starts_with("4.") && k == 2 {
                        assert_eq!(got.out, "", "west learns nothing");
                    }
                    script.lines().filter(|l| l.starts_with("mpcc")).count()
                })
            })
            .collect();
        ran += threads.into_iter().map(|t| t.join().unwrap()).sum::<usize>();
    }
    assert!(ran >= 18, "the page's commands are found: {ran}");
    // The switch of section 6 took place: north has a kept certificate, and no next one.
    let names: Vec<String> = std::fs::read_dir(hosts.dir(0).join("keys"))
        .unwrap()
        .map(|f| f.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.iter().any(|n| n.starts_with("north.old-")) && !names.contains(&"north.next.pem".to_string()));
}
