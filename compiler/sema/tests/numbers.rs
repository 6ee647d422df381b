//! Rules of numbers: widths, literals, fixed point. Knows one module, and no library.

use diag::{Diags, Severity, SourceMap};

/// The codes of the errors.
fn codes(text: &str) -> Vec<&'static str> {
    let (mut sources, mut diags) = (SourceMap::new(), Diags::new());
    let file = sources.add("main.mpc".into(), text.into());
    let module = syntax::parse(file, text, &mut diags);
    sema::check(&mut sema::NoModules, file, module, &mut diags);
    diags.sort();
    diags.iter().filter(|d| d.severity == Severity::Error).map(|d| d.code.as_str()).collect()
}

/// Checks statements in a function with some variables.
fn body_is(body: &str, want: &[&str]) {
    assert_eq!(codes(&format!("fn f(a: u32, x: [u32; 4]) {{ {body} }}")), want, "{body}");
}

#[test]
fn widths_and_literals() {
    body_is("let v: u12 = 4095; let w: i13 = -4096; let z: u127 = 170141183460469231731687303715884105727;", &[]);
    body_is("let v: u12 = 4096;", &["E0204"]);
    body_is("let v: i1 = 1;", &["E0204"]);
    body_is("let v = 4u2;", &["E0204"]);
    body_is("let v: u129 = 0;", &["E0102"]);
    body_is("let v: fixed = 1.5; let w = v * 2 - 0.25 / v; let z: fixed<3> = w as fixed<3>; let c = w < 1.0;", &[]);
    body_is("let v: fixed<31> = -4294967296.0; let w: fixed<31> = 4294967295.9999;", &[]);
    body_is("let v: fixed<31> = 4294967296.0;", &["E0204"]);
    body_is("let v: fixed = 140737488355328;", &["E0204"]);
    body_is("let v: fixed<0> = 1.0;", &["E0230"]);
    body_is("let v: fixed<32> = 1.0;", &["E0230"]);
    body_is("let v: fixed<8, 8> = 1.0;", &["E0208"]);
    body_is("let v: u32 = 1.5;", &["E0201"]);
    body_is("let v: fixed = 1.5; let w: fixed<8> = v;", &["E0201"]);
    body_is("let v: fixed = 1.5; let w = v + a;", &["E0202"]);
    body_is("let v: fixed = 1.5; let w = v % 2.0;", &["E0203"]);
    body_is("let v: fixed = 1.5; let w = v & v;", &["E0203"]);
    body_is("let v = 1.5 << 2;", &["E0203"]);
    body_is("let v = 1.5 as bool;", &["E0212"]);
    body_is("let v = x[1.0];", &["E0203"]);
    body_is("let v = narrow(wide_mul(a, a)); let w: fixed = narrow(wide_mul(1.5, 2.5));", &[]);
    body_is("let v: fixed<8> = from_bits(to_bits(1.5) << 2); let w: i64 = to_bits(v);", &[]);
    body_is("let v = to_bits(a);", &["E0203"]);
    body_is("let v: fixed = from_bits(a);", &["E0201"]);
    body_is("let v: fixed = wide_mul(1.5, a);", &["E0202"]);
    body_is("let v: u0 = 0;", &["E0102"]);
    body_is("let v: u08 = 0;", &["E0102"]);
    body_is("let v: u12 = a;", &["E0201"]);
}

#[test]
fn numbers_of_any_type() {
    // What a function of any number type writes must fit the types that it is called with, through others too.
    let called = |with: &str| {
        let f = "fn f<T: Num>(x: T) -> T { x * 5 } fn g<T: Num>(x: T) -> T { f(x) + 1 }";
        codes(&format!("{f} fn h(x: {with}) -> {with} {{ g(x) }}"))
    };
    assert_eq!(called("u3"), [""; 0]);
    assert_eq!(called("i4"), [""; 0]);
    assert_eq!(called("u2"), ["E0204"]);
    assert_eq!(called("i3"), ["E0204"]);
    assert_eq!(called("fixed<31>"), [""; 0]);
    assert_eq!(codes("fn f<T: Num>(x: T) -> T { x * 1.5 }"), ["E0202"]);
    assert_eq!(codes("fn f<T: Int>(x: T) -> T { x } fn g(x: fixed) -> fixed { f(x) }"), ["E0203"]);
    assert_eq!(codes("fn f<T: Ord>(x: T) -> bool { x < x } fn g(x: fixed) -> bool { f(x) }"), [""; 0]);
    // Ranges of fixed-point numbers.
    let main = |range: &str| {
        codes(&format!("const TOP: fixed = 2.5; party P; fn main(x: fixed in {range} from P) -> fixed {{ reveal(x) }}"))
    };
    assert_eq!(main("-1.0..=1.0"), [""; 0]);
    assert_eq!(main("-TOP..TOP + 1"), [""; 0]);
    assert_eq!(main("1.0..=-1.0"), ["E0504"]);
    assert_eq!(main("0..=140737488355328"), ["E0504"]);
    assert_eq!(main("0.5 * 2.0..=4.0"), ["E0504"]);
}
