//! `florin verify`: whether the books are right.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use florin_app::{
    App,
    verify::{self, Finding, Report},
};
use florin_store::organisation::{self, Organisation};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::output::Format;

/// Verifies the books of every organisation, or of one; fails if anything is wrong.
pub(crate) async fn run(app: &App, only: Option<Uuid>, format: Format) -> Result<ExitCode> {
    let mut organisations = organisation::all(&app.db).await?;
    organisations.retain(|organisation| only.is_none_or(|only| only == organisation.id.0));
    ensure!(
        only.is_none() || !organisations.is_empty(),
        "there is no organisation with this id: `florin org list` names them"
    );
    let mut reports = Vec::with_capacity(organisations.len());
    for organisation in organisations {
        let report = verify::run(app, organisation.id).await?;
        reports.push((organisation, report));
    }
    let are_right = reports.iter().all(|(_, report)| report.findings.is_empty());
    format.print(
        || reports.iter().map(text).collect::<Vec<_>>().join("\n"),
        || {
            let reports: Vec<Value> = reports.iter().map(document).collect();
            json!({ "books_are_right": are_right, "organisations": reports })
        },
    );
    Ok(if are_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn text((organisation, report): &(Organisation, Report)) -> String {
    let Report {
        entries,
        unsealed,
        seals,
        invoices,
        findings,
    } = report;
    let verdict = if findings.is_empty() {
        "ok   "
    } else {
        "WRONG"
    };
    let mut text = format!(
        "{verdict} {} ({}): {entries} journal entries under {seals} seals, {unsealed} not sealed yet, \
         {invoices} invoices",
        organisation.name, organisation.id
    );
    for Finding { check, id, message } in findings {
        text.push_str(&format!("\n      {check} {id}: {message}"));
    }
    text
}

fn document((organisation, report): &(Organisation, Report)) -> Value {
    let Report {
        entries,
        unsealed,
        seals,
        invoices,
        findings,
    } = report;
    let findings = findings.iter().map(|finding| {
        let Finding { check, id, message } = finding;
        json!({ "check": check, "id": id, "message": message })
    });
    json!({
        "id": organisation.id.0,
        "name": organisation.name,
        "journal_entries": entries,
        "unsealed_entries": unsealed,
        "seals": seals,
        "invoices": invoices,
        "findings": findings.collect::<Vec<_>>(),
    })
}
