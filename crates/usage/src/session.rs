//! Where queries run: limits, and what they may name.
//!
//! Owns memory, disk, time and row limits of queries, the functions that SQL knows, and the engine's
//! errors in the port's words. Does not own what is asked ([`crate::metric`], [`crate::sql`],
//! [`crate::rows`]).
//!
//! Every query has a session of its own: its tables are the ones that were put there. There are no
//! object stores, files, table functions or settings that SQL could reach.

use std::{sync::Arc, time::Duration};

use arrow::{array::RecordBatch, error::ArrowError};
use datafusion::{
    catalog::TableProvider,
    common::{DataFusionError, Result as EngineResult},
    dataframe::DataFrame,
    execution::{
        SessionState, SessionStateBuilder,
        context::SessionContext,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::SessionConfig,
};
use florin_app::usage::{UsageError, UsageResult};
use futures_util::StreamExt;

use crate::functions;

mod joins;
mod pool;

use joins::StoppableJoins;
use pool::{QueryPool, Shared};

const MEBIBYTE: usize = 1024 * 1024;
/// Only what is used of it is taken from memory.
const DEEP_STACK_BYTES: usize = 32 * MEBIBYTE;

/// What queries may take.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Memory of all queries together.
    pub(crate) memory_bytes: usize,
    /// Memory of one query.
    pub(crate) query_memory_bytes: usize,
    /// Bytes that one query may put aside on disk.
    pub(crate) query_disk_bytes: u64,
    /// From the plan to the last row.
    pub(crate) query_time: Duration,
    /// Rows of an answer.
    pub(crate) rows_max: usize,
    /// Parts of a query that run side by side.
    pub(crate) partitions: usize,
}

impl Default for Limits {
    /// Half of the memory for one query, so that one cannot starve the others.
    fn default() -> Self {
        Self {
            memory_bytes: 512 * MEBIBYTE,
            query_memory_bytes: 256 * MEBIBYTE,
            query_disk_bytes: 2 * 1024 * MEBIBYTE as u64,
            query_time: Duration::from_secs(30),
            rows_max: 2_000_000,
            partitions: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// Opens sessions; one for a process.
#[derive(Debug)]
pub(crate) struct Queries {
    limits: Limits,
    memory: Arc<Shared>,
    /// Its caches (footers of table files) are shared by all queries.
    runtime: Arc<RuntimeEnv>,
}

/// Where one query runs.
pub(crate) struct Session {
    context: SessionContext,
    limits: Limits,
}

impl Queries {
    /// # Errors
    /// [`UsageError::Unavailable`] where the engine cannot start.
    pub(crate) fn new(limits: Limits) -> UsageResult<Self> {
        let runtime = RuntimeEnvBuilder::new().build_arc();
        Ok(Self {
            memory: Arc::new(Shared::new(limits.memory_bytes)),
            runtime: runtime.map_err(|error| UsageError::Unavailable(error.to_string()))?,
            limits,
        })
    }

    /// What all queries share: caches of table files, and the stores that tables are read from. SQL
    /// cannot name them.
    pub(crate) fn shared(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// A session for one query.
    pub(crate) fn session(&self) -> UsageResult<Session> {
        let runtime = self.runtime().map_err(|error| refused(&error))?;
        Ok(Session {
            context: SessionContext::new_with_state(state(self.config(), runtime)),
            limits: self.limits.clone(),
        })
    }

    fn runtime(&self) -> EngineResult<Arc<RuntimeEnv>> {
        let disk = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::OsTmpDirectory)
            .with_max_temp_directory_size(self.limits.query_disk_bytes);
        let memory = QueryPool::new(Arc::clone(&self.memory), self.limits.query_memory_bytes);
        Ok(Arc::new(RuntimeEnv {
            memory_pool: Arc::new(memory),
            disk_manager: Arc::new(disk.build()?),
            ..RuntimeEnv::clone(&self.runtime)
        }))
    }

    /// The options that decide speed and meaning.
    fn config(&self) -> SessionConfig {
        let mut config = SessionConfig::new()
            .with_target_partitions(self.limits.partitions)
            .with_information_schema(false);
        let options = config.options_mut();
        let parquet = &mut options.execution.parquet;
        parquet.pushdown_filters = true;
        parquet.reorder_filters = true;
        parquet.enable_page_index = true;
        // Numbers are decimals: no float near money.
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.collect_spans = true;
        options.sql_parser.enable_ident_normalization = false;
        // Tables hold plain texts; a view type on one side of a comparison would cast every row.
        options.sql_parser.map_string_types_to_utf8view = false;
        options.execution.time_zone = Some("+00:00".to_owned());
        config
    }
}

fn state(config: SessionConfig, runtime: Arc<RuntimeEnv>) -> SessionState {
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(functions::planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(functions::window())
        .with_physical_optimizer_rule(Arc::new(StoppableJoins))
        .build()
}

impl Session {
    /// The engine's own context.
    pub(crate) fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Rows of a table.
    pub(crate) fn read(&self, table: Arc<dyn TableProvider>) -> UsageResult<DataFrame> {
        self.context
            .read_table(table)
            .map_err(|error| refused(&error))
    }

    /// Runs a query to its end.
    ///
    /// # Errors
    /// [`UsageError::Limit`] where it needs more than it may; what [`refused`] makes of the engine's.
    pub(crate) async fn collect(&self, frame: DataFrame) -> UsageResult<Vec<RecordBatch>> {
        let limit = self.limits.query_time;
        match tokio::time::timeout(limit, self.drain(frame)).await {
            Ok(rows) => rows,
            Err(_) => Err(UsageError::Limit {
                message: format!(
                    "the query took longer than {} seconds and was stopped: ask for a shorter \
                     period, or join and group by less",
                    limit.as_secs_f32()
                ),
            }),
        }
    }

    async fn drain(&self, frame: DataFrame) -> UsageResult<Vec<RecordBatch>> {
        let stream = frame.execute_stream().await;
        let mut stream = stream.map_err(|error| self.failed(&error))?;
        let (mut batches, mut rows) = (Vec::new(), 0);
        while let Some(batch) = stream.next().await {
            let batch = batch.map_err(|error| self.failed(&error))?;
            rows += batch.num_rows();
            if rows > self.limits.rows_max {
                let message = format!(
                    "the query answers more than {} rows: group by less",
                    self.limits.rows_max
                );
                return Err(UsageError::Limit { message });
            }
            batches.push(batch);
        }
        Ok(batches)
    }

    fn failed(&self, error: &DataFusionError) -> UsageError {
        let root = error.find_root();
        let is_disk = || root.to_string().contains("max_temp_directory_size");
        if !matches!(root, DataFusionError::ResourcesExhausted(_)) && !is_disk() {
            return refused(error);
        }
        let message = format!(
            "the query needs more memory than a query may have ({} MiB, all queries {} MiB, {} MiB of \
             disk): ask for a shorter period, or join and group by less",
            self.limits.query_memory_bytes / MEBIBYTE,
            self.limits.memory_bytes / MEBIBYTE,
            self.limits.query_disk_bytes / MEBIBYTE as u64,
        );
        UsageError::Limit { message }
    }
}

/// Runs what goes down a query's tree on a stack of its own: parsing and planning take much of it for
/// every bracket.
///
/// # Errors
/// [`UsageError::Unavailable`] where there is no thread for it.
pub(crate) fn on_deep_stack<T: Send>(read: impl FnOnce() -> T + Send) -> UsageResult<T> {
    let unavailable = || UsageError::Unavailable("the SQL planner does not start".to_owned());
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES);
        let thread = thread
            .spawn_scoped(scope, read)
            .map_err(|_| unavailable())?;
        thread.join().map_err(|_| unavailable())
    })
}

/// The engine's refusal, without a position.
pub(crate) fn refused(error: &DataFusionError) -> UsageError {
    let root = error.find_root();
    let is_storage = match root {
        DataFusionError::ObjectStore(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ParquetError(_) => true,
        DataFusionError::ArrowError(error, _) => matches!(**error, ArrowError::IoError(..)),
        _ => false,
    };
    match is_storage {
        true => UsageError::Unavailable(root.to_string()),
        false => UsageError::Query {
            message: words(error),
            position: None,
        },
    }
}

/// The engine's message without the names of its layers.
pub(crate) fn words(error: &DataFusionError) -> String {
    let root = error.find_root();
    match root {
        DataFusionError::Diagnostic(diagnostic, _) => diagnostic.message.clone(),
        DataFusionError::Plan(message)
        | DataFusionError::Execution(message)
        | DataFusionError::NotImplemented(message) => plain(message),
        DataFusionError::ArrowError(error, _) => plain(&error.to_string()),
        other => plain(&other.to_string()),
    }
}

fn plain(message: &str) -> String {
    let message = message.split("\n\nbacktrace").next().unwrap_or(message);
    message.trim().to_owned()
}
