//! API keys. Owns their rows; the secret itself is never stored, only its SHA-256.

use florin_core::id::OrganisationId;
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, Query};
use uuid::Uuid;

use crate::{
    Db, Result, Row, Tx,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table {
    name: "api_key",
    secrets: &["hash"],
    events: false,
};

/// A key that a client signs its requests with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: Uuid,
    /// What it is for, in its owner's words.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the secret.
    pub hash: Vec<u8>,
    /// What it may do.
    pub scopes: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last signed a request, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// Since when it is refused.
    pub revoked_at: Option<Timestamp>,
}

/// The list of keys.
pub static LIST: Spec = Spec {
    table: "api_key",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::created_at(),
        Column::new("revoked_at", Kind::Timestamp, "instant of revocation").nullable(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(key: &ApiKey) -> Values {
    let ApiKey {
        id: _,
        name,
        prefix,
        hash,
        scopes,
        created_at,
        last_used_at,
        revoked_at,
    } = key.clone();
    vec![
        ("name", name.into()),
        ("prefix", prefix.into()),
        ("hash", hash.into()),
        ("scopes", scopes.into()),
        ("created_at", created_at.into()),
        ("updated_at", created_at.into()),
        ("last_used_at", last_used_at.into()),
        ("revoked_at", revoked_at.into()),
    ]
}

fn decode(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        name: row.get("name")?,
        prefix: row.get("prefix")?,
        hash: row.get("hash")?,
        scopes: row.get("scopes")?,
        created_at: row.get("created_at")?,
        last_used_at: row.optional("last_used_at")?,
        revoked_at: row.optional("revoked_at")?,
    })
}

/// Adds a key.
///
/// # Errors
/// [`crate::Error::Conflict`] where id or secret is taken.
pub async fn insert(tx: &mut Tx, key: &ApiKey) -> Result<()> {
    record::insert(tx, &TABLE, key.id, values(key)).await
}

/// Changes a key.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &ApiKey, after: &ApiKey) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The key with this id.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<ApiKey>> {
    record::find(tx, TABLE.name, id)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// One page of keys.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<ApiKey>> {
    list::page(tx, &LIST, query, decode).await
}

/// The key with this hash and its organisation, whichever that is: authentication comes before the
/// organisation is known.
///
/// # Errors
/// What the statement answers.
pub async fn find_by_hash(db: &Db, hash: &[u8]) -> Result<Option<(OrganisationId, ApiKey)>> {
    let mut tx = db.read(OrganisationId(Uuid::nil())).await?;
    let mut select = Query::select();
    select
        .column(Asterisk)
        .from(TABLE.name)
        .and_where(Expr::col("hash").eq(hash.to_vec()));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| Ok((OrganisationId(row.get("organisation_id")?), decode(&row)?)))
        .transpose()
}

/// Remembers when the key was used. Not audited: it changes with every request.
///
/// # Errors
/// What the statement answers.
pub async fn touch(tx: &mut Tx, id: Uuid, at: Timestamp) -> Result<()> {
    let mut update = Query::update();
    update.table(TABLE.name).value("last_used_at", at);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    tx.execute(&update).await?;
    Ok(())
}
