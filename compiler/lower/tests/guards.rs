//! Loops whose accesses meet, or not, by conditions on their variables: what is claimed to be independent computes the same.
mod support;

/// A small generator, so that every failure replays.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

const OUTER: &[&str] = &["r in 0..4", "r in 1..3", "r in (0..3).rev()"];
const INNER: &[&str] = &["i in 0..20", "i in 2..19", "i in (0..20).rev()", "i in 0..20 - r", "i in (r..20).step_by(2)"];
const GUARD: &[&str] = &[
    "i % 2 == 0",
    "i % 2 == r % 2",
    "i / 2 % 2 == 1",
    "i / 3 % 2 == 0",
    "i / 4 == (i + 1) / 4",
    "i / 8 == (i + 2) / 8 && i / 2 % 2 == 0",
    "i >= r && (i - r) / (1 << r) % 2 == 0",
    "i % (r + 1) == 0",
    "i < 10",
    "i >= 7 && i < 11",
    "i != 6",
    "i + r > 9",
];
const ADDRESS: &[&str] = &[
    "i",
    "i + 1",
    "i + 2",
    "i + r",
    "i + (1 << r)",
    "i + 8",
    "2 * i",
    "2 * i + 1",
    "2 * i + r % 2",
    "39 - i",
    "i / 2 * 4 + i % 2",
    "i / 2 * 4 + i % 2 + 2",
    "i / (1 << r) * (2 << r) % 20 + i % (1 << r)",
];

#[test]
fn conditions_decide_what_meets() {
    let mut rng = Rng(7);
    let (mut lanes, mut loops) = (0, 0);
    for _ in 0..300 {
        let (outer, inner) = (rng.pick(OUTER), rng.pick(INNER));
        let (a, b, c) = (rng.pick(ADDRESS), rng.pick(ADDRESS), rng.pick(ADDRESS));
        let body = match rng.below(3) {
            0 => format!("let s = v[{a}]; let t = v[{b}]; v[{a}] = min(s, t); v[{b}] = max(s, t);"),
            1 => format!("v[{a}] = v[{b}] + 1; v[{c}] = v[{c}] * 3;"),
            _ => format!("v[{a}] = v[{b}] ^ (i as u32);"),
        };
        let body = if rng.below(6) == 0 { body } else { format!("if {} {{ {body} }}", rng.pick(GUARD)) };
        let text = format!(
            "party A, B;\nfn main(x: [u32; 48] from A) -> [u32; 48] {{ let mut v = x; for {outer} {{ for {inner} {{ {body} }} }} reveal(v) }}"
        );
        let circuit = support::agree(&text, &[], &[]);
        let n = circuit.matches(" loop ").count();
        lanes += usize::from(n < 2);
        loops += usize::from(n == 2);
    }
    assert!(lanes > 60 && loops > 60, "{lanes} {loops}");
}

#[test]
fn stages_under_a_condition_are_lanes() {
    // Exchanges of neighbours, of the far half of a block, and of what a condition lets stand apart alone.
    for (body, loops) in [
        ("for i in 0..23 { if i % 2 == r % 2 { EXCHANGE } }", 1),
        ("for i in 0..20 { if i / 4 % 2 == 0 { EXCHANGE } }", 1),
        ("for i in 0..20 { if i / 4 % 2 == 0 || i == 5 { EXCHANGE } }", 2),
        ("for i in 0..20 { if i % 3 == 0 { EXCHANGE } }", 2),
        ("for i in 0..4 { EXCHANGE }", 1),
        ("for i in 0..5 { EXCHANGE }", 2),
    ] {
        let far = if body.contains("% 2 == r") {
            "1"
        } else if body.contains("% 3") {
            "3"
        } else {
            "4"
        };
        let exchange = format!("let s = v[i]; let t = v[i + {far}]; v[i] = min(s, t); v[i + {far}] = max(s, t);");
        let body = body.replace("EXCHANGE", &exchange);
        let text = format!(
            "party A, B;\nfn main(x: [u32; 24] from A) -> [u32; 24] {{ let mut v = x; for r in 0..4 {{ {body} }} reveal(v) }}"
        );
        let circuit = support::agree(&text, &[], &[]);
        assert_eq!(circuit.matches(" loop ").count(), loops, "{text}\n{circuit}");
    }
}
