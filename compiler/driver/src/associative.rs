//! Whether functions declared `#[associative]` are so, on random values in the reference evaluator. Knows no circuit.

use crate::check::Checked;
use crate::emit::TestFailure;
use eval::Value;
use eval::value::{Array, Kind, Scalar, Shape};
use sema::layout;
use sema::tree::{FnId, Program, Size, Ty, TyEnv};
use std::sync::Arc;

/// How many triples of values are tried.
pub const TRIPLES: usize = 256;

/// Functions of the program, the library left out, that are declared associative.
pub fn associative(program: &Program) -> Vec<FnId> {
    let ids = (0..program.fns.len() as u32).map(FnId);
    ids.filter(|f| program.f(*f).associative && !program.f(*f).library).collect()
}

/// Tries whether `f(f(a, b), c)` is `f(a, f(b, c))`, on [`TRIPLES`] triples: random values, small ones, and the extremes of
/// their types. The same each time.
///
/// # Errors
/// The first triple of which it is not so; a size that the program leaves open; what the function itself fails at.
pub fn run_associative(checked: &Checked, f: FnId) -> Result<(), TestFailure> {
    let program = &checked.program;
    let code = program.f(f);
    let fail = |what: String, sides| TestFailure { span: code.span, what, sides };
    let env = TyEnv { families: vec![0; program.parties.len()].into(), ..TyEnv::default() };
    let ty = layout::close(&code.ret, &env).ok_or_else(|| fail("a size here is no number".into(), None))?;
    if layout::holds_strings(&program.structs, &ty) {
        return Err(fail("values of this type cannot be made up".into(), None));
    }
    let mut random = Random { program, families: env.families.clone(), state: 1 };
    for _ in 0..TRIPLES {
        let mut draw = || random.value(&ty).ok_or_else(|| fail("values of this type cannot be made up".into(), None));
        let (a, b, c) = (draw()?, draw()?, draw()?);
        let call = |x: &Value, y: &Value| {
            // On secret values every operation is defined; a function that needs public ones gets such.
            let with = |secret: bool| {
                let mut args = vec![x.clone(), y.clone()];
                args.iter_mut().for_each(|v| v.mark(secret));
                eval::run_fn(program, f, &env, args)
            };
            with(true).or_else(|_| with(false)).map_err(|e| TestFailure { span: e.span, what: e.what, sides: None })
        };
        let (mut left, mut right) = (call(&call(&a, &b)?, &c)?, call(&a, &call(&b, &c)?)?);
        left.mark(false);
        right.mark(false);
        if left != right {
            let name = code.name.rsplit("::").next().unwrap_or(&code.name);
            let what = format!(
                "not associative: {name}({name}(a, b), c) differs from {name}(a, {name}(b, c)) for a = {}, b = {}, c = {}",
                a.text(),
                b.text(),
                c.text()
            );
            return Err(fail(what, Some((left.text(), right.text()))));
        }
    }
    Ok(())
}

/// Makes values up.
struct Random<'p> {
    program: &'p Program,
    families: Arc<[i64]>,
    state: u64,
}

impl Random<'_> {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.state ^ self.state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
    fn scalar(&mut self, kind: Kind) -> Value {
        let wide = u128::from(self.bits()) << 64 | u128::from(self.bits());
        let mask = kind.mask();
        let bits = match self.bits() % 8 {
            0 | 1 => (wide % 5) & mask,
            2 => mask,
            3 if kind.signed() => mask >> 1,
            4 if kind.signed() => mask ^ mask >> 1,
            _ => wide & mask,
        };
        Value::Scalar(Scalar::public(kind, bits))
    }
    fn zero(&self, ty: &Ty) -> Option<Value> {
        Shape::of(self.program, ty, &self.families).map(|s| Value::zero(&s))
    }
    fn value(&mut self, ty: &Ty) -> Option<Value> {
        Some(match ty {
            Ty::Unit => Value::Unit,
            Ty::Tuple(parts) => {
                Value::Tuple(Arc::new(parts.iter().map(|t| self.value(t)).collect::<Option<Vec<_>>>()?))
            }
            Ty::Struct(id, tys, sizes) => {
                let fields = layout::fields(self.program, *id, tys, sizes, &self.families)?;
                let variants = &self.program.structs[id.0 as usize].variants;
                let chosen = self.bits() as usize % variants.len().max(1);
                let carried = variants.get(chosen).map(|v| v.first as usize..(v.first + v.count) as usize);
                let tags = variants.len().saturating_sub(1);
                let mut out = Vec::with_capacity(fields.len());
                for (k, ty) in fields.iter().enumerate() {
                    out.push(match &carried {
                        Some(_) if k < tags => Value::bool(k + 1 == chosen),
                        Some(range) if !range.contains(&k) => self.zero(ty)?,
                        _ => self.value(ty)?,
                    });
                }
                Value::Tuple(Arc::new(out))
            }
            Ty::Array(of, Size::Const(n)) => {
                let shape = Shape::of(self.program, of, &self.families)?;
                let items = (0..*n).map(|_| self.value(of)).collect::<Option<Vec<_>>>()?;
                Value::Array(Arc::new(Array::collect(shape, &items).ok()?))
            }
            _ => self.scalar(Kind::of(ty, &TyEnv::default())?),
        })
    }
}
