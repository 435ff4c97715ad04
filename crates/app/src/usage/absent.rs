//! No engine: for programs that keep no events. Owns the answer that there is none.

use std::ops::Range;

use async_trait::async_trait;
use florin_core::{
    id::OrganisationId,
    usage::{Backfill, CustomerKeys, CustomerUsage, Selection, UsageCustomer, UsageQuery},
};
use florin_store::{Author, Tx};
use jiff::Timestamp;

use super::{
    Arrivals, Batch, Corrected, Correcting, EventRow, IdempotencyKey, Ingested, RecordTable,
    RowsQuery, SqlColumns, SqlQuery, Stream, Usage, UsageError, UsageResult,
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

    /// None, and there never will be any.
    async fn accepted(&self, _: OrganisationId) -> UsageResult<u64> {
        Ok(0)
    }

    async fn arrivals(&self, _: &Stream, _: &UsageQuery, _: u64) -> UsageResult<Arrivals> {
        refused()
    }

    async fn rows(&self, _: &Stream, _: &RowsQuery) -> UsageResult<Vec<EventRow>> {
        refused()
    }
    async fn selected(
        &self,
        _: &Stream,
        _: &Selection,
        _: usize,
    ) -> UsageResult<(u64, Vec<EventRow>)> {
        refused()
    }

    async fn correct(
        &self,
        _: &Stream,
        _: &Correcting<'_>,
        _: Option<&IdempotencyKey>,
    ) -> UsageResult<Corrected> {
        refused()
    }

    async fn commit_backfill(&self, _: &Stream, _: &Author) -> UsageResult<Backfill> {
        refused()
    }

    async fn read(&self, _: OrganisationId) -> UsageResult<Tx> {
        refused()
    }

    async fn begin(&self, _: Author) -> UsageResult<Tx> {
        refused()
    }
}
