//! Drafts on their way to approval: fresh first, each at its payer's time, in transactions of some hundred.
//!
//! Owns that an approved invoice has every event that was acknowledged before its approval was asked for
//! (DESIGN §4). Does not own what an approval is ([`super::approve`]).

use std::collections::{HashMap, HashSet};

use florin_core::id::OrganisationId;
use uuid::Uuid;

use super::{APPROVALS_MAX, Approval, Checks, NOT_FOUND, Outcome, approve_chunk};
use crate::{
    App, Error, Result,
    billing::{self, Asker},
    test_clock,
};

/// Makes a draft anew where something came since it was made. Call it before the transaction that approves.
///
/// # Errors
/// [`Error::Refused`] where its contract cannot be billed; [`Error::Usage`], [`Error::Store`].
pub async fn freshen(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    id: Uuid,
) -> Result<()> {
    for (app, ids) in test_clock::apart(app, organisation, &[id]).await? {
        let stale = billing::freshen(&app, organisation, asker, &ids).await?;
        if let Some(error) = stale.into_values().next() {
            return Err(error);
        }
    }
    Ok(())
}

/// Approves drafts, and says of each in the order of `ids` what became of it. Those whose payers live by a test clock
/// are approved at its time. A refusal of one leaves the others alone.
///
/// # Errors
/// [`Error::Store`], [`Error::Usage`]; what was approved before stays so.
pub async fn approve_many(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    (ids, checks): (&[Uuid], Checks),
) -> Result<Vec<Approval>> {
    let mut seen = HashSet::with_capacity(ids.len());
    let distinct = ids.iter().copied().filter(|id| seen.insert(*id));
    let distinct: Vec<Uuid> = distinct.collect();
    let mut found = HashMap::with_capacity(distinct.len());
    for (app, ids) in test_clock::apart(app, organisation, &distinct).await? {
        for ids in ids.chunks(APPROVALS_MAX) {
            let approvals = approve_fresh(&app, organisation, asker, (ids, checks)).await?;
            found.extend(
                approvals
                    .into_iter()
                    .map(|approval| (approval.id, approval)),
            );
        }
    }
    let answered = ids.iter().map(|id| again(*id, found.get(id)));
    Ok(answered.collect())
}

/// Makes stale drafts anew and approves them all in one transaction, [`APPROVALS_MAX`] at most. All of them live in
/// the app's time.
///
/// # Errors
/// [`Error::Store`], [`Error::Usage`]; then none is approved.
pub(crate) async fn approve_fresh(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    (ids, checks): (&[Uuid], Checks),
) -> Result<Vec<Approval>> {
    let stale = billing::freshen(app, organisation, asker, ids).await?;
    let fresh = ids.iter().copied().filter(|id| !stale.contains_key(id));
    let fresh: Vec<Uuid> = fresh.collect();
    let mut tx = asker.begin(app, organisation).await?;
    let mut approvals = approve_chunk(app, &mut tx, &fresh, checks).await?;
    tx.commit().await?;
    approvals.extend(stale.into_iter().map(|(id, error)| Approval {
        id,
        number: None,
        outcome: Outcome::Refused(error),
    }));
    Ok(approvals)
}

/// What became of a draft, once more: a request may name it twice.
fn again(id: Uuid, found: Option<&Approval>) -> Approval {
    let outcome = match found.map(|approval| &approval.outcome) {
        Some(Outcome::Approved) => Outcome::Approved,
        Some(Outcome::Known) => Outcome::Known,
        Some(Outcome::Refused(Error::Refused { code, message })) => {
            Outcome::Refused(Error::refused(code, message))
        }
        Some(Outcome::Refused(Error::Store(florin_store::Error::Busy))) => {
            Outcome::Refused(Error::Store(florin_store::Error::Busy))
        }
        Some(Outcome::Refused(_)) | None => Outcome::Refused(NOT_FOUND),
    };
    Approval {
        id,
        number: found.and_then(|approval| approval.number.clone()),
        outcome,
    }
}
