//! Records that SQL metrics may join, as tables that only they read.
//!
//! Owns which columns of customers, contracts and products a template sees. Reads the rows of one
//! organisation when a query names the table.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, StringArray},
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use datafusion::{catalog::TableProvider, datasource::MemTable};
use florin_app::usage::{RecordTable as Described, UsageResult};
use florin_core::id::OrganisationId;
use florin_store::{Db, contract, product, usage_customer};

use crate::{error::unavailable, sql::RecordTable};

/// The columns of a table; every one of them is a text.
fn columns(table: RecordTable) -> &'static [&'static str] {
    match table {
        // One row for each external id that a customer has or had; one with null where it has none.
        RecordTable::Customers => &["id", "external_id", "custom_data"],
        RecordTable::Contracts => &["id", "customer_id", "name", "status", "currency"],
        RecordTable::Products => &["id", "name", "sku"],
    }
}

/// The tables with their columns, for people who write templates.
pub(crate) fn described() -> Vec<Described> {
    let tables = RecordTable::ALL.into_iter();
    let described = tables.map(|table| Described {
        name: table.name().to_owned(),
        columns: columns(table)
            .iter()
            .map(|name| ((*name).to_owned(), "String".to_owned()))
            .collect(),
    });
    described.collect()
}

/// The rows of one organisation.
pub(crate) async fn table(
    records: &Db,
    organisation: OrganisationId,
    table: RecordTable,
) -> UsageResult<Arc<dyn TableProvider>> {
    let rows = match table {
        RecordTable::Customers => customers(records, organisation).await?,
        RecordTable::Products => products(records, organisation).await?,
        RecordTable::Contracts => contracts(records, organisation).await?,
    };
    let names = columns(table);
    let schema = schema(names);
    let arrays = (0..names.len()).map(|index| -> ArrayRef {
        let cells = rows
            .iter()
            .map(|row| row.get(index).and_then(Option::as_deref));
        Arc::new(cells.collect::<StringArray>())
    });
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays.collect()).map_err(unavailable)?;
    let table = MemTable::try_new(schema, vec![vec![batch]]).map_err(unavailable)?;
    Ok(Arc::new(table))
}

fn schema(names: &[&str]) -> SchemaRef {
    let fields = names
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

type Row = Vec<Option<String>>;

async fn customers(records: &Db, organisation: OrganisationId) -> UsageResult<Vec<Row>> {
    let mut tx = records.read(organisation).await.map_err(unavailable)?;
    let customers = usage_customer::load(&mut tx, None)
        .await
        .map_err(unavailable)?;
    let rows = customers.into_iter().flat_map(|customer| {
        let id = customer.id.to_string();
        let custom_data = customer.custom_data.to_string();
        let mut external_ids: Vec<Option<String>> =
            customer.external_ids.into_iter().map(Some).collect();
        if external_ids.is_empty() {
            external_ids.push(None);
        }
        external_ids
            .into_iter()
            .map(move |external_id| vec![Some(id.clone()), external_id, Some(custom_data.clone())])
    });
    Ok(rows.collect())
}

async fn contracts(records: &Db, organisation: OrganisationId) -> UsageResult<Vec<Row>> {
    let mut tx = records.read(organisation).await.map_err(unavailable)?;
    let contracts = contract::named(&mut tx).await.map_err(unavailable)?;
    let rows = contracts.into_iter().map(|contract| {
        let contract::Named {
            id,
            customer_id,
            name,
            status,
            currency,
        } = contract;
        let texts = [
            id.to_string(),
            customer_id.to_string(),
            name,
            status,
            currency,
        ];
        texts.map(Some).to_vec()
    });
    Ok(rows.collect())
}

async fn products(records: &Db, organisation: OrganisationId) -> UsageResult<Vec<Row>> {
    let mut tx = records.read(organisation).await.map_err(unavailable)?;
    let products = product::named(&mut tx).await.map_err(unavailable)?;
    let rows = products.into_iter();
    let rows = rows.map(|(id, name, sku)| vec![Some(id.to_string()), Some(name), sku]);
    Ok(rows.collect())
}
