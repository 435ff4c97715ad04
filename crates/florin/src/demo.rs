//! `florin demo`: a month of real departures, billed before your eyes.
//!
//! Owns the story: an airports authority, its sixteen airlines, January 2013. Everything goes through the public
//! API over HTTP, as anybody's program would do it; what the story needs stands in `examples/`. It can be
//! told again: what is there already is found, not made twice.

mod account;
mod client;
mod events;
mod story;

use std::{
    fmt::Write as _,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::{
    command::Serve,
    configuration::Configuration,
    output::{self, Format},
    serve::{self, Beside},
};
use account::Account;
use client::Client;
use story::{Billed, Story};

/// Folder of all data, unless told: nobody's own data is touched.
pub(crate) const DATA_DIR: &str = "florin-demo";

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Address and port. [env: FLORIN_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Stop when everything is done, instead of serving on.
    #[arg(long)]
    exit: bool,
}

impl Demo {
    /// A server that says little and lets the story ask as fast as it can.
    fn serve(&self) -> Serve {
        Serve {
            listen: self.listen.clone(),
            rate_limit: Some(0),
            log: Some("warn".to_owned()),
            ..Serve::default()
        }
    }
}

pub(crate) async fn run(configuration: Configuration, demo: &Demo, format: Format) -> Result<()> {
    output::progress("Florin demo: sixteen airlines, 27,004 departures, one bill each.");
    let account = account::open(&configuration).await?;
    let folder = configuration.data_dir.clone();
    let (ready, listening) = oneshot::channel();
    let stop = CancellationToken::new();
    let beside = Beside {
        ready: Some(ready),
        stop: stop.clone(),
    };
    let serve = demo.serve();
    let server = serve::run_beside(configuration.with(&serve), &serve, format, beside);
    let telling = async {
        let address = listening.await.context("the server did not start")?;
        let told = tell(address, &account, &folder, format).await;
        if demo.exit || told.is_err() {
            stop.cancel();
        }
        told
    };
    let (served, told) = tokio::join!(server, telling);
    // Where the server did not start, that is what went wrong.
    served.and(told)
}

async fn tell(address: SocketAddr, account: &Account, folder: &Path, format: Format) -> Result<()> {
    let client = Client::new(address, account)?;
    let mut story = Story::new(client)?;
    let billed = story.tell(account).await?;
    let pages = folder.join("invoices");
    let files = story.write_pages(&billed, &pages).await?;
    format.print(
        || text(address, account, &billed, &pages),
        || document(address, account, &billed, &files),
    );
    Ok(())
}

/// What a person sees at the end.
fn text(address: SocketAddr, account: &Account, billed: &[Billed], pages: &Path) -> String {
    let mut text = format!(
        "\n{:4} {:28} {:12} {:>10} {:>14} {:>13} {:>14}\n",
        "", "airline", "invoice", "departures", "net", "tax", "total"
    );
    for invoice in billed {
        let Billed {
            carrier,
            airline,
            number,
            departures,
            net,
            tax,
            total,
            ..
        } = invoice;
        let _ = writeln!(
            text,
            "{carrier:4} {airline:28} {number:12} {departures:>10} {net:>14} {tax:>13} {total:>14}"
        );
    }
    let Account { organisation, key } = account;
    let first = billed.first().map_or("", |invoice| invoice.id.as_str());
    let _ = write!(
        text,
        "\nThe documents are in {pages}. Ask for more:\n\n  \
         key='x-api-key: {key}'; organisation='organisation: {organisation}'\n  \
         curl http://{address}/invoices -H \"$key\" -H \"$organisation\"\n  \
         curl http://{address}/invoices/{first}/line_items -H \"$key\" -H \"$organisation\"\n\n\
         The API to try out: http://{address}/docs",
        pages = pages.display()
    );
    text
}

fn document(address: SocketAddr, account: &Account, billed: &[Billed], files: &[PathBuf]) -> Json {
    let rows = billed.iter().zip(files).map(|(invoice, file)| {
        json!({
            "id": invoice.id,
            "customer": invoice.carrier,
            "invoice_number": invoice.number,
            "net": invoice.net,
            "tax": invoice.tax,
            "total": invoice.total,
            "pdf": file.display().to_string(),
        })
    });
    json!({
        "address": address.to_string(),
        "organisation": account.organisation,
        "api_key": account.key,
        "invoices": rows.collect::<Vec<_>>(),
    })
}
