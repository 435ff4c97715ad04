//! Templates of organisations, in a process of their own. Owns what goes to it and comes back, and the bounds
//! that the system holds it to: a template that computes for ever, or a picture that unfolds to gigabytes,
//! ends its own process and nothing else.

use std::{
    io::{self, Read, Write},
    path::PathBuf,
    process::{Child, Stdio},
};

use florin_app::document::RenderError;
use serde::{Deserialize, Serialize};

use crate::Problem;
use crate::sheet::Sheet;

/// Processor seconds of one page at most. Florin's own invoice takes a hundredth of one.
const SECONDS_MAX: u64 = 10;
/// Bytes of memory of one page at most.
const MEMORY_BYTES_MAX: u64 = 1 << 30;
/// Bytes of a page at most.
const PAGE_BYTES_MAX: usize = 32 << 20;

/// How a worker process is begun.
#[derive(Clone, Debug)]
pub struct Command {
    program: PathBuf,
    arguments: Vec<String>,
}

/// What a worker gets.
#[derive(Serialize, Deserialize)]
struct Task<'t, S> {
    sheet: S,
    template: std::borrow::Cow<'t, str>,
}

/// The first line of what a worker answers; a page follows where there is no problem.
#[derive(Serialize, Deserialize)]
struct Answer {
    problem: Option<(String, Option<(u64, u64)>)>,
}

impl Command {
    pub(crate) fn new(program: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        Self {
            program,
            arguments: arguments.collect(),
        }
    }

    /// The page, from a new process. It ends by itself: what it may compute is bounded.
    pub(crate) fn render(&self, sheet: &Sheet, template: &str) -> Result<Vec<u8>, RenderError> {
        let task = Task {
            sheet,
            template: template.into(),
        };
        let task = serde_json::to_vec(&task).map_err(unavailable)?;
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.stderr(Stdio::null()).spawn().map_err(unavailable)?;
        let (answer, child) = converse(child, &task).map_err(unavailable)?;
        outcome(answer, child)
    }
}

/// A worker reads all before it answers, so that neither waits for the other.
fn converse(mut child: Child, task: &[u8]) -> io::Result<(Vec<u8>, Child)> {
    if let Some(mut stdin) = child.stdin.take() {
        // A worker that has ended reads no more; its status says why.
        let _ = stdin.write_all(task);
    }
    let mut answer = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let most = u64::try_from(PAGE_BYTES_MAX).unwrap_or(u64::MAX);
        stdout
            .take(most.saturating_add(1))
            .read_to_end(&mut answer)?;
    }
    Ok((answer, child))
}

fn outcome(mut answer: Vec<u8>, mut child: Child) -> Result<Vec<u8>, RenderError> {
    if answer.len() > PAGE_BYTES_MAX {
        let _ = child.kill();
        let _ = child.wait();
        return Err(limit("more than 32 MiB came out"));
    }
    let status = child.wait().map_err(unavailable)?;
    if let Some(message) = ended_by_system(status) {
        return Err(limit(message));
    }
    let head = answer.iter().position(|byte| *byte == b'\n');
    let head = head.filter(|_| status.success());
    let end = head.ok_or_else(|| unavailable(format!("a worker ended with {status}")))?;
    let page = answer.split_off(end.saturating_add(1));
    let Answer { problem } = serde_json::from_slice(&answer).map_err(unavailable)?;
    match problem {
        None => Ok(page),
        Some((message, position)) => Err(RenderError::Template { message, position }),
    }
}

fn unavailable(error: impl ToString) -> RenderError {
    RenderError::Unavailable(error.to_string())
}

fn limit(what: &str) -> RenderError {
    RenderError::Limit {
        message: format!("{what}: make the template simpler, or the pictures on it smaller"),
    }
}

#[cfg(unix)]
fn ended_by_system(status: std::process::ExitStatus) -> Option<&'static str> {
    use std::os::unix::process::ExitStatusExt;
    // An allocation that is refused aborts; what computes too long gets a signal of its own.
    match status.signal()? {
        6 => Some("the page needs more than 1 GiB of memory"),
        9 | 24 => Some("the page takes more than ten seconds"),
        _ => None,
    }
}

#[cfg(not(unix))]
fn ended_by_system(_: std::process::ExitStatus) -> Option<&'static str> {
    None
}

#[cfg(unix)]
fn bound() -> io::Result<()> {
    use rlimit::Resource;
    Resource::CPU.set(SECONDS_MAX, SECONDS_MAX.saturating_add(1))?;
    Resource::DATA.set(MEMORY_BYTES_MAX, MEMORY_BYTES_MAX)?;
    // Nothing is written but the answer.
    Resource::FSIZE.set(0, 0)?;
    Resource::CORE.set(0, 0)
}

#[cfg(not(unix))]
fn bound() -> io::Result<()> {
    Err(io::Error::other(
        "templates of your own need a system that bounds processes",
    ))
}

/// A worker's whole life: one task from standard input, one page to standard output. Call it first in the
/// process, before there are threads.
///
/// # Errors
/// Bounds that cannot be set, a task that cannot be read, an answer that cannot be written.
pub fn work() -> io::Result<()> {
    bound()?;
    let mut task = Vec::new();
    io::stdin().lock().read_to_end(&mut task)?;
    let task: Task<'_, Sheet> = serde_json::from_slice(&task)?;
    let rendered = task.sheet.render(&task.template);
    let problem = |problem: &Problem| (problem.message.clone(), problem.position);
    let answer = Answer {
        problem: rendered.as_ref().err().map(problem),
    };
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &answer)?;
    out.write_all(b"\n")?;
    out.write_all(rendered.as_deref().unwrap_or_default())?;
    out.flush()
}
