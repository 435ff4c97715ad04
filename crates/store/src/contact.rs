//! Contacts of customers.

use florin_core::contact::{Contact, Details};
use sea_query::{Asterisk, Expr, ExprTrait, Order, SelectStatement};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::announced("contact");

/// The list of contacts.
pub static LIST: Spec = Spec {
    table: "contact",
    columns: &[
        Column::id(),
        Column::new("customer", Kind::Uuid, "customer").from(Source::Own("customer_id")),
        Column::new(
            "customer__external_id",
            Kind::Text,
            "customer's external id",
        )
        .operators(&[Operator::Equal, Operator::In])
        .from(Source::Parent {
            table: "customer",
            local: "customer_id",
            column: "external_id",
        }),
        Column::new("customer__customer_name", Kind::Text, "customer's name")
            .operators(&[Operator::Equal, Operator::Ilike])
            .from(Source::Parent {
                table: "customer",
                local: "customer_id",
                column: "customer_name",
            }),
        Column::new("email", Kind::Text, "e-mail address").sortable(),
        Column::new("first_name", Kind::Text, "given name")
            .nullable()
            .sortable(),
        Column::new("last_name", Kind::Text, "family name")
            .nullable()
            .sortable(),
        Column::new("send_contract", Kind::Boolean, "flag for getting contracts"),
        Column::new("send_invoice", Kind::Boolean, "flag for getting invoices"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(contact: &Contact) -> Values {
    let Contact {
        id: _,
        details,
        created_at,
        updated_at,
    } = contact.clone();
    let Details {
        customer_id,
        email,
        first_name,
        last_name,
        send_contract,
        send_invoice,
    } = details;
    vec![
        ("customer_id", customer_id.into()),
        ("email", email.into()),
        ("first_name", first_name.into()),
        ("last_name", last_name.into()),
        ("send_contract", send_contract.into()),
        ("send_invoice", send_invoice.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

pub(crate) fn decode(row: &Row) -> Result<Contact> {
    let details = Details {
        customer_id: row.get("customer_id")?,
        email: row.get("email")?,
        first_name: row.optional("first_name")?,
        last_name: row.optional("last_name")?,
        send_contract: row.get("send_contract")?,
        send_invoice: row.get("send_invoice")?,
    };
    Ok(Contact {
        id: row.get("id")?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a contact.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, contact: &Contact) -> Result<()> {
    record::insert(tx, &TABLE, contact.id, values(contact)).await
}

/// Changes a contact.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &Contact, after: &Contact) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Removes a contact for good.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, contact: &Contact) -> Result<()> {
    record::delete(tx, &TABLE, contact.id, values(contact)).await
}

/// The contact with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Contact>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// One page of contacts.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Contact>> {
    list::page(tx, &LIST, query, decode).await
}

/// The contacts of several customers, oldest first, in one query.
///
/// # Errors
/// What the statement answers.
pub async fn of_customers(tx: &mut Tx, customers: &[Uuid]) -> Result<Vec<Contact>> {
    let select = select_of(tx, customers);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

pub(crate) fn select_of(tx: &Tx, customers: &[Uuid]) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
    select
        .order_by("created_at", Order::Asc)
        .order_by("id", Order::Asc);
    select
}
