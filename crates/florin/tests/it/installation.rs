//! A folder with the binary's data, commands on it, and a server that ends with the test.

use std::{
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Client, Signature};

/// How long the server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// An empty data folder and what commands on it are told besides.
pub(crate) struct Installation {
    folder: TempDir,
    database_url: Option<String>,
    environment: Vec<(String, String)>,
}

impl Installation {
    /// On a SQLite file in the folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database_url: None,
            environment: Vec::new(),
        }
    }

    /// On this database.
    pub(crate) fn on(database_url: String) -> Self {
        Self {
            database_url: Some(database_url),
            ..Self::new()
        }
    }

    /// With an environment variable.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder, which the first command makes.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub(crate) fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.data_dir().join("florin.db").display());
        self.database_url.clone().unwrap_or_else(file)
    }

    /// Writes `florin.toml` into the data folder.
    pub(crate) fn configure(&self, text: &str) {
        std::fs::create_dir_all(self.data_dir()).unwrap();
        std::fs::write(self.data_dir().join("florin.toml"), text).unwrap();
    }

    /// The binary, in the installation's folder, without the settings of whoever runs the tests.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_florin"));
        command.current_dir(self.folder()).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.args(arguments);
        command
    }

    /// A command on the data folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.arg("--data-dir").arg(self.data_dir());
        if let Some(url) = &self.database_url {
            command.arg("--database-url").arg(url);
        }
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Printed {
        Printed::from(self.command(arguments).output().unwrap())
    }

    /// The JSON document that a command prints, which must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let printed = self.run(&[arguments, &["--json"]].concat());
        assert!(printed.succeeded, "{arguments:?}: {printed:?}");
        serde_json::from_str(&printed.result)
            .unwrap_or_else(|error| panic!("{error}: {}", printed.result))
    }

    pub(crate) fn organisation(&self) -> Signature {
        let created = self.json(&["org", "create", "Test"]);
        let text = |name: &str| created[name].as_str().unwrap().to_owned();
        Signature {
            organisation: text("organisation"),
            key: text("api_key"),
        }
    }

    /// Starts a server on a free port, without a rate limit.
    pub(crate) fn serve(&self) -> Server {
        self.serve_with(&[])
    }

    /// The same with more environment variables.
    pub(crate) fn serve_with(&self, environment: &[(&str, &str)]) -> Server {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--rate-limit", "0"];
        let mut command = self.command(&arguments);
        command.envs(environment.iter().copied());
        Server::start(command)
    }
}

/// What a command printed.
#[derive(Debug)]
pub(crate) struct Printed {
    pub(crate) succeeded: bool,
    /// Standard output.
    pub(crate) result: String,
    /// Standard error.
    pub(crate) complaint: String,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            succeeded: output.status.success(),
            result: text(&output.stdout),
            complaint: text(&output.stderr),
        }
    }
}

/// A running server; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    log: Option<thread::JoinHandle<String>>,
}

impl Server {
    /// Starts it and waits until it says where it listens.
    fn start(mut command: Command) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let (said, heard) = mpsc::channel();
        let log = thread::spawn(move || {
            let mut log = String::new();
            while lines.read_line(&mut log).is_ok_and(|bytes| bytes > 0) {
                if let Some(address) = log.lines().last().and_then(listening) {
                    let _ = said.send(address);
                    break;
                }
            }
            // The pipe must be emptied to the end, or the server would wait for room in it.
            let _ = lines.read_to_string(&mut log);
            log
        });
        let Ok(address) = heard.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            panic!("the server did not start: {}", log.join().unwrap());
        };
        let log = Some(log);
        Self {
            child,
            address,
            log,
        }
    }

    pub(crate) fn connect(&self, signature: &Signature) -> Client {
        Client::connect(self.address, signature).unwrap()
    }

    /// Ends it as a power failure would end the process, and waits for the end.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; answers whether it ended well, and the log.
    pub(crate) fn ended(mut self) -> (bool, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not stop");
            thread::sleep(Duration::from_millis(5));
        };
        let log = self.log.take().unwrap().join().unwrap();
        (status.success(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("serves http://")?;
    rest.split(' ').next()?.parse().ok()
}
