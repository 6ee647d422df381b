//! The one style, by example: what is written on the left comes out as on the right, and stays so.

use diag::{Diags, FileId};
use style::{FormatError, format};

fn formatted(text: &str) -> String {
    let mut d = Diags::new();
    let once = format(FileId(0), text, &mut d).unwrap_or_else(|e| panic!("{e:?}: {text}\n{d:?}"));
    let twice = format(FileId(0), &once, &mut d).unwrap_or_else(|e| panic!("{e:?}: {once}"));
    assert_eq!(once, twice, "formatting again changes the text");
    once
}

/// The body of a function comes out so.
fn body(before: &str, after: &str) {
    let got = formatted(&format!("fn f() {{\n{before}\n}}\n"));
    let want: String = after.lines().map(|l| if l.is_empty() { "\n".into() } else { format!("    {l}\n") }).collect();
    assert_eq!(got, format!("fn f() {{\n{want}}}\n"), "{before}");
}

fn file(before: &str, after: &str) {
    assert_eq!(formatted(before), after);
}

#[test]
fn items() {
    file("", "");
    file("\n\n", "");
    file("// only a comment", "// only a comment\n");
    file("//! Doc.\nparty  A ,B [ N ] ;", "//! Doc.\n\nparty A, B[N];\n");
    file("use a::b;use c::{ d,e as f, };\n\n\nuse g;", "use a::b;\nuse c::{d, e as f};\n\nuse g;\n");
    file("fn f(){}\nfn g( ) { 1 }", "fn f() {}\n\nfn g() {\n    1\n}\n");
    file(
        "struct S<T:Num,N:size>{/// Left.\na:T,\n\nb:[T;N+1]}\nimpl S{fn a(self)->u8{1}\nfn b(self){}}",
        "struct S<T: Num, N: size> {\n    /// Left.\n    a: T,\n\n    b: [T; N + 1],\n}\n\nimpl S {\n    fn a(self) -> u8 {\n        1\n    }\n\n    fn b(self) {}\n}\n",
    );
    file("#[test]#[allow( L0101 )]fn f(){}", "#[test]\n#[allow(L0101)]\nfn f() {}\n");
    file("const  K:u32 in 0 ..=5=0xFF_u32;", "const K: u32 in 0..=5 = 0xFF_u32;\n");
    file(
        "checked fn f(x:u32 from A,y:public [u8;3],z:(u8,bool)@P)->(u8 to A,u8 to B){}",
        "checked fn f(x: u32 from A, y: public [u8; 3], z: (u8, bool) @P) -> (u8 to A, u8 to B) {}\n",
    );
    file("fn f(x: (u8), (y): public (u8 @P)) -> (u8) {}", "fn f(x: (u8), (y): public (u8 @P)) -> (u8) {}\n");
    file("fn f() { g::<{N}, u8,fixed <8>>() }", "fn f() {\n    g::<{N}, u8, fixed<8>>()\n}\n");
}

#[test]
fn long_signatures_break_at_parameters() {
    file(
        "fn main<A: size, B: size>(a: [Flag; A] from BankA, b: [Flag; B] from BankB) -> (u64 to BankA, u64 to BankB) {}",
        "fn main<A: size, B: size>(\n    a: [Flag; A] from BankA,\n    b: [Flag; B] from BankB,\n) -> (u64 to BankA, u64 to BankB) {}\n",
    );
}

#[test]
fn statements() {
    body("let  mut x:u8=1 ;x+=2;;x", "let mut x: u8 = 1;\nx += 2;\n;\nx");
    body("if a{b();}else if c{d();}else{e();}", "if a {\n    b();\n} else if c {\n    d();\n} else {\n    e();\n}");
    body("let x=if a{b}else{c};", "let x = if a { b } else { c };");
    body("if a { b } else { c }", "if a { b } else { c }");
    body("if a { b } else { c };\n1", "if a {\n    b\n} else {\n    c\n};\n1");
    body(
        "for i in 0 .. N{a[i]=0;}\nwhile x<max max 10{break;}",
        "for i in 0..N {\n    a[i] = 0;\n}\nwhile x < max max 10 {\n    break;\n}",
    );
    body("let a=at P{x};", "let a = at P { x };");
    body("a;\n\n\n\nb;", "a;\n\nb;");
    body("x = 1", "x = 1");
    body("{ let a=1; }\n{}", "{\n    let a = 1;\n}\n{}");
    body("return  - 1", "return -1");
}

#[test]
fn expressions() {
    body("a+b*-c as u8<d", "a + b * -c as u8 < d");
    body("x>>=1;x=x>>2>=3", "x >>= 1;\nx = x >> 2 >= 3");
    body("S{a:1,b,c:c}", "S { a: 1, b, c: c }");
    body("g(| x,(a,b):u8 , |{x},||1,| |2)", "g(|x, (a, b): u8| { x }, || 1, || 2)");
    body("( 1 , ) == ( )", "(1,) == ()");
    body("x . 0.1 . f [ 1 ] (2)", "x.0.1.f[1](2)");
    body("1_000.5 + 0b1010u8 + \"a\\\"b\"", "1_000.5 + 0b1010u8 + \"a\\\"b\"");
}

#[test]
fn long_expressions_break_from_outside() {
    let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
    body(&format!("let x = {a} + {b};"), &format!("let x = {a} + {b};"));
    body(&format!("let some_longer = {a} + {b};"), &format!("let some_longer =\n    {a} + {b};"));
    body(&format!("let x = {a} + {b} * 2 - {c};"), &format!("let x = {a}\n    + {b} * 2\n    - {c};"));
    body(&format!("f({a}, {b}, {c})"), &format!("f(\n    {a},\n    {b},\n    {c},\n)"));
    body(&format!("if {a} && {b} || {c} {{ x(); }}"), &format!("if {a} && {b}\n    || {c}\n{{\n    x();\n}}"));
    body(
        &format!("let y = some_array.map(|{a}| {b}).filter({c}).sum();"),
        &format!("let y = some_array\n    .map(|{a}| {b})\n    .filter({c})\n    .sum();"),
    );
    body(
        &format!("xs.map(|{a}| {b}).filter({c}).sum();"),
        &format!("xs.map(|{a}| {b})\n    .filter({c})\n    .sum();"),
    );
    body(
        "let y = xs.zip(ys).map(|(x, y)| { let z = x + y; z * z });",
        "let y = xs.zip(ys).map(|(x, y)| {\n    let z = x + y;\n    z * z\n});",
    );
    body(
        "let y = xs.map(|x| { let z = x; z }).sum();",
        "let y = xs\n    .map(|x| {\n        let z = x;\n        z\n    })\n    .sum();",
    );
    body(&format!("reveal(f({a}, {b}, {c}))"), &format!("reveal(f(\n    {a},\n    {b},\n    {c},\n))"));
    let many = vec!["1234567"; 20].join(", ");
    body(
        &format!("let t = [{many}];"),
        &format!("let t = [\n    {},\n    {},\n];", ["1234567"; 10].join(", "), ["1234567"; 10].join(", ")),
    );
}

#[test]
fn comments_stay_where_they_are() {
    file(
        "// head\n\n//! no doc\n/// doc\n// between\nfn f() {} // end\n\n// last\n",
        "// head\n\n//! no doc\n\n/// doc\n// between\nfn f() {} // end\n\n// last\n",
    );
    body(
        "a; // one\n// two\n\n// three\nb; /* four */ /* five */\n// six",
        "a; // one\n// two\n\n// three\nb; /* four */ /* five */\n// six",
    );
    body("f(/* a */ x, y /* b */, /* c */)", "f(/* a */ x, y /* b */ /* c */)");
    body("f(x, // first\n  y)", "f(\n    x, // first\n    y,\n)");
    body("f(\n// first\nx, y\n// last\n)", "f(\n    // first\n    x,\n    y,\n    // last\n)");
    body("let x = [ // table\n1, // one\n22, // two\n];", "let x = [ // table\n    1,    // one\n    22,   // two\n];");
    body("a\n// why\n+ b // so\n- c", "a\n    // why\n    + b // so\n    - c");
    body("if a { // yes\nb(); }\n// no\nelse { c(); }", "if a { // yes\n    b();\n}\n// no\nelse {\n    c();\n}");
    body("if a {\n// nothing\n}", "if a {\n    // nothing\n}");
    body("let x = // here\n1;", "let x = // here\n    1;");
    // The inside of a comment is its writer's.
    file("fn f() {\n/* tall\n  one */\na;\n}\n", "fn f() {\n    /* tall\n  one */\n    a;\n}\n");
    body("xs.map(f) // one\n.sum() // two\n", "xs.map(f)  // one\n    .sum() // two");
}

#[test]
fn comments_behind_code_are_aligned() {
    body(
        "let a = 1; // one\nlet long_name = 2; // two\n\nc; // three",
        "let a = 1;         // one\nlet long_name = 2; // two\n\nc; // three",
    );
}

#[test]
fn line_ends_stay_as_they_are() {
    let text = "fn f() {\r\n    /* a\r\n b */\r\n    1\r\n}\r\n";
    assert_eq!(formatted(text), text);
    assert_eq!(formatted("\u{feff}fn f() {}"), "fn f() {}\n");
}

#[test]
fn what_is_no_program_is_refused() {
    let mut d = Diags::new();
    assert_eq!(format(FileId(0), "fn f( {", &mut d), Err(FormatError::Program));
    assert!(d.has_errors());
}

#[test]
fn deep_and_long_programs_are_formatted() {
    formatted(&format!("fn f() {{ {} }}", vec!["x"; 50_000].join(" + ")));
    formatted(&format!("fn f() {{ {} }}", "x = x + 1; ".repeat(50_000)));
    formatted(&format!("fn f() {{ let y = {}x{}; 1 }}", "f(".repeat(250), ")".repeat(250)));
    formatted(&format!("fn f() {{ let y = {}x{}; 1 }}", "f(|x| {".repeat(100), "})".repeat(100)));
    formatted(&format!("fn f() {{ let y = x{}; 1 }}", ".f(1)".repeat(400)));
}
