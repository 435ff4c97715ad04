//! Configuration: defaults, then a file, then the environment, then the command line; the later wins.

use std::{
    fs::{File, TryLockError},
    num::NonZeroU32,
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, Result};
use figment::{
    Figment,
    providers::{Env, Format, Serialized, Toml},
};
use florin_app::{
    App,
    clock::MachineClock,
    ids::MachineIds,
    usage::{Absent, Usage},
    vault::Vault,
};
use florin_document::Pages;
use florin_gateway::Stripe;
use florin_store::{Db, Options};
use florin_usage::{BacklogLimit, Engine, Pace, S3};
use serde::{Deserialize, Serialize};

use crate::command::{Place, Serve};

/// Everything that can be set. `florin.example.toml` shows each with its default.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Configuration {
    /// Folder of all data.
    pub(crate) data_dir: PathBuf,
    /// Where records are; empty is a SQLite file in the data folder.
    pub(crate) database_url: String,
    /// Database connections at most.
    pub(crate) connections_max: u32,
    /// Where table files of usage events are; empty is the folder `usage` in the data folder.
    pub(crate) usage_place: String,
    /// Where an S3-compatible store answers; empty is AWS.
    pub(crate) s3_endpoint: String,
    /// Region of the bucket.
    pub(crate) s3_region: String,
    /// Id of the key to the bucket.
    pub(crate) s3_access_key_id: String,
    /// The key to the bucket.
    pub(crate) s3_secret_access_key: String,
    /// Address and port of the API.
    pub(crate) listen: String,
    /// Where the API is reached from outside; empty is `http://` and `listen`.
    pub(crate) public_url: String,
    /// Under which secrets of connectors are kept; empty is none.
    pub(crate) master_key: String,
    /// Where Stripe answers.
    pub(crate) stripe_url: String,
    /// Requests per second and key; 0 is no limit.
    pub(crate) rate_limit: u32,
    /// What is logged, in the words of `RUST_LOG`.
    pub(crate) log: String,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("florin-data"),
            database_url: String::new(),
            connections_max: 16,
            usage_place: String::new(),
            s3_endpoint: String::new(),
            s3_region: "us-east-1".to_owned(),
            s3_access_key_id: String::new(),
            s3_secret_access_key: String::new(),
            listen: "127.0.0.1:8080".to_owned(),
            public_url: String::new(),
            master_key: String::new(),
            stripe_url: "https://api.stripe.com".to_owned(),
            rate_limit: 1000,
            log: "warn,florin=info,florin_api=info,florin_app=info,florin_store=info".to_owned(),
        }
    }
}

impl Configuration {
    /// Reads file and environment, and lays the command line over them.
    ///
    /// # Errors
    /// An unreadable file, an unknown setting, a value of the wrong type.
    pub(crate) fn load(place: &Place) -> Result<Self> {
        let before = Figment::from(Serialized::defaults(Self::default())).merge(environment());
        let folder: PathBuf = match &place.data_dir {
            Some(folder) => folder.clone(),
            None => before.extract_inner("data_dir")?,
        };
        let file = match &place.config {
            Some(file) if !file.is_file() => {
                anyhow::bail!("there is no configuration file {}", file.display())
            }
            Some(file) => file.clone(),
            None => folder.join("florin.toml"),
        };
        let layers = Figment::from(Serialized::defaults(Self::default()))
            .merge(Toml::file(file))
            .merge(environment());
        let mut configuration: Self = layers.extract().context("the configuration is not valid")?;
        if let Some(folder) = &place.data_dir {
            configuration.data_dir.clone_from(folder);
        }
        if let Some(url) = &place.database_url {
            configuration.database_url.clone_from(url);
        }
        if let Some(place) = &place.usage_place {
            configuration.usage_place.clone_from(place);
        }
        Ok(configuration)
    }

    /// The same with the server's settings from the command line.
    pub(crate) fn with(mut self, serve: &Serve) -> Self {
        if let Some(listen) = &serve.listen {
            self.listen.clone_from(listen);
        }
        if let Some(rate) = serve.rate_limit {
            self.rate_limit = rate;
        }
        if let Some(connections) = serve.connections_max {
            self.connections_max = connections;
        }
        if let Some(log) = &serve.log {
            self.log.clone_from(log);
        }
        self
    }

    /// Requests per second and key; `None` is no limit.
    pub(crate) fn rate_limit(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.rate_limit)
    }

    /// Where records are.
    pub(crate) fn database_url(&self) -> String {
        if self.database_url.is_empty() {
            format!("sqlite:{}", self.data_dir.join("florin.db").display())
        } else {
            self.database_url.clone()
        }
    }

    /// Makes the data folder and opens the database. Usage is not available.
    ///
    /// # Errors
    /// A folder that cannot be made, or a database that cannot be opened.
    pub(crate) async fn open(&self) -> Result<App> {
        self.app(self.open_records().await?, Arc::new(Absent))
    }

    /// As [`Configuration::open`], with usage.
    ///
    /// # Errors
    /// Also a place of table files that cannot be opened.
    pub(crate) async fn open_with_usage(&self) -> Result<(App, Engine)> {
        let records = self.open_records().await?;
        let options = florin_usage::Options {
            inbox: self.open_inbox().await?,
            records: records.clone(),
            place: self.usage_place()?,
            clock: Arc::new(MachineClock),
            ids: Arc::new(MachineIds),
            pace: match of_a_test("FLORIN_TEST_USAGE_PACE") {
                Some(_) => Pace::HASTY,
                None => Pace::USUAL,
            },
            backlog: BacklogLimit::USUAL,
        };
        let engine = Engine::open(options).await;
        let engine = engine.context("usage cannot be opened")?;
        let app = App {
            documents: Arc::new(pages()?),
            ..self.app(records, Arc::new(engine.clone()))?
        };
        Ok((app, engine))
    }

    /// An app with the gateways and the vault of this configuration.
    fn app(&self, records: Db, usage: Arc<dyn Usage>) -> Result<App> {
        let vault = Vault::new(&self.master_key).context("master_key cannot be used")?;
        let stripe = Stripe::new(florin_gateway::Options {
            base_url: self.stripe_url.trim_end_matches('/').to_owned(),
            ..florin_gateway::Options::default()
        })?;
        let app = App::new(records, usage);
        Ok(App {
            gateways: app.gateways.with("stripe", Arc::new(stripe)),
            vault: Arc::new(vault),
            ..app
        })
    }

    /// Where the API is reached from outside, without a slash at the end.
    pub(crate) fn public_url(&self) -> String {
        let url = match self.public_url.as_str() {
            "" => format!("http://{}", self.listen),
            url => url.to_owned(),
        };
        url.trim_end_matches('/').to_owned()
    }

    /// The lock of the one server that a folder with SQLite files may have; it ends with the process. With
    /// PostgreSQL any number of servers may run.
    ///
    /// # Errors
    /// Another server runs on the folder.
    pub(crate) fn alone_on_sqlite(&self) -> Result<Option<File>> {
        if !self.database_url().starts_with("sqlite:") {
            return Ok(None);
        }
        let folder = &self.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the data folder {} cannot be made", folder.display()))?;
        let file = folder.join("serve.lock");
        let lock = File::create(&file);
        let lock = lock.with_context(|| format!("{} cannot be made", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another server runs on the folder {}: stop it, or use PostgreSQL for several",
                folder.display()
            ),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", file.display()))
            }
        }
    }

    async fn open_records(&self) -> Result<Db> {
        let folder = &self.data_dir;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("the data folder {} cannot be made", folder.display()))?;
        let db = Db::open(&self.database(self.database_url())).await;
        db.context("the database cannot be opened")
    }

    /// The inbox: a file of its own beside the records' one, or the same PostgreSQL.
    async fn open_inbox(&self) -> Result<Db> {
        let url = self.database_url();
        let url = match url.starts_with("sqlite:") {
            true => format!("sqlite:{}", self.data_dir.join("usage.db").display()),
            false => url,
        };
        let db = Db::open_usage(&self.database(url)).await;
        db.context("the inbox of usage events cannot be opened")
    }

    fn database(&self, url: String) -> Options {
        Options {
            url,
            connections_max: self.connections_max.max(1),
        }
    }

    fn usage_place(&self) -> Result<florin_usage::Place> {
        if self.usage_place.is_empty() {
            return Ok(florin_usage::Place::Folder(self.data_dir.join("usage")));
        }
        let Some(bucket) = self.usage_place.strip_prefix("s3://") else {
            return Ok(florin_usage::Place::Folder(PathBuf::from(
                &self.usage_place,
            )));
        };
        let (bucket, prefix) = bucket.split_once('/').unwrap_or((bucket, ""));
        if bucket.is_empty() {
            anyhow::bail!("usage_place names no bucket: write s3://BUCKET or s3://BUCKET/FOLDER");
        }
        Ok(florin_usage::Place::S3(S3 {
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            endpoint: Some(self.s3_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: self.s3_region.clone(),
            access_key_id: self.s3_access_key_id.clone(),
            secret_access_key: self.s3_secret_access_key.clone(),
        }))
    }
}

/// Pages of documents; templates of organisations run in processes of this same program.
fn pages() -> Result<Pages> {
    let program = std::env::current_exe().context("the program does not know its own place")?;
    Ok(Pages::new(program, &[crate::command::RENDER_DOCUMENT]))
}

/// A setting that only tests make: no part of the configuration, and not documented.
#[expect(
    clippy::disallowed_methods,
    reason = "the configuration's own place in the binary"
)]
pub(crate) fn of_a_test(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Begin the names of variables that others make: the tests, and Kubernetes beside a service of our name.
const OF_OTHERS: &[&str] = &["test_", "service_", "port"];

/// `FLORIN_` and a setting's name in capitals.
fn environment() -> Env {
    Env::prefixed("FLORIN_").filter(|name| {
        let name = name.as_str().to_ascii_lowercase();
        !OF_OTHERS.iter().any(|prefix| name.starts_with(prefix))
    })
}
