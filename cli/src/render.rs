//! Diagnostics for people: from `diag`'s data to miette's rendering. Knows no stage.

use diag::{Diag, Severity, SourceMap};
use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

/// A diagnostic with its sources, as miette wants it.
struct Shown<'a> {
    diag: &'a Diag,
    source: NamedSource<String>,
    help: Option<String>,
    labels: Vec<LabeledSpan>,
    others: Vec<miette::MietteDiagnostic>,
}

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.diag.message)
    }
}
impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.diag.message)
    }
}
impl std::error::Error for Shown<'_> {}

impl miette::Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        Some(Box::new(self.diag.code))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diag.severity {
            Severity::Error => miette::Severity::Error,
            _ => miette::Severity::Warning,
        })
    }
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.help.as_ref().map(|h| Box::new(h) as Box<dyn std::fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.source)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        (!self.others.is_empty())
            .then(|| Box::new(self.others.iter().map(|o| o as &dyn miette::Diagnostic)) as Box<dyn Iterator<Item = _>>)
    }
}

/// Longest stretch of one line that a rendering shows; a longer source is cut around the label.
const LONGEST: usize = 2000;

/// The diagnostic as text, in colour where `color`.
pub fn render(diag: &Diag, sources: &SourceMap, color: bool) -> String {
    let file = diag.span().map(|s| s.file);
    let (text, shift) = match diag.span() {
        Some(span) => excerpt(sources.text(span.file), span.lo as usize),
        None => (String::new(), 0),
    };
    let labels = diag
        .labels
        .iter()
        .filter(|l| Some(l.span.file) == file)
        .map(|l| {
            let lo = (l.span.lo as usize).saturating_sub(shift).min(text.len());
            let hi = (l.span.hi as usize).saturating_sub(shift).clamp(lo, text.len());
            let at = (lo, hi - lo);
            let words = (!l.text.is_empty()).then(|| l.text.clone());
            if l.primary {
                LabeledSpan::new_primary_with_span(words, at)
            } else {
                LabeledSpan::new_with_span(words, at)
            }
        })
        .collect();
    let mut help: Vec<String> = diag.notes.clone();
    for label in diag.labels.iter().filter(|l| Some(l.span.file) != file) {
        let (line, column) = sources.start(label.span);
        help.push(format!("{}:{line}:{column}: {}", sources.name(label.span.file), label.text));
    }
    for h in &diag.helps {
        // One edit is shown as it is written; several are for tools.
        match h.edits.as_slice() {
            [one] if !one.replacement.trim().is_empty() && !h.text.contains(one.replacement.trim()) => {
                help.push(format!("{}: `{}`", h.text, one.replacement.trim()));
            }
            _ => help.push(h.text.clone()),
        }
    }
    let name = file.map_or("", |f| sources.name(f));
    let shown = Shown {
        diag,
        source: NamedSource::new(name, text),
        help: (!help.is_empty()).then(|| help.join("\n")),
        labels,
        others: Vec::new(),
    };
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let mut out = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
    if handler.render_report(&mut out, &shown).is_err() {
        // Rendering into a string fails on spans outside the text alone; say at least what and where.
        let place = diag.span().map(|s| (sources.name(s.file), sources.start(s)));
        out = match place {
            Some((name, (line, column))) => format!("{name}:{line}:{column}: {}: {}\n", diag.code, diag.message),
            None => format!("{}: {}\n", diag.code, diag.message),
        };
    }
    out
}

/// The text, or where its lines are too long for a terminal, a piece around `at`; and where the piece begins.
fn excerpt(text: &str, at: usize) -> (String, usize) {
    if text.lines().all(|l| l.len() <= LONGEST) {
        return (text.to_string(), 0);
    }
    let mut lo = at.saturating_sub(LONGEST / 2).min(text.len());
    let mut hi = (at + LONGEST / 2).min(text.len());
    while !text.is_char_boundary(lo) {
        lo -= 1;
    }
    while !text.is_char_boundary(hi) {
        hi += 1;
    }
    (text[lo..hi].to_string(), lo)
}
