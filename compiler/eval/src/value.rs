//! Values of the reference evaluator: scalars that carry whether they are public, and arrays as one column per scalar leaf.
//!
//! An array has one secrecy mark per leaf of its element, as labels do. Knows no expression.

use sema::layout;
use sema::tree::{FnId, Program, Size, Ty, TyEnv};
use std::sync::Arc;

/// The type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `bool`
    Bool,
    /// `u8` … `i128`
    Int {
        /// Two's complement.
        signed: bool,
        /// 1 to 128.
        bits: u8,
    },
    /// `fixed<F>`: a word of 64 bits, two's complement, with so many fraction bits.
    Fixed(u8),
    /// `str`: its number, see `strings`.
    Str,
    /// An exact `i64`, always public.
    Index,
}

/// A scalar: its bits, zero above the width of its kind (64 for [`Kind::Index`]).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Scalar {
    /// The pattern.
    pub bits: u128,
    /// Its type.
    pub kind: Kind,
    /// Not public.
    pub secret: bool,
}

/// A closed type with names gone: structs are tuples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `()`
    Unit,
    /// A scalar.
    Scalar(Kind),
    /// A tuple or a struct.
    Tuple(Vec<Shape>),
    /// An array.
    Array(usize, Box<Shape>),
}

/// All values of one leaf of an array, row-major.
#[derive(Clone, PartialEq, Eq)]
pub struct Col {
    /// Their type.
    pub kind: Kind,
    /// Not public.
    pub secret: bool,
    /// Their bits.
    pub bits: Arc<Vec<u128>>,
}

/// An array; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Array {
    /// Number of elements.
    pub len: usize,
    /// What an element is.
    pub elem: Arc<Shape>,
    /// One per leaf of the element, each `len` times the leaf's lanes long.
    pub cols: Vec<Col>,
}

/// A closure or a function as a value; never leaves the evaluator.
#[derive(Clone, PartialEq, Eq)]
pub struct Callee {
    pub(crate) f: FnId,
    pub(crate) env: Arc<TyEnv>,
    /// For a closure: the frame that it stands in and its expression.
    pub(crate) closure: Option<(usize, sema::tree::ExprId)>,
}

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// `()`
    Unit,
    /// A scalar.
    Scalar(Scalar),
    /// A tuple or a struct.
    Tuple(Arc<Vec<Value>>),
    /// An array.
    Array(Arc<Array>),
    /// An argument of function type.
    Fn(Callee),
}

/// Most lanes that one array may have here: 2^28, four gigabytes.
pub const MAX_LANES: u64 = 1 << 28;

/// A step into a value.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// Field or tuple part.
    Field(u32),
    /// Element.
    Index(i64),
    /// Element, by an index that is not public: zero where there is none.
    Hidden(i64),
}

/// Why a step into a value failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// An index outside of its array: the index and the length.
    Bounds(i64, usize),
    /// A step that the value does not have: the tree is wrong.
    Shape,
}

impl Kind {
    /// The kind of a scalar type, under an environment.
    pub fn of(ty: &Ty, env: &TyEnv) -> Option<Kind> {
        match ty {
            Ty::Bool => Some(Kind::Bool),
            Ty::Int { signed, bits } => Some(Kind::Int { signed: *signed, bits: *bits }),
            Ty::Fixed(f) => Some(Kind::Fixed(*f)),
            Ty::Str => Some(Kind::Str),
            Ty::Index => Some(Kind::Index),
            Ty::Param(k) => match env.tys.get(*k as usize)? {
                Ty::Param(_) => None,
                ty => Kind::of(ty, env),
            },
            _ => None,
        }
    }
    /// Its number of bits.
    pub fn width(self) -> u32 {
        match self {
            Kind::Bool => 1,
            Kind::Int { bits, .. } => u32::from(bits),
            Kind::Str => 128,
            Kind::Fixed(_) | Kind::Index => 64,
        }
    }
    /// All ones, in its width.
    pub fn mask(self) -> u128 {
        u128::MAX >> (128 - self.width())
    }
    /// Whether it has a sign.
    pub fn signed(self) -> bool {
        matches!(self, Kind::Int { signed: true, .. } | Kind::Fixed(_) | Kind::Index)
    }
}

impl Scalar {
    /// A public scalar; bits above the width are dropped.
    pub fn public(kind: Kind, bits: u128) -> Scalar {
        Scalar { bits: bits & kind.mask(), kind, secret: false }
    }
    /// A public index.
    pub fn index(i: i64) -> Scalar {
        Scalar::public(Kind::Index, i as u64 as u128)
    }
    /// Its number, sign-extended where the kind has a sign. (A `u128` above `i128::MAX` comes out negative.)
    pub fn number(&self) -> i128 {
        let n = self.kind.width();
        if self.kind.signed() { ((self.bits << (128 - n)) as i128) >> (128 - n) } else { self.bits as i128 }
    }
    /// Its number, if it fits `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        if self.kind.signed() { i64::try_from(self.number()).ok() } else { i64::try_from(self.bits).ok() }
    }
    /// Whether it is not zero.
    pub fn truth(&self) -> bool {
        self.bits != 0
    }
}

impl Shape {
    /// The shape of a closed type; `None` for functions, open types, and arrays of more than [`MAX_LANES`] lanes.
    pub fn of(program: &Program, ty: &Ty, families: &Arc<[i64]>) -> Option<Shape> {
        let mut budget = layout::MAX_PARTS;
        let shape = Shape::walk(program, ty, families, &mut budget)?;
        (shape.lanes()? <= MAX_LANES).then_some(shape)
    }
    fn walk(program: &Program, ty: &Ty, families: &Arc<[i64]>, budget: &mut usize) -> Option<Shape> {
        *budget = budget.checked_sub(1)?;
        let mut all = |tys: &[Ty]| -> Option<Vec<Shape>> {
            tys.iter().map(|t| Shape::walk(program, t, families, budget)).collect()
        };
        Some(match ty {
            Ty::Unit => Shape::Unit,
            Ty::Bool | Ty::Int { .. } | Ty::Fixed(_) | Ty::Str | Ty::Index => {
                Shape::Scalar(Kind::of(ty, &TyEnv::default())?)
            }
            Ty::Array(elem, Size::Const(n)) => {
                Shape::Array(usize::try_from(*n).ok()?, Box::new(Shape::walk(program, elem, families, budget)?))
            }
            Ty::Tuple(parts) => Shape::Tuple(all(parts)?),
            Ty::Struct(id, tys, sizes) => Shape::Tuple(all(&layout::fields(program, *id, tys, sizes, families)?)?),
            _ => return None,
        })
    }
    /// Total of scalars; `None` on overflow.
    pub fn lanes(&self) -> Option<u64> {
        match self {
            Shape::Unit => Some(0),
            Shape::Scalar(_) => Some(1),
            Shape::Tuple(parts) => parts.iter().try_fold(0u64, |n, p| n.checked_add(p.lanes()?)),
            Shape::Array(n, elem) => elem.lanes()?.checked_mul(*n as u64),
        }
    }
    /// Calls `f` with kind and lanes of each leaf in order.
    pub fn each_leaf(&self, lanes: usize, f: &mut impl FnMut(Kind, usize)) {
        match self {
            Shape::Unit => {}
            Shape::Scalar(kind) => f(*kind, lanes),
            Shape::Tuple(parts) => parts.iter().for_each(|p| p.each_leaf(lanes, f)),
            Shape::Array(n, elem) => elem.each_leaf(lanes * n, f),
        }
    }
    /// Kind and lanes of each leaf.
    pub fn leaf_list(&self) -> Vec<(Kind, usize)> {
        let mut out = Vec::new();
        self.each_leaf(1, &mut |k, n| out.push((k, n)));
        out
    }
    fn leaf_count(&self) -> usize {
        match self {
            Shape::Unit => 0,
            Shape::Scalar(_) => 1,
            Shape::Tuple(parts) => parts.iter().map(Shape::leaf_count).sum(),
            Shape::Array(_, elem) => elem.leaf_count(),
        }
    }
    /// Builds a value of this shape: `leaf(kind, lanes)` gives each leaf's column, in order.
    fn build(&self, leaf: &mut impl FnMut(Kind, usize) -> Col) -> Value {
        match self {
            Shape::Unit => Value::Unit,
            Shape::Scalar(kind) => {
                let col = leaf(*kind, 1);
                Value::Scalar(Scalar { bits: col.bits[0], kind: *kind, secret: col.secret })
            }
            Shape::Tuple(parts) => Value::Tuple(Arc::new(parts.iter().map(|p| p.build(leaf)).collect())),
            Shape::Array(len, elem) => {
                let mut cols = Vec::new();
                elem.each_leaf(*len, &mut |kind, lanes| cols.push(leaf(kind, lanes)));
                Value::Array(Arc::new(Array { len: *len, elem: Arc::new((**elem).clone()), cols }))
            }
        }
    }
}

impl Value {
    /// A public scalar.
    pub fn scalar(kind: Kind, bits: u128) -> Value {
        Value::Scalar(Scalar::public(kind, bits))
    }
    /// As it would be written; of an array the first elements. For values that may be shown.
    pub fn text(&self) -> String {
        const SHOWN: usize = 16;
        match self {
            Value::Unit => "()".into(),
            Value::Scalar(s) => match s.kind {
                Kind::Bool => s.truth().to_string(),
                Kind::Int { signed: false, .. } => s.bits.to_string(),
                // Without its table a string has no text.
                Kind::Str => format!("a string of hash {}", strings::hash(s.bits)),
                Kind::Fixed(f) => decimal::text(s.number() as i64, u32::from(f)),
                _ => s.number().to_string(),
            },
            Value::Tuple(parts) => {
                let parts: Vec<String> = parts.iter().map(Value::text).collect();
                format!("({})", parts.join(", "))
            }
            Value::Array(a) => {
                let shown = (0..a.len.min(SHOWN)).filter_map(|k| a.get(k as i64, &[]).ok()).map(|v| v.text());
                let list = shown.collect::<Vec<_>>().join(", ");
                if a.len > SHOWN { format!("[{list}, … {} more]", a.len - SHOWN) } else { format!("[{list}]") }
            }
            Value::Fn(_) => "a function".into(),
        }
    }
    /// A bool, public.
    pub fn bool(b: bool) -> Value {
        Value::scalar(Kind::Bool, u128::from(b))
    }
    /// A value from one column per leaf (see `sema::layout::leaves`), each as long as the leaf has lanes; bits above the
    /// width are dropped. `None` where number or lengths of columns do not fit the shape.
    pub fn from_columns(shape: &Shape, columns: Vec<Vec<u128>>, secret: bool) -> Option<Value> {
        let list = shape.leaf_list();
        if list.len() != columns.len() || list.iter().zip(&columns).any(|((_, n), c)| c.len() != *n) {
            return None;
        }
        let mut columns = columns.into_iter();
        Some(shape.build(&mut |kind, _| {
            let mut bits = columns.next().unwrap_or_default();
            bits.iter_mut().for_each(|b| *b &= kind.mask());
            Col { kind, secret, bits: Arc::new(bits) }
        }))
    }
    /// One column per leaf, in order.
    pub fn to_columns(&self) -> Vec<Vec<u128>> {
        let mut out = Vec::new();
        self.push_columns(&mut out);
        out
    }
    fn push_columns(&self, out: &mut Vec<Vec<u128>>) {
        match self {
            Value::Unit | Value::Fn(_) => {}
            Value::Scalar(s) => out.push(vec![s.bits]),
            Value::Tuple(parts) => parts.iter().for_each(|p| p.push_columns(out)),
            Value::Array(a) => out.extend(a.cols.iter().map(|c| c.bits.to_vec())),
        }
    }
    /// Its shape (that of a function is [`Shape::Unit`]).
    pub fn shape(&self) -> Shape {
        match self {
            Value::Unit | Value::Fn(_) => Shape::Unit,
            Value::Scalar(s) => Shape::Scalar(s.kind),
            Value::Tuple(parts) => Shape::Tuple(parts.iter().map(Value::shape).collect()),
            Value::Array(a) => Shape::Array(a.len, Box::new((*a.elem).clone())),
        }
    }
    /// Whether any of it is not public.
    pub fn secret(&self) -> bool {
        match self {
            Value::Unit | Value::Fn(_) => false,
            Value::Scalar(s) => s.secret,
            Value::Tuple(parts) => parts.iter().any(Value::secret),
            Value::Array(a) => a.cols.iter().any(|c| c.secret),
        }
    }
    /// Makes all of it public or not. Indices stay public.
    pub fn mark(&mut self, secret: bool) {
        match self {
            Value::Unit | Value::Fn(_) => {}
            Value::Scalar(s) => s.secret = secret && s.kind != Kind::Index,
            Value::Tuple(parts) => Arc::make_mut(parts).iter_mut().for_each(|p| p.mark(secret)),
            Value::Array(a) => {
                let to = |c: &Col| secret && c.kind != Kind::Index;
                if a.cols.iter().any(|c| c.secret != to(c)) {
                    Arc::make_mut(a).cols.iter_mut().for_each(|c| c.secret = to(c));
                }
            }
        }
    }
    /// The part that the steps lead to.
    pub fn get(&self, steps: &[Step]) -> Result<Value, Bad> {
        match (self, steps) {
            (_, []) => Ok(self.clone()),
            (Value::Tuple(parts), [Step::Field(k), rest @ ..]) => parts.get(*k as usize).ok_or(Bad::Shape)?.get(rest),
            (Value::Array(a), [Step::Index(i) | Step::Hidden(i), rest @ ..]) => a.get(*i, rest),
            _ => Err(Bad::Shape),
        }
    }
    /// The part that the steps lead to, some of them by an index that is not public: neither is what they give.
    pub fn look(&self, steps: &[Step]) -> Result<Value, Bad> {
        let mut v = self.clone();
        for step in steps {
            v = match (v.get(&[*step]), step, &v) {
                (Err(Bad::Bounds(..)), Step::Hidden(_), Value::Array(a)) => Value::zero(&a.elem),
                (r, ..) => r?,
            };
        }
        v.mark(true);
        Ok(v)
    }
    /// The public value of a shape of which every bit is zero.
    pub fn zero(shape: &Shape) -> Value {
        shape.build(&mut |kind, lanes| Col { kind, secret: false, bits: Arc::new(vec![0; lanes]) })
    }
    /// Replaces the part that the steps lead to, which must have the shape of `new`. An element's secrecy joins its
    /// array's; anything else takes the secrecy of `new`.
    pub fn set(&mut self, steps: &[Step], new: Value) -> Result<(), Bad> {
        match (self, steps) {
            (this, []) => {
                *this = new;
                Ok(())
            }
            (Value::Tuple(parts), [Step::Field(k), rest @ ..]) => {
                Arc::make_mut(parts).get_mut(*k as usize).ok_or(Bad::Shape)?.set(rest, new)
            }
            (Value::Array(a), [Step::Index(i) | Step::Hidden(i), rest @ ..]) => Arc::make_mut(a).set(*i, rest, &new),
            _ => Err(Bad::Shape),
        }
    }
}

/// Where a part of an element lies: for each leaf of it, its column, its first number there, how many.
struct Part<'a> {
    shape: &'a Shape,
    first_col: usize,
    /// Offset and number of lanes of each leaf.
    spans: Vec<(usize, usize)>,
}

impl Array {
    /// An array of `len` elements of one shape from a function; elements must have the shape.
    pub fn collect(elem: Shape, elems: &[Value]) -> Result<Array, Bad> {
        let mut cols: Vec<Col> = Vec::new();
        elem.each_leaf(elems.len(), &mut |kind, lanes| {
            cols.push(Col { kind, secret: false, bits: Arc::new(Vec::with_capacity(lanes)) });
        });
        for e in elems {
            let mut k = 0;
            each_leaf(e, &mut |_, secret, bits| {
                if let Some(col) = cols.get_mut(k) {
                    col.secret |= secret;
                    Arc::make_mut(&mut col.bits).extend_from_slice(bits);
                }
                k += 1;
            });
            if k != cols.len() {
                return Err(Bad::Shape);
            }
        }
        let mut k = 0;
        let mut ok = true;
        elem.each_leaf(elems.len(), &mut |_, lanes| {
            ok &= cols[k].bits.len() == lanes;
            k += 1;
        });
        if !ok {
            return Err(Bad::Shape);
        }
        Ok(Array { len: elems.len(), elem: Arc::new(elem), cols })
    }
    fn bound(&self, i: i64) -> Result<usize, Bad> {
        usize::try_from(i).ok().filter(|i| *i < self.len).ok_or(Bad::Bounds(i, self.len))
    }
    /// Element `i`, or a part of it.
    pub fn get(&self, i: i64, rest: &[Step]) -> Result<Value, Bad> {
        let at = self.bound(i)?;
        if let Shape::Scalar(kind) = *self.elem {
            if !rest.is_empty() {
                return Err(Bad::Shape);
            }
            let col = &self.cols[0];
            return Ok(Value::Scalar(Scalar { bits: col.bits[at], kind, secret: col.secret }));
        }
        let part = self.part(at, rest)?;
        let mut k = 0;
        Ok(part.shape.build(&mut |kind, _| {
            let (from, lanes) = part.spans[k];
            let col = &self.cols[part.first_col + k];
            k += 1;
            Col { kind, secret: col.secret, bits: Arc::new(col.bits[from..from + lanes].to_vec()) }
        }))
    }
    fn set(&mut self, i: i64, rest: &[Step], new: &Value) -> Result<(), Bad> {
        let at = self.bound(i)?;
        if let (Shape::Scalar(_), Value::Scalar(s), []) = (&*self.elem, new, rest) {
            let col = &mut self.cols[0];
            col.secret |= s.secret;
            Arc::make_mut(&mut col.bits)[at] = s.bits;
            return Ok(());
        }
        let part = self.part(at, rest)?;
        let (first, spans) = (part.first_col, part.spans);
        let mut k = 0;
        let mut ok = true;
        each_leaf(new, &mut |_, secret, bits| {
            match spans.get(k) {
                Some(&(from, lanes)) if lanes == bits.len() => {
                    let col = &mut self.cols[first + k];
                    col.secret |= secret;
                    Arc::make_mut(&mut col.bits)[from..from + lanes].copy_from_slice(bits);
                }
                _ => ok = false,
            }
            k += 1;
        });
        if ok && k == spans.len() { Ok(()) } else { Err(Bad::Shape) }
    }
    fn part(&self, at: usize, rest: &[Step]) -> Result<Part<'_>, Bad> {
        let mut spans = Vec::with_capacity(self.cols.len());
        self.elem.each_leaf(1, &mut |_, lanes| spans.push((at * lanes, lanes)));
        let mut part = Part { shape: &self.elem, first_col: 0, spans };
        for step in rest {
            match (step, part.shape) {
                (Step::Field(k), Shape::Tuple(parts)) => {
                    let k = *k as usize;
                    part.shape = parts.get(k).ok_or(Bad::Shape)?;
                    let skip: usize = parts[..k].iter().map(Shape::leaf_count).sum();
                    part.first_col += skip;
                    part.spans.drain(..skip);
                    part.spans.truncate(part.shape.leaf_count());
                }
                (Step::Index(i) | Step::Hidden(i), Shape::Array(len, elem)) => {
                    let i = usize::try_from(*i).ok().filter(|i| i < len).ok_or(Bad::Bounds(*i, *len))?;
                    for (from, lanes) in &mut part.spans {
                        *lanes /= len;
                        *from += i * *lanes;
                    }
                    part.shape = elem;
                }
                _ => return Err(Bad::Shape),
            }
        }
        Ok(part)
    }
}

/// Calls `f` with kind, secrecy, and numbers of each leaf.
pub(crate) fn each_leaf(v: &Value, f: &mut impl FnMut(Kind, bool, &[u128])) {
    match v {
        Value::Unit | Value::Fn(_) => {}
        Value::Scalar(s) => f(s.kind, s.secret, &[s.bits]),
        Value::Tuple(parts) => parts.iter().for_each(|p| each_leaf(p, f)),
        Value::Array(a) => a.cols.iter().for_each(|c| f(c.kind, c.secret, &c.bits)),
    }
}

/// Prints shapes only where a value is not public.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Unit => f.write_str("()"),
            Value::Fn(_) => f.write_str("fn"),
            Value::Scalar(s) => s.fmt(f),
            Value::Tuple(parts) => f.debug_list().entries(parts.iter()).finish(),
            Value::Array(a) if self.secret() => write!(f, "[not public; {}]", a.len),
            Value::Array(a) => f.debug_list().entries((0..a.len).map(|i| a.get(i as i64, &[]))).finish(),
        }
    }
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            _ if self.secret => f.write_str("not public"),
            Kind::Bool => write!(f, "{}", self.truth()),
            k if k.signed() => write!(f, "{}", self.number()),
            _ => write!(f, "{}", self.bits),
        }
    }
}

impl std::fmt::Debug for Callee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("fn")
    }
}
