//! Running the command and reading what it says.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// The command, in the root of the repository, without the caller's settings.
pub fn mpcc<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mpcc"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MPCC_") {
            command.env_remove(name);
        }
    }
    command.current_dir(mpcc_tests::root()).args(args).output().expect("the command starts")
}

/// Exit code, stdout, stderr.
pub fn said<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> (i32, String, String) {
    let out = mpcc(args);
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (out.status.code().unwrap_or(-1), text(&out.stdout), text(&out.stderr))
}

/// The JSON that a command prints; it must succeed.
pub fn json<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(args: &[S]) -> Value {
    let (code, stdout, stderr) = said(args);
    assert_eq!(code, 0, "{args:?}: {stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|e| panic!("{args:?}: {e}: {stdout}"))
}

/// A folder with a program and input files.
pub fn folder(program: &str, inputs: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    write(dir.path(), "main.mpc", program);
    std::fs::create_dir(dir.path().join("inputs")).expect("a folder");
    for (name, text) in inputs {
        write(&dir.path().join("inputs"), name, text);
    }
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).expect("a file");
}
