//! Usage that came after its bill was approved (DESIGN §4). Owns looking for it: once a day, and only where something
//! was accepted since the last look. What is found is noted, and the contract's next bill carries the difference.

use florin_store::{
    self as store, Actor,
    billing_recheck::{self, LateUsageCheck},
};
use uuid::Uuid;

use super::{
    counted::{Counter, Needed, digest},
    plan::{Ask, late_since},
    subject::Wanted,
    work::{Planned, Setting, Task},
};
use crate::Result;

/// Contracts that are looked at in one go.
const CONTRACTS_PER_CHUNK: u64 = 1_000;

/// Looks for usage that came late, unless that was done today; answers how many contracts have some.
///
/// # Errors
/// [`crate::Error::Store`], [`crate::Error::Usage`].
pub(super) async fn look(setting: &Setting) -> Result<u64> {
    if setting.app.db.clock().is_some() {
        // A test clock has no days that are looked at once: it comes by each as often as somebody walks it.
        return look_through(setting).await;
    }
    let mut tx = setting.app.db.read(setting.organisation).await?;
    let last = billing_recheck::late_usage_check(&mut tx).await?;
    drop(tx);
    if last.is_some_and(|last| last.checked_on >= setting.today) {
        return Ok(0);
    }
    let accepted = setting.app.usage.accepted(setting.organisation).await?;
    let mut found = 0;
    if last.is_none_or(|last| last.usage_sequence != accepted) {
        found = look_through(setting).await?;
    }
    let mut tx = begin(setting).await?;
    let check = LateUsageCheck {
        checked_on: setting.today,
        usage_sequence: accepted,
    };
    billing_recheck::late_usage_checked(&mut tx, check).await?;
    tx.commit().await?;
    Ok(found)
}

async fn begin(setting: &Setting) -> Result<store::Tx> {
    let (app, organisation) = (&setting.app, setting.organisation);
    app.begin(organisation, Actor::System, "").await
}

async fn look_through(setting: &Setting) -> Result<u64> {
    let since = late_since(setting.today);
    let (mut after, mut found) = (None, 0);
    let mut counter = None;
    loop {
        let mut tx = setting.app.db.read(setting.organisation).await?;
        let ids = store::billed_period::metered_since(&mut tx, since, after, CONTRACTS_PER_CHUNK);
        let ids = ids.await?;
        drop(tx);
        let Some(last) = ids.last() else {
            return Ok(found);
        };
        after = Some(*last);
        let is_large = ids.len() as u64 == CONTRACTS_PER_CHUNK;
        let counting = counter.take();
        let counting =
            counting.unwrap_or_else(|| Counter::new(&setting.app, setting.organisation, is_large));
        let (late, counting) = late_among(setting, ids, counting).await?;
        counter = Some(counting);
        found += late.len() as u64;
        note(setting, late).await?;
    }
}

async fn late_among(
    setting: &Setting,
    ids: Vec<Uuid>,
    mut counter: Counter,
) -> Result<(Vec<(Uuid, bool)>, Counter)> {
    let wanted = ids.into_iter().map(|id| Wanted {
        id,
        next_bill_day: None,
        is_whole: true,
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let subjects = setting.subjects(&wanted).await?;
    let tasks = subjects.into_iter().map(|mut subject| {
        subject.is_noted = true;
        let ask = Ask::Due(setting.today);
        Task { subject, ask }
    });
    // What cannot be planned is the run's to say.
    let (planned, _) = setting.plan(tasks.collect()).await?;
    let charges = planned.iter().flat_map(|one| {
        let again = one.plan.again.iter();
        let charges = again.flat_map(|again| &again.rebill.charges);
        charges.map(|charge| (&one.subject, charge))
    });
    let needed = Needed::of(charges);
    counter.count(needed).await?;
    let late = planned.iter().filter(|one| is_late(one, &counter));
    let late = late.map(|one| {
        let has_next = one.plan.next_bill_day.is_some();
        (one.subject.contract.id(), has_next)
    });
    Ok((late.collect(), counter))
}

/// Whether another quantity is counted now for a period that is on an approved bill.
fn is_late(planned: &Planned, counter: &Counter) -> bool {
    let Planned { subject, plan, .. } = planned;
    let mut charges = plan.again.iter().flat_map(|again| &again.rebill.charges);
    charges.any(|charge| {
        let mut history = plan.history.iter();
        let last = history.find(|one| {
            let period = &one.period;
            period.line == charge.line && period.full == charge.cycle.full
        });
        match (last, counter.counted(subject, charge)) {
            (Some(last), Ok(counted)) => digest(&counted) != last.usage_digest,
            _ => false,
        }
    })
}

/// Notes contracts for their next bill; those without one are billed today.
async fn note(setting: &Setting, late: Vec<(Uuid, bool)>) -> Result<()> {
    if late.is_empty() {
        return Ok(());
    }
    let mut tx = begin(setting).await?;
    let ids: Vec<Uuid> = late.iter().map(|(id, _)| *id).collect();
    billing_recheck::note(&mut tx, &ids).await?;
    let over = late.into_iter().filter(|(_, has_next)| !has_next);
    let today: Vec<_> = over.map(|(id, _)| (id, Some(setting.today))).collect();
    store::contract::set_next_bill_days(&mut tx, &today).await?;
    Ok(tx.commit().await?)
}
