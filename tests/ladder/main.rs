//! The differential ladder: generated programs mean the same on every rung, and cost what was promised.
//!
//! `MPCC_LADDER=FROM,COUNT` runs other seeds; each failure replays from its seed.

use mpcc_tests::check;
use mpcc_tests::ladder::{Climb, bound, climb};
use std::collections::BTreeMap;

#[test]
fn generated_programs_agree_on_every_rung() {
    let (from, count) = std::env::var("MPCC_LADDER")
        .ok()
        .and_then(|s| s.split_once(',').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?))))
        .unwrap_or((0u64, 2000u64));
    let half = count / 2;
    let (one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(move || rungs(from, half, false));
        let mine = rungs(from + half, count - half, false);
        (mine, other.join().expect("the other half ends"))
    });
    let wrong: Vec<String> = one.0.into_iter().chain(two.0).collect();
    let (agree, refused) = (one.1 + one.2 + two.1 + two.2, one.3 + two.3);
    assert!(
        wrong.is_empty(),
        "{} of {count} differ; the shortest:\n{}",
        wrong.len(),
        wrong.iter().min_by_key(|w| w.len()).unwrap()
    );
    assert!(agree * 10 >= count * 8, "only {agree} of {count} reach the top; {refused} are refused");
}

#[test]
fn generated_programs_that_are_checked_agree_on_every_rung() {
    let (wrong, agree, fail, refused) = rungs(0, 300, true);
    let shortest = wrong.iter().min_by_key(|w| w.len());
    assert!(wrong.is_empty(), "{} differ; the shortest:\n{}", wrong.len(), shortest.unwrap());
    assert!(agree > 40 && fail > 40, "{agree} agree, {fail} fail, {refused} are refused");
}

/// Differences, and how many agree, fail everywhere, and are refused. Every program as it is, or `checked`.
fn rungs(from: u64, count: u64, watched: bool) -> (Vec<String>, u64, u64, u64) {
    let (mut wrong, mut agree, mut fail, mut refused) = (Vec::new(), 0, 0, 0);
    for seed in from..from + count {
        let mut sample = eval::testing::program(seed);
        if watched {
            sample.source = sample.source.replacen("fn main", "checked fn main", 1);
        }
        let checked = check(&sample.source);
        if !checked.ok() {
            let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
            wrong.push(format!("seed {seed}: the checker refuses it: {codes:?}\n{}", sample.source));
            continue;
        }
        let sizes: BTreeMap<String, u64> =
            sample.sizes.iter().chain(&sample.families).map(|(n, v)| (n.clone(), *v as u64)).collect();
        let by_name: BTreeMap<String, u64> = driver::size_names(&checked.program)
            .into_iter()
            .map(|n| {
                let direct = sizes.get(&n).copied();
                let family = checked.program.parties.iter().find(|p| p.family.as_deref() == Some(&*n));
                let value = direct.or_else(|| sizes.get(&*family?.name).copied()).unwrap_or(0);
                (n, value)
            })
            .collect();
        let bound = bound(&checked, &by_name);
        let inputs: Vec<_> = sample.inputs.iter().map(|i| i.columns.clone()).collect();
        match climb(&checked, &bound, &inputs) {
            Ok(Climb::Agree { .. }) => agree += 1,
            Ok(Climb::Fails) => fail += 1,
            Ok(Climb::Refused(_)) => refused += 1,
            Err(e) => wrong.push(format!("seed {seed}: {e}\n{}", sample.source)),
        }
    }
    (wrong, agree, fail, refused)
}

#[test]
fn blocks_of_families_in_loops_agree_on_every_rung() {
    let main = |result: &str, body: &str| {
        format!("party F[N];\nparty B;\nfn main(x: [u32; N] from F, y: u32 from B) -> {result} {{ {body} }}\n")
    };
    let programs = [
        main("u32", "let mut s = y; for k in 1..4 { let h = at F { x / (k as u32) }; s += h.sum(); } reveal(s)"),
        main(
            "u32",
            "let mut s = y; for k in 1..4 { let h = at F { [x % 7, x / (k as u32)] }; for t in 0..N { s = s * 5 + h[t][1] * h[t][0]; } } reveal(s)",
        ),
        main(
            "u32",
            "let mut s = y; for k in 0..5 { if k % 2 == 1 { let h = at F { x / (k as u32) }; s += h.max() * h.min(); } } reveal(s)",
        ),
        main(
            "u32",
            "let mut s = y; for k in 0..3 { let c = reveal(s % 5); let h = at F { x / (c + 1) }; s = s * 3 + h.sum(); } reveal(s)",
        ),
        main(
            "[u32; N] to F",
            "let mut s = x; for k in 0..3 { let c = reveal_to(F, s.map(|v| v * (k as u32) + y)); let h = at F { c / 3 }; s = h + x; } reveal_to(F, s)",
        ),
        main(
            "[[u32; 3]; N] to F",
            "let mut z: [[u32; N]; 3] = [[0; N]; 3]; for k in 0..3 { let c = x.map(|v| v * (k as u32) + y); let o = reveal_to(F, c); z[k] = at F { o + x / 2 }; } let mut t: [[u32; 3]; N] = [[0; 3]; N]; for k in 0..3 { for m in 0..N { t[m][k] = z[k][m] * y; } } reveal_to(F, t)",
        ),
    ];
    for program in &programs {
        let checked = check(program);
        let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        assert!(checked.ok(), "{program}\n{codes:?}");
        for n in [1, 2, 5] {
            let sizes: BTreeMap<String, u64> =
                driver::size_names(&checked.program).into_iter().map(|s| (s, n)).collect();
            let bound = bound(&checked, &sizes);
            match climb(&checked, &bound, &mpcc_tests::ladder::random_inputs(&checked, &bound, 9)) {
                Ok(Climb::Agree { .. }) => {}
                Ok(Climb::Fails) => panic!("{program}\nfails"),
                Ok(Climb::Refused(what)) => panic!("{program}\nis refused: {what}"),
                Err(e) => panic!("{program}\nof {n} members: {e}"),
            }
        }
    }
}

#[test]
fn words_of_127_bits_keep_their_top_on_every_rung() {
    let programs = [
        "party A; fn main<N: size>(x: [u32; N] from A) -> [u127; N] { let mut v: [u127; N] = [!505; N]; for i in 1..N { v[i] = v[i - 1] ^ (x[i] as u127); } reveal(v) }",
        "party A; fn main<N: size>(x: [u32; N] from A) -> u127 { let mut v: u127 = !0 - 9; for i in 0..N { v = (v | (x[i] as u127)) ^ 4; } reveal(v) }",
        "party A; fn main<N: size>(x: [u32; N] from A) -> (u128, bool) { let mut v: u128 = !7; for i in 0..N { v ^= x[i] as u128; } (reveal(v), reveal(v > 1 << 126)) }",
    ];
    programs.iter().for_each(|p| agrees(p, 6));
}

#[test]
fn what_a_party_knows_leaves_a_choice_of_which_nothing_is_left() {
    agrees(
        "party A, B;
        fn main<N: size>(x: [i102; N] from B, y: [[u32; 3]; N] from A, z: [u32; N] from A) -> (u32, secret u32) {
            let mut v = z[0];
            let w: u32 = match v { 0 => y[0][0] >> 26, 1 | 3..=7 => z[1] + z[1], k if k == k => v, _ => y[0][0] % (v | 1) };
            let m: [i102; N] = x.map(|e| if e < 244 { e } else { 244 });
            let c: u32 = reveal(min(w, y[1][0] / 325) % 4);
            if c < 3 {
                v = y[1][0];
                let _lost: u128 = match c { 0 => m.argmax() as u128, 1 | 3..=7 => !67, k if k > 9 => 110, _ => 113 };
            }
            (reveal(v), v)
        }",
        3,
    );
}

/// That a program of size `N` agrees on every rung.
fn agrees(program: &str, n: u64) {
    let checked = check(program);
    assert!(checked.ok(), "{program}");
    let sizes: BTreeMap<String, u64> = BTreeMap::from([("N".to_string(), n)]);
    let bound = bound(&checked, &sizes);
    match climb(&checked, &bound, &mpcc_tests::ladder::random_inputs(&checked, &bound, 5)) {
        Ok(Climb::Agree { .. }) => {}
        other => panic!("{program}\n{other:?}"),
    }
}

#[test]
fn what_is_kept_agrees_on_every_rung() {
    let programs = [
        "fn main(x: secret u64) -> secret u64 { x }",
        "fn main(x: secret bool) -> (secret bool, bool) { (!x, reveal(x)) }",
        "fn main() -> secret u32 { 7 }",
        "fn main(x: public u32) -> secret [u32; 3] { [x, x + 1, 2] }",
        "fn main<N: size>(x: secret [u16; N], y: secret [i64; N]) -> (secret [bool; N], secret i64) { let mut b = [false; N]; for i in 0..N { b[i] = x[i] < 9; } (b, y.sum()) }",
        "fn main<N: size>(b: secret [bool; N]) -> (secret u32, u32) { let mut n: u32 = 0; for i in 0..N { if b[i] { n += 1; } } (n, reveal(n)) }",
        "struct P { a: u8, b: [i32; 2], c: bool } fn main(p: secret P, q: secret (u8, [P; 2])) -> (secret P, secret (u8, u8)) { (P { a: p.a + q.0, b: q.1[1].b, c: p.c && q.1[0].c }, (p.a, q.0 * 3)) }",
        "party A; fn main(x: u32 from A, s: secret u32) -> (secret u32, u32 to A) { let t = s + x; (t, reveal_to(A, t)) }",
        "party A; fn main<N: size>(x: [u32; N] from A) -> (secret [u32; N], secret u32) { (x, x[0]) }",
        "party F[N]; fn main(x: [u32; N] from F, t: secret [u32; N]) -> (secret [u32; N], secret [u32; N], [u32; N] to F) { let mut z = x; for i in 0..N { z[i] = t[i] * x[i]; } (x, z, reveal_to(F, z)) }",
        "fn main(x: secret u128, y: secret i128) -> (secret u128, bool) { (x * x, reveal(y < 0)) }",
        "fn main(x: secret u8, y: secret u8) -> (secret u8, u8) { let d = x / y; (d & 15, reveal(d % 7)) }",
    ];
    for program in &programs {
        let checked = check(program);
        let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        assert!(checked.ok(), "{program}\n{codes:?}");
        for (n, seed) in [(1, 1), (2, 2), (70, 3)] {
            let sizes: BTreeMap<String, u64> =
                driver::size_names(&checked.program).into_iter().map(|s| (s, n)).collect();
            let bound = bound(&checked, &sizes);
            match climb(&checked, &bound, &mpcc_tests::ladder::random_inputs(&checked, &bound, seed)) {
                Ok(Climb::Agree { .. }) => {}
                Ok(Climb::Fails) => panic!("{program}\nfails"),
                Ok(Climb::Refused(what)) => panic!("{program}\nis refused: {what}"),
                Err(e) => panic!("{program}\nat {n}: {e}"),
            }
        }
    }
}

#[test]
fn strings_agree_on_every_rung() {
    let programs = [
        "party A, B; struct Row { key: str, n: u32 }
fn main<N: size>(a: [Row; N] from A, b: [str; N] from B, open: public str) -> (u64, u32, bool) {
    let x = at A { a.map(|r| if r.key == open { 0 } else { r.key.hash() }) };
    let y = at B { b.map(|s| s.hash() + s.len() - s.len()) };
    let mut both: u64 = 0; let mut sum: u32 = 0;
    for i in 0..N { for j in 0..N { if x[i] == y[j] { both += 1; sum += a[i].n; } } }
    (reveal(both), reveal(sum), open == \"key1\")
}",
        "party A; enum Key { None, Pair(str, u8) }
fn size(k: Key) -> u64 { match k { Key::None => 0, Key::Pair(s, n) => s.hash() ^ (s.len() + n as u64) } }
fn main<N: size>(ks: [Key; N] from A, c: bool from A) -> (u64, [u8; 6]) {
    let mut t: u64 = 0; let open = reveal(c);
    for k in ks { if open { t += at A { size(k) }; } }
    let tags = ks.map(|k| match k { Key::None => 1 as u64, _ => 2 }).sum();
    let first = at A { match ks[0] { Key::Pair(s, _) => s, Key::None => \"none\" } };
    (reveal(t + tags), reveal(at A { first.bytes::<6>() }))
}",
        "party F[N]; fn main(v: [(str, u32); N] from F) -> (u64, u64) {
    let w = at F { if v.0 == \"key2\" { (\"two\", v.1) } else { v } };
    let h = at F { w.0.len() * 10 + v.0.len() };
    (reveal(h.sum()), reveal((at F { w.0.hash() & w.1 as u64 }).sum()))
}",
    ];
    for program in &programs {
        let checked = check(program);
        let codes: Vec<_> = checked.diags.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        assert!(checked.ok(), "{program}\n{codes:?}");
        for (n, seed) in [(1, 1), (2, 2), (5, 3)] {
            let sizes: BTreeMap<String, u64> =
                driver::size_names(&checked.program).into_iter().map(|s| (s, n)).collect();
            let bound = bound(&checked, &sizes);
            match climb(&checked, &bound, &mpcc_tests::ladder::random_inputs(&checked, &bound, seed)) {
                Ok(Climb::Agree { .. }) => {}
                Ok(Climb::Fails) => panic!("{program}\nfails"),
                Ok(Climb::Refused(what)) => panic!("{program}\nis refused: {what}"),
                Err(e) => panic!("{program}\nat {n}: {e}"),
            }
        }
    }
}
