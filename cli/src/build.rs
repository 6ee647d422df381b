//! `mpcc build`: any stage as text.

use crate::args::{BuildArgs, Source, Stage};
use crate::failure::Failure;
use crate::files;
use crate::output::{Shown, print};
use crate::program::{self, Object};
use node::Sizes;
use node::data;

/// Prints a stage.
///
/// # Errors
/// The program is wrong, sizes are missing, or the file cannot be written.
pub fn build(args: &BuildArgs, shown: &Shown) -> Result<(), Failure> {
    let text = match args.emit {
        Stage::Ast => {
            let place = crate::files::locate(&args.source.program).map_err(Failure::usage)?;
            let text = crate::files::read(&place.file).map_err(Failure::usage)?;
            let (text, diags, sources) = driver::ast_text(&place.file.display().to_string(), &text);
            shown.diags(&diags, &sources);
            if diags.has_errors() {
                return Err(Failure::Shown(1));
            }
            text
        }
        Stage::Types => {
            let (_, checked) = program::checked(&args.source, shown)?;
            driver::types_text(&checked)
        }
        _ => {
            let goal = program::target(&args.target)?;
            let (place, checked) = program::checked(&args.source, shown)?;
            need_main(&checked, shown)?;
            let object = Object::new(checked, &goal, shown.color)?;
            let sizes = sizes(&object, &args.source, &place)?;
            let lowered = object.lowered(&sizes)?;
            shown.diags(&lowered.lints, &object.checked().sources);
            if args.emit == Stage::Program {
                driver::program_text(object.checked(), &lowered)
            } else {
                let compiled = object.finish(lowered)?;
                match args.emit {
                    Stage::Gates => circuit::text::print(&compiled.gates),
                    Stage::Schedule => circuit::text::print_schedule(&compiled.schedule, Some(&compiled.gates)),
                    _ => circuit::dot::dot(&compiled.gates),
                }
            }
        }
    };
    match &args.output {
        None => print(&text),
        Some(file) => {
            files::write(file, text.as_bytes()).map_err(Failure::usage)?;
        }
    }
    Ok(())
}

/// Shows what is wrong where there is no `main`.
///
/// # Errors
/// There is none.
pub fn need_main(checked: &driver::Checked, shown: &Shown) -> Result<(), Failure> {
    if checked.program.main.is_some() {
        return Ok(());
    }
    shown.diags(&checked.without_main(), &checked.sources);
    Err(Failure::Shown(1))
}

/// Sizes for a command that runs nothing: from `-D`, and from row counts of the inputs where `-D` leaves one open. Gives
/// the program its public values too.
///
/// # Errors
/// Usage, or bad inputs.
pub fn sizes(object: &Object, source: &Source, place: &crate::files::Place) -> Result<Sizes, Failure> {
    let defines = program::defines(source)?;
    let names = driver::size_names(&object.checked().program);
    let all_given = names.iter().all(|n| defines.iter().any(|(d, _)| d == n));
    let folder = source.inputs.clone().unwrap_or_else(|| place.dir.join("inputs"));
    let random = (all_given || !folder.is_dir()).then_some(0);
    let from = data::Source { folder: random.is_none().then_some(folder), defines, random };
    let inputs = data::read(node::ProgramObject::contract(object), &from, None)
        .map_err(|e| Failure::from(node::NodeError::from(e)))?;
    let sizes: Sizes = inputs.sizes().iter().map(|c| (c.name.clone(), c.value)).collect();
    object.take_publics(&inputs, &sizes)?;
    Ok(sizes)
}
