//! Random programs that pass the checker, with random inputs: the fuel of the differential ladder.
//!
//! Deterministic in the seed. Gives source text, so that every stage from the lexer on is exercised; knows nothing of the
//! evaluator. Programs are small, end soon, and never divide a public value by zero.
//!
//! Long because one walk over one structure reads better whole; to be split by idea when it next grows.

mod control;
mod fixed;
mod jumps;

use std::collections::BTreeMap;
use std::fmt::Write;

/// A small generator of random numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// From a seed.
    pub fn new(seed: u64) -> Rng {
        Rng(seed)
    }
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    /// Below `n`, which is not zero.
    pub fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }
    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    fn pick<'a, T>(&mut self, xs: &'a [T]) -> &'a T {
        &xs[self.below(xs.len())]
    }
}

/// Stands where a party would for what an earlier run kept.
pub const KEPT: &str = "kept";

/// An argument of a sample's `main`.
#[derive(Clone, Debug)]
pub struct Input {
    /// The parameter.
    pub param: String,
    /// Who brings it; `None`: public; [`KEPT`]: nobody.
    pub party: Option<String>,
    /// Its value as JSON.
    pub json: String,
    /// Its value by leaves, row-major: what `Value::from_columns` takes.
    pub columns: Vec<Vec<u128>>,
}

/// A program with its inputs.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The text of the program.
    pub source: String,
    /// One per parameter of `main`, in order.
    pub inputs: Vec<Input>,
    /// The sizes of `main` by name, in order of declaration.
    pub sizes: Vec<(String, i64)>,
    /// The sizes of families by the family's name.
    pub families: Vec<(String, i64)>,
}

impl Sample {
    /// One JSON object per party, by parameter; public ones under `public`. A family's value is the array of all members'.
    pub fn json(&self) -> BTreeMap<String, String> {
        let mut out: BTreeMap<String, String> = BTreeMap::new();
        for i in &self.inputs {
            let party = i.party.clone().unwrap_or_else(|| "public".into());
            let text = out.entry(party).or_insert_with(|| "{".into());
            if text.len() > 1 {
                text.push_str(", ");
            }
            let _ = write!(text, "\"{}\": {}", i.param, i.json);
        }
        out.values_mut().for_each(|t| t.push('}'));
        out
    }
}

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum S {
    Bool,
    Int(bool, u8),
    Fixed(u8),
}

/// A type of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
enum T {
    One(S),
    /// Elements and the name of the length.
    Arr(S, Len),
    /// A struct by number.
    Rec(usize),
    Recs(usize, Len),
    /// `[[S; 3]; len]`
    Grid(S, Len),
    /// The enum `E`, and arrays of it.
    Var,
    Vars(Len),
}

/// A length: a name (`N`, `M`) or a number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Len {
    text: String,
    n: usize,
}

#[derive(Clone, Debug)]
struct Var {
    name: String,
    ty: T,
    /// Certainly not public: an input of a party.
    secret: bool,
    /// Certainly public.
    public: bool,
    mutable: bool,
}

#[derive(Clone, Debug)]
struct Helper {
    name: String,
    /// Generic over the length of the first parameter.
    array: Option<S>,
    scalars: Vec<S>,
    ret: S,
    /// Calls itself as often as a last parameter says.
    counted: bool,
}

struct Gen {
    r: Rng,
    out: String,
    indent: usize,
    structs: Vec<Vec<(String, S)>>,
    helpers: Vec<Helper>,
    scope: Vec<Var>,
    /// Loop variables with one more than the largest value they take.
    loops: Vec<(String, usize)>,
    parties: Vec<String>,
    next: usize,
    /// Under a condition that may not be public.
    hidden: bool,
    /// Statements left.
    budget: usize,
    in_main: bool,
    /// Lengths in scope.
    lens: Vec<Len>,
    /// Whether the program has the enum `E`.
    enums: bool,
    /// A width that this program is fond of.
    odd: S,
    /// Its favourite number of fraction bits.
    frac: u8,
}

fn name(s: S) -> String {
    match s {
        S::Bool => "bool".into(),
        S::Int(signed, bits) => format!("{}{bits}", if signed { 'i' } else { 'u' }),
        S::Fixed(16) => "fixed".into(),
        S::Fixed(frac) => format!("fixed<{frac}>"),
    }
}

const INTS: [S; 24] = [
    S::Int(false, 1),
    S::Int(true, 1),
    S::Int(false, 3),
    S::Int(true, 5),
    S::Int(false, 7),
    S::Int(false, 12),
    S::Int(true, 13),
    S::Int(true, 24),
    S::Int(true, 33),
    S::Int(false, 47),
    S::Int(true, 63),
    S::Int(false, 65),
    S::Int(true, 100),
    S::Int(false, 127),
    S::Int(false, 8),
    S::Int(false, 16),
    S::Int(false, 32),
    S::Int(false, 64),
    S::Int(false, 128),
    S::Int(true, 8),
    S::Int(true, 16),
    S::Int(true, 32),
    S::Int(true, 64),
    S::Int(true, 128),
];

/// The program of a seed.
pub fn program(seed: u64) -> Sample {
    let mut g = Gen {
        r: Rng::new(seed ^ 0x6d70_6363),
        out: String::new(),
        indent: 0,
        structs: Vec::new(),
        helpers: Vec::new(),
        scope: Vec::new(),
        loops: Vec::new(),
        parties: Vec::new(),
        next: 0,
        hidden: false,
        budget: 0,
        in_main: false,
        lens: Vec::new(),
        enums: false,
        odd: S::Int(false, 1),
        frac: 16,
    };
    g.frac = *g.r.pick(&fixed::FRACS);
    g.odd = S::Int(g.r.chance(50), 1 + g.r.below(128) as u8);
    g.whole()
}

impl Gen {
    fn line(&mut self, text: &str) {
        for _ in 0..self.indent {
            self.out.push_str("    ");
        }
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn int(&mut self) -> S {
        // Few types, so that variables meet; the others now and then.
        match self.r.below(10) {
            0..=2 => S::Int(false, 32),
            3 | 4 => S::Int(true, 16),
            5 => S::Int(false, 64),
            6 => self.odd,
            _ => *self.r.pick(&INTS),
        }
    }

    /// An integer type that small numbers fit.
    fn roomy(&mut self) -> S {
        match self.int() {
            S::Int(_, ..8) => S::Int(true, 13),
            s => s,
        }
    }

    fn scalar(&mut self) -> S {
        match self.r.below(20) {
            0..=2 => S::Bool,
            3..=5 => self.fixed(),
            _ => self.int(),
        }
    }

    fn ty_text(&self, t: &T) -> String {
        match t {
            T::One(s) => name(*s),
            T::Arr(s, n) => format!("[{}; {}]", name(*s), n.text),
            T::Rec(k) => format!("R{k}"),
            T::Recs(k, n) => format!("[R{k}; {}]", n.text),
            T::Grid(s, n) => format!("[[{}; 3]; {}]", name(*s), n.text),
            T::Var => "E".into(),
            T::Vars(n) => format!("[E; {}]", n.text),
        }
    }

    fn whole(&mut self) -> Sample {
        let parties = 1 + self.r.below(3);
        self.parties = ["Ada", "Ben", "Cyd"][..parties].iter().map(|s| s.to_string()).collect();
        let family = self.r.chance(20);
        self.line("//! A random program.");
        self.line("");
        let list = self.parties.join(", ");
        self.line(&format!("party {list};"));
        let members = 2 + self.r.below(4);
        if family {
            self.line("party Fam[F];");
        }
        for k in 0..self.r.below(3) {
            let fields: Vec<(String, S)> = (0..1 + self.r.below(3)).map(|j| (format!("f{j}"), self.scalar())).collect();
            let text: Vec<String> = fields.iter().map(|(n, s)| format!("{n}: {}", name(*s))).collect();
            self.line(&format!("struct R{k} {{ {} }}", text.join(", ")));
            self.structs.push(fields);
        }
        if self.r.chance(60) {
            self.line("enum E { A, B(u32), C { x: i16, y: bool } }");
            self.enums = true;
        }
        for k in 0..self.r.below(3) {
            self.helper(k);
        }
        self.main(family.then_some(members))
    }

    fn helper(&mut self, k: usize) {
        let array = self.r.chance(60).then(|| self.int());
        let scalars: Vec<S> = (0..1 + self.r.below(2)).map(|_| self.scalar()).collect();
        let ret = self.scalar();
        let counted = self.r.chance(20);
        let h = Helper { name: format!("h{k}"), array, scalars, ret, counted };
        self.scope.clear();
        self.lens.clear();
        self.in_main = false;
        let mut params = Vec::new();
        let mut generics = "";
        if let Some(s) = h.array {
            generics = "<K: size>";
            let len = Len { text: "K".into(), n: 2 };
            self.lens.push(len.clone());
            self.param("xs", T::Arr(s, len), false, &mut params);
        }
        for (j, s) in h.scalars.iter().enumerate() {
            self.param(&format!("p{j}"), T::One(*s), false, &mut params);
        }
        if h.counted {
            params.push("depth: u32".into());
        }
        self.line("");
        self.line(&format!("fn {}{generics}({}) -> {} {{", h.name, params.join(", "), name(h.ret)));
        self.indent += 1;
        self.below(&h);
        self.budget = 1 + self.r.below(4);
        self.block();
        if self.r.chance(35) {
            self.early_return(h.ret);
            self.budget = self.r.below(3);
            self.block();
        }
        let e = self.expr(h.ret, 3);
        self.line(&e);
        self.indent -= 1;
        self.line("}");
        self.helpers.push(h);
    }

    fn param(&mut self, n: &str, ty: T, secret: bool, params: &mut Vec<String>) {
        params.push(format!("{n}: {}", self.ty_text(&ty)));
        self.scope.push(Var { name: n.into(), ty, secret, public: false, mutable: false });
    }

    fn main(&mut self, family: Option<usize>) -> Sample {
        self.scope.clear();
        self.lens.clear();
        self.in_main = true;
        let mut sizes = Vec::new();
        for n in ["N", "M"].iter().take(1 + self.r.below(2)) {
            let v = 2 + self.r.below(5);
            sizes.push((n.to_string(), v as i64));
            self.lens.push(Len { text: n.to_string(), n: v });
        }
        let mut inputs = Vec::new();
        let mut params = Vec::new();
        // Every size needs an input that binds it.
        let mut types: Vec<T> = Vec::new();
        for len in self.lens.clone() {
            types.push(T::Arr(self.int(), len));
        }
        for _ in 0..1 + self.r.below(4) {
            let len = {
                let k = self.r.below(self.lens.len());
                self.lens[k].clone()
            };
            let t = match self.r.below(11) {
                0 | 1 => T::One(self.scalar()),
                2 if !self.structs.is_empty() => T::Rec(self.r.below(self.structs.len())),
                3 if !self.structs.is_empty() => T::Recs(self.r.below(self.structs.len()), len),
                4 => T::Grid(self.int(), len),
                5 => T::Arr(S::Bool, len),
                8 if self.enums => T::Var,
                9 if self.enums => T::Vars(len),
                6 => T::Arr(self.fixed(), len),
                _ => T::Arr(self.int(), len),
            };
            types.push(t);
        }
        for (k, ty) in types.into_iter().enumerate() {
            let n = format!("in{k}");
            let party = {
                let k = self.r.below(self.parties.len());
                self.parties[k].clone()
            };
            let public = k > 1 && matches!(ty, T::One(_)) && self.r.chance(15);
            let kept = !public && self.r.chance(12);
            let (json, columns) = self.value(&ty);
            let word = if public { "public " } else { "" };
            let word = if kept { "secret " } else { word };
            let from = if public || kept { String::new() } else { format!(" from {party}") };
            let party = if kept { KEPT.to_string() } else { party };
            params.push(format!("{n}: {word}{}{from}", self.ty_text(&ty)));
            self.scope.push(Var { name: n.clone(), ty, secret: !public, public, mutable: false });
            inputs.push(Input { param: n, party: (!public).then_some(party), json, columns });
        }
        let mut families = Vec::new();
        if let Some(n) = family {
            let ty = T::Arr(self.int(), Len { text: "F".into(), n });
            let (json, columns) = self.value(&ty);
            params.push(format!("fam: {} from Fam", self.ty_text(&ty)));
            self.scope.push(Var { name: "fam".into(), ty, secret: true, public: false, mutable: false });
            inputs.push(Input { param: "fam".into(), party: Some("Fam".into()), json, columns });
            families.push(("Fam".to_string(), n as i64));
        }
        let head = std::mem::take(&mut self.out);
        self.indent = 1;
        self.budget = 3 + self.r.below(10);
        self.block();
        // What is learnt: some of what there is.
        let mut rets = Vec::new();
        let mut parts = Vec::new();
        for _ in 0..1 + self.r.below(4) {
            let own: Vec<Var> = self.scope.iter().filter(|v| !v.name.starts_with("in")).cloned().collect();
            let (text, ty) = if !own.is_empty() && self.r.chance(75) {
                let v = self.r.pick(&own).clone();
                (v.name, v.ty)
            } else {
                let s = self.scalar();
                (self.expr(s, 4), T::One(s))
            };
            let ty = self.ty_text(&ty);
            if self.r.chance(15) {
                rets.push(format!("secret {ty}"));
                parts.push(text);
            } else if self.r.chance(20) {
                let party = {
                    let k = self.r.below(self.parties.len());
                    self.parties[k].clone()
                };
                rets.push(format!("{ty} to {party}"));
                parts.push(format!("reveal_to({party}, {text})"));
            } else {
                rets.push(ty);
                parts.push(format!("reveal({text})"));
            }
        }
        let (ret, tail) = if parts.len() == 1 {
            (rets.remove(0), parts.remove(0))
        } else {
            (format!("({})", rets.join(", ")), format!("({})", parts.join(", ")))
        };
        self.line(&tail);
        let body = std::mem::take(&mut self.out);
        let generics: Vec<String> = sizes.iter().map(|(n, _)| format!("{n}: size")).collect();
        let source = format!(
            "{head}\nfn main<{}>(\n    {},\n) -> {ret} {{\n{body}}}\n",
            generics.join(", "),
            params.join(",\n    ")
        );
        Sample { source, inputs, sizes, families }
    }

    /// Random bits of a scalar: small, random, or an extreme.
    fn number(&mut self, s: S) -> u128 {
        let bits = match s {
            S::Bool => return u128::from(self.r.chance(50)),
            S::Fixed(frac) => return self.word(frac),
            S::Int(_, bits) => bits,
        };
        let mask = u128::MAX >> (128 - u32::from(bits));
        let wide = u128::from(self.r.bits()) << 64 | u128::from(self.r.bits());
        mask & match self.r.below(10) {
            0 => 0,
            1 => mask,
            2 => mask / 2,
            3 => mask / 2 + 1,
            4 | 5 => wide,
            _ => (wide % 20).wrapping_sub(4 * u128::from(bits.is_multiple_of(3))),
        }
    }

    fn show(s: S, bits: u128) -> String {
        match s {
            S::Bool => (bits != 0).to_string(),
            S::Int(true, n) => (((bits << (128 - u32::from(n))) as i128) >> (128 - u32::from(n))).to_string(),
            S::Int(false, _) => bits.to_string(),
            S::Fixed(frac) => decimal::text(bits as u64 as i64, u32::from(frac)),
        }
    }

    /// A value as JSON and by leaves.
    fn value(&mut self, ty: &T) -> (String, Vec<Vec<u128>>) {
        let list = |xs: Vec<String>| format!("[{}]", xs.join(", "));
        match ty {
            T::One(s) => {
                let v = self.number(*s);
                (Gen::show(*s, v), vec![vec![v]])
            }
            T::Arr(s, n) => {
                let vs: Vec<u128> = (0..n.n).map(|_| self.number(*s)).collect();
                (list(vs.iter().map(|v| Gen::show(*s, *v)).collect()), vec![vs])
            }
            T::Grid(s, n) => {
                let vs: Vec<u128> = (0..n.n * 3).map(|_| self.number(*s)).collect();
                let rows = vs.chunks(3).map(|r| list(r.iter().map(|v| Gen::show(*s, *v)).collect()));
                (list(rows.collect()), vec![vs])
            }
            T::Rec(k) => self.record(*k),
            T::Var => self.variant(),
            T::Vars(n) => {
                let mut columns = vec![Vec::new(); 5];
                let mut rows = Vec::new();
                for _ in 0..n.n {
                    let (json, row) = self.variant();
                    rows.push(json);
                    columns.iter_mut().zip(row).for_each(|(c, mut r)| c.append(&mut r));
                }
                (list(rows), columns)
            }
            T::Recs(k, n) => {
                let mut columns = vec![Vec::new(); self.structs[*k].len()];
                let mut rows = Vec::new();
                for _ in 0..n.n {
                    let (json, row) = self.record(*k);
                    rows.push(json);
                    columns.iter_mut().zip(row).for_each(|(c, mut r)| c.append(&mut r));
                }
                (list(rows), columns)
            }
        }
    }

    fn record(&mut self, k: usize) -> (String, Vec<Vec<u128>>) {
        let (mut text, mut columns) = (Vec::new(), Vec::new());
        for (f, s) in self.structs[k].clone() {
            let v = self.number(s);
            text.push(format!("\"{f}\": {}", Gen::show(s, v)));
            columns.push(vec![v]);
        }
        (format!("{{{}}}", text.join(", ")), columns)
    }

    /// A value of `E`: a bool for each variant but the first, then what the variants carry.
    fn variant(&mut self) -> (String, Vec<Vec<u128>>) {
        match self.r.below(3) {
            0 => ("\"A\"".into(), vec![vec![0]; 5]),
            1 => {
                let s = S::Int(false, 32);
                let v = self.number(s);
                (format!("{{\"B\": {}}}", Gen::show(s, v)), [1, 0, v, 0, 0].map(|x| vec![x]).into())
            }
            _ => {
                let s = S::Int(true, 16);
                let (x, y) = (self.number(s), self.number(S::Bool));
                let json = format!("{{\"C\": {{\"y\": {}, \"x\": {}}}}}", y == 1, Gen::show(s, x));
                (json, [0, 1, 0, x, y].map(|x| vec![x]).into())
            }
        }
    }

    fn literal(&mut self, s: S) -> String {
        match s {
            S::Bool => self.r.chance(50).to_string(),
            S::Int(_, bits) => {
                let top = 1u64 << (bits.min(10) - 1);
                format!("{}{}", self.r.bits() % top, name(s))
            }
            S::Fixed(frac) => self.fraction(frac),
        }
    }

    /// Variables of a type.
    fn find(&mut self, want: impl std::ops::Fn(&Var) -> bool) -> Option<Var> {
        let all: Vec<Var> = self.scope.iter().filter(|v| want(v)).cloned().collect();
        (!all.is_empty()).then(|| self.r.pick(&all).clone())
    }

    /// A public index below `n` (of at least 2): a number, or a loop variable that stays below.
    fn index(&mut self, n: usize) -> String {
        let fit: Vec<String> = self.loops.iter().filter(|l| l.1 <= n).map(|l| l.0.clone()).collect();
        if !fit.is_empty() && self.r.chance(85) {
            return self.r.pick(&fit).clone();
        }
        if self.r.chance(30)
            && let Some(i) = self.run_index(n)
        {
            return i;
        }
        if self.r.chance(12)
            && let Some(i) = self.hidden_index()
        {
            return i;
        }
        self.r.below(n.min(2)).to_string()
    }

    /// A place that holds a scalar of this type.
    fn place(&mut self, s: S) -> Option<String> {
        let structs = self.structs.clone();
        let has = |k: usize| structs[k].iter().any(|f| f.1 == s);
        let v = self.find(|v| match &v.ty {
            T::One(t) | T::Arr(t, _) | T::Grid(t, _) => *t == s,
            T::Rec(k) | T::Recs(k, _) => has(*k),
            T::Var | T::Vars(_) => false,
        })?;
        let field = |g: &mut Gen, k: usize| {
            let fs: Vec<&(String, S)> = structs[k].iter().filter(|f| f.1 == s).collect();
            g.r.pick(&fs).0.clone()
        };
        Some(match &v.ty {
            T::One(_) => v.name,
            T::Arr(_, n) => format!("{}[{}]", v.name, self.index(n.n)),
            T::Grid(_, n) => format!("{}[{}][{}]", v.name, self.index(n.n), self.index(3)),
            T::Rec(k) => format!("{}.{}", v.name, field(self, *k)),
            T::Recs(k, n) => {
                let i = self.index(n.n);
                format!("{}[{i}].{}", v.name, field(self, *k))
            }
            T::Var | T::Vars(_) => return None,
        })
    }

    fn leaf(&mut self, s: S) -> String {
        if self.r.chance(80)
            && let Some(p) = self.place(s)
        {
            return p;
        }
        self.literal(s)
    }

    /// A divisor: an input as it is, so that zero happens; anything else made odd.
    fn divisor(&mut self, s: S, depth: usize) -> String {
        if self.r.chance(50)
            && let Some(v) = self.find(|v| v.secret && v.ty == T::One(s))
        {
            return v.name;
        }
        // The only one that is not 0, of a single bit with a sign.
        let odd = if s == S::Int(true, 1) { "-1" } else { "1" };
        format!("({} | {odd})", self.expr(s, depth))
    }

    fn expr(&mut self, s: S, depth: usize) -> String {
        if depth == 0 {
            return self.leaf(s);
        }
        let d = depth - 1;
        match s {
            S::Bool => self.bool_expr(d),
            S::Fixed(frac) => self.fixed_expr(frac, d),
            S::Int(signed, bits) => match self.r.below(20) {
                0..=4 => self.leaf(s),
                5..=8 => {
                    let op = *self.r.pick(&["+", "-", "*", "+", "-", "*", "&", "|", "^"]);
                    format!("({} {op} {})", self.expr(s, d), self.expr(s, d))
                }
                9 => {
                    let op = *self.r.pick(&["/", "%"]);
                    let a = self.expr(s, d.min(1));
                    let b = self.divisor(s, d.min(1));
                    format!("({a} {op} {b})")
                }
                10 => {
                    let op = *self.r.pick(&["<<", ">>"]);
                    let amount = self.r.below(usize::from(bits) + 2);
                    format!("({} {op} {amount})", self.expr(s, d))
                }
                11 if signed => format!("(-{})", self.expr(s, d)),
                11 | 12 => format!("(!{})", self.expr(s, d)),
                13 => {
                    let f = *self.r.pick(&["min", "max"]);
                    format!("{f}({}, {})", self.expr(s, d), self.expr(s, d))
                }
                14 => {
                    let from = self.scalar();
                    format!("({} as {})", self.expr(from, d), name(s))
                }
                15 => {
                    let (c, a, b) = (self.expr(S::Bool, d), self.expr(s, d), self.expr(s, d));
                    format!("(if {c} {{ {a} }} else {{ {b} }})")
                }
                16 => match self.loops.last().cloned() {
                    Some((i, n)) if n < 100 && bits >= 8 => format!("({} + {i})", self.expr(s, d)),
                    _ => self.leaf(s),
                },
                17 => self.call(s, d).unwrap_or_else(|| self.literal(s)),
                _ => self.reduce(s, d),
            },
        }
    }

    fn bool_expr(&mut self, d: usize) -> String {
        match self.r.below(12) {
            0..=5 => {
                let s = if self.r.chance(12) { self.fixed() } else { self.int() };
                let op = *self.r.pick(&["<", "<=", ">", ">=", "==", "!="]);
                format!("({} {op} {})", self.expr(s, d), self.expr(s, d))
            }
            6 | 7 => {
                let op = *self.r.pick(&["&&", "||", "^", "&", "|", "=="]);
                format!("({} {op} {})", self.expr(S::Bool, d), self.expr(S::Bool, d))
            }
            8 => format!("(!{})", self.expr(S::Bool, d)),
            9 => match self.find(|v| matches!(v.ty, T::Arr(S::Bool, _))) {
                Some(v) => format!("{}.{}()", v.name, *self.r.pick(&["any", "all"])),
                None => self.leaf(S::Bool),
            },
            10 => self.call(S::Bool, d).unwrap_or_else(|| self.leaf(S::Bool)),
            _ => self.leaf(S::Bool),
        }
    }

    /// A scalar from an array.
    fn reduce(&mut self, s: S, d: usize) -> String {
        let pair = self.find(|v| matches!(&v.ty, T::Arr(t, _) if *t == s));
        match (self.r.below(6), pair) {
            (0..=2, Some(v)) => format!("{}.{}()", v.name, *self.r.pick(&["sum", "min", "max"])),
            (3, Some(v)) => {
                let init = self.expr(s, d.min(1));
                let op = *self.r.pick(&["+", "*", "^", "-"]);
                format!("{}.fold({init}, |acc, x| acc {op} x)", v.name)
            }
            (_, _) => match self.find(|v| matches!(v.ty, T::Arr(..))) {
                Some(Var { name: n, ty: T::Arr(S::Bool, _), .. }) => {
                    format!("({n}.count() as {})", name(s))
                }
                Some(Var { name: n, .. }) if self.r.chance(50) => {
                    format!("({n}.{}() as {})", *self.r.pick(&["argmin", "argmax"]), name(s))
                }
                _ => self.leaf(s),
            },
        }
    }

    fn call(&mut self, s: S, d: usize) -> Option<String> {
        let fit: Vec<Helper> = self.helpers.iter().filter(|h| h.ret == s).cloned().collect();
        if fit.is_empty() {
            return None;
        }
        let h = self.r.pick(&fit).clone();
        let mut args = Vec::new();
        if let Some(e) = h.array {
            let v = self.find(|v| matches!(&v.ty, T::Arr(t, _) if *t == e))?;
            args.push(v.name);
        }
        for s in &h.scalars {
            args.push(self.expr(*s, d.min(1)));
        }
        if h.counted {
            args.push(self.r.below(4).to_string());
        }
        Some(format!("{}({})", h.name, args.join(", ")))
    }

    /// A condition that is certainly public, if there is one.
    fn public_cond(&mut self) -> Option<String> {
        if self.r.chance(60)
            && let Some((i, _)) = self.loops.last().cloned()
        {
            return Some(match self.r.below(3) {
                0 => format!("{i} % 2 == {}", self.r.below(2)),
                1 => format!("{i} < {}", 1 + self.r.below(3)),
                _ => format!("{i} != {}", self.r.below(3)),
            });
        }
        if let Some(v) = self.find(|v| v.public && matches!(v.ty, T::One(_))) {
            let T::One(s) = v.ty else { return None };
            return Some(match s {
                S::Bool => v.name,
                _ => format!("{} < {}", v.name, self.literal(s)),
            });
        }
        let len = self.lens.first()?.text.clone();
        Some(format!("{len} > {}", 1 + self.r.below(5)))
    }

    fn block(&mut self) {
        while self.budget > 0 {
            self.budget -= 1;
            self.stmt(2);
        }
    }

    fn declare(&mut self, ty: T, mutable: bool, public: bool, value: &str) -> String {
        let n = self.fresh("v");
        let m = if mutable { "mut " } else { "" };
        let t = self.ty_text(&ty);
        self.line(&format!("let {m}{n}: {t} = {value};"));
        self.scope.push(Var { name: n.clone(), ty, secret: false, public, mutable });
        n
    }

    /// Runs `f` in a nested block; what it declares goes out of scope.
    fn nested(&mut self, head: &str, f: impl FnOnce(&mut Gen)) {
        self.line(&format!("{head} {{"));
        self.indent += 1;
        let depth = self.scope.len();
        f(self);
        self.scope.truncate(depth);
        self.indent -= 1;
    }

    fn some_len(&mut self) -> Option<Len> {
        (!self.lens.is_empty()).then(|| {
            let k = self.r.below(self.lens.len());
            self.lens[k].clone()
        })
    }

    /// An array of a length, mutable, of an integer type.
    fn array(&mut self, len: &Len, mutable: bool) -> (String, S) {
        let len = len.clone();
        if let Some(v) = self.find(|v| matches!(&v.ty, T::Arr(S::Int(..), n) if *n == len) && (!mutable || v.mutable))
            && let T::Arr(s, _) = v.ty
        {
            return (v.name, s);
        }
        let s = self.int();
        let e = self.expr(s, 1);
        let n = self.declare(T::Arr(s, len.clone()), mutable, false, &format!("[{e}; {}]", len.text));
        (n, s)
    }

    fn stmt(&mut self, depth: usize) {
        let pick = self.r.below(38);
        match pick {
            0..=2 => {
                let s = self.scalar();
                let mutable = self.r.chance(50);
                let e = self.expr(s, 3);
                self.declare(T::One(s), mutable, false, &e);
            }
            3..=5 => self.assign(),
            6 | 7 if depth > 0 => self.branch(depth - 1),
            8 | 9 if depth > 0 && self.loops.len() < 2 => self.plain_loop(depth - 1),
            10 if self.loops.is_empty() => self.reduction(),
            11 if self.loops.is_empty() => self.triangle(),
            12 if self.loops.is_empty() => self.recurrence(),
            13 if self.loops.is_empty() => self.shift(),
            14 if self.loops.is_empty() => self.exchange(),
            15 => self.mapped(),
            16 => self.elementwise(),
            17 if !self.structs.is_empty() => self.make_record(),
            18 => {
                let (s, t) = (self.scalar(), self.scalar());
                let (a, b) = (self.expr(s, 2), self.expr(t, 2));
                let (x, y) = (self.fresh("v"), self.fresh("v"));
                self.line(&format!("let ({x}, {y}) = ({a}, {b});"));
                for (name, s) in [(x, s), (y, t)] {
                    self.scope.push(Var { name, ty: T::One(s), secret: false, public: false, mutable: false });
                }
            }
            19 if self.in_main && !self.hidden => {
                let s = self.scalar();
                let e = self.expr(s, 2);
                self.declare(T::One(s), false, true, &format!("reveal({e})"));
            }
            20 if self.in_main && !self.hidden && self.loops.is_empty() => self.at_block(),
            21 => self.over_elements(),
            22 | 23 if self.in_main && !self.hidden && depth > 0 => self.revealed_branch(depth - 1),
            24 if self.in_main && !self.hidden && depth > 0 => self.turns(depth - 1),
            25 | 26 if self.in_main && !self.hidden && depth > 0 && self.loops.len() < 2 => self.bounded(depth - 1),
            27 => self.run_row(),
            28 if self.in_main && !self.hidden && self.loops.is_empty() => self.at_turns(),
            29 | 30 if depth > 0 && self.loops.len() < 2 => self.left_loop(depth - 1),
            31 if depth > 0 && self.loops.is_empty() => self.at_most(depth - 1),
            32 => self.hidden_place(),
            33 => self.matched_number(),
            34 => self.matched_variant(),
            35 | 36 => self.fixed_array(),
            _ => self.assign(),
        }
    }

    fn assign(&mut self) {
        let structs = self.structs.clone();
        let Some(v) = self.find(|v| v.mutable && !matches!(v.ty, T::Var | T::Vars(_))) else {
            let s = self.int();
            let e = self.expr(s, 2);
            self.declare(T::One(s), true, false, &e);
            return;
        };
        let (place, s) = match &v.ty {
            T::One(s) => (v.name.clone(), *s),
            T::Arr(s, n) => (format!("{}[{}]", v.name, self.index(n.n)), *s),
            T::Grid(s, n) => (format!("{}[{}][{}]", v.name, self.index(n.n), self.index(3)), *s),
            T::Rec(k) => {
                let f = self.r.pick(&structs[*k]).clone();
                (format!("{}.{}", v.name, f.0), f.1)
            }
            T::Recs(k, n) => {
                let f = self.r.pick(&structs[*k]).clone();
                (format!("{}[{}].{}", v.name, self.index(n.n), f.0), f.1)
            }
            T::Var | T::Vars(_) => return,
        };
        let e = self.expr(s, 2);
        let op = match s {
            S::Bool => *self.r.pick(&["=", "=", "&=", "|=", "^="]),
            S::Fixed(_) => *self.r.pick(&["=", "=", "+=", "-=", "*="]),
            _ => *self.r.pick(&["=", "=", "+=", "+=", "-=", "*=", "^="]),
        };
        self.line(&format!("{place} {op} {e};"));
    }

    fn branch(&mut self, depth: usize) {
        let cond = if self.r.chance(35) { self.public_cond() } else { None };
        let before = self.hidden;
        let cond = cond.unwrap_or_else(|| {
            self.hidden = true;
            self.expr(S::Bool, 2)
        });
        // A mutable variable, so that there is something to write.
        if self.find(|v| v.mutable).is_none() {
            self.hidden = before;
            return self.assign();
        }
        let count = 1 + self.r.below(2);
        self.nested(&format!("if {cond}"), |g| (0..count).for_each(|_| g.stmt(depth)));
        if self.r.chance(50) {
            let count = 1 + self.r.below(2);
            self.nested("} else", |g| (0..count).for_each(|_| g.stmt(depth)));
        }
        self.line("}");
        self.hidden = before;
    }

    fn plain_loop(&mut self, depth: usize) {
        let Some(len) = self.some_len() else { return self.assign() };
        if self.find(|v| v.mutable).is_none() {
            self.array(&len, true);
        }
        let i = self.fresh("i");
        let range = match self.r.below(8) {
            0 => format!("(0..{}).step_by(2)", len.text),
            1 => format!("(0..{}).rev()", len.text),
            2 => format!("(0..{}).step_by(2).rev()", len.text),
            3 => format!("1..{}", len.text),
            _ => format!("0..{}", len.text),
        };
        self.loops.push((i.clone(), len.n));
        let count = 1 + self.r.below(3);
        self.nested(&format!("for {i} in {range}"), |g| (0..count).for_each(|_| g.stmt(depth)));
        self.line("}");
        self.loops.pop();
    }

    fn reduction(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let (xs, s) = self.array(&len, false);
        let t = self.roomy();
        let acc = self.declare(T::One(t), true, false, &format!("0{}", name(t)));
        let i = self.fresh("i");
        self.loops.push((i.clone(), len.n));
        let form = self.r.below(4);
        let op = *self.r.pick(&["+=", "-=", "^=", "*="]);
        let e = self.expr(s, 1);
        let f = *self.r.pick(&["min", "max"]);
        self.nested(&format!("for {i} in 0..{}", len.text), |g| match form {
            0 => g.line(&format!("{acc} {op} {xs}[{i}] as {};", name(t))),
            1 => g.line(&format!("if {xs}[{i}] < {e} {{ {acc} += 1; }}")),
            2 => g.line(&format!("{acc} = {f}({acc}, {xs}[{i}] as {});", name(t))),
            _ => g.line(&format!("if {xs}[{i}] != {e} {{ {acc} = {xs}[{i}] as {}; }}", name(t))),
        });
        self.line("}");
        self.loops.pop();
    }

    fn triangle(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let (xs, _) = self.array(&len, false);
        let acc = self.declare(T::One(S::Int(false, 32)), true, false, "0");
        let (i, j) = (self.fresh("i"), self.fresh("j"));
        let lo = *self.r.pick(&["+ 1", "", "+ 2"]);
        let op = *self.r.pick(&["==", "<", "!="]);
        self.nested(&format!("for {i} in 0..{}", len.text), |g| {
            g.nested(&format!("for {j} in {i} {lo}..{}", len.text), |g| {
                g.line(&format!("if {xs}[{i}] {op} {xs}[{j}] {{ {acc} += 1; }}"));
            });
            g.line("}");
        });
        self.line("}");
    }

    fn recurrence(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let (v, s) = self.array(&len, true);
        let (xs, t) = self.array(&len, false);
        let i = self.fresh("i");
        let op = *self.r.pick(&["+", "*", "^", "-"]);
        self.nested(&format!("for {i} in 1..{}", len.text), |g| {
            g.line(&format!("{v}[{i}] = {v}[{i} - 1] {op} ({xs}[{i}] as {});", name(s)));
            let _ = t;
        });
        self.line("}");
    }

    fn shift(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let (v, _) = self.array(&len, true);
        let i = self.fresh("i");
        let form = self.r.below(4);
        let range = if form == 3 { format!("(0..{} - 1).rev()", len.text) } else { format!("0..{} - 1", len.text) };
        self.nested(&format!("for {i} in {range}"), |g| match form {
            0 => g.line(&format!("{v}[{i}] = {v}[{i} + 1];")),
            1 => g.line(&format!("{v}[{i}] = {v}[{i}] + {v}[{i} + 1];")),
            2 => g.line(&format!("{v}[{i} + 1] = {v}[{i}];")),
            _ => g.line(&format!("{v}[{i} + 1] = {v}[{i}];")),
        });
        self.line("}");
    }

    fn exchange(&mut self) {
        let Some(len) = self.some_len() else { return self.assign() };
        let (v, s) = self.array(&len, true);
        let (r, i) = (self.fresh("r"), self.fresh("i"));
        let rounds = 1 + self.r.below(3);
        let form = self.r.below(2);
        self.nested(&format!("for {r} in 0..{rounds}"), |g| {
            let (range, lo, hi) = match form {
                0 => (
                    format!("0..({} - {r} % 2) / 2", len.text),
                    format!("2 * {i} + {r} % 2"),
                    format!("2 * {i} + {r} % 2 + 1"),
                ),
                _ => (format!("0..{} / 2", len.text), i.clone(), format!("{} - 1 - {i}", len.text)),
            };
            g.nested(&format!("for {i} in {range}"), |g| {
                g.line(&format!("let a: {} = {v}[{lo}];", name(s)));
                g.line(&format!("let b: {} = {v}[{hi}];", name(s)));
                g.line(&format!("{v}[{lo}] = min(a, b);"));
                g.line(&format!("{v}[{hi}] = max(a, b);"));
            });
            g.line("}");
        });
        self.line("}");
    }

    fn mapped(&mut self) {
        let Some(v) = self.find(|v| matches!(v.ty, T::Arr(S::Int(..), _))) else { return self.assign() };
        let T::Arr(s, len) = v.ty.clone() else { return };
        let free = self.expr(s, 1);
        let form = self.r.below(5);
        let value = match form {
            0 => format!("{}.map(|x| x * x + {free})", v.name),
            1 => format!("{}.map(|x| if x < {free} {{ x }} else {{ {free} }})", v.name),
            2 => format!("{}.map(|x| min(x, {free}))", v.name),
            _ => {
                let same = len.clone();
                match self.find(|w| matches!(&w.ty, T::Arr(t, n) if *t == s && *n == same)) {
                    Some(w) => format!("{}.zip({}).map(|(x, y)| x * y - x)", v.name, w.name),
                    None => format!("{}.map(|x| x)", v.name),
                }
            }
        };
        let mutable = self.r.chance(30);
        self.declare(T::Arr(s, len), mutable, false, &value);
    }

    fn elementwise(&mut self) {
        let Some(v) = self.find(|v| matches!(v.ty, T::Arr(S::Int(..), _))) else { return self.assign() };
        let T::Arr(s, len) = v.ty.clone() else { return };
        let same = len.clone();
        let w = self.find(|w| matches!(&w.ty, T::Arr(t, n) if *t == s && *n == same)).unwrap_or(v.clone());
        if self.r.chance(40) {
            let op = *self.r.pick(&["<", "==", ">="]);
            self.declare(T::Arr(S::Bool, len), false, false, &format!("{} {op} {}", v.name, w.name));
        } else {
            let op = *self.r.pick(&["+", "-", "*", "&", "^"]);
            self.declare(T::Arr(s, len), false, false, &format!("{} {op} {}", v.name, w.name));
        }
    }

    fn make_record(&mut self) {
        let k = self.r.below(self.structs.len());
        let mut parts = Vec::new();
        for (f, s) in self.structs[k].clone() {
            parts.push(format!("{f}: {}", self.expr(s, 2)));
        }
        let mutable = self.r.chance(60);
        self.declare(T::Rec(k), mutable, false, &format!("R{k} {{ {} }}", parts.join(", ")));
    }

    /// One party alone, on what it brought.
    fn at_block(&mut self) {
        // Inputs are named in order of parties only by chance: find one by the text of `main` is not needed, as the
        // variable is revealed to the party first.
        let party = {
            let k = self.r.below(self.parties.len());
            self.parties[k].clone()
        };
        let s = self.int();
        let e = self.expr(s, 2);
        let own = self.declare(T::One(s), false, false, &format!("reveal_to({party}, {e})"));
        let op = *self.r.pick(&["+", "*", "^"]);
        let k = self.literal(s);
        let v = self.declare(T::One(s), false, false, &format!("at {party} {{ {own} {op} {k} }}"));
        let _ = v;
    }

    fn over_elements(&mut self) {
        let Some(v) = self.find(|v| matches!(v.ty, T::Arr(S::Int(..), _))) else { return self.assign() };
        let T::Arr(s, _) = v.ty else { return };
        let acc = self.declare(T::One(s), true, false, &format!("0{}", name(s)));
        let x = self.fresh("x");
        let op = *self.r.pick(&["+=", "^=", "-="]);
        let line =
            if self.r.chance(50) { format!("{acc} {op} {x};") } else { format!("if {x} > {acc} {{ {acc} = {x}; }}") };
        self.nested(&format!("for {x} in {}", v.name), |g| g.line(&line));
        self.line("}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_program() {
        for seed in 0..50 {
            let (a, b) = (program(seed), program(seed));
            assert_eq!(a.source, b.source);
            assert_eq!(a.json(), b.json());
        }
        assert_ne!(program(1).source, program(2).source);
    }

    #[test]
    fn programs_parse() {
        for seed in 0..500 {
            let p = program(seed);
            let mut diags = diag::Diags::new();
            syntax::parse(diag::FileId(0), &p.source, &mut diags);
            assert!(!diags.has_errors(), "seed {seed}\n{}\n{:#?}", p.source, diags.iter().next());
        }
    }
}
