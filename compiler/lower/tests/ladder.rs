//! Random programs: the lowered circuit, verified, gives what the reference evaluator gives, or the same refusal.
mod support;
use circuit::Column;

#[test]
fn generated() {
    let (mut ran, mut refused, mut wrong) = (0, std::collections::BTreeMap::<String, usize>::new(), Vec::new());
    let (from, n): (u64, u64) = match std::env::var("SEEDS") {
        Ok(s) => s.split_once(',').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap(),
        Err(_) => (0, 400),
    };
    for seed in from..from + n {
        let s = eval::testing::program(seed);
        let sizes: Vec<i64> = s.sizes.iter().map(|x| x.1).collect();
        let fams: Vec<i64> = s.families.iter().map(|x| x.1).collect();
        let l = support::load(&s.source, &sizes, &fams);
        let publics: Vec<_> = s
            .inputs
            .iter()
            .enumerate()
            .filter(|(_, i)| i.party.is_none())
            .map(|(k, i)| (k as u32, i.columns.clone()))
            .collect();
        let entry = l.program.main.expect("main");
        let inputs: Vec<Vec<Vec<u128>>> = s.inputs.iter().map(|i| i.columns.clone()).collect();
        let want = l.try_eval(&inputs);
        let r = lower::lower(&l.program, &lower::Request { entry, env: l.env.clone(), publics });
        let lowered = match r {
            Ok(l) => l,
            Err(f) => {
                if want.is_ok() {
                    *refused.entry(format!("{} {}", f[0].code, f[0].message)).or_default() += 1;
                    if f[0].code != "E0410" {
                        wrong.push(format!("seed {seed}: {:?}\n{}", f[0], s.source));
                    }
                }
                continue;
            }
        };
        if let Err(e) = circuit::verify::verify(&lowered.circuit) {
            wrong.push(format!("seed {seed}: verify {}\n{}", e[0], s.source));
            continue;
        }
        let flat: Vec<Column> = s
            .inputs
            .iter()
            .filter(|i| i.party.is_some())
            .flat_map(|i| &i.columns)
            .zip(&lowered.circuit.inputs)
            .map(|(v, i)| {
                let mut c = Column::with_capacity(i.elem, v.len());
                v.iter().for_each(|x| c.push(*x));
                c
            })
            .collect();
        let mut at =
            support::Blocks { program: &l.program, codes: &lowered.blocks, circuit: &lowered.circuit, calls: 0 };
        let got = circuit::interp::run(&lowered.circuit, &flat, &mut at, 1)
            .map(|c| c.iter().map(|c| (0..c.len()).map(|k| c.get(k)).collect::<Vec<_>>()).collect::<Vec<_>>());
        match (&got, &want) {
            (Ok(a), Ok(b)) if a == b => ran += 1,
            (Err(circuit::interp::InterpError::Program { .. }), Err(_)) => {}
            _ => wrong.push(format!("seed {seed}: got {got:?} want {want:?}\n{}", s.source)),
        }
    }
    println!("{ran} agree; refused {refused:#?}");
    wrong.sort_by_key(String::len);
    assert!(
        wrong.is_empty(),
        "{} wrong of {n}\n{}",
        wrong.len(),
        wrong.iter().take(3).cloned().collect::<Vec<_>>().join("\n----\n")
    );
    assert!(ran as u64 * 2 > n, "{ran} of {n}");
}
