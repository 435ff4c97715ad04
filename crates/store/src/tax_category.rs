//! Tax categories. Owns the numbers that their codes are made of.

use florin_core::tax_category::{Details, ExternalCode, TaxCategory};
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("tax_category");
const COUNTER: &str = "tax_category_counter";

/// The list of tax categories.
pub static LIST: Spec = Spec {
    table: "tax_category",
    columns: &[
        Column::id(),
        Column::new("code", Kind::Text, "code").sortable(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new(
            "external_codes",
            Kind::Json,
            "codes at tax providers, by provider",
        ),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(category: &TaxCategory) -> Values {
    let TaxCategory {
        id: _,
        code,
        details,
        created_at,
        updated_at,
    } = category.clone();
    let Details {
        name,
        external_codes,
    } = details;
    let external_codes: Map<String, Json> = external_codes
        .into_iter()
        .map(|ExternalCode { provider, code }| (provider, Json::from(code)))
        .collect();
    vec![
        ("code", code.into()),
        ("name", name.into()),
        (
            "external_codes",
            record::json(Some(Json::Object(external_codes))),
        ),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<TaxCategory> {
    let details = Details {
        name: row.get("name")?,
        external_codes: external_codes(row.get("external_codes")?)?,
    };
    Ok(TaxCategory {
        id: row.get("id")?,
        code: row.get("code")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn external_codes(document: Json) -> Result<Vec<ExternalCode>> {
    let read = || {
        let members = document.as_object()?.iter();
        let codes = members.map(|(provider, code)| {
            Some(ExternalCode {
                provider: provider.clone(),
                code: code.as_str()?.to_owned(),
            })
        });
        codes.collect::<Option<Vec<_>>>()
    };
    let mut codes = read().ok_or_else(|| Error::Corrupt {
        column: "external_codes".to_owned(),
        reason: "it is not an object of texts".to_owned(),
    })?;
    codes.sort();
    Ok(codes)
}

/// The organisation's next number, from 1. Numbers are gapless: one that is not committed is given
/// again. Holds the organisation's counter to the end of the transaction.
///
/// # Errors
/// What the statement answers.
pub async fn next_number(tx: &mut Tx) -> Result<u64> {
    let mut insert = Query::insert();
    insert
        .into_table(COUNTER)
        .columns(["organisation_id", "last"]);
    insert.values_panic([tx.organisation().0.into(), 1_i64.into()]);
    let mut count = OnConflict::column("organisation_id");
    count.value("last", Expr::col((COUNTER, "last")).add(1_i64));
    insert.on_conflict(count).returning_col("last");
    let last = match tx.fetch_optional(&insert).await? {
        Some(row) => row.get::<i64>("last")?,
        None => 0,
    };
    u64::try_from(last)
        .ok()
        .filter(|last| *last > 0)
        .ok_or_else(|| Error::Corrupt {
            column: "last".to_owned(),
            reason: "a counter is at least 1".to_owned(),
        })
}

/// Adds a category.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, category: &TaxCategory) -> Result<()> {
    record::insert(tx, &TABLE, category.id, values(category)).await
}

/// Changes a category.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &TaxCategory, after: &TaxCategory) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The category with this code; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find_by_code(tx: &mut Tx, code: &str) -> Result<Option<TaxCategory>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(sea_query::Asterisk)
        .and_where(Expr::col("code").eq(code));
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Whether the organisation has the category.
///
/// # Errors
/// What the statement answers.
pub async fn exists(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select.column("id").and_where(Expr::col("id").eq(id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// One page of categories.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<TaxCategory>> {
    list::page(tx, &LIST, query, decode).await
}
