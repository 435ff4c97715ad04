//! Reading a stream: a version of its table and the inbox above it, as one table.
//!
//! Owns which files a query opens. Does not own what is asked.

use std::{fmt, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array},
    datatypes::SchemaRef,
};
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider, memory::MemorySourceConfig},
    common::{Column, DFSchema, JoinType, Result, ScalarValue, pruning::PruningStatistics},
    dataframe::DataFrame,
    datasource::{
        TableType,
        file_format::{FileFormat, parquet::ParquetFormat},
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource},
    },
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown, ident, lit, utils::conjunction},
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{ExecutionPlan, empty::EmptyExec, union::UnionExec},
    prelude::SessionContext,
};
use florin_app::usage::{Stream, UsageError};

use crate::{
    columns::{self, CUSTOMER_ID, SEQUENCE, TIMESTAMP},
    error::unavailable,
    inbox,
    removal::Removals,
    table::{DataFile, Files},
    unique::{self, Identity},
};

/// The name under which queries reach table files.
pub(crate) const STORE: &str = "florin-usage://files";

/// What came after the files, in the order in which it came.
pub(crate) enum Layer {
    /// Events, and what is taken out of all that came before and of these.
    Events {
        /// The events.
        batches: Vec<RecordBatch>,
        /// What goes.
        removals: Removals,
    },
    /// The events of a backfill, after those of its window went.
    Backfill {
        /// Its events.
        events: Arc<dyn TableProvider>,
        /// What is added to their sequences.
        shift: i64,
        /// What goes.
        removals: Removals,
    },
}

/// A stream's events as a query sees them: `columns::kept`; replaced events, and those that were taken out,
/// gone.
pub(crate) fn events(
    stream: &Stream,
    files: &Arc<Files>,
    layers: Vec<Layer>,
) -> std::result::Result<Arc<dyn TableProvider>, UsageError> {
    let fold = Fold {
        schema: columns::kept(&stream.schema),
        identity: stream.schema.unique_by_paths(),
        context: SessionContext::new(),
    };
    let mut layers = layers.into_iter().peekable();
    let first = layers.next_if(|layer| match layer {
        Layer::Events { batches, removals } => {
            removals.is_empty() && (fold.identity.is_empty() || batches.is_empty())
        }
        Layer::Backfill { .. } => false,
    });
    let inbox = match first {
        Some(Layer::Events { batches, .. }) => fold.conform(&batches)?,
        _ => Vec::new(),
    };
    let mut table = fold.table(Arc::clone(files), inbox);
    for layer in layers {
        table = match layer {
            Layer::Events { batches, removals } => {
                let batches = fold.conform(&batches)?;
                fold.with_events(table, &batches, &removals)?
            }
            Layer::Backfill {
                events,
                shift,
                removals,
            } => {
                let folded = fold.with_backfill(table, (events, shift), &removals);
                folded.map_err(unavailable)?
            }
        };
    }
    Ok(table)
}

/// Puts layers upon each other.
struct Fold {
    schema: SchemaRef,
    identity: Identity,
    context: SessionContext,
}

impl Fold {
    fn conform(
        &self,
        batches: &[RecordBatch],
    ) -> std::result::Result<Vec<RecordBatch>, UsageError> {
        let conform = |batch| columns::conform(batch, &self.schema).map_err(unavailable);
        batches.iter().map(conform).collect()
    }

    fn table(&self, files: Arc<Files>, inbox: Vec<RecordBatch>) -> Arc<dyn TableProvider> {
        Arc::new(Events {
            schema: Arc::clone(&self.schema),
            files,
            inbox,
        })
    }

    /// `older` without what goes and what the events replace, and those of the events that stay.
    fn with_events(
        &self,
        older: Arc<dyn TableProvider>,
        batches: &[RecordBatch],
        removals: &Removals,
    ) -> std::result::Result<Arc<dyn TableProvider>, UsageError> {
        let newer = match inbox::together(batches)? {
            Some(batch) if !self.identity.is_empty() => {
                Some(unique::latest(&batch, &self.identity)?)
            }
            other => other,
        };
        let rest = newer
            .as_ref()
            .map(|batch| removals.rest(batch))
            .transpose()?;
        let keys = newer.filter(|_| !self.identity.is_empty());
        let folded = || -> Result<Arc<dyn TableProvider>> {
            let mut rows = self.context.read_table(older)?;
            if let Some(keys) = keys {
                let keys = self.table(Arc::default(), vec![keys]);
                rows = replaced(rows, self.context.read_table(keys)?, &self.identity)?;
            }
            rows = removals.rest_of(rows)?;
            if let Some(rest) = rest.filter(|rest| rest.num_rows() > 0) {
                let rest = self.table(Arc::default(), vec![rest]);
                rows = rows.union(self.context.read_table(rest)?)?;
            }
            Ok(rows.into_view())
        };
        folded().map_err(unavailable)
    }

    /// `older` without what goes and what the backfill's events replace, and these.
    fn with_backfill(
        &self,
        older: Arc<dyn TableProvider>,
        (events, shift): (Arc<dyn TableProvider>, i64),
        removals: &Removals,
    ) -> Result<Arc<dyn TableProvider>> {
        let mut rows = self.context.read_table(older)?;
        if !self.identity.is_empty() {
            let keys = self.context.read_table(Arc::clone(&events))?;
            rows = replaced(rows, keys, &self.identity)?;
        }
        rows = removals.rest_of(rows)?;
        let columns = self.schema.fields().iter().map(|field| {
            let column = ident(field.name());
            match field.name().as_str() {
                SEQUENCE => (column + lit(shift)).alias(SEQUENCE),
                _ => column,
            }
        });
        let staged = self.context.read_table(events)?.select(columns)?;
        Ok(rows.union(staged)?.into_view())
    }
}

/// The events of `older` without those that `keys` replaces.
fn replaced(older: DataFrame, keys: DataFrame, identity: &Identity) -> Result<DataFrame> {
    let column = |name: &str| Expr::Column(Column::from_name(name));
    let renamed = identity
        .iter()
        .enumerate()
        .map(|(index, name)| column(name).alias(format!("__replaced_{index}")));
    let keys = keys.select(renamed)?;
    let same = identity
        .iter()
        .enumerate()
        .map(|(index, name)| column(name).eq(column(&format!("__replaced_{index}"))));
    older.join_on(keys, JoinType::LeftAnti, same)
}

/// Files and rows in memory as one table.
#[derive(Debug)]
struct Events {
    schema: SchemaRef,
    files: Arc<Files>,
    inbox: Vec<RecordBatch>,
}

#[async_trait]
impl TableProvider for Events {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut plans: Vec<Arc<dyn ExecutionPlan>> = Vec::new();
        let files = self.needed(state, filters)?;
        if !files.is_empty() {
            plans.push(self.scan_files(state, projection, &files).await?);
        }
        if !self.inbox.is_empty() {
            let rows = [self.inbox.clone()];
            let rows = MemorySourceConfig::try_new_exec(&rows, self.schema(), projection.cloned())?;
            plans.push(rows);
        }
        if plans.len() > 1 {
            return UnionExec::try_new(plans);
        }
        match plans.pop() {
            Some(plan) => Ok(plan),
            None => {
                let schema = datafusion::physical_plan::project_schema(&self.schema, projection)?;
                Ok(Arc::new(EmptyExec::new(schema)))
            }
        }
    }
}

impl Events {
    /// The files that can hold a row of these.
    fn needed(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&DataFile>> {
        let files: Vec<&DataFile> = self.files.files.iter().collect();
        let Some(filter) = conjunction(filters.to_vec()) else {
            return Ok(files);
        };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let filter = state.create_physical_expr(filter, &schema)?;
        let predicate = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .try_build(filter)?;
        let keep = predicate.prune(&FileBounds(&files))?;
        let kept = files.into_iter().zip(keep);
        Ok(kept
            .filter_map(|(file, keep)| keep.then_some(file))
            .collect())
    }

    async fn scan_files(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        files: &[&DataFile],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let groups = state.config().target_partitions().clamp(1, files.len());
        let mut parts: Vec<(u64, Vec<PartitionedFile>)> = vec![(0, Vec::new()); groups];
        let mut largest_first = files.to_vec();
        largest_first.sort_by_key(|file| std::cmp::Reverse(file.size));
        for file in largest_first {
            // The part that has least so far.
            if let Some((bytes, part)) = parts.iter_mut().min_by_key(|(bytes, _)| *bytes) {
                *bytes += file.size;
                part.push(PartitionedFile::new(file.path.to_string(), file.size));
            }
        }
        let source = ParquetSource::new(self.schema());
        let store = ObjectStoreUrl::parse(STORE)?;
        let config = FileScanConfigBuilder::new(store, Arc::new(source))
            .with_file_groups(
                parts
                    .into_iter()
                    .map(|(_, part)| FileGroup::new(part))
                    .collect(),
            )
            .with_projection_indices(projection.cloned())?
            .build();
        let options = state.config_options().execution.parquet.clone();
        let format = ParquetFormat::default();
        let format = format.with_options(datafusion::config::TableParquetOptions {
            global: options,
            ..Default::default()
        });
        format.create_physical_plan(state, config).await
    }
}

/// What is known of files without opening them.
struct FileBounds<'f>(&'f [&'f DataFile]);

impl fmt::Debug for FileBounds<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileBounds({})", self.0.len())
    }
}

impl FileBounds<'_> {
    fn values(&self, column: &Column, is_max: bool) -> Option<ArrayRef> {
        match column.name.as_str() {
            CUSTOMER_ID => {
                let values = self.0.iter().map(|file| {
                    let bounds = file.bounds.customers.as_ref();
                    bounds.map(|(low, high)| if is_max { high } else { low })
                });
                Some(Arc::new(values.collect::<StringArray>()))
            }
            TIMESTAMP => {
                let values = self.0.iter().map(|file| {
                    let bounds = file.bounds.times;
                    bounds.map(|(low, high)| if is_max { high } else { low })
                });
                let values = values.collect::<TimestampMicrosecondArray>();
                Some(Arc::new(values.with_timezone("UTC")))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for FileBounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, false)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, true)
    }

    fn num_containers(&self) -> usize {
        self.0.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.0.iter().map(|file| file.bounds.rows);
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(
        &self,
        _column: &Column,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<arrow::array::BooleanArray> {
        None
    }
}
