//! Index evaluation against the definition, point by point.

use super::*;
use crate::testing::Rng;

fn random_index(rng: &mut Rng, depth: u32, vars: u32, coords: u32) -> Index {
    const OPS: [IndexOp; 16] = {
        use IndexOp::*;
        [Add, Sub, Mul, Div, Rem, Xor, And, Or, Shl, Shr, Min, Max, Eq, Ne, Lt, Le]
    };
    if depth == 0 || rng.below(4) == 0 {
        return match rng.below(5) {
            0 if vars > 0 => Index::Var(LoopVar(rng.below(vars.into()) as u32)),
            1 | 2 if coords > 0 => Index::Coord(rng.below(coords.into()) as u32),
            3 if coords > 0 => Index::Lane,
            _ => Index::Const(rng.below(20) as i64 - 4),
        };
    }
    let op = OPS[rng.below(16) as usize];
    let a = random_index(rng, depth - 1, vars, coords);
    let b = random_index(rng, depth - 1, vars, coords);
    Index::Bin(op, Box::new(a), Box::new(b))
}

fn random_affine(rng: &mut Rng, coords: u64) -> Index {
    let mut e = Index::Const(rng.below(9) as i64 - 4);
    for k in 0..coords {
        let leaf = if rng.one_in(6) { Index::Lane } else { Index::Coord(k as u32) };
        let by = if rng.one_in(40) { i64::MAX / 3 } else { rng.below(7) as i64 - 3 };
        e = Index::add(e, Index::mul(leaf, Index::Const(by)));
    }
    e
}

fn random_space(rng: &mut Rng) -> Space {
    let n = rng.below(4) as usize;
    let mut dims = vec![];
    for k in 0..n {
        let small = |rng: &mut Rng| {
            let c = Index::Const(rng.below(9) as i64 - 2);
            match rng.below(4) {
                0 if k > 0 => Index::add(Index::Coord(rng.below(k as u64) as u32), c),
                1 => Index::add(Index::Var(LoopVar(0)), c),
                2 if k > 0 => Index::Bin(IndexOp::Min, Box::new(Index::Coord(k as u32 - 1)), Box::new(c)),
                _ => c,
            }
        };
        let (lo, hi) = (small(rng), small(rng));
        let (lo, hi) = if rng.below(2) == 0 { (lo, Index::add(hi, Index::Const(5))) } else { (hi, lo) };
        let step = [1, 1, 2, 3, -1, -2][rng.below(6) as usize];
        let step_expr = (rng.below(6) == 0).then(|| Index::Const(1 + rng.below(3) as i64));
        dims.push(SpaceDim { lo, hi, step, step_expr });
    }
    let guard = (rng.below(4) == 0).then(|| {
        let e = random_index(rng, 2, 1, n as u32);
        e.subst(&|l| (*l == Index::Lane).then_some(Index::Const(1)))
    });
    Space { dims, guard }
}

/// The definition: nested loops.
fn points(space: &Space, vars: &[i64]) -> Result<Vec<Vec<i64>>, IndexError> {
    fn go(s: &Space, vars: &[i64], at: &mut Vec<i64>, out: &mut Vec<Vec<i64>>) -> Result<(), IndexError> {
        let env = IndexEnv { vars };
        let Some(d) = s.dims.get(at.len()) else {
            if s.guard.as_ref().map_or(Ok(1), |g| g.eval(&env, at, 0))? != 0 {
                out.push(at.clone());
            }
            return Ok(());
        };
        let (lo, hi) = (d.lo.eval(&env, at, 0)?, d.hi.eval(&env, at, 0)?);
        let step = match &d.step_expr {
            Some(e) => e.eval(&env, at, 0)?,
            None => d.step,
        };
        let mut v = lo;
        while if step > 0 { v < hi } else { v > hi } {
            at.push(v);
            go(s, vars, at, out)?;
            at.pop();
            v += step;
        }
        Ok(())
    }
    let mut out = vec![];
    go(space, vars, &mut vec![], &mut out)?;
    Ok(out)
}

#[test]
fn strips_and_runs_and_seeks_agree_with_the_definition() {
    let mut rng = Rng::new(1);
    let (mut with_values, mut with_errors) = (0, 0);
    for round in 0..6000 {
        let space = random_space(&mut rng);
        let vars = [rng.below(7) as i64 - 2];
        let env = IndexEnv { vars: &vars };
        let index = if rng.one_in(2) {
            random_affine(&mut rng, space.dims.len() as u64)
        } else {
            random_index(&mut rng, 3, 1, space.dims.len() as u32)
        };
        let Ok(points) = points(&space, &vars) else { continue };
        let n = points.len() as u64;
        assert_eq!(space.count(&env), Ok(n), "round {round}: {space}");
        let from = rng.below(n + 1);
        let to = from + rng.below(n - from + 1);
        let mut seen = vec![];
        for_each_point(&space, &env, from..to, |lane, c| seen.push((lane, c.to_vec()))).unwrap();
        let expect: Vec<_> = (from..to).map(|l| (l, points[l as usize].clone())).collect();
        assert_eq!(seen, expect, "round {round}: {space}");
        let values: Result<Vec<i64>, _> = (from..to).map(|l| index.eval(&env, &points[l as usize], l)).collect();
        let mut strip = vec![];
        let got = eval_strip(&space, &index, &env, from..to, &mut strip);
        let mut flat = vec![];
        let runs = for_each_run(&space, &index, &env, from..to, |r| {
            flat.extend((0..r.count as i64).map(|k| r.start + r.stride * k));
        });
        match values {
            Ok(values) => {
                assert_eq!(got, Ok(()), "{space} {index}");
                assert_eq!(strip, values, "{space} {index}");
                assert_eq!(runs, Ok(()));
                assert_eq!(flat, values, "{space} {index}");
                let (coords, most) = space.bounds(&[(vars[0], vars[0])]);
                assert!(n <= most);
                let (lo, hi) =
                    index.interval(&Intervals { vars: &[(vars[0], vars[0])], coords: &coords, lane: (0, n as i64) });
                assert!(values.iter().all(|v| lo <= *v && *v <= hi), "{space} {index} in {lo}..={hi}");
                with_values += 1;
            }
            Err(_) => {
                assert!(got.is_err() && runs.is_err(), "{space} {index}");
                with_errors += 1;
            }
        }
    }
    assert!(with_values > 2000 && with_errors > 20, "{with_values} {with_errors}");
}

#[test]
fn long_rows_are_cut_right() {
    let mut rng = Rng::new(2);
    for _ in 0..2000 {
        let index = random_index(&mut rng, 4, 1, 2);
        let mut space = Space::rect(&[2, 150]);
        space.dims[1].lo = Index::Const(-20 * rng.below(2) as i64);
        let env = IndexEnv { vars: &[3] };
        let n = space.count(&env).unwrap();
        let points = points(&space, &[3]).unwrap();
        let values: Result<Vec<i64>, _> = (0..n).map(|l| index.eval(&env, &points[l as usize], l)).collect();
        let mut strip = vec![];
        let got = eval_strip(&space, &index, &env, 0..n, &mut strip);
        assert_eq!(got.is_ok(), values.is_ok(), "{index}");
        if let Ok(values) = values {
            assert_eq!(strip, values, "{index}");
        }
    }
}

#[test]
fn simplified_expressions_have_the_same_values() {
    let mut rng = Rng::new(3);
    for _ in 0..5000 {
        let e = random_index(&mut rng, 4, 1, 2);
        let s = e.subst(&|_| None);
        let (env, coords) = (IndexEnv { vars: &[5] }, [3, -2]);
        if let Ok(v) = e.eval(&env, &coords, 7) {
            assert_eq!(s.eval(&env, &coords, 7), Ok(v), "{e} became {s}");
        }
    }
}

#[test]
fn counts_are_closed_forms() {
    let n = 1_000_000_000i64;
    let mut triangle = Space::rect(&[n, 0]);
    triangle.dims[1] = SpaceDim::range(Index::add(Index::Coord(0), Index::Const(1)), Index::Const(n));
    let total = (n as u64) * (n as u64 - 1) / 2;
    assert_eq!(triangle.count(&IndexEnv::default()), Ok(total));
    let mut cursor = triangle.cursor(&IndexEnv::default());
    cursor.seek(total - 1).unwrap();
    let row = cursor.next_row(10).unwrap().unwrap();
    assert_eq!((cursor.coords()[0], row.first, row.count), (n - 2, n - 1, 1));
    assert_eq!(cursor.next_row(10), Ok(None));
    let n = 1_000_000i64;
    let mut triangle = triangle.map_index(&mut |e| match e.as_const() {
        Some(1_000_000_000) => Index::Const(n),
        _ => e.clone(),
    });
    triangle.dims[1].step = 3;
    let by3: u128 = (0..n as u128).map(|k| (n as u128 - 1 - k).div_ceil(3)).sum();
    assert_eq!(triangle.count(&IndexEnv::default()).map(u128::from), Ok(by3));
    let n = 1 << 30;
    assert_eq!(Space::rect(&[n, n, n]).count(&IndexEnv::default()), Err(IndexError::Overflow));
}

#[test]
fn few_runs_for_a_sorting_network() {
    // lo(c0) = c0 / 64 * 128 + c0 % 64 over 4096 lanes: 64 runs of 64.
    let c = || Index::Coord(0);
    let lo =
        Index::add(Index::mul(Index::div(c(), Index::Const(64)), Index::Const(128)), Index::rem(c(), Index::Const(64)));
    assert_eq!(lo.to_string(), "c0 / 64 * 128 + c0 % 64");
    let mut runs = vec![];
    for_each_run(&Space::rect(&[4096]), &lo, &IndexEnv::default(), 0..4096, |r| runs.push(r)).unwrap();
    assert_eq!(runs.len(), 64);
    assert_eq!(runs[1], Run { start: 128, stride: 1, count: 64 });
    let square = Index::mul(Index::Coord(0), Index::Const(64));
    let flat = Index::add(square, Index::Coord(1));
    let mut runs = vec![];
    for_each_run(&Space::rect(&[64, 64]), &flat, &IndexEnv::default(), 0..4096, |r| runs.push(r)).unwrap();
    assert_eq!(runs, [Run { start: 0, stride: 1, count: 4096 }]);
}

/// A condition made of digits and ends, as sorting networks and strides have them.
fn random_digits(rng: &mut Rng, coords: u32) -> Index {
    use IndexOp::*;
    let bin = |op, a, b| Index::Bin(op, Box::new(a), Box::new(b));
    let sum = |rng: &mut Rng| {
        let mut e = Index::Const(rng.below(14) as i64 - 3);
        for k in 0..coords {
            let by = [0, 1, 1, 2, 3, 8, -1][rng.below(7) as usize];
            e = Index::add(e, Index::mul(Index::Coord(k), Index::Const(by)));
        }
        if rng.one_in(8) { Index::add(e, Index::Var(LoopVar(0))) } else { e }
    };
    let digit = |rng: &mut Rng, e: Index| {
        let c = Index::Const([2, 3, 4, 6, 8, 16][rng.below(6) as usize]);
        match rng.below(9) {
            0 | 1 => bin(Div, e, c),
            2 | 3 => bin(Rem, e, c),
            4 => bin(And, e, Index::Const(rng.below(16) as i64)),
            5 => bin([Xor, Or][rng.below(2) as usize], Index::Const(rng.below(16) as i64), e),
            6 => bin(Shr, e, Index::Const(rng.below(4) as i64)),
            7 => bin([Min, Max][rng.below(2) as usize], e, Index::Const(rng.below(60) as i64)),
            _ => e,
        }
    };
    let mut guard = Index::Const(1);
    for _ in 0..1 + rng.below(3) {
        let (x, y) = (sum(rng), sum(rng));
        let (x, y) = (digit(rng, x), digit(rng, y));
        let x = digit(rng, x);
        let y = if rng.one_in(2) { Index::Const(rng.below(4) as i64) } else { y };
        let c = bin([Eq, Ne, Lt, Le][rng.below(4) as usize], x, y);
        guard = if guard == Index::Const(1) { c } else { bin([And, And, Or][rng.below(3) as usize], guard, c) };
    }
    guard
}

#[test]
fn counts_by_periods_agree_with_the_definition() {
    let mut rng = Rng::new(4);
    let mut full = 0;
    for round in 0..4000 {
        let dims = 1 + rng.below(3) as u32;
        let mut space = Space::rect(&vec![0; dims as usize]);
        for k in 0..dims {
            let n = [400, 40, 12][dims as usize - 1];
            let mut hi = Index::Const(rng.below(n) as i64);
            if k > 0 && rng.one_in(2) {
                let c = Index::Coord(rng.below(k.into()) as u32);
                let c = match rng.below(3) {
                    0 => Index::rem(c, Index::Const(3)),
                    1 => Index::sub(Index::Const(20), c),
                    _ => c,
                };
                hi = Index::bin(IndexOp::Min, hi, c);
            }
            let lo = rng.below(9) as i64 - 3;
            space.dims[k as usize] = SpaceDim::range(Index::Const(lo), hi);
            space.dims[k as usize].step = [1, 1, 2, 6][rng.below(4) as usize];
            if rng.one_in(8) {
                let d = &mut space.dims[k as usize];
                (d.lo, d.hi, d.step) = (d.hi.clone(), d.lo.clone(), -d.step);
            }
        }
        space.guard = (!rng.one_in(10)).then(|| random_digits(&mut rng, dims));
        let vars = [rng.below(7) as i64 - 2];
        let Ok(points) = points(&space, &vars) else { continue };
        assert_eq!(space.count(&IndexEnv { vars: &vars }), Ok(points.len() as u64), "round {round}: {space}");
        full += usize::from(points.len() > 10);
    }
    assert!(full > 1000, "{full}");
}

#[test]
fn stages_of_a_sorting_network_are_counted_by_periods() {
    use IndexOp::*;
    // The exchanges of a stage of odd-even merge sort: distance k = p >> step, blocks of 2 p.
    let c = |v: i64| Index::Const(v);
    let stage = |n: i64, p: i64, k: i64| {
        let i = || Index::Coord(0);
        let far = || Index::add(i(), c(k));
        let bin = Index::bin;
        let mut s = Space::rect(&[n]);
        let low = bin(Eq, Index::rem(Index::div(Index::sub(i(), c(k % p)), c(k)), c(2)), c(0));
        let same = bin(Eq, Index::div(i(), c(2 * p)), Index::div(far(), c(2 * p)));
        let ends = bin(And, bin(Le, c(k % p), i()), bin(Lt, far(), c(n)));
        s.guard = Some(bin(And, bin(And, low, same), ends));
        // The same points as rows of k.
        let rows = bin(Div, c(n - k - k % p + 2 * k - 1), c(2 * k));
        let at = || Index::add(Index::mul(Index::Coord(0), c(2 * k)), Index::add(Index::Coord(1), c(k % p)));
        let row = Index::bin(Min, c(k), Index::sub(c(n - k - k % p), Index::mul(Index::Coord(0), c(2 * k))));
        let mut two = Space { dims: vec![SpaceDim::range(c(0), rows), SpaceDim::range(c(0), row)], guard: None };
        two.guard = Some(bin(Eq, Index::div(at(), c(2 * p)), Index::div(Index::add(at(), c(k)), c(2 * p))));
        (s, two)
    };
    for n in [1 << 10, 1000] {
        for (level, step) in (0..10).flat_map(|l| (0..=l).map(move |s| (l, s))) {
            let (one, two) = stage(n, 1 << level, 1 << level >> step);
            let all = points(&one, &[]).unwrap().len() as u64;
            assert_eq!((one.count(&IndexEnv::default()), two.count(&IndexEnv::default())), (Ok(all), Ok(all)));
        }
    }
    // Half of what the blocks hold, less what has no partner at the two ends of a block: never walked point by point.
    let (n, p, k) = (1i64 << 44, 1i64 << 30, 1i64 << 7);
    let blocks = n / (2 * p);
    let (one, two) = stage(n, p, k);
    let expect = Ok((blocks * (p - k)) as u64);
    assert_eq!((one.count(&IndexEnv::default()), two.count(&IndexEnv::default())), (expect, expect));
}
