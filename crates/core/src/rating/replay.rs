//! Replay: a draft's amounts computed again from the operands that the draft shows, without terms,
//! prices or usage. Owns nothing but the walk: the arithmetic is that of the features.
//!
//! Results found in the draft are never read, so a draft that replays to itself proves each of them.

use rust_decimal::Decimal;

use super::draft::{Draft, InvoiceFeature, Line, LineFeature, LineKind, Priced, Share, UnitsTaken};
use super::line::line_of;
use super::phase::{net, take_off, tax_base, total};
use crate::calendar::Period;
use crate::commitment::CommitmentApplied;
use crate::currency::Currency;
use crate::discount::DiscountApplied;
use crate::grant::BalanceDraw;
use crate::money::{Money, MoneyError, exact};
use crate::pool::PoolDraw;
use crate::pricing::Step;
use crate::proration::Part;
use crate::service_fee::ServiceFeeApplied;
use crate::tax::{TaxApplied, TaxShare};

/// Why a draft cannot be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A charge has no price.
    #[error("line {0} has no price")]
    PriceMissing(usize),
    /// A feature names a line that is not there.
    #[error("there is no line {0}")]
    LineMissing(usize),
    /// An amount cannot be computed.
    #[error(transparent)]
    Rating(#[from] super::Error),
}

impl From<MoneyError> for ReplayError {
    fn from(error: MoneyError) -> ReplayError {
        ReplayError::Rating(error.into())
    }
}

/// Computes a draft again from the operands in it. The answer equals the draft, byte for byte, unless
/// somebody changed one of its numbers. (Sums that need more than a decimal's 28 digits depend on their
/// order and may differ in the last.)
///
/// # Errors
/// [`ReplayError`] when the draft is not one that rating can have made.
pub fn replay(draft: &Draft) -> Result<Draft, ReplayError> {
    let currency = draft.total.currency();
    let charges = draft
        .lines
        .iter()
        .take_while(|line| matches!(line.kind, LineKind::Charge(_)));
    let lines = charges
        .enumerate()
        .map(|(index, line)| replay_line(index, line, currency));
    let mut walk = Walk {
        draft,
        currency,
        lines: lines.collect::<Result<_, _>>()?,
        fee_base: None,
    };
    let features = draft.features.iter().map(|feature| walk.feature(feature));
    let features = features.collect::<Result<_, _>>()?;
    let taxes = draft
        .taxes
        .iter()
        .map(|tax| walk.tax(tax))
        .collect::<Result<_, _>>()?;
    Ok(total(
        draft.bill_for_date,
        walk.lines,
        features,
        taxes,
        currency,
    )?)
}

fn replay_line(index: usize, line: &Line, currency: Currency) -> Result<Line, ReplayError> {
    let price = line.features.iter().find_map(|feature| match feature {
        LineFeature::Pricing(priced) => Some(priced),
        _ => None,
    });
    let price = price.ok_or(ReplayError::PriceMissing(index))?;
    let zero = Money::zero(currency);
    let mut running = RunningLine {
        currency,
        parts: price.parts.clone(),
        exact: Decimal::ZERO,
        gross: zero,
        shown: zero,
    };
    for part in &mut running.parts {
        part.billable = part.quantity;
    }
    let features = line.features.iter().map(|feature| running.feature(feature));
    let features = features.collect::<Result<_, _>>()?;
    Ok(line_of(
        line.kind,
        line.service,
        running.gross,
        running.shown,
        features,
    )?)
}

struct RunningLine {
    currency: Currency,
    parts: Vec<Part>,
    exact: Decimal,
    gross: Money,
    shown: Money,
}

impl RunningLine {
    fn feature(&mut self, feature: &LineFeature) -> Result<LineFeature, ReplayError> {
        Ok(match feature {
            LineFeature::FreeUnits { feature, draws } => LineFeature::FreeUnits {
                feature: *feature,
                draws: self.pool(draws)?,
            },
            LineFeature::QuantityDiscount { feature, draws } => LineFeature::QuantityDiscount {
                feature: *feature,
                draws: self.pool(draws)?,
            },
            LineFeature::QuantityDraw { draw, taken } => {
                for UnitsTaken { period, units } in taken {
                    self.take(*period, *units)?;
                }
                LineFeature::QuantityDraw {
                    draw: draw.taken(),
                    taken: taken.clone(),
                }
            }
            LineFeature::Pricing(priced) => LineFeature::Pricing(self.price(priced)?),
            LineFeature::Discount(applied) => LineFeature::Discount(self.discount(applied)?),
            LineFeature::Commitment(applied) => LineFeature::Commitment(self.commit(applied)?),
            LineFeature::CreditDraw(draw) => LineFeature::CreditDraw(self.credits(draw)?),
        })
    }

    fn pool(&mut self, draws: &[PoolDraw]) -> Result<Vec<PoolDraw>, ReplayError> {
        let mut replayed = Vec::with_capacity(draws.len());
        for draw in draws {
            let draw = draw.taken()?;
            self.take(draw.period, draw.used)?;
            replayed.push(draw);
        }
        Ok(replayed)
    }

    fn take(&mut self, period: Period, units: Decimal) -> Result<(), ReplayError> {
        let holds = |part: &&mut Part| part.period.contains(period.start());
        if let Some(part) = self.parts.iter_mut().find(holds) {
            part.billable = exact::sub(part.billable, units)?;
        }
        Ok(())
    }

    fn price(&mut self, priced: &Priced) -> Result<Priced, ReplayError> {
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            part.billable = part.billable.normalize();
            for step in &mut part.steps {
                *step = replay_step(step)?;
            }
            part.amount = exact::sum(part.steps.iter().map(|step| step.amount))?;
        }
        self.exact = priced.basis.amount(&parts)?;
        self.gross = Money::round(self.exact, self.currency)?;
        self.shown = self.gross;
        Ok(Priced {
            basis: priced.basis,
            parts,
            exact: self.exact,
            gross: self.gross,
        })
    }

    fn discount(&mut self, applied: &DiscountApplied) -> Result<DiscountApplied, ReplayError> {
        let applied = applied.clone().on(self.exact)?.computed(self.currency)?;
        self.exact = exact::sub(self.exact, applied.exact)?;
        self.shown = self.shown.checked_sub(applied.amount)?;
        Ok(applied)
    }

    fn commit(&mut self, applied: &CommitmentApplied) -> Result<CommitmentApplied, ReplayError> {
        let whole = self.shown.to_major();
        let applied = applied.clone().on(whole)?.computed(self.currency)?;
        self.exact = exact::add(self.exact, applied.amount.to_major())?;
        self.shown = self.shown.checked_add(applied.amount)?;
        Ok(applied)
    }

    fn credits(&mut self, draw: &BalanceDraw) -> Result<BalanceDraw, ReplayError> {
        let wanted = BalanceDraw {
            wanted: self.shown.to_major(),
            ..*draw
        };
        let (draw, amount) = wanted.taken_in(self.currency)?;
        self.shown = self.shown.checked_sub(amount)?;
        Ok(draw)
    }
}

fn replay_step(step: &Step) -> Result<Step, ReplayError> {
    let amount = exact::add(exact::mul(step.units, step.rate)?, step.fee)?;
    Ok(Step { amount, ..*step })
}

struct Walk<'d> {
    draft: &'d Draft,
    currency: Currency,
    lines: Vec<Line>,
    fee_base: Option<Money>,
}

impl Walk<'_> {
    fn feature(&mut self, feature: &InvoiceFeature) -> Result<InvoiceFeature, ReplayError> {
        Ok(match feature {
            InvoiceFeature::Discount { applied, shares } => self.discount(applied, shares)?,
            InvoiceFeature::MinimumSpend {
                applied, counted, ..
            } => self.minimum_spend(applied, counted)?,
            InvoiceFeature::MaximumSpend { applied, shares } => {
                self.maximum_spend(applied, shares)?
            }
            InvoiceFeature::ServiceFee { applied, .. } => self.service_fee(applied)?,
            InvoiceFeature::CreditDraw { draw, shares } => self.credits(draw, shares)?,
        })
    }

    fn discount(
        &mut self,
        applied: &DiscountApplied,
        shares: &[Share],
    ) -> Result<InvoiceFeature, ReplayError> {
        let on = self.lines_of(shares)?;
        let whole = self.net_of(&on)?.to_major();
        let applied = applied.clone().on(whole)?.computed(self.currency)?;
        let shares = take_off(&mut self.lines, &on, applied.amount)?;
        Ok(InvoiceFeature::Discount { applied, shares })
    }

    fn minimum_spend(
        &mut self,
        applied: &CommitmentApplied,
        counted: &[usize],
    ) -> Result<InvoiceFeature, ReplayError> {
        if let Some(missing) = counted.iter().find(|line| **line >= self.lines.len()) {
            return Err(ReplayError::LineMissing(*missing));
        }
        let whole = self.net_of(counted)?.to_major();
        let applied = applied.clone().on(whole)?.computed(self.currency)?;
        let first_line = self.lines.len();
        for window in applied
            .windows
            .iter()
            .filter(|window| !window.amount.is_zero())
        {
            self.add_line(window.amount)?;
        }
        let counted = counted.to_vec();
        Ok(InvoiceFeature::MinimumSpend {
            applied,
            counted,
            first_line,
        })
    }

    fn maximum_spend(
        &mut self,
        applied: &CommitmentApplied,
        shares: &[Share],
    ) -> Result<InvoiceFeature, ReplayError> {
        let on = self.lines_of(shares)?;
        let whole = self.net_of(&on)?.to_major();
        let applied = applied.clone().on(whole)?.computed(self.currency)?;
        let shares = take_off(&mut self.lines, &on, applied.amount.checked_neg()?)?;
        Ok(InvoiceFeature::MaximumSpend { applied, shares })
    }

    /// All fees are charged on what the invoice has before the first.
    fn service_fee(&mut self, applied: &ServiceFeeApplied) -> Result<InvoiceFeature, ReplayError> {
        let base = match self.fee_base {
            Some(base) => base,
            None => net(&self.lines, self.currency)?,
        };
        self.fee_base = Some(base);
        let applied = ServiceFeeApplied { base, ..*applied }.computed(self.currency)?;
        let line = self.lines.len();
        self.add_line(applied.amount)?;
        Ok(InvoiceFeature::ServiceFee { applied, line })
    }

    fn credits(
        &mut self,
        draw: &BalanceDraw,
        shares: &[Share],
    ) -> Result<InvoiceFeature, ReplayError> {
        let wanted = net(&self.lines, self.currency)?.to_major();
        let (draw, amount) = BalanceDraw { wanted, ..*draw }.taken_in(self.currency)?;
        let on = self.lines_of(shares)?;
        let shares = take_off(&mut self.lines, &on, amount)?;
        Ok(InvoiceFeature::CreditDraw { draw, shares })
    }

    fn tax(&mut self, applied: &TaxApplied) -> Result<TaxApplied, ReplayError> {
        let mut applied = applied.clone();
        for TaxShare { line, base, .. } in &mut applied.shares {
            let taxed = self
                .lines
                .get(*line)
                .ok_or(ReplayError::LineMissing(*line))?;
            *base = tax_base(&applied.tax, taxed)?;
        }
        let applied = applied.computed(self.currency)?;
        for share in &applied.shares {
            let line = &mut self.lines[share.line];
            line.tax = line.tax.checked_add(share.amount)?;
        }
        Ok(applied)
    }

    /// The next line that a feature of the invoice added, with its amount computed again.
    fn add_line(&mut self, amount: Money) -> Result<(), ReplayError> {
        let position = self.lines.len();
        let line = self
            .draft
            .lines
            .get(position)
            .ok_or(ReplayError::LineMissing(position))?;
        self.lines.push(line_of(
            line.kind,
            line.service,
            amount,
            amount,
            Vec::new(),
        )?);
        Ok(())
    }

    fn lines_of(&self, shares: &[Share]) -> Result<Vec<usize>, ReplayError> {
        let missing = shares.iter().find(|share| share.line >= self.lines.len());
        match missing {
            Some(share) => Err(ReplayError::LineMissing(share.line)),
            None => Ok(shares.iter().map(|share| share.line).collect()),
        }
    }

    fn net_of(&self, on: &[usize]) -> Result<Money, ReplayError> {
        Ok(Money::sum(
            on.iter().map(|index| self.lines[*index].net),
            self.currency,
        )?)
    }
}
