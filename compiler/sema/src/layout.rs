//! How values of a type lie: sizes with their variables bound, types closed under an environment, and the scalar leaves
//! of a closed type.
//!
//! The evaluator, the label check, lowering, and whoever reads inputs agree on these leaves: struct fields and tuple
//! parts in order, and an array of anything is an array in each leaf of its element, row-major. Knows no values.

use crate::tree::{Program, Size, SizeOp, SizeVar, Struct, StructId, Ty, TyEnv};

/// A scalar column of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// How one gets there, arrays left out: `.amount`, `.field.0`; empty for a scalar and for an array of scalars. Of an
    /// enum `.is V` for each variant but the first, and `.V.0` or `.V.field` for what variants carry.
    pub path: String,
    /// [`Ty::Bool`], [`Ty::Int`], [`Ty::Fixed`], [`Ty::Str`], or [`Ty::Index`].
    pub ty: Ty,
    /// Lengths of the arrays around it, outermost first.
    pub dims: Vec<i64>,
    /// Their product: 1 for a scalar.
    pub lanes: u64,
}

/// The number that a size is; `None` where it overflows `i64`, divides by zero, or has a variable that is not bound.
/// Depth of recursion: that of the size as written.
pub fn size(size: &Size, env: &TyEnv) -> Option<i64> {
    match size {
        Size::Const(n) => Some(*n),
        Size::Var(SizeVar::Param(k)) => env.sizes.get(*k as usize).copied(),
        Size::Var(SizeVar::Family(p)) => env.families.get(p.0 as usize).copied(),
        Size::Bin(op, a, b) => {
            let (a, b) = (self::size(a, env)?, self::size(b, env)?);
            match op {
                SizeOp::Add => a.checked_add(b),
                SizeOp::Sub => a.checked_sub(b),
                SizeOp::Mul => a.checked_mul(b),
                SizeOp::Div => a.checked_div(b),
                SizeOp::Rem => a.checked_rem(b),
            }
        }
        Size::Error => None,
    }
}

/// The type with parameters replaced and sizes numbers; `None` where a size is negative or is no number (see [`size`]),
/// and for [`Ty::Error`].
pub fn close(ty: &Ty, env: &TyEnv) -> Option<Ty> {
    let all = |tys: &[Ty]| -> Option<Vec<Ty>> { tys.iter().map(|t| close(t, env)).collect() };
    Some(match ty {
        Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index | Ty::Unit => ty.clone(),
        Ty::Array(elem, n) => {
            let n = size(n, env).filter(|n| *n >= 0)?;
            Ty::Array(Box::new(close(elem, env)?), Size::Const(n))
        }
        Ty::Tuple(parts) => Ty::Tuple(all(parts)?),
        Ty::Struct(id, tys, sizes) => {
            let sizes = sizes.iter().map(|s| size(s, env).map(Size::Const)).collect::<Option<_>>()?;
            Ty::Struct(*id, all(tys)?, sizes)
        }
        Ty::Param(k) => env.tys.get(*k as usize)?.clone(),
        Ty::Fn(params, ret) => Ty::Fn(all(params)?, Box::new(close(ret, env)?)),
        Ty::Error => return None,
    })
}

/// Closed types of the fields of a struct, given its closed arguments; `None` as in [`close`].
pub fn fields(
    program: &Program,
    id: StructId,
    tys: &[Ty],
    sizes: &[Size],
    families: &std::sync::Arc<[i64]>,
) -> Option<Vec<Ty>> {
    let env = TyEnv {
        tys: tys.to_vec(),
        sizes: sizes
            .iter()
            .map(|s| match s {
                Size::Const(n) => Some(*n),
                _ => None,
            })
            .collect::<Option<_>>()?,
        families: families.clone(),
    };
    let s = program.structs.get(id.0 as usize)?;
    s.fields.iter().map(|f| close(&f.ty, &env)).collect()
}

/// The leaves of a closed type, in order; none for the unit type and for functions. `None` where a struct's field cannot
/// be closed, where there are more than `u64::MAX` lanes, or more than [`MAX_PARTS`] parts. Cost: proportional to the type, whatever the sizes.
pub fn leaves(program: &Program, ty: &Ty, families: &std::sync::Arc<[i64]>) -> Option<Vec<Leaf>> {
    let mut out = Vec::new();
    let mut at = At { path: String::new(), dims: Vec::new(), lanes: 1, budget: MAX_PARTS };
    walk(program, ty, families, &mut at, &mut out)?;
    Some(out)
}

/// Largest number of parts (leaves, structs, tuples, arrays) that one type may have: structs of structs double it.
pub const MAX_PARTS: usize = 1 << 16;

/// Whether a value of a type, open or closed, holds strings. Cost: linear in the type and the structs that it names.
pub fn holds_strings(structs: &[Struct], ty: &Ty) -> bool {
    fn walk(structs: &[Struct], ty: &Ty, seen: &mut Vec<StructId>) -> bool {
        match ty {
            Ty::Str => true,
            Ty::Array(elem, _) => walk(structs, elem, seen),
            Ty::Tuple(parts) => parts.iter().any(|t| walk(structs, t, seen)),
            Ty::Struct(id, tys, _) => {
                tys.iter().any(|t| walk(structs, t, seen))
                    || !seen.contains(id) && {
                        seen.push(*id);
                        let fields = structs.get(id.0 as usize).map_or(&[][..], |s| &s.fields);
                        fields.iter().any(|f| walk(structs, &f.ty, seen))
                    }
            }
            _ => false,
        }
    }
    walk(structs, ty, &mut Vec::new())
}

struct At {
    path: String,
    dims: Vec<i64>,
    lanes: u64,
    /// Parts left.
    budget: usize,
}

fn walk(program: &Program, ty: &Ty, families: &std::sync::Arc<[i64]>, at: &mut At, out: &mut Vec<Leaf>) -> Option<()> {
    at.budget = at.budget.checked_sub(1)?;
    match ty {
        Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index => {
            out.push(Leaf { path: at.path.clone(), ty: ty.clone(), dims: at.dims.clone(), lanes: at.lanes })
        }
        Ty::Unit | Ty::Fn(..) => {}
        Ty::Array(elem, Size::Const(n)) => {
            let lanes = at.lanes;
            at.lanes = lanes.checked_mul(u64::try_from(*n).ok()?)?;
            at.dims.push(*n);
            walk(program, elem, families, at, out)?;
            at.dims.pop();
            at.lanes = lanes;
        }
        Ty::Tuple(parts) => {
            for (k, part) in parts.iter().enumerate() {
                step(program, part, families, at, out, &k.to_string())?;
            }
        }
        Ty::Struct(id, tys, sizes) => {
            let tys = fields(program, *id, tys, sizes, families)?;
            let s = program.structs.get(id.0 as usize)?;
            for (k, (field, ty)) in s.fields.iter().zip(&tys).enumerate() {
                match s.variants.iter().find(|v| k >= v.first as usize && k < (v.first + v.count) as usize) {
                    // Variants may carry fields of one name.
                    Some(v) => step(program, ty, families, at, out, &format!("{}.{}", v.name, field.name))?,
                    None => step(program, ty, families, at, out, &field.name)?,
                }
            }
        }
        Ty::Array(..) | Ty::Param(_) | Ty::Error => return None,
    }
    Some(())
}

fn step(
    program: &Program,
    ty: &Ty,
    families: &std::sync::Arc<[i64]>,
    at: &mut At,
    out: &mut Vec<Leaf>,
    name: &str,
) -> Option<()> {
    let len = at.path.len();
    at.path.push('.');
    at.path.push_str(name);
    walk(program, ty, families, at, out)?;
    at.path.truncate(len);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Field;
    use diag::Span;

    fn uint(bits: u8) -> Ty {
        Ty::Int { signed: false, bits }
    }

    #[test]
    fn sizes_are_exact_or_nothing() {
        let env = TyEnv { sizes: vec![7, i64::MAX], families: [0, 3].into(), ..TyEnv::default() };
        let v = |k| Box::new(Size::Var(SizeVar::Param(k)));
        let two = || Box::new(Size::Const(2));
        assert_eq!(size(&Size::Bin(SizeOp::Div, v(0), two()), &env), Some(3));
        assert_eq!(size(&Size::Bin(SizeOp::Add, v(1), two()), &env), None);
        assert_eq!(size(&Size::Bin(SizeOp::Rem, v(0), Box::new(Size::Const(0))), &env), None);
        let family = Size::Var(SizeVar::Family(crate::tree::PartyId(1)));
        assert_eq!(size(&family, &env), Some(3));
        assert_eq!(size(&v(2), &env), None);
    }

    #[test]
    fn arrays_go_into_the_leaves() {
        let program = Program {
            structs: vec![Struct {
                name: "S".into(),
                fields: vec![
                    Field { name: "a".into(), ty: Ty::Param(0), range: None, span: Span::default() },
                    Field {
                        name: "b".into(),
                        ty: Ty::Array(Box::new(Ty::Tuple(vec![Ty::Bool, uint(8)])), Size::Var(SizeVar::Param(0))),
                        range: None,
                        span: Span::default(),
                    },
                ],
                ty_params: vec!["T".into()],
                size_params: vec!["N".into()],
                variants: Vec::new(),
                span: Span::default(),
            }],
            ..Program::default()
        };
        let env = TyEnv { tys: vec![], sizes: vec![5], families: [].into() };
        let open = Ty::Array(
            Box::new(Ty::Struct(StructId(0), vec![uint(32)], vec![Size::Const(3)])),
            Size::Var(SizeVar::Param(0)),
        );
        let ty = close(&open, &env).unwrap();
        let got: Vec<_> = leaves(&program, &ty, &env.families)
            .unwrap()
            .into_iter()
            .map(|l| (l.path, l.ty, l.dims, l.lanes))
            .collect();
        assert_eq!(
            got,
            vec![
                (".a".to_string(), uint(32), vec![5], 5),
                (".b.0".to_string(), Ty::Bool, vec![5, 3], 15),
                (".b.1".to_string(), uint(8), vec![5, 3], 15),
            ]
        );
        let negative = TyEnv { sizes: vec![-1], ..env };
        assert_eq!(close(&open, &negative), None);
    }

    #[test]
    fn structs_that_double_have_no_leaves() {
        let field = |name: &str, ty: Ty| Field { name: name.into(), ty, range: None, span: Span::default() };
        let twice = |ty: Ty| Struct {
            name: "S".into(),
            fields: vec![field("a", ty.clone()), field("b", ty)],
            ty_params: vec![],
            size_params: vec![],
            variants: Vec::new(),
            span: Span::default(),
        };
        let s = |k: u32| Ty::Struct(StructId(k), vec![], vec![]);
        let mut structs = vec![twice(Ty::Bool)];
        structs.extend((0..60).map(|k| twice(s(k))));
        let program = Program { structs, ..Program::default() };
        let none = [].into();
        assert_eq!(leaves(&program, &s(9), &none).map(|l| l.len()), Some(1024));
        assert_eq!(leaves(&program, &s(60), &none), None);
    }
}
