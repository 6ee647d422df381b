//! The language server, driven over its standard input and output as an editor drives it.

use crate::editor::{Editor, QUESTIONS, URI, long_file, position};
use serde_json::{Value, json};

const PROGRAM: &str = "\
use std::array::reverse;

party Alice, Bob;

struct Offer {
    price: u32,
}

/// The sum of both.
fn total<N: size>(xs: [u32; N], y: u32) -> u32 {
    let sum = xs.sum();
    sum + y
}

fn main(xs: [u32; 3] from Alice, y: u32 from Bob) -> u32 {
    let offer = Offer { price: y };
    let all = total(reverse(xs), offer.price);
    reveal(all)
}
";

/// A text with edits carried out (ASCII, so that units are bytes).
fn edited(text: &str, edits: &Value) -> String {
    let offset = |p: &Value| {
        let line = p["line"].as_u64().unwrap() as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start + p["character"].as_u64().unwrap() as usize
    };
    let mut list: Vec<(usize, usize, String)> = edits
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let r = &e["range"];
            (offset(&r["start"]), offset(&r["end"]), e["newText"].as_str().unwrap().to_string())
        })
        .collect();
    list.sort();
    let mut out = text.to_string();
    for (lo, hi, new) in list.into_iter().rev() {
        out.replace_range(lo..hi, &new);
    }
    out
}

fn labels(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|c| c["label"].as_str().unwrap().to_string()).collect()
}

#[test]
fn hovers_places_and_names() {
    let mut e = Editor::start();
    assert!(e.open(PROGRAM).is_empty());
    let hover = |e: &mut Editor, mark: &str| {
        e.at("textDocument/hover", PROGRAM, mark)["contents"]["value"].as_str().unwrap_or("").to_string()
    };
    let all = hover(&mut e, "let a|ll");
    assert!(all.contains("all: u32") && all.contains("label: secret"), "{all}");
    let total = hover(&mut e, "= tot|al(");
    assert!(
        total.contains("The sum of both.") && total.contains("labels") && total.contains("cost at N = 1000"),
        "{total}"
    );
    let reverse = hover(&mut e, "rev|erse(xs)");
    assert!(reverse.contains("from the last to the first"), "{reverse}");
    let place = e.at("textDocument/definition", PROGRAM, "= tot|al(");
    assert_eq!(place["range"]["start"], position(PROGRAM, "fn |total"));
    let place = e.at("textDocument/definition", PROGRAM, "offer.pri|ce");
    assert_eq!(place["range"]["start"], position(PROGRAM, "    |price"));
    let places = e.at("textDocument/references", PROGRAM, "party Ali|ce");
    assert_eq!(places.as_array().unwrap().len(), 2);
    // Renamed everywhere, and nothing else.
    let rename = |e: &mut Editor, mark: &str, new: &str| {
        let params = json!({"textDocument": {"uri": URI}, "position": position(PROGRAM, mark), "newName": new});
        e.answer("textDocument/rename", params)
    };
    let edit = rename(&mut e, "let s|um", "amount");
    let renamed = edited(PROGRAM, &edit["result"]["changes"][URI]);
    assert_eq!(renamed, PROGRAM.replace("let sum", "let amount").replace("    sum + y", "    amount + y"));
    let edit = rename(&mut e, "offer.pri|ce", "cost");
    let renamed = edited(PROGRAM, &edit["result"]["changes"][URI]);
    assert_eq!(renamed, PROGRAM.replace("price", "cost"));
    assert!(rename(&mut e, "let s|um", "y")["error"]["message"].as_str().unwrap().contains("declared already"));
    assert!(rename(&mut e, "let s|um", "if")["error"].is_object());
    assert!(rename(&mut e, "rev|erse(xs)", "x")["error"].is_object());
}

#[test]
fn diagnostics_follow_the_text_and_actions_mend_it() {
    let mut e = Editor::start();
    let wrong = PROGRAM.replace("reveal(all)", "reveal(al)");
    let found = e.open(&wrong);
    let unknown = found.iter().find(|d| d["code"] == "E0101").unwrap();
    assert_eq!(unknown["range"]["start"], position(&wrong, "reveal(|al)"));
    let params = json!({"textDocument": {"uri": URI}, "range": unknown["range"], "context": {"diagnostics": []}});
    let actions = e.ask("textDocument/codeAction", params);
    let fix = actions.as_array().unwrap().iter().find(|a| a["title"].as_str().unwrap().contains("`all`")).unwrap();
    let mended = edited(&wrong, &fix["edit"]["changes"][URI]);
    assert_eq!(mended, PROGRAM);
    // The same change, typed.
    let at = position(&wrong, "reveal(al|)");
    let change = json!({"range": {"start": at, "end": at}, "text": "l"});
    e.tell("textDocument/didChange", json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [change]}));
    assert!(e.diagnostics().is_empty());
    // Laid out.
    let ugly = PROGRAM.replace("    sum + y", "  sum  +  y");
    e.tell(
        "textDocument/didChange",
        json!({"textDocument": {"uri": URI, "version": 3}, "contentChanges": [{"text": ugly}]}),
    );
    assert!(e.diagnostics().is_empty());
    let edits = e.ask("textDocument/formatting", json!({"textDocument": {"uri": URI}, "options": {}}));
    assert_eq!(edited(&ugly, &edits), PROGRAM);
    e.tell("textDocument/didClose", json!({"textDocument": {"uri": URI}}));
    assert!(e.diagnostics().is_empty());
    assert!(
        e.answer("textDocument/hover", json!({"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}))
            ["error"]
            .is_object()
    );
    assert!(e.answer("textDocument/foldingRange", json!({}))["error"].is_object());
    e.ask("shutdown", Value::Null);
    e.tell("exit", Value::Null);
    assert!(e.child.wait().unwrap().success());
}

#[test]
fn completions_know_where_they_are() {
    let mut e = Editor::start();
    let complete = |e: &mut Editor, mark: &str, insert: &str| {
        let (before, after) = mark.split_once('|').unwrap();
        // A statement has a line of its own.
        let end = if insert.starts_with(' ') { "\n" } else { "" };
        let text = PROGRAM.replace(&format!("{before}{after}"), &format!("{before}{insert}{end}{after}"));
        e.open(&text);
        labels(&e.at("textDocument/completion", &text, &format!("{before}{insert}|{end}{after}")))
    };
    let list = complete(&mut e, "    let sum = xs.sum();\n|", "    let z = xs.");
    assert!(list.contains(&"argmax".into()) && !list.contains(&"sum_of".into()), "{list:?}");
    let list = complete(&mut e, "{ price: y };\n|", "    let z = offer.");
    assert_eq!(list, ["price"]);
    let list = complete(&mut e, "{ price: y };\n|", "    let z = of");
    assert!(
        list.contains(&"offer".into()) && list.contains(&"xs".into()) && list.contains(&"total".into()),
        "{list:?}"
    );
    assert!(!list.contains(&"sum".into()), "a local of another function: {list:?}");
    let list = complete(&mut e, "|use std", "use std::guard::");
    assert_eq!(list, ["at_least", "cells", "clipped_sum"]);
    let list = complete(&mut e, "|use std", "use std::");
    assert!(list.contains(&"array".into()), "{list:?}");
    let list = complete(&mut e, "y: u32 from |Bob", "");
    assert_eq!(list, ["Alice", "Bob"]);
}

/// What answers take is printed by `cargo bench -p mpcc --bench lsp`.
#[test]
fn a_long_file_is_answered() {
    let (text, at) = long_file();
    let mut e = Editor::start();
    assert!(e.open(&text).is_empty());
    let at = position(&text, at);
    let change = json!({"range": {"start": at, "end": at}, "text": "2"});
    e.tell("textDocument/didChange", json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [change]}));
    assert!(e.diagnostics().is_empty());
    for (method, mark) in QUESTIONS {
        assert!(!e.at(method, &text, mark).is_null(), "{method}");
    }
    assert!(e.ask("textDocument/formatting", json!({"textDocument": {"uri": URI}, "options": {}})).is_array());
}
