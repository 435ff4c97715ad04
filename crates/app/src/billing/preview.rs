//! Bills as they would be: the next ones of a contract, and what a change of it would do. Owns nothing that is kept.

use florin_core::{contract::Contract, id::OrganisationId, invoice::Draft};
use florin_store::Tx;
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    counted::Counter,
    generate::{wanted, wanted_in},
    make::Made,
    plan::Ask,
    run::{setting, setting_in},
    subject::{self, Subject},
    work::{Setting, Task},
};
use crate::{App, Error, Result, test_clock};

/// What a change of a contract would do to what is billed.
#[derive(Debug, Default)]
pub struct Effect {
    /// Drafts that would be made anew, before and after; one that is discarded has nothing left.
    pub remade: Vec<(Draft, Draft)>,
    /// Bills that are due by now and not made yet.
    pub current: Vec<Draft>,
    /// Bills of the next day on which something is due, with the usage so far. Adjustments of approved bills are on
    /// the first of all these; where no bill is to come, on one of their own among [`Effect::current`].
    pub next: Vec<Draft>,
}

/// What a change of a contract would do to what is billed. `after` is the contract as it would be; `tx` sees what it
/// names, and is dropped before anything is counted or rated. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where it could not be billed.
pub async fn effect(app: &App, tx: Tx, after: &Contract) -> Result<Effect> {
    let mut tx = tx;
    let app = &test_clock::app_in(app, &mut tx, after.id()).await?;
    let setting = setting_in(app, &mut tx, app.clock.now()).await?;
    let wanted = wanted_in(&mut tx, after.id()).await?;
    let changed = vec![after.clone()];
    let subject = subject::around(&mut tx, &[wanted], (changed, None), setting.today).await?;
    let subject = subject.into_iter().next().ok_or(MISSING)?;
    drop(tx);
    let (now, next) = ahead(&setting, subject).await?;
    Ok(Effect {
        remade: now.remade,
        current: now.drafts,
        next,
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
    let app = &test_clock::app_of_contract(app, organisation, contract_id).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let wanted = wanted(&setting, contract_id).await?;
    let subject = setting.subjects(&[wanted]).await?.pop().ok_or(MISSING)?;
    let (now, next) = ahead(&setting, subject).await?;
    Ok(if now.drafts.is_empty() {
        next
    } else {
        now.drafts
    })
}

/// What is due by now, and what will be on the next day on which something is.
async fn ahead(setting: &Setting, subject: Subject) -> Result<(Made, Vec<Draft>)> {
    let today = subject.contract.day_of(setting.at).min(setting.today);
    let now = made(setting, subject.clone(), today).await?;
    let Some(day) = now.next_bill_day else {
        return Ok((now, Vec::new()));
    };
    let mut next = made(setting, subject, day).await?.drafts;
    next.retain(|draft| draft.header().bill_for_date > today);
    Ok((now, next))
}

const MISSING: Error = Error::NotFound {
    resource: "contract",
};

async fn made(setting: &Setting, subject: Subject, on: Date) -> Result<Made> {
    made_of(setting, subject, Ask::Due(on)).await
}

/// What comes of asking a contract.
pub(super) async fn made_of(setting: &Setting, subject: Subject, ask: Ask) -> Result<Made> {
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
