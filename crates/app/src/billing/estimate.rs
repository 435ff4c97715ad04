//! What bills would come to, before anything is kept: of a contract that is only asked for, of a change that is not made.
//!
//! Owns the two sums that are shown, of what is billed at once and of what is billed next. Nothing is written.

use florin_core::{
    address::Address,
    billing::next_bill_day,
    contract::{Contract, Taxation},
    customer::Customer,
    id::OrganisationId,
    invoice::{Draft, Item, Part, Totals, line_items},
    money::{Money, MoneyError},
};
use jiff::civil::Date;

use super::{
    generate::wanted,
    plan::Ask,
    preview::made_of,
    run::setting,
    subject::{self, Subject, Wanted},
    work::Setting,
};
use crate::{App, Error, Result, test_clock};

/// Who would buy, where it is no customer yet.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The customer that it would be.
    pub customer: Customer,
    /// Where it would be delivered to.
    pub address: Option<Address>,
}

/// What the next bills would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// What is billed at once, on all invoices together.
    pub current: Bills,
    /// What is billed on the next day on which anything is.
    pub next: Option<Bills>,
}

/// What bills come to together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bills {
    /// Their lines, then what they correct of others.
    pub lines: Vec<Item>,
    /// The day that they are for.
    pub bill_for_date: Date,
    /// Before tax.
    pub net: Money,
    /// Their taxes.
    pub tax: Money,
    /// What is to be paid.
    pub total: Money,
    /// What is given back instead, as far as a bill is below zero.
    pub credit: Money,
}

impl Bills {
    const fn nothing(day: Date, zero: Money) -> Self {
        Self {
            lines: Vec::new(),
            bill_for_date: day,
            net: zero,
            tax: zero,
            total: zero,
            credit: zero,
        }
    }

    fn and(self, parts: &[Part], totals: Totals) -> Result<Self> {
        let refused = |error: MoneyError| Error::refused(super::NOT_BILLABLE, error);
        let mut lines = self.lines;
        let items = line_items(parts, self.total.currency()).map_err(refused)?;
        lines.extend(items.lines);
        let sum = |one: Money, other: Money| {
            let sum = one.checked_add(other);
            sum.map_err(refused)
        };
        Ok(Self {
            lines,
            bill_for_date: self.bill_for_date,
            net: sum(self.net, totals.net)?,
            tax: sum(self.tax, totals.tax)?,
            total: sum(self.total, totals.total)?,
            credit: sum(self.credit, totals.credit)?,
        })
    }
}

/// What a contract that is not kept yet would be billed, bill by bill.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// Its first day, or today where that has passed.
    pub current_day: Date,
    /// All bills up to that day.
    pub current: Vec<Draft>,
    /// The next day on which anything is billed.
    pub next_day: Option<Date>,
    /// The bills of that day.
    pub next: Vec<Draft>,
    zero: Money,
}

impl Foreseen {
    /// What they come to together.
    ///
    /// # Errors
    /// [`Error::Refused`] for sums that cannot be kept.
    pub fn estimate(&self) -> Result<Estimate> {
        let sum = |day: Date, drafts: &[Draft]| {
            let mut drafts = drafts.iter();
            let nothing = Bills::nothing(day, self.zero);
            drafts.try_fold(nothing, |sum, draft| sum.and(draft.parts(), draft.totals()))
        };
        let next = self.next_day.map(|day| sum(day, &self.next));
        Ok(Estimate {
            current: sum(self.current_day, &self.current)?,
            next: next.transpose()?,
        })
    }
}

/// What a contract that is not kept yet would be billed: all up to its first day or today, then on the next day of a
/// bill.
///
/// # Errors
/// [`Error::Refused`] where it could not be billed.
pub async fn estimate(
    app: &App,
    organisation: OrganisationId,
    contract: &Contract,
    guest: Option<Guest>,
) -> Result<Estimate> {
    foresee(app, organisation, contract, guest)
        .await?
        .estimate()
}

/// The same bill by bill.
///
/// # Errors
/// As [`estimate`].
pub async fn foresee(
    app: &App,
    organisation: OrganisationId,
    contract: &Contract,
    guest: Option<Guest>,
) -> Result<Foreseen> {
    let app = match guest {
        Some(_) => app.clone(),
        None => test_clock::app_of(app, organisation, contract.header().customer_id).await?,
    };
    let setting = setting(&app, organisation, app.clock.now()).await?;
    let on = today(&setting, contract).max(contract.header().start.day());
    let next_day = next_day(contract, on)?;
    let wanted = Wanted {
        id: contract.id(),
        next_bill_day: None,
        is_whole: true,
    };
    let subject = subject_of(&setting, wanted, (contract, guest)).await?;
    let made = made_of(&setting, subject, Ask::Due(next_day.unwrap_or(on))).await?;
    let is_next = |draft: &Draft| next_day.is_some() && draft.header().bill_for_date > on;
    let (next, current) = made.drafts.into_iter().partition(is_next);
    Ok(Foreseen {
        current_day: on,
        current,
        next_day,
        next,
        zero: Money::zero(contract.header().currency),
    })
}

/// What a changed contract would be billed: now, with what differs from the bills that there are, then on the next day
/// of a bill.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where it could not be billed.
pub async fn estimate_change(
    app: &App,
    organisation: OrganisationId,
    after: &Contract,
) -> Result<Estimate> {
    let app = &test_clock::app_of_contract(app, organisation, after.id()).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let on = today(&setting, after);
    let wanted = wanted(&setting, after.id()).await?;
    let subject = subject_of(&setting, wanted, (after, None)).await?;
    let now = made_of(&setting, subject.clone(), Ask::Now(on)).await?;
    let zero = Money::zero(after.header().currency);
    let mut current = Bills::nothing(on, zero);
    let remade = now.remade.iter().map(|(_, after)| after);
    for draft in now.drafts.iter().chain(remade) {
        current = current.and(draft.parts(), draft.totals())?;
    }
    let Some(day) = next_day(after, on)? else {
        return Ok(Estimate {
            current,
            next: None,
        });
    };
    let later = made_of(&setting, subject, Ask::Now(day)).await?;
    let mut next = Bills::nothing(day, zero);
    for draft in later.drafts {
        if draft.header().bill_for_date > on {
            let (parts, totals) = without_adjustments(&draft)?;
            next = next.and(&parts, totals)?;
        }
    }
    Ok(Estimate {
        current,
        next: Some(next),
    })
}

/// The day up to which a run bills a contract.
fn today(setting: &Setting, contract: &Contract) -> Date {
    contract.day_of(setting.at).min(setting.today)
}

async fn subject_of(
    setting: &Setting,
    wanted: Wanted,
    (contract, guest): (&Contract, Option<Guest>),
) -> Result<Subject> {
    const MISSING: Error = Error::NotFound {
        resource: "contract",
    };
    let mut tx = setting.app.db.read(setting.organisation).await?;
    let contracts = (vec![contract.clone()], guest);
    let found = subject::around(&mut tx, &[wanted], contracts, setting.today).await?;
    found.into_iter().next().ok_or(MISSING)
}

/// The next day after a day on which something is billed.
fn next_day(contract: &Contract, after: Date) -> Result<Option<Date>> {
    let refused = |cause: &dyn ToString| Error::refused(super::NOT_BILLABLE, cause.to_string());
    let phases = contract.terms(&Taxation::default());
    let phases = phases.map_err(|findings| refused(&findings))?;
    next_bill_day(&phases, after).map_err(|error| refused(&error))
}

/// What a draft comes to without what it corrects of others, which is on the bill of now.
fn without_adjustments(draft: &Draft) -> Result<(Vec<Part>, Totals)> {
    let mut parts = draft.parts().to_vec();
    for part in &mut parts {
        part.adjustments.clear();
    }
    let totals = Totals::of(&parts, draft.header().currency);
    let totals = totals.map_err(|error| Error::refused(super::NOT_BILLABLE, error))?;
    Ok((parts, totals))
}
