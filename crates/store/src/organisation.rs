//! Organisations: the tenants. Does not own their keys.

use florin_core::id::OrganisationId;
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, LockType, Query};

use crate::{Backend, Db, Result, Row, Tx, record};

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Its id, which clients send in the `organisation` header.
    pub id: OrganisationId,
    /// Its name.
    pub name: String,
    /// Whether it is for trying things: only then test clocks exist.
    pub is_sandbox: bool,
    /// Zone of its calendar days, an IANA name.
    pub time_zone: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Adds an organisation.
///
/// # Errors
/// [`crate::Error::Conflict`] where the id is taken.
pub async fn insert(tx: &mut Tx, organisation: &Organisation) -> Result<()> {
    let Organisation {
        id,
        name,
        is_sandbox,
        time_zone,
        created_at,
    } = organisation.clone();
    let row = vec![
        ("organisation_id", id.0.into()),
        ("name", name.into()),
        ("is_sandbox", is_sandbox.into()),
        ("time_zone", time_zone.into()),
        ("created_at", created_at.into()),
    ];
    record::insert_plain(tx, "organisation", row).await
}

/// The organisation of this transaction.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx) -> Result<Option<Organisation>> {
    let mut select = tx.select("organisation");
    select.column(Asterisk);
    tx.fetch_optional(&select)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// Makes operations that decide over all rows of an organisation wait for each other, to the commit:
/// which entity is the default, whether a name is free. SQLite has one writer and needs no lock.
///
/// # Errors
/// What the statement answers.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    if tx.backend() == Backend::Sqlite {
        return Ok(());
    }
    let mut select = tx.select("organisation");
    select.column("organisation_id").lock(LockType::NoKeyUpdate);
    tx.fetch_optional(&select).await?;
    Ok(())
}

/// Every organisation of the database, oldest first. For the command line only.
///
/// # Errors
/// What the statement answers.
pub async fn all(db: &Db) -> Result<Vec<Organisation>> {
    let mut tx = db.read(OrganisationId(uuid::Uuid::nil())).await?;
    let mut select = Query::select();
    select
        .column(Asterisk)
        .from("organisation")
        .and_where(Expr::val(1).eq(1));
    select.order_by("created_at", sea_query::Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

fn decode(row: &Row) -> Result<Organisation> {
    Ok(Organisation {
        id: OrganisationId(row.get("organisation_id")?),
        name: row.get("name")?,
        is_sandbox: row.get("is_sandbox")?,
        time_zone: row.get("time_zone")?,
        created_at: row.get("created_at")?,
    })
}
