//! `mpcc party`: keys and certificates of one who takes part, and the lines that the others need. No key is ever printed.

use crate::args::{Format, PartyVerb};
use crate::failure::Failure;
use crate::hosts::now;
use crate::output::{Shown, print};
use net::keys::{Leaf, date};
use node::keys::{self, Made};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

/// Does what the verb says.
///
/// # Errors
/// Usage: a file is there already, or is not.
pub fn party(verb: &PartyVerb, shown: &Shown) -> Result<(), Failure> {
    match verb {
        PartyVerb::New { name, days, dir } => {
            let made = keys::create(dir, name, *days, now()).map_err(Failure::usage)?;
            let identity = keys::identity_file(dir, name);
            let text = format!(
                "made {} (identity: keep it safe, no run needs it)\nmade {} (certificate and key for runs)\n{}",
                identity.display(),
                made.file.display(),
                facts(&made.leaf)
            );
            tell(shown, text, value(&made, json!({ "identity_file": identity })));
        }
        PartyVerb::Rotate { name, days, dir, switch: false } => {
            let made = keys::rotate(dir, name, *days, now()).map_err(Failure::usage)?;
            let text = format!(
                "made {}; {} stays in use\n{}\nnow give the others both fingerprints (`mpcc party show {name} …`), and once all have \
                 them: mpcc party rotate {name} --switch\n",
                made.file.display(),
                keys::current_file(dir, name).display(),
                facts(&made.leaf).trim_end()
            );
            tell(shown, text, value(&made, json!({})));
        }
        PartyVerb::Rotate { name, dir, switch: true, .. } => {
            let (made, kept) = keys::switch(dir, name, now()).map_err(Failure::usage)?;
            let text = format!(
                "{} is now the new certificate; the old one is {}\n{}\nthe others may now drop the old fingerprint\n",
                made.file.display(),
                kept.display(),
                facts(&made.leaf).trim_end()
            );
            tell(shown, text, value(&made, json!({ "old_file": kept })));
        }
        PartyVerb::Show { name, dir, index, address, hosts, client } => {
            let leaves = leaves(dir, name)?;
            let prints: Vec<String> = leaves.iter().map(|l| l.fingerprint.to_string()).collect();
            let lines = match (client, index, address) {
                (Some(party), ..) => client_lines(party, &prints),
                (None, Some(index), Some(address)) => node_lines(name, *index, address, &prints, hosts),
                _ => return Err(Failure::usage("a node needs --index N and --address HOST:PORT")),
            };
            let facts: Vec<Value> = leaves.iter().map(leaf_value).collect();
            tell(shown, lines.clone(), json!({ "name": name, "lines": lines, "certificates": facts }));
        }
    }
    Ok(())
}

/// The certificate in use, and the next one if there is.
fn leaves(dir: &Path, name: &str) -> Result<Vec<Leaf>, Failure> {
    let mut leaves = vec![keys::show(&keys::current_file(dir, name)).map_err(Failure::usage)?];
    let next = keys::next_file(dir, name);
    if next.exists() {
        leaves.push(keys::show(&next).map_err(Failure::usage)?);
    }
    Ok(leaves)
}

fn list(prints: &[String]) -> String {
    let quoted: Vec<String> = prints.iter().map(|p| format!("\"{p}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn node_lines(name: &str, index: u64, address: &str, prints: &[String], hosts: &[String]) -> String {
    let mut out = format!(
        "[[node]]\nname = \"{name}\"\nindex = {index}\naddress = {}\nfingerprints = {}\n",
        json!(address),
        list(prints)
    );
    for party in hosts {
        let _ = write!(out, "\n[[party]]\nname = {}\nhost = \"{name}\"\n", json!(party));
    }
    out
}

/// A client's entry; of two fingerprints either counts for its one member.
fn client_lines(party: &str, prints: &[String]) -> String {
    let prints = if prints.len() == 1 { list(prints) } else { format!("[{}]", list(prints)) };
    format!("[[party]]\nname = {}\nhost = \"client\"\nfingerprints = {prints}\n", json!(party))
}

fn facts(leaf: &Leaf) -> String {
    format!("valid until  {}\nfingerprint  {}\n", date(leaf.until), leaf.fingerprint)
}

fn leaf_value(leaf: &Leaf) -> Value {
    json!({
        "fingerprint": leaf.fingerprint.to_string(),
        "identity": leaf.identity.map(|i| i.to_string()),
        "valid_from": date(leaf.from),
        "valid_until": date(leaf.until),
    })
}

fn value(made: &Made, mut more: Value) -> Value {
    let mut out = leaf_value(&made.leaf);
    out["file"] = json!(made.file);
    if let (Some(out), Some(more)) = (out.as_object_mut(), more.as_object_mut()) {
        out.append(more);
    }
    out
}

fn tell(shown: &Shown, text: String, value: Value) {
    match shown.format {
        Format::Json => print(&format!("{value}\n")),
        _ => print(&text),
    }
}
