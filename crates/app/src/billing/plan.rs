//! What is to be done about a contract: which drafts are made anew, which approved bills are rated again, which bills
//! are due. Owns the choice and its order (adjust first, then ask what is due); computes no amount. Pure.

use std::collections::{BTreeMap, HashSet};

use florin_core::{
    billing::{
        BillDue, BilledPeriod, ChargeDue, Generation, GenerationRequest, History, PartDue, Rebill,
        affected, due, generation, next_bill_day, rebills, redraft,
    },
    contract::PhaseBilling,
};
use florin_store::billed_period::{Billed, last_revisions};
use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Problem,
    subject::{Look, Subject},
};

/// For so many days after a bill, usage of its period that comes late is charged: a quarter and a week.
const LATE_USAGE_DAYS: i64 = 100;

/// The first day for which bills are looked at for usage that came late.
pub(super) fn late_since(on: Date) -> Date {
    on.saturating_sub(jiff::Span::new().days(LATE_USAGE_DAYS))
}

/// What is asked of a contract.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    /// Everything that is due on a day or before.
    Due(Date),
    /// The same, and adjustments do not wait for the next bill.
    Now(Date),
    /// One of its billing cycles, whether its day has come or not.
    Cycle(GenerationRequest),
    /// These parts of a draft anew.
    Parts(Anew),
}

impl Ask {
    /// Parts that are made anew and that no account of billed periods names.
    pub(super) fn settling(&self) -> &[Settling] {
        match self {
            Self::Parts(anew) => &anew.settling,
            Self::Due(_) | Self::Now(_) | Self::Cycle(_) => &[],
        }
    }
}

/// Parts of a draft that are made anew, all of one contract.
#[derive(Clone, Debug, Default)]
pub(super) struct Anew {
    /// All of them.
    pub(super) parts: Vec<Uuid>,
    /// Those among them that charge no period, so that no account of billed periods names them.
    pub(super) settling: Vec<Settling>,
}

/// A part that only settles a minimum of its phase.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    /// The part.
    pub(super) part: Uuid,
    /// The draft that it is on.
    pub(super) invoice: Uuid,
    /// The phase.
    pub(super) phase_id: Uuid,
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Plan {
    /// The terms of each phase, with the taxes of the day that was asked for.
    pub(super) phases: Vec<PhaseBilling>,
    /// Parts of drafts that are made anew.
    pub(super) freed: Vec<Uuid>,
    /// Approved bills that may differ from what is due, the earliest first.
    pub(super) again: Vec<Again>,
    /// What is billed, the earliest first.
    pub(super) bills: Vec<BillDue>,
    /// What was billed, without what is freed: of each period the last revision.
    pub(super) history: Vec<Billed>,
    /// The next day on which something is due.
    pub(super) next_bill_day: Option<Date>,
    /// Why a cycle that was asked for gives no bill.
    pub(super) nothing: Option<Nothing>,
}

/// Why a cycle that was asked for gives no bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The contract has no such cycle.
    NoSuchCycle,
    /// All of it is on approved bills.
    AlreadyBilled,
    /// These parts of drafts have it.
    InDrafts(Vec<Uuid>),
}

/// An approved bill that is rated again.
#[derive(Debug)]
pub(super) struct Again {
    /// The bill and what stands of it.
    pub(super) rebill: Rebill,
    /// Whether its terms differ. If not, it is only looked at for usage that came late.
    pub(super) is_changed: bool,
}

impl Plan {
    /// Every charge for which usage may have to be counted.
    pub(super) fn charges(&self) -> impl Iterator<Item = &ChargeDue> {
        let due = self.bills.iter().flat_map(|bill| &bill.parts);
        let due = due.flat_map(|part| &part.charges);
        let again = self.again.iter().flat_map(|again| &again.rebill.charges);
        due.chain(again)
    }

    /// Phases whose bills depend on those before them.
    pub(super) fn carrying(&self) -> impl Iterator<Item = Uuid> {
        let phases = self.phases.iter().filter(|phase| phase.carries());
        phases.map(|phase| phase.phase_id)
    }
}

/// Decides what is to be done. `last_bills` are the days of the last bills of phases that carry.
///
/// # Errors
/// [`Problem`] where the contract cannot be billed.
pub(super) fn plan(
    subject: &Subject,
    ask: &Ask,
    last_bills: &[(Uuid, Date)],
    today: Date,
) -> Result<Plan, Problem> {
    let on = match ask {
        Ask::Due(on) | Ask::Now(on) => *on,
        Ask::Cycle(request) => request.bill_for_date,
        Ask::Parts(_) => today,
    };
    let phases = subject.terms(on)?;
    let changes = changes(subject, ask, &phases, on)?;
    let freed: HashSet<Uuid> = changes.freed.iter().copied().collect();
    let kept = subject.revisions.iter().copied();
    let kept = kept.filter(|billed| !freed.contains(&billed.period.part));
    let history = last_revisions(kept);
    let periods: Vec<BilledPeriod> = history.iter().map(|billed| billed.period).collect();
    let failed = |error: florin_core::billing::Error| subject.problem(error);
    let since = late_since(on);
    let again = again(subject, &phases, &periods, (&changes, since)).map_err(failed)?;
    let standing = withdrawn(&periods, &again);
    let since = match subject.look {
        Look::Since(day) => Some(day),
        Look::Whole => None,
    };
    let history_of = History {
        periods: &standing,
        last_bills,
        since,
    };
    let mut nothing = None;
    let bills = match ask {
        Ask::Due(_) | Ask::Now(_) if !subject.contract.status().is_billed() => Vec::new(),
        Ask::Due(on) | Ask::Now(on) => due(&phases, history_of, *on).map_err(failed)?,
        Ask::Cycle(request) => {
            let found = generation(&phases, history_of, *request).map_err(failed)?;
            generated(found, &mut nothing)
        }
        Ask::Parts(anew) => parts_again(subject, &phases, anew, today).map_err(failed)?,
    };
    let next = next_bill_day(&phases, on).map_err(|error| subject.problem(error))?;
    Ok(Plan {
        freed: changes.freed,
        again,
        bills,
        history,
        next_bill_day: next,
        phases,
        nothing,
    })
}

fn generated(found: Generation, nothing: &mut Option<Nothing>) -> Vec<BillDue> {
    *nothing = match found {
        Generation::Due(bill) => return vec![bill],
        Generation::NoSuchCycle => Some(Nothing::NoSuchCycle),
        Generation::AlreadyBilled => Some(Nothing::AlreadyBilled),
        Generation::InDrafts(parts) => Some(Nothing::InDrafts(parts)),
    };
    Vec::new()
}

/// What of the past differs from the terms of now.
#[derive(Debug, Default)]
struct Changes {
    /// Parts of drafts that are made anew.
    freed: Vec<Uuid>,
    /// Periods on approved parts that are rated again.
    touched: Vec<BilledPeriod>,
}

fn changes(
    subject: &Subject,
    ask: &Ask,
    phases: &[PhaseBilling],
    on: Date,
) -> Result<Changes, Problem> {
    let mut changes = Changes::default();
    match ask {
        Ask::Parts(anew) => changes.freed.clone_from(&anew.parts),
        Ask::Due(_) | Ask::Now(_) | Ask::Cycle(_) => amended(subject, phases, on, &mut changes)?,
    }
    if matches!(ask, Ask::Cycle(_)) {
        // Other drafts are the next run's.
        changes.freed.clear();
    }
    adjusted_by_freed(subject, &mut changes);
    Ok(changes)
}

/// What an amendment since has changed: versions are compared one by one with the current one.
fn amended(
    subject: &Subject,
    phases: &[PhaseBilling],
    on: Date,
    changes: &mut Changes,
) -> Result<(), Problem> {
    let last = last_revisions(subject.revisions.iter().copied());
    for (version, contract) in &subject.older {
        let of_version = last.iter().filter(|one| one.contract_version == *version);
        let periods: Vec<BilledPeriod> = of_version.map(|one| one.period).collect();
        if periods.is_empty() {
            continue;
        }
        let before = subject.terms_of(contract, on)?;
        let effect = affected(&before, phases, &periods).map_err(|e| subject.problem(e))?;
        changes.freed.extend(effect.drafts);
        changes.touched.extend(effect.periods);
    }
    let bills: HashSet<Uuid> = changes.touched.iter().map(|period| period.bill).collect();
    let adjusting = last.iter().map(|one| one.period);
    let adjusting = adjusting.filter(|period| {
        let is_other = period.part != period.bill;
        period.is_draft && is_other && bills.contains(&period.bill)
    });
    changes.freed.extend(adjusting.map(|period| period.part));
    changes.freed.sort_unstable();
    changes.freed.dedup();
    Ok(())
}

/// What a freed part adjusted is looked at again.
fn adjusted_by_freed(subject: &Subject, changes: &mut Changes) {
    let is_freed =
        |period: &BilledPeriod| period.part != period.bill && changes.freed.contains(&period.part);
    let periods = subject.revisions.iter().map(|billed| billed.period);
    let gone: Vec<BilledPeriod> = periods.filter(is_freed).collect();
    let keys: HashSet<_> = gone
        .iter()
        .map(|period| (period.line, period.full))
        .collect();
    let kept = subject.revisions.iter().copied();
    let kept = kept.filter(|billed| !changes.freed.contains(&billed.period.part));
    let earlier = last_revisions(kept).into_iter().map(|billed| billed.period);
    let earlier = earlier.filter(|period| keys.contains(&(period.line, period.full)));
    changes.touched.extend(earlier);
}

/// The approved bills to be rated again: those that were touched, and for a contract that was noted all that
/// counted usage. Where a phase carries, all of its bills: each needs what the one before it left.
fn again(
    subject: &Subject,
    phases: &[PhaseBilling],
    periods: &[BilledPeriod],
    (changes, since): (&Changes, Date),
) -> Result<Vec<Again>, florin_core::billing::Error> {
    let changed: HashSet<Uuid> = changes.touched.iter().map(|period| period.bill).collect();
    let mut looked_at = changes.touched.clone();
    if subject.is_noted {
        let counted = subject.revisions.iter();
        let counted = counted.filter(|one| {
            let period = &one.period;
            one.usage_digest.is_some() && !period.is_draft && since <= period.bill_for_date
        });
        let bills: HashSet<Uuid> = counted.map(|one| one.period.bill).collect();
        let of_bills = periods.iter().filter(|one| bills.contains(&one.bill));
        looked_at.extend(of_bills);
    }
    let carrying: HashSet<Uuid> = {
        let of_touched: HashSet<Uuid> = looked_at.iter().map(|one| one.phase_id).collect();
        let phases = phases.iter().filter(|phase| phase.carries());
        let ids = phases.map(|phase| phase.phase_id);
        ids.filter(|id| of_touched.contains(id)).collect()
    };
    let of_carrying = periods
        .iter()
        .filter(|one| carrying.contains(&one.phase_id));
    looked_at.extend(of_carrying);
    let approved: Vec<BilledPeriod> = looked_at
        .into_iter()
        .filter(|period| !period.is_draft)
        .collect();
    let found = rebills(phases, periods, &approved)?.into_iter();
    let found = found.map(|rebill| Again {
        is_changed: changed.contains(&rebill.bill),
        rebill,
    });
    Ok(found.collect())
}

/// The periods as they are once the bills that were rated again are adjusted: what no longer stands is free.
fn withdrawn(periods: &[BilledPeriod], again: &[Again]) -> Vec<BilledPeriod> {
    let gone: HashSet<_> = again
        .iter()
        .flat_map(|again| &again.rebill.withdrawn)
        .map(|period| (period.line, period.full))
        .collect();
    let after = periods.iter().map(|period| {
        if gone.contains(&(period.line, period.full)) {
            period.revised(None, period.part)
        } else {
            *period
        }
    });
    after.collect()
}

/// The own charges of a draft's parts as they stand now, and the minima that they settle.
fn parts_again(
    subject: &Subject,
    phases: &[PhaseBilling],
    anew: &Anew,
    today: Date,
) -> Result<Vec<BillDue>, florin_core::billing::Error> {
    let last = last_revisions(subject.revisions.iter().copied());
    let periods: Vec<BilledPeriod> = last.iter().map(|billed| billed.period).collect();
    let mut bills: BTreeMap<Date, Vec<PartDue>> = BTreeMap::new();
    for part in &anew.parts {
        if let Some(own) = redraft(phases, &periods, *part)?.own {
            bills.entry(own.bill_for_date).or_default().push(PartDue {
                phase_id: own.phase_id,
                charges: own.charges,
            });
        }
    }
    for settling in &anew.settling {
        let phase_id = settling.phase_id;
        let mut phases = phases.iter().filter(|phase| phase.phase_id == phase_id);
        let day = phases.next().map(|phase| phase.settled_on(today));
        if let Some(day) = day.transpose()?.flatten() {
            let charges = Vec::new();
            let due = PartDue { phase_id, charges };
            bills.entry(day).or_default().push(due);
        }
    }
    let bills = bills.into_iter().map(|(bill_for_date, parts)| BillDue {
        bill_for_date,
        parts,
    });
    Ok(bills.collect())
}
