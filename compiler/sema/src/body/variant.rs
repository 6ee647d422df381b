//! Structs and variants of enums: naming one, making a value of one.
//!
//! An enum is a struct: first one truth value for each variant but the first, of which one holds at most, then what the
//! variants carry, zero but in the one that the value is. So a test for a variant costs nothing, `==` is that of the struct,
//! and a choice among two values chooses field by field. Patterns are in `matching`.

use super::Body;
use crate::infer::subst;
use crate::tree::*;
use crate::types;
use crate::world::{Def, Gen, World};
use diag::{Diag, Span, codes};
use syntax::ast as a;

/// An enum's type with its arguments, and one of its variants.
#[derive(Clone)]
pub(super) struct Of {
    pub id: StructId,
    pub tys: Vec<Ty>,
    pub sizes: Vec<Size>,
    pub variant: usize,
}

impl<'a> Body<'a, '_> {
    /// The enum and the number of the variant that a path ends in. `Err` tells that something was reported.
    pub(super) fn variant_of(&mut self, path: &a::Path) -> Result<Option<(StructId, usize)>, ()> {
        let Some(last) = path.parts.last().filter(|_| path.parts.len() > 1) else { return Ok(None) };
        let own = match (&*path.parts[0].name, &self.sig.owner, path.parts.len()) {
            ("Self", Some(Ty::Struct(id, ..)), 2) => Some(*id),
            _ => None,
        };
        let id = match own {
            Some(id) => id,
            None => match self.w.path(self.module, path, self.diags) {
                Some((Def::Struct(id), n)) if n + 1 == path.parts.len() => id,
                Some((Def::Broken, _)) | None => return Err(()),
                Some(_) => return Ok(None),
            },
        };
        let s = &self.w.structs[id.0 as usize];
        Ok(s.variants.iter().position(|v| v.name == last.name).map(|k| (id, k)))
    }

    /// A variant of the type that is wanted, or of one with fresh arguments.
    pub(super) fn fresh_variant(&mut self, id: StructId, variant: usize, want: Option<&Ty>, span: Span) -> Of {
        let s = &self.w.structs[id.0 as usize];
        let tys: Vec<Ty> = s.ty_params.iter().map(|_| self.inf.stored()).collect();
        let sizes: Vec<Size> = s.size_params.iter().map(|_| self.inf.fresh_size()).collect();
        for (_, g) in &self.w.struct_gens[id.0 as usize] {
            if let Gen::Ty(k, c) = g
                && *c != Class::Any
            {
                self.require(&tys[*k as usize], *c, span, false, "a type argument of this enum");
            }
        }
        let ty = Ty::Struct(id, tys.clone(), sizes.clone());
        if let Some(want) = want
            && let Ty::Struct(i, ..) = self.inf.shallow(want)
            && i == id
        {
            let want = want.clone();
            let _ = self.unify(&ty, &want, span, "this enum");
        }
        Of { id, tys, sizes, variant }
    }

    /// The declaration of a variant.
    pub(super) fn variant(&self, of: &Of) -> &'a Variant {
        let w: &'a World<'a> = self.w;
        &w.structs[of.id.0 as usize].variants[of.variant]
    }
    /// Type of field `k` of the enum as a struct.
    pub(super) fn carried(&self, of: &Of, k: usize) -> Ty {
        subst(&self.w.structs[of.id.0 as usize].fields[k].ty, &of.tys, &of.sizes)
    }
    pub(super) fn variant_name(&self, of: &Of) -> String {
        format!("{}::{}", self.w.structs[of.id.0 as usize].name, self.variant(of).name)
    }

    /// `E::A`, without what it carries.
    pub(super) fn unit_variant(&mut self, id: StructId, variant: usize, want: Option<&Ty>, span: Span) -> ExprId {
        let of = self.fresh_variant(id, variant, want, span);
        if self.variant(&of).count > 0 {
            return self.carries(&of, 0, span);
        }
        self.make(&of, Vec::new(), span)
    }
    /// `E::A(x, y)`
    pub(super) fn tuple_variant(
        &mut self,
        id: StructId,
        variant: usize,
        args: &[a::ExprId],
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        let of = self.fresh_variant(id, variant, want, span);
        let v = self.variant(&of);
        if v.named || v.count as usize != args.len() || args.is_empty() {
            args.iter().for_each(|e| {
                self.expr(*e, None);
            });
            return self.carries(&of, args.len(), span);
        }
        let mut values = Vec::new();
        for (k, e) in args.iter().enumerate() {
            let t = self.carried(&of, v.first as usize + k);
            values.push(self.check(*e, &t, "what the variant carries"));
        }
        self.make(&of, values, span)
    }
    /// `E::A { x: … }`
    pub(super) fn field_variant(
        &mut self,
        id: StructId,
        variant: usize,
        fields: &[a::FieldInit],
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        let of = self.fresh_variant(id, variant, want, span);
        let v = self.variant(&of);
        if !v.named {
            fields.iter().for_each(|f| {
                self.expr(f.value, None);
            });
            return self.carries(&of, 0, span);
        }
        let w: &'a World<'a> = self.w;
        let first = v.first as usize;
        let own = &w.structs[id.0 as usize].fields[first..first + v.count as usize];
        let mut values: Vec<Option<ExprId>> = vec![None; own.len()];
        for f in fields {
            let Some(k) = own.iter().position(|g| g.name == f.name.name) else {
                let d =
                    Diag::error(codes::E0103, format!("`{}` has no field `{}`", self.variant_name(&of), f.name.name))
                        .at(f.name.span, "not declared")
                        .also(v.span, "the variant")
                        .did_you_mean(&f.name.name, f.name.span, own.iter().map(|f| &*f.name));
                self.report(d);
                self.expr(f.value, None);
                continue;
            };
            let t = self.carried(&of, first + k);
            let x = self.check(f.value, &t, &format!("field `{}`", f.name.name));
            if values[k].replace(x).is_some() {
                let d = Diag::error(codes::E0214, format!("field `{}` is given twice", f.name.name));
                self.report(d.at(f.name.span, "again here"));
            }
        }
        let missing: Vec<String> =
            own.iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(f, _)| format!("`{}`", f.name)).collect();
        if !missing.is_empty() {
            let d = Diag::error(codes::E0214, format!("fields of `{}` missing", self.variant_name(&of)))
                .at(span, format!("without {}", missing.join(", ")))
                .also(v.span, "the variant");
            self.report(d);
        }
        match values.into_iter().collect::<Option<Vec<_>>>() {
            Some(values) => self.make(&of, values, span),
            None => self.push(ExprKind::Error, Ty::Struct(of.id, of.tys, of.sizes), span),
        }
    }

    /// `S { x: … }`
    pub(super) fn struct_lit(
        &mut self,
        path: &a::Path,
        fields: &[a::FieldInit],
        want: Option<&Ty>,
        span: Span,
    ) -> ExprId {
        match self.variant_of(path) {
            Ok(Some((id, k))) => return self.field_variant(id, k, fields, want, span),
            Ok(None) => {}
            Err(()) => {
                for f in fields {
                    self.expr(f.value, None);
                }
                return self.error(span);
            }
        }
        let id = if path.parts.len() == 1 && &*path.parts[0].name == "Self" {
            match &self.sig.owner {
                Some(Ty::Struct(id, ..)) => Some(*id),
                _ => None,
            }
        } else {
            None
        };
        let id = match id {
            Some(id) => id,
            None => match self.w.path(self.module, path, self.diags) {
                Some((Def::Struct(id), n))
                    if n == path.parts.len() && self.w.structs[id.0 as usize].variants.is_empty() =>
                {
                    id
                }
                Some((Def::Struct(_), n)) if n < path.parts.len() => {
                    for f in fields {
                        self.expr(f.value, None);
                    }
                    self.no_variant(path);
                    return self.error(span);
                }
                None | Some((Def::Broken, _)) => {
                    for f in fields {
                        self.expr(f.value, None);
                    }
                    return self.error(span);
                }
                Some((d, _)) => {
                    let d = Diag::error(codes::E0102, format!("`{}` is {}, not a struct", types::text(path), d.word()));
                    return self.wrong(d.at(path.span, ""), span);
                }
            },
        };
        let w: &'a World<'a> = self.w;
        let s = &w.structs[id.0 as usize];
        let tys: Vec<Ty> = s.ty_params.iter().map(|_| self.inf.stored()).collect();
        let sizes: Vec<Size> = s.size_params.iter().map(|_| self.inf.fresh_size()).collect();
        for (_, g) in &w.struct_gens[id.0 as usize] {
            if let Gen::Ty(k, c) = g
                && *c != Class::Any
            {
                self.require(&tys[*k as usize], *c, span, false, "a type argument of this struct");
            }
        }
        let ty = Ty::Struct(id, tys.clone(), sizes.clone());
        if let Some(want) = want
            && let Ty::Struct(i, ..) = self.inf.shallow(want)
            && i == id
        {
            let want = want.clone();
            let _ = self.unify(&ty, &want, span, "this struct");
        }
        let mut values: Vec<Option<ExprId>> = vec![None; s.fields.len()];
        for f in fields {
            let Some(k) = s.fields.iter().position(|g| g.name == f.name.name) else {
                let d = Diag::error(codes::E0103, format!("`{}` has no field `{}`", s.name, f.name.name))
                    .at(f.name.span, "not declared")
                    .also(s.span, "the struct")
                    .did_you_mean(&f.name.name, f.name.span, s.fields.iter().map(|f| &*f.name));
                self.report(d);
                self.expr(f.value, None);
                continue;
            };
            let t = subst(&s.fields[k].ty, &tys, &sizes);
            let x = self.check(f.value, &t, &format!("field `{}`", f.name.name));
            if values[k].replace(x).is_some() {
                let d = Diag::error(codes::E0214, format!("field `{}` is given twice", f.name.name));
                self.report(d.at(f.name.span, "again here"));
            }
        }
        let missing: Vec<String> =
            s.fields.iter().zip(&values).filter(|(_, v)| v.is_none()).map(|(f, _)| format!("`{}`", f.name)).collect();
        if !missing.is_empty() {
            let d = Diag::error(
                codes::E0214,
                format!("{} of `{}` missing", if missing.len() == 1 { "a field" } else { "fields" }, s.name),
            )
            .at(path.span, format!("without {}", missing.join(", ")))
            .also(s.span, "the struct");
            self.report(d);
            return self.push(ExprKind::Error, ty, span);
        }
        let values = values.into_iter().flatten().collect();
        self.push(ExprKind::Struct(values), ty, span)
    }

    /// The value of a variant that carries `values`.
    fn make(&mut self, of: &Of, values: Vec<ExprId>, span: Span) -> ExprId {
        let s = &self.w.structs[of.id.0 as usize];
        let v = self.variant(of);
        let tags = s.variants.len().saturating_sub(1);
        let mut all = Vec::with_capacity(s.fields.len());
        let count = s.fields.len();
        for k in 1..=tags {
            all.push(self.push(ExprKind::Lit(u128::from(k == of.variant)), Ty::Bool, span));
        }
        let mut values = values.into_iter();
        for k in tags..count {
            let own = k >= v.first as usize && k < (v.first + v.count) as usize;
            let x = match own.then(|| values.next()).flatten() {
                Some(x) => x,
                None => {
                    let ty = self.carried(of, k);
                    self.push(ExprKind::Zero, ty, span)
                }
            };
            all.push(x);
        }
        self.sized(ExprKind::Struct(all), Ty::Struct(of.id, of.tys.clone(), of.sizes.clone()), span)
    }

    /// Reports a variant that is given something else than it carries.
    pub(super) fn carries(&mut self, of: &Of, given: usize, span: Span) -> ExprId {
        let (v, name) = (self.variant(of), self.variant_name(of));
        let short = name.rsplit("::").next().unwrap_or_default().to_string();
        let form = match (v.named, v.count) {
            (true, _) => format!("`{short} {{ … }}`"),
            (false, 0) => format!("`{short}` alone"),
            (false, n) => format!("`{short}({})`", vec!["…"; n as usize].join(", ")),
        };
        let d = if !v.named && given > 0 && v.count > 0 {
            let plural = if v.count == 1 { "" } else { "s" };
            Diag::error(codes::E0208, format!("`{name}` carries {} value{plural}, here are {given}", v.count))
        } else {
            Diag::error(codes::E0208, format!("`{name}` is written {form}"))
        };
        self.report(d.at(span, "").also(v.span, "declared here"));
        let ty = Ty::Struct(of.id, of.tys.clone(), of.sizes.clone());
        self.push(ExprKind::Error, ty, span)
    }

    /// A truth value: whether the value in `place` is this variant. `None`: it always is.
    pub(super) fn is_variant(&mut self, place: ExprId, of: &Of, span: Span) -> Option<ExprId> {
        let tags = self.w.structs[of.id.0 as usize].variants.len() - 1;
        if tags == 0 {
            return None;
        }
        if of.variant > 0 {
            return Some(self.push(ExprKind::Field(place, of.variant as u32 - 1), Ty::Bool, span));
        }
        // The first is what is none of the others; of these one holds at most.
        let first = self.push(ExprKind::Field(place, 0), Ty::Bool, span);
        let mut rest = Vec::new();
        for k in 1..tags {
            rest.push((BinOp::BitXor, span, self.push(ExprKind::Field(place, k as u32), Ty::Bool, span)));
        }
        let any = if rest.is_empty() { first } else { self.push(ExprKind::Chain(first, rest), Ty::Bool, span) };
        Some(self.push(ExprKind::Unary(UnOp::Not, any), Ty::Bool, span))
    }

    /// Reports a name that is no variant of its enum.
    pub(super) fn no_variant(&mut self, path: &a::Path) {
        let Some(last) = path.parts.last() else { return };
        let mut d = Diag::error(codes::E0103, format!("`{}` is no variant", types::text(path)))
            .at(last.span, "not a variant of an enum");
        let mut quiet = diag::Diags::new();
        if let Some((Def::Struct(id), _)) = self.w.path(self.module, path, &mut quiet) {
            let s = &self.w.structs[id.0 as usize];
            d = d.also(s.span, "declared here").did_you_mean(
                &last.name,
                last.span,
                s.variants.iter().map(|v| &*v.name),
            );
        }
        self.report(d);
    }
}
