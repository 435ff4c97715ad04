//! From the lines to the invoice: the phase's features in the order of DESIGN §7, taxes, totals.

use jiff::civil::Date;

use super::amount::{Keeping, Slice, apply_commitment, apply_discount};
use super::draft::{Draft, InvoiceFeature, Line, LineKind, Share};
use super::line::line_of;
use super::{Charge, Error, Run};
use crate::calendar::{Period, Schedule, Timing};
use crate::carried::Key;
use crate::commitment::{Commitment, CommitmentApplied, CommitmentKind};
use crate::currency::Currency;
use crate::grant::EntitlementKind;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};
use crate::service_fee::{ServiceFee, ServiceFeeApplied};
use crate::tax::{Tax, TaxApplied, TaxShare, spread};
use crate::terms::PhaseDiscount;

/// The lines of an invoice with the day by which each counts in the periods of a phase's features.
struct Invoice {
    lines: Vec<Line>,
    /// For each charge, the day it is billed for: prepaid its first, postpaid its last (DESIGN §7:
    /// what counts is what was billed in the period).
    days: Vec<Date>,
    features: Vec<InvoiceFeature>,
}

impl Run<'_> {
    pub(super) fn rate_phase(&mut self, lines: Vec<Line>) -> Result<Draft, Error> {
        let days = self
            .bill
            .charges
            .iter()
            .map(|charge| self.billed_day(charge))
            .collect();
        let mut invoice = Invoice {
            lines,
            days,
            features: Vec::new(),
        };
        for discount in &self.terms.discounts {
            self.apply_phase_discount(discount, &mut invoice)?;
        }
        for commitment in &self.terms.commitments {
            self.apply_phase_commitment(commitment, &mut invoice)?;
        }
        let before_fees = net(&invoice.lines, self.terms.currency)?;
        for fee in &self.terms.service_fees {
            self.add_service_fee(fee, before_fees, &mut invoice)?;
        }
        self.draw_phase_credits(&mut invoice)?;
        let taxes = self.apply_taxes(&mut invoice.lines)?;
        total(
            self.bill.bill_for_date,
            invoice.lines,
            invoice.features,
            taxes,
            self.terms.currency,
        )
    }

    fn billed_day(&self, charge: &Charge) -> Date {
        let service = charge.cycle.service;
        match self.terms.lines[charge.line].schedule.offset.timing {
            Timing::Prepaid => service.start(),
            Timing::Postpaid => service.last_day(),
        }
    }

    fn apply_phase_discount(
        &mut self,
        terms: &PhaseDiscount,
        invoice: &mut Invoice,
    ) -> Result<(), Error> {
        let is_meant = |line: &Line| match (terms.line, line.kind) {
            (Some(target), LineKind::Charge(id)) => target == id,
            (target, _) => target.is_none(),
        };
        let on: Vec<usize> = (0..invoice.lines.len())
            .filter(|index| is_meant(&invoice.lines[*index]))
            .collect();
        if on.is_empty() {
            return Ok(());
        }
        let discount = &terms.discount;
        let slices = self.phase_slices(discount.cadence, &on, invoice)?;
        let keeping = self.phase_keeping(discount.id, invoice);
        let applied = apply_discount(discount, &slices, &mut self.carried, keeping)?;
        let shares = take_off(&mut invoice.lines, &on, applied.amount)?;
        invoice
            .features
            .push(InvoiceFeature::Discount { applied, shares });
        Ok(())
    }

    fn apply_phase_commitment(
        &mut self,
        commitment: &Commitment,
        invoice: &mut Invoice,
    ) -> Result<(), Error> {
        let Some(schedule) = commitment.cadence else {
            return Ok(());
        };
        let slices = match commitment.kind {
            CommitmentKind::MinimumSpend => self.settling_slices(commitment, schedule, invoice)?,
            CommitmentKind::MaximumSpend => {
                let all: Vec<usize> = (0..invoice.days.len()).collect();
                self.phase_slices(Some(schedule), &all, invoice)?
            }
        };
        let keeping = self.phase_keeping(commitment.id, invoice);
        let terms = self.terms;
        let days = |window| terms.days_in_force(window);
        let applied = apply_commitment(commitment, days, &slices, &mut self.carried, keeping)?;
        let on = lines_within(&slices, invoice);
        match commitment.kind {
            CommitmentKind::MinimumSpend => self.add_top_ups(applied, on, invoice),
            CommitmentKind::MaximumSpend => {
                let shares = take_off(&mut invoice.lines, &on, applied.amount.checked_neg()?)?;
                invoice
                    .features
                    .push(InvoiceFeature::MaximumSpend { applied, shares });
                Ok(())
            }
        }
    }

    /// The windows of a minimum that this bill settles or reaches into, oldest first. A window is
    /// settled by the first bill for its end or later; what is billed for it afterwards does not
    /// count any more.
    fn settling_slices(
        &mut self,
        commitment: &Commitment,
        schedule: Schedule,
        invoice: &Invoice,
    ) -> Result<Vec<Slice>, Error> {
        let key = Key::Phase(commitment.id);
        let settled_until = self.carried.find(key).and_then(|used| used.settled_until);
        let mut from = settled_until.unwrap_or(self.terms.life.start());
        let last_day = invoice.days.iter().copied().max();
        let mut slices = Vec::new();
        while self.terms.life.end().is_none_or(|end| from < end) {
            let window = schedule.period_at(from)?;
            let is_last_bill = self.window_end(window) <= self.bill.bill_for_date;
            if !is_last_bill && last_day.is_none_or(|day| day < window.start()) {
                break;
            }
            let amount = invoice.net_in(window, self.terms.currency)?.to_major();
            slices.push(Slice {
                window,
                amount,
                is_last_bill,
            });
            from = window.end();
        }
        let settled = slices.iter().filter(|slice| slice.is_last_bill);
        let settled = settled.map(|slice| slice.window.end()).max();
        self.carried.entry(key).settled_until = settled.or(settled_until);
        Ok(slices)
    }

    /// First day on which nothing more is served in a window.
    fn window_end(&self, window: Period) -> Date {
        self.terms
            .life
            .end()
            .map_or(window.end(), |end| end.min(window.end()))
    }

    fn add_top_ups(
        &mut self,
        applied: CommitmentApplied,
        counted: Vec<usize>,
        invoice: &mut Invoice,
    ) -> Result<(), Error> {
        let first_line = invoice.lines.len();
        for window in applied
            .windows
            .iter()
            .filter(|window| !window.amount.is_zero())
        {
            let kind = LineKind::CommitmentTopUp(applied.feature);
            let service = self
                .terms
                .life
                .intersection(window.window)
                .unwrap_or(window.window);
            invoice.lines.push(line_of(
                kind,
                service,
                window.amount,
                window.amount,
                Vec::new(),
            )?);
        }
        invoice.features.push(InvoiceFeature::MinimumSpend {
            applied,
            counted,
            first_line,
        });
        Ok(())
    }

    fn add_service_fee(
        &mut self,
        fee: &ServiceFee,
        base: Money,
        invoice: &mut Invoice,
    ) -> Result<(), Error> {
        let currency = self.terms.currency;
        let amount = Money::zero(currency);
        let applied = ServiceFeeApplied {
            feature: fee.id,
            rule: fee.rule,
            base,
            amount,
        };
        let applied = applied.computed(currency)?;
        let line = invoice.lines.len();
        let service = invoice
            .service()
            .map_or_else(|| Period::day(self.bill.bill_for_date), Ok)?;
        let kind = LineKind::ServiceFee(fee.id);
        invoice.lines.push(line_of(
            kind,
            service,
            applied.amount,
            applied.amount,
            Vec::new(),
        )?);
        invoice
            .features
            .push(InvoiceFeature::ServiceFee { applied, line });
        Ok(())
    }

    fn draw_phase_credits(&mut self, invoice: &mut Invoice) -> Result<(), Error> {
        let currency = self.terms.currency;
        let all: Vec<usize> = (0..invoice.lines.len()).collect();
        for consumption in &self.terms.consumptions {
            if consumption.kind != EntitlementKind::Credits {
                continue;
            }
            let wanted = net(&invoice.lines, currency)?.to_major();
            let Some(draw) = self.draw(consumption, wanted) else {
                continue;
            };
            let (draw, amount) = draw.taken_in(currency)?;
            self.take(&draw);
            let shares = take_off(&mut invoice.lines, &all, amount)?;
            invoice
                .features
                .push(InvoiceFeature::CreditDraw { draw, shares });
        }
        Ok(())
    }

    /// Taxes of the lines first, one for each rate; then those of the phase, on every line.
    fn apply_taxes(&self, lines: &mut [Line]) -> Result<Vec<TaxApplied>, Error> {
        let mut taxes = Vec::with_capacity(self.terms.taxes.len());
        let own = |index: usize| {
            self.terms.lines[self.bill.charges[index].line]
                .taxes
                .as_slice()
        };
        let charges = 0..self.bill.charges.len();
        let mut seen: Vec<Tax> = Vec::new();
        for tax in charges.clone().flat_map(own) {
            if seen.iter().any(|other| other.is_same_rate(tax)) {
                continue;
            }
            seen.push(*tax);
            let bears = |index: &usize| own(*index).iter().any(|other| other.is_same_rate(tax));
            taxes.push(self.apply_tax(*tax, charges.clone().filter(bears), lines)?);
        }
        for tax in &self.terms.taxes {
            taxes.push(self.apply_tax(*tax, 0..lines.len(), lines)?);
        }
        Ok(taxes)
    }

    fn apply_tax(
        &self,
        tax: Tax,
        on: impl Iterator<Item = usize>,
        lines: &mut [Line],
    ) -> Result<TaxApplied, Error> {
        let currency = self.terms.currency;
        let zero = Money::zero(currency);
        let shares = on.map(|line| {
            let base = tax_base(&tax, &lines[line])?;
            Ok(TaxShare {
                line,
                base,
                amount: zero,
            })
        });
        let shares = shares.collect::<Result<_, Error>>()?;
        let applied = TaxApplied {
            tax,
            base: zero,
            amount: zero,
            shares,
        }
        .computed(currency)?;
        for share in &applied.shares {
            lines[share.line].tax = lines[share.line].tax.checked_add(share.amount)?;
        }
        Ok(applied)
    }

    /// A bill of a phase by the windows of a feature; without a cadence the bill is one window.
    fn phase_slices(
        &self,
        cadence: Option<Schedule>,
        on: &[usize],
        invoice: &Invoice,
    ) -> Result<Vec<Slice>, Error> {
        let mut slices: Vec<Slice> = Vec::new();
        for index in on {
            let line = &invoice.lines[*index];
            let window = match cadence {
                Some(schedule) => schedule.period_at(invoice.days[*index])?,
                None => invoice.service().unwrap_or(line.service),
            };
            let end = self.window_end(window);
            let is_last_bill = end <= line.service.end().max(self.bill.bill_for_date);
            let amount = line.net.to_major();
            match slices.iter_mut().find(|slice| slice.window == window) {
                Some(slice) => {
                    slice.amount = exact::add(slice.amount, amount)?;
                    slice.is_last_bill |= is_last_bill;
                }
                None => slices.push(Slice {
                    window,
                    amount,
                    is_last_bill,
                }),
            }
        }
        Ok(slices)
    }

    fn phase_keeping(&self, feature: FeatureId, invoice: &Invoice) -> Keeping {
        let oldest = invoice.days.iter().copied().min();
        Keeping {
            key: Key::Phase(feature),
            from: oldest.unwrap_or(self.bill.bill_for_date),
            currency: self.terms.currency,
        }
    }
}

fn lines_within(slices: &[Slice], invoice: &Invoice) -> Vec<usize> {
    let is_within = |day: Date| slices.iter().any(|slice| slice.window.contains(day));
    (0..invoice.days.len())
        .filter(|index| is_within(invoice.days[*index]))
        .collect()
}

impl Invoice {
    /// What the charges that count in a window come to.
    fn net_in(&self, window: Period, currency: Currency) -> Result<Money, MoneyError> {
        let charges = self.days.iter().zip(&self.lines);
        let inside = charges.filter(|(day, _)| window.contains(**day));
        Money::sum(inside.map(|(_, line)| line.net), currency)
    }

    /// From the first to the last day served by any charge.
    fn service(&self) -> Option<Period> {
        let services = self.lines.iter().map(|line| line.service);
        let (start, end) = services.fold((None, None), |(start, end), service| {
            let start = start.map_or(service.start(), |start: Date| start.min(service.start()));
            let end = end.map_or(service.end(), |end: Date| end.max(service.end()));
            (Some(start), Some(end))
        });
        Period::new(start?, end?).ok()
    }
}

/// What a line is taxed on: its net; for a compound tax with the taxes before.
pub(super) fn tax_base(tax: &Tax, line: &Line) -> Result<Money, Error> {
    if tax.is_compound {
        Ok(line.net.checked_add(line.tax)?)
    } else {
        Ok(line.net)
    }
}

/// Takes an amount off some lines, in proportion to their net.
pub(super) fn take_off(
    lines: &mut [Line],
    on: &[usize],
    amount: Money,
) -> Result<Vec<Share>, Error> {
    let nets: Vec<Money> = on.iter().map(|index| lines[*index].net).collect();
    let amounts = spread(amount, &nets)?;
    let shares = on.iter().zip(amounts).map(|(line, amount)| Share {
        line: *line,
        amount,
    });
    let shares: Vec<Share> = shares.collect();
    for share in &shares {
        let line = &mut lines[share.line];
        line.net = line.net.checked_sub(share.amount)?;
    }
    Ok(shares)
}

pub(super) fn net(lines: &[Line], currency: Currency) -> Result<Money, Error> {
    Ok(Money::sum(lines.iter().map(|line| line.net), currency)?)
}

/// The totals. Below zero nothing is to be paid and the rest is a credit (DESIGN §7).
pub(super) fn total(
    bill_for_date: Date,
    lines: Vec<Line>,
    features: Vec<InvoiceFeature>,
    taxes: Vec<TaxApplied>,
    currency: Currency,
) -> Result<Draft, Error> {
    let net = net(&lines, currency)?;
    let tax = Money::sum(taxes.iter().map(|tax| tax.amount), currency)?;
    let sum = net.checked_add(tax)?;
    let zero = Money::zero(currency);
    let (total, credit) = if sum.is_negative() {
        (zero, sum.checked_neg()?)
    } else {
        (sum, zero)
    };
    Ok(Draft {
        bill_for_date,
        lines,
        features,
        taxes,
        net,
        tax,
        total,
        credit,
    })
}
