//! One line of an invoice: quantity, price, then the line's own features in the order of DESIGN §7.

use rust_decimal::Decimal;

use super::amount::{Keeping, Served, apply_commitment, apply_discount};
use super::draft::{Line, LineFeature, LineKind, Priced};
use super::quantity::{Measured, merged, pricing_error};
use super::{Charge, Error, Run};
use crate::calendar::{Cycle, Period};
use crate::carried::{Key, WindowUse};
use crate::grant::EntitlementKind;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};
use crate::pricing::{self, Model, Usage, price, price_accumulated, price_overage};
use crate::proration::{Basis, Part, days_charged, pieces};
use crate::terms::LineTerms;

/// A line's amount on its way: exactly, for what is computed from it, and as it is shown.
#[derive(Clone, Copy, Debug)]
struct Running {
    exact: Decimal,
    shown: Money,
}

impl Run<'_> {
    pub(super) fn rate_line(&mut self, charge: &Charge) -> Result<Line, Error> {
        let terms = self.terms;
        let line = terms
            .lines
            .get(charge.line)
            .ok_or(Error::LineUnknown(charge.line))?;
        let cycle = &charge.cycle;
        let pieces = pieces(line, &terms.pauses, cycle)?;
        let mut measured = Self::measure(line, charge, pieces)?;
        let mut features = Vec::with_capacity(line.features_max());
        self.reduce(line, cycle, &mut measured, &mut features)?;
        let priced = self.price_line(line, &measured)?;
        let running = Running {
            exact: priced.exact,
            shown: priced.gross,
        };
        features.push(LineFeature::Pricing(priced));
        let weights = weights(line, &measured);
        let served = Served {
            full: cycle.full,
            service: cycle.service,
            life: line.schedule.life,
            weights: &weights,
        };
        let amount = self.apply_features(line, served, running, &mut features)?;
        self.add_grants(line, cycle)?;
        let kind = LineKind::Charge(line.id);
        Ok(line_of(
            kind,
            cycle.service,
            running.shown,
            amount,
            features,
        )?)
    }

    fn price_line(&mut self, line: &LineTerms, measured: &[Measured<'_>]) -> Result<Priced, Error> {
        let basis = Basis::of(line);
        let is_one_price = |left: &Measured<'_>, right: &Measured<'_>| {
            let (left, right) = (&left.piece, &right.piece);
            line.is_metered() && left.price == right.price && left.tiers == right.tiers
        };
        let groups = measured.chunk_by(is_one_price);
        let parts = groups.map(|group| self.price_part(line, group));
        let parts = parts.collect::<Result<Vec<Part>, Error>>()?;
        let exact = basis.amount(&parts)?;
        let gross = Money::round(exact, self.terms.currency)?;
        Ok(Priced {
            basis,
            parts,
            exact,
            gross,
        })
    }

    fn price_part(&mut self, line: &LineTerms, group: &[Measured<'_>]) -> Result<Part, Error> {
        let (first, last) = (&group[0].piece, &group[group.len() - 1].piece);
        let billable = exact::sum(group.iter().map(|measured| measured.billable))?;
        let overage = line.overage_pricing.as_ref().filter(|_| draws_units(line));
        let model = overage.unwrap_or(&line.prices[first.price].model);
        let priced = match first.tiers {
            _ if overage.is_some() => self.price_excess(line, model, group)?,
            Some(window) => self.price_accumulating(line, model, window, billable)?,
            None => {
                let usage = merged(group).map_err(pricing_error(line))?;
                price(model, &usage, &self.bill.context).map_err(pricing_error(line))?
            }
        };
        Ok(Part {
            period: Period::new(first.period.start(), last.period.end())?,
            days: group
                .iter()
                .map(|measured| measured.piece.period.days())
                .sum(),
            full_days: first.full.days(),
            full_start: first.full.start(),
            pricing_type: model.pricing_type(),
            quantity: exact::sum(group.iter().map(|measured| measured.quantity))?,
            // Without trailing zeros: replay finds the same number in another order of sums.
            billable: billable.normalize(),
            steps: priced.steps,
            amount: priced.amount,
        })
    }

    /// The overage price of what quantity balances did not pay for (semantics §3.6).
    fn price_excess(
        &self,
        line: &LineTerms,
        overage: &Model,
        group: &[Measured<'_>],
    ) -> Result<pricing::Priced, Error> {
        let drawn = exact::sum(group.iter().map(|measured| measured.drawn))?;
        let billable = exact::sum(group.iter().map(|measured| measured.billable))?;
        let usage = Usage::Quantity(exact::add(billable, drawn)?);
        price_overage(overage, drawn, &usage, &self.bill.context).map_err(pricing_error(line))
    }

    /// The price of usage that adds to that of earlier bills (semantics §2.5).
    fn price_accumulating(
        &mut self,
        line: &LineTerms,
        model: &Model,
        window: Period,
        quantity: Decimal,
    ) -> Result<pricing::Priced, Error> {
        let key = Key::Tiers(line.id);
        let used = self.carried.entry(key);
        let before = used.windows.iter().find(|other| other.window == window);
        let before = before.map(|window_use| window_use.used);
        let accumulated =
            price_accumulated(model, before, quantity).map_err(pricing_error(line))?;
        let now = exact::add(before.unwrap_or_default(), quantity)?;
        used.set_window(
            WindowUse {
                used: now,
                ..WindowUse::new(window)
            },
            window.start(),
        );
        Ok(accumulated.priced)
    }

    fn apply_features(
        &mut self,
        line: &LineTerms,
        served: Served<'_>,
        running: Running,
        features: &mut Vec<LineFeature>,
    ) -> Result<Money, Error> {
        let running = if line.is_v3() {
            let committed = self.apply_commitments(line, served, running, features)?;
            self.apply_discounts(line, served, committed, features)?
        } else {
            let discounted = self.apply_discounts(line, served, running, features)?;
            self.apply_commitments(line, served, discounted, features)?
        };
        self.draw_credits(line, running.shown, features)
    }

    fn apply_discounts(
        &mut self,
        line: &LineTerms,
        served: Served<'_>,
        mut running: Running,
        features: &mut Vec<LineFeature>,
    ) -> Result<Running, Error> {
        for discount in &line.discounts {
            let slices = served.slices(discount.cadence, running.exact)?;
            let keeping = self.keeping(line, discount.id, served);
            let applied = apply_discount(discount, &slices, &mut self.carried, keeping)?;
            running.exact = exact::sub(running.exact, applied.exact)?;
            running.shown = running.shown.checked_sub(applied.amount)?;
            features.push(LineFeature::Discount(applied));
        }
        Ok(running)
    }

    fn apply_commitments(
        &mut self,
        line: &LineTerms,
        served: Served<'_>,
        mut running: Running,
        features: &mut Vec<LineFeature>,
    ) -> Result<Running, Error> {
        for commitment in &line.commitments {
            let slices = served.slices(commitment.cadence, running.shown.to_major())?;
            let keeping = self.keeping(line, commitment.id, served);
            let pauses = &self.terms.pauses;
            let days = |window| days_charged(line, pauses, window);
            let applied = apply_commitment(commitment, days, &slices, &mut self.carried, keeping)?;
            running.exact = exact::add(running.exact, applied.amount.to_major())?;
            running.shown = running.shown.checked_add(applied.amount)?;
            features.push(LineFeature::Commitment(applied));
        }
        Ok(running)
    }

    fn draw_credits(
        &mut self,
        line: &LineTerms,
        mut shown: Money,
        features: &mut Vec<LineFeature>,
    ) -> Result<Money, Error> {
        for consumption in line
            .draws()
            .filter(|draw| draw.kind == EntitlementKind::Credits)
        {
            let Some(draw) = self.draw(&consumption, shown.to_major()) else {
                continue;
            };
            let (draw, amount) = draw.taken_in(self.terms.currency)?;
            shown = shown.checked_sub(amount)?;
            self.take(&draw);
            features.push(LineFeature::CreditDraw(draw));
        }
        Ok(shown)
    }

    fn add_grants(&mut self, line: &LineTerms, cycle: &Cycle) -> Result<(), Error> {
        let is_first = cycle.service.start() == line.schedule.life.start();
        for grant in &line.grants {
            self.grants.extend(grant.due(line.id, cycle, is_first)?);
        }
        Ok(())
    }

    fn keeping(&self, line: &LineTerms, feature: FeatureId, served: Served<'_>) -> Keeping {
        Keeping {
            key: Key::Line(line.id, feature),
            from: served.service.start(),
            currency: self.terms.currency,
        }
    }
}

fn draws_units(line: &LineTerms) -> bool {
    line.draws()
        .any(|draw| draw.kind == EntitlementKind::Quantity)
}

/// What each piece weighs in the line's amount: units of usage, or days times quantity.
fn weights(line: &LineTerms, measured: &[Measured<'_>]) -> Vec<(Period, Decimal)> {
    if measured.len() < 2 {
        return Vec::new();
    }
    let weight = |measured: &Measured<'_>| {
        let period = measured.piece.period;
        let days = if line.is_metered() {
            Decimal::ONE
        } else {
            Decimal::from(period.days())
        };
        (
            period,
            measured
                .billable
                .checked_mul(days)
                .unwrap_or(measured.billable),
        )
    };
    measured.iter().map(weight).collect()
}

/// A line before the invoice's features.
pub(super) fn line_of(
    kind: LineKind,
    service: Period,
    gross: Money,
    amount: Money,
    features: Vec<LineFeature>,
) -> Result<Line, MoneyError> {
    let zero = Money::zero(gross.currency());
    let discounts = features.iter().filter_map(|feature| match feature {
        LineFeature::Discount(applied) => Some(applied.amount),
        _ => None,
    });
    let discount = Money::sum(discounts, gross.currency())?;
    Ok(Line {
        kind,
        service,
        gross,
        discount,
        amount,
        net: amount,
        tax: zero,
        features,
    })
}
