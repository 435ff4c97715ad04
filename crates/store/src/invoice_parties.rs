//! Names and addresses on approved invoices, as they were at the approval. Rows are never changed: whoever
//! asks for a document years later gets the one that was sent.

use florin_core::document::Parties;
use sea_query::{Expr, ExprTrait};
use uuid::Uuid;

use crate::{Result, Tx, record, row::corrupt};

const TABLE: &str = "invoice_parties";

/// Keeps the parties of invoices that are being approved, many with each statement.
///
/// # Errors
/// [`crate::Error::Conflict`] where those of an invoice are kept already.
pub async fn insert_all(tx: &mut Tx, parties: &[(Uuid, Parties)]) -> Result<()> {
    let organisation = tx.organisation().0;
    let row = |(id, parties): &(Uuid, Parties)| {
        let document = serde_json::to_value(parties);
        let document = document.map_err(|_| corrupt("parties", "it is no document"))?;
        Ok(vec![
            ("organisation_id", organisation.into()),
            ("id", (*id).into()),
            ("parties", record::json(Some(document))),
        ])
    };
    let rows = parties.iter().map(row).collect::<Result<Vec<_>>>()?;
    record::insert_all_plain(tx, TABLE, rows).await
}

/// The parties of an approved invoice; none for one that was approved before they were kept.
///
/// # Errors
/// [`crate::Error::Corrupt`] where the row holds something else; what the statement answers.
pub async fn find(tx: &mut Tx, invoice: Uuid) -> Result<Option<Parties>> {
    let mut select = tx.select(TABLE);
    select
        .column("parties")
        .and_where(Expr::col("id").eq(invoice));
    let Some(row) = tx.fetch_optional(&select).await? else {
        return Ok(None);
    };
    let parties = serde_json::from_value(row.get("parties")?);
    parties
        .map(Some)
        .map_err(|_| corrupt("parties", "it is no document of two parties"))
}
