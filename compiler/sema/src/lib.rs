//! Meaning of a program: names, types, sizes, secrecy labels.
//!
//! Takes syntax trees, gives a typed program ([`tree::Program`]) and findings. Knows no circuit and no file system.

mod attrs;
mod body;
pub mod checked;
mod circuits;
mod graph;
mod infer;
pub mod labels;
pub mod layout;
mod literals;
mod show;
mod sig;
mod size;
pub mod tree;
mod types;
pub mod walk;
mod world;

pub use body::{ARRAY_METHODS, BUILTINS, STR_METHODS};
pub use world::{ModuleSource, NoModules};

use diag::{Diag, Diags, FileId, Span, codes};
use std::sync::Arc;
use tree::{Const, FnId, Program};
use world::World;

/// Checks a program: names, types, sizes, and the rules of `main`. What is wrong goes to the sink; the program that comes
/// back is whole even then, with error types and expressions in the places that are wrong. Linear in the program.
pub fn check(
    modules: &mut dyn ModuleSource,
    root_file: FileId,
    root: syntax::ast::Module,
    diags: &mut Diags,
) -> Program {
    let doc = root.doc.clone();
    let mods = world::load(modules, (root_file, root), diags);
    let mut w: World<'_> = world::collect(&mods, diags);
    w.library_root = modules.root_is_library();
    w.structs = sig::structs(&w, diags);
    w.const_tys = sig::consts(&w, diags);
    let mut sigs: Vec<sig::Sig> = (0..w.fns.len()).map(|k| sig::function(&w, k, diags)).collect();
    let inits = sigs.len();
    for (c, ty) in w.consts.iter().zip(&w.const_tys) {
        sigs.push(sig::Sig {
            gens: Vec::new(),
            params: Vec::new(),
            ret: ty.clone(),
            ret_span: c.ty.span,
            recipients: Vec::new(),
            owner: None,
            test: false,
            associative: false,
            allow: Vec::new(),
        });
    }
    w.sigs = sigs;
    let circuits = circuits::load(&mut w, modules, diags);
    let w = w;
    let mut program = Program {
        parties: w.parties.clone(),
        structs: w.structs.clone(),
        main: w.main,
        doc,
        circuits,
        fast_fixed: w.fast_fixed,
        checked: w.main.map(|m| w.fns[m.0 as usize].decl).filter(|d| d.checked).map(|d| d.name.span),
        strings: written(&mods),
        ..Program::default()
    };
    // Trees of functions follow each other in their module's arena.
    let mut before = vec![0; mods.len()];
    for (k, f) in w.fns.iter().enumerate() {
        let module = &mods[f.module];
        let last = std::mem::replace(&mut before[f.module], f.decl.body.0);
        let sig = &w.sigs[k];
        let head = body::Head {
            name: full_name(&module.path, f.owner.map(|s| &*w.structs[s.0 as usize].name), &f.decl.name.name),
            span: f.decl.name.span,
            doc: f.doc,
            library: module.library,
            lints: !module.library,
            nodes: f.decl.body.0.saturating_sub(last) as usize + 1,
        };
        let out = body::function(&w, f.module, sig, &f.decl.params, f.decl.body, head, diags);
        program.fns.push(out);
        if sig.test && !module.library {
            program.tests.push(FnId(k as u32));
        }
    }
    for (k, c) in w.consts.iter().enumerate() {
        let module = &mods[c.module];
        let name = full_name(&module.path, None, &c.name.name);
        let head = body::Head {
            name: name.clone(),
            span: c.name.span,
            doc: c.doc,
            library: module.library,
            lints: false,
            nodes: 0,
        };
        let out = body::function(&w, c.module, &w.sigs[inits + k], &[], c.value, head, diags);
        program.fns.push(out);
        program.consts.push(Const {
            name,
            ty: w.const_tys[k].clone(),
            init: FnId((inits + k) as u32),
            span: c.name.span,
        });
    }
    graph::circles(&program, diags);
    graph::size_checks(&program, diags);
    graph::associative(&program, diags);
    literals::check(&program, diags);
    program
}

/// The strings that stand in the text of all modules.
fn written(mods: &[world::Loaded]) -> strings::Table {
    let mut all = strings::Table::default();
    for e in mods.iter().flat_map(|m| &m.ast.exprs) {
        if let syntax::ast::ExprKind::Str(text) = &e.kind {
            all.add(text);
        }
    }
    all
}

/// `main`, or a report that there is none.
pub fn require_main(program: &Program, file: FileId, diags: &mut Diags) -> Option<FnId> {
    if program.main.is_none() {
        let d = Diag::error(codes::E0508, "this program has no `main`")
            .at(Span { file, lo: 0, hi: 0 }, "in this file")
            .help("`fn main(…) -> …` says who brings what and who learns what");
        diags.push(d);
    }
    program.main
}

fn full_name(path: &[Arc<str>], owner: Option<&str>, name: &str) -> Arc<str> {
    let mut parts: Vec<&str> = path.iter().map(|p| &**p).collect();
    parts.extend(owner);
    parts.push(name);
    parts.join("::").into()
}
