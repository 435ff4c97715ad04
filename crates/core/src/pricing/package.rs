//! Packages: a quantity in whole packages, where a started one counts. Owns the exact rounding up.

use rust_decimal::Decimal;

use super::arithmetic;
use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::step::{Priced, Step, StepRule};

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
/// A decimal quotient is itself rounded after 28 digits, which may hide or invent a started package;
/// the remainder is exact and decides.
pub(super) fn packages(quantity: Decimal, size: Decimal) -> Result<Decimal, PricingError> {
    let quotient = quantity.checked_div(size).ok_or(PricingError::Overflow)?;
    let remainder = quantity.checked_rem(size).ok_or(PricingError::Overflow)?;
    if remainder.is_zero() || !quotient.is_integer() {
        return Ok(quotient.ceil());
    }
    let is_rounded_up = remainder > arithmetic::sub(size, remainder)?;
    if is_rounded_up {
        Ok(quotient)
    } else {
        arithmetic::add(quotient, Decimal::ONE)
    }
}

#[cfg(test)]
mod tests;
