//! The quantity stage of a line: what is left to price after free units, quantity discounts and
//! quantity balances. Owns the order and the depletion by time.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::{Charge, CountedUsage, Error, LineFeature, Run, UnitsTaken};
use crate::calendar::{Cycle, Period};
use crate::carried::{Key, Use, WindowUse};
use crate::grant::EntitlementKind;
use crate::money::{MoneyError, exact};
use crate::pool::{Pool, PoolDraw, PoolWindow};
use crate::pricing::{PricingError, Usage, UsageRow, UsageRows};
use crate::proration::Piece;
use crate::terms::LineTerms;

/// A piece of a billing period with its quantity.
#[derive(Clone, Debug)]
pub(super) struct Measured<'a> {
    pub(super) piece: Piece,
    pub(super) usage: Cow<'a, Usage>,
    pub(super) quantity: Decimal,
    pub(super) billable: Decimal,
    /// Units that quantity balances paid for.
    pub(super) drawn: Decimal,
}

impl Run<'_> {
    /// Joins the pieces of a line with the quantities counted or typed for them.
    pub(super) fn measure<'c>(
        line: &LineTerms,
        charge: &'c Charge,
        pieces: Vec<Piece>,
    ) -> Result<Vec<Measured<'c>>, Error> {
        if line.is_metered() {
            check_windows(line, charge, &pieces)?;
        }
        let mut counted = charge.usage.iter();
        let measured = pieces.into_iter().map(|piece| {
            let usage = match (piece.quantity, counted.next()) {
                (Some(quantity), _) => Cow::Owned(Usage::Quantity(quantity)),
                (None, Some(CountedUsage { usage, .. })) => Cow::Borrowed(usage),
                (None, None) => Cow::Owned(Usage::Quantity(Decimal::ZERO)),
            };
            let quantity = usage.quantity().map_err(pricing_error(line))?;
            Ok(Measured {
                piece,
                usage,
                quantity,
                billable: quantity,
                drawn: Decimal::ZERO,
            })
        });
        measured.collect()
    }

    /// Takes off what costs nothing, in the fixed order, and says what was taken.
    pub(super) fn reduce(
        &mut self,
        line: &LineTerms,
        cycle: &Cycle,
        measured: &mut [Measured<'_>],
        features: &mut Vec<LineFeature>,
    ) -> Result<(), Error> {
        for pool in &line.free_units {
            let draws = self.draw_pool(line, pool, cycle, measured)?;
            features.push(LineFeature::FreeUnits {
                feature: pool.id,
                draws,
            });
        }
        for pool in &line.quantity_discounts {
            let draws = self.draw_pool(line, pool, cycle, measured)?;
            features.push(LineFeature::QuantityDiscount {
                feature: pool.id,
                draws,
            });
        }
        for consumption in line
            .draws()
            .filter(|draw| draw.kind == EntitlementKind::Quantity)
        {
            let wanted = wanted(line, measured)?;
            let Some(draw) = self.draw(&consumption, wanted) else {
                continue;
            };
            let draw = draw.taken();
            let taken = take_units(line, measured, draw.used);
            self.take(&draw);
            features.push(LineFeature::QuantityDraw { draw, taken });
        }
        Ok(())
    }

    /// Draws a pool down, piece by piece. Usage is a flow: each piece uses the pool up for the next. A
    /// typed quantity is a level: each piece finds the pool as the billing period found it, and the
    /// period uses as much as its highest piece.
    fn draw_pool(
        &mut self,
        line: &LineTerms,
        pool: &Pool,
        cycle: &Cycle,
        measured: &mut [Measured<'_>],
    ) -> Result<Vec<PoolDraw>, Error> {
        let key = Key::Line(line.id, pool.id);
        let life = line.schedule.life;
        let before = self.carried.find(key).cloned().unwrap_or_default();
        let mut now = before.clone();
        let mut draws = Vec::with_capacity(measured.len());
        for piece in measured {
            let period = piece.piece.period;
            let window = pool.window_at(period.start(), cycle, life)?;
            let used_before = if line.is_metered() { &now } else { &before }
                .window(window)
                .used;
            let draw = PoolDraw {
                period,
                window,
                granted: pool.granted(window, life)?,
                used_before,
                lifetime_left: lifetime_left(pool, &now, window, used_before)?,
                quantity: piece.billable,
                used: Decimal::ZERO,
            }
            .taken()?;
            piece.billable = exact::sub(piece.billable, draw.used)?;
            now.draw(&draw, cycle)?;
            draws.push(draw);
        }
        if pool.max_lifetime.is_some() || pool.window != PoolWindow::BillingPeriod {
            *self.carried.entry(key) = now;
        }
        Ok(draws)
    }
}

/// What the pool may still give for life. What other pieces of the period took of the same window is
/// not used up: the piece takes it with them.
fn lifetime_left(
    pool: &Pool,
    now: &Use,
    window: Period,
    used_before: Decimal,
) -> Result<Option<Decimal>, MoneyError> {
    let Some(cap) = pool.max_lifetime else {
        return Ok(None);
    };
    let shared = exact::sub(now.window(window).used, used_before)?;
    exact::sub(cap, exact::sub(now.lifetime, shared)?).map(Some)
}

impl Use {
    fn draw(&mut self, draw: &PoolDraw, cycle: &Cycle) -> Result<(), MoneyError> {
        let used = exact::add(draw.used_before, draw.used)?;
        let so_far = self.window(draw.window).used;
        let increase = exact::sub(used, so_far)?.max(Decimal::ZERO);
        self.lifetime = exact::add(self.lifetime, increase)?;
        let used = exact::add(so_far, increase)?;
        let kept = WindowUse {
            window: draw.window,
            used,
            base: Decimal::ZERO,
        };
        self.set_window(kept, cycle.service.start());
        Ok(())
    }
}

fn check_windows(line: &LineTerms, charge: &Charge, pieces: &[Piece]) -> Result<(), Error> {
    let given = charge.usage.iter().map(|counted| counted.window);
    let expected = pieces.iter().map(|piece| piece.period);
    if given.eq(expected.clone()) {
        return Ok(());
    }
    let (line, expected) = (line.id, expected.collect());
    Err(Error::UsageWindows { line, expected })
}

fn wanted(line: &LineTerms, measured: &[Measured<'_>]) -> Result<Decimal, MoneyError> {
    let billable = measured.iter().map(|piece| piece.billable);
    if line.is_metered() {
        exact::sum(billable)
    } else {
        Ok(billable.max().unwrap_or_default())
    }
}

/// Spreads units that were drawn over the pieces: usage in the order of time, a typed quantity in each
/// piece anew.
fn take_units(line: &LineTerms, measured: &mut [Measured<'_>], units: Decimal) -> Vec<UnitsTaken> {
    let mut left = units;
    let mut taken = Vec::with_capacity(measured.len());
    for piece in measured {
        let units = left.min(piece.billable).max(Decimal::ZERO);
        piece.billable -= units;
        piece.drawn += units;
        if line.is_metered() {
            left -= units;
        }
        taken.push(UnitsTaken {
            period: piece.piece.period,
            units,
        });
    }
    taken
}

impl Measured<'_> {
    /// The usage that is left to price.
    pub(super) fn remaining(&self) -> Result<Cow<'_, Usage>, PricingError> {
        if self.billable == self.quantity {
            return Ok(Cow::Borrowed(self.usage.as_ref()));
        }
        match self.usage.as_ref() {
            Usage::Quantity(_) => Ok(Cow::Owned(Usage::Quantity(self.billable))),
            Usage::Rows(rows) => {
                let taken = self.quantity - self.billable;
                Ok(Cow::Owned(Usage::Rows(rows_without(rows, taken)?)))
            }
        }
    }
}

/// Rows with units taken off from the first on; rows below zero have none to take.
fn rows_without(rows: &UsageRows, units: Decimal) -> Result<UsageRows, PricingError> {
    let mut left = units;
    let reduced = rows.rows().iter().map(|row| {
        let taken = left.min(row.quantity).max(Decimal::ZERO);
        left -= taken;
        UsageRow {
            dimensions: row.dimensions.clone(),
            quantity: row.quantity - taken,
        }
    });
    UsageRows::new(rows.columns().to_vec(), reduced.collect())
}

/// The usage of several pieces as one.
pub(super) fn merged<'m>(pieces: &'m [Measured<'_>]) -> Result<Cow<'m, Usage>, PricingError> {
    if let [piece] = pieces {
        return piece.remaining();
    }
    let mut quantity = Decimal::ZERO;
    let mut columns: Option<Vec<String>> = None;
    let mut all_rows = Vec::new();
    for piece in pieces {
        match piece.remaining()?.into_owned() {
            Usage::Quantity(units) => {
                quantity = quantity.checked_add(units).ok_or(PricingError::Overflow)?;
            }
            Usage::Rows(rows) => {
                all_rows.extend_from_slice(rows.rows());
                columns.get_or_insert_with(|| rows.columns().to_vec());
            }
        }
    }
    match columns {
        Some(columns) => Ok(Cow::Owned(Usage::Rows(UsageRows::new(columns, all_rows)?))),
        None => Ok(Cow::Owned(Usage::Quantity(quantity))),
    }
}

pub(super) fn pricing_error(line: &LineTerms) -> impl Fn(PricingError) -> Error + use<> {
    let line = line.id;
    move |cause| Error::Pricing { line, cause }
}
