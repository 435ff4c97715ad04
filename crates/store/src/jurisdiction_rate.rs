//! Jurisdiction rates: rows without their taxes, which are [`crate::tax_rate`]'s.

use florin_core::jurisdiction_rate::{Destination, Details, JurisdictionRate, Place};
use sea_query::{Asterisk, Cond, Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("jurisdiction_rate");

fn values(row: &JurisdictionRate) -> Values {
    let JurisdictionRate {
        id: _,
        business_entity_id,
        details,
        created_at,
        updated_at,
    } = row.clone();
    let Details {
        place,
        tax_category_id,
        effective_from,
        effective_to,
        is_active,
        name,
    } = details;
    let Place {
        country_code,
        state_code,
        city,
        zip_code_start,
        zip_code_end,
    } = place;
    vec![
        ("business_entity_id", business_entity_id.into()),
        ("tax_category_id", tax_category_id.into()),
        ("country_code", country_code.into()),
        ("state_code", state_code.into()),
        ("city", city.into()),
        ("zip_code_start", zip_code_start.into()),
        ("zip_code_end", zip_code_end.into()),
        ("effective_from", effective_from.into()),
        ("effective_to", effective_to.into()),
        ("is_active", is_active.into()),
        ("name", name.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<JurisdictionRate> {
    let place = Place {
        country_code: row.get("country_code")?,
        state_code: row.optional("state_code")?,
        city: row.optional("city")?,
        zip_code_start: row.optional("zip_code_start")?,
        zip_code_end: row.optional("zip_code_end")?,
    };
    let details = Details {
        place,
        tax_category_id: row.get("tax_category_id")?,
        effective_from: row.get("effective_from")?,
        effective_to: row.optional("effective_to")?,
        is_active: row.get("is_active")?,
        name: row.optional("name")?,
    };
    Ok(JurisdictionRate {
        id: row.get("id")?,
        business_entity_id: row.get("business_entity_id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a row.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, row: &JurisdictionRate) -> Result<()> {
    record::insert(tx, &TABLE, row.id, values(row)).await
}

/// Changes a row.
///
/// # Errors
/// What the statements answer.
pub async fn update(
    tx: &mut Tx,
    before: &JurisdictionRate,
    after: &JurisdictionRate,
) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The row with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<JurisdictionRate>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The rows of a business entity, oldest first; of one tax category where it is named.
///
/// # Errors
/// What the statement answers.
pub async fn of_business_entity(
    tx: &mut Tx,
    business_entity_id: Uuid,
    tax_category_id: Option<Uuid>,
) -> Result<Vec<JurisdictionRate>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("business_entity_id").eq(business_entity_id));
    if let Some(category) = tax_category_id {
        select.and_where(Expr::col("tax_category_id").eq(category));
    }
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The rows among which a lookup decides: every row that may apply, and some that do not. Which one
/// does is [`florin_core::jurisdiction_rate::applicable`]'s to say.
///
/// # Errors
/// What the statement answers.
pub async fn candidates(
    tx: &mut Tx,
    business_entity_id: Uuid,
    wanted: &Destination,
) -> Result<Vec<JurisdictionRate>> {
    let state = match &wanted.state_code {
        Some(state) => Expr::col("state_code").eq(state),
        None => Expr::col("state_code").is_null(),
    };
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("business_entity_id").eq(business_entity_id));
    select.and_where(Expr::col("tax_category_id").eq(wanted.tax_category_id));
    select.and_where(Expr::col("country_code").eq(&wanted.country_code));
    select.and_where(state).and_where(Expr::col("is_active"));
    select.and_where(Expr::col("effective_from").lte(wanted.effective_date));
    select.cond_where(
        Cond::any()
            .add(Expr::col("effective_to").is_null())
            .add(Expr::col("effective_to").gte(wanted.effective_date)),
    );
    select.order_by("id", Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}
