//! The Delta table of a stream.
//!
//! Owns the table's log: which files are in it, how far it reaches, its columns. Does not own what is in
//! the files ([`crate::parquet_file`]), nor when they are written.
//!
//! Invariants:
//! - the log's application transaction [`APPLICATION`] is the sequence up to which the table holds the
//!   stream, written in the commit that adds the events: a flush that is repeated after a crash starts
//!   behind what is there;
//! - a commit is on the disk when it answers ([`crate::objects`]).

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use deltalake_core::{
    DeltaTable, DeltaTableBuilder, checkpoints,
    kernel::{
        Action, Add, MetadataExt, Remove, StructType, Transaction,
        engine::arrow_conversion::{TryIntoArrow, TryIntoKernel},
        transaction::{CommitBuilder, CommitProperties},
    },
    operations::{create::CreateBuilder, vacuum::VacuumMode},
    protocol::{DeltaOperation, SaveMode},
};
use florin_app::usage::UsageError;
use florin_store::usage_inbox::StreamId;
use jiff::Timestamp;
use url::Url;

use crate::{
    error::unavailable,
    objects::Objects,
    parquet_file::{Bounds, NewFile},
};

/// Id of our application transaction in the log.
const APPLICATION: &str = "florin";
/// Commits between two checkpoints of the log.
const CHECKPOINT_INTERVAL: &str = "50";

/// A stream's table. One task changes it at a time.
#[derive(Debug)]
pub(crate) struct Table {
    delta: DeltaTable,
    url: Url,
}

/// What a version of a table holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    /// Events up to this sequence are in the files; 0 before the first.
    pub(crate) last_sequence: i64,
    /// The files.
    pub(crate) files: Vec<DataFile>,
    /// The columns of the table, which some older files lack.
    pub(crate) columns: Option<SchemaRef>,
}

/// A file of a table.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    /// Its name within the table.
    pub(crate) name: String,
    /// Its path from the store's root.
    pub(crate) path: object_store::path::Path,
    /// Bytes.
    pub(crate) size: u64,
    /// What is in it.
    pub(crate) bounds: Bounds,
}

/// A change of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Change {
    /// Files that come.
    pub(crate) added: Vec<NewFile>,
    /// Names of files that go.
    pub(crate) removed: Vec<DataFile>,
    /// How far the table reaches afterwards.
    pub(crate) last_sequence: Option<i64>,
    /// The columns, where some were added.
    pub(crate) columns: Option<SchemaRef>,
    /// Whether the rows change, or only where they stand.
    pub(crate) is_rearrangement: bool,
    /// When it is made.
    pub(crate) at: Timestamp,
}

impl Table {
    /// Opens the table of a stream; `None` where there is none yet.
    pub(crate) async fn open(objects: &Objects, id: StreamId) -> Result<Option<Self>, UsageError> {
        let url = objects.table_url(id)?;
        let mut delta = at(objects, &url)?;
        if !delta
            .verify_deltatable_existence()
            .await
            .map_err(unavailable)?
        {
            return Ok(None);
        }
        objects.settle(&url).await?;
        delta.load().await.map_err(unavailable)?;
        Ok(Some(Self { delta, url }))
    }

    /// Makes the table of a stream. Fails where another node has just made it and written to it.
    pub(crate) async fn create(
        objects: &Objects,
        id: StreamId,
        schema: &ArrowSchema,
    ) -> Result<Self, UsageError> {
        let url = objects.table_url(id)?;
        let columns: StructType = schema.try_into_kernel().map_err(unavailable)?;
        let log_store = at(objects, &url)?.log_store();
        let created = CreateBuilder::new()
            .with_log_store(log_store)
            .with_columns(columns.fields().cloned())
            .with_save_mode(SaveMode::Ignore)
            .with_configuration([
                ("delta.checkpointInterval", Some(CHECKPOINT_INTERVAL)),
                (
                    "delta.deletedFileRetentionDuration",
                    Some("interval 2 days"),
                ),
                ("delta.logRetentionDuration", Some("interval 2 days")),
                (
                    "delta.dataSkippingStatsColumns",
                    Some("customer_id,timestamp"),
                ),
            ]);
        let delta = created.await.map_err(unavailable)?;
        let table = Self { delta, url };
        match table.files().await?.last_sequence {
            0 => Ok(table),
            _ => Err(unavailable("another node has made the table")),
        }
    }

    /// Reads what other nodes have committed.
    pub(crate) async fn refresh(&mut self) -> Result<(), UsageError> {
        self.delta.update_state().await.map_err(unavailable)
    }

    /// What the loaded version holds.
    pub(crate) async fn files(&self) -> Result<Files, UsageError> {
        let snapshot = self.delta.snapshot().map_err(unavailable)?;
        let log_store = self.delta.log_store();
        let reached = snapshot
            .snapshot()
            .transaction_version(log_store.as_ref(), APPLICATION);
        let reached = reached.await.map_err(unavailable)?;
        let columns: ArrowSchema = snapshot
            .schema()
            .as_ref()
            .try_into_arrow()
            .map_err(unavailable)?;
        let log = snapshot.log_data();
        let files = log.iter().map(|view| {
            let name = view.path().into_owned();
            Ok(DataFile {
                path: Objects::path(&self.url, &name)?,
                size: view.size().unsigned_abs(),
                bounds: Bounds::read(view.stats().as_deref())?,
                name,
            })
        });
        Ok(Files {
            last_sequence: reached.unwrap_or_default(),
            files: files.collect::<Result<_, UsageError>>()?,
            columns: Some(Arc::new(columns)),
        })
    }

    /// Commits a change. Fails where another node has changed the same.
    pub(crate) async fn commit(&mut self, change: Change) -> Result<(), UsageError> {
        let Change {
            added,
            removed,
            last_sequence,
            columns,
            is_rearrangement,
            at,
        } = change;
        let snapshot = self.delta.snapshot().map_err(unavailable)?.clone();
        let mut actions: Vec<Action> = Vec::new();
        if let Some(columns) = columns {
            let columns: StructType = columns.as_ref().try_into_kernel().map_err(unavailable)?;
            let metadata = snapshot.metadata().clone().with_schema(&columns);
            actions.push(Action::Metadata(metadata.map_err(unavailable)?));
        }
        actions.extend(
            removed
                .iter()
                .map(|file| Action::Remove(remove(file, is_rearrangement, at))),
        );
        actions.extend(
            added
                .iter()
                .map(|file| Action::Add(add(file, is_rearrangement))),
        );
        let reached = last_sequence.map(|sequence| Transaction::new(APPLICATION, sequence));
        let properties = CommitProperties::default()
            // The library's retries pass over a file that somebody else has rearranged meanwhile: with
            // one attempt the log refuses whoever does not know its newest version.
            .with_max_retries(0)
            .with_cleanup_expired_logs(Some(false))
            .with_application_transactions(reached.into_iter().collect());
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: None,
            predicate: None,
        };
        let commit = CommitBuilder::from(properties).with_actions(actions);
        let commit = commit.build(Some(&snapshot), self.delta.log_store(), operation);
        commit.await.map_err(unavailable)?;
        self.refresh().await
    }

    /// Removes files that no version younger than `hours` needs; answers how many.
    pub(crate) async fn vacuum(&mut self, hours: i64) -> Result<usize, UsageError> {
        let vacuum = self.delta.clone().vacuum();
        let vacuum = vacuum.with_retention_period(chrono::Duration::hours(hours));
        let vacuum = vacuum.with_enforce_retention_duration(false);
        // Also what a flush or a merge left that never came to its commit.
        let vacuum = vacuum.with_mode(VacuumMode::Full);
        let (delta, metrics) = vacuum.await.map_err(unavailable)?;
        self.delta = delta;
        let cleaned = checkpoints::cleanup_metadata(&self.delta, None).await;
        cleaned.map_err(unavailable)?;
        Ok(metrics.files_deleted.len())
    }
}

fn at(objects: &Objects, url: &Url) -> Result<DeltaTable, UsageError> {
    let builder = DeltaTableBuilder::from_url(url.clone()).map_err(unavailable)?;
    let builder = builder.with_storage_backend(Arc::clone(&objects.store), url.clone());
    builder.build().map_err(unavailable)
}

fn add(file: &NewFile, is_rearrangement: bool) -> Add {
    Add {
        path: file.name.clone(),
        partition_values: HashMap::new(),
        size: file.size as i64,
        modification_time: file.written_at.as_millisecond(),
        data_change: !is_rearrangement,
        stats: Some(file.bounds.to_stats()),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
        clustering_provider: None,
    }
}

fn remove(file: &DataFile, is_rearrangement: bool, at: Timestamp) -> Remove {
    Remove {
        path: file.name.clone(),
        data_change: !is_rearrangement,
        // The vacuum counts a file's last day from here.
        deletion_timestamp: Some(at.as_millisecond()),
        extended_file_metadata: Some(true),
        partition_values: Some(HashMap::new()),
        size: Some(file.size as i64),
        tags: None,
        deletion_vector: None,
        base_row_id: None,
        default_row_commit_version: None,
    }
}

/// The columns of both, those of `known` first.
pub(crate) fn merged(known: &SchemaRef, other: &SchemaRef) -> SchemaRef {
    let added = other.fields().iter();
    let added = added.filter(|field| known.column_with_name(field.name()).is_none());
    let fields: Vec<_> = known.fields().iter().chain(added).cloned().collect();
    if fields.len() == known.fields().len() {
        return Arc::clone(known);
    }
    Arc::new(ArrowSchema::new(fields))
}
