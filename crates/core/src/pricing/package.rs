//! Packages: a quantity in whole packages, where a started one counts. Owns the exact rounding up.

use rust_decimal::Decimal;

use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::step::{Priced, Step, StepRule};
use crate::decimal::whole_at;

/// The terms of `package` (semantics §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    package_size: Decimal,
    unit_amount: Decimal,
}

impl Package {
    /// Packages of `package_size` units at `unit_amount` each.
    ///
    /// # Errors
    ///
    /// When the size is zero or negative.
    pub fn new(package_size: Decimal, unit_amount: Decimal) -> Result<Self, InvalidModel> {
        let mut findings = Findings::default();
        if package_size <= Decimal::ZERO {
            findings.push(ModelError::NotPositive {
                field: "package_size",
                index: None,
            });
        }
        findings.into_result()?;
        Ok(Self {
            package_size,
            unit_amount,
        })
    }

    /// Units in a package.
    pub const fn package_size(&self) -> Decimal {
        self.package_size
    }

    /// Price of a package.
    pub const fn unit_amount(&self) -> Decimal {
        self.unit_amount
    }

    pub(super) fn price(&self, quantity: Decimal) -> Result<Priced, PricingError> {
        let packages = packages(quantity, self.package_size)?;
        let step = Step::units_at(StepRule::Packages, packages, self.unit_amount)?;
        Ok(Priced::from_step(step))
    }
}

/// How many packages of a positive size hold a quantity of zero or more: the quotient rounded up.
///
/// A decimal quotient is rounded after 28 digits, which may hide or invent a started package; whole
/// numbers are exact. [`PricingError::Overflow`] when quantity and size are too far apart for that.
pub(super) fn packages(quantity: Decimal, size: Decimal) -> Result<Decimal, PricingError> {
    let (quantity, size) = (quantity.normalize(), size.normalize());
    let scale = quantity.scale().max(size.scale());
    let Some(size) = whole_at(size, scale) else {
        // At this scale the quantity is its own mantissa, far below any size that does not fit.
        return Ok(if quantity.is_zero() {
            Decimal::ZERO
        } else {
            Decimal::ONE
        });
    };
    let quantity = whole_at(quantity, scale).ok_or(PricingError::Overflow)?;
    let packages = i128::try_from(quantity.div_ceil(size)).map_err(|_| PricingError::Overflow)?;
    Decimal::try_from_i128_with_scale(packages, 0).map_err(|_| PricingError::Overflow)
}

#[cfg(test)]
mod tests;
