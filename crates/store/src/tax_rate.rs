//! Tax rates: the taxes of a jurisdiction rate.

use florin_core::jurisdiction_rate::{RateDetails, TaxRate};
use sea_query::{Asterisk, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("tax_rate");

fn values(rate: &TaxRate) -> Values {
    let TaxRate {
        id: _,
        jurisdiction_rate_id,
        details,
        created_at,
        updated_at,
    } = rate.clone();
    let RateDetails {
        tax_name,
        rate_percent,
        is_compound,
        compound_order,
        jurisdiction_level,
        jurisdiction_code,
    } = details;
    vec![
        ("jurisdiction_rate_id", jurisdiction_rate_id.into()),
        ("tax_name", tax_name.into()),
        ("rate_percent", rate_percent.into()),
        ("is_compound", is_compound.into()),
        ("compound_order", compound_order.into()),
        ("jurisdiction_level", jurisdiction_level.into()),
        ("jurisdiction_code", jurisdiction_code.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<TaxRate> {
    let details = RateDetails {
        tax_name: row.get("tax_name")?,
        rate_percent: row.get("rate_percent")?,
        is_compound: row.get("is_compound")?,
        compound_order: row.get("compound_order")?,
        jurisdiction_level: row.optional("jurisdiction_level")?,
        jurisdiction_code: row.optional("jurisdiction_code")?,
    };
    Ok(TaxRate {
        id: row.get("id")?,
        jurisdiction_rate_id: row.get("jurisdiction_rate_id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a tax.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, rate: &TaxRate) -> Result<()> {
    record::insert(tx, &TABLE, rate.id, values(rate)).await
}

/// Changes a tax.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &TaxRate, after: &TaxRate) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The tax with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<TaxRate>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The taxes of several jurisdiction rates, in the order in which they were entered. One query for a
/// thousand rows.
///
/// # Errors
/// What the statements answer.
pub async fn of_jurisdiction_rates(tx: &mut Tx, rows: &[Uuid]) -> Result<Vec<TaxRate>> {
    // SQLite binds 32,766 values at most.
    const ROWS_PER_QUERY: usize = 1000;
    let mut rates = Vec::new();
    for rows in rows.chunks(ROWS_PER_QUERY) {
        let mut select = tx.select(TABLE.name);
        select
            .column(Asterisk)
            .and_where(Expr::col("jurisdiction_rate_id").is_in(rows.iter().copied()));
        select.order_by("id", Order::Asc);
        for row in &tx.fetch_all(&select).await? {
            rates.push(decode(row)?);
        }
    }
    Ok(rates)
}
