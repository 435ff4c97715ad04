//! Writing rows. Owns the audit log and the outbox: a row written through here cannot forget either.
//!
//! Invariant: a change, its audit row and its event are one transaction.

use florin_core::id::OrganisationId;
use sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement, Value};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{Backend, Error, Result, Row, Tx};

/// Columns and their values.
pub type Values = Vec<(&'static str, Value)>;

/// A table whose rows are a resource.
#[derive(Debug)]
pub struct Table {
    /// Its name, also the resource's name in the audit log and in events.
    pub name: &'static str,
    /// Columns that the audit log must not show.
    pub secrets: &'static [&'static str],
    /// Whether changes are announced to subscribers.
    pub events: bool,
}

impl Table {
    /// A table whose changes are announced.
    pub const fn announced(name: &'static str) -> Self {
        Self {
            name,
            secrets: &[],
            events: true,
        }
    }

    /// A table whose changes are only audited.
    pub const fn quiet(name: &'static str) -> Self {
        Self {
            name,
            secrets: &[],
            events: false,
        }
    }
}

/// Adds a row.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses it.
pub async fn insert(tx: &mut Tx, table: &Table, id: Uuid, values: Values) -> Result<()> {
    let after = document(table, &values);
    let mut row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
    ];
    row.extend(values);
    insert_plain(tx, table.name, row).await?;
    audit(
        tx,
        table,
        id,
        Change {
            action: "created",
            before: None,
            after: Some(after),
        },
    )
    .await
}

/// Changes the columns that differ; answers whether any did.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses it.
pub async fn update(
    tx: &mut Tx,
    table: &Table,
    id: Uuid,
    before: Values,
    after: Values,
) -> Result<bool> {
    let (old, new): (Values, Values) = before
        .into_iter()
        .zip(after)
        .filter(|((name, old), (_, new))| *name != "updated_at" && old != new)
        .unzip();
    if new.is_empty() {
        return Ok(false);
    }
    let (before, after) = (document(table, &old), document(table, &new));
    let mut update = Query::update();
    update
        .table(table.name)
        .values(new.into_iter().map(|(name, value)| (name, value.into())));
    update.value("updated_at", tx.at()?);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    tx.execute(&update).await?;
    let change = Change {
        action: "updated",
        before: Some(before),
        after: Some(after),
    };
    audit(tx, table, id, change).await?;
    Ok(true)
}

/// Removes a row for good. `before` is what the audit log keeps of it.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, table: &Table, id: Uuid, before: Values) -> Result<()> {
    let before = Some(document(table, &before));
    let mut delete = Query::delete();
    delete.from_table(table.name);
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    delete.and_where(Expr::col("id").eq(id));
    tx.execute(&delete).await?;
    audit(
        tx,
        table,
        id,
        Change {
            action: "deleted",
            before,
            after: None,
        },
    )
    .await
}

/// Marks a row as deleted: lists and reads pass it over, what refers to it keeps it.
///
/// # Errors
/// What the statement answers.
pub async fn soft_delete(tx: &mut Tx, table: &Table, id: Uuid, before: Values) -> Result<()> {
    let before = Some(document(table, &before));
    let mut update = Query::update();
    update.table(table.name).value("deleted_at", tx.at()?);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    tx.execute(&update).await?;
    audit(
        tx,
        table,
        id,
        Change {
            action: "deleted",
            before,
            after: None,
        },
    )
    .await
}

/// Adds a row that is part of another resource: neither audited nor announced by itself.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses it.
pub async fn insert_plain(tx: &mut Tx, table: &'static str, row: Values) -> Result<()> {
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let mut insert = Query::insert();
    insert.into_table(table).columns(columns);
    insert
        .values(values.into_iter().map(Expr::val))
        .map_err(miscounted)?;
    tx.execute(&insert).await?;
    Ok(())
}

/// Reads a query's rows with a lock that lasts to the commit, so that what is decided on them holds.
/// SQLite has one writer and needs none.
pub fn locked(tx: &Tx, mut select: SelectStatement) -> SelectStatement {
    if tx.backend() == Backend::Postgres && tx.author().is_ok() {
        select.lock(LockType::Update);
    }
    select
}

/// The row with this id, locked when the transaction writes. A row marked as deleted is answered too:
/// tables that have such rows look at `deleted_at` themselves.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, table: &'static str, id: Uuid) -> Result<Option<Row>> {
    let mut select = tx.select(table);
    select
        .column((table, sea_query::Asterisk))
        .and_where(Expr::col((table, "id")).eq(id));
    let select = locked(tx, select);
    tx.fetch_optional(&select).await
}

struct Change {
    action: &'static str,
    before: Option<Json>,
    after: Option<Json>,
}

async fn audit(tx: &mut Tx, table: &Table, id: Uuid, change: Change) -> Result<()> {
    let author = tx.author()?.clone();
    let OrganisationId(organisation) = author.organisation;
    if table.events {
        let event = format!("{}.{}", table.name, change.action);
        announce(tx, &event, table.name, id).await?;
    }
    let row: Values = vec![
        ("organisation_id", organisation.into()),
        ("at", author.at.into()),
        ("actor", author.actor.to_string().into()),
        ("request_id", author.request_id.into()),
        ("action", change.action.into()),
        ("resource", table.name.into()),
        ("resource_id", id.into()),
        ("before", json(change.before)),
        ("after", json(change.after)),
    ];
    insert_plain(tx, "audit_log", row).await
}

/// Puts an event into the outbox.
///
/// # Errors
/// What the statement answers.
pub async fn announce(
    tx: &mut Tx,
    event: &str,
    resource: &'static str,
    resource_id: Uuid,
) -> Result<()> {
    let author = tx.author()?;
    let row: Values = vec![
        ("organisation_id", author.organisation.0.into()),
        ("at", author.at.into()),
        ("event", event.into()),
        ("resource", resource.into()),
        ("resource_id", resource_id.into()),
    ];
    insert_plain(tx, "outbox_event", row).await
}

/// A JSON column's value.
pub fn json(document: Option<Json>) -> Value {
    Value::Json(document.map(Box::new))
}

fn document(table: &Table, values: &Values) -> Json {
    let shown = values.iter().map(|(name, value)| {
        let value = if table.secrets.contains(name) {
            Json::from("***")
        } else {
            plain(value)
        };
        ((*name).to_owned(), value)
    });
    Json::Object(shown.collect::<Map<_, _>>())
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Bool(Some(value)) => Json::from(*value),
        Value::Int(Some(value)) => Json::from(*value),
        Value::BigInt(Some(value)) => Json::from(*value),
        Value::String(Some(value)) => Json::from(value.clone()),
        Value::Json(Some(value)) => (**value).clone(),
        Value::JiffDate(Some(value)) => Json::from(value.to_string()),
        Value::JiffTimestamp(Some(value)) => Json::from(value.to_string()),
        Value::Uuid(Some(value)) => Json::from(value.to_string()),
        Value::Decimal(Some(value)) => Json::from(value.to_string()),
        _ => Json::Null,
    }
}

fn miscounted(error: sea_query::error::Error) -> Error {
    Error::Database(sqlx::Error::Protocol(error.to_string()))
}
