//! Written types to types, and constants to numbers.
//!
//! Serves signatures, struct fields, and annotations in bodies alike; what differs (which names are in sight, what may
//! be a size) comes through [`Scope`].

use crate::size;
use crate::tree::{ConstId, Size, SizeOp, SizeVar, Ty};
use crate::world::{ConstVal, Def, Gen, Name, World};
use diag::{Diag, Diags, Span, codes};
use syntax::ast as a;

/// Constants that refer to constants, this many deep.
const MAX_CONST_DEPTH: u32 = 64;

/// What a type is written in.
pub(crate) trait Scope<'a> {
    fn world(&self) -> &'a World<'a>;
    fn module(&self) -> usize;
    fn generic(&self, name: &str) -> Option<Gen>;
    fn generic_names(&self) -> Vec<Name>;
    /// What `Self` means.
    fn owner(&self) -> Option<Ty>;
    fn size(&mut self, e: a::ExprId) -> Size;
    fn diags(&mut self) -> &mut Diags;
}

/// Primitive types by name.
pub(crate) fn primitive(name: &str) -> Option<Ty> {
    match name {
        "bool" => return Some(Ty::Bool),
        "fixed" => return Some(Ty::Fixed(16)),
        "str" => return Some(Ty::Str),
        _ => {}
    }
    let (signed, digits) = match name.as_bytes().first()? {
        b'u' => (false, &name[1..]),
        b'i' => (true, &name[1..]),
        _ => return None,
    };
    if digits.is_empty() || digits.starts_with('0') || digits.len() > 3 {
        return None;
    }
    match digits.parse::<u8>() {
        Ok(bits @ 1..=128) => Some(Ty::Int { signed, bits }),
        _ => None,
    }
}

const PRIMITIVES: [&str; 13] =
    ["bool", "fixed", "str", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128"];

/// The type that is written; labels on it are for the caller to strip first and an error here, as are ranges.
pub(crate) fn lower<'a>(s: &mut impl Scope<'a>, t: &a::Type) -> Ty {
    if let Some(r) = &t.range {
        let ast = &s.world().mods[s.module()].ast;
        let span = ast.expr(r.lo).span.to(ast.expr(r.hi).span);
        let d = Diag::error(codes::E0503, "a range cannot stand here")
            .at(span, "this range")
            .note("ranges are part of the contract: they stand in the parameters of `main` and in fields of structs");
        s.diags().push(d);
    }
    bare(s, t)
}

/// Like [`lower`], passing over a range on `t` itself.
pub(crate) fn bare<'a>(s: &mut impl Scope<'a>, t: &a::Type) -> Ty {
    match &t.kind {
        a::TypeKind::Error => Ty::Error,
        a::TypeKind::Tuple(ts) if ts.is_empty() => Ty::Unit,
        a::TypeKind::Tuple(ts) => {
            let mut parts: Vec<Ty> = ts.iter().map(|t| data(s, t)).collect();
            if parts.len() == 1 {
                return parts.swap_remove(0);
            }
            Ty::Tuple(parts)
        }
        a::TypeKind::Array { elem, len } => {
            let e = data(s, elem);
            let n = s.size(*len);
            if let Size::Const(c) = n
                && c < 0
            {
                let span = s.world().mods[s.module()].ast.expr(*len).span;
                let d = Diag::error(codes::E0207, format!("a length cannot be {c}"));
                s.diags().push(d.at(span, "this length"));
                return Ty::Array(Box::new(e), Size::Error);
            }
            Ty::Array(Box::new(e), n)
        }
        a::TypeKind::Fn { params, ret } => {
            let ps = params.iter().map(|t| data(s, t)).collect();
            let r = ret.as_ref().map_or(Ty::Unit, |t| data(s, t));
            Ty::Fn(ps, Box::new(r))
        }
        a::TypeKind::Labelled { label, .. } => {
            let word = match label {
                a::LabelWord::Public => "public",
                a::LabelWord::Secret => "secret",
            };
            let d = Diag::error(codes::E0505, format!("`{word}` cannot stand here"))
                .at(t.span, "in this type")
                .note("`public` stands before the whole type of a parameter; elsewhere labels are inferred");
            s.diags().push(d);
            Ty::Error
        }
        a::TypeKind::At { ty, .. } => {
            let d = Diag::error(codes::E0505, "`@` labels are not written in types")
                .at(t.span, "in this type")
                .help_edit("leave it out: labels are inferred", ty.span.after().to(t.span.after()), "");
            s.diags().push(d);
            Ty::Error
        }
        a::TypeKind::Path { path, args } => named(s, t, path, args),
    }
}

/// A type that values can be stored as: no function.
fn data<'a>(s: &mut impl Scope<'a>, t: &a::Type) -> Ty {
    let ty = lower(s, t);
    if let Ty::Fn(..) = ty {
        let d = Diag::error(codes::E0213, "a function cannot be stored")
            .at(t.span, "function types stand at parameters alone");
        s.diags().push(d);
        return Ty::Error;
    }
    ty
}

fn named<'a>(s: &mut impl Scope<'a>, t: &a::Type, path: &a::Path, args: &[a::GenericArg]) -> Ty {
    let w = s.world();
    let m = s.module();
    let no_args = |s: &mut dyn FnMut(Diag), what: &str| {
        if !args.is_empty() {
            s(Diag::error(codes::E0208, format!("{what} takes no generic arguments")).at(t.span, ""));
        }
    };
    if let [one] = path.parts.as_slice() {
        let name = &*one.name;
        match s.generic(name) {
            Some(Gen::Ty(k, _)) => {
                no_args(&mut |d| s.diags().push(d), "a type parameter");
                return Ty::Param(k);
            }
            Some(Gen::Size(_)) => {
                let d = Diag::error(codes::E0102, format!("`{name}` is a size, not a type"));
                s.diags().push(d.at(one.span, "used as a type"));
                return Ty::Error;
            }
            None => {}
        }
        if name == "Self"
            && let Some(t) = s.owner()
        {
            return t;
        }
        let shadowed = w.names[m].contains_key(&one.name);
        if !shadowed && let Some(p) = primitive(name) {
            return match p {
                Ty::Fixed(_) if !args.is_empty() => fraction(s, t, args),
                ty => {
                    no_args(&mut |d| s.diags().push(d), &format!("`{name}`"));
                    ty
                }
            };
        }
        if w.name(m, name).is_none() {
            let mut names: Vec<String> = PRIMITIVES.iter().map(|p| (*p).to_string()).collect();
            names.extend(s.generic_names().iter().map(|n| n.to_string()));
            names.extend(
                w.sorted(m).iter().filter(|n| matches!(w.name(m, n), Some(Def::Struct(_)))).map(|n| (*n).to_string()),
            );
            let mut d = Diag::error(codes::E0102, format!("there is no type `{name}`")).at(one.span, "not declared");
            d = match name {
                "usize" | "size" | "int" | "uint" => d.help_edit(
                    "sizes and loop indices fit any integer type; for stored numbers write, for instance",
                    one.span,
                    "u64",
                ),
                "isize" => d.help_edit("write, for instance", one.span, "i64"),
                _ => d.did_you_mean(name, one.span, names.iter().map(|n| n.as_str())),
            };
            s.diags().push(d);
            return Ty::Error;
        }
    }
    match w.path(m, path, s.diags()) {
        Some((Def::Struct(id), n)) if n == path.parts.len() => {
            let gens = &w.struct_gens[id.0 as usize];
            let (mut tys, mut sizes) = (Vec::new(), Vec::new());
            if args.len() != gens.len() {
                let d = Diag::error(
                    codes::E0208,
                    format!(
                        "`{}` takes {} generic {}, here are {}",
                        w.struct_decls[id.0 as usize].name.name,
                        gens.len(),
                        if gens.len() == 1 { "argument" } else { "arguments" },
                        args.len()
                    ),
                );
                s.diags().push(d.at(t.span, ""));
            }
            for (i, (_, g)) in gens.iter().enumerate() {
                match g {
                    Gen::Ty(..) => tys.push(args.get(i).map_or(Ty::Error, |x| type_arg(s, x))),
                    Gen::Size(_) => sizes.push(args.get(i).map_or(Size::Error, |x| size_arg(s, x))),
                }
            }
            Ty::Struct(id, tys, sizes)
        }
        Some((Def::Broken, _)) | None => Ty::Error,
        Some((def, _)) => {
            let d = Diag::error(codes::E0102, format!("`{}` is {}, not a type", text(path), def.word()));
            s.diags().push(d.at(path.span, "used as a type"));
            Ty::Error
        }
    }
}

/// `fixed<F>`
fn fraction<'a>(s: &mut impl Scope<'a>, t: &a::Type, args: &[a::GenericArg]) -> Ty {
    let [one] = args else {
        let d =
            Diag::error(codes::E0208, format!("`fixed` takes one number of fraction bits, here are {}", args.len()));
        s.diags().push(d.at(t.span, ""));
        return Ty::Error;
    };
    match size_arg(s, one) {
        Size::Const(f @ 1..=31) => Ty::Fixed(f as u8),
        Size::Error => Ty::Error,
        n => {
            let what = match n {
                Size::Const(n) => format!("a `fixed` cannot have {n} fraction bits"),
                _ => "the fraction bits of a `fixed` must be a number".into(),
            };
            let d = Diag::error(codes::E0230, what)
                .at(t.span, "1 to 31 bits, of 64, may stand behind the point")
                .help("`fixed` alone has 16");
            s.diags().push(d);
            Ty::Error
        }
    }
}

/// A path as written.
pub(crate) fn text(path: &a::Path) -> String {
    let parts: Vec<&str> = path.parts.iter().map(|p| &*p.name).collect();
    parts.join("::")
}

/// A type argument.
pub(crate) fn type_arg<'a>(s: &mut impl Scope<'a>, x: &a::GenericArg) -> Ty {
    match x {
        a::GenericArg::Type(t) => data(s, t),
        a::GenericArg::Size(e) => {
            let span = s.world().mods[s.module()].ast.expr(*e).span;
            let d = Diag::error(codes::E0208, "a type is expected here").at(span, "this is a size");
            s.diags().push(d);
            Ty::Error
        }
    }
}

/// A size argument; a lone name came as a type.
pub(crate) fn size_arg<'a>(s: &mut impl Scope<'a>, x: &a::GenericArg) -> Size {
    match x {
        a::GenericArg::Size(e) => s.size(*e),
        a::GenericArg::Type(t) => {
            if let a::TypeKind::Path { path, args } = &t.kind
                && args.is_empty()
                && t.range.is_none()
            {
                if let [one] = path.parts.as_slice()
                    && let Some(Gen::Size(k)) = s.generic(&one.name)
                {
                    return Size::Var(SizeVar::Param(k));
                }
                let is_type = path.parts.len() == 1
                    && (primitive(&path.parts[0].name).is_some() || s.generic(&path.parts[0].name).is_some());
                if !is_type {
                    let w = s.world();
                    let m = s.module();
                    return match w.path(m, path, s.diags()) {
                        Some((Def::Family(p), _)) => World::family_size(p),
                        Some((Def::Const(c), _)) => const_size(w, c, path.span, s.diags()),
                        Some((Def::Broken, _)) | None => Size::Error,
                        Some((def, _)) => {
                            let d =
                                Diag::error(codes::E0207, format!("`{}` is {}, not a size", text(path), def.word()));
                            s.diags().push(d.at(path.span, "a size is expected here"));
                            Size::Error
                        }
                    };
                }
            }
            let d = Diag::error(codes::E0208, "a size is expected here").at(t.span, "this is a type");
            s.diags().push(d);
            Size::Error
        }
    }
}

/// A constant as a size.
pub(crate) fn const_size(w: &World<'_>, c: ConstId, span: Span, diags: &mut Diags) -> Size {
    match const_eval(w, c, diags, 0) {
        Some(v) => match i64::try_from(v) {
            Ok(v) => Size::Const(v),
            Err(_) => {
                let d = Diag::error(codes::E0204, format!("{v} is too large for a size"));
                diags.push(d.at(span, ""));
                Size::Error
            }
        },
        None => {
            let decl = &w.consts[c.0 as usize];
            let d = Diag::error(codes::E0207, format!("`{}` is no size", decl.name.name))
                .at(span, "used as a size")
                .also(decl.name.span, "declared here")
                .note("a constant is a size if it is an integer made of numbers, operators, and other such constants");
            diags.push(d);
            Size::Error
        }
    }
}

/// The value of a constant, computed once. `None`: not made of operators on integers.
pub(crate) fn const_eval(w: &World<'_>, c: ConstId, diags: &mut Diags, depth: u32) -> Option<i128> {
    let k = c.0 as usize;
    let known = w.const_vals.borrow()[k];
    match known {
        ConstVal::Known(v) => return Some(v),
        ConstVal::Opaque => return None,
        // A circle; it is reported with the other circles of calls.
        ConstVal::Busy => return None,
        ConstVal::Unseen if depth > MAX_CONST_DEPTH => return None,
        ConstVal::Unseen => {}
    }
    w.const_vals.borrow_mut()[k] = ConstVal::Busy;
    let decl = &w.consts[k];
    let ty = match &decl.ty.kind {
        a::TypeKind::Path { path, .. } if path.parts.len() == 1 => primitive(&path.parts[0].name),
        _ => None,
    };
    let value = match ty {
        Some(t @ Ty::Int { .. }) => eval(w, decl.module, decl.value, diags, depth).map(|v| wrap(v, &t)),
        _ => None,
    };
    w.const_vals.borrow_mut()[k] = value.map_or(ConstVal::Opaque, ConstVal::Known);
    value
}

/// Reduces to the range of an integer type. A `u128` past `i128::MAX` is not represented and stays as it came.
fn wrap(v: i128, t: &Ty) -> i128 {
    match t {
        Ty::Int { signed, bits } if *bits < 128 => {
            let up = 128 - u32::from(*bits);
            if *signed { v << up >> up } else { ((v as u128) << up >> up) as i128 }
        }
        _ => v,
    }
}

/// The value of an expression of numbers, operators, and constants, computed exactly.
pub(crate) fn eval(w: &World<'_>, m: usize, e: a::ExprId, diags: &mut Diags, depth: u32) -> Option<i128> {
    let ast = &w.mods[m].ast;
    match &ast.expr(e).kind {
        a::ExprKind::Int { value, overflow: false, .. } => i128::try_from(*value).ok(),
        a::ExprKind::Paren(x) => eval(w, m, *x, diags, depth),
        a::ExprKind::Unary { op: a::UnOp::Neg, expr } => {
            // The least i128 has no positive twin.
            let mut x = *expr;
            while let a::ExprKind::Paren(y) = ast.expr(x).kind {
                x = y;
            }
            if let a::ExprKind::Int { value, overflow: false, .. } = ast.expr(x).kind
                && value == 1 << 127
            {
                return Some(i128::MIN);
            }
            eval(w, m, *expr, diags, depth)?.checked_neg()
        }
        a::ExprKind::Cast { expr, ty } => {
            let a::TypeKind::Path { path, .. } = &ty.kind else { return None };
            let t = primitive(&path.parts.first()?.name)?;
            let v = eval(w, m, *expr, diags, depth)?;
            matches!(t, Ty::Int { .. }).then(|| wrap(v, &t))
        }
        a::ExprKind::Path { path, args } if args.is_empty() => {
            let mut quiet = Diags::new();
            match w.path(m, path, &mut quiet)? {
                (Def::Const(c), n) if n == path.parts.len() => const_eval(w, c, diags, depth + 1),
                _ => None,
            }
        }
        a::ExprKind::Chain { first, rest } => {
            let mut x = eval(w, m, *first, diags, depth)?;
            for (op, _, r) in rest {
                let y = eval(w, m, *r, diags, depth)?;
                x = match op {
                    a::BinOp::Add => x.checked_add(y)?,
                    a::BinOp::Sub => x.checked_sub(y)?,
                    a::BinOp::Mul => x.checked_mul(y)?,
                    a::BinOp::Div => x.checked_div(y)?,
                    a::BinOp::Rem => x.checked_rem(y)?,
                    a::BinOp::BitAnd => x & y,
                    a::BinOp::BitOr => x | y,
                    a::BinOp::BitXor => x ^ y,
                    a::BinOp::Shl => {
                        let by = u32::try_from(y).ok().filter(|b| *b < 127)?;
                        x.checked_mul(1i128 << by)?
                    }
                    a::BinOp::Shr => x >> u32::try_from(y).ok().filter(|b| *b < 127)?,
                    _ => return None,
                };
            }
            Some(x)
        }
        _ => None,
    }
}

/// The word of a fixed-point number that is made of numbers, `+`, `-`, and constants. Sums are exact.
pub(crate) fn eval_fixed(w: &World<'_>, m: usize, e: a::ExprId, frac: u8, depth: u32) -> Option<i128> {
    let ast = &w.mods[m].ast;
    let word = |text: &str| decimal::read(text.as_bytes(), u32::from(frac)).ok().map(|r| i128::from(r.word));
    match &ast.expr(e).kind {
        a::ExprKind::Int { value, overflow: false, suffix: None } => {
            i128::try_from(*value).ok()?.checked_mul(1 << frac).filter(|v| *v < 1 << 100)
        }
        a::ExprKind::Decimal(text) => word(&plain(text)),
        a::ExprKind::Paren(x) => eval_fixed(w, m, *x, frac, depth),
        a::ExprKind::Unary { op: a::UnOp::Neg, expr } => match &ast.expr(*expr).kind {
            a::ExprKind::Decimal(text) => word(&format!("-{}", plain(text))),
            _ => Some(-eval_fixed(w, m, *expr, frac, depth)?),
        },
        a::ExprKind::Path { path, args } if args.is_empty() && depth < MAX_CONST_DEPTH => {
            let mut quiet = Diags::new();
            match w.path(m, path, &mut quiet)? {
                (Def::Const(c), n) if n == path.parts.len() => {
                    let decl = &w.consts[c.0 as usize];
                    (w.const_tys.get(c.0 as usize) == Some(&Ty::Fixed(frac)))
                        .then(|| eval_fixed(w, decl.module, decl.value, frac, depth + 1))?
                }
                _ => None,
            }
        }
        a::ExprKind::Chain { first, rest } => {
            let mut x = eval_fixed(w, m, *first, frac, depth)?;
            for (op, _, r) in rest {
                let y = eval_fixed(w, m, *r, frac, depth)?;
                x = match op {
                    a::BinOp::Add => x.checked_add(y)?,
                    a::BinOp::Sub => x.checked_sub(y)?,
                    _ => return None,
                };
            }
            Some(x)
        }
        _ => None,
    }
}

/// A number of the program without `_` between its digits.
pub(crate) fn plain(text: &str) -> String {
    text.replace('_', "")
}

/// A number of a type, as one would write it.
pub(crate) fn number(t: &Ty, v: i128) -> String {
    match (t, i64::try_from(v)) {
        (Ty::Fixed(f), Ok(word)) => decimal::text(word, u32::from(*f)),
        _ => v.to_string(),
    }
}

/// A size written where only constants, size parameters, and families are in sight.
pub(crate) fn written_size<'a>(s: &mut impl Scope<'a>, e: a::ExprId) -> Size {
    let w = s.world();
    let m = s.module();
    let ast = &w.mods[m].ast;
    let x = ast.expr(e);
    match &x.kind {
        a::ExprKind::Error => Size::Error,
        a::ExprKind::Paren(e) => written_size(s, *e),
        a::ExprKind::Int { value, overflow, .. } => match i64::try_from(*value) {
            Ok(v) if !overflow => Size::Const(v),
            _ => {
                let d = Diag::error(codes::E0204, "this number is too large for a size");
                s.diags().push(d.at(x.span, ""));
                Size::Error
            }
        },
        a::ExprKind::Path { path, args } if args.is_empty() => {
            if let [one] = path.parts.as_slice() {
                match s.generic(&one.name) {
                    Some(Gen::Size(k)) => return Size::Var(SizeVar::Param(k)),
                    Some(Gen::Ty(..)) => {
                        let d = Diag::error(codes::E0207, format!("`{}` is a type, not a size", one.name))
                            .at(x.span, "a size is expected here")
                            .note("a size parameter is declared as `N: size`");
                        s.diags().push(d);
                        return Size::Error;
                    }
                    None => {}
                }
                if w.name(m, &one.name).is_none() {
                    let mut names: Vec<Name> = s.generic_names();
                    names.extend(w.sorted(m).into_iter().map(Name::from));
                    let mut d = Diag::error(codes::E0101, format!("there is no size `{}`", one.name))
                        .at(x.span, "not declared")
                        .did_you_mean(&one.name, x.span, names.iter().map(|n| &**n));
                    if d.helps.is_empty() {
                        d = d.help(format!("declare it as a parameter of the function: `<{}: size>`", one.name));
                    }
                    s.diags().push(d);
                    return Size::Error;
                }
            }
            match w.path(m, path, s.diags()) {
                Some((Def::Family(p), _)) => World::family_size(p),
                Some((Def::Const(c), n)) if n == path.parts.len() => const_size(w, c, x.span, s.diags()),
                Some((Def::Broken, _)) | None => Size::Error,
                Some((def, _)) => {
                    let d = Diag::error(codes::E0207, format!("`{}` is {}, not a size", text(path), def.word()));
                    s.diags().push(d.at(x.span, "a size is expected here"));
                    Size::Error
                }
            }
        }
        a::ExprKind::Chain { first, rest } => {
            let mut n = written_size(s, *first);
            for (op, _, r) in rest {
                let Some(op) = size_op(*op) else {
                    return not_a_size(s, x.span);
                };
                let r = written_size(s, *r);
                if n == Size::Error || r == Size::Error {
                    n = Size::Error;
                    continue;
                }
                n = size::apply(op, &n, &r);
                if n == Size::Error {
                    let d = Diag::error(codes::E0204, "this size overflows, divides by zero, or is too long to track");
                    s.diags().push(d.at(x.span, ""));
                }
            }
            n
        }
        a::ExprKind::Block(b) if b.stmts.is_empty() && b.tail.is_some() => {
            b.tail.map_or(Size::Error, |t| written_size(s, t))
        }
        _ => not_a_size(s, x.span),
    }
}

fn not_a_size<'a>(s: &mut impl Scope<'a>, span: Span) -> Size {
    let d = Diag::error(codes::E0207, "this is no size")
        .at(span, "a size is expected here")
        .note("sizes are numbers, size parameters, sizes of families, constants, and `+ - * / %` of these");
    s.diags().push(d);
    Size::Error
}

/// Operators of sizes.
pub(crate) fn size_op(op: a::BinOp) -> Option<SizeOp> {
    Some(match op {
        a::BinOp::Add => SizeOp::Add,
        a::BinOp::Sub => SizeOp::Sub,
        a::BinOp::Mul => SizeOp::Mul,
        a::BinOp::Div => SizeOp::Div,
        a::BinOp::Rem => SizeOp::Rem,
        _ => return None,
    })
}

/// The least and the greatest value of an integer type, as far as `i128` reaches; of a fixed-point type its words.
pub(crate) fn bounds(t: &Ty) -> Option<(i128, i128)> {
    match t {
        Ty::Fixed(_) => Some((i128::from(i64::MIN), i128::from(i64::MAX))),
        Ty::Int { signed: true, bits } => Some((i128::MIN >> (128 - bits), i128::MAX >> (128 - bits))),
        Ty::Int { signed: false, bits: 128 } => Some((0, i128::MAX)),
        Ty::Int { signed: false, bits } => Some((0, i128::MAX >> (127 - bits))),
        _ => None,
    }
}
