//! Custom tiers: graduated tiers that each have their own type of price. Owns the types; the bounds
//! are those of plain tiers.

use rust_decimal::Decimal;

use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::package::packages;
use super::step::{Priced, Step, StepRule};
use super::tiers::{Tiers, check_length};

/// How the units inside a tier are priced: the API's `tier_type[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierType {
    /// Each unit at the tier's `unit_amount`.
    PerUnit,
    /// Whole packages of the tier's `package_sizes` entry, each at the tier's `unit_amount`.
    Package,
}

/// The terms of `custom_tiered` (semantics §2.12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomTiered {
    tiers: Tiers,
    /// Size of a tier's packages; `None` where the tier is priced per unit.
    package_sizes: Box<[Option<Decimal>]>,
}

impl CustomTiered {
    /// Tiers, with the type of each and the sizes of their packages, in parallel. An entry of
    /// `package_sizes` is read only where the type is [`TierType::Package`]; the array may be empty
    /// when no tier is.
    ///
    /// # Errors
    ///
    /// Arrays of a length other than the number of tiers, or a package size that is not above zero.
    pub fn new(
        tiers: Tiers,
        tier_type: &[TierType],
        package_sizes: &[Decimal],
    ) -> Result<Self, InvalidModel> {
        let count = tiers.tiers().len();
        let mut findings = Findings::default();
        check_length(&mut findings, "tier_type", tier_type.len(), count);
        if !package_sizes.is_empty() || tier_type.contains(&TierType::Package) {
            check_length(&mut findings, "package_sizes", package_sizes.len(), count);
        }
        for (index, (tier_type, size)) in tier_type.iter().zip(package_sizes).enumerate() {
            if *tier_type == TierType::Package && *size <= Decimal::ZERO {
                let index = Some(index);
                findings.push(ModelError::NotPositive {
                    field: "package_sizes",
                    index,
                });
            }
        }
        findings.into_result()?;

        let size = |(index, tier_type): (usize, &TierType)| match tier_type {
            TierType::PerUnit => None,
            TierType::Package => package_sizes.get(index).copied(),
        };
        Ok(Self {
            tiers,
            package_sizes: tier_type.iter().enumerate().map(size).collect(),
        })
    }

    /// Bounds, rates and fees.
    pub const fn tiers(&self) -> &Tiers {
        &self.tiers
    }

    /// Size of each tier's packages; `None` where the tier is priced per unit.
    pub fn package_sizes(&self) -> &[Option<Decimal>] {
        &self.package_sizes
    }

    /// Each tier's units by the tier's own type, plus the fee of every tier reached (DESIGN §7).
    pub(super) fn price(&self, quantity: Decimal) -> Result<Priced, PricingError> {
        self.tiers.price_reached(quantity, |tier, terms, units| {
            let step = match self.package_sizes[tier as usize] {
                None => Step::units_at(StepRule::Tier { tier }, units, terms.unit_amount)?,
                Some(size) => {
                    let rule = StepRule::TierPackages { tier };
                    Step::units_at(rule, packages(units, size)?, terms.unit_amount)?
                }
            };
            step.plus_fee(terms.flat_fee)
        })
    }
}

#[cfg(test)]
mod tests;
