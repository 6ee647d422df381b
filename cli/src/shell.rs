//! What packagers and shells want of the command: manual pages and completions, made from the command line's own
//! description. Knows no verb.

use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::Failure;

/// `mpcc completions SHELL`: the script, on stdout.
pub fn completions(shell: Shell) {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mpcc", &mut text);
    crate::output::print(&String::from_utf8_lossy(&text));
}

/// `mpcc man DIR`: a page for the command and one for each verb.
///
/// # Errors
/// The folder cannot be made, or a page not be written.
pub fn man(dir: &Path) -> Result<(), Failure> {
    let failed = |e: std::io::Error| Failure::usage(format!("{}: {e}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    let mut command = Cli::command();
    command.build();
    pages(&command, &mut |name, page| std::fs::write(dir.join(format!("{name}.1")), page)).map_err(failed)
}

fn pages(command: &Command, write: &mut impl FnMut(&str, Vec<u8>) -> std::io::Result<()>) -> std::io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_string();
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut page)?;
    write(&name, page)?;
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help");
    shown.map(Clone::clone).try_for_each(|c: Command| pages(&c, write))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound_and_every_word_has_help() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        command.build();
        fn check(c: &Command) {
            assert!(c.is_hide_set() || c.get_about().is_some(), "`{}` says what it does", c.get_name());
            for a in c.get_arguments() {
                assert!(
                    a.is_hide_set() || a.get_help().is_some(),
                    "`{}` of `{}` says what it is",
                    a.get_id(),
                    c.get_name()
                );
            }
            c.get_subcommands().for_each(check);
        }
        check(&command);
    }

    #[test]
    fn every_verb_has_a_page() {
        let dir = tempfile::tempdir().unwrap();
        man(dir.path()).unwrap();
        let run = std::fs::read_to_string(dir.path().join("mpcc-run.1")).unwrap();
        assert!(run.contains("\\-\\-report") && dir.path().join("mpcc.1").exists());
        assert!(!dir.path().join("mpcc-node.1").exists());
    }
}
