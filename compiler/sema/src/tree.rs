//! The typed program: names resolved, every expression with its type; what the evaluator runs and lowering reads.
//!
//! Still generic: a function keeps its type and size parameters, and whoever runs or lowers it carries an environment that
//! binds them ([`TyEnv`]). Knows no labels (see `labels`) and no circuit. Expressions of a function live in one arena.

use diag::Span;
use std::sync::Arc;

pub use syntax::ast::{BinOp, UnOp};

macro_rules! id {
    ($(#[$m:meta])* $name:ident) => {
        $(#[$m])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);
    };
}
id!(/// Index into [`Program::fns`].
    FnId);
id!(/// Index into [`Program::structs`].
    StructId);
id!(/// Index into [`Program::parties`].
    PartyId);
id!(/// Index into [`Program::consts`].
    ConstId);
id!(/// Index into [`Fn::locals`].
    LocalId);
id!(/// Index into [`Fn::exprs`].
    ExprId);

/// A checked program: all modules together.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Parties in order of declaration.
    pub parties: Vec<Party>,
    /// Structs.
    pub structs: Vec<Struct>,
    /// Constants.
    pub consts: Vec<Const>,
    /// Functions, methods included (`S::m`).
    pub fns: Vec<Fn>,
    /// `main` of the root module.
    pub main: Option<FnId>,
    /// `#[test]` functions of the root module and its `mod`s (not of the library).
    pub tests: Vec<FnId>,
    /// `//!` of the root module.
    pub doc: String,
    /// Boolean circuits that files gave.
    pub circuits: Vec<Circuit>,
    /// Strings that stand in its text.
    pub strings: strings::Table,
    /// `#![fixed(fast)]`: products of fixed-point numbers may be one unit of the last place less.
    pub fast_fixed: bool,
    /// `checked fn main`: where its name stands. What overflows, divides by zero, or reads or writes nothing is remembered in
    /// secret, and ends the run before anything is opened.
    pub checked: Option<Span>,
}

/// Index into [`Program::circuits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CircuitId(pub u32);

/// The circuit of an `extern circuit fn`. Its inputs are the bits of all parameters, its outputs those of the result: element
/// by element, each least significant bit first.
#[derive(Clone, Debug)]
pub struct Circuit {
    /// The file's name, as written.
    pub file: Arc<str>,
    /// Its gates.
    pub net: Arc<netlist::Net>,
    /// Elements of all parameters: a scalar type, and how many of it.
    pub params: Vec<(Ty, u64)>,
    /// The same of the result.
    pub results: Vec<(Ty, u64)>,
    /// The result's type.
    pub ret: Ty,
}

/// A party or a family.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its name.
    pub name: Arc<str>,
    /// The size name, for a family: a global [`SizeVar::Family`].
    pub family: Option<Arc<str>>,
    /// Where it is declared.
    pub span: Span,
}

/// A struct.
#[derive(Clone, Debug)]
pub struct Struct {
    /// Its name.
    pub name: Arc<str>,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// Names of its type parameters (`Ty::Param(k)` in field types counts here).
    pub ty_params: Vec<Arc<str>>,
    /// Names of its size parameters.
    pub size_params: Vec<Arc<str>>,
    /// Of an enum, its variants. Its fields are first one truth value for each variant but the first, of which one holds at
    /// most, and then what the variants carry, zero but in the one that the value is.
    pub variants: Vec<Variant>,
    /// Where it is declared.
    pub span: Span,
}

/// A variant of an enum.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its name.
    pub name: Arc<str>,
    /// The first field that it carries.
    pub first: u32,
    /// How many it carries.
    pub count: u32,
    /// Whether these have names.
    pub named: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Ty,
    /// Declared range (inclusive, as signed numbers), of the innermost scalar of the type.
    pub range: Option<(i128, i128)>,
    /// Where it stands.
    pub span: Span,
}

/// A constant: its initialiser is an expression of a function without parameters.
#[derive(Clone, Debug)]
pub struct Const {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Ty,
    /// A parameterless function whose body is the value.
    pub init: FnId,
    /// Where it is declared.
    pub span: Span,
}

/// A class of a type parameter, weakest first; each row of `language.md` section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Class {
    Any,
    Eq,
    Ord,
    Bits,
    Num,
    Int,
    /// What `/` works on: integers and fixed-point numbers. No parameter demands it.
    Div,
}

/// A type. Sizes inside may mention size variables of the function (or struct) that it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ty {
    /// `bool`
    Bool,
    /// `u8` … `i128`
    Int {
        /// Two's complement.
        signed: bool,
        /// 1 to 128.
        bits: u8,
    },
    /// `fixed<F>`: a 64-bit two's-complement word with so many fraction bits, 1 to 31.
    Fixed(u8),
    /// `str`: the number of a string (see `strings`), which means something to whoever holds the string alone. Public or one
    /// party's, never shared.
    Str,
    /// A size, a loop index, or arithmetic on such: a public integer (exact, `i64`), which [`ExprKind::FromIndex`] turns
    /// into the integer type that a context asks for. Never the type of a parameter or of anything stored in a party's data.
    Index,
    /// `()`
    Unit,
    /// `[T; N]`
    Array(Box<Ty>, Size),
    /// `(T, U)`; at least two parts.
    Tuple(Vec<Ty>),
    /// A struct with its arguments.
    Struct(StructId, Vec<Ty>, Vec<Size>),
    /// Type parameter k of the function (or struct).
    Param(u32),
    /// `fn(T) -> U`: only the type of a parameter that is called, and of closures.
    Fn(Vec<Ty>, Box<Ty>),
    /// Where an error was reported; agrees with everything.
    Error,
}

/// A size: an integer expression over size variables, simplified.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Size {
    /// A number.
    Const(i64),
    /// A variable.
    Var(SizeVar),
    /// An operation; division truncates.
    Bin(SizeOp, Box<Size>, Box<Size>),
    /// Where an error was reported.
    Error,
}

/// A size variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SizeVar {
    /// Size parameter k of the function (or struct).
    Param(u32),
    /// The number of members of a family; global.
    Family(PartyId),
}

/// Operators of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum SizeOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Bindings of a function's parameters, for whoever runs or lowers it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TyEnv {
    /// Type parameters: closed types (no `Param`, all sizes `Const`).
    pub tys: Vec<Ty>,
    /// Size parameters.
    pub sizes: Vec<i64>,
    /// Sizes of families by party id; 0 for a single party. Global to a run.
    pub families: Arc<[i64]>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Fn {
    /// Its name (`S::m` for methods, `mod::f` outside the root).
    pub name: Arc<str>,
    /// Where its name stands.
    pub span: Span,
    /// `///` text.
    pub doc: String,
    /// Type parameters: name, class.
    pub ty_params: Vec<(Arc<str>, Class)>,
    /// Names of size parameters.
    pub size_params: Vec<Arc<str>>,
    /// Equalities of sizes that checking could not decide: checked when sizes are bound.
    pub size_checks: Vec<SizeCheck>,
    /// Parameters.
    pub params: Vec<Param>,
    /// Result type.
    pub ret: Ty,
    /// For `main`: who gets the result, one, or one per part of the result tuple. Else empty.
    pub recipients: Vec<Gets>,
    /// Where the result type stands (the name, if there is none).
    pub ret_span: Span,
    /// Locals, parameters first.
    pub locals: Vec<Local>,
    /// Expressions.
    pub exprs: Vec<Expr>,
    /// The body.
    pub body: ExprId,
    /// Whether it comes from the embedded library.
    pub library: bool,
    /// `#[associative]`: of two values of the result's type; any grouping of several calls gives the same, so its author
    /// says.
    pub associative: bool,
    /// Codes of lints that `#[allow(…)]` switches off.
    pub allow: Vec<Arc<str>>,
}

/// `left == right` must hold once sizes are bound.
#[derive(Clone, Debug)]
pub struct SizeCheck {
    /// One side.
    pub left: Size,
    /// The other.
    pub right: Size,
    /// Where it was needed.
    pub span: Span,
    /// What for, in words ("`a` and `b` are added").
    pub what: String,
}

/// A parameter.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its local; a pattern parameter is a fresh local that the body destructures first.
    pub local: LocalId,
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Ty,
    /// For `main`: who brings it.
    pub origin: Origin,
    /// Declared range of the innermost scalar, inclusive.
    pub range: Option<(i128, i128)>,
    /// All of it.
    pub span: Span,
}

/// Who brings a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Not a parameter of `main`.
    Caller,
    /// `from P`. For a family, `ty` is `[T; N]` with N its size: each member brings one element.
    From(PartyId),
    /// `public`
    Public,
    /// `secret`: nobody brings it; the nodes have shares of it that an earlier run left.
    Kept,
}

/// Who gets a part of `main`'s result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gets {
    /// All learn it.
    #[default]
    Everyone,
    /// `to P`
    Party(PartyId),
    /// `secret`: nobody learns it; the nodes keep shares of it for a later run.
    Nobody,
}

impl Fn {
    /// Who gets part k of the result, of as many as the result tuple has.
    pub fn gets(&self, k: usize) -> Gets {
        let each = self.recipients.len() > 1;
        self.recipients.get(if each { k } else { 0 }).copied().unwrap_or_default()
    }
}

/// A local variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub ty: Ty,
    /// `mut`.
    pub mutable: bool,
    /// Where it is bound.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type; equal ones are shared within a function.
    pub ty: Arc<Ty>,
    /// Where it stands.
    pub span: Span,
}

/// Bindings of a function's type and size parameters where it is named, in terms of the caller's.
#[derive(Clone, Debug, Default)]
pub struct Generics {
    /// Type arguments.
    pub tys: Vec<Ty>,
    /// Size arguments.
    pub sizes: Vec<Size>,
}

/// Kinds of expressions.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number or a bool (0, 1), as the bit pattern of the expression's type; for `Index` the two's complement of an i64.
    Lit(u128),
    /// A variable.
    Local(LocalId),
    /// A size as a value; type `Index`.
    Size(Size),
    /// A constant.
    Const(ConstId),
    /// An `Index` as the expression's integer type; a value that does not fit is an error with its span.
    FromIndex(ExprId),
    /// `-e`, `!e`; elementwise on arrays.
    Unary(UnOp, ExprId),
    /// `first op e op e`, from the left. Operand and result types:
    /// arithmetic and bitwise: all operands have the type of the result (an integer, `Index`, a class parameter, bool for bitwise, or arrays of these of equal shape: elementwise);
    /// `Shl`/`Shr`: the right operand is a public integer of any type or `Index` (a scalar, also when the left is an array);
    /// comparisons: one in `rest`; scalars give bool, arrays give arrays of bools elementwise; `Eq`/`Ne` also on tuples and structs, giving one bool;
    /// `And`/`Or` on bools, both sides always evaluated when secret, short-circuit when public.
    Chain(ExprId, Vec<(BinOp, Span, ExprId)>),
    /// To the expression's type: int to int, bool to int, int to bool is refused, `Index` to int (wrapping) and public int to `Index` (`as` in an index). Elementwise on arrays.
    Cast(ExprId),
    /// A function of the program with its bindings.
    Call {
        /// Which.
        f: FnId,
        /// Type and size arguments.
        generics: Box<Generics>,
        /// Arguments; a closure argument is a [`ExprKind::Closure`] or a [`ExprKind::FnRef`].
        args: Vec<ExprId>,
    },
    /// A call of a parameter of function type.
    CallLocal(LocalId, Vec<ExprId>),
    /// A built-in operation.
    Builtin(Builtin, Vec<ExprId>),
    /// `|x, y| e`: shares the locals of its function; captures by value at the point where it stands.
    Closure {
        /// Its parameters.
        params: Vec<Pat>,
        /// Its body.
        body: ExprId,
    },
    /// A function as an argument.
    FnRef {
        /// Which.
        f: FnId,
        /// Type and size arguments.
        generics: Box<Generics>,
    },
    /// Field k of a struct, or part k of a tuple.
    Field(ExprId, u32),
    /// `base[index]`: the index is `Index` or a public integer.
    Index(ExprId, ExprId),
    /// `[a, b]`
    Array(Vec<ExprId>),
    /// `[x; n]`; n is the size in the expression's type.
    Repeat(ExprId),
    /// `(a, b)`
    Tuple(Vec<ExprId>),
    /// `S { … }`: values in order of declaration of the fields (evaluated in that order).
    Struct(Vec<ExprId>),
    /// `{ … }`
    Block(Vec<Stmt>, Option<ExprId>),
    /// `if`
    If {
        /// The condition.
        cond: ExprId,
        /// When true.
        then: ExprId,
        /// When false; absent for type `()`.
        otherwise: Option<ExprId>,
        /// Locals of outside that either branch assigns, sorted.
        writes: Arc<[LocalId]>,
    },
    /// `for`
    For {
        /// Bound to each element.
        pat: Box<Pat>,
        /// Over what.
        iter: Box<Iter>,
        /// The body.
        body: ExprId,
        /// Locals of outside that the body assigns, sorted.
        writes: Arc<[LocalId]>,
    },
    /// `while`
    While {
        /// The condition, before each turn.
        cond: ExprId,
        /// After `max`: the most turns, an `Index`. With it the condition need not be public.
        max: Option<ExprId>,
        /// The body.
        body: ExprId,
        /// Locals of outside that the condition or the body assigns, sorted.
        writes: Arc<[LocalId]>,
    },
    /// `at P { … }`: run in the clear at P.
    At {
        /// Who.
        party: PartyId,
        /// The block.
        body: ExprId,
        /// Locals of outside that it reads as they are, sorted.
        reads: Arc<[LocalId]>,
        /// For a family: locals of outside that hold an element of each member, and the local that is the member's own
        /// inside. The value then is the array of what the block gives at each member.
        each: Arc<[(LocalId, LocalId)]>,
    },
    /// `assert(c)`, `assert(c, "…")`; `assert_eq(a, b)` is this with `what` set and an equality inside.
    Assert {
        /// Must be true.
        cond: ExprId,
        /// The message.
        what: Arc<str>,
    },
    /// `return e`: leaves the function, or the closure, that it stands in. Of no value; its type is what its place asks for.
    Return(Option<ExprId>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// The value of its type of which every bit is zero. Nobody writes it: it stands where a value is needed and never looked at.
    Zero,
    /// Where an error was reported.
    Error,
}

/// What a `for` runs over.
#[derive(Clone, Debug)]
pub enum Iter {
    /// `(lo..hi).step_by(step).rev()`; all of type `Index`. With `rev`, the same values from the last.
    Range {
        /// First.
        lo: ExprId,
        /// Bound.
        hi: ExprId,
        /// `..=`.
        inclusive: bool,
        /// Positive.
        step: Option<ExprId>,
        /// Backwards.
        rev: bool,
    },
    /// The elements of an array.
    Array(ExprId),
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Stmt {
    /// `let p = e;`
    Let(Pat, ExprId),
    /// `place = e;`, `place op= e;`. The value is evaluated first, then the indices of the place.
    Assign {
        /// Which variable.
        local: LocalId,
        /// Which part of it.
        proj: Vec<Proj>,
        /// `op=`.
        op: Option<BinOp>,
        /// The value.
        value: ExprId,
        /// All of it.
        span: Span,
    },
    /// `e;`
    Expr(ExprId),
}

/// A step into a place.
#[derive(Clone, Debug)]
pub enum Proj {
    /// Field or tuple part.
    Field(u32),
    /// `[i]`
    Index(ExprId),
}

/// A pattern.
#[derive(Clone, Debug)]
pub enum Pat {
    /// A fresh local.
    Bind(LocalId),
    /// `_`
    Wild,
    /// `(p, q)`
    Tuple(Vec<Pat>),
}

/// Built-in operations. Array methods take the array first; closures are arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `reveal(x)`, on any type, leaf by leaf.
    Reveal,
    /// `reveal_to(P, x)`; for a family, x is `[T; N]` and member k gets element k.
    RevealTo(PartyId),
    /// `open_masked(x)`: as `reveal`, of what its author, in the library, argues tells nothing.
    OpenMasked,
    /// `min(a, b)` of two scalars (elementwise on arrays of equal shape).
    Min,
    /// `max(a, b)`.
    Max,
    /// `xs.len()`: `Index`.
    Len,
    /// `xs.sum()`: of numbers, wraps; 0 when empty.
    Sum,
    /// `xs.product()`: wraps; 1 when empty.
    Product,
    /// `xs.min()`: the type's maximum when empty.
    ArrayMin,
    /// `xs.max()`: the type's minimum when empty.
    ArrayMax,
    /// `xs.argmin()`: first position of the least, a `u64`; not of an empty array (an error when sizes are bound).
    ArgMin,
    /// `xs.argmax()`: first position of the greatest, a `u64`.
    ArgMax,
    /// `bs.any()`
    Any,
    /// `bs.all()`
    All,
    /// `bs.count()`: of bools; a `u64`. With a closure, `xs.count(|x| …)`.
    Count,
    /// `xs.map(|x| …)`
    Map,
    /// `xs.zip(ys)`: an array of pairs.
    Zip,
    /// `xs.fold(init, |acc, x| …)`, from the left.
    Fold,
    /// The circuit of a file, on values that have as many bits as it has inputs.
    Circuit(CircuitId),
    /// The product of two numbers, elementwise on arrays of equal shape: of fixed-point numbers all 64 bits of the product of
    /// the words, of which [`Builtin::Narrow`] makes a number again. Of other numbers the product.
    WideMul,
    /// What a sum of such products comes to: shifted right by the fraction bits, floored. Other numbers stay.
    Narrow,
    /// The word of a fixed-point number, an `i64`.
    ToBits,
    /// The fixed-point number of a word.
    FromBits,
    /// `a.wrapping_add(b)` and its kin: `+`, `-`, `*` that no `checked` program watches.
    Wrapping(BinOp),
    /// `random()`: a number or truth value that nobody knows, another each time.
    Random,
    /// `s.len()` of a string: its bytes, a `u64`.
    StrLen,
    /// `s.hash()`: a `u64`, see [`strings::hash`].
    StrHash,
    /// `s.bytes::<N>()`: `[u8; N]`, see [`strings::bytes`]; N is in the expression's type.
    StrBytes,
    /// `xs.enumerate()`: pairs of (`Index`, element); only in a `for` or before `map`/`fold`.
    Enumerate,
}

/// Code of an `at` block, for the evaluator at its party: everything it needs beside the program.
#[derive(Clone, Debug)]
pub struct AtCode {
    /// The function that it stands in.
    pub f: FnId,
    /// The `At` expression.
    pub expr: ExprId,
    /// Bindings of the function.
    pub env: TyEnv,
    /// What each argument column is: the local that it belongs to and the leaf's index in the local's type (leaves in
    /// order: struct fields and tuple parts in order, arrays row-major in one leaf).
    pub args: Vec<(LocalId, u32)>,
    /// Public values of captured locals of type `Index`, which take no column.
    pub indices: Vec<(LocalId, i64)>,
    /// Whether one call stands for many runs: those of the loops around it. Then there is one more column, of truth values,
    /// one for each run: where it is false the block does not run and gives zeros. The other columns hold a value of the
    /// leaf for each run, one run after another, or one value for all of them; those of the result one for each run.
    pub many: bool,
}

impl Program {
    /// The function named by `id`.
    pub fn f(&self, id: FnId) -> &Fn {
        &self.fns[id.0 as usize]
    }
}

impl Fn {
    /// The expression named by `id`.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }
    /// The local named by `id`.
    pub fn local(&self, id: LocalId) -> &Local {
        &self.locals[id.0 as usize]
    }
}
