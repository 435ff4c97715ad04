//! `florin import usage`.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::Args;
use florin_app::{
    App,
    usage::Stream,
    usage_upload::{CsvFile, Progress},
};
use florin_core::{
    id::OrganisationId,
    usage::upload::{BadRow, Report},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    configuration::Configuration,
    keys::said,
    output::{self, Format},
};

/// Bad rows that are printed for people.
const BAD_ROWS_PRINTED: usize = 20;

#[derive(Args, Debug)]
pub(crate) struct ImportUsage {
    /// The file; `.gz` is unpacked.
    file: PathBuf,
    /// Id of the organisation.
    #[arg(long)]
    organisation: Uuid,
    /// Slug of the raw metric.
    #[arg(long, value_name = "SLUG")]
    raw_metric: String,
    /// What a header of the file means: `HEADER=customer_id`, `HEADER=timestamp`, `HEADER=data.FIELD`;
    /// `HEADER=` passes the column over. Can be given several times.
    #[arg(long, value_name = "HEADER=COLUMN", value_parser = mapping)]
    map: Vec<(String, String)>,
    /// Only check the file.
    #[arg(long)]
    dry_run: bool,
}

fn mapping(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=');
    let (header, column) = parts.ok_or("write HEADER=COLUMN")?;
    Ok((header.to_owned(), column.to_owned()))
}

pub(crate) async fn run(
    configuration: &Configuration,
    import: &ImportUsage,
    format: Format,
) -> Result<ExitCode> {
    let (app, _engine) = configuration.open_with_usage().await?;
    let stream = stream(&app, import).await?;
    let file = open(&import.file, import.map.clone())?;
    let report = file.check(&stream, &mut Said).await.map_err(said)?;
    let report = match report.rejected > 0 || import.dry_run {
        true => report,
        false => {
            let sent = file.send(&app, &stream, report, &mut Said).await;
            sent.map_err(said)?
        }
    };
    format.print(|| text(&report), || document(&report));
    Ok(match report.rejected {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

async fn stream(app: &App, import: &ImportUsage) -> Result<Stream> {
    let organisation = OrganisationId(import.organisation);
    let slug = &import.raw_metric;
    let mut tx = app.db.read(organisation).await?;
    let metric = florin_app::raw_metric::find_by_slug(&mut tx, slug).await?;
    let metric = metric.with_context(|| {
        format!("the organisation has no raw metric with the slug {slug}: create it first")
    })?;
    Ok(Stream::of(organisation, &metric))
}

/// Prints progress for whoever waits.
struct Said;

#[async_trait::async_trait]
impl Progress for Said {
    async fn note(&mut self, report: &Report) -> florin_app::Result<()> {
        match report.accepted + report.repeated {
            0 => output::progress(&format!("{} rows checked", report.rows)),
            kept => output::progress(&format!("{kept} events kept")),
        }
        Ok(())
    }
}

fn open(path: &Path, mapping: Vec<(String, String)>) -> Result<CsvFile> {
    let cannot = || format!("{} cannot be read", path.display());
    let file = File::open(path).with_context(cannot)?;
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    CsvFile::copy(file, is_packed, mapping).map_err(said)
}

fn text(report: &Report) -> String {
    let Report {
        rows,
        accepted,
        repeated,
        rejected,
        bad_rows,
    } = report;
    let mut lines = match rejected {
        0 if *repeated > 0 => vec![format!(
            "{rows} rows, all good. {accepted} events kept; {repeated} were kept by an earlier import of \
             this file."
        )],
        0 => vec![format!("{rows} rows, all good. {accepted} events kept.")],
        _ => vec![format!(
            "{rejected} of {rows} rows cannot be used. Nothing was kept: mend the file and import it again."
        )],
    };
    let shown = bad_rows.iter().take(BAD_ROWS_PRINTED);
    lines.extend(shown.map(
        |BadRow {
             line,
             column,
             message,
         }| match column.as_str() {
            "" => format!("  line {line}: {message}"),
            column => format!("  line {line}, {column}: {message}"),
        },
    ));
    if bad_rows.len() > BAD_ROWS_PRINTED {
        lines.push("  … (--json shows more)".to_owned());
    }
    lines.join("\n")
}

fn document(report: &Report) -> Value {
    let Report {
        rows,
        accepted,
        repeated,
        rejected,
        bad_rows,
    } = report;
    let bad_rows = bad_rows.iter().map(
        |BadRow {
             line,
             column,
             message,
         }| { json!({ "line": line, "column": column, "message": message }) },
    );
    json!({
        "rows": rows,
        "accepted": accepted,
        "repeated": repeated,
        "rejected": rejected,
        "bad_rows": bad_rows.collect::<Vec<_>>(),
    })
}
