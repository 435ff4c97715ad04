//! Programs from PyPI that look at the product from outside.
//!
//! Each set of them has a virtual environment in the build folder, which later runs find again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::installation::Printed;

const HELP: &str = "this test needs Python 3.10 or newer with venv \
    (Debian: `apt-get install python3-venv`, macOS: `brew install python`), \
    and PyPI or a mirror that pip is configured for";

/// The folder of an environment's programs; made where it is missing or of other versions.
pub(crate) fn environment(name: &str, requirements: &str) -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let programs = environment.join(if cfg!(windows) { "Scripts" } else { "bin" });
    let versions = environment.join("requirements.txt");
    if fs::read_to_string(&versions).is_ok_and(|found| found == requirements) {
        return programs;
    }
    let _ = fs::remove_dir_all(&environment);
    let mut venv = Command::new("python3");
    run(venv.args(["-m", "venv"]).arg(&environment));
    let wanted = environment.join("wanted.txt");
    fs::write(&wanted, requirements).unwrap();
    let mut pip = Command::new(programs.join("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    run(pip.arg(&wanted));
    fs::write(versions, requirements).unwrap();
    programs
}

/// Runs a program, which must succeed; answers what it printed.
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{error}: {HELP}"));
    let printed = Printed::from(output);
    assert!(printed.succeeded, "{command:?}: {printed:?}\n{HELP}");
    printed.result
}
