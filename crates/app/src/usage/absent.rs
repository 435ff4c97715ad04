//! No engine: for programs that keep no events. Owns the answer that there is none.

use std::ops::Range;

use async_trait::async_trait;
use florin_core::usage::{CustomerKeys, CustomerUsage, UsageCustomer, UsageQuery};
use jiff::Timestamp;

use super::{
    Batch, EventRow, IdempotencyKey, Ingested, RecordTable, RowsQuery, SqlColumns, SqlQuery,
    Stream, Usage, UsageError, UsageResult,
};

/// Refuses everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Absent;

fn refused<T>() -> UsageResult<T> {
    let reason = "this program keeps no usage events".to_owned();
    Err(UsageError::Unavailable(reason))
}

#[async_trait]
impl Usage for Absent {
    async fn ingest(
        &self,
        _: &Stream,
        _: Batch<'_>,
        _: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested> {
        refused()
    }

    async fn measure(
        &self,
        _: &Stream,
        _: &UsageQuery,
        _: &Range<Timestamp>,
        _: &CustomerKeys,
    ) -> UsageResult<Vec<CustomerUsage>> {
        refused()
    }

    async fn measure_sql(
        &self,
        _: SqlQuery<'_>,
        _: &Range<Timestamp>,
        _: &[UsageCustomer],
    ) -> UsageResult<Vec<CustomerUsage>> {
        refused()
    }

    async fn check_sql(&self, _: SqlQuery<'_>) -> UsageResult<SqlColumns> {
        refused()
    }

    fn record_tables(&self) -> Vec<RecordTable> {
        Vec::new()
    }

    async fn rows(&self, _: &Stream, _: &RowsQuery) -> UsageResult<Vec<EventRow>> {
        refused()
    }
}
