//! The contract as a table: who brings what, which sizes become public, who learns what, what is revealed where, and what
//! each party is trusted to compute alone. All that an operator has to read before agreeing to a run.

use crate::check::Checked;
use crate::schema::size_text;
use diag::Span;
use sema::tree::{ExprKind, Field, Fn, Gets, Origin, PartyId, Program, Size, SizeVar, Struct, StructId, Ty, Variant};

/// A row of inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brings {
    /// The party, or `public`.
    pub who: String,
    /// The parameter.
    pub name: String,
    /// Its type as written, with its range.
    pub ty: String,
}

/// A row of outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learns {
    /// The party, or `everyone`.
    pub who: String,
    /// `result`, `result.0`, ….
    pub name: String,
    /// Its type.
    pub ty: String,
}

/// A place where a secret is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reveals {
    /// Where.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// To whom.
    pub to: String,
    /// The function that it stands in.
    pub function: String,
    /// Whether it may happen many times.
    pub in_loop: bool,
    /// The source line.
    pub text: String,
    /// Why it tells nothing, of what the library opens by `open_masked`: the comment before it.
    pub masked: Option<String>,
}

/// Work that one party does alone, in the clear, unchecked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alone {
    /// Who.
    pub who: String,
    /// Where.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
}

/// The contract of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contract {
    /// Inputs, in order.
    pub brings: Vec<Brings>,
    /// Structs and enums of inputs and outputs: name, and fields or variants with their types and ranges.
    pub structs: Vec<(String, String)>,
    /// Sizes that become public.
    pub sizes: Vec<String>,
    /// Outputs, in order.
    pub learns: Vec<Learns>,
    /// Reveals that `main` can reach.
    pub reveals: Vec<Reveals>,
    /// `at` blocks.
    pub alone: Vec<Alone>,
    /// Whether one bit more becomes public: that something failed, in a `checked` program.
    pub checked: bool,
}

/// The contract of a checked program.
pub fn contract(checked: &Checked) -> Contract {
    let program = &*checked.program;
    let Some(main) = program.main else { return Contract::default() };
    let f = program.f(main);
    let who = |p: PartyId| party_text(program, p);
    let brings = f
        .params
        .iter()
        .map(|p| Brings {
            who: match p.origin {
                Origin::From(party) => who(party),
                Origin::Kept => "nobody (kept by an earlier run)".into(),
                _ => "public".into(),
            },
            name: p.name.to_string(),
            ty: match p.range {
                Some((lo, hi)) => {
                    let (lo, hi) = (bound(&p.ty, lo), bound(&p.ty, hi));
                    format!("{} in {lo}..={hi}", ty_text(program, f, &p.ty))
                }
                None => ty_text(program, f, &p.ty),
            },
        })
        .collect();
    let to = |p: Option<PartyId>| p.map_or("everyone".to_string(), who);
    let gets = |k: usize| match f.gets(k) {
        Gets::Everyone => to(None),
        Gets::Party(p) => to(Some(p)),
        Gets::Nobody => "nobody (kept for a later run)".into(),
    };
    let learns = match &f.ret {
        Ty::Unit => Vec::new(),
        Ty::Tuple(parts) => parts
            .iter()
            .enumerate()
            .map(|(k, ty)| Learns { who: gets(k), name: format!("result.{k}"), ty: ty_text(program, f, ty) })
            .collect(),
        ty => vec![Learns { who: gets(0), name: "result".into(), ty: ty_text(program, f, ty) }],
    };
    let place = |span: Span| {
        let (line, _) = checked.sources.start(span);
        (checked.sources.name(span.file).to_string(), line)
    };
    let reveals = checked
        .labels
        .live_reveals()
        .map(|r| {
            let (file, line) = place(r.span);
            // The lines of the comment right before it.
            let above = (1..line).rev().map(|l| checked.sources.line_text(r.span.file, l).trim());
            let mut argument: Vec<&str> = above.map_while(|t| t.strip_prefix("// ")).collect();
            argument.reverse();
            Reveals {
                masked: r.masked.then(|| argument.join(" ")),
                text: checked.sources.line_text(r.span.file, line).trim().to_string(),
                file,
                line,
                to: to(r.to),
                function: program.f(r.f).name.to_string(),
                in_loop: r.in_loop,
            }
        })
        .collect();
    let mut alone = Vec::new();
    for &id in &checked.labels.reached {
        for expr in &program.f(id).exprs {
            if let ExprKind::At { party, .. } = expr.kind {
                let (file, line) = place(expr.span);
                alone.push(Alone { who: who(party), file, line });
            }
        }
    }
    let mut named = Vec::new();
    f.params.iter().map(|p| &p.ty).chain([&f.ret]).for_each(|ty| structs_in(program, ty, &mut named));
    let structs = named
        .iter()
        .map(|id| {
            let s = &program.structs[id.0 as usize];
            (s.name.to_string(), struct_text(program, s))
        })
        .collect();
    Contract {
        brings,
        structs,
        sizes: crate::bind::size_names(program),
        learns,
        reveals,
        alone,
        checked: program.checked.is_some(),
    }
}

/// What a struct or an enum holds.
fn struct_text(program: &Program, s: &Struct) -> String {
    let list = |fields: &[Field], named: bool| {
        let one = |field: &Field| {
            let name = if named { format!("{}: ", field.name) } else { String::new() };
            let text = |v| bound(&field.ty, v);
            let range = field.range.map(|(lo, hi)| format!(" in {}..={}", text(lo), text(hi))).unwrap_or_default();
            format!("{name}{}{range}", field_text(program, s, &field.ty))
        };
        fields.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    if s.variants.is_empty() {
        return format!("{{ {} }}", list(&s.fields, true));
    }
    let variant = |v: &Variant| {
        let own = list(&s.fields[v.first as usize..(v.first + v.count) as usize], v.named);
        match (v.named, v.count) {
            (true, _) => format!("{} {{ {own} }}", v.name),
            (false, 0) => v.name.to_string(),
            (false, _) => format!("{}({own})", v.name),
        }
    };
    s.variants.iter().map(variant).collect::<Vec<_>>().join(" | ")
}

/// Structs that a type mentions, and theirs, each once, outermost first.
fn structs_in(program: &Program, ty: &Ty, out: &mut Vec<StructId>) {
    match ty {
        Ty::Array(of, _) => structs_in(program, of, out),
        Ty::Tuple(parts) => parts.iter().for_each(|t| structs_in(program, t, out)),
        Ty::Struct(id, args, _) => {
            args.iter().for_each(|t| structs_in(program, t, out));
            if !out.contains(id) {
                out.push(*id);
                program.structs[id.0 as usize].fields.iter().for_each(|f| structs_in(program, &f.ty, out));
            }
        }
        _ => {}
    }
}

/// A field's type in terms of its struct's own parameters.
fn field_text(program: &Program, s: &Struct, ty: &Ty) -> String {
    match ty {
        Ty::Param(k) => s.ty_params.get(*k as usize).map_or("?".into(), |n| n.to_string()),
        Ty::Array(of, Size::Var(SizeVar::Param(k))) => {
            let n = s.size_params.get(*k as usize).map_or("?".to_string(), |n| n.to_string());
            format!("[{}; {n}]", field_text(program, s, of))
        }
        Ty::Array(of, n) => format!("[{}; {}]", field_text(program, s, of), size_text(program, n)),
        Ty::Tuple(parts) => {
            format!("({})", parts.iter().map(|t| field_text(program, s, t)).collect::<Vec<_>>().join(", "))
        }
        Ty::Struct(id, ..) => program.structs[id.0 as usize].name.to_string(),
        Ty::Bool => "bool".into(),
        Ty::Str => "str".into(),
        Ty::Int { signed, bits } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        Ty::Fixed(f) => fixed_text(*f),
        _ => "?".into(),
    }
}

fn party_text(program: &Program, p: PartyId) -> String {
    let party = &program.parties[p.0 as usize];
    match &party.family {
        Some(n) => format!("each of {}[{n}]", party.name),
        None => party.name.to_string(),
    }
}

/// A bound of a range, as it is written.
fn bound(ty: &Ty, v: i128) -> String {
    match (ty, i64::try_from(v)) {
        (Ty::Array(of, _), _) => bound(of, v),
        (Ty::Fixed(f), Ok(word)) => decimal::text(word, u32::from(*f)),
        _ => v.to_string(),
    }
}

fn fixed_text(frac: u8) -> String {
    if frac == 16 { "fixed".into() } else { format!("fixed<{frac}>") }
}

/// A type of `f` as it is written.
pub fn ty_text(program: &Program, f: &Fn, ty: &Ty) -> String {
    let list = |tys: &[Ty]| tys.iter().map(|t| ty_text(program, f, t)).collect::<Vec<_>>().join(", ");
    let size = |s: &Size| {
        let text = size_text(program, s);
        text.strip_prefix('(').and_then(|t| t.strip_suffix(')')).map_or(text.clone(), str::to_string)
    };
    match ty {
        Ty::Bool => "bool".into(),
        Ty::Str => "str".into(),
        Ty::Int { signed, bits } => format!("{}{bits}", if *signed { 'i' } else { 'u' }),
        Ty::Fixed(f) => fixed_text(*f),
        Ty::Index => "index".into(),
        Ty::Unit => "()".into(),
        Ty::Array(of, n) => format!("[{}; {}]", ty_text(program, f, of), size(n)),
        Ty::Tuple(parts) => format!("({})", list(parts)),
        Ty::Struct(id, tys, sizes) => {
            let mut args: Vec<String> = tys.iter().map(|t| ty_text(program, f, t)).collect();
            args.extend(sizes.iter().map(size));
            let name = &program.structs[id.0 as usize].name;
            if args.is_empty() { name.to_string() } else { format!("{name}<{}>", args.join(", ")) }
        }
        Ty::Param(k) => f.ty_params.get(*k as usize).map_or("?".into(), |(n, _)| n.to_string()),
        Ty::Fn(params, ret) => format!("fn({}) -> {}", list(params), ty_text(program, f, ret)),
        Ty::Error => "?".into(),
    }
}
