//! A program all of whose parties are clients, with inputs.

use std::sync::Arc;

use circuit::testing::simple_schedule;
use circuit::{Builder, Circuit, Domain, Elem, Host, Len, Level, Op, Recipient, Schema, SchemaLen, WireTy};
use engine::{AtRunner, NoBlocks, Program};
use node::{CompileError, Compiled, Contract, Param, PartyDecl, ProgramObject, ResultPart, Sizes};

/// A family of voters, each with a bit and a number; an owner with one number. All learn how many bits are set; each voter
/// learns its number plus the owner's; the owner learns the sum of all numbers.
pub struct Vote {
    pub contract: Contract,
    pub source: [u8; 32],
    /// Added to the owner's number by this host's circuit, which says nothing of it in its digest: a cheat.
    pub cheat: u128,
    /// This host compiles it to another circuit.
    pub twisted: bool,
    /// Done while it compiles.
    pub meanwhile: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Vote {
    pub fn new() -> Vote {
        let scalar = |elem| Schema::Scalar { elem, range: None };
        let each = |elem| Schema::Array { elem: Box::new(scalar(elem)), len: SchemaLen::Binds("N".into()) };
        let (bit, number) = (Elem::Bool, Elem::u(32));
        let param = |name: &str, party, schema| Param { name: name.into(), party: Some(party), kept: false, schema };
        let part = |name: &str, party, schema| ResultPart { name: name.into(), party, kept: false, schema };
        let family = Some(SchemaLen::Binds("N".into()));
        let contract = Contract {
            parties: vec![
                PartyDecl { name: "Voter".into(), family, host: Host::Client },
                PartyDecl { name: "Owner".into(), family: None, host: Host::Client },
            ],
            params: vec![
                param("yes", 0, each(bit)),
                param("number", 0, each(number)),
                param("plus", 1, scalar(number)),
            ],
            results: vec![
                part("result.0", None, scalar(number)),
                part("result.1", Some(0), each(number)),
                part("result.2", Some(1), scalar(number)),
            ],
            sizes: vec![],
        };
        Vote { contract, source: [9; 32], cheat: 0, twisted: false, meanwhile: None }
    }

    fn circuit(&self, n: u64, cheat: u128) -> Circuit {
        let mut b = Builder::new(Level::Gates("rep3".into()));
        let (voter, owner) = (b.party("Voter", Some(n)), b.party("Owner", None));
        let ring = |lanes| WireTy::new(Domain::Arith { ring: 32 }, Elem::u(32), Len::Const(lanes));
        let yes = b.input(Some(voter), "yes", Elem::Bool, n);
        let number = b.input(Some(voter), "number", Elem::u(32), n);
        let plus = b.input(Some(owner), "plus", Elem::u(32), 1);
        let share = |b: &mut Builder, w, ty: WireTy| {
            let id = b.effect();
            b.gate1_as(Op::InputShare(id), &[w], ty).unwrap()
        };
        let bit = WireTy::new(Domain::Bits { planes: 1 }, Elem::Bool, Len::Const(n));
        let yes = share(&mut b, yes, bit);
        let number = share(&mut b, number, ring(n));
        let plus = share(&mut b, plus, ring(1));
        // Bits to words: u + v - 2 u v.
        let uv = b.gate_as(Op::B2aDeal, &[yes], &[ring(n), ring(n)]).unwrap();
        let prod = b.gate1_as(Op::ArithMul, &[uv[0], uv[1]], ring(n)).unwrap();
        let sum = b.gate1_as(Op::ArithAdd, &[uv[0], uv[1]], ring(n)).unwrap();
        let less = b.gate1_as(Op::ArithSub, &[sum, prod], ring(n)).unwrap();
        let less = b.gate1_as(Op::ArithSub, &[less, prod], ring(n)).unwrap();
        let group = Len::Const(n);
        let reduce = |group: &Len| Op::Reduce { red: circuit::Red::Add, group: group.clone() };
        let count = b.gate1_as(reduce(&group), &[less], ring(1)).unwrap();
        let count = b.open(count, Recipient::All).unwrap();
        let c = b.gate1_as(Op::Const(cheat), &[], WireTy::clear(Elem::u(32), 1)).unwrap();
        let more = b.gate1_as(Op::ArithAdd, &[plus, c], ring(1)).unwrap();
        let wide = b.broadcast(more, n).unwrap();
        let own = b.gate1_as(Op::ArithAdd, &[number, wide], ring(n)).unwrap();
        let own = b.open(own, Recipient::Party(voter)).unwrap();
        let all = b.gate1_as(reduce(&group), &[number], ring(1)).unwrap();
        let all = b.open(all, Recipient::Party(owner)).unwrap();
        b.output(None, "result.0", count);
        b.output(Some(voter), "result.1", own);
        b.output(Some(owner), "result.2", all);
        let mut c = b.finish();
        c.parties.iter_mut().for_each(|p| p.host = Host::Client);
        c
    }
}

impl ProgramObject for Vote {
    fn source_digest(&self) -> [u8; 32] {
        self.source
    }
    fn compiler_version(&self) -> String {
        "test".into()
    }
    fn contract(&self) -> &Contract {
        &self.contract
    }
    fn compile(&self, sizes: &Sizes) -> Result<Compiled, CompileError> {
        self.meanwhile.iter().for_each(|f| f());
        let honest = self.circuit(sizes["N"], 0);
        let schedule = simple_schedule(&honest, true, true);
        let mut digest = circuit::binary::digest(&honest, &schedule);
        digest[0] ^= u8::from(self.twisted);
        let circuit = self.circuit(sizes["N"], self.cheat);
        Ok(Compiled { program: Arc::new(Program { circuit, schedule }), digest })
    }
    fn at_runner(&self, _: &Sizes, _: std::sync::Arc<strings::Table>) -> Box<dyn AtRunner + Send> {
        Box::new(NoBlocks)
    }
}

/// What voter k brings.
pub fn voter(k: usize) -> (u64, u64) {
    (u64::from(k.is_multiple_of(3)), 100 + k as u64)
}

/// A folder with the inputs of so many voters, and of the owner, who brings 7.
pub fn inputs(voters: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let column = |name: &str, value: &dyn Fn(usize) -> u64| {
        let rows: String = (0..voters).map(|k| format!("{}\n", value(k))).collect();
        std::fs::write(folder.path().join(format!("Voter.{name}.csv")), format!("{name}\n{rows}")).unwrap();
    };
    column("yes", &|k| voter(k).0);
    column("number", &|k| voter(k).1);
    std::fs::write(folder.path().join("Owner.json"), "{\"plus\": 7}").unwrap();
    folder
}
