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
