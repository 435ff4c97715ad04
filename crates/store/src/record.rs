//! Writing rows. Owns the audit log and the outbox: a row written through here cannot forget either.
//!
//! Invariant: a change, its audit row and its event are one transaction.

use sea_query::{
    Expr, ExprTrait, InsertStatement, LockType, Query, SelectStatement, UpdateStatement, Value,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{Backend, Batch, Error, Result, Row, Tx};

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
    let batch = insertion(tx, table, id, values)?;
    tx.run(batch).await?;
    Ok(())
}

/// What [`insert`] runs, for a caller that adds to it.
///
/// # Errors
/// [`Error::Database`] on a connection that only reads.
pub fn insertion(tx: &Tx, table: &Table, id: Uuid, values: Values) -> Result<Batch> {
    let after = document(table, &values);
    let mut row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
    ];
    row.extend(values);
    let mut batch = tx.batch();
    batch.add(&inserted(table.name, row)?);
    let change = Change {
        action: "created",
        before: None,
        after: Some(after),
    };
    audit(tx, &mut batch, table, id, change)?;
    Ok(batch)
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
    let mut update = update_of(tx, table, id);
    update.values(new.into_iter().map(|(name, value)| (name, value.into())));
    update.value("updated_at", tx.at()?);
    let change = Change {
        action: "updated",
        before: Some(before),
        after: Some(after),
    };
    let mut batch = tx.batch();
    batch.add(&update);
    audit(tx, &mut batch, table, id, change)?;
    tx.run(batch).await?;
    Ok(true)
}

/// Marks a row as changed by a change around it, which has an audit row of its own: moves `updated_at` and
/// announces the row.
///
/// # Errors
/// What the statement answers.
pub async fn touch(tx: &mut Tx, table: &Table, id: Uuid) -> Result<()> {
    let mut update = update_of(tx, table, id);
    update.value("updated_at", tx.at()?);
    let event = format!("{}.updated", table.name);
    let mut batch = tx.batch();
    batch.add(&update);
    batch.add(&announcement(tx, &event, table.name, id)?);
    tx.run(batch).await?;
    Ok(())
}

/// Removes a row for good. `before` is what the audit log keeps of it.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, table: &Table, id: Uuid, before: Values) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(table.name);
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    delete.and_where(Expr::col("id").eq(id));
    let mut batch = tx.batch();
    batch.add(&delete);
    audit(tx, &mut batch, table, id, deletion(table, &before))?;
    tx.run(batch).await?;
    Ok(())
}

/// Marks a row as deleted: lists and reads pass it over, what refers to it keeps it.
///
/// # Errors
/// What the statement answers.
pub async fn soft_delete(tx: &mut Tx, table: &Table, id: Uuid, before: Values) -> Result<()> {
    let mut update = update_of(tx, table, id);
    update.value("deleted_at", tx.at()?);
    let mut batch = tx.batch();
    batch.add(&update);
    audit(tx, &mut batch, table, id, deletion(table, &before))?;
    tx.run(batch).await?;
    Ok(())
}

fn update_of(tx: &Tx, table: &Table, id: Uuid) -> UpdateStatement {
    let mut update = Query::update();
    update.table(table.name);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    update
}

fn deletion(table: &Table, before: &Values) -> Change {
    Change {
        action: "deleted",
        before: Some(document(table, before)),
        after: None,
    }
}

/// Adds a row that is part of another resource: neither audited nor announced by itself.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses it.
pub async fn insert_plain(tx: &mut Tx, table: &'static str, row: Values) -> Result<()> {
    tx.execute(&inserted(table, row)?).await?;
    Ok(())
}

fn inserted(table: &'static str, row: Values) -> Result<InsertStatement> {
    let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let mut insert = Query::insert();
    insert.into_table(table).columns(columns);
    insert
        .values(values.into_iter().map(Expr::val))
        .map_err(miscounted)?;
    Ok(insert)
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
    let select = with_id(tx, table, id);
    tx.fetch_optional(&select).await
}

/// What [`find`] runs, for a caller that reads more at once.
pub fn with_id(tx: &Tx, table: &'static str, id: Uuid) -> SelectStatement {
    let mut select = tx.select(table);
    select
        .column((table, sea_query::Asterisk))
        .and_where(Expr::col((table, "id")).eq(id));
    locked(tx, select)
}

struct Change {
    action: &'static str,
    before: Option<Json>,
    after: Option<Json>,
}

fn audit(tx: &Tx, batch: &mut Batch, table: &Table, id: Uuid, change: Change) -> Result<()> {
    let author = tx.author()?;
    if table.events {
        let event = format!("{}.{}", table.name, change.action);
        batch.add(&announcement(tx, &event, table.name, id)?);
    }
    let row: Values = vec![
        ("organisation_id", author.organisation.0.into()),
        ("at", author.at.into()),
        ("actor", author.actor.to_string().into()),
        ("request_id", author.request_id.clone().into()),
        ("action", change.action.into()),
        ("resource", table.name.into()),
        ("resource_id", id.into()),
        ("before", json(change.before)),
        ("after", json(change.after)),
    ];
    batch.add(&inserted("audit_log", row)?);
    Ok(())
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
    let insert = announcement(tx, event, resource, resource_id)?;
    tx.execute(&insert).await?;
    Ok(())
}

fn announcement(
    tx: &Tx,
    event: &str,
    resource: &'static str,
    resource_id: Uuid,
) -> Result<InsertStatement> {
    let author = tx.author()?;
    let row: Values = vec![
        ("organisation_id", author.organisation.0.into()),
        ("at", author.at.into()),
        ("event", event.into()),
        ("resource", resource.into()),
        ("resource_id", resource_id.into()),
    ];
    inserted("outbox_event", row)
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
