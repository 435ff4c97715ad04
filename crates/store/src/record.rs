//! Writing rows. Owns the audit log and the outbox: a row written through here cannot forget either.
//!
//! Invariant: a change, its audit row and its event are one transaction.

use sea_query::{
    Expr, ExprTrait, InsertStatement, IntoIden, LockType, Query, SelectStatement, SimpleExpr,
    TableRef, UpdateStatement, Value, ValueTuple,
};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

use crate::{Author, Backend, Batch, Error, Result, Row, Tx};

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
    let change = created(table, &values);
    let mut row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
    ];
    row.extend(values);
    let mut batch = tx.batch();
    batch.add(&inserted(table.name, row)?);
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
    update_as(tx, table, "updated", (id, before, after)).await
}

/// The same under another word: `action` is what the audit log and events call the change.
///
/// # Errors
/// As [`update`].
pub async fn update_as(
    tx: &mut Tx,
    table: &Table,
    action: &'static str,
    (id, before, after): (Uuid, Values, Values),
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
        action,
        before: Some(before),
        after: Some(after),
    };
    let mut batch = tx.batch();
    batch.add(&update);
    audit(tx, &mut batch, table, id, change)?;
    tx.run(batch).await?;
    Ok(true)
}

/// Adds rows, many with each statement.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses one.
pub async fn insert_all(tx: &mut Tx, table: &Table, rows: Vec<(Uuid, Values)>) -> Result<()> {
    let organisation = tx.organisation().0;
    let mut changes = Changes::default();
    let mut whole = Vec::with_capacity(rows.len());
    for (id, values) in rows {
        changes.add(tx, table, id, created(table, &values))?;
        let mut row: Values = vec![("organisation_id", organisation.into()), ("id", id.into())];
        row.extend(values);
        whole.push(row);
    }
    insert_all_plain(tx, table.name, whole).await?;
    changes.write(tx).await
}

/// Adds rows that are part of another resource, many with each statement. All name the same columns.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses one.
pub async fn insert_all_plain(tx: &mut Tx, table: &'static str, rows: Vec<Values>) -> Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(rows_of_statement(columns));
        tx.execute(&inserted_all(table, chunk)?).await?;
    }
    Ok(())
}

/// A row's columns before and after a change.
#[derive(Debug)]
pub struct Revision {
    /// The row.
    pub id: Uuid,
    /// Its columns so far.
    pub before: Values,
    /// The same columns after it.
    pub after: Values,
}

/// Changes rows, many with each statement, and answers how many there were. All revisions name the same
/// columns; only rows that `only` holds for are changed. `action` is what the audit log and events call it.
///
/// # Errors
/// [`Error::Conflict`] where a unique constraint refuses one.
pub async fn update_all(
    tx: &mut Tx,
    table: &Table,
    action: &'static str,
    revisions: Vec<Revision>,
    only: &SimpleExpr,
) -> Result<u64> {
    let at = tx.at()?;
    let mut changes = Changes::default();
    let mut rows = Vec::with_capacity(revisions.len());
    for Revision { id, before, after } in revisions {
        let change = Change {
            action,
            ..updated(table, before, &after)
        };
        changes.add(tx, table, id, change)?;
        let mut row: Values = vec![("id", id.into())];
        row.extend(after);
        row.push(("updated_at", at.into()));
        rows.push(row);
    }
    let mut changed = 0;
    let columns = rows.first().map_or(0, Vec::len);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk = rows.by_ref().take(rows_of_statement(columns)).collect();
        let mut update = revised(tx, table, chunk);
        update.and_where(only.clone());
        changed += tx.execute(&update).await?;
    }
    changes.write(tx).await?;
    Ok(changed)
}

/// `UPDATE table SET … FROM (VALUES …)`; both databases call the columns of such rows `column1`…
fn revised(tx: &Tx, table: &Table, rows: Vec<Values>) -> UpdateStatement {
    const GIVEN: &str = "given";
    let mut update = Query::update();
    update.table(table.name);
    let names = rows.first().into_iter().flatten().enumerate().skip(1);
    for (position, (name, _)) in names {
        let column = format!("column{}", position + 1);
        update.value(*name, Expr::col((GIVEN, column)));
    }
    let tuples = rows.into_iter().map(|row| {
        let values = row.into_iter().map(|(_, value)| value);
        ValueTuple::Many(values.collect())
    });
    update.from(TableRef::ValuesList(tuples.collect(), GIVEN.into_iden()));
    update.and_where(Expr::col((table.name, "organisation_id")).eq(tx.organisation().0));
    update.and_where(Expr::col((table.name, "id")).equals((GIVEN, "column1")));
    update
}

/// Rows of one statement: both databases bound its values, SQLite at 32,766, and a long statement gains
/// nothing.
fn rows_of_statement(columns: usize) -> usize {
    const VALUES_MAX: usize = 16_000;
    const ROWS_MAX: usize = 500;
    (VALUES_MAX / columns.max(1)).clamp(1, ROWS_MAX)
}

/// Audit rows and events of many changes.
#[derive(Default)]
struct Changes {
    audited: Vec<Values>,
    announced: Vec<Values>,
}

impl Changes {
    fn add(&mut self, tx: &Tx, table: &Table, id: Uuid, change: Change) -> Result<()> {
        let author = tx.author()?;
        if table.events {
            let event = format!("{}.{}", table.name, change.action);
            self.announced
                .push(event_row(author, &event, table.name, id));
        }
        self.audited.push(audit_row(author, table, id, change));
        Ok(())
    }

    async fn write(self, tx: &mut Tx) -> Result<()> {
        insert_all_plain(tx, "outbox_event", self.announced).await?;
        insert_all_plain(tx, "audit_log", self.audited).await
    }
}

/// Leaves an audit row for rows that belong to a resource and are replaced with it.
///
/// # Errors
/// What the statement answers.
pub async fn audit_replaced(
    tx: &mut Tx,
    table: &Table,
    id: Uuid,
    before: Json,
    after: Json,
) -> Result<()> {
    let change = Change {
        action: "replaced",
        before: Some(before),
        after: Some(after),
    };
    let row = audit_row(tx.author()?, table, id, change);
    tx.execute(&inserted("audit_log", row)?).await?;
    Ok(())
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

fn created(table: &Table, values: &Values) -> Change {
    Change {
        action: "created",
        before: None,
        after: Some(document(table, values)),
    }
}

/// What differs.
fn updated(table: &Table, before: Values, after: &Values) -> Change {
    let (old, new): (Values, Values) = before
        .into_iter()
        .zip(after.iter().cloned())
        .filter(|((_, old), (_, new))| old != new)
        .unzip();
    Change {
        action: "updated",
        before: Some(document(table, &old)),
        after: Some(document(table, &new)),
    }
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
    inserted_all(table, std::iter::once(row))
}

fn inserted_all(
    table: &'static str,
    rows: impl Iterator<Item = Values>,
) -> Result<InsertStatement> {
    let mut insert = Query::insert();
    insert.into_table(table);
    for (index, row) in rows.enumerate() {
        let (columns, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
        if index == 0 {
            insert.columns(columns);
        }
        let values = values.into_iter().map(Expr::val);
        insert.values(values).map_err(miscounted)?;
    }
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
    batch.add(&inserted(
        "audit_log",
        audit_row(author, table, id, change),
    )?);
    Ok(())
}

fn audit_row(author: &Author, table: &Table, id: Uuid, change: Change) -> Values {
    vec![
        ("organisation_id", author.organisation.0.into()),
        ("at", author.at.into()),
        ("actor", author.actor.to_string().into()),
        ("request_id", author.request_id.clone().into()),
        ("action", change.action.into()),
        ("resource", table.name.into()),
        ("resource_id", id.into()),
        ("before", json(change.before)),
        ("after", json(change.after)),
    ]
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
    let row = event_row(tx.author()?, event, resource, resource_id);
    inserted("outbox_event", row)
}

fn event_row(author: &Author, event: &str, resource: &'static str, resource_id: Uuid) -> Values {
    vec![
        ("organisation_id", author.organisation.0.into()),
        ("at", author.at.into()),
        ("event", event.into()),
        ("resource", resource.into()),
        ("resource_id", resource_id.into()),
    ]
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
