//! `florin doctor`: what is wrong with this installation.

use std::process::ExitCode;

use anyhow::Result;
use florin_core::Timestamp;
use serde_json::{Value, json};

use crate::{configuration::Configuration, output::Format};

/// A clock before this is not set: no Florin existed.
const EARLIEST: &str = "2026-01-01T00:00:00Z";

struct Finding {
    subject: &'static str,
    outcome: Result<String>,
}

/// Runs every check; fails if one of them does.
pub(crate) async fn run(configuration: &Configuration, format: Format) -> Result<ExitCode> {
    let mut findings = vec![
        Finding {
            subject: "version",
            outcome: Ok(env!("CARGO_PKG_VERSION").to_owned()),
        },
        Finding {
            subject: "data folder",
            outcome: data_folder(configuration),
        },
    ];
    match configuration.open().await {
        Ok(app) => {
            let version = florin_store::migrate::newest();
            let backend = app.db.backend();
            let opened = format!("{backend:?}, tables at version {version}");
            findings.push(Finding {
                subject: "database",
                outcome: Ok(opened),
            });
            findings.push(Finding {
                subject: "clock",
                outcome: clock(app.clock.now()),
            });
            let organisations = florin_store::organisation::all(&app.db).await;
            let outcome = organisations
                .map(|all| all.len().to_string())
                .map_err(Into::into);
            findings.push(Finding {
                subject: "organisations",
                outcome,
            });
        }
        Err(error) => findings.push(Finding {
            subject: "database",
            outcome: Err(error),
        }),
    }
    let healthy = findings.iter().all(|finding| finding.outcome.is_ok());
    format.print(
        || findings.iter().map(line).collect::<Vec<_>>().join("\n"),
        || json!({ "healthy": healthy, "checks": findings.iter().map(document).collect::<Vec<_>>() }),
    );
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(finding: &Finding) -> String {
    let subject = finding.subject;
    match &finding.outcome {
        Ok(fact) => format!("ok    {subject:14} {fact}"),
        Err(error) => format!("WRONG {subject:14} {error:#}"),
    }
}

fn document(finding: &Finding) -> Value {
    let (ok, text) = match &finding.outcome {
        Ok(fact) => (true, fact.clone()),
        Err(error) => (false, format!("{error:#}")),
    };
    json!({ "subject": finding.subject, "ok": ok, "detail": text })
}

fn data_folder(configuration: &Configuration) -> Result<String> {
    let folder = &configuration.data_dir;
    std::fs::create_dir_all(folder)?;
    let probe = folder.join(".florin-doctor");
    std::fs::write(&probe, b"probe")?;
    std::fs::remove_file(&probe)?;
    Ok(format!("{} can be written", folder.display()))
}

fn clock(now: Timestamp) -> Result<String> {
    let earliest: Timestamp = EARLIEST.parse()?;
    anyhow::ensure!(now > earliest, "the machine's clock says {now}: set it");
    Ok(now.to_string())
}
