//! `checked` programs: what fails ends the run, here as in the reference evaluator, and what does not goes on as ever.
mod support;

/// Holds a body to the evaluator on many inputs, some of which fail and some of which do not.
fn both(types: &str, body: &str) {
    let text =
        format!("party A, B; {types} checked fn main(x: T from A, y: T from B, c: bool from B) -> T {{ {body} }}");
    let outcomes = support::outcomes(&text, 60);
    assert!(outcomes.contains(&true) && outcomes.contains(&false), "{text}: {outcomes:?}");
}
/// The same at several types.
fn at(types: &[&str], body: &str) {
    for t in types {
        let text =
            format!("party A, B; checked fn main(x: {t} from A, y: {t} from B, c: bool from B) -> {t} {{ {body} }}");
        let outcomes = support::outcomes(&text, 60);
        assert!(outcomes.contains(&true) && outcomes.contains(&false), "{text}: {outcomes:?}");
    }
}
const ALL: [&str; 10] = ["u3", "u8", "u32", "u64", "u65", "u128", "i7", "i64", "i100", "i128"];

#[test]
fn operators_overflow() {
    for op in ["+", "-", "*"] {
        at(&ALL, &format!("reveal(x {op} y)"));
        at(&ALL, &format!("let mut z = x; z {op}= y; reveal(z)"));
    }
    at(&["i3", "i4"], "reveal(-x)");
    at(&["u2", "u3", "i3"], "reveal(x / y)");
    at(&["u2", "u3", "i3"], "reveal(x % y)");
}
#[test]
fn sides_that_are_not_taken_do_not_fail() {
    at(&["u8", "i8"], "let mut z = x; if c { z = z + y; } reveal(z)");
    at(&["u8", "i8"], "let z = if c { x * y } else { x }; reveal(z)");
    at(&["u8"], "let mut z = x; for i in 0..3 { if c { break; } z += y; } reveal(z)");
}
#[test]
fn sums_and_products() {
    at(&["u8", "i8", "u120"], "let a = [x, y, x, y]; reveal(a.sum())");
    at(&["u3", "i4"], "let a = [x, y, x]; reveal(a.product())");
    at(&["u8", "i8"], "let mut s = x; for i in 0..5 { s += y; } reveal(s)");
    at(&["u8"], "let a = [x, y]; let b = [y, y]; reveal((a + b)[1])");
}
#[test]
fn what_wraps_by_name_does_not_fail() {
    for op in ["wrapping_add", "wrapping_sub", "wrapping_mul"] {
        let text = format!("party A, B; checked fn main(x: u8 from A, y: u8 from B) -> u8 {{ reveal(x.{op}(y)) }}");
        assert!(support::outcomes(&text, 20).iter().all(|ok| *ok), "{text}");
    }
}
#[test]
fn fixed_point() {
    for op in ["+", "-", "*", "/"] {
        both("struct T { a: fixed<20> }", &format!("reveal(T {{ a: x.a {op} y.a }})"));
    }
}
#[test]
fn indices_assertions_and_turns() {
    at(&["u3"], "let a = [1, 2, 3, 4, 5]; reveal(a[x])");
    at(&["i4"], "let a: [i4; 5] = [1, 2, 3, 4, 5]; let mut b = a; b[x] += 1; reveal(b[0])");
    at(&["u8"], "assert(x > y); reveal(x)");
    at(&["u8"], "if c { assert(x > 2); } reveal(x)");
    at(&["u4"], "let mut z = x; while z > 2 max 4 { z -= 1; } reveal(z)");
    at(&["u4"], "let mut z = x; while z > 2 max 4 { if z == y { break; } z -= 1; } reveal(z)");
}
#[test]
fn the_bit_is_opened_before_each_result() {
    at(&["u8"], "let a = reveal(x + 1); let b = reveal(a - y); b");
    // What happens after the last opening counts too.
    at(&["u8"], "let a = reveal(x); let b = x + y; a");
    // Inside of a condition that the run decides, and of lanes.
    at(&["u8"], "let mut z: u8 = 0; if reveal(c) { z = reveal(x + y); } z");
    at(&["u8"], "let mut out: [u8; 3] = [0; 3]; for i in 0..3 { out[i] = x * y; } reveal(out)[2]");
}
#[test]
fn public_numbers_fail_where_they_stand() {
    at(&["u8"], "let a = reveal(x); a + 250");
    at(&["u8"], "let a = reveal(x); let b = reveal(y); a * b");
}
