//! Bills as they would be: the next ones of a contract, and what a change of it would do. Owns nothing that is kept.

use florin_core::{contract::Contract, id::OrganisationId, invoice::Draft};
use uuid::Uuid;

use super::{
    counted::Counter,
    generate::wanted,
    make::Made,
    plan::Ask,
    run::setting,
    subject::Subject,
    work::{Setting, Task},
};
use crate::{App, Error, Result};

/// What a change of a contract would do to what is billed.
#[derive(Debug, Default)]
pub struct Effect {
    /// Drafts that would be made anew, before and after; one that is discarded has nothing left.
    pub remade: Vec<(Draft, Draft)>,
    /// Drafts that would be made now: what is due, and the adjustments of approved bills. Those go on the next invoice
    /// where one is due by then.
    pub drafts: Vec<Draft>,
}

/// What a change of a contract would do to what is billed. `after` is the contract as it would be.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where it could not be billed.
pub async fn effect(app: &App, organisation: OrganisationId, after: &Contract) -> Result<Effect> {
    let app = &crate::test_clock::app_of_contract(app, organisation, after.id()).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let wanted = wanted(&setting, after.id()).await?;
    let changed = vec![after.clone()];
    let subject = setting.subjects_as(&[wanted], changed).await?.pop();
    let subject = subject.ok_or(MISSING)?;
    let made = made(&setting, subject, Ask::Preview(setting.today)).await?;
    Ok(Effect {
        remade: made.remade,
        drafts: made.drafts,
    })
}

/// The next bills of a contract, with the usage so far: those that are due and not made yet, else those of the next
/// day on which something is billed. Empty where nothing is to come.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where it cannot be billed.
pub async fn upcoming(
    app: &App,
    organisation: OrganisationId,
    contract_id: Uuid,
) -> Result<Vec<Draft>> {
    let app = &crate::test_clock::app_of_contract(app, organisation, contract_id).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let wanted = wanted(&setting, contract_id).await?;
    let subject = setting.subjects(&[wanted]).await?.pop().ok_or(MISSING)?;
    let today = setting.today;
    let now = made(&setting, subject, Ask::Due(today)).await?;
    if !now.drafts.is_empty() {
        return Ok(now.drafts);
    }
    let Some(day) = now.next_bill_day else {
        return Ok(Vec::new());
    };
    let subject = setting.subjects(&[wanted]).await?.pop().ok_or(MISSING)?;
    let next = made(&setting, subject, Ask::Due(day)).await?;
    Ok(next.drafts)
}

const MISSING: Error = Error::NotFound {
    resource: "contract",
};

async fn made(setting: &Setting, subject: Subject, ask: Ask) -> Result<Made> {
    let (planned, problems) = setting.plan(vec![Task { subject, ask }]).await?;
    let counter = Counter::new(&setting.app, setting.organisation, false);
    let (worked, _) = setting.make(planned, counter).await?;
    let mut problems = problems.into_iter().chain(worked.problems);
    match (worked.made.into_iter().next(), problems.next()) {
        (_, Some(problem)) => Err(problem.into()),
        (Some(made), None) => Ok(made),
        (None, None) => Err(MISSING),
    }
}
