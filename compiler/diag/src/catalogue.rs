//! The table of codes. A code exists if and only if it has a row here, and a row needs its page to compile.
//!
//! To add a code: one row `E0205 "title";` in the table below, in order, and the page `explain/E0205.md` beside it, laid
//! out as the others are: `# E0205: title`, a few plain sentences, a program in a fence opened by ```` ```mpc wrong ````
//! that gets this very code, and one in ```` ```mpc right ```` that passes. Report it as `diag::codes::E0205`.

/// A code such as `E0301`. Made by the table only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// Its text.
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// What it is about, in a few words.
    pub title: &'static str,
    /// Its page, in markdown.
    pub page: &'static str,
}

macro_rules! table {
    ($($code:ident $title:literal;)*) => {
        /// The codes, each a constant: `codes::E0007`.
        pub mod codes {
            use super::Code;
            $(#[doc = $title] pub const $code: Code = Code(stringify!($code));)*
        }
        /// All codes, in order.
        pub static CATALOGUE: &[Entry] = &[
            $(Entry {
                code: codes::$code,
                title: $title,
                page: include_str!(concat!("../explain/", stringify!($code), ".md")),
            },)*
        ];
    };
}

table! {
    // E00xx: characters, tokens, grammar.
    E0001 "a character that has no meaning here";
    E0002 "a number that is not well formed";
    E0003 "a string that is not well formed";
    E0004 "a comment that is not closed";
    E0005 "a name that is too long";
    E0006 "nesting that is too deep";
    E0007 "something else was expected here";
    E0008 "a bracket that is not closed";
    E0009 "a closing bracket without its opening one";
    E0010 "operators that do not chain";
    E0011 "a missing semicolon";
    E0012 "an assignment where a condition is expected";
    E0013 "a `let` without a value";
    E0014 "references do not exist";
    E0015 "no `++` and no `--`";
    E0016 "a loop in the style of C";
    E0017 "a reserved word used as a name";
    E0018 "not in the language yet";
    E0019 "a file that is too large";
    E0020 "a parameter without a type";
    // E01xx: names and modules.
    E0101 "a name that is not declared";
    E0102 "a type that is not declared";
    E0103 "no such field or method";
    E0104 "no such party";
    E0105 "declared twice";
    E0106 "no such module, or nothing of that name in it";
    E0107 "a circle of definitions";
    E0108 "no such attribute";
    E0109 "a name of another kind";
    E0110 "a circuit file that cannot be used";
    E0111 "a recursive call with a larger type or a new closure";
    // E02xx: types and sizes.
    E0201 "another type is needed here";
    E0202 "operands of different types";
    E0203 "an operation that the type does not have";
    E0204 "a constant that does not fit";
    E0205 "sizes that differ";
    E0206 "an array and a single value";
    E0207 "not a size";
    E0208 "another number of arguments";
    E0209 "a type or size that cannot be inferred";
    E0210 "an assignment to what is not `mut`";
    E0211 "what cannot be assigned to";
    E0212 "a conversion that does not exist";
    E0213 "something used as what it is not";
    E0214 "a struct with fields missing or given twice";
    E0215 "a type with too many parts";
    E0216 "indices cannot be stored in arrays";
    E0217 "nothing to leave";
    E0218 "a value left out";
    E0219 "a name that not all alternatives bind";
    E0230 "another number of fraction bits is needed";
    // E03xx: secrecy labels.
    E0301 "a result that was never revealed";
    E0302 "a reveal under a secret condition";
    E0303 "an `at` block under a secret condition";
    E0304 "an `at` block that reads what its party does not know";
    E0305 "a loop bound that is not public";
    E0306 "an index that is not public";
    E0307 "a shift by an amount that is not public";
    E0308 "a secret where a size or an index stands";
    E0309 "an assertion that would tell a secret";
    E0310 "an opening inside of an `at` block";
    E0311 "a secret passed as a `public` parameter";
    E0312 "a `while` on a condition that is not public";
    E0313 "a `while` under a condition that is not public";
    E0314 "a recursive call under a condition that is not public";
    E0315 "a string worked on outside of its owner's `at` block";
    E0316 "a string that would leave its owner";
    E0317 "an opening that the library alone may do";
    // E04xx: binding of sizes, and lowering.
    E0401 "a size that is no number";
    E0402 "an index or a number out of range";
    E0403 "sizes that do not agree";
    E0404 "a loop without a bound";
    E0405 "calls that nest too deep";
    E0406 "division of a public number by zero";
    E0407 "a step that is not positive";
    E0408 "the extreme of an empty array";
    E0409 "an assertion that fails";
    E0410 "what cannot be compiled";
    E0411 "a public parameter without a value";
    E0412 "a loop that never ends";
    // E05xx: the inputs contract.
    E0501 "a parameter of `main` that nobody brings";
    E0502 "a family brings one element for each member";
    E0503 "a range where none can stand";
    E0504 "a range that is not well formed";
    E0505 "labels and parties outside of the contract";
    E0506 "what `main` cannot take";
    E0507 "a test with parameters";
    E0508 "a program without `main`";
    E0509 "a function that cannot be associative";
    E0510 "`checked` where it cannot stand";
    // L01xx: lints.
    L0101 "a documentation comment that documents nothing";
    L0102 "something that is never used";
    L0103 "`mut` that is not needed";
    L0104 "a division that could come after the reveal";
    L0105 "work that its party could do alone";
    L0106 "an arm that is never reached";
    // L04xx: loops.
    L0401 "a loop that stays a loop";
}

/// The entry of a code, by its text in any case (`e0007`).
pub fn explain(code: &str) -> Option<&'static Entry> {
    CATALOGUE.iter().find(|e| e.code.0.eq_ignore_ascii_case(code.trim()))
}

/// The programs of a page: `(wrong, right)`.
pub fn programs(page: &str) -> Option<(&str, &str)> {
    let fence = |head: &str| {
        let (_, rest) = page.split_once(head)?;
        rest.split_once("\n```").map(|(program, _)| program)
    };
    Some((fence("\n```mpc wrong\n")?, fence("\n```mpc right\n")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_title_and_two_programs() {
        for e in CATALOGUE {
            assert!(e.page.starts_with(&format!("# {}: {}\n", e.code, e.title)), "title of {}.md", e.code);
            assert!(programs(e.page).is_some(), "{}.md lacks a program", e.code);
        }
    }

    #[test]
    fn codes_are_in_order_and_once() {
        for w in CATALOGUE.windows(2) {
            assert!(w[0].code < w[1].code, "{} before {}", w[0].code, w[1].code);
        }
    }

    #[test]
    fn found_by_text() {
        assert_eq!(explain("e0007").map(|e| e.code), Some(codes::E0007));
        assert!(explain("E9999").is_none());
    }
}
