//! The engine as the rest of Florin sees it. Owns no rule: each question goes to the module that answers.

use std::{ops::Range, sync::Arc};

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use florin_app::usage::{
    Arrivals, Batch, Corrected, Correcting, EventRow, IdempotencyKey, Ingested, RecordTable,
    RowsQuery, SqlColumns, SqlQuery, Stream, Usage, UsageResult,
};
use florin_core::{
    id::OrganisationId,
    usage::{Backfill, CustomerKeys, CustomerUsage, Selection, UsageCustomer, UsageQuery},
};
use florin_store::{Author, Tx};
use jiff::Timestamp;

use crate::{Engine, error::unavailable, metric, records, rows, sql};

#[async_trait]
impl Usage for Engine {
    async fn ingest(
        &self,
        stream: &Stream,
        batch: Batch<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Ingested> {
        self.accept(stream, batch, key).await
    }

    async fn measure(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        period: &Range<Timestamp>,
        customers: &CustomerKeys,
    ) -> UsageResult<Vec<CustomerUsage>> {
        let events = self.events(stream).await?;
        metric::measure(&self.parts.queries, events, query, (period, customers)).await
    }

    async fn measure_sql(
        &self,
        query: SqlQuery<'_>,
        period: &Range<Timestamp>,
        customers: &[UsageCustomer],
    ) -> UsageResult<Vec<CustomerUsage>> {
        sql::measure(&self.parts.queries, self, query, (period, customers)).await
    }

    async fn check_sql(&self, query: SqlQuery<'_>) -> UsageResult<SqlColumns> {
        sql::check(&self.parts.queries, self, query).await
    }

    fn record_tables(&self) -> Vec<RecordTable> {
        records::described()
    }

    async fn accepted(&self, organisation: OrganisationId) -> UsageResult<u64> {
        self.accepted_by(organisation).await
    }

    async fn arrivals(
        &self,
        stream: &Stream,
        query: &UsageQuery,
        above: u64,
    ) -> UsageResult<Arrivals> {
        self.arrived(stream, query, above).await
    }

    async fn rows(&self, stream: &Stream, query: &RowsQuery) -> UsageResult<Vec<EventRow>> {
        let events = self.events(stream).await?;
        rows::rows(&self.parts.queries, events, &stream.schema, query).await
    }

    async fn selected(
        &self,
        stream: &Stream,
        selection: &Selection,
        rows_max: usize,
    ) -> UsageResult<(u64, Vec<EventRow>)> {
        self.selected_rows(stream, selection, rows_max).await
    }

    async fn correct(
        &self,
        stream: &Stream,
        correcting: &Correcting<'_>,
        key: Option<&IdempotencyKey>,
    ) -> UsageResult<Corrected> {
        self.make_correction(stream, correcting, key).await
    }

    async fn commit_backfill(&self, stream: &Stream, author: &Author) -> UsageResult<Backfill> {
        self.exchange(stream, author).await
    }

    async fn read(&self, organisation: OrganisationId) -> UsageResult<Tx> {
        self.parts
            .inbox
            .read(organisation)
            .await
            .map_err(unavailable)
    }

    async fn begin(&self, author: Author) -> UsageResult<Tx> {
        self.parts.inbox.begin(author).await.map_err(unavailable)
    }
}

#[async_trait]
impl sql::Tables for Engine {
    async fn stream(&self, stream: &Stream) -> UsageResult<Arc<dyn TableProvider>> {
        self.events(stream).await
    }

    async fn records(
        &self,
        organisation: OrganisationId,
        table: sql::RecordTable,
    ) -> UsageResult<Arc<dyn TableProvider>> {
        records::table(&self.parts.records, organisation, table).await
    }
}
