//! What a server does every minute beside answering. Safe to run twice, and on several nodes at once.

use florin_core::id::OrganisationId;
use florin_store::{Actor, idempotency};
use uuid::Uuid;

use crate::{App, Result, api_key, journal, test_clock, usage_upload};

/// Writes the last-used times of keys, forgets answers that are kept long enough and files that stopped coming,
/// seals the journal and goes on with test clocks whose server died.
///
/// # Errors
/// [`crate::Error::Store`] where the database does not answer.
pub async fn run(app: &App) -> Result<()> {
    api_key::write_key_use(app).await?;
    let everyone = OrganisationId(Uuid::nil());
    let mut tx = app.begin(everyone, Actor::System, "").await?;
    idempotency::forget_expired(&mut tx).await?;
    tx.commit().await?;
    usage_upload::forget_abandoned(app).await?;
    journal::seal_all(app).await?;
    test_clock::resume_all(app).await
}
