//! From source text to lowered circuit and to the reference evaluator's answer.
#![allow(dead_code, missing_docs)]
use circuit::Column;
use diag::{Diags, SourceMap};
use sema::layout;
use sema::tree::{Origin, Program, TyEnv};
use std::sync::Arc;

pub struct Loaded {
    pub program: Program,
    pub env: TyEnv,
}

pub fn load(text: &str, sizes: &[i64], families: &[i64]) -> Loaded {
    let mut diags = Diags::new();
    let mut map = SourceMap::default();
    let file = map.add("t.mpc".into(), Arc::from(text));
    let module = syntax::parse(file, text, &mut diags);
    assert_eq!(diags.error_count(), 0, "{text}");
    let program = sema::check(&mut sema::NoModules, file, module, &mut diags);
    assert_eq!(diags.error_count(), 0, "{text}\n{diags:#?}");
    let mut fam = vec![0; program.parties.len()];
    let mut it = families.iter();
    for (f, p) in fam.iter_mut().zip(&program.parties) {
        if p.family.is_some() {
            *f = *it.next().expect("a family's size");
        }
    }
    Loaded { program, env: TyEnv { tys: vec![], sizes: sizes.to_vec(), families: fam.into() } }
}

/// Runs `at` blocks by the evaluator.
pub struct Blocks<'a> {
    pub program: &'a Program,
    pub codes: &'a [sema::tree::AtCode],
    pub circuit: &'a circuit::Circuit,
    pub calls: usize,
}

impl circuit::interp::AtRunner for Blocks<'_> {
    fn run(&mut self, block: u32, args: &[Column]) -> Result<Vec<Column>, String> {
        self.calls += 1;
        let cols: Vec<Vec<u128>> = args.iter().map(|c| (0..c.len()).map(|k| c.get(k)).collect()).collect();
        let out = eval::run_at(self.program, &self.codes[block as usize], &cols, &strings::Table::default())
            .map_err(|e| e.what)?;
        let is_it = |g: &&circuit::Gate| matches!(g.op, circuit::Op::At { block: b, .. } if b == block);
        let gate = self.circuit.regions.iter().flat_map(|r| &r.gates).find(is_it).ok_or("no gate")?;
        Ok(out
            .into_iter()
            .zip(&gate.outs)
            .map(|(v, w)| {
                let mut c = Column::with_capacity(self.circuit.wires[w.0 as usize].elem, v.len());
                v.iter().for_each(|x| c.push(*x));
                c
            })
            .collect())
    }
}

impl Loaded {
    pub fn lower(&self) -> Result<lower::Lowered, Vec<lower::Finding>> {
        let entry = self.program.main.expect("main");
        lower::lower(&self.program, &lower::Request { entry, env: self.env.clone(), publics: vec![] })
    }
    /// Random columns for each leaf of each parameter.
    pub fn inputs(&self, seed: u64) -> Vec<Vec<Vec<u128>>> {
        let mut rng = circuit::testing::Rng::new(seed);
        let main = self.program.f(self.program.main.expect("main"));
        main.params
            .iter()
            .map(|p| {
                assert!(matches!(p.origin, Origin::From(_)));
                let ty = layout::close(&p.ty, &self.env).expect("closed");
                layout::leaves(&self.program, &ty, &self.env.families)
                    .expect("leaves")
                    .iter()
                    .map(|l| {
                        let bits = match l.ty {
                            sema::tree::Ty::Int { bits, .. } => bits,
                            sema::tree::Ty::Fixed(_) => 64,
                            sema::tree::Ty::Str => 128,
                            _ => 1,
                        };
                        let small = rng.one_in(2);
                        (0..l.lanes)
                            .map(|_| {
                                let v = rng.wide() & (u128::MAX >> (128 - bits));
                                if small { v % 5 } else { v }
                            })
                            .collect()
                    })
                    .collect()
            })
            .collect()
    }
    pub fn eval(&self, inputs: &[Vec<Vec<u128>>]) -> Vec<Vec<u128>> {
        self.try_eval(inputs).expect("eval")
    }
    pub fn try_eval(&self, inputs: &[Vec<Vec<u128>>]) -> Result<Vec<Vec<u128>>, String> {
        let main = self.program.main.expect("main");
        let values = self
            .program
            .f(main)
            .params
            .iter()
            .zip(inputs)
            .map(|(p, cols)| {
                let ty = layout::close(&p.ty, &self.env).expect("closed");
                let shape = eval::Shape::of(&self.program, &ty, &self.env.families).expect("shape");
                eval::Value::from_columns(&shape, cols.clone(), true).expect("value")
            })
            .collect();
        Ok(eval::run_main(&self.program, &self.env, values).map_err(|e| e.what)?.to_columns())
    }
}

/// Inputs as the interpreter takes them.
fn columns(inputs: &[Vec<Vec<u128>>], c: &circuit::Circuit) -> Vec<Column> {
    let filled = |(v, i): (&Vec<u128>, &circuit::Input)| {
        let mut col = Column::with_capacity(i.elem, v.len());
        v.iter().for_each(|x| col.push(*x));
        col
    };
    inputs.iter().flatten().zip(&c.inputs).map(filled).collect()
}

/// Lowers, verifies, and holds the interpreter against the evaluator on random inputs; gives the normalised text.
pub fn agree(text: &str, sizes: &[i64], families: &[i64]) -> String {
    let l = load(text, sizes, families);
    let lowered = l.lower().unwrap_or_else(|f| panic!("{text}\n{f:#?}"));
    let mut c = lowered.circuit;
    circuit::text::normalise(&mut c, None);
    let shown = circuit::text::print(&c);
    if let Err(e) = circuit::verify::verify(&c) {
        panic!("{text}\n{shown}\n{}", e.iter().take(5).map(|e| e.to_string()).collect::<Vec<_>>().join("\n"));
    }
    for seed in 0..6 {
        let inputs = l.inputs(seed);
        let flat = columns(&inputs, &c);
        let got = circuit::interp::run(&c, &flat, &mut circuit::interp::NoBlocks, 1)
            .unwrap_or_else(|e| panic!("{text}\n{shown}\n{e}"));
        let got: Vec<Vec<u128>> = got.iter().map(|c| (0..c.len()).map(|k| c.get(k)).collect()).collect();
        let want = l.eval(&inputs);
        assert_eq!(got, want, "{text}\n{shown}\ninputs {inputs:?}");
    }
    shown
}

/// Lowers a program, and compares what it gives with the reference evaluator on random inputs; errors of the run must
/// agree too.
pub fn agree_also_in_errors(text: &str, sizes: &[i64], families: &[i64]) -> circuit::Circuit {
    compared(text, sizes, families, 8).0
}
/// The same on so many inputs: whether each gave a result.
pub fn outcomes(text: &str, seeds: u64) -> Vec<bool> {
    compared(text, &[], &[], seeds).1
}
fn compared(text: &str, sizes: &[i64], families: &[i64], seeds: u64) -> (circuit::Circuit, Vec<bool>) {
    let mut outcomes = vec![];
    let l = load(text, sizes, families);
    let lowered = l.lower().unwrap_or_else(|f| panic!("{text}\n{f:#?}"));
    let c = lowered.circuit;
    let shown = circuit::text::print(&c);
    if let Err(e) = circuit::verify::verify(&c) {
        panic!("{text}\n{shown}\n{}", e.iter().take(5).map(|e| e.to_string()).collect::<Vec<_>>().join("\n"));
    }
    for seed in 0..seeds {
        let inputs = l.inputs(seed);
        let flat = columns(&inputs, &c);
        let mut at = Blocks { program: &l.program, codes: &lowered.blocks, circuit: &c, calls: 0 };
        let got = circuit::interp::run(&c, &flat, &mut at, 1)
            .map(|c| c.iter().map(|c| (0..c.len()).map(|k| c.get(k)).collect::<Vec<_>>()).collect::<Vec<_>>());
        outcomes.push(got.is_ok());
        match (got, l.try_eval(&inputs)) {
            (Ok(a), Ok(b)) => assert_eq!(a, b, "{text}\n{shown}\ninputs {inputs:?}"),
            (Err(circuit::interp::InterpError::Program { .. }), Err(_)) => {}
            (a, b) => panic!("{text}\n{shown}\ninputs {inputs:?}: {a:?}, but {b:?}"),
        }
    }
    (c, outcomes)
}
