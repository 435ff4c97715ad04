//! Where table files are: a local folder or an S3-compatible store.
//!
//! Owns opening either, and that what was written to a folder is on the disk before anybody is told: the
//! library's local store leaves that to the operating system. Does not own what the files hold.

mod synced;

use std::{path::PathBuf, sync::Arc};

use deltalake_core::logstore::logstore_factories;
use florin_app::usage::UsageError;
use object_store::{
    ObjectStore,
    aws::{AmazonS3Builder, S3ConditionalPut},
    local::LocalFileSystem,
    path::Path,
};
use url::Url;

use crate::error::unavailable;
use florin_store::usage_inbox::StreamId;

/// Where table files are kept.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder of this machine; made if it is not there.
    Folder(PathBuf),
    /// A bucket.
    S3(S3),
}

/// A bucket of an S3-compatible store that knows conditional writes (`If-None-Match`).
#[derive(Clone)]
pub struct S3 {
    /// Its name.
    pub bucket: String,
    /// Folder inside the bucket; empty is its root.
    pub prefix: String,
    /// Where the store answers; AWS unless told.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: String,
    /// Id of the access key.
    pub access_key_id: String,
    /// The access key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for S3 {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            bucket,
            prefix,
            endpoint,
            region,
            ..
        } = self;
        let mut shown = formatter.debug_struct("S3");
        shown.field("bucket", bucket).field("prefix", prefix);
        shown
            .field("endpoint", endpoint)
            .field("region", region)
            .finish_non_exhaustive()
    }
}

/// The opened place.
#[derive(Clone, Debug)]
pub(crate) struct Objects {
    /// Every object, by its path from the store's own root.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The place, ending in a slash.
    url: Url,
}

/// Lets the library keep logs in S3 as it does in a folder: by conditional writes, without a lock beside
/// the store.
fn know_s3() -> Result<(), UsageError> {
    let [folder, bucket] = ["file://", "s3://"].map(Url::parse);
    let known = logstore_factories();
    let keeper = known
        .get(&folder.map_err(unavailable)?)
        .map(|keeper| Arc::clone(keeper.value()));
    let keeper = keeper.ok_or_else(|| unavailable("the library keeps no logs in folders"))?;
    known.insert(bucket.map_err(unavailable)?, keeper);
    Ok(())
}

impl Objects {
    /// Opens the place.
    pub(crate) fn open(place: &Place) -> Result<Self, UsageError> {
        match place {
            Place::Folder(folder) => {
                std::fs::create_dir_all(folder).map_err(unavailable)?;
                let folder = folder.canonicalize().map_err(unavailable)?;
                if let Some(above) = folder.parent() {
                    let above = std::fs::File::open(above).map_err(unavailable)?;
                    above.sync_all().map_err(unavailable)?;
                }
                let url = Url::from_directory_path(&folder);
                let url = url.map_err(|()| unavailable("the folder has no absolute path"))?;
                let store = synced::Synced::new(LocalFileSystem::new(), folder);
                Ok(Self {
                    store: Arc::new(store),
                    url,
                })
            }
            Place::S3(s3) => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(&s3.bucket)
                    .with_region(&s3.region)
                    .with_access_key_id(&s3.access_key_id)
                    .with_secret_access_key(&s3.secret_access_key)
                    .with_conditional_put(S3ConditionalPut::ETagMatch)
                    .with_allow_http(true);
                if let Some(endpoint) = &s3.endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                let store = builder.build().map_err(unavailable)?;
                know_s3()?;
                let prefix = match s3.prefix.trim_matches('/') {
                    "" => String::new(),
                    prefix => format!("{prefix}/"),
                };
                let url = format!("s3://{}/{prefix}", s3.bucket);
                let url = Url::parse(&url).map_err(unavailable)?;
                Ok(Self {
                    store: Arc::new(store),
                    url,
                })
            }
        }
    }

    /// Sees to it that what the log of a table shows is on the disk: a process may have ended between
    /// naming a commit and syncing its folder.
    pub(crate) async fn settle(&self, table: &Url) -> Result<(), UsageError> {
        if self.url.scheme() != "file" {
            return Ok(());
        }
        let log = table.join("_delta_log").map_err(unavailable)?;
        let log = log
            .to_file_path()
            .map_err(|()| unavailable("the table has no path"))?;
        let synced = tokio::task::spawn_blocking(move || synced::sync_log(&log)).await;
        synced.map_err(unavailable)?.map_err(unavailable)
    }

    /// Where a stream's table is, ending in a slash.
    pub(crate) fn table_url(&self, id: StreamId) -> Result<Url, UsageError> {
        let relative = format!("{}/{}/", id.organisation.0, id.stream);
        self.url.join(&relative).map_err(unavailable)
    }

    /// The path of a file of a table, from the store's root.
    pub(crate) fn path(table: &Url, file: &str) -> Result<Path, UsageError> {
        let table = Path::from_url_path(table.path()).map_err(unavailable)?;
        Path::parse(format!("{table}/{file}")).map_err(unavailable)
    }
}
