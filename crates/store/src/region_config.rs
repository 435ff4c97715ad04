//! Region configs of business entities. Owns their rows, deleted ones too.

use florin_core::region_config::{Region, RegionConfig, Settings};
use sea_query::{Asterisk, Expr, ExprTrait, NullOrdering, Order};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("region_config");

fn values(row: &RegionConfig) -> Values {
    let RegionConfig {
        id: _,
        business_entity_id,
        region,
        settings,
        created_at,
        updated_at,
    } = row.clone();
    let Settings {
        invoice_number_prefix,
        payment_terms_days,
        tax_id,
        config,
    } = settings;
    let currency = region.currency().map(|currency| currency.code().to_owned());
    vec![
        ("business_entity_id", business_entity_id.into()),
        ("country_code", region.country_code().into()),
        ("currency", currency.into()),
        ("invoice_number_prefix", invoice_number_prefix.into()),
        ("payment_terms_days", payment_terms_days.into()),
        ("tax_id", tax_id.into()),
        ("config", record::json(Some(config))),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<RegionConfig> {
    let country_code: String = row.get("country_code")?;
    let currency: Option<String> = row.optional("currency")?;
    let region = Region::new(&country_code, currency.as_deref());
    let settings = Settings {
        invoice_number_prefix: row.optional("invoice_number_prefix")?,
        payment_terms_days: row.optional("payment_terms_days")?,
        tax_id: row.optional("tax_id")?,
        config: row.get("config")?,
    };
    Ok(RegionConfig {
        id: row.get("id")?,
        business_entity_id: row.get("business_entity_id")?,
        region: region.map_err(|_| Error::Corrupt {
            column: "country_code".to_owned(),
            reason: format!("no region is {country_code} {currency:?}"),
        })?,
        settings,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a row. The caller holds the entity's lock and knows that its region has none.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, row: &RegionConfig) -> Result<()> {
    record::insert(tx, &TABLE, row.id, values(row)).await
}

/// Changes a row.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &RegionConfig, after: &RegionConfig) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks a row as deleted.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, row: &RegionConfig) -> Result<()> {
    record::soft_delete(tx, &TABLE, row.id, values(row)).await
}

/// The rows of an entity by country, then currency; a country's row without currency comes first.
///
/// # Errors
/// What the statement answers.
pub async fn of_entity(tx: &mut Tx, business_entity_id: Uuid) -> Result<Vec<RegionConfig>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("business_entity_id").eq(business_entity_id));
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("country_code", Order::Asc);
    select.order_by_with_nulls("currency", Order::Asc, NullOrdering::First);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}
