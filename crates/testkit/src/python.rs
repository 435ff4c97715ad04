//! Programs from PyPI that a test speaks to, or that look at the product from outside.
//!
//! Each set of them has a virtual environment in the build folder, which later runs find again.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
};

const HELP: &str = "this test needs Python 3.10 or newer with venv \
    (Debian: `apt-get install python3-venv`, macOS: `brew install python`), \
    and PyPI or a mirror that pip is configured for";

/// The folder of an environment's programs; made where it is missing or of other versions. `folder` is the
/// test's `CARGO_TARGET_TMPDIR`.
///
/// # Panics
/// Where it cannot be made; the message says what is needed.
pub fn environment(folder: &str, name: &str, requirements: &str) -> PathBuf {
    // Tests of one process would make the same environment at once.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let environment = Path::new(folder).join(name);
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
///
/// # Panics
/// Where it fails.
pub fn run(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{error}: {HELP}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (printed, said) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "{command:?}: {printed}{said}\n{HELP}"
    );
    printed
}

/// A server that ends with the test.
#[derive(Debug)]
pub struct Served {
    child: Child,
    /// Its port on the loopback.
    pub port: u16,
}

impl Served {
    /// Starts a program that listens on the port which `arguments` gives it.
    ///
    /// # Panics
    /// Where it does not start.
    pub fn start(program: &Path, arguments: impl Fn(u16) -> Vec<String>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = Command::new(program);
        command
            .args(arguments(port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program:?}: {error}"));
        Self { child, port }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
