//! Customers. Owns their rows and every external id that they ever had.

use std::collections::HashMap;

use florin_core::customer::{Customer, Details, TaxId};
use sea_query::{Asterisk, Expr, ExprTrait, InsertStatement, OnConflict, Query, SelectStatement};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Ranked, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("customer");
/// Ids of one statement at most: a database bounds the values of a statement.
const IDS_MAX: usize = 5_000;

/// The list of customers.
pub static LIST: Spec = Spec {
    table: "customer",
    columns: &[
        Column::id(),
        Column::new("external_id", Kind::Text, "the caller's own id")
            .nullable()
            .sortable(),
        Column::new("email", Kind::Text, "e-mail address")
            .nullable()
            .sortable(),
        Column::new("phone_number", Kind::Text, "telephone number").nullable(),
        Column::new(
            "communications_enabled",
            Kind::Boolean,
            "whether e-mails are sent",
        ),
        Column::new(
            "auto_charge_enabled",
            Kind::Boolean,
            "whether invoices are charged",
        ),
        Column::created_at(),
        Column::updated_at(),
        Column::new("customer_name", Kind::Text, "name").sortable(),
        Column::new("business_entity_id", Kind::Uuid, "the entity that bills").nullable(),
        Column::new("custom_data", Kind::Json, "free data"),
        Column::new("custom_attributes", Kind::Json, "custom attributes"),
        Column::new("invoice__customer_id", Kind::Uuid, "customer of an invoice")
            .operators(&[Operator::Equal])
            .from(Source::Related {
                table: "invoice",
                foreign: "customer_id",
                column: "customer_id",
            }),
        Column::new("invoice__status", Kind::Text, "status of an invoice")
            .operators(&[Operator::Equal])
            .from(Source::Related {
                table: "invoice",
                foreign: "customer_id",
                column: "status",
            }),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: Some(Ranked {
        parameter: "search_name_external_id",
        columns: &["customer_name", "external_id"],
    }),
    limit_max: Spec::LIMIT_MAX,
};

fn values(customer: &Customer) -> Values {
    let Customer {
        id: _,
        details,
        created_at,
        updated_at,
    } = customer.clone();
    let Details {
        external_id,
        customer_name,
        email,
        phone_number,
        tax_info,
        custom_data,
        custom_attributes,
        communications_enabled,
        auto_charge_enabled,
        business_entity_id,
    } = details;
    vec![
        ("external_id", external_id.into()),
        ("customer_name", customer_name.into()),
        ("email", email.into()),
        ("phone_number", phone_number.into()),
        (
            "tax_info",
            record::json(Some(tax_info.iter().map(tax_id_json).collect())),
        ),
        ("custom_data", record::json(Some(custom_data))),
        ("custom_attributes", record::json(Some(custom_attributes))),
        ("communications_enabled", communications_enabled.into()),
        ("auto_charge_enabled", auto_charge_enabled.into()),
        ("business_entity_id", business_entity_id.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn tax_id_json(tax_id: &TaxId) -> Json {
    let TaxId {
        country_code,
        tax_code,
        tax_id,
    } = tax_id;
    json!({ "country_code": country_code, "tax_code": tax_code, "tax_id": tax_id })
}

fn tax_id(document: &Json) -> Result<TaxId> {
    let text = |key: &str| document[key].as_str().map(str::to_owned);
    let read = || {
        Some(TaxId {
            country_code: text("country_code")?,
            tax_code: text("tax_code")?,
            tax_id: text("tax_id")?,
        })
    };
    read().ok_or_else(|| Error::Corrupt {
        column: "tax_info".to_owned(),
        reason: "a tax id lacks one of its three fields".to_owned(),
    })
}

pub(crate) fn decode(row: &Row) -> Result<Customer> {
    let tax_info: Json = row.get("tax_info")?;
    let details = Details {
        external_id: row.optional("external_id")?,
        customer_name: row.get("customer_name")?,
        email: row.optional("email")?,
        phone_number: row.optional("phone_number")?,
        tax_info: tax_info
            .as_array()
            .into_iter()
            .flatten()
            .map(tax_id)
            .collect::<Result<_>>()?,
        custom_data: row.get("custom_data")?,
        custom_attributes: row.get("custom_attributes")?,
        communications_enabled: row.get("communications_enabled")?,
        auto_charge_enabled: row.get("auto_charge_enabled")?,
        business_entity_id: row.optional("business_entity_id")?,
    };
    Ok(Customer {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a customer.
///
/// # Errors
/// [`Error::Conflict`] with `customer_id_key`, `customer_external_id_key`, `customer_email_key`.
pub async fn insert(tx: &mut Tx, customer: &Customer) -> Result<()> {
    let mut batch = record::insertion(tx, &TABLE, customer.id, values(customer))?;
    if let Some(insert) = remembered_external_id(tx, customer)? {
        batch.add(&insert);
    }
    tx.run(batch).await?;
    Ok(())
}

/// Changes a customer; answers whether anything differed.
///
/// # Errors
/// As [`insert`].
pub async fn update(tx: &mut Tx, before: &Customer, after: &Customer) -> Result<bool> {
    let differs = record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    if before.details.external_id == after.details.external_id {
        return Ok(differs);
    }
    if let Some(insert) = remembered_external_id(tx, after)? {
        tx.execute(&insert).await?;
    }
    Ok(differs)
}

/// Marks a customer as changed, because something around it changed.
///
/// # Errors
/// What the statements answer.
pub async fn touch(tx: &mut Tx, id: Uuid) -> Result<()> {
    record::touch(tx, &TABLE, id).await
}

/// Removes a customer for good, with its addresses.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, customer: &Customer) -> Result<()> {
    record::delete(tx, &TABLE, customer.id, values(customer)).await
}

/// The customer with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Customer>> {
    record::find(tx, TABLE.name, id)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// Customers by their ids, in the order of the ids' values, with no lock. Ids that no customer has are passed over.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Customer>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.column(Asterisk);
        select.and_where(Expr::col("id").is_in(ids.iter().copied()));
        select.order_by("id", sea_query::Order::Asc);
        for row in &tx.fetch_all(&select).await? {
            found.push(decode(row)?);
        }
    }
    Ok(found)
}

/// What [`find`] runs.
pub(crate) fn with_id(tx: &Tx, id: Uuid) -> SelectStatement {
    record::with_id(tx, TABLE.name, id)
}

/// The customer that has or had this external id.
///
/// # Errors
/// What the statements answer.
pub async fn find_by_external_id(tx: &mut Tx, external_id: &str) -> Result<Option<Customer>> {
    let mut select = tx.select("customer_external_id");
    select
        .column("customer_id")
        .and_where(Expr::col("external_id").eq(external_id));
    match tx.fetch_optional(&select).await? {
        Some(row) => find(tx, row.get("customer_id")?).await,
        None => Ok(None),
    }
}

/// What others show of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerName {
    /// Its id.
    pub id: Uuid,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// Its name.
    pub customer_name: String,
    /// Its e-mail address.
    pub email: Option<String>,
}

/// The names of customers, in no order; not locked.
///
/// # Errors
/// What the statement answers.
pub async fn names(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<CustomerName>> {
    let mut select = tx.select(TABLE.name);
    select.columns(["id", "external_id", "customer_name", "email"]);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    let rows = tx.fetch_all(&select).await?;
    let name = |row: &Row| {
        Ok(CustomerName {
            id: row.get("id")?,
            external_id: row.optional("external_id")?,
            customer_name: row.get("customer_name")?,
            email: row.optional("email")?,
        })
    };
    rows.iter().map(name).collect()
}

/// One page of customers.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Customer>> {
    list::page(tx, &LIST, query, decode).await
}

/// Usage sent under any value that the customer ever had finds it; the newest owner of a value wins.
fn remembered_external_id(tx: &Tx, customer: &Customer) -> Result<Option<InsertStatement>> {
    let Some(external_id) = customer.details.external_id.clone() else {
        return Ok(None);
    };
    let mut insert = Query::insert();
    insert.into_table("customer_external_id");
    insert.columns(["organisation_id", "external_id", "customer_id", "since"]);
    insert.values_panic([
        tx.organisation().0.into(),
        external_id.into(),
        customer.id.into(),
        tx.at()?.into(),
    ]);
    let keys = OnConflict::columns(["organisation_id", "external_id"]);
    insert.on_conflict(
        keys.to_owned()
            .update_columns(["customer_id", "since"])
            .to_owned(),
    );
    Ok(Some(insert))
}

/// The entities that bill these customers.
///
/// # Errors
/// What the statement answers.
pub async fn business_entities(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, Uuid>> {
    let mut entities = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.columns(["id", "business_entity_id"]);
        select.and_where(Expr::col("id").is_in(chunk.iter().copied()));
        select.and_where(Expr::col("business_entity_id").is_not_null());
        for row in tx.fetch_all(&select).await? {
            entities.insert(row.get("id")?, row.get("business_entity_id")?);
        }
    }
    Ok(entities)
}

/// Every external id of this organisation that points to the customer, newest first.
///
/// # Errors
/// What the statement answers.
pub async fn external_ids(tx: &mut Tx, customer_id: Uuid) -> Result<Vec<String>> {
    let mut select = tx.select("customer_external_id");
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").eq(customer_id));
    select.order_by("since", sea_query::Order::Desc);
    tx.fetch_all(&select)
        .await?
        .iter()
        .map(|row| row.get("external_id"))
        .collect()
}
