//! The command line.

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use florin_app::organisation::NewOrganisation;
use uuid::Uuid;

use crate::{
    configuration::Configuration, demo, doctor, import_usage, keys, organisations, output::Format,
    serve, verify,
};

/// Florin: order to cash. Metering, contracts, invoices, payments, ledger, revenue.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    place: Place,
    /// Print one JSON document instead of text.
    #[arg(long, global = true)]
    json: bool,
}

/// Where the data is. Each setting can also stand in the file or the environment.
#[derive(Args, Clone, Debug)]
pub(crate) struct Place {
    /// Folder of all data; made if it is not there. [env: FLORIN_DATA_DIR] [default: florin-data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// `sqlite:FILE` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    /// [env: FLORIN_DATABASE_URL] [default: a SQLite file in the data folder]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Where table files of usage events are: a folder, or `s3://BUCKET/FOLDER`. A bucket also needs
    /// FLORIN_S3_ACCESS_KEY_ID and FLORIN_S3_SECRET_ACCESS_KEY, and unless it is AWS' us-east-1
    /// FLORIN_S3_ENDPOINT and FLORIN_S3_REGION.
    /// [env: FLORIN_USAGE_PLACE] [default: the folder `usage` in the data folder]
    #[arg(long, global = true, value_name = "PLACE")]
    pub(crate) usage_place: Option<String>,
    /// Configuration file, which may also say where clients reach the server (FLORIN_PUBLIC_URL), under which key
    /// secrets of connectors are kept (FLORIN_MASTER_KEY) and where Stripe answers (FLORIN_STRIPE_URL).
    /// [default: florin.toml in the data folder, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API until SIGTERM or Ctrl-C; requests in flight are finished.
    Serve(Serve),
    /// Bill a month of real departures, from events to PDFs, over the API of a server that goes on serving.
    ///
    /// The data is in the folder `florin-demo` unless told. Once more on the same folder finds what is there.
    Demo(demo::Demo),
    /// Organisations.
    #[command(subcommand)]
    Org(Org),
    /// API keys.
    #[command(subcommand)]
    Key(Key),
    /// Bring files of data in.
    #[command(subcommand)]
    Import(Import),
    /// Bring the database's tables up to date.
    Migrate,
    /// Check database, folders, clock and versions, and say what is wrong.
    Doctor,
    /// Hold the books against invoices, wallets, payments and credit notes, compute the seals of the journal and
    /// every invoice again, and say exactly what is wrong.
    Verify {
        /// Id of the only organisation to look at; all unless told.
        #[arg(long)]
        organisation: Option<Uuid>,
    },
}

/// Settings of the server. Each can also stand in the file or the environment; the example file
/// `florin.example.toml` explains them all.
#[derive(Args, Debug, Default)]
pub(crate) struct Serve {
    /// Address and port. [env: FLORIN_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Requests per second that one API key may send; 0 is no limit.
    /// [env: FLORIN_RATE_LIMIT] [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) rate_limit: Option<u32>,
    /// Database connections at most. [env: FLORIN_CONNECTIONS_MAX] [default: 16]
    #[arg(long, value_name = "N")]
    pub(crate) connections_max: Option<u32>,
    /// What is logged, in the words of `RUST_LOG`. [env: FLORIN_LOG] [default: warnings, and each
    /// request]
    #[arg(long, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// Before serving, create an organisation of this name with a key if there is none, and print how
    /// to use them.
    #[arg(long, value_name = "NAME")]
    pub(crate) first_organisation: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Org {
    /// Create an organisation and its first API key, which is shown once.
    Create {
        /// Name of the organisation.
        name: String,
        /// For trying things: test clocks exist, and keys begin with `sandbox_`.
        #[arg(long)]
        sandbox: bool,
        /// Zone of its calendar days, an IANA name.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
    },
    /// List the organisations.
    List,
}

#[derive(Debug, Subcommand)]
enum Key {
    /// Create an API key, which is shown once.
    Create {
        /// Id of the organisation.
        #[arg(long)]
        organisation: Uuid,
        /// What the key is for.
        #[arg(long, default_value = "command line")]
        name: String,
    },
    /// List an organisation's keys.
    List {
        /// Id of the organisation.
        #[arg(long)]
        organisation: Uuid,
    },
    /// Revoke a key. Running servers refuse it within a second.
    Revoke {
        /// Id of the organisation.
        #[arg(long)]
        organisation: Uuid,
        /// Id of the key.
        id: Uuid,
    },
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Send the events of a CSV file, also while a server runs on the same data.
    ///
    /// The first line names the columns: customer_id, timestamp and fields of the raw metric. Empty cells
    /// are nulls. A file with a row that cannot be used sends nothing; an interrupted import is
    /// continued by the same command.
    Usage(import_usage::ImportUsage),
}

/// The command of worker processes: no person calls it.
pub(crate) const RENDER_DOCUMENT: &str = "render-document";

/// Runs the command.
pub(crate) async fn run(arguments: Arguments) -> Result<ExitCode> {
    let Arguments {
        command,
        mut place,
        json,
    } = arguments;
    if let (Command::Demo(_), None) = (&command, &place.data_dir) {
        place.data_dir = Some(demo::DATA_DIR.into());
    }
    let format = if json { Format::Json } else { Format::Text };
    let configuration = Configuration::load(&place)?;
    match command {
        Command::Serve(serve) => serve::run(configuration.with(&serve), &serve, format).await?,
        Command::Demo(demo) => {
            demo::run(configuration, &demo, format).await?;
        }
        Command::Doctor => return doctor::run(&configuration, format).await,
        Command::Import(Import::Usage(import)) => {
            return import_usage::run(&configuration, &import, format).await;
        }
        Command::Verify { organisation } => {
            let app = configuration.open().await?;
            return verify::run(&app, organisation, format).await;
        }
        Command::Migrate => {
            let version = florin_store::migrate::newest();
            configuration.open().await?;
            format.print(
                || format!("The database is at version {version}."),
                || serde_json::json!({ "version": version }),
            );
        }
        Command::Org(command) => {
            let app = configuration.open().await?;
            match command {
                Org::Create {
                    name,
                    sandbox,
                    time_zone,
                } => {
                    let new = NewOrganisation {
                        name,
                        is_sandbox: sandbox,
                        time_zone,
                    };
                    organisations::create(&app, new, &configuration.listen, format).await?;
                }
                Org::List => organisations::list(&app, format).await?,
            }
        }
        Command::Key(command) => {
            let app = configuration.open().await?;
            match command {
                Key::Create { organisation, name } => {
                    keys::create(&app, organisation, &name, format).await?;
                }
                Key::List { organisation } => keys::list(&app, organisation, format).await?,
                Key::Revoke { organisation, id } => {
                    keys::revoke(&app, organisation, id, format).await?;
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
