//! Generates the parser from `src/grammar.lalrpop` into `$OUT_DIR/grammar.rs`.

fn main() {
    println!("cargo::rerun-if-changed=src/grammar.lalrpop");
    println!("cargo::rerun-if-changed=build.rs");
    let made = lalrpop::Configuration::new()
        .use_cargo_dir_conventions()
        .emit_rerun_directives(false)
        .force_build(true)
        .process();
    if let Err(e) = made {
        eprintln!("{e}");
        std::process::exit(1);
    }
}
