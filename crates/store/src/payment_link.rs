//! The keys with which payment links are signed, one for each organisation, made when it is first needed.

use sea_query::{OnConflict, Query};

use crate::{Result, Row, Tx};

const TABLE: &str = "payment_link_key";

/// The organisation's key; `fresh` becomes it where there is none.
///
/// # Errors
/// What the statements answer.
pub async fn key(tx: &mut Tx, fresh: &[u8]) -> Result<Vec<u8>> {
    let mut insert = Query::insert();
    insert
        .into_table(TABLE)
        .columns(["organisation_id", "key", "created_at"]);
    insert.values_panic([
        tx.organisation().0.into(),
        fresh.to_vec().into(),
        tx.at()?.into(),
    ]);
    insert.on_conflict(
        OnConflict::column("organisation_id")
            .do_nothing()
            .to_owned(),
    );
    tx.execute(&insert).await?;
    let known = known_key(tx).await?;
    Ok(known.unwrap_or_else(|| fresh.to_vec()))
}

/// The organisation's key, if it has one.
///
/// # Errors
/// What the statement answers.
pub async fn known_key(tx: &mut Tx) -> Result<Option<Vec<u8>>> {
    let mut select = tx.select(TABLE);
    select.column("key");
    let row = tx.fetch_optional(&select).await?;
    row.map(|row: Row| row.get("key")).transpose()
}
