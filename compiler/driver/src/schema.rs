//! From the types of `main` to the schemas that readers and writers of data need.
//!
//! Knows types and circuits' schemas; reads no data.

use circuit::{Elem, Schema, SchemaLen, SchemaVariant};
use sema::tree::{Field, Gets, Origin, PartyId, Program, Size, SizeOp, SizeVar, Ty, Variant};

/// A parameter of `main`, as a reader of inputs needs it.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Who brings it; `None` for a public parameter, and for what is kept.
    pub party: Option<PartyId>,
    /// Nobody brings it: the nodes have shares of it from an earlier run.
    pub kept: bool,
    /// Whether the party is a family: the schema is then `[T; N]`, and each member brings one element.
    pub family: bool,
    /// Its shape.
    pub schema: Schema,
}

/// A result of `main`, as a writer of outputs needs it.
#[derive(Clone, Debug)]
pub struct ResultPart {
    /// `result`, or `result.0`, ….
    pub name: String,
    /// Who learns it; `None` is everyone, or nobody if it is kept.
    pub party: Option<PartyId>,
    /// Nobody learns it: the nodes keep shares of it.
    pub kept: bool,
    /// Whether the party is a family: the schema is then `[T; N]`, and each member learns one element.
    pub family: bool,
    /// Its shape.
    pub schema: Schema,
}

/// Arguments of the struct whose fields are being walked; the outermost level has none.
struct Args<'a> {
    tys: &'a [Ty],
    sizes: &'a [Size],
    root: bool,
}

/// The parameters of `main`, in order. Empty without a `main`.
pub fn parameters(program: &Program) -> Vec<Parameter> {
    let Some(main) = program.main.map(|id| program.f(id)) else { return Vec::new() };
    main.params
        .iter()
        .map(|p| {
            let party = match p.origin {
                Origin::From(party) => Some(party),
                _ => None,
            };
            Parameter {
                name: p.name.to_string(),
                party,
                kept: p.origin == Origin::Kept,
                family: party.is_some_and(|p| program.parties[p.0 as usize].family.is_some()),
                schema: schema(program, &p.ty, p.range, &Args { tys: &[], sizes: &[], root: true }),
            }
        })
        .collect()
}

/// The parts of `main`'s result, in order: one per recipient written, or one.
pub fn results(program: &Program) -> Vec<ResultPart> {
    let Some(main) = program.main.map(|id| program.f(id)) else { return Vec::new() };
    let one = |name: String, ty: &Ty, gets: Gets| {
        let party = match gets {
            Gets::Party(p) => Some(p),
            _ => None,
        };
        ResultPart {
            name,
            party,
            kept: gets == Gets::Nobody,
            family: party.is_some_and(|p| program.parties[p.0 as usize].family.is_some()),
            schema: schema(program, ty, None, &Args { tys: &[], sizes: &[], root: true }),
        }
    };
    match &main.ret {
        Ty::Unit => Vec::new(),
        Ty::Tuple(parts) => {
            parts.iter().enumerate().map(|(k, ty)| one(format!("result.{k}"), ty, main.gets(k))).collect()
        }
        ty => vec![one("result".into(), ty, main.gets(0))],
    }
}

/// The element type of a scalar.
pub fn elem(ty: &Ty) -> Option<Elem> {
    match ty {
        Ty::Bool => Some(Elem::Bool),
        Ty::Int { signed, bits } => Some(Elem::Int { signed: *signed, bits: *bits }),
        Ty::Str => Some(Elem::Int { signed: false, bits: 128 }),
        Ty::Fixed(_) | Ty::Index => Some(Elem::Int { signed: true, bits: 64 }),
        _ => None,
    }
}

fn schema(program: &Program, ty: &Ty, range: Option<(i128, i128)>, args: &Args<'_>) -> Schema {
    match ty {
        Ty::Array(of, n) => Schema::Array {
            elem: Box::new(schema(program, of, range, args)),
            len: match size(n, args) {
                Size::Const(n) => SchemaLen::Known(n.max(0) as u64),
                Size::Var(v) => SchemaLen::Binds(size_name(program, v)),
                other => SchemaLen::Derived(size_text(program, &other)),
            },
        },
        Ty::Tuple(parts) => Schema::Tuple(parts.iter().map(|t| schema(program, t, range, args)).collect()),
        Ty::Struct(id, tys, sizes) => {
            let s = &program.structs[id.0 as usize];
            let tys: Vec<Ty> = tys.iter().map(|t| substitute(t, args)).collect();
            let sizes: Vec<Size> = sizes.iter().map(|s| size(s, args)).collect();
            let inner = Args { tys: &tys, sizes: &sizes, root: false };
            let field = |f: &Field| (f.name.to_string(), schema(program, &f.ty, f.range, &inner));
            if s.variants.is_empty() {
                return Schema::Struct { name: s.name.to_string(), fields: s.fields.iter().map(field).collect() };
            }
            let variant = |v: &Variant| SchemaVariant {
                name: v.name.to_string(),
                named: v.named,
                fields: s.fields[v.first as usize..(v.first + v.count) as usize].iter().map(field).collect(),
            };
            Schema::Enum { name: s.name.to_string(), variants: s.variants.iter().map(variant).collect() }
        }
        Ty::Param(k) if !args.root => match args.tys.get(*k as usize) {
            // A struct's argument is already in terms of `main`.
            Some(ty) => schema(program, ty, range, &Args { tys: &[], sizes: &[], root: true }),
            None => Schema::Tuple(Vec::new()),
        },
        Ty::Fixed(frac) => {
            Schema::Fixed { frac: *frac, range: range.map(|(lo, hi)| (pattern(lo, 64), pattern(hi, 64))) }
        }
        Ty::Str => Schema::Text,
        scalar => match elem(scalar) {
            Some(e) => {
                Schema::Scalar { elem: e, range: range.map(|(lo, hi)| (pattern(lo, e.bits()), pattern(hi, e.bits()))) }
            }
            None => Schema::Tuple(Vec::new()),
        },
    }
}

/// The two's complement pattern of a number in `bits` bits.
pub fn pattern(value: i128, bits: u8) -> u128 {
    if bits >= 128 { value as u128 } else { value as u128 & ((1 << bits) - 1) }
}

fn substitute(ty: &Ty, args: &Args<'_>) -> Ty {
    match ty {
        Ty::Param(k) if !args.root => args.tys.get(*k as usize).cloned().unwrap_or(Ty::Error),
        Ty::Array(of, n) => Ty::Array(Box::new(substitute(of, args)), size(n, args)),
        Ty::Tuple(parts) => Ty::Tuple(parts.iter().map(|t| substitute(t, args)).collect()),
        Ty::Struct(id, tys, sizes) => Ty::Struct(
            *id,
            tys.iter().map(|t| substitute(t, args)).collect(),
            sizes.iter().map(|s| size(s, args)).collect(),
        ),
        other => other.clone(),
    }
}

fn size(s: &Size, args: &Args<'_>) -> Size {
    match s {
        Size::Var(SizeVar::Param(k)) if !args.root => args.sizes.get(*k as usize).cloned().unwrap_or(Size::Error),
        Size::Bin(op, a, b) => match (op, size(a, args), size(b, args)) {
            (SizeOp::Add, Size::Const(a), Size::Const(b)) => Size::Const(a.saturating_add(b)),
            (SizeOp::Sub, Size::Const(a), Size::Const(b)) => Size::Const(a.saturating_sub(b)),
            (SizeOp::Mul, Size::Const(a), Size::Const(b)) => Size::Const(a.saturating_mul(b)),
            (_, a, b) => Size::Bin(*op, Box::new(a), Box::new(b)),
        },
        other => other.clone(),
    }
}

/// The name of a size variable of `main`.
pub fn size_name(program: &Program, v: SizeVar) -> String {
    match v {
        SizeVar::Param(k) => program
            .main
            .and_then(|m| program.f(m).size_params.get(k as usize))
            .map_or_else(|| format!("size {k}"), |n| n.to_string()),
        SizeVar::Family(p) => program.parties[p.0 as usize].family.as_deref().unwrap_or("?").to_string(),
    }
}

/// A size of `main` in words, as written.
pub fn size_text(program: &Program, s: &Size) -> String {
    match s {
        Size::Const(n) => n.to_string(),
        Size::Var(v) => size_name(program, *v),
        Size::Bin(op, a, b) => {
            let op = match op {
                SizeOp::Add => "+",
                SizeOp::Sub => "-",
                SizeOp::Mul => "*",
                SizeOp::Div => "/",
                SizeOp::Rem => "%",
            };
            format!("({} {op} {})", size_text(program, a), size_text(program, b))
        }
        Size::Error => "?".into(),
    }
}
