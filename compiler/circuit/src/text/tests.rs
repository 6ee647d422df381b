//! The text form on hand-written circuits; generated ones are in `testing`.
use super::*;

const SAMPLE: &str = r#"circuit gates rep3
size N = 10
party Ada
party Fam[12]
party "odd name"
input "x" : @Ada i32[10] in -5..=4000
input "p" : clear u8[1]
block @Fam "00000000000000000000000000000000000000000000000000000000000000ff"
space s0 = [0..10, c0 + 1..10 step 2] if c0 ^ 3 != 1
space s1 = [c0..-3 step -1 by max(i0, 2)]
vars 1
effects 3
%0 = in "x" : @Ada i32[10] !3
%1 = in.share #0 %0 : bits32 i32[10]
%2 = table [0, 1, -1; 5, -2147483648, 0, 0] : clear i32[10]
%3 = planes(%1[0..31], 0, %1[31..-1 by -1], 1 x 3, %1[2] x 2, %1[0..7 by 2], %1[9]) : bits73 u73[10]
%4 = planes($1[0], $0[3]) %1, %3 : bits2 u2[10]
%5 = loop i0 in 0..20 step 1 carry (%6 = %4, %7: bits2 u2[s0 max 10 * (3 * 4)] = %4) : bits2 u2[10] r1 {
  %8 = bits.and %6, %6 : bits2 u2[10]
  %9 = gather s0[(c0 * 2 + i0) % 8 - (lane - 1)] %8 : bits2 u2[s0 max 45]
  check "odd \"thing\"\n\u{7}" %9
  yield %8, %7
}
%10 = const 1 : clear bool[1]
%11 = if %10 : clear u8[1] r2 {
  %12 = const 255 : clear u8[1]
  yield %12
} else r3 {
  %13 = call r6 %2 : clear u8[1]
  yield %13
}
while carry () r4 {
  yield %10
} do () r5 {
  yield
}
%14 = matmul 2 x 3 x 4 %2, %2 : clear i32[8]
%15 = open #1 %1 to @2 : @2 i32[10]
%16, %17 = at @Fam block 0 %15, %2 : @Fam u8[1], @Fam bool[2]
out all "result" %11
out @Ada "result.1" %11
fn r6 (%18: clear i32[10]) {
  %19 = sum by 10 %18 : clear i32[1]
  yield %19
}
"#;

#[test]
fn text_is_exact() {
    let mut c = parse(SAMPLE).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(print(&c), SAMPLE);
    assert_eq!(parse(&print(&c)).as_ref(), Ok(&c));
    let before = c.clone();
    normalise(&mut c, None);
    assert_eq!(c, before, "{}", print(&c));
    let options = Options { spans: false, comment: Some(&|s| (s.0 > 0).then(|| format!("line {}", s.0))) };
    let text = print_with(&c, &options);
    let line = text.lines().find(|l| l.starts_with("%0")).unwrap();
    assert_eq!(line, format!("{:<48}; line 3", "%0 = in \"x\" : @Ada i32[10]"));
    assert!(parse(&text).is_ok());
}

#[test]
fn normalising_renumbers_and_drops() {
    let text = "circuit program\n%7 = const 1 : clear u8[1]\n%3 = call r5 %7 : clear u8[1]\nout all \"r\" %3\nfn r5 (%9: clear u8[1]) {\n  yield %9\n}\n";
    let mut c = parse(text).unwrap();
    let mut s = Schedule { regions: vec![vec![]; 6] };
    s.regions[0] = vec![Item::Local(vec![0]), Item::Region(1), Item::Free(vec![WireId(7)])];
    s.regions[5] = vec![Item::Free(vec![WireId(9)])];
    normalise(&mut c, Some(&mut s));
    assert_eq!(
        print(&c),
        "circuit program\n%0 = const 1 : clear u8[1]\n%1 = call r1 %0 : clear u8[1]\nout all \"r\" %1\nfn r1 (%2: clear u8[1]) {\n  yield %2\n}\n"
    );
    assert_eq!(s.regions[0][2], Item::Free(vec![WireId(0)]));
    assert_eq!(s.regions[1], [Item::Free(vec![WireId(2)])]);
    let text = print_schedule(&s, Some(&c));
    assert_eq!(parse_schedule(&text), Ok(s), "{text}");
}

#[test]
fn errors_have_lines_and_nothing_panics() {
    let e = parse("circuit program\n%0 = frobnicate %1 : u8[1]\n").unwrap_err();
    assert_eq!((e.line, e.what.as_str()), (2, "no operation frobnicate"));
    let e = parse("circuit program\n\n%0 = const 1 : clear q8[1]\n").unwrap_err();
    assert_eq!(e.line, 3);
    for text in [
        "circuit program\n%0 = const : clear u8[1]",
        "circuit program\n%4000000000 = const 1 : clear u8[1]",
        "circuit program\n%0 = table [1; 99999999999999] : clear u8[1]",
        "circuit program\nspace s0 = [0..\"",
        "circuit program\n%0 = table [1; 3\n",
        "circuit program\n%0 = planes(0 x 99999999999) : bits1 bool[1]\n",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    let deep = format!("circuit program\nspace s0 = [0..{}1]\n", "(".repeat(100_000));
    assert!(parse(&deep).is_err());
    let chain = format!("circuit program\nspace s0 = [0..1{}]\n", " + i0".repeat(100_000));
    assert!(parse(&chain).is_err());
    let mut rng = crate::testing::Rng::new(5);
    let bytes = SAMPLE.as_bytes();
    for _ in 0..3000 {
        let mut b = bytes.to_vec();
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(b.len() as u64) as usize;
            match rng.below(3) {
                0 => b[at] = bytes[rng.below(bytes.len() as u64) as usize],
                1 => drop(b.remove(at)),
                _ => b.truncate(at.max(1)),
            }
        }
        if let Ok(c) = parse(&String::from_utf8_lossy(&b)) {
            let _ = print(&c);
            normalise(&mut c.clone(), None);
        }
    }
}
