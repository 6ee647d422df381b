//! Statements of the language about types and programs, as the checker holds them; `docs/language/statements.md` names each.
//! Knows modules that a test gives, and no library.

use diag::{Diags, FileId, Severity, SourceMap};
use sema::ModuleSource;
use sema::tree::{Program, Ty};
use std::sync::Arc;

/// Modules by path.
struct Files<'a>(SourceMap, &'a [(&'a str, &'a str)]);

impl ModuleSource for Files<'_> {
    fn load(&mut self, path: &[Arc<str>], _: FileId, diags: &mut Diags) -> Option<(FileId, syntax::ast::Module)> {
        let name = path.join("/");
        let text = self.1.iter().find(|f| f.0 == name)?.1;
        let file = self.0.add(name, text.into());
        Some((file, syntax::parse(file, text, diags)))
    }
    fn circuit(&mut self, _: &[Arc<str>], _: &str) -> Option<Arc<str>> {
        None
    }
}

fn run(text: &str, given: &[(&str, &str)]) -> (Program, Vec<&'static str>) {
    let (mut files, mut diags) = (Files(SourceMap::new(), given), Diags::new());
    let file = files.0.add("main.mpc".into(), text.into());
    let module = syntax::parse(file, text, &mut diags);
    let program = sema::check(&mut files, file, module, &mut diags);
    diags.sort();
    let errors = diags.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code.as_str());
    (program, errors.collect())
}

fn codes(text: &str) -> Vec<&'static str> {
    run(text, &[]).1
}

/// Statements in a function with some variables.
#[track_caller]
fn body_is(body: &str, want: &[&str]) {
    let text = format!(
        "enum E {{ A, B(u8) }} struct S {{ a: u8 }} fn g(a: u8) -> u8 {{ a }} fn f(a: u8, b: u16, i: i8, c: bool, x: fixed, y: fixed<8>, r: [[u8; 2]; 3]) {{ {body} }}"
    );
    assert_eq!(codes(&text), want, "{body}");
}

#[test]
fn every_width_up_to_128_is_a_type() {
    for n in 1..=128 {
        let (p, errors) = run(&format!("fn f(a: u{n}, b: i{n}) {{ }}"), &[]);
        assert!(errors.is_empty(), "{n}");
        let int = |signed| Ty::Int { signed, bits: n };
        assert_eq!([&p.fns[0].params[0].ty, &p.fns[0].params[1].ty], [&int(false), &int(true)]);
    }
    for none in ["u0", "i0", "u129", "i129", "u256", "u1000", "u08"] {
        assert_eq!(codes(&format!("fn f(a: {none}) {{ }}")), ["E0102"], "{none}");
    }
}

#[test]
fn types_are_these() {
    let types = [
        "bool",
        "u8",
        "i128",
        "fixed",
        "fixed<1>",
        "fixed<31>",
        "[u8; 3]",
        "[[u8; 2]; 3]",
        "(u8, bool)",
        "((u8, u8), [bool; 2])",
        "S",
        "P<u8, 3>",
        "E",
        "[(S, E); 2]",
    ];
    for ty in types {
        let text = format!(
            "struct S {{ a: u8 }} struct P<T, N: size> {{ a: [T; N] }} enum E {{ A, B(u8, bool), C {{ x: [u8; 2] }} }} fn f(a: {ty}) -> {ty} {{ let b: {ty} = a; b }}"
        );
        assert_eq!(codes(&text), [""; 0], "{ty}");
    }
    // No fraction is 16 bits of it; another fraction is another type.
    body_is("let v: fixed<16> = x; let w: fixed<8> = y;", &[]);
    body_is("let v: fixed<15> = x;", &["E0201"]);
    body_is("let v: fixed = y;", &["E0201"]);
    for f in 1..=31 {
        assert_eq!(codes(&format!("fn f(a: fixed<{f}>) {{ }}")), [""; 0]);
    }
    assert_eq!(codes("fn f(a: fixed<0>, b: fixed<32>) { }"), ["E0230"; 2]);
    // The outer length is that of the rows.
    body_is("let row: [u8; 2] = r[2]; let cell: u8 = r[2][1];", &[]);
    body_is("let row = r[3];", &["E0204"]);
    body_is("let cell = r[0][2];", &["E0204"]);
}

#[test]
fn operands_have_equal_types() {
    for op in ["+", "-", "*", "/", "%", "&", "|", "^", "==", "!=", "<", "<=", ">", ">="] {
        body_is(&format!("let v = a {op} g(3);"), &[]);
        for (l, r) in [("a", "b"), ("b", "a"), ("a", "i"), ("i", "a"), ("a", "c")] {
            body_is(&format!("let v = {l} {op} {r};"), &["E0202"]);
        }
    }
    for op in ["+", "-", "*", "/", "==", "<"] {
        body_is(&format!("let v = x {op} 1.5;"), &[]);
        body_is(&format!("let v = x {op} y;"), &["E0202"]);
        body_is(&format!("let v = x {op} a;"), &["E0202"]);
    }
}

#[test]
fn widths_change_by_as_alone() {
    for (name, other) in
        [("a", "u16"), ("b", "u8"), ("a", "i8"), ("i", "u8"), ("i", "i16"), ("x", "i64"), ("a", "fixed")]
    {
        body_is(&format!("let v: {other} = {name};"), &["E0201"]);
        body_is(&format!("let v: {other} = {name} as {other};"), &[]);
    }
    body_is("let v = g(b);", &["E0201"]);
    body_is("let v = S { a: b };", &["E0201"]);
    body_is("let v = E::B(b);", &["E0201"]);
    body_is("let mut v = a; v = b;", &["E0201"]);
    body_is("let v = [a, b];", &["E0201"]);
    body_is("let v: [u16; 3] = r[0] as [u16; 2];", &["E0205"]);
}

#[test]
fn constants_fit_wherever_they_stand() {
    for body in [
        "let v: u8 = 256;",
        "let v: u8 = -1;",
        "let v: i8 = 128;",
        "let v = a + 256;",
        "let v = 256 == a;",
        "let mut v = a; v = 256;",
        "let mut v = a; v += 300;",
        "g(256);",
        "let v = S { a: 256 };",
        "let v = E::B(256);",
        "let v: [u8; 2] = [1, 256];",
        "let v: [u8; 2] = [256; 2];",
        "let v: (u8, bool) = (256, true);",
        "let v: u8 = if c { 1 } else { 256 };",
        "let v = match a { 256 => 1, _ => 2 };",
        "let v = min(a, 256);",
        "let v: fixed<31> = 4294967296.0;",
    ] {
        body_is(body, &["E0204"]);
    }
    assert_eq!(codes("const K: u8 = 256;"), ["E0204"]);
    assert_eq!(codes("fn f() -> u8 { 256 }"), ["E0204"]);
}

#[test]
fn ranges_stand_in_the_contract_alone() {
    let main = |s: &str| codes(&format!("party A; struct S {{ a: u8 in 0..=9 }} enum E {{ A, B(u8 in 3..=5) }} {s}"));
    for fine in [
        "fn main(x: u8 in 0..=9 from A) { }",
        "fn main(x: u8 in 0..10 from A) { }",
        "fn main(x: [u8 in 1..=2; 3] from A) { }",
        "fn main(x: i8 in -5..=5 from A, y: public u8 in 0..=3) { }",
        "fn main(x: fixed in -1.0..=1.0 from A) { }",
        "fn main(x: S from A, y: [E; 3] from A) { }",
    ] {
        assert_eq!(main(fine), [""; 0], "{fine}");
    }
    for wrong in [
        "fn f(x: u8 in 0..=9) { }",
        "fn f() -> u8 in 0..=9 { 1 }",
        "fn f(x: u8) { let y: u8 in 0..=9 = x; }",
        "fn f(x: u8) { let y = x as u8 in 0..=9; }",
        "const K: u8 in 0..=9 = 3;",
    ] {
        assert!(!main(wrong).is_empty(), "{wrong}");
    }
    assert_eq!(main("fn f(x: u8 in 0..=9) { }"), ["E0503"]);
}

#[test]
fn no_reference_and_no_heap() {
    for body in ["let v = &a;", "let mut v = a; let w = &mut v;", "g(&a);"] {
        body_is(body, &["E0014"]);
    }
    assert_eq!(codes("fn f(a: &u8) { }"), ["E0014"]);
    // What would need a heap: a value that holds one of its own type.
    for endless in [
        "struct L { head: u8, tail: L }",
        "enum L { Nil, Cons(u8, L) }",
        "struct A { b: [B; 2] } struct B { a: (u8, A) }",
    ] {
        assert!(codes(endless).contains(&"E0107"), "{endless}");
    }
}

/// What values of a class can do.
#[test]
fn classes_are_what_they_can_do() {
    let can = |class: &str, body: &str| {
        let bound = if class.is_empty() { String::new() } else { format!(": {class}") };
        codes(&format!("fn f<T{bound}>(a: T, b: T, xs: [T; 3]) {{ {body} }}")).is_empty()
    };
    let table: &[(&str, &[&str])] = &[
        ("let v = a;", &["", "Eq", "Ord", "Bits", "Num", "Int"]),
        ("let v = a == b;", &["Eq", "Ord", "Bits", "Num", "Int"]),
        ("let v = a < b;", &["Ord", "Num", "Int"]),
        ("let v = min(a, b);", &["Ord", "Num", "Int"]),
        ("let v = xs.argmax();", &["Ord", "Num", "Int"]),
        ("let v = a & b;", &["Bits", "Int"]),
        ("let v = !a ^ b;", &["Bits", "Int"]),
        ("let v = a * b - a;", &["Num", "Int"]),
        ("let v = a + 3;", &["Num", "Int"]),
        ("let v = xs.sum();", &["Num", "Int"]),
        ("let v = a / b;", &["Int"]),
        ("let v = a % b;", &["Int"]),
        ("let v = a << 2;", &["Int"]),
    ];
    for (body, classes) in table {
        for class in ["", "Eq", "Ord", "Bits", "Num", "Int"] {
            assert_eq!(can(class, body), classes.contains(&class), "{class}: {body}");
        }
    }
    // And which types they have.
    let has = |class: &str, ty: &str| {
        codes(&format!("struct S {{ a: u8 }} fn f<T: {class}>(a: T) {{ }} fn g(a: {ty}) {{ f(a) }}")).is_empty()
    };
    for (class, types) in [
        ("Eq", &["bool", "u8", "i77", "fixed", "(u8, bool)", "S"][..]),
        ("Ord", &["u8", "i77", "fixed"]),
        ("Bits", &["bool", "u8", "i77"]),
        ("Num", &["u8", "i77", "fixed"]),
        ("Int", &["u8", "i77"]),
    ] {
        for ty in ["bool", "u8", "i77", "fixed", "(u8, bool)", "S", "[u8; 2]"] {
            assert_eq!(has(class, ty), types.contains(&ty), "{class}: {ty}");
        }
    }
}

#[test]
fn bodies_are_checked_where_they_are_defined() {
    for nobody_calls in [
        "fn f<T>(x: T) -> bool { x == x }",
        "fn f<T: Num>(x: T) -> T { x / x }",
        "fn f<T: Eq, N: size>(x: [T; N]) -> T { x.max() }",
        "struct P<T> { a: T } impl P<T> { fn f(self) -> T { self.a + self.a } }",
    ] {
        assert_eq!(codes(nobody_calls).len(), 1, "{nobody_calls}");
    }
}

#[test]
fn sizes_take_arithmetic() {
    for (size, known) in
        [("N + M", 5), ("N - 1", 1), ("N * M", 6), ("M / N", 1), ("N * 2 + M", 7), ("7", 7), ("K * N", 8)]
    {
        let text = |n: i64| {
            format!(
                "const K: u64 = 4; fn f<N: size, M: size>(x: [u8; N], y: [u8; M]) -> [u8; {size}] {{ [0; {size}] }} fn g() {{ let v: [u8; {n}] = f([1, 2], [1, 2, 3]); }}"
            )
        };
        assert_eq!(codes(&text(known)), [""; 0], "{size}");
        assert_eq!(codes(&text(known + 1)), ["E0205"], "{size}");
    }
}

#[test]
fn what_is_not_decided_about_sizes_is_kept_for_their_binding() {
    let left = |body: &str| {
        let (p, errors) =
            run(&format!("fn main<N: size, M: size>(x: public [u8; N], y: public [u8; M]) {{ {body} }}"), &[]);
        (p.fns[0].size_checks.len(), errors)
    };
    assert_eq!(left("let v = x + x;"), (0, vec![]));
    assert_eq!(left("let v = x + y;"), (1, vec![]));
    assert_eq!(left("let v: [u8; N * M] = [0; M * N];"), (0, vec![]));
    assert_eq!(left("let v: [u8; N / 2 + N / 2] = x;"), (1, vec![]));
    assert_eq!(left("let v: [u8; N] = [0; N + 1];"), (0, vec!["E0205"]));
}

#[test]
fn statements_are_these() {
    for op in ["+", "-", "*", "/", "%", "&", "|", "^"] {
        body_is(&format!("let mut v = a; v {op}= g(3);"), &[]);
        body_is(&format!("let mut v = a; v {op}= b;"), &["E0201"]);
        body_is(&format!("let v = a; v {op}= 3;"), &["E0210"]);
    }
    for op in ["<<", ">>"] {
        body_is(&format!("let mut v = a; v {op}= 3;"), &[]);
    }
    for body in [
        "let v: u8 = if c { a } else { 3 };",
        "let v: u8 = if c { a } else if a > 3 { 4 } else { 3 };",
        "let v: u8 = match b { 0 => a, 1..=3 => 4, _ => 3 };",
        "for row in r { let v: [u8; 2] = row; }",
        "for i in 0..3 { let v = r[i]; }",
        "for i in 0..=2 { let v = r[i]; }",
        "for i in (0..3).step_by(2) { let v = r[i]; }",
        "for i in (0..3).rev() { let v = r[i]; }",
        "while c { }",
        "while c max 3 { }",
        "let h = |v: u8| v + a; let w = h(3); let z = r[0].map(|v| v * a).map(g);",
        "assert(c); assert(a > 3, \"why\"); assert_eq(a, 3);",
        "for v in r { if v[0] > a { break; } if v[1] > a { continue; } return; }",
    ] {
        body_is(body, &[]);
    }
    // Both sides of an expression have its type, and there are both.
    body_is("let v: u8 = if c { a };", &["E0201"]);
    body_is("let v: u8 = match c { true => a, false => b };", &["E0201"]);
}

#[test]
fn methods_modules_and_constants() {
    let given = [(
        "m",
        "//! Of the module.\n/// Of the item.\nstruct P { x: u8 }\nimpl P { fn twice(self) -> u8 { self.x * K } fn at(x: u8) -> Self { Self { x } } }\nconst K: u8 = 2;\n#[test]\nfn works() { assert_eq(P::at(3).twice(), 6); }",
    )];
    let main = |body: &str| {
        run(&format!("mod m;\nuse m::{{P, K}};\nconst N: u64 = 3;\nfn f(xs: [u8; N]) -> u8 {{ {body} }}"), &given)
    };
    let (p, errors) = main("P::at(xs[0]).twice() + K + m::K");
    assert!(errors.is_empty(), "{errors:?}");
    // A test of a module's file is one of the program.
    assert_eq!(p.tests.iter().map(|f| &*p.f(*f).name).collect::<Vec<_>>(), ["m::works"]);
    assert_eq!(main("P::at(1).thrice()").1, ["E0103"]);
    assert_eq!(run("mod nowhere;", &given).1, ["E0106"]);
    assert_eq!(run("fn f() -> u8 { m::K }", &given).1.len(), 1, "a module is declared first");
}

#[test]
fn associative_functions_take_two_and_give_one_of_a_type() {
    let said = |f: &str| codes(&format!("#[associative] {f}"));
    for fine in [
        "fn f(a: u8, b: u8) -> u8 { a + b }",
        "fn f(a: (u8, bool), b: (u8, bool)) -> (u8, bool) { a }",
        "fn f(a: [u8; 3], b: [u8; 3]) -> [u8; 3] { a + b }",
    ] {
        assert_eq!(said(fine), [""; 0], "{fine}");
    }
    for wrong in [
        "fn f(a: u8) -> u8 { a }",
        "fn f(a: u8, b: u8, c: u8) -> u8 { a }",
        "fn f(a: u8, b: u16) -> u8 { a }",
        "fn f(a: u8, b: u8) -> bool { a < b }",
        "fn f<T: Num>(a: T, b: T) -> T { a + b }",
        "fn f<N: size>(a: [u8; N], b: [u8; N]) -> [u8; N] { a }",
    ] {
        assert_eq!(said(wrong), ["E0509"], "{wrong}");
    }
}

#[test]
fn main_takes_and_gives_what_the_contract_has_forms_for() {
    let main = |s: &str| codes(&format!("party A, B; party F[M]; fn main<N: size>({s} {{ reveal(x) }}"));
    for fine in [
        "x: u8 from A) -> u8",
        "x: u8 from A) -> u8 to B",
        "x: [u8; N] from A) -> [u8; N]",
        "x: [u8; M] from F) -> [u8; M]",
        "x: [u8; M] from F) -> [u8; M] to F",
        "x: [[u8; N]; M] from F) -> [[u8; N]; M] to A",
        "x: public u8) -> u8 to A",
        "x: secret u8) -> u8",
        "x: secret [u8; N]) -> secret [u8; N]",
    ] {
        assert_eq!(main(fine), [""; 0], "{fine}");
    }
    for (wrong, code) in [
        ("x: u8) -> u8", "E0501"),
        ("x: u8 from C) -> u8", "E0104"),
        ("x: u8 from A) -> u8 to C", "E0104"),
        ("x: u8 from F) -> u8", "E0502"),
        ("x: [u8; N] from F) -> [u8; N]", "E0502"),
        ("x: [u8; N] from A) -> [u8; N] to F", "E0502"),
        ("x: secret u8 from A) -> u8", "E0501"),
    ] {
        assert!(main(wrong).contains(&code), "{wrong}: {:?}", main(wrong));
    }
    // Each part of a tuple has its own recipient, and labels stand nowhere else.
    assert_eq!(
        codes("party A, B; fn main(x: u8 from A) -> (u8 to A, u8 to B, u8, secret u8) { (x, x, x, x) }"),
        [""; 0]
    );
    for wrong in ["fn f(x: u8 from A) { }", "fn f(x: u8) -> u8 to A { x }", "fn f(x: u8) -> secret u8 { x }"] {
        assert_eq!(codes(&format!("party A; {wrong}")), ["E0505"], "{wrong}");
    }
}
