//! Checkouts. Owns their rows; what is asked for is one document.

use florin_core::checkout::{Checkout, ProductOverride, Request, Status};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("checkout");

fn values(checkout: &Checkout) -> Values {
    let Checkout {
        id: _,
        status,
        request,
        contract_id,
        estimates,
        expires_at,
        created_at,
        updated_at,
    } = checkout.clone();
    vec![
        ("status", status.as_str().into()),
        ("plan_id", request.plan_id.into()),
        ("customer_id", request.customer_id.into()),
        ("contract_id", contract_id.into()),
        ("request", record::json(Some(document(&request)))),
        ("estimates", record::json(Some(estimates))),
        ("expires_at", expires_at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn document(request: &Request) -> Json {
    let Request {
        plan_id,
        contract_id,
        start_date,
        end_date,
        customer_id,
        business_entity_id,
        customer_data,
        success_url,
        cancel_url,
        overrides,
    } = request;
    let overrides = overrides.iter().map(|one| {
        json!({
            "product_id": one.product_id,
            "quantity": one.quantity.map(|quantity| quantity.to_string()),
            "is_enabled": one.is_enabled,
        })
    });
    json!({
        "plan_id": plan_id,
        "contract_id": contract_id,
        "start_date": start_date.map(|day| day.to_string()),
        "end_date": end_date.map(|day| day.to_string()),
        "customer_id": customer_id,
        "business_entity_id": business_entity_id,
        "customer_data": customer_data,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "product_overrides": overrides.collect::<Vec<Json>>(),
    })
}

fn decode(row: &Row) -> Result<Checkout> {
    let status: String = row.get("status")?;
    let request: Json = row.get("request")?;
    Ok(Checkout {
        id: row.get("id")?,
        status: Status::parse(&status).ok_or_else(|| corrupt("status", "no such status"))?,
        request: read(&request)?,
        contract_id: row.optional("contract_id")?,
        estimates: row.get("estimates")?,
        expires_at: row.get("expires_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn read(document: &Json) -> Result<Request> {
    let overrides = document["product_overrides"].as_array();
    let overrides = overrides.into_iter().flatten().map(read_override);
    let text = |key: &str| document[key].as_str().map(str::to_owned);
    Ok(Request {
        plan_id: parsed(document, "plan_id")?,
        contract_id: parsed(document, "contract_id")?,
        start_date: parsed(document, "start_date")?,
        end_date: parsed(document, "end_date")?,
        customer_id: parsed(document, "customer_id")?,
        business_entity_id: parsed(document, "business_entity_id")?,
        customer_data: document["customer_data"].clone(),
        success_url: text("success_url"),
        cancel_url: text("cancel_url"),
        overrides: overrides.collect::<Result<_>>()?,
    })
}

fn read_override(document: &Json) -> Result<ProductOverride> {
    let product_id = parsed(document, "product_id")?;
    Ok(ProductOverride {
        product_id: product_id.ok_or_else(|| unreadable("product_id"))?,
        quantity: parsed::<Decimal>(document, "quantity")?,
        is_enabled: document["is_enabled"].as_bool(),
    })
}

fn parsed<T: std::str::FromStr>(document: &Json, key: &str) -> Result<Option<T>> {
    let text = document[key].as_str();
    let value = text.map(|text| text.parse().map_err(|_| unreadable(key)));
    value.transpose()
}

fn unreadable(key: &str) -> Error {
    corrupt("request", format!("{key} is not what was written there"))
}

/// Adds a checkout.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, checkout: &Checkout) -> Result<()> {
    record::insert(tx, &TABLE, checkout.id, values(checkout)).await
}

/// Changes a checkout.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Checkout, after: &Checkout) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The checkout with this id; locked to the end of a transaction that writes, so that it is confirmed once.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Checkout>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}
