//! A local folder whose files are on the disk when a write answers.
//!
//! After each write the file is synced, and every folder from it up to the root of the place: a folder
//! that is not synced may forget a name that it was given.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path as FilePath, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    RenameOptions, Result, UploadPart, local::LocalFileSystem, path::Path,
};

/// Files of a log that a process which ended may have named and not synced.
const LOG_FILES_SYNCED: usize = 8;

/// Makes the names of staged files different.
static STAGED: AtomicU64 = AtomicU64::new(0);

#[derive(Debug)]
pub(super) struct Synced {
    files: LocalFileSystem,
    root: PathBuf,
}

impl Synced {
    pub(super) fn new(files: LocalFileSystem, root: PathBuf) -> Self {
        Self { files, root }
    }

    /// A name beside the location that no other write has.
    fn staged(&self, location: &Path) -> Path {
        let number = STAGED.fetch_add(1, Ordering::Relaxed);
        Path::from(format!("{location}.{}-{number}.tmp", std::process::id()))
    }

    async fn sync(&self, location: &Path) -> Result<()> {
        sync(self.files.path_to_filesystem(location)?, self.root.clone()).await
    }
}

impl fmt::Display for Synced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Synced({})", self.files)
    }
}

async fn sync(file: PathBuf, root: PathBuf) -> Result<()> {
    let synced = tokio::task::spawn_blocking(move || sync_file(&file, &root)).await;
    synced.map_err(failed)?.map_err(failed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> object_store::Error {
    let source = Box::new(error);
    object_store::Error::Generic {
        store: "Synced",
        source,
    }
}

fn sync_file(file: &FilePath, root: &FilePath) -> io::Result<()> {
    File::open(file)?.sync_all()?;
    let folders = file.ancestors().skip(1);
    for folder in folders.take_while(|folder| folder.starts_with(root)) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Syncs the newest files of a log, and its folder.
pub(super) fn sync_log(log: &FilePath) -> io::Result<()> {
    let mut names: Vec<PathBuf> = std::fs::read_dir(log)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    names.sort();
    for file in names.iter().rev().take(LOG_FILES_SYNCED) {
        File::open(file)?.sync_all()?;
    }
    File::open(log)?.sync_all()
}

#[async_trait]
impl ObjectStore for Synced {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        // Nobody may see the name before what it names is on the disk.
        let staged = self.staged(location);
        let mode = options.mode.clone();
        let whole = PutOptions {
            mode: PutMode::Overwrite,
            ..options
        };
        let put = self.files.put_opts(&staged, payload, whole).await?;
        self.sync(&staged).await?;
        match mode {
            PutMode::Create => {
                let create = CopyOptions::new().with_mode(CopyMode::Create);
                let named = self.files.copy_opts(&staged, location, create).await;
                self.files.delete(&staged).await?;
                named?;
            }
            _ => {
                let rename = RenameOptions::default();
                self.files.rename_opts(&staged, location, rename).await?;
            }
        }
        self.sync(location).await?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let upload = self.files.put_multipart_opts(location, options).await?;
        let file = self.files.path_to_filesystem(location)?;
        Ok(Box::new(SyncedUpload {
            upload,
            file,
            root: self.root.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await?;
        self.sync(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await?;
        self.sync(to).await
    }
}

#[derive(Debug)]
struct SyncedUpload {
    upload: Box<dyn MultipartUpload>,
    file: PathBuf,
    root: PathBuf,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.upload.complete().await?;
        sync(self.file.clone(), self.root.clone()).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
