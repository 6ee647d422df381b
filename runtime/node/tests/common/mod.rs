//! Programs for the tests of this crate: circuits by hand or at random, with a contract that fits, and input folders.

#![allow(dead_code)]

pub mod vote;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use circuit::testing::simple_schedule;
use circuit::{
    Builder, Circuit, Column, Domain, Elem, Len, Level, Op, Recipient, Schema, SchemaLen, SpanId, WireId, WireTy,
};
use engine::{AtRunner, NoBlocks, Program};
use node::{CompileError, Compiled, Contract, Param, PartyDecl, ProgramObject, ResultPart, Sizes};

/// A program that needs no compiler.
#[derive(Clone)]
pub struct Hand {
    pub contract: Contract,
    pub compiled: Compiled,
    pub source: [u8; 32],
    pub version: String,
}

impl Hand {
    /// Each input and output of the circuit is a parameter or a result of its own, an array of known length.
    pub fn new(circuit: Circuit) -> Hand {
        let schema = |elem, range, lanes| Schema::Array {
            elem: Box::new(Schema::Scalar { elem, range }),
            len: SchemaLen::Known(lanes),
        };
        let contract = Contract {
            parties: circuit
                .parties
                .iter()
                .map(|p| PartyDecl { name: p.name.clone(), family: p.family.map(SchemaLen::Known), host: p.host })
                .collect(),
            params: circuit
                .inputs
                .iter()
                .map(|i| Param {
                    name: i.name.clone(),
                    party: i.party.map(|p| p.0 as usize),
                    kept: i.kept,
                    schema: schema(i.elem, i.range, i.lanes),
                })
                .collect(),
            results: circuit
                .outputs
                .iter()
                .map(|o| {
                    let ty = circuit.ty(o.wire);
                    let elem = o.kept.unwrap_or(ty.elem);
                    ResultPart {
                        name: o.name.clone(),
                        party: o.party.map(|p| p.0 as usize),
                        kept: o.kept.is_some(),
                        schema: schema(elem, None, ty.len.as_const().unwrap()),
                    }
                })
                .collect(),
            sizes: Vec::new(),
        };
        let schedule = simple_schedule(&circuit, true, true);
        let digest = circuit::binary::digest(&circuit, &schedule);
        let program = Arc::new(Program { circuit, schedule });
        Hand { contract, compiled: Compiled { program, digest }, source: [1; 32], version: "test".into() }
    }

    pub fn circuit(&self) -> &Circuit {
        &self.compiled.program.circuit
    }
}

impl ProgramObject for Hand {
    fn source_digest(&self) -> [u8; 32] {
        self.source
    }
    fn compiler_version(&self) -> String {
        self.version.clone()
    }
    fn contract(&self) -> &Contract {
        &self.contract
    }
    fn compile(&self, _: &Sizes) -> Result<Compiled, CompileError> {
        Ok(self.compiled.clone())
    }
    fn at_runner(&self, _: &Sizes, _: std::sync::Arc<strings::Table>) -> Box<dyn AtRunner + Send> {
        Box::new(NoBlocks)
    }
    fn place_of(&self, span: SpanId) -> Option<String> {
        Some(format!("gate {}", span.0))
    }
}

/// x from Ada, y from Ben, `steps` products in a chain, the last one opened to all and to Cleo.
pub fn chain(lanes: u64, steps: u64) -> Hand {
    let mut b = Builder::new(Level::Gates("rep3".into()));
    let parties = ["Ada", "Ben", "Cleo"].map(|n| b.party(n, None));
    let ty = WireTy::new(Domain::Arith { ring: 64 }, Elem::u(64), Len::Const(lanes));
    let shared: Vec<WireId> = ["x", "y"]
        .iter()
        .zip(parties)
        .map(|(name, party)| {
            let x = b.input(Some(party), name, Elem::u(64), lanes);
            let id = b.effect();
            b.gate1_as(Op::InputShare(id), &[x], ty.clone()).unwrap()
        })
        .collect();
    let mut z = shared[0];
    for _ in 0..steps {
        z = b.gate1_as(Op::ArithMul, &[z, shared[1]], ty.clone()).unwrap();
    }
    let all = b.open(z, Recipient::All).unwrap();
    b.output(None, "result.0", all);
    let one = b.open(z, Recipient::Party(parties[2])).unwrap();
    b.output(Some(parties[2]), "result.1", one);
    Hand::new(b.finish())
}

/// Writes the inputs of all parties: half of the parameters as tables, half as objects.
pub fn write_inputs(folder: &Path, circuit: &Circuit, columns: &[Column]) {
    let mut objects: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (k, (input, column)) in circuit.inputs.iter().zip(columns).enumerate() {
        let nobody = if input.kept { "kept" } else { "public" };
        let owner = input.party.map_or(nobody.to_owned(), |p| circuit.parties[p.0 as usize].name.clone());
        let text = |l: usize, quote: bool| -> String {
            let v = column.get(l);
            match input.elem {
                Elem::Bool if quote => (v == 1).to_string(),
                Elem::Int { signed: true, bits } if v >> (bits - 1) & 1 == 1 => {
                    format!("-{}", v.wrapping_neg() & input.elem.mask())
                }
                _ if quote && l % 2 == 1 => format!("\"{v}\""),
                _ => v.to_string(),
            }
        };
        if k % 2 == 0 {
            let rows: String = (0..column.len()).map(|l| text(l, false) + "\r\n").collect();
            std::fs::write(folder.join(format!("{owner}.{}.csv", input.name)), format!("{}\n{rows}", input.name))
                .unwrap();
        } else {
            let cells: Vec<String> = (0..column.len()).map(|l| text(l, true)).collect();
            objects.entry(owner).or_default().push(format!("\"{}\": [{}]", input.name, cells.join(", ")));
        }
    }
    for (owner, fields) in objects {
        std::fs::write(folder.join(format!("{owner}.json")), format!("\u{feff}{{{}}}\n", fields.join(",\n"))).unwrap();
    }
}

/// The JSON that a run should print for these output columns: what is kept is nobody's to see.
pub fn expected_json(circuit: &Circuit, columns: &[Column]) -> String {
    let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (output, column) in circuit.outputs.iter().zip(columns).filter(|(o, _)| o.kept.is_none()) {
        let elem = circuit.ty(output.wire).elem;
        let text = |l: usize| match elem {
            Elem::Bool => (column.get(l) == 1).to_string(),
            Elem::Int { signed: true, bits: 128 } => (column.get(l) as i128).to_string(),
            Elem::Int { signed: true, bits } => ((column.get(l) << (128 - bits)) as i128 >> (128 - bits)).to_string(),
            _ => column.get(l).to_string(),
        };
        let cells: Vec<String> = (0..column.len()).map(text).collect();
        let owner = output.party.map_or("all".to_owned(), |p| circuit.parties[p.0 as usize].name.clone());
        by.entry(owner).or_default().push(format!("\"{}\": [{}]", output.name, cells.join(",")));
    }
    let parts: Vec<String> = by.into_iter().map(|(k, v)| format!("\"{k}\": {{{}}}", v.join(","))).collect();
    format!("{{{}}}", parts.join(","))
}

/// A folder with the inputs of [`chain`], x = 3 + k and y = 5 in lane k.
pub fn chain_inputs(lanes: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = |name: &str, f: &dyn Fn(u64) -> u64| -> String {
        (0..lanes).fold(format!("{name}\n"), |t, l| t + &f(l).to_string() + "\n")
    };
    std::fs::write(folder.path().join("Ada.x.csv"), table("x", &|l| l + 3)).unwrap();
    std::fs::write(folder.path().join("Ben.y.csv"), table("y", &|_| 5)).unwrap();
    folder
}

/// What [`chain`] gives for [`chain_inputs`].
pub fn chain_answer(lanes: u64, steps: u64) -> String {
    let power = (0..steps).fold(1u64, |p, _| p.wrapping_mul(5));
    let cells: Vec<String> = (0..lanes).map(|l| (l + 3).wrapping_mul(power).to_string()).collect();
    let cells = cells.join(",");
    format!("{{\"all\":{{\"result.0\":[{cells}]}},\"Cleo\":{{\"result.1\":[{cells}]}}}}")
}
