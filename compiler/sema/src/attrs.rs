//! Attributes of functions: `#[test]`, `#[allow(…)]`, `#[associative]`. Knows signatures, no bodies.

use crate::sig::SigParam;
use crate::tree::Ty;
use crate::world::{FnDecl, Gen, Name};
use diag::{Diag, Diags, codes};

/// What a function's attributes say.
pub(crate) struct Attrs {
    pub test: bool,
    pub associative: bool,
    pub allow: Vec<Name>,
}

/// Reads them; what does not go with the function's signature is reported.
pub(crate) fn read(f: &FnDecl<'_>, gens: &[(Name, Gen)], params: &[SigParam], ret: &Ty, diags: &mut Diags) -> Attrs {
    let decl = f.decl;
    let mut allow = Vec::new();
    let (mut test, mut associative) = (false, false);
    for at in f.attrs {
        match &*at.name.name {
            "test" => {
                test = true;
                if !decl.params.is_empty() || !gens.is_empty() {
                    let d = Diag::error(codes::E0507, "a test takes no parameters");
                    diags.push(d.at(decl.name.span, "this function has some"));
                }
            }
            "allow" => {
                for arg in &at.args {
                    if diag::explain(&arg.name).is_none_or(|e| !e.code.as_str().starts_with('L')) {
                        let d = Diag::error(codes::E0108, format!("there is no lint `{}`", arg.name));
                        diags.push(d.at(arg.span, "lints have codes such as `L0102`"));
                    }
                    allow.push(Name::from(arg.name.to_ascii_uppercase()));
                }
            }
            "associative" => {
                let same = params.len() == 2 && params.iter().all(|p| p.ty == *ret || p.ty == Ty::Error);
                associative = same && gens.is_empty();
                if !associative && *ret != Ty::Error {
                    let why = if gens.is_empty() {
                        "an associative function takes two values of a type, and gives one of it"
                    } else {
                        "an associative function has no type or size parameters"
                    };
                    let d = Diag::error(codes::E0509, why).at(decl.name.span, "this function does not");
                    diags.push(d.also(at.span, "declared so here"));
                }
            }
            other => {
                let d = Diag::error(codes::E0108, format!("there is no attribute `{other}`"))
                    .at(at.name.span, "")
                    .did_you_mean(other, at.name.span, ["test", "allow", "associative"]);
                diags.push(d);
            }
        }
    }
    Attrs { test, associative, allow }
}
