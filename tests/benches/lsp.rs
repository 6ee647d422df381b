//! What the language server takes to answer on a file of 2,000 lines: `cargo bench -p mpcc --bench lsp`.
//!
//! Prints a table in Markdown, of the median and the longest of many answers. What is aimed at is 50 ms.

#[path = "../run/editor.rs"]
mod editor;

use editor::{Editor, QUESTIONS, URI, long_file, position};
use serde_json::json;
use std::time::Instant;

/// Answers of each kind.
const TIMES: usize = 20;

fn main() {
    let (text, place) = long_file();
    let mut e = Editor::start();
    println!("| on {} lines | median | longest |", text.lines().count());
    println!("|---|---|---|");
    let begun = Instant::now();
    assert!(e.open(&text).is_empty());
    row("open, to diagnostics", vec![begun.elapsed().as_secs_f64()]);
    let at = position(&text, place);
    let typed = |k: usize| {
        let begun = Instant::now();
        let change = json!({"range": {"start": at, "end": at}, "text": "2"});
        let end = json!({"line": at["line"], "character": at["character"].as_u64().unwrap_or(0) + 1});
        let change = if k.is_multiple_of(2) { change } else { json!({"range": {"start": at, "end": end}, "text": ""}) };
        let document = json!({"uri": URI, "version": k + 2});
        e.tell("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
        assert!(e.diagnostics().is_empty());
        begun.elapsed().as_secs_f64()
    };
    row("a key, to diagnostics", (0..TIMES).map(typed).collect());
    for (method, mark) in QUESTIONS {
        let asked = |_| {
            let begun = Instant::now();
            assert!(!e.at(method, &text, mark).is_null(), "{method}");
            begun.elapsed().as_secs_f64()
        };
        row(method, (0..TIMES).map(asked).collect());
    }
    let laid_out = |_| {
        let begun = Instant::now();
        e.ask("textDocument/formatting", json!({"textDocument": {"uri": URI}, "options": {}}));
        begun.elapsed().as_secs_f64()
    };
    row("textDocument/formatting", (0..TIMES).map(laid_out).collect());
}

fn row(what: &str, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    let ms = |s: f64| format!("{:.1} ms", s * 1e3);
    println!("| {what} | {} | {} |", ms(seconds[seconds.len() / 2]), ms(seconds[seconds.len() - 1]));
}
