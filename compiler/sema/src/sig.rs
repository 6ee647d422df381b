//! Signatures: fields of structs, types of constants and functions, and the rules of `main`, which is the contract.
//!
//! Knows no bodies.

use crate::attrs::Attrs;
use crate::infer::{subst, weight};
use crate::layout::holds_strings;
use crate::tree::{Class, Field, Gets, Origin, PartyId, Size, Struct, StructId, Ty, Variant};
use crate::types::{self, Scope};
use crate::world::{Gen, Name, World};
use diag::{Diag, Diags, Span, codes};
use syntax::ast as a;

/// The most scalar leaves that a struct may have, its arrays counted once.
pub(crate) const MAX_LEAVES: u64 = 4096;

/// The most variants that an enum may have.
const MAX_VARIANTS: usize = 256;

/// A function's interface.
pub(crate) struct Sig {
    pub gens: Vec<(Name, Gen)>,
    pub params: Vec<SigParam>,
    pub ret: Ty,
    pub ret_span: Span,
    pub recipients: Vec<Gets>,
    pub owner: Option<Ty>,
    pub test: bool,
    pub associative: bool,
    pub allow: Vec<Name>,
}

pub(crate) struct SigParam {
    pub ty: Ty,
    pub origin: Origin,
    pub range: Option<(i128, i128)>,
}

struct SigScope<'a, 'd> {
    w: &'a World<'a>,
    module: usize,
    gens: &'d [(Name, Gen)],
    owner: Option<Ty>,
    diags: &'d mut Diags,
}

impl<'a> Scope<'a> for SigScope<'a, '_> {
    fn world(&self) -> &'a World<'a> {
        self.w
    }
    fn module(&self) -> usize {
        self.module
    }
    fn generic(&self, name: &str) -> Option<Gen> {
        self.gens.iter().find(|(n, _)| &**n == name).map(|(_, g)| *g)
    }
    fn generic_names(&self) -> Vec<Name> {
        self.gens.iter().map(|(n, _)| n.clone()).collect()
    }
    fn owner(&self) -> Option<Ty> {
        self.owner.clone()
    }
    fn size(&mut self, e: a::ExprId) -> Size {
        types::written_size(self, e)
    }
    fn diags(&mut self) -> &mut Diags {
        self.diags
    }
}

/// The innermost scalar of nested arrays.
fn scalar(t: &Ty) -> &Ty {
    match t {
        Ty::Array(t, _) => scalar(t),
        _ => t,
    }
}

/// A type with the range that stands on it or on an element of it.
fn ranged(s: &mut SigScope<'_, '_>, t: &a::Type) -> (Ty, Option<(i128, i128)>) {
    // Ranges inside arrays belong to the innermost scalar just as well.
    let (ty, inner) = match &t.kind {
        a::TypeKind::Array { elem, len } if has_range(elem) => {
            let (e, r) = ranged(s, elem);
            (Ty::Array(Box::new(e), s.size(*len)), r)
        }
        _ => (types::bare(s, t), None),
    };
    let Some(range) = &t.range else { return (ty, inner) };
    let ast = &s.w.mods[s.module].ast;
    let (lo_span, hi_span) = (ast.expr(range.lo).span, ast.expr(range.hi).span);
    let span = lo_span.to(hi_span);
    let mut bound = |e: a::ExprId, span: Span| {
        let v = match scalar(&ty) {
            Ty::Fixed(frac) => types::eval_fixed(s.w, s.module, e, *frac, 0),
            _ => types::eval(s.w, s.module, e, s.diags, 0),
        };
        if v.is_none() && !matches!(ast.expr(e).kind, a::ExprKind::Error) {
            let d = Diag::error(codes::E0504, "a bound of a range must be a constant number");
            s.diags.push(d.at(span, "not a constant, or too large"));
        }
        v
    };
    let (lo, hi) = (bound(range.lo, lo_span), bound(range.hi, hi_span));
    let (Some(lo), Some(hi)) = (lo, hi) else { return (ty, inner) };
    let hi = if range.inclusive { Some(hi) } else { hi.checked_sub(1) };
    match scalar(&ty) {
        Ty::Error => return (ty, None),
        inner @ (Ty::Int { .. } | Ty::Fixed(_)) => {
            let (min, max) = types::bounds(inner).unwrap_or((i128::MIN, i128::MAX));
            let Some(hi) = hi.filter(|h| *h >= lo) else {
                let d = Diag::error(codes::E0504, "this range is empty");
                s.diags.push(d.at(span, "holds no number"));
                return (ty, None);
            };
            if lo < min || hi > max {
                let text = s.w.show(s.gens, None, |p| p.ty(inner));
                let d = Diag::error(codes::E0504, format!("this range does not lie inside `{text}`"))
                    .at(span, format!("`{text}` holds {} to {}", types::number(inner, min), types::number(inner, max)));
                s.diags.push(d);
                return (ty, None);
            }
            if inner_range_twice(t) {
                let d = Diag::error(codes::E0504, "two ranges for the same numbers");
                s.diags.push(d.at(span, "this is the second"));
            }
            return (ty, Some((lo, hi)));
        }
        other => {
            let text = s.w.show(s.gens, None, |p| p.ty(other));
            let d = Diag::error(codes::E0504, format!("`{text}` takes no range"))
                .at(span, "ranges are for numbers, and for arrays of numbers");
            s.diags.push(d);
        }
    }
    (ty, inner)
}

fn has_range(t: &a::Type) -> bool {
    t.range.is_some() || matches!(&t.kind, a::TypeKind::Array { elem, .. } if has_range(elem))
}

fn inner_range_twice(t: &a::Type) -> bool {
    matches!(&t.kind, a::TypeKind::Array { elem, .. } if has_range(elem))
}

/// Fields of all structs.
pub(crate) fn structs<'a>(w: &'a World<'a>, diags: &mut Diags) -> Vec<Struct> {
    let mut out = Vec::new();
    for (k, s) in w.struct_decls.iter().enumerate() {
        let gens = &w.struct_gens[k];
        let mut fields: Vec<Field> = Vec::new();
        let named = |fields: &mut Vec<Field>, list: &[a::FieldDecl], diags: &mut Diags| {
            let mut seen: rustc_hash::FxHashMap<Name, Span> = Default::default();
            for f in list {
                if let Some(first) = seen.insert(f.name.name.clone(), f.name.span) {
                    let d = Diag::error(codes::E0105, format!("field `{}` is declared twice", f.name.name));
                    diags.push(d.at(f.name.span, "again here").also(first, "first here"));
                    continue;
                }
                fields.push(field(w, s.module, gens, f.name.name.clone(), &f.ty, f.name.span, diags));
            }
        };
        named(&mut fields, s.fields, diags);
        let mut variants: Vec<Variant> = Vec::new();
        if let Some(list) = s.variants {
            if list.is_empty() || list.len() > MAX_VARIANTS {
                let text = format!("`{}` has {} variants", s.name.name, list.len());
                let label = format!("an enum has 1 to {MAX_VARIANTS}");
                diags.push(Diag::error(codes::E0215, text).at(s.name.span, label));
            }
            for v in list.iter().skip(1).take(MAX_VARIANTS) {
                // A name that nobody can write.
                let name = format!("is {}", v.name.name).into();
                fields.push(Field { name, ty: Ty::Bool, range: None, span: v.name.span });
            }
            for v in list.iter().take(MAX_VARIANTS) {
                if let Some(before) = variants.iter().find(|b| b.name == v.name.name) {
                    let d = Diag::error(codes::E0105, format!("variant `{}` is declared twice", v.name.name));
                    diags.push(d.at(v.name.span, "again here").also(before.span, "first here"));
                }
                let first = fields.len();
                match &v.payload {
                    a::Payload::None => {}
                    a::Payload::Tuple(parts) => {
                        for (k, t) in parts.iter().enumerate() {
                            let name = k.to_string().into();
                            fields.push(field(w, s.module, gens, name, t, t.span, diags));
                        }
                    }
                    a::Payload::Fields(list) => named(&mut fields, list, diags),
                }
                variants.push(Variant {
                    name: v.name.name.clone(),
                    first: first as u32,
                    count: (fields.len() - first) as u32,
                    named: matches!(v.payload, a::Payload::Fields(_)),
                    span: v.name.span,
                });
            }
        }
        let mut ty_params = Vec::new();
        let mut size_params = Vec::new();
        for (n, g) in gens {
            match g {
                Gen::Ty(..) => ty_params.push(n.clone()),
                Gen::Size(_) => size_params.push(n.clone()),
            }
        }
        let (name, span) = (s.name.name.clone(), s.name.span);
        out.push(Struct { name, fields, ty_params, size_params, variants, span });
    }
    circles(&mut out, diags);
    out
}

fn field<'a>(
    w: &'a World<'a>,
    module: usize,
    gens: &[(Name, Gen)],
    name: Name,
    t: &a::Type,
    span: Span,
    diags: &mut Diags,
) -> Field {
    let mut scope = SigScope { w, module, gens, owner: None, diags };
    let (ty, range) = ranged(&mut scope, t);
    let ty = if let Ty::Fn(..) = ty {
        let d = Diag::error(codes::E0213, "a function cannot be stored");
        diags.push(d.at(t.span, "function types stand at parameters alone"));
        Ty::Error
    } else {
        ty
    };
    Field { name, ty, range, span }
}

/// Refuses structs that contain themselves, and those with absurdly many leaves. Without recursion: chains of structs
/// may be long.
/// Scalars in a value of a type, arrays counted once; `args` are those of its type parameters. Saturates. Each type
/// argument is counted once, so that `P<P<P<…>>>` costs its depth and not its size.
pub(crate) fn leaf_count(structs: &[Struct], t: &Ty, args: &[u64]) -> u64 {
    let sum = |ts: &[Ty]| ts.iter().fold(0u64, |n, t| n.saturating_add(leaf_count(structs, t, args)));
    match t {
        Ty::Array(t, _) => leaf_count(structs, t, args),
        Ty::Tuple(ts) => sum(ts),
        Ty::Struct(id, ts, _) => {
            let inner: Vec<u64> = ts.iter().map(|t| leaf_count(structs, t, args)).collect();
            let fields = structs.get(id.0 as usize).map_or(&[][..], |s| &s.fields[..]);
            fields.iter().fold(0, |n, f| n.saturating_add(leaf_count(structs, &f.ty, &inner)))
        }
        Ty::Param(k) => args.get(*k as usize).copied().unwrap_or(1),
        _ => 1,
    }
}

fn circles(structs: &mut [Struct], diags: &mut Diags) {
    fn parts(t: &Ty, out: &mut Vec<u32>, leaves: &mut u64) {
        match t {
            Ty::Array(t, _) => parts(t, out, leaves),
            Ty::Tuple(ts) => ts.iter().for_each(|t| parts(t, out, leaves)),
            Ty::Struct(id, ts, _) => {
                out.push(id.0);
                ts.iter().for_each(|t| parts(t, out, leaves));
            }
            _ => *leaves += 1,
        }
    }
    let n = structs.len();
    let mut leaves: Vec<u64> = vec![0; n];
    // 0 unseen, 1 open, 2 done.
    let mut state = vec![0u8; n];
    let mut bad = vec![false; n];
    for start in 0..n {
        let mut stack: Vec<(usize, Vec<u32>, usize, u64)> = Vec::new();
        let open = |k: usize, state: &mut Vec<u8>| {
            state[k] = 1;
            let (mut inside, mut own) = (Vec::new(), 0);
            for f in &structs[k].fields {
                parts(&f.ty, &mut inside, &mut own);
            }
            (k, inside, 0, own)
        };
        if state[start] == 0 {
            stack.push(open(start, &mut state));
        }
        while let Some((k, inside, at, sum)) = stack.last_mut() {
            if *at == inside.len() {
                leaves[*k] = *sum;
                state[*k] = 2;
                if *sum > MAX_LEAVES && !bad[*k] {
                    bad[*k] = true;
                    let s = &structs[*k];
                    let d = Diag::error(codes::E0215, format!("struct `{}` has more than {MAX_LEAVES} parts", s.name));
                    diags.push(d.at(s.span, "parts of parts counted"));
                    leaves[*k] = 1;
                }
                let add = leaves[*k];
                stack.pop();
                if let Some(top) = stack.last_mut() {
                    top.3 = top.3.saturating_add(add);
                }
                continue;
            }
            let next = inside[*at] as usize;
            *at += 1;
            match state[next] {
                0 => {
                    let frame = open(next, &mut state);
                    stack.push(frame);
                }
                1 => {
                    if !bad[next] {
                        bad[next] = true;
                        let s = &structs[next];
                        let d = Diag::error(codes::E0107, format!("struct `{}` contains itself", s.name))
                            .at(s.span, "it would have no end")
                            .note("values have no references: what contains itself is infinite");
                        diags.push(d);
                    }
                }
                _ => *sum = sum.saturating_add(leaves[next]),
            }
        }
    }
    for (k, b) in bad.iter().enumerate() {
        if *b {
            for f in &mut structs[k].fields {
                f.ty = Ty::Error;
            }
        }
    }
}

/// Types of all constants.
pub(crate) fn consts<'a>(w: &'a World<'a>, diags: &mut Diags) -> Vec<Ty> {
    let mut out = Vec::new();
    for c in &w.consts {
        let mut scope = SigScope { w, module: c.module, gens: &[], owner: None, diags };
        let ty = types::lower(&mut scope, c.ty);
        out.push(if let Ty::Fn(..) = ty {
            let d = Diag::error(codes::E0213, "a function cannot be stored");
            diags.push(d.at(c.ty.span, "not the type of a constant"));
            Ty::Error
        } else {
            ty
        });
    }
    for k in 0..w.consts.len() {
        types::const_eval(w, crate::tree::ConstId(k as u32), diags, 0);
    }
    out
}

/// The interface of a function.
pub(crate) fn function<'a>(w: &'a World<'a>, k: usize, diags: &mut Diags) -> Sig {
    let f = &w.fns[k];
    let decl = f.decl;
    let is_main = w.main.is_some_and(|m| m.0 as usize == k);
    if decl.checked && !is_main {
        let d = Diag::error(codes::E0510, "`checked` stands before `main` alone")
            .at(decl.name.span, "on this function")
            .note("it holds for the whole program: the parties read it in the contract");
        diags.push(d);
    }
    let own = crate::world::generics(&decl.generics, diags);
    // Methods of a generic struct see its parameters as their own.
    let gens = match f.owner {
        Some(s) => with_owner(&w.struct_gens[s.0 as usize], own, f.owner_ty),
        None => own,
    };
    let owner = f.owner.map(|s| owner_ty(w, s, f.owner_ty));
    let mut scope = SigScope { w, module: f.module, gens: &gens, owner: owner.clone(), diags };
    let mut params = Vec::new();
    for p in &decl.params {
        params.push(param(&mut scope, p, is_main));
    }
    let (ret, ret_span, recipients) = result(&mut scope, decl, is_main);
    if is_main {
        for (n, g) in &gens {
            if let Gen::Ty(..) = g {
                let d = Diag::error(codes::E0506, "`main` cannot have type parameters")
                    .at(decl.name.span, format!("`{n}` is a type parameter"))
                    .note("its parameters are the parties' data, of known types; sizes may be parameters: `N: size`");
                diags.push(d);
            }
        }
    }
    let Attrs { test, associative, allow } = crate::attrs::read(f, &gens, &params, &ret, diags);
    Sig { gens, params, ret, ret_span, recipients, owner, test, associative, allow }
}

/// The type of `self`: the struct with its own parameters, unless the `impl` wrote arguments.
fn owner_ty(w: &World<'_>, s: StructId, _written: Option<&a::Type>) -> Ty {
    let gens = &w.struct_gens[s.0 as usize];
    let tys = gens.iter().filter(|(_, g)| matches!(g, Gen::Ty(..))).count() as u32;
    let sizes = gens.iter().filter(|(_, g)| matches!(g, Gen::Size(_))).count() as u32;
    Ty::Struct(
        s,
        (0..tys).map(Ty::Param).collect(),
        (0..sizes).map(|k| Size::Var(crate::tree::SizeVar::Param(k))).collect(),
    )
}

/// The struct's parameters first, under the names that the `impl` gave them, then the method's own.
fn with_owner(gens: &[(Name, Gen)], own: Vec<(Name, Gen)>, written: Option<&a::Type>) -> Vec<(Name, Gen)> {
    let args = match written.map(|t| &t.kind) {
        Some(a::TypeKind::Path { args, .. }) => args.as_slice(),
        _ => &[],
    };
    let mut out = Vec::new();
    let (mut tys, mut sizes) = (0, 0);
    for (i, (n, g)) in gens.iter().enumerate() {
        let name = match args.get(i) {
            Some(a::GenericArg::Type(a::Type { kind: a::TypeKind::Path { path, .. }, .. }))
                if path.parts.len() == 1 =>
            {
                path.parts[0].name.clone()
            }
            _ => n.clone(),
        };
        match g {
            Gen::Ty(..) => tys += 1,
            Gen::Size(_) => sizes += 1,
        }
        out.push((name, *g));
    }
    out.extend(own.into_iter().map(|(n, g)| match g {
        Gen::Ty(k, c) => (n, Gen::Ty(k + tys, c)),
        Gen::Size(k) => (n, Gen::Size(k + sizes)),
    }));
    out
}

fn param(s: &mut SigScope<'_, '_>, p: &a::Param, is_main: bool) -> SigParam {
    let (label, written) = match &p.ty.kind {
        a::TypeKind::Labelled { label, ty } => (Some(*label), &**ty),
        _ => (None, &p.ty),
    };
    let kept = label == Some(a::LabelWord::Secret);
    if kept && !is_main {
        let written = Span { hi: written.span.lo, ..p.ty.span };
        let d = Diag::error(codes::E0505, "only `main` takes shares that an earlier run kept")
            .at(p.ty.span, "this parameter")
            .note("a function is not told what is secret: that is inferred from what it is called with")
            .help_edit("leave the label out", written, "");
        s.diags.push(d);
    }
    let public = label == Some(a::LabelWord::Public);
    let ranged_here = has_range(written) || p.ty.range.is_some();
    // A range may stand behind `public T`, where the parser hangs it on the whole.
    let written = &match &p.ty.range {
        Some(r) if label.is_some() => a::Type { range: Some(r.clone()), ..written.clone() },
        _ => written.clone(),
    };
    let (ty, range) = if is_main { ranged(s, written) } else { (types::lower(s, written), None) };
    if kept && is_main && ranged_here {
        let d = Diag::error(codes::E0503, "what an earlier run kept has no range")
            .at(p.ty.span, "nobody can hold a share against it")
            .help("leave the range out, and compare in the program where it matters");
        s.diags.push(d);
    }
    let mut origin = match label {
        Some(a::LabelWord::Public) => Origin::Public,
        Some(a::LabelWord::Secret) if is_main => Origin::Kept,
        _ => Origin::Caller,
    };
    if !is_main {
        if let Some(from) = &p.from {
            let d = Diag::error(codes::E0505, "only `main` has inputs `from` a party");
            s.diags.push(d.at(from.span, "not a parameter of `main`"));
        }
        return SigParam { ty, origin, range };
    }
    if let Some(name) = open_length(s.w, &ty, None, &mut (1 << 16)) {
        let d = Diag::error(codes::E0506, format!("an array in the enum `{name}` has a length that inputs decide"))
            .at(p.ty.span, "in a variant that a value is not, the length would be unknown")
            .note("a value of an enum in an input file tells of its own variant alone")
            .help("give the array a length that is a number, or take it as a parameter of its own");
        s.diags.push(d);
    }
    if kept && holds_strings(&s.w.structs, &ty) {
        let d = Diag::error(codes::E0506, "no run keeps strings")
            .at(p.ty.span, "this holds a string, and strings are never shared")
            .help("keep what its owner makes of it, for instance its hash, a `u64`");
        s.diags.push(d);
    }
    if holds_fn(&ty) {
        let d = Diag::error(codes::E0506, "`main` cannot take a function");
        s.diags.push(d.at(p.ty.span, "no party can bring this"));
    }
    match (&p.from, public || kept) {
        (Some(from), true) => {
            let word = if kept { "kept by an earlier run" } else { "public" };
            let d = Diag::error(codes::E0501, format!("a parameter is {word} or from a party, not both"))
                .at(from.span, "brought by this party")
                .also(p.ty.span, format!("and {word}"));
            s.diags.push(d);
        }
        (None, false) => {
            if label.is_none() && !matches!(p.ty.kind, a::TypeKind::Error) {
                let mut d = Diag::error(codes::E0501, "who brings this parameter?")
                    .at(p.span, "neither `from` a party nor `public`");
                d = match s.w.parties.as_slice() {
                    [one] => d.help_edit("name the party", p.span.after(), format!(" from {}", one.name)),
                    _ => d.help(
                        "write `name: T from P` for the data of a party, `name: public T` for what everyone knows",
                    ),
                };
                s.diags.push(d);
            }
        }
        (Some(from), false) => {
            if let Some(id) = s.w.party(s.module, from, s.diags) {
                origin = Origin::From(id);
                family(s, id, &ty, p.ty.span, "brings");
            }
        }
        (None, true) => {}
    }
    SigParam { ty, origin, range }
}

fn holds_fn(t: &Ty) -> bool {
    match t {
        Ty::Fn(..) => true,
        Ty::Array(t, _) => holds_fn(t),
        Ty::Tuple(ts) | Ty::Struct(_, ts, _) => ts.iter().any(holds_fn),
        _ => false,
    }
}

/// What a family brings or gets has one element for each member.
fn family(s: &mut SigScope<'_, '_>, id: PartyId, ty: &Ty, span: Span, verb: &str) {
    let p = &s.w.parties[id.0 as usize];
    let Some(n) = &p.family else { return };
    let fine = match ty {
        Ty::Array(_, len) => *len == World::family_size(id) || *len == Size::Error,
        Ty::Error => true,
        _ => false,
    };
    if !fine {
        let d = Diag::error(codes::E0502, format!("each member of the family `{}` {verb} one element", p.name))
            .at(span, format!("expected `[T; {n}]`"))
            .also(p.span, "the family");
        s.diags.push(d);
    }
}

fn result(s: &mut SigScope<'_, '_>, decl: &a::FnDecl, is_main: bool) -> (Ty, Span, Vec<Gets>) {
    let part = |s: &mut SigScope<'_, '_>, t: &a::Type, to: &Option<a::Ident>| {
        let written = match &t.kind {
            a::TypeKind::Labelled { label: a::LabelWord::Public, ty } if is_main => &**ty,
            a::TypeKind::Labelled { label: a::LabelWord::Secret, ty } => {
                if !is_main {
                    let d = Diag::error(codes::E0505, "only `main` keeps shares for a later run")
                        .at(t.span, "not a result of `main`")
                        .help_edit("leave the label out", Span { hi: ty.span.lo, ..t.span }, "");
                    s.diags.push(d);
                }
                &**ty
            }
            _ => t,
        };
        let kept = is_main && matches!(t.kind, a::TypeKind::Labelled { label: a::LabelWord::Secret, .. });
        let ty = types::lower(s, written);
        if let Ty::Fn(..) = ty {
            let d = Diag::error(codes::E0213, "a function cannot be a result");
            s.diags.push(d.at(t.span, "function types stand at parameters alone"));
            return (Ty::Error, Gets::Everyone);
        }
        if is_main && holds_strings(&s.w.structs, &ty) {
            let d = Diag::error(codes::E0316, "`main` does not give strings")
                .at(t.span, "this holds a string")
                .note("a string stays with its owner, or is public from the start")
                .help("give what its owner makes of it, for instance its bytes, `[u8; 16]`, and reveal them");
            s.diags.push(d);
            return (Ty::Error, Gets::Everyone);
        }
        let Some(to) = to else { return (ty, if kept { Gets::Nobody } else { Gets::Everyone }) };
        if !is_main {
            let d = Diag::error(codes::E0505, "only `main` has results `to` a party");
            s.diags.push(d.at(to.span, "not a result of `main`"));
            return (ty, Gets::Everyone);
        }
        if kept {
            let d = Diag::error(codes::E0501, "a result is kept or given to a party, not both")
                .at(to.span, "given to this party")
                .also(t.span, "and kept for a later run");
            s.diags.push(d);
        }
        let id = s.w.party(s.module, to, s.diags);
        if let Some(id) = id {
            family(s, id, &ty, t.span, "gets");
        }
        (ty, id.map_or(Gets::Everyone, Gets::Party))
    };
    let (ty, span, recipients) = match &decl.ret {
        None => (Ty::Unit, decl.name.span, vec![Gets::Everyone]),
        Some(a::RetType::One { ty, to }) => {
            let (t, r) = part(s, ty, to);
            (t, ty.span, vec![r])
        }
        Some(a::RetType::Tuple { parts, span }) => {
            let (mut ts, rs): (Vec<Ty>, Vec<_>) = parts.iter().map(|(t, to)| part(s, t, to)).unzip();
            let t = if ts.len() == 1 { ts.swap_remove(0) } else { Ty::Tuple(ts) };
            (t, *span, rs)
        }
    };
    (ty, span, if is_main { recipients } else { Vec::new() })
}

/// The name of an enum inside of a type which carries an array whose length is no number. Types of more than `budget` parts,
/// which are reported elsewhere, are not looked at to their end.
fn open_length(w: &World<'_>, t: &Ty, inside: Option<&Name>, budget: &mut usize) -> Option<Name> {
    *budget = budget.checked_sub(1)?;
    match t {
        Ty::Array(_, n) if !matches!(n, Size::Const(_) | Size::Error) && inside.is_some() => inside.cloned(),
        Ty::Array(t, _) => open_length(w, t, inside, budget),
        Ty::Tuple(ts) => ts.iter().find_map(|t| open_length(w, t, inside, budget)),
        Ty::Struct(id, tys, sizes) => {
            let s = w.structs.get(id.0 as usize)?;
            let inside = inside.or((!s.variants.is_empty()).then_some(&s.name));
            s.fields.iter().find_map(|f| {
                let t = subst(&f.ty, tys, sizes);
                let mut weigh = 0;
                weight(&t, &mut weigh);
                (weigh <= crate::infer::MAX_TYPE).then(|| open_length(w, &t, inside, budget))?
            })
        }
        _ => None,
    }
}

/// Does a type belong to a class? Type parameters by `classes`; free variables belong to all.
pub(crate) fn has_class(structs: &[Struct], classes: &[Class], t: &Ty, c: Class) -> bool {
    match t {
        Ty::Error => true,
        Ty::Bool => matches!(c, Class::Any | Class::Eq | Class::Bits),
        Ty::Int { .. } | Ty::Index => true,
        Ty::Fixed(_) => matches!(c, Class::Any | Class::Eq | Class::Ord | Class::Num | Class::Div),
        Ty::Unit | Ty::Str => c <= Class::Eq,
        Ty::Param(k) if *k >= crate::infer::VAR => true,
        Ty::Param(k) => {
            let has = classes.get(*k as usize).copied().unwrap_or(Class::Int);
            match c {
                Class::Any => true,
                Class::Eq => has != Class::Any,
                Class::Ord => matches!(has, Class::Ord | Class::Num | Class::Int),
                Class::Bits => matches!(has, Class::Bits | Class::Int),
                Class::Num => matches!(has, Class::Num | Class::Int),
                Class::Int | Class::Div => has == Class::Int,
            }
        }
        // `==` on arrays gives an array of bools, so an array is no `T: Eq`.
        Ty::Array(..) => c == Class::Any,
        Ty::Tuple(ts) => c == Class::Any || c == Class::Eq && ts.iter().all(|t| comparable(structs, classes, t)),
        Ty::Struct(id, tys, sizes) => {
            c == Class::Any
                || c == Class::Eq
                    && structs.get(id.0 as usize).is_some_and(|s| {
                        s.fields.iter().all(|f| {
                            let t = subst(&f.ty, tys, sizes);
                            let mut w = 0;
                            weight(&t, &mut w);
                            w <= crate::infer::MAX_TYPE && comparable(structs, classes, &t)
                        })
                    })
        }
        Ty::Fn(..) => false,
    }
}

/// Can a part of a compared tuple or struct be compared? Arrays are, element by element.
fn comparable(structs: &[Struct], classes: &[Class], t: &Ty) -> bool {
    match t {
        Ty::Array(t, _) => comparable(structs, classes, t),
        _ => has_class(structs, classes, t, Class::Eq),
    }
}
