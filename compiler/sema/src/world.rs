//! Names: which modules there are, what each name of a module stands for, and what a path means.
//!
//! Knows declarations only; signatures and bodies come after. Files come through [`ModuleSource`].

use crate::infer::VarNames;
use crate::show::Show;
use crate::tree::{CircuitId, Class, ConstId, FnId, Party, PartyId, Size, Struct, StructId, Ty};
use diag::{Diag, Diags, FileId, Span, codes};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::sync::Arc;
use syntax::ast as a;

/// A name.
pub(crate) type Name = Arc<str>;

/// Modules deeper than this are refused.
const MAX_DEPTH: usize = 32;

/// Where modules other than the root come from.
pub trait ModuleSource {
    /// The module at `path` (`["geometry", "points"]` for `mod points;` inside `mod geometry;` of the root, or
    /// `["std", "sort"]` of the library), asked for by the file `from`; `None` if there is none. Faults of its syntax go to
    /// the sink.
    fn load(&mut self, path: &[Arc<str>], from: FileId, diags: &mut Diags) -> Option<(FileId, a::Module)>;

    /// The text of the circuit file `name`, which the module at `path` names; `None` if there is none. Names are relative to
    /// the folder of that module's file; `std/…` is the library's.
    fn circuit(&mut self, path: &[Arc<str>], name: &str) -> Option<Arc<str>> {
        let _ = (path, name);
        None
    }

    /// Whether the root is a module of the library, which may open masked values.
    fn root_is_library(&self) -> bool {
        false
    }
}

/// A program of one file.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoModules;

impl ModuleSource for NoModules {
    fn load(&mut self, _: &[Arc<str>], _: FileId, _: &mut Diags) -> Option<(FileId, a::Module)> {
        None
    }
}

/// A module and where it stands.
pub(crate) struct Loaded {
    pub path: Vec<Name>,
    pub ast: a::Module,
    pub file: FileId,
    pub library: bool,
    /// Modules declared in it.
    pub children: Vec<(Name, Span, Option<usize>)>,
    /// What each `use` of the library found: its item's index, the module, and how many parts of the path that took.
    pub uses: Vec<(usize, usize, usize)>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Def {
    Fn(FnId),
    Struct(StructId),
    Const(ConstId),
    Party(PartyId),
    /// The size of a family.
    Family(PartyId),
    Module(usize),
    /// Refused or broken where it was declared.
    Broken,
}

impl Def {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Def::Fn(_) => "a function",
            Def::Struct(_) => "a struct or an enum",
            Def::Const(_) => "a constant",
            Def::Party(_) => "a party",
            Def::Family(_) => "the size of a family",
            Def::Module(_) => "a module",
            Def::Broken => "something broken",
        }
    }
}

/// A generic parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gen {
    Ty(u32, Class),
    Size(u32),
}

/// A struct, or an enum, which is one with a truth value for each variant but the first.
pub(crate) struct StructDecl<'a> {
    pub module: usize,
    pub name: &'a a::Ident,
    pub fields: &'a [a::FieldDecl],
    /// Of an enum.
    pub variants: Option<&'a [a::VariantDecl]>,
}

pub(crate) struct ConstDecl<'a> {
    pub module: usize,
    pub name: &'a a::Ident,
    pub ty: &'a a::Type,
    pub value: a::ExprId,
    pub doc: &'a str,
}

pub(crate) struct FnDecl<'a> {
    pub module: usize,
    pub decl: &'a a::FnDecl,
    pub doc: &'a str,
    pub attrs: &'a [a::Attr],
    /// The struct whose method it is.
    pub owner: Option<StructId>,
    pub owner_ty: Option<&'a a::Type>,
}

/// How far the value of a constant is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstVal {
    Unseen,
    Busy,
    Known(i128),
    /// Not an integer, or computed by more than operators.
    Opaque,
}

/// All declarations.
pub(crate) struct World<'a> {
    pub mods: &'a [Loaded],
    pub names: Vec<FxHashMap<Name, (Def, Span)>>,
    pub parties: Vec<Party>,
    pub struct_decls: Vec<StructDecl<'a>>,
    pub struct_gens: Vec<Vec<(Name, Gen)>>,
    pub structs: Vec<Struct>,
    pub consts: Vec<ConstDecl<'a>>,
    pub const_tys: Vec<Ty>,
    pub const_vals: RefCell<Vec<ConstVal>>,
    /// `#![fixed(fast)]`
    pub fast_fixed: bool,
    /// The root is a module of the library, looked at by itself.
    pub library_root: bool,
    pub fns: Vec<FnDecl<'a>>,
    pub sigs: Vec<crate::sig::Sig>,
    pub methods: FxHashMap<(StructId, Name), FnId>,
    pub main: Option<FnId>,
    /// Circuits by module and the expression that names their file.
    pub circuits: FxHashMap<(usize, a::ExprId), CircuitId>,
}

/// Loads what the root declares and uses, breadth first.
pub(crate) fn load(source: &mut dyn ModuleSource, root: (FileId, a::Module), diags: &mut Diags) -> Vec<Loaded> {
    let new = |path: Vec<Name>, file, ast, library| Loaded {
        path,
        ast,
        file,
        library,
        children: Vec::new(),
        uses: Vec::new(),
    };
    let mut mods = vec![new(Vec::new(), root.0, root.1, false)];
    let mut by_path: FxHashMap<Vec<Name>, Option<usize>> = FxHashMap::default();
    let mut at = 0;
    while at < mods.len() {
        let file = mods[at].file;
        let library = mods[at].library;
        let mut children = Vec::new();
        let mut uses = Vec::new();
        let mut wanted: Vec<(usize, bool, Vec<Name>, Span)> = Vec::new();
        for (k, item) in mods[at].ast.items.iter().enumerate() {
            match &item.kind {
                a::ItemKind::Mod(name) => {
                    let mut path = mods[at].path.clone();
                    path.push(name.name.clone());
                    wanted.push((k, true, path, name.span));
                }
                a::ItemKind::Use { path, .. } if path.parts.len() >= 2 && &*path.parts[0].name == "std" => {
                    let names = path.parts.iter().map(|p| p.name.clone()).collect();
                    wanted.push((k, false, names, path.span));
                }
                _ => {}
            }
        }
        for (k, is_mod, path, span) in wanted {
            if is_mod && path.len() > MAX_DEPTH {
                let d = Diag::error(codes::E0106, "modules are nested too deep");
                diags.push(d.at(span, ""));
                continue;
            }
            // `use std::sort::sort_by_key`: the module is the path without its last part, or all of it.
            let tries: Vec<usize> = if is_mod { vec![path.len()] } else { vec![2.max(path.len() - 1), path.len()] };
            let mut found = None;
            for n in tries {
                let p = path[..n].to_vec();
                let got = match by_path.get(&p) {
                    Some(x) => *x,
                    None => {
                        let got = source.load(&p, file, diags).map(|(f, ast)| {
                            mods.push(new(p.clone(), f, ast, library || !is_mod));
                            mods.len() - 1
                        });
                        by_path.insert(p, got);
                        got
                    }
                };
                if let Some(m) = got {
                    found = Some((m, n));
                    break;
                }
            }
            match (is_mod, found) {
                (true, got) => {
                    if got.is_none() {
                        let name = &path[path.len() - 1];
                        let d = Diag::error(codes::E0106, format!("there is no file for module `{name}`"));
                        let file = path.join("/");
                        diags.push(
                            d.at(span, "declared here").help(format!("put it into `{file}.mpc` beside the program")),
                        );
                    }
                    children.push((path[path.len() - 1].clone(), span, got.map(|g| g.0)));
                }
                (false, Some((m, n))) => uses.push((k, m, n)),
                (false, None) => {
                    let d = Diag::error(codes::E0106, format!("the library has no module `{}`", path[..2].join("::")));
                    diags.push(d.at(span, ""));
                }
            }
        }
        mods[at].children = children;
        mods[at].uses = uses;
        at += 1;
    }
    mods
}

/// Classes by name.
pub(crate) fn class(name: &str) -> Option<Class> {
    Some(match name {
        "Num" => Class::Num,
        "Int" => Class::Int,
        "Eq" => Class::Eq,
        "Ord" => Class::Ord,
        "Bits" => Class::Bits,
        _ => return None,
    })
}

/// Generic parameters, numbered apart as types and sizes; duplicates and unknown classes are reported.
pub(crate) fn generics(list: &[a::GenericParam], diags: &mut Diags) -> Vec<(Name, Gen)> {
    let mut out: Vec<(Name, Gen)> = Vec::new();
    let (mut tys, mut sizes) = (0, 0);
    for g in list {
        if out.iter().any(|(n, _)| *n == g.name.name) {
            let d = Diag::error(codes::E0105, format!("`{}` is declared twice", g.name.name));
            diags.push(d.at(g.name.span, "again here"));
        }
        let bound = g.bound.as_ref().map(|b| &*b.name);
        let kind = if bound == Some("size") {
            sizes += 1;
            Gen::Size(sizes - 1)
        } else {
            let c = match (bound, &g.bound) {
                (Some(b), Some(ident)) => class(b).unwrap_or_else(|| {
                    let known = ["Num", "Int", "Eq", "Ord", "Bits", "size"];
                    let d = Diag::error(codes::E0102, format!("there is no class `{b}`"))
                        .at(ident.span, "not a class")
                        .note("the classes are `Num`, `Int`, `Eq`, `Ord`, `Bits`, and `size` for a size")
                        .did_you_mean(b, ident.span, known);
                    diags.push(d);
                    Class::Int
                }),
                _ => Class::Any,
            };
            tys += 1;
            Gen::Ty(tys - 1, c)
        };
        out.push((g.name.name.clone(), kind));
    }
    out
}

/// Gathers all declarations and resolves the imports.
pub(crate) fn collect<'a>(mods: &'a [Loaded], diags: &mut Diags) -> World<'a> {
    let mut w = World {
        mods,
        names: mods.iter().map(|_| FxHashMap::default()).collect(),
        parties: Vec::new(),
        struct_decls: Vec::new(),
        struct_gens: Vec::new(),
        structs: Vec::new(),
        consts: Vec::new(),
        const_tys: Vec::new(),
        const_vals: RefCell::new(Vec::new()),
        fast_fixed: false,
        library_root: false,
        fns: Vec::new(),
        sigs: Vec::new(),
        methods: FxHashMap::default(),
        main: None,
        circuits: FxHashMap::default(),
    };
    let mut impls = Vec::new();
    for (m, module) in mods.iter().enumerate() {
        for item in &module.ast.items {
            match &item.kind {
                a::ItemKind::Party(list) => {
                    for p in list {
                        let id = PartyId(w.parties.len() as u32);
                        if m != 0 {
                            let d = Diag::error(codes::E0109, "parties are declared in the program's own file");
                            diags.push(d.at(p.name.span, "not in a module"));
                        }
                        w.parties.push(Party {
                            name: p.name.name.clone(),
                            family: p.family.as_ref().map(|f| f.name.clone()),
                            span: p.name.span,
                        });
                        w.define(m, &p.name, Def::Party(id), diags);
                        if let Some(f) = &p.family {
                            w.define(m, f, Def::Family(id), diags);
                        }
                    }
                }
                a::ItemKind::Struct(decl) => {
                    let id = StructId(w.struct_decls.len() as u32);
                    w.define(m, &decl.name, Def::Struct(id), diags);
                    let (name, fields) = (&decl.name, &decl.fields[..]);
                    w.struct_decls.push(StructDecl { module: m, name, fields, variants: None });
                    let gens = generics(&decl.generics, diags);
                    w.struct_gens.push(gens);
                }
                a::ItemKind::Enum(decl) => {
                    let id = StructId(w.struct_decls.len() as u32);
                    w.define(m, &decl.name, Def::Struct(id), diags);
                    let variants = Some(&decl.variants[..]);
                    w.struct_decls.push(StructDecl { module: m, name: &decl.name, fields: &[], variants });
                    let gens = generics(&decl.generics, diags);
                    w.struct_gens.push(gens);
                }
                a::ItemKind::Const { name, ty, value } => {
                    let id = ConstId(w.consts.len() as u32);
                    w.define(m, name, Def::Const(id), diags);
                    w.consts.push(ConstDecl { module: m, name, ty, value: *value, doc: &item.doc });
                }
                a::ItemKind::Fn(decl) => {
                    let id = w.add_fn(m, decl, item, None, None);
                    w.define(m, &decl.name, Def::Fn(id), diags);
                    if m == 0 && &*decl.name.name == "main" && w.main.is_none() {
                        w.main = Some(id);
                    }
                }
                a::ItemKind::Impl { ty, fns } => impls.push((m, ty, fns)),
                // The root says it for the whole program.
                a::ItemKind::InnerAttr(a::Attr { name, args, .. })
                    if m == 0 && &*name.name == "fixed" && args.len() == 1 && &*args[0].name == "fast" =>
                {
                    w.fast_fixed = true;
                }
                a::ItemKind::InnerAttr(attr) => {
                    let d = Diag::error(codes::E0018, format!("`#![{}]` is not in the language yet", attr.name.name));
                    diags.push(d.at(attr.span, ""));
                }
                a::ItemKind::Mod(_) | a::ItemKind::Use { .. } | a::ItemKind::Error => {}
            }
        }
        for (name, span, child) in &module.children {
            let ident = a::Ident { name: name.clone(), span: *span };
            w.define(m, &ident, child.map_or(Def::Broken, Def::Module), diags);
        }
    }
    w.const_vals = RefCell::new(vec![ConstVal::Unseen; w.consts.len()]);
    imports(&mut w, diags);
    for (m, ty, fns) in impls {
        let owner = match &ty.kind {
            a::TypeKind::Path { path, .. } => match w.path(m, path, diags) {
                Some((Def::Struct(id), _)) => Some(id),
                Some((Def::Broken, _)) => None,
                _ => {
                    let d = Diag::error(codes::E0109, "methods belong to structs and enums");
                    diags.push(d.at(ty.span, "not a struct or an enum of this program"));
                    None
                }
            },
            a::TypeKind::Error => None,
            _ => {
                let d = Diag::error(codes::E0109, "methods belong to structs and enums");
                diags.push(d.at(ty.span, "not a struct or an enum of this program"));
                None
            }
        };
        for item in fns {
            let a::ItemKind::Fn(decl) = &item.kind else { continue };
            let id = w.add_fn(m, decl, item, owner, Some(ty));
            if let Some(s) = owner
                && let Some(before) = w.methods.insert((s, decl.name.name.clone()), id)
            {
                let d = Diag::error(codes::E0105, format!("method `{}` is declared twice", decl.name.name));
                let first = w.fns[before.0 as usize].decl.name.span;
                diags.push(d.at(decl.name.span, "again here").also(first, "first here"));
            }
        }
    }
    w
}

/// Resolves every `use`. Imports may go through other imports, so it runs until nothing more is found.
fn imports(w: &mut World<'_>, diags: &mut Diags) {
    let mut left: Vec<(usize, usize)> = Vec::new();
    for (m, module) in w.mods.iter().enumerate() {
        for (k, item) in module.ast.items.iter().enumerate() {
            if matches!(item.kind, a::ItemKind::Use { .. }) {
                left.push((m, k));
            }
        }
    }
    // Each pass resolves at least one; chains of imports through modules are short.
    for _ in 0..=MAX_DEPTH {
        let before = left.len();
        let mut rest = Vec::new();
        for (m, k) in left {
            let a::ItemKind::Use { path, alias } = &w.mods[m].ast.items[k].kind else { continue };
            let mut quiet = Diags::new();
            match w.import(m, k, path, &mut quiet) {
                Some(def) => {
                    let name = alias.as_ref().or(path.parts.last());
                    if let Some(name) = name {
                        w.define(m, name, def, diags);
                    }
                }
                None => rest.push((m, k)),
            }
        }
        left = rest;
        if left.is_empty() || left.len() == before {
            break;
        }
    }
    for (m, k) in left {
        let a::ItemKind::Use { path, alias } = &w.mods[m].ast.items[k].kind else { continue };
        w.import(m, k, path, diags);
        if let Some(name) = alias.as_ref().or(path.parts.last()) {
            // Uses of the name shall not be reported again.
            w.names[m].entry(name.name.clone()).or_insert((Def::Broken, name.span));
        }
    }
}

impl<'a> World<'a> {
    fn add_fn(
        &mut self,
        module: usize,
        decl: &'a a::FnDecl,
        item: &'a a::Item,
        owner: Option<StructId>,
        owner_ty: Option<&'a a::Type>,
    ) -> FnId {
        self.fns.push(FnDecl { module, decl, doc: &item.doc, attrs: &item.attrs, owner, owner_ty });
        FnId(self.fns.len() as u32 - 1)
    }

    fn define(&mut self, m: usize, name: &a::Ident, def: Def, diags: &mut Diags) {
        if let Some((_, first)) = self.names[m].get(&name.name) {
            let d = Diag::error(codes::E0105, format!("`{}` is declared twice", name.name));
            diags.push(d.at(name.span, "again here").also(*first, "first here"));
            return;
        }
        self.names[m].insert(name.name.clone(), (def, name.span));
    }

    /// What a `use` names. Library modules were found when loading.
    fn import(&self, m: usize, item: usize, path: &a::Path, diags: &mut Diags) -> Option<Def> {
        if path.parts.len() >= 2 && &*path.parts[0].name == "std" {
            // Absent: reported when loading.
            let Some((_, module, n)) = self.mods[m].uses.iter().find(|u| u.0 == item) else {
                return Some(Def::Broken);
            };
            return self.walk(Def::Module(*module), &path.parts, *n, diags);
        }
        let (def, n) = self.path(m, path, diags)?;
        if n < path.parts.len() {
            let d = Diag::error(codes::E0106, "a method cannot be imported");
            diags.push(d.at(path.span, ""));
            return None;
        }
        Some(def)
    }

    /// Follows `parts[at..]` from `def` through modules.
    fn walk(&self, mut def: Def, parts: &[a::Ident], mut at: usize, diags: &mut Diags) -> Option<Def> {
        while at < parts.len() {
            let part = &parts[at];
            let Def::Module(m) = def else { return None };
            def = match self.names[m].get(&part.name) {
                Some((d, _)) => *d,
                None => {
                    let module = self.mods[m].path.join("::");
                    let d = Diag::error(codes::E0106, format!("module `{module}` has no `{}`", part.name))
                        .at(part.span, "not there");
                    diags.push(d.did_you_mean(&part.name, part.span, self.sorted(m)));
                    return None;
                }
            };
            at += 1;
        }
        Some(def)
    }

    /// Names of a module, sorted, for suggestions.
    pub(crate) fn sorted(&self, m: usize) -> Vec<&str> {
        let mut v: Vec<&str> = self.names[m].keys().map(|k| &**k).collect();
        v.sort_unstable();
        v
    }

    /// A name seen from a module; parties and family sizes are seen everywhere in the program itself.
    pub(crate) fn name(&self, m: usize, name: &str) -> Option<Def> {
        if let Some((d, _)) = self.names[m].get(name) {
            return Some(*d);
        }
        if !self.mods[m].library
            && let Some((d @ (Def::Party(_) | Def::Family(_)), _)) = self.names[0].get(name)
        {
            return Some(*d);
        }
        None
    }

    /// What a path names, as far as modules and items go, and how many of its parts that took (one less than all for
    /// `S::method`). Reports what is missing.
    pub(crate) fn path(&self, m: usize, path: &a::Path, diags: &mut Diags) -> Option<(Def, usize)> {
        let parts = &path.parts;
        let first = parts.first()?;
        let mut at = 1;
        let mut def = match &*first.name {
            "crate" if parts.len() > 1 => Def::Module(0),
            "self" if parts.len() > 1 => Def::Module(m),
            "super" if parts.len() > 1 => {
                let up = &self.mods[m].path;
                let parent = up.len().checked_sub(1).map(|n| &up[..n]);
                match parent.and_then(|p| self.mods.iter().position(|x| x.path == p)) {
                    Some(p) => Def::Module(p),
                    None => {
                        let d = Diag::error(codes::E0106, "the program's own file has no `super`");
                        diags.push(d.at(first.span, ""));
                        return None;
                    }
                }
            }
            n => match self.name(m, n) {
                Some(d) => d,
                None => {
                    let d = if parts.len() > 1 {
                        Diag::error(codes::E0106, format!("there is no module, struct, or enum `{n}`"))
                    } else {
                        Diag::error(codes::E0101, format!("`{n}` is not declared"))
                    };
                    let d = d.at(first.span, "not declared here").did_you_mean(n, first.span, self.sorted(m));
                    diags.push(d);
                    return None;
                }
            },
        };
        while at < parts.len() {
            match def {
                Def::Module(_) => {
                    def = self.walk(def, &parts[..=at], at, diags)?;
                    at += 1;
                }
                Def::Struct(_) if at + 1 == parts.len() => return Some((def, at)),
                Def::Broken => return Some((def, parts.len())),
                _ => {
                    let d = Diag::error(
                        codes::E0109,
                        format!("`{}` is {}, with nothing inside", parts[at - 1].name, def.word()),
                    );
                    diags.push(d.at(parts[at].span, "cannot be looked up here"));
                    return None;
                }
            }
        }
        Some((def, at))
    }

    /// The party that an identifier names; reports what is wrong.
    pub(crate) fn party(&self, m: usize, name: &a::Ident, diags: &mut Diags) -> Option<PartyId> {
        match self.name(m, &name.name) {
            Some(Def::Party(p)) => Some(p),
            Some(Def::Broken) => None,
            Some(def) => {
                let d = Diag::error(codes::E0104, format!("`{}` is no party", name.name));
                diags.push(d.at(name.span, format!("this is {}", def.word())));
                None
            }
            None => {
                let mut d = Diag::error(codes::E0104, format!("there is no party `{}`", name.name))
                    .at(name.span, "not declared")
                    .did_you_mean(&name.name, name.span, self.parties.iter().map(|p| &*p.name));
                if self.parties.is_empty() {
                    d = d.help(format!("declare it at the top: `party {};`", name.name));
                }
                diags.push(d);
                None
            }
        }
    }

    /// The value of a constant, if it is an integer made of operators and other constants.
    pub(crate) fn const_value(&self, id: ConstId) -> Option<i128> {
        match self.const_vals.borrow()[id.0 as usize] {
            ConstVal::Known(v) => Some(v),
            _ => None,
        }
    }

    /// Prints types of the function whose generics are `gens`.
    pub(crate) fn show<R>(
        &self,
        gens: &[(Name, Gen)],
        vars: Option<&dyn VarNames>,
        f: impl FnOnce(Show<'_>) -> R,
    ) -> R {
        let ty = |k: u32| gens.iter().find(|(_, g)| matches!(g, Gen::Ty(j, _) if *j == k)).map(|(n, _)| n.clone());
        let size = |k: u32| gens.iter().find(|(_, g)| *g == Gen::Size(k)).map(|(n, _)| n.clone());
        f(Show { structs: &self.structs, parties: &self.parties, ty_params: &ty, size_params: &size, vars })
    }

    /// The size of a family.
    pub(crate) fn family_size(p: PartyId) -> Size {
        Size::Var(crate::tree::SizeVar::Family(p))
    }
}
