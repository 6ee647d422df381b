//! Diagnostics as data: what is wrong, where, and what to do about it.
//!
//! Knows spans, codes, and the catalogue of explain pages. Knows nothing of rendering (the command does that), of files
//! on disk, or of the stages that report.

mod catalogue;
mod json;
mod source;
mod suggest;

pub use catalogue::{CATALOGUE, Code, Entry, codes, explain, programs};
pub use json::to_json;
pub use source::{SourceFile, SourceMap};
pub use suggest::suggest;

/// Index of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open byte range in one file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub lo: u32,
    /// One past the last byte.
    pub hi: u32,
}

impl Span {
    /// The span of `lo..hi` in `file`.
    pub fn new(file: FileId, lo: usize, hi: usize) -> Span {
        Span { file, lo: lo as u32, hi: hi as u32 }
    }
    /// The smallest span that covers both; both must be of one file.
    pub fn to(self, end: Span) -> Span {
        Span { file: self.file, lo: self.lo.min(end.lo), hi: self.hi.max(end.hi) }
    }
    /// The empty span just behind this one: where something is missing.
    pub fn after(self) -> Span {
        Span { lo: self.hi, ..self }
    }
    /// The empty span just before this one.
    pub fn before(self) -> Span {
        Span { hi: self.lo, ..self }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// The program is wrong; nothing runs.
    Error,
    /// The program runs, and may surprise.
    Lint,
}

impl Severity {
    /// `error` or `warning`, as printed.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Lint => "warning",
        }
    }
}

/// A place and what to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The words under it; may be empty.
    pub text: String,
    /// True of the place where the fault is; others explain.
    pub primary: bool,
}

/// One replacement of a text range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes (empty: an insertion).
    pub span: Span,
    /// What comes.
    pub replacement: String,
}

/// A proposal, with the edits that carry it out, if any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// In words.
    pub text: String,
    /// In text; may be empty.
    pub edits: Vec<Edit>,
}

/// One diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diag {
    /// Its code, which names its explain page.
    pub code: Code,
    /// Its severity.
    pub severity: Severity,
    /// One line, no capital, no full stop.
    pub message: String,
    /// Places, the first primary one being the place of the diagnostic.
    pub labels: Vec<Label>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// Proposals.
    pub helps: Vec<Help>,
}

impl Diag {
    /// A new diagnostic with the severity that its code's first letter says (`L`: a lint).
    pub fn new(code: Code, message: impl Into<String>) -> Diag {
        let severity = if code.as_str().starts_with('L') { Severity::Lint } else { Severity::Error };
        Diag { code, severity, message: message.into(), labels: Vec::new(), notes: Vec::new(), helps: Vec::new() }
    }
    /// An error.
    pub fn error(code: Code, message: impl Into<String>) -> Diag {
        Diag { severity: Severity::Error, ..Diag::new(code, message) }
    }
    /// A lint.
    pub fn lint(code: Code, message: impl Into<String>) -> Diag {
        Diag { severity: Severity::Lint, ..Diag::new(code, message) }
    }
    /// Adds the place of the fault.
    #[must_use]
    pub fn at(mut self, span: Span, text: impl Into<String>) -> Diag {
        self.labels.push(Label { span, text: text.into(), primary: true });
        self
    }
    /// Adds a place that explains.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diag {
        self.labels.push(Label { span, text: text.into(), primary: false });
        self
    }
    /// Adds a sentence.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diag {
        self.notes.push(text.into());
        self
    }
    /// Adds a proposal in words.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diag {
        self.helps.push(Help { text: text.into(), edits: Vec::new() });
        self
    }
    /// Adds a proposal with one edit.
    #[must_use]
    pub fn help_edit(self, text: impl Into<String>, span: Span, replacement: impl Into<String>) -> Diag {
        self.help_edits(text, vec![Edit { span, replacement: replacement.into() }])
    }
    /// Adds a proposal with several edits.
    #[must_use]
    pub fn help_edits(mut self, text: impl Into<String>, edits: Vec<Edit>) -> Diag {
        self.helps.push(Help { text: text.into(), edits });
        self
    }
    /// Adds a "did you mean" proposal, when one of `candidates` is near `name`, which stands at `span`.
    #[must_use]
    pub fn did_you_mean<'c>(self, name: &str, span: Span, candidates: impl IntoIterator<Item = &'c str>) -> Diag {
        match suggest(name, candidates) {
            Some(best) => self.help_edit(format!("did you mean `{best}`?"), span, best),
            None => self,
        }
    }
    /// Where it is: the first primary label, else the first label.
    pub fn span(&self) -> Option<Span> {
        self.labels.iter().find(|l| l.primary).or(self.labels.first()).map(|l| l.span)
    }
}

/// How many errors are kept; what comes after is counted only.
pub const MAX_ERRORS: usize = 100;

/// A sink of diagnostics.
#[derive(Clone, Debug, Default)]
pub struct Diags {
    list: Vec<Diag>,
    errors: usize,
    lints: usize,
}

impl Diags {
    /// An empty sink.
    pub fn new() -> Diags {
        Diags::default()
    }
    /// Takes one. Beyond [`MAX_ERRORS`] errors (or as many lints) it is counted and dropped.
    pub fn push(&mut self, d: Diag) {
        let n = match d.severity {
            Severity::Error => &mut self.errors,
            Severity::Lint => &mut self.lints,
        };
        *n += 1;
        if *n <= MAX_ERRORS {
            self.list.push(d);
        }
    }
    /// Takes all of another sink's.
    pub fn append(&mut self, other: Diags) {
        let kept_errors = other.list.iter().filter(|d| d.severity == Severity::Error).count();
        let kept_lints = other.list.len() - kept_errors;
        let (more_errors, more_lints) = (other.errors - kept_errors, other.lints - kept_lints);
        for d in other.list {
            self.push(d);
        }
        self.errors += more_errors;
        self.lints += more_lints;
    }
    /// Number of errors seen, dropped ones included.
    pub fn error_count(&self) -> usize {
        self.errors
    }
    /// Is there an error?
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }
    /// Number of lints seen, dropped ones included.
    pub fn lint_count(&self) -> usize {
        self.lints
    }
    /// Number of errors that were seen and not kept.
    pub fn dropped_errors(&self) -> usize {
        self.errors.saturating_sub(MAX_ERRORS)
    }
    /// True when nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
    /// Number kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }
    /// What was kept, in order of arrival until [`Diags::sort`].
    pub fn iter(&self) -> std::slice::Iter<'_, Diag> {
        self.list.iter()
    }
    /// Sorts by place (stable; those without a place last) and drops identical ones.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| (d.span().is_none(), d.span().map(|s| (s.file, s.lo, s.hi)), d.code));
        let (mut errors, mut lints) = (0, 0);
        self.list.dedup_by(|b, a| {
            let same = a == b;
            if same {
                match a.severity {
                    Severity::Error => errors += 1,
                    Severity::Lint => lints += 1,
                }
            }
            same
        });
        self.errors -= errors;
        self.lints -= lints;
    }
    /// Sorts, and gives them up.
    pub fn into_sorted(mut self) -> Vec<Diag> {
        self.sort();
        self.list
    }
    /// Keeps those for which `f` holds (for `#[allow(…)]`).
    pub fn retain(&mut self, mut f: impl FnMut(&Diag) -> bool) {
        let (mut errors, mut lints) = (0, 0);
        self.list.retain(|d| {
            let keep = f(d);
            if !keep {
                match d.severity {
                    Severity::Error => errors += 1,
                    Severity::Lint => lints += 1,
                }
            }
            keep
        });
        self.errors -= errors;
        self.lints -= lints;
    }
}

impl<'a> IntoIterator for &'a Diags {
    type Item = &'a Diag;
    type IntoIter = std::slice::Iter<'a, Diag>;
    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sp(lo: usize, hi: usize) -> Span {
        Span::new(FileId(0), lo, hi)
    }

    #[test]
    fn sorts_and_drops_identical() {
        let mut d = Diags::new();
        d.push(Diag::error(codes::E0007, "b").at(sp(5, 6), ""));
        d.push(Diag::error(codes::E0007, "a").at(sp(1, 2), ""));
        d.push(Diag::error(codes::E0007, "b").at(sp(5, 6), ""));
        d.push(Diag::lint(codes::L0101, "c").at(sp(0, 1), ""));
        d.sort();
        let m: Vec<_> = d.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(m, ["c", "a", "b"]);
        assert_eq!((d.error_count(), d.lint_count()), (2, 1));
    }

    #[test]
    fn keeps_a_hundred_counts_all() {
        let mut d = Diags::new();
        for i in 0..250 {
            d.push(Diag::error(codes::E0007, "x").at(sp(i, i), ""));
        }
        assert_eq!((d.error_count(), d.len(), d.dropped_errors()), (250, 100, 150));
        let mut e = Diags::new();
        e.append(d);
        assert_eq!((e.error_count(), e.len()), (250, 100));
    }

    #[test]
    fn place_is_the_first_primary_label() {
        let d = Diag::error(codes::E0007, "x").also(sp(1, 2), "why").at(sp(7, 9), "here");
        assert_eq!(d.span(), Some(sp(7, 9)));
    }
}
