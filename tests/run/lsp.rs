//! The language server, driven over its standard input and output as an editor drives it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

struct Editor {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: i32,
    /// Notifications that came while an answer was awaited.
    heard: Vec<Value>,
}

impl Editor {
    fn start() -> Editor {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mpcc"))
            .arg("lsp")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut e = Editor { child, to, from, id: 0, heard: Vec::new() };
        let hello = e.ask("initialize", json!({"processId": null, "rootUri": null, "capabilities": {}}));
        assert_eq!(hello["capabilities"]["hoverProvider"], true);
        e.tell("initialized", json!({}));
        e
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.to, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.to.flush().unwrap();
    }

    fn hear(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.from.read_line(&mut line).unwrap() > 0, "the server went away");
            match line.trim_end() {
                "" => break,
                line => {
                    if let Some(n) = line.strip_prefix("Content-Length: ") {
                        length = n.parse().unwrap();
                    }
                }
            }
        }
        let mut body = vec![0; length];
        self.from.read_exact(&mut body).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    fn answer(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.send(&json!({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}));
        loop {
            let m = self.hear();
            if m["id"] == self.id {
                return m;
            }
            self.heard.push(m);
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        let m = self.answer(method, params);
        assert!(m["error"].is_null(), "{method}: {m}");
        m["result"].clone()
    }

    /// The diagnostics that are published next.
    fn diagnostics(&mut self) -> Vec<Value> {
        loop {
            let m = if self.heard.is_empty() { self.hear() } else { self.heard.remove(0) };
            if m["method"] == "textDocument/publishDiagnostics" {
                return m["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn open(&mut self, text: &str) -> Vec<Value> {
        let document = json!({"uri": URI, "languageId": "mpc", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
        self.diagnostics()
    }

    fn at(&mut self, method: &str, text: &str, mark: &str) -> Value {
        let params = json!({"textDocument": {"uri": URI}, "position": position(text, mark)});
        self.ask(method, params)
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const URI: &str = "file:///nowhere/main.mpc";

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

/// The position just before the `|` that `mark` holds, in a text without it.
fn position(text: &str, mark: &str) -> Value {
    let (before, after) = mark.split_once('|').unwrap();
    let at = text.find(&format!("{before}{after}")).unwrap_or_else(|| panic!("{mark}")) + before.len();
    let line = text[..at].matches('\n').count();
    let character = at - text[..at].rfind('\n').map_or(0, |n| n + 1);
    json!({"line": line, "character": character})
}

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
    assert_eq!(list, ["at_least"]);
    let list = complete(&mut e, "|use std", "use std::");
    assert!(list.contains(&"array".into()), "{list:?}");
    let list = complete(&mut e, "y: u32 from |Bob", "");
    assert_eq!(list, ["Alice", "Bob"]);
}

/// Prints what answers take on a file of 2,000 lines; what is demanded of a release build is in the documentation.
#[test]
fn a_long_file_is_answered() {
    let mut text = String::from("party A;\n\n");
    for k in 0..250 {
        text.push_str(&format!(
            "/// Number {k}.\nfn f{k}<N: size>(xs: [u32; N], y: u32) -> u32 {{\n    let mut s = y;\n    for i in 0..N {{\n        s += xs[i] * {k};\n    }}\n    s\n}}\n",
        ));
    }
    text.push_str("fn main(xs: [u32; 9] from A) -> u32 {\n    reveal(f0(xs, 1))\n}\n");
    assert!(text.lines().count() > 2000);
    let mut e = Editor::start();
    let timed = |what: &str, start: Instant| eprintln!("{what}: {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    assert!(e.open(&text).is_empty());
    timed("open", start);
    let at = position(&text, "reveal(f0(xs, 1|");
    let change = json!({"range": {"start": at, "end": at}, "text": "2"});
    let start = Instant::now();
    e.tell("textDocument/didChange", json!({"textDocument": {"uri": URI, "version": 2}, "contentChanges": [change]}));
    assert!(e.diagnostics().is_empty());
    timed("change and diagnostics", start);
    for (method, mark) in [
        ("textDocument/hover", "fn f24|9"),
        ("textDocument/definition", "reveal(f|0("),
        ("textDocument/completion", "s += x|s[i] * 249"),
    ] {
        let start = Instant::now();
        assert!(!e.at(method, &text, mark).is_null(), "{method}");
        timed(method, start);
        assert!(start.elapsed() < Duration::from_secs(60), "an answer comes");
    }
    let start = Instant::now();
    e.ask("textDocument/formatting", json!({"textDocument": {"uri": URI}, "options": {}}));
    timed("textDocument/formatting", start);
}
