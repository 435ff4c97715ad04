//! What the command line prints. **The only file that prints.** Results go to standard output, as text
//! for a person or as one JSON document for a machine; everything else goes to standard error.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is what the file is for"
)]

use std::process::ExitCode;

use serde_json::Value;

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For a person.
    Text,
    /// One JSON document.
    Json,
}

impl Format {
    /// Prints a result in the chosen form.
    pub(crate) fn print(self, text: impl FnOnce() -> String, json: impl FnOnce() -> Value) {
        match self {
            Self::Text => println!("{}", text()),
            Self::Json => println!("{}", json()),
        }
    }
}

/// Prints a line about progress.
pub(crate) fn progress(line: &str) {
    eprintln!("{line}");
}

/// Prints why the command failed, with its causes.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
