//! What a server does every minute beside answering. Safe to run twice, and on several nodes at once.

use florin_core::id::OrganisationId;
use florin_store::{Actor, idempotency};
use uuid::Uuid;

use crate::{App, Result, api_key};

/// Writes the last-used times of keys and forgets answers that are kept long enough.
///
/// # Errors
/// [`crate::Error::Store`] where the database does not answer.
pub async fn run(app: &App) -> Result<()> {
    api_key::write_key_use(app).await?;
    let everyone = OrganisationId(Uuid::nil());
    let mut tx = app.begin(everyone, Actor::System, "").await?;
    idempotency::forget_expired(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}
