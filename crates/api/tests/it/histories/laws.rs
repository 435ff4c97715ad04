//! What holds after every history (DESIGN §13): nothing is billed twice, invoices are the sum of their lines, numbers
//! have no gaps, what is approved stays as it is, what was agreed is charged, books are right.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use florin_core::{
    billing::{BilledPeriod, LineKey},
    calendar::Period,
    contract::Contract,
    id::LineId,
    invoice::{Issued, Part},
    money::Money,
    rating::LineKind,
};
use florin_store::{
    self as store,
    billed_period::{AdjustmentsOf, Billed, last_revisions},
    invoice::Invoice,
};
use florin_testkit::{TestApp, scenario};
use jiff::civil::Date;
use uuid::Uuid;

use super::agreed::{self, Event};
use crate::billing::invoices;

/// Invoices as they were when they were first seen approved.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<Uuid, Issued>);

type Law = Result<(), String>;

impl Seen {
    /// Remembers what is newly approved.
    pub(super) async fn look(&mut self, app: &TestApp) {
        for invoice in invoices(app).await {
            if let Invoice::Issued(issued) = invoice {
                self.0.entry(issued.id()).or_insert(issued);
            }
        }
    }

    pub(super) fn issued(&self) -> Vec<Uuid> {
        self.0.keys().copied().collect()
    }

    /// # Errors
    /// The first law that is broken.
    pub(super) async fn laws(&self, app: &TestApp, (events, today): (&[Event], Date)) -> Law {
        let invoices = invoices(app).await;
        let contracts = contracts(app).await;
        for invoice in &invoices {
            is_sum_of_lines(invoice)?;
        }
        self.are_unchanged(&invoices)?;
        numbers_have_no_gaps(&invoices)?;
        nothing_is_billed_twice(app, &contracts, &invoices).await?;
        for contract in &contracts {
            what_was_agreed_is_charged(contract, &invoices, (events, today))?;
        }
        payments_are_not_overspent(app).await?;
        scenario::check_invariants(app).await
    }

    /// What was approved says what it said then.
    fn are_unchanged(&self, invoices: &[Invoice]) -> Law {
        let now: BTreeMap<Uuid, &Issued> = invoices
            .iter()
            .filter_map(|invoice| match invoice {
                Invoice::Issued(issued) => Some((issued.id(), issued)),
                Invoice::Draft(_) => None,
            })
            .collect();
        for (id, then) in &self.0 {
            let now = now
                .get(id)
                .ok_or(format!("the approved invoice {id} is gone"))?;
            let is_same = then.number() == now.number()
                && then.header() == now.header()
                && then.parts() == now.parts()
                && then.totals() == now.totals();
            if !is_same {
                return Err(format!(
                    "the approved invoice {} has changed",
                    then.number()
                ));
            }
            if now.amount_due().minor() < 0 {
                return Err(format!("of {} less than nothing is due", now.number()));
            }
        }
        Ok(())
    }
}

fn is_sum_of_lines(invoice: &Invoice) -> Law {
    let totals = crate::billing::totals(invoice);
    let (mut net, mut tax) = (0, 0);
    for part in invoice.parts() {
        let lines = part.rated.lines.iter().map(|line| (line.net, line.tax));
        let adjustments = part.adjustments.iter().map(|one| (one.net, one.tax));
        for (one, of_tax) in lines.chain(adjustments) {
            net += one.minor();
            tax += of_tax.minor();
        }
    }
    let cents = |minor: i64| Money::from_minor(minor, totals.net.currency());
    let is_same = totals.net == cents(net)
        && totals.tax == cents(tax)
        && totals.total == cents((net + tax).max(0))
        && totals.credit == cents((-net - tax).max(0));
    match is_same {
        true => Ok(()),
        false => Err(format!("lines of {net} and {tax} of tax are {totals:?}")),
    }
}

fn numbers_have_no_gaps(invoices: &[Invoice]) -> Law {
    let numbers: BTreeSet<String> = invoices
        .iter()
        .filter_map(|invoice| match invoice {
            Invoice::Issued(issued) => Some(issued.number().to_owned()),
            Invoice::Draft(_) => None,
        })
        .collect();
    let count = invoices
        .iter()
        .filter(|one| matches!(one, Invoice::Issued(_)))
        .count();
    let expected: BTreeSet<String> = (1..=count)
        .map(|number| format!("INV-{number:04}"))
        .collect();
    match numbers == expected {
        true => Ok(()),
        false => Err(format!("{count} invoices have the numbers {numbers:?}")),
    }
}

/// No day of a line is charged by two bills, and nothing is left of a period that was taken back.
async fn nothing_is_billed_twice(
    app: &TestApp,
    contracts: &[Contract],
    invoices: &[Invoice],
) -> Law {
    let ids: Vec<Uuid> = contracts.iter().map(Contract::id).collect();
    let mut tx = app.read().await;
    let revisions = store::billed_period::revisions_of_contracts(&mut tx, &ids, None).await;
    let revisions = revisions.unwrap();
    let bills: BTreeSet<Uuid> = revisions.iter().map(|billed| billed.period.bill).collect();
    let bills: Vec<Uuid> = bills.into_iter().collect();
    let adjusted = store::billed_period::adjustments_of(&mut tx, &bills).await;
    let charged = charged((&revisions, &adjusted.unwrap()), invoices);
    let mut served: BTreeMap<LineId, Vec<Period>> = BTreeMap::new();
    for billed in last_revisions(revisions) {
        let period = billed.period;
        let cents = charged.get(&key(&period));
        let cents = cents.copied().unwrap_or_default();
        if period.is_withdrawn && cents != 0 {
            return Err(format!("{cents} cents of {period:?} are left"));
        }
        if cents != 0 {
            served.entry(period.line).or_default().push(period.service);
        }
    }
    for (line, mut periods) in served {
        periods.sort_by_key(|period| period.start());
        let twice = periods
            .windows(2)
            .find(|pair| pair[1].start() < pair[0].end());
        if let Some(pair) = twice {
            return Err(format!("line {line:?} is billed twice: {pair:?}"));
        }
    }
    Ok(())
}

/// A bill, a line and the first day of a whole period.
type Key = (Uuid, LineId, Date);

fn key(period: &BilledPeriod) -> Key {
    (period.bill, period.line, period.full.start())
}

/// The net cents of each period of a line: its bill and the adjustments of that.
fn charged(
    (revisions, adjusted): (&[Billed], &[AdjustmentsOf]),
    invoices: &[Invoice],
) -> HashMap<Key, i64> {
    let parts: HashMap<Uuid, &Part> = invoices
        .iter()
        .flat_map(Invoice::parts)
        .map(|part| (part.id, part))
        .collect();
    let mut charged: HashMap<Key, i64> = HashMap::new();
    for period in revisions.iter().map(|billed| billed.period) {
        let own = parts
            .get(&period.part)
            .filter(|_| period.part == period.bill);
        let mut lines = own.iter().flat_map(|part| &part.rated.lines);
        let line = lines.find(|line| {
            line.kind == LineKind::Charge(period.line) && line.service == period.service
        });
        let cents = line.map_or(0, |line| line.net.minor());
        *charged.entry(key(&period)).or_default() += cents;
    }
    for of in adjusted {
        let all = parts.get(&of.part).map(|part| part.adjustments.iter());
        let own = all.into_iter().flatten().skip(of.position).take(of.count);
        for adjustment in own {
            if let LineKey::Charge { line, from } = adjustment.key {
                *charged.entry((of.bill, line, from)).or_default() += adjustment.net.minor();
            }
        }
    }
    charged
}

/// Bills, made anew or not, and their adjustments come to what the contract would have cost from the beginning.
fn what_was_agreed_is_charged(
    contract: &Contract,
    invoices: &[Invoice],
    (events, today): (&[Event], Date),
) -> Law {
    let charged = agreed::charged(contract.id(), invoices);
    let agreed = agreed::agreed(contract, events, today);
    match charged == agreed {
        true => Ok(()),
        false => Err(format!(
            "{charged} cents are charged for the contract {}, {agreed} were agreed",
            contract.id()
        )),
    }
}

/// Every contract, renewals too.
async fn contracts(app: &TestApp) -> Vec<Contract> {
    let parameters = [("limit".to_owned(), "1000".to_owned())];
    let query = store::list::parse(&store::contract::LIST, &parameters).unwrap();
    let mut tx = app.read().await;
    store::contract::page(&mut tx, &query)
        .await
        .unwrap()
        .results
}

/// A payment is for invoices up to its amount.
async fn payments_are_not_overspent(app: &TestApp) -> Law {
    let parameters = [("limit".to_owned(), "1000".to_owned())];
    let query = store::list::parse(&store::payment::LIST, &parameters).unwrap();
    let mut tx = app.read().await;
    for kept in store::payment::page(&mut tx, &query).await.unwrap().results {
        let payment = kept.payment;
        let parts: i64 = payment.parts.iter().map(|part| part.amount.minor()).sum();
        if parts > payment.amount.minor() {
            return Err(format!(
                "{parts} of the payment {} are allocated",
                payment.amount
            ));
        }
    }
    Ok(())
}
