//! The syntax tree, as written: names unresolved, types unchecked, every node with its span.
//!
//! Expressions live in one arena per module and are named by [`ExprId`], so that dropping a tree never recurses. A run of
//! left-associative operators of one precedence is one [`ExprKind::Chain`], so that a flat sum of 10^5 terms is flat here
//! too; depth of anything else is bounded by the parser (256). [`ExprKind::Error`] stands where the parser recovered:
//! later stages pass over it in silence. What is rare and large is boxed: a long program is millions of nodes.

use diag::Span;

/// Index of an expression in [`Module::exprs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// An identifier with its place. Interned by the parser's module: equal text, equal `name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// Its text.
    pub name: std::sync::Arc<str>,
    /// Where it stands.
    pub span: Span,
}

/// A path such as `std::table::join`, or one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// Its parts, at least one.
    pub parts: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// One parsed file.
#[derive(Clone, Debug, Default)]
pub struct Module {
    /// `//!` lines, joined by newlines.
    pub doc: String,
    /// Items in order.
    pub items: Vec<Item>,
    /// The arena.
    pub exprs: Vec<Expr>,
}

/// An attribute `#[test]`, `#[allow(L0102)]`; `#![…]` on the module becomes an item.
#[derive(Clone, Debug)]
pub struct Attr {
    /// Its name.
    pub name: Ident,
    /// Words in parentheses.
    pub args: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// An item and what stands before it.
#[derive(Clone, Debug)]
pub struct Item {
    /// `///` lines, joined by newlines.
    pub doc: String,
    /// `#[…]`.
    pub attrs: Vec<Attr>,
    /// What it is.
    pub kind: ItemKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of items.
#[derive(Clone, Debug)]
pub enum ItemKind {
    /// `party A, B[N];`
    Party(Vec<PartyDecl>),
    /// `struct S<…> { … }`
    Struct(StructDecl),
    /// `enum E<…> { … }`
    Enum(EnumDecl),
    /// `const K: T = e;`
    Const { name: Ident, ty: Type, value: ExprId },
    /// `fn …`
    Fn(FnDecl),
    /// `mod m;`
    Mod(Ident),
    /// `use a::b::{c, d as e};` flattened to one item per name.
    Use { path: Path, alias: Option<Ident> },
    /// `impl S { fn … }`
    Impl { ty: Type, fns: Vec<Item> },
    /// `#![…]`
    InnerAttr(Attr),
    /// Where the parser recovered.
    Error,
}

/// `A` or `A[N]`.
#[derive(Clone, Debug)]
pub struct PartyDecl {
    /// Its name.
    pub name: Ident,
    /// The family's size name, for a family.
    pub family: Option<Ident>,
}

/// `<T: Num, N: size>`: one of them.
#[derive(Clone, Debug)]
pub struct GenericParam {
    /// Its name.
    pub name: Ident,
    /// What stands after the colon: `size` or a class; `None` without a colon.
    pub bound: Option<Ident>,
}

/// A struct.
#[derive(Clone, Debug)]
pub struct StructDecl {
    /// Its name.
    pub name: Ident,
    /// Its generics.
    pub generics: Vec<GenericParam>,
    /// Its fields.
    pub fields: Vec<FieldDecl>,
}

/// A field.
#[derive(Clone, Debug)]
pub struct FieldDecl {
    /// `///` lines.
    pub doc: String,
    /// Its name.
    pub name: Ident,
    /// Its type, with a range perhaps.
    pub ty: Type,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct EnumDecl {
    /// Its name.
    pub name: Ident,
    /// Its generics.
    pub generics: Vec<GenericParam>,
    /// Its variants.
    pub variants: Vec<VariantDecl>,
}

/// A variant: `A`, `B(T, U)`, `C { x: T }`.
#[derive(Clone, Debug)]
pub struct VariantDecl {
    /// `///` lines.
    pub doc: String,
    /// Its name.
    pub name: Ident,
    /// What it carries.
    pub payload: Payload,
}

/// What a variant carries.
#[derive(Clone, Debug)]
pub enum Payload {
    /// Nothing.
    None,
    /// `(T, U)`
    Tuple(Vec<Type>),
    /// `{ x: T }`
    Fields(Vec<FieldDecl>),
}

/// A function.
#[derive(Clone, Debug)]
pub struct FnDecl {
    /// `checked fn`.
    pub checked: bool,
    /// Its name.
    pub name: Ident,
    /// Its generics.
    pub generics: Vec<GenericParam>,
    /// Its parameters.
    pub params: Vec<Param>,
    /// The type after `->`.
    pub ret: Option<RetType>,
    /// A block expression, or an [`ExprKind::Circuit`].
    pub body: ExprId,
}

/// `mut name: T from P`.
#[derive(Clone, Debug)]
pub struct Param {
    /// `mut`.
    pub mutable: bool,
    /// A name, or a pattern.
    pub pat: Pattern,
    /// Its type.
    pub ty: Type,
    /// The party after `from`.
    pub from: Option<Ident>,
    /// All of it.
    pub span: Span,
}

/// A result type: a type with a recipient perhaps, or a tuple of such.
#[derive(Clone, Debug)]
pub enum RetType {
    /// `T` or `T to P`.
    One { ty: Type, to: Option<Ident> },
    /// `(T to P, U to Q)`: a parenthesised list of which at least one has a recipient.
    Tuple { parts: Vec<(Type, Option<Ident>)>, span: Span },
}

/// A type as written.
#[derive(Clone, Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// `in lo..=hi` (or `..`): bounds are expressions; `inclusive` tells which.
    pub range: Option<Box<RangeBound>>,
    /// All of it.
    pub span: Span,
}

/// `in lo..=hi`.
#[derive(Clone, Debug)]
pub struct RangeBound {
    /// Lower bound.
    pub lo: ExprId,
    /// Upper bound.
    pub hi: ExprId,
    /// `..=`.
    pub inclusive: bool,
}

/// Kinds of types.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `u32`, `bool`, `Flag`, `Pair<u8, 4>`, `T`; numbers of a generic argument are expressions.
    Path { path: Box<Path>, args: Vec<GenericArg> },
    /// `[T; n]`
    Array { elem: Box<Type>, len: ExprId },
    /// `(T, U)`; the empty one is the unit type.
    Tuple(Vec<Type>),
    /// `fn(T, U) -> V`, only as a parameter's type.
    Fn { params: Vec<Type>, ret: Option<Box<Type>> },
    /// `public T`, `secret T`
    Labelled { label: LabelWord, ty: Box<Type> },
    /// `T @P`
    At { ty: Box<Type>, party: Ident },
    /// Where the parser recovered.
    Error,
}

/// A written label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelWord {
    /// `public`
    Public,
    /// `secret`
    Secret,
}

/// An argument in `<…>`: a type, or a size (an expression). A lone path is [`GenericArg::Type`]; resolution decides.
#[derive(Clone, Debug)]
pub enum GenericArg {
    /// A type or a name.
    Type(Type),
    /// A size.
    Size(ExprId),
}

/// An expression. 64 bytes.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of expressions. Statements live in [`Block`].
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A number: its value (saturated at `u128::MAX` with `overflow`) and its suffix (`1u8`), if any.
    Int { value: u128, overflow: bool, suffix: Option<Box<Ident>> },
    /// `1.5`: the text.
    Decimal(std::sync::Arc<str>),
    /// `true`, `false`
    Bool(bool),
    /// `"…"`
    Str(std::sync::Arc<str>),
    /// `x`, `a::b`, `f::<T, 8>`
    Path { path: Box<Path>, args: Vec<GenericArg> },
    /// `-e`, `!e`
    Unary { op: UnOp, expr: ExprId },
    /// `first op e op e …`: operators of one precedence, from the left. At least one in `rest`. Comparison operators and
    /// `..` never chain: they have exactly one in `rest`. `&&` and `||` do chain.
    Chain { first: ExprId, rest: Vec<(BinOp, Span, ExprId)> },
    /// `e as T`
    Cast { expr: ExprId, ty: Box<Type> },
    /// `lo..hi`, `lo..=hi`
    Range { lo: ExprId, hi: ExprId, inclusive: bool },
    /// `f(x, y)`
    Call { callee: ExprId, args: Vec<ExprId> },
    /// `x.m::<T>(y)`
    Method { recv: ExprId, name: Box<Ident>, generics: Box<[GenericArg]>, args: Box<[ExprId]> },
    /// `x.f`
    Field { expr: ExprId, name: Ident },
    /// `x.0`
    TupleField { expr: ExprId, index: u32, index_span: Span },
    /// `x[i]`
    Index { expr: ExprId, index: ExprId },
    /// `[a, b, c]`
    Array(Vec<ExprId>),
    /// `[x; n]`
    Repeat { value: ExprId, len: ExprId },
    /// `(a, b)`; `()` is the unit value; `(a)` is no node of its own but [`ExprKind::Paren`].
    Tuple(Vec<ExprId>),
    /// `(a)`
    Paren(ExprId),
    /// `S { f: x, g }`
    Struct { path: Box<Path>, fields: Vec<FieldInit> },
    /// `|x, y| e`
    Closure { params: Vec<ClosureParam>, body: ExprId },
    /// `{ … }`
    Block(Block),
    /// `if c { … } else …`: `otherwise` is a block or another `if`.
    If { cond: ExprId, then: ExprId, otherwise: Option<ExprId> },
    /// `match e { … }`
    Match { scrutinee: ExprId, arms: Box<[Arm]> },
    /// `for p in e { … }`
    For { pat: Box<Pattern>, iter: ExprId, body: ExprId },
    /// `while c max k { … }`
    While { cond: ExprId, max: Option<ExprId>, body: ExprId },
    /// `at P { … }`
    At { party: Ident, body: ExprId },
    /// `return e`
    Return(Option<ExprId>),
    /// `break`
    Break,
    /// `continue`
    Continue,
    /// The body of an `extern circuit fn`: the file that holds it.
    Circuit { file: std::sync::Arc<str> },
    /// Where the parser recovered.
    Error,
}

/// `f: x`, or `f` alone.
#[derive(Clone, Debug)]
pub struct FieldInit {
    /// The field.
    pub name: Ident,
    /// Its value; a path of one part where only the name was written.
    pub value: ExprId,
}

/// A closure's parameter.
#[derive(Clone, Debug)]
pub struct ClosureParam {
    /// A pattern.
    pub pat: Pattern,
    /// Its type, if written.
    pub ty: Option<Type>,
}

/// `pattern if guard => body`
#[derive(Clone, Debug)]
pub struct Arm {
    /// What it is for.
    pub pat: Pattern,
    /// The condition after `if`.
    pub guard: Option<ExprId>,
    /// Its value.
    pub body: ExprId,
    /// All of it.
    pub span: Span,
}

/// A pattern of `let`, `for`, parameters, and arms.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of patterns.
#[derive(Clone, Debug)]
pub enum PatternKind {
    /// `x`, `mut x`
    Bind { name: Ident, mutable: bool },
    /// `_`
    Wild,
    /// `(p, q)`
    Tuple(Vec<Pattern>),
    /// `S { x, y: p, .. }`, of a struct or a variant; `rest` tells of the `..`.
    Fields { path: Box<Path>, fields: Vec<(Ident, Pattern)>, rest: bool },
    /// `E::A(p, q)`, in arms alone.
    Variant { path: Box<Path>, parts: Vec<Pattern> },
    /// `E::A`, a path of at least two parts, in arms alone.
    Path(Box<Path>),
    /// `1`, `-1`, `true`, in arms alone.
    Lit(ExprId),
    /// `lo..hi`, `lo..=hi`, in arms alone.
    Range { lo: ExprId, hi: ExprId, inclusive: bool },
    /// `p | q`, in arms alone.
    Or(Vec<Pattern>),
    /// Where the parser recovered.
    Error,
}

/// `{ stmts; tail }`
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Statements.
    pub stmts: Vec<Stmt>,
    /// The value, without a semicolon.
    pub tail: Option<ExprId>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// All of it.
    pub span: Span,
}

/// Kinds of statements.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `let p: T = e;`
    Let { pat: Pattern, ty: Option<Box<Type>>, init: ExprId },
    /// `place = e;`, `place += e;`
    Assign { place: ExprId, op: Option<BinOp>, value: ExprId },
    /// `e;` or a block-like expression without a semicolon
    Expr { expr: ExprId, semi: bool },
    /// Where the parser recovered.
    Error,
}

/// Unary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnOp {
    /// `-`
    Neg,
    /// `!`: of a bool, and bitwise.
    Not,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinOp {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    BitAnd,
    BitOr,
    BitXor,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

impl Module {
    /// The expression named by `id`.
    pub fn expr(&self, id: ExprId) -> &Expr {
        &self.exprs[id.0 as usize]
    }
}
