//! Charging approved invoices that fall due, without anybody asking.

use florin_core::id::OrganisationId;
use florin_store as store;
use jiff::SignedDuration;
use uuid::Uuid;

use super::{Caller, Wanted, charge};
use crate::{App, Error, Result, gateway::GatewayError, organisation};

/// Days after its due day in which an invoice is charged automatically.
const DAYS_MAX: i64 = 14;
/// How long after an attempt the next one is made: five of them in [`DAYS_MAX`].
const PAUSE: SignedDuration = SignedDuration::from_hours(3 * 24);
/// Invoices that are read at once.
const PAGE: u64 = 500;

/// Charges every approved invoice that is due and whose customer allows it; answers how many charges were begun.
/// An invoice whose charge was declined is charged again three days later, for two weeks.
///
/// # Errors
/// [`Error::Store`] where the database does not answer.
pub async fn charge_due(app: &App) -> Result<usize> {
    let mut begun = 0;
    for organisation in store::organisation::all(&app.db).await? {
        begun += charge_due_of(app, organisation.id).await?;
    }
    Ok(begun)
}

async fn charge_due_of(app: &App, organisation: OrganisationId) -> Result<usize> {
    let caller = Caller::system(organisation);
    let wanted = Wanted {
        is_automatic: true,
        ..Wanted::default()
    };
    let mut begun = 0;
    let mut after: Option<Uuid> = None;
    loop {
        let due = due(app, organisation, after).await?;
        for id in &due {
            match charge(app, &caller, *id, &wanted).await {
                Ok(_) | Err(Error::Gateway(GatewayError::Declined { .. })) => begun += 1,
                Err(Error::Store(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, invoice = %id, "an invoice is not charged now");
                }
            }
        }
        after = due.last().copied();
        if after.is_none() {
            return Ok(begun);
        }
    }
}

async fn due(app: &App, organisation: OrganisationId, after: Option<Uuid>) -> Result<Vec<Uuid>> {
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    let now = app.clock.now();
    let today = now.to_zoned(zone).date();
    let first = today.saturating_sub(jiff::Span::new().days(DAYS_MAX));
    let asked = store::charge::Due {
        from: first,
        to: today,
        attempted_before: florin_core::instant::to_microseconds(now - PAUSE),
        after,
        limit: PAGE,
    };
    Ok(store::charge::due(&mut tx, &asked).await?)
}
