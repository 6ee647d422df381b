//! An editor's end of the language server: the command over its standard input and output, as an editor drives it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub const URI: &str = "file:///nowhere/main.mpc";

pub struct Editor {
    pub child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    id: i32,
    /// Notifications that came while an answer was awaited.
    heard: Vec<Value>,
}

impl Editor {
    pub fn start() -> Editor {
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

    pub fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    pub fn answer(&mut self, method: &str, params: Value) -> Value {
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

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let m = self.answer(method, params);
        assert!(m["error"].is_null(), "{method}: {m}");
        m["result"].clone()
    }

    /// The diagnostics that are published next.
    pub fn diagnostics(&mut self) -> Vec<Value> {
        loop {
            let m = if self.heard.is_empty() { self.hear() } else { self.heard.remove(0) };
            if m["method"] == "textDocument/publishDiagnostics" {
                return m["params"]["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    pub fn open(&mut self, text: &str) -> Vec<Value> {
        let document = json!({"uri": URI, "languageId": "mpc", "version": 1, "text": text});
        self.tell("textDocument/didOpen", json!({"textDocument": document}));
        self.diagnostics()
    }

    pub fn at(&mut self, method: &str, text: &str, mark: &str) -> Value {
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

/// The position just before the `|` that `mark` holds, in a text without it.
pub fn position(text: &str, mark: &str) -> Value {
    let (before, after) = mark.split_once('|').unwrap();
    let at = text.find(&format!("{before}{after}")).unwrap_or_else(|| panic!("{mark}")) + before.len();
    let line = text[..at].matches('\n').count();
    let character = at - text[..at].rfind('\n').map_or(0, |n| n + 1);
    json!({"line": line, "character": character})
}

/// A program of more than 2,000 lines, and in it the place of a number.
pub fn long_file() -> (String, &'static str) {
    let mut text = String::from("party A;\n\n");
    for k in 0..250 {
        text.push_str(&format!(
            "/// Number {k}.\nfn f{k}<N: size>(xs: [u32; N], y: u32) -> u32 {{\n    let mut s = y;\n    for i in 0..N {{\n        s += xs[i] * {k};\n    }}\n    s\n}}\n",
        ));
    }
    text.push_str("fn main(xs: [u32; 9] from A) -> u32 {\n    reveal(f0(xs, 1))\n}\n");
    assert!(text.lines().count() > 2000);
    (text, "reveal(f0(xs, 1|")
}

/// What is asked of it, and where.
pub const QUESTIONS: [(&str, &str); 3] = [
    ("textDocument/hover", "fn f24|9"),
    ("textDocument/definition", "reveal(f|0("),
    ("textDocument/completion", "s += x|s[i] * 249"),
];
