//! The JSON form of a diagnostic: one object, one line. Knows no schema but this one.

use crate::{Diag, SourceMap, Span};
use std::fmt::Write;

/// `{"code","severity","message","labels":[…],"notes":[…],"helps":[…]}`; lines and columns count from 1, columns in
/// characters; `end_column` is just behind the last character.
pub fn to_json(d: &Diag, sources: &SourceMap) -> String {
    let mut o = String::with_capacity(256);
    o.push_str("{\"code\":");
    string(&mut o, d.code.as_str());
    o.push_str(",\"severity\":");
    string(&mut o, d.severity.word());
    o.push_str(",\"message\":");
    string(&mut o, &d.message);
    o.push_str(",\"labels\":");
    list(&mut o, &d.labels, |o, l| {
        o.push('{');
        place(o, sources, l.span);
        o.push_str(",\"text\":");
        string(o, &l.text);
        let _ = write!(o, ",\"primary\":{}}}", l.primary);
    });
    o.push_str(",\"notes\":");
    list(&mut o, &d.notes, |o, n| string(o, n));
    o.push_str(",\"helps\":");
    list(&mut o, &d.helps, |o, h| {
        o.push_str("{\"text\":");
        string(o, &h.text);
        o.push_str(",\"edits\":");
        list(o, &h.edits, |o, e| {
            o.push('{');
            place(o, sources, e.span);
            o.push_str(",\"replacement\":");
            string(o, &e.replacement);
            o.push('}');
        });
        o.push('}');
    });
    o.push('}');
    o
}

fn list<T>(o: &mut String, items: &[T], mut f: impl FnMut(&mut String, &T)) {
    o.push('[');
    for (i, x) in items.iter().enumerate() {
        if i > 0 {
            o.push(',');
        }
        f(o, x);
    }
    o.push(']');
}

fn place(o: &mut String, sources: &SourceMap, span: Span) {
    let ((line, column), (end_line, end_column)) = (sources.start(span), sources.end(span));
    o.push_str("\"file\":");
    string(o, sources.name(span.file));
    let _ = write!(o, ",\"line\":{line},\"column\":{column},\"end_line\":{end_line},\"end_column\":{end_column}");
}

fn string(o: &mut String, s: &str) {
    o.push('"');
    for c in s.chars() {
        match c {
            '"' => o.push_str("\\\""),
            '\\' => o.push_str("\\\\"),
            '\n' => o.push_str("\\n"),
            '\r' => o.push_str("\\r"),
            '\t' => o.push_str("\\t"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(o, "\\u{:04x}", c as u32);
            }
            c => o.push(c),
        }
    }
    o.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileId, codes};

    #[test]
    fn form() {
        let mut m = SourceMap::new();
        let f = m.add("a \"b\".mpc".into(), "let x\nlet y".into());
        let s = Span::new(f, 6, 9);
        let d = Diag::error(codes::E0007, "tab\there").at(s, "u\u{1}").note("n").help_edit("h", s, "é");
        assert_eq!(
            to_json(&d, &m),
            "{\"code\":\"E0007\",\"severity\":\"error\",\"message\":\"tab\\there\",\"labels\":[{\"file\":\"a \\\"b\\\".mpc\",\
             \"line\":2,\"column\":1,\"end_line\":2,\"end_column\":4,\"text\":\"u\\u0001\",\"primary\":true}],\"notes\":[\"n\"],\
             \"helps\":[{\"text\":\"h\",\"edits\":[{\"file\":\"a \\\"b\\\".mpc\",\"line\":2,\"column\":1,\"end_line\":2,\
             \"end_column\":4,\"replacement\":\"é\"}]}]}"
        );
        assert_eq!(f, FileId(0));
    }
}
