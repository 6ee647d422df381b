//! The interpreter on small circuits with known results; random ones are in `testing`.
use super::*;
use crate::text::parse;

fn eval(text: &str, inputs: &[Column]) -> Result<Vec<Column>, InterpError> {
    run(&parse(text).unwrap_or_else(|e| panic!("{e}")), inputs, &mut NoBlocks, 1)
}

#[test]
fn counts_and_loops_and_triangles() {
    let text = r#"circuit program
party Ada
input "x" : @Ada u32[4]
space s0 = [0..4, c0 + 1..4]
space s1 = [0..i0]
vars 1
effects 2
%0 = in "x" : @Ada u32[4]
%1 = share #0 %0 : u32[4]
%2 = gather s0[c0] %1 : u32[6]
%3 = gather s0[c1] %1 : u32[6]
%4 = lt %2, %3 : bool[6]
%5 = count by 6 %4 : u32[1]
%6 = loop i0 in 1..5 step 1 carry (%7 = %5) : u32[1] r1 {
  %8 = gather s1[c0] %1 : u32[s1 max 4]
  %9 = sum by s1 max 4 %8 : u32[1]
  %10 = add %7, %9 : u32[1]
  yield %10
}
%11 = reveal #1 %6 to all : clear u32[1]
out all "result" %11
"#;
    // Pairs in order: (3,7) (3,5) (1,7)… of 3 1 7 5: 3<7 3<5 1<7 1<5 = 4; prefix sums 3 4 11 16 = 34.
    let x = Column::U32(vec![3, 1, 7, 5]);
    assert_eq!(eval(text, std::slice::from_ref(&x)).unwrap(), [Column::U32(vec![38])]);
    assert!(matches!(eval(text, &[]), Err(InterpError::Inputs(_))));
    assert!(matches!(eval(text, &[Column::U8(vec![0; 4])]), Err(InterpError::Inputs(_))));
}

#[test]
fn gate_level_words() {
    let text = r#"circuit gates rep3
party Ada
input "x" : @Ada i13[70]
effects 3
%0 = in "x" : @Ada i13[70]
%1 = in.share #0 %0 : arith32 i13[70]
%2, %3 = a2b.deal %1 : bits16 u16[70], bits16 u16[70]
%4 = in.share #1 %0 : bits16 i13[70]
%5, %6 = a2b.deal.neg %1 : bits16 u16[70], bits16 u16[70]
%7 = open #2 %2 to all : clear u16[70]
%8 = open #3 %3 to all : clear u16[70]
%9 = add %7, %8 : clear u16[70]
%10 = open #4 %4 to all : clear u16[70]
%11 = eq %9, %10 : clear bool[70]
check "parts do not add up" %11
%12 = bits.xor %5, %6 : bits16 u16[70]
%13 = open #5 %12 to all : clear u16[70]
%14 = const 0 : clear u16[70]
%15 = eq %13, %14 : clear bool[70]
%16 = eq %10, %14 : clear bool[70]
%17 = eq %15, %16 : clear bool[70]
check "parts are equal for zero alone" %17
%18 = planes(%4[0]) : bits1 bool[70]
%19, %20 = b2a.deal %18 : arith64 bool[70], arith64 bool[70]
%21 = arith.add %19, %20 : arith64 bool[70]
%22 = open #6 %21 to all : clear bool[70]
out all "low" %22
out all "word" %10
"#;
    let e = Elem::i(13);
    let x = clear::from_lanes(
        e,
        (0..70u128).map(|k| k.wrapping_mul(0x9e37_79b9) & e.mask() & if k % 3 == 0 { 0 } else { !0 }),
    );
    let out = eval(text, std::slice::from_ref(&x)).unwrap();
    for k in 0..70 {
        assert_eq!(out[0].get(k), x.get(k) & 1);
        assert_eq!(out[1].get(k), e.extend(x.get(k)) & 0xffff);
    }
}

#[test]
fn program_errors_have_spans() {
    let text = "circuit program\n%0 = const 0 : clear u8[1]\n%1 = div %0, %0 : clear u8[1] !7\n";
    let wrong = InterpError::Program { span: SpanId(7), what: "division by zero".into() };
    assert_eq!(eval(text, &[]), Err(wrong));
    let text =
        "circuit program\nspace s0 = [0..3]\n%0 = const 0 : clear u8[2]\n%1 = gather s0[c0] %0 : clear u8[3] !9\n";
    assert!(matches!(eval(text, &[]), Err(InterpError::Program { span: SpanId(9), .. })));
    let text = "circuit program\n%0 = const 0 : clear bool[1]\ncheck \"no\" %0\n";
    assert!(matches!(eval(text, &[]), Err(InterpError::Program { .. })));
    let text = "circuit program\nspace s0 = [0..3]\n%0 = const 0 : clear u8[2]\n%1 = not %0 : clear u8[3]\n";
    assert!(matches!(eval(text, &[]), Err(InterpError::Circuit(_))));
    let recursive = "circuit program\n%0 = const 0 : clear u8[1]\n%1 = call r1 %0 : clear u8[1]\nfn r1 (%2: clear u8[1]) {\n  %3 = call r1 %2 : clear u8[1]\n  yield %3\n}\n";
    assert!(matches!(eval(recursive, &[]), Err(InterpError::Circuit(_))));
}

#[test]
fn a_while_and_an_if() {
    // Collatz steps of 27.
    let text = r#"circuit program
%0 = const 27 : clear u32[1]
%1 = const 0 : clear u32[1]
%2 = const 1 : clear u32[1]
%3 = const 3 : clear u32[1]
%4, %5 = while carry (%6 = %0, %7 = %1) : clear u32[1], clear u32[1] r1 {
  %8 = eq %6, %2 : clear bool[1]
  %9 = not %8 : clear bool[1]
  yield %9
} do (%10, %11) r2 {
  %12 = and %10, %2 : clear u32[1]
  %13 = cast %12 : clear bool[1]
  %14 = if %13 : clear u32[1] r3 {
    %15 = mul %10, %3 : clear u32[1]
    %16 = add %15, %2 : clear u32[1]
    yield %16
  } else r4 {
    %17 = shr %10, %2 : clear u32[1]
    yield %17
  }
  %18 = add %11, %2 : clear u32[1]
  yield %14, %18
}
out all "steps" %5
"#;
    assert_eq!(eval(text, &[]).unwrap(), [Column::U32(vec![111])]);
}
