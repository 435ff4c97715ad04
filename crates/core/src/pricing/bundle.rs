//! Bundles: one price for a product group. Owns the split of that price over the members, which
//! revenue needs. Does not own what the members are.

use rust_decimal::Decimal;

use super::error::{Findings, InvalidModel, ModelError};
use crate::id::ProductId;
use crate::money::{Money, MoneyError};

/// Members that a bundle may have at most; a group of more is a catalogue.
pub const MEMBERS_MAX: usize = 100;

/// The terms of `bundle`: each bundle costs `unit_amount`, whatever its members cost alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    unit_amount: Decimal,
    members: Vec<BundleMember>,
}

/// A product in a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleMember {
    /// The product.
    pub product_id: ProductId,
    /// What it costs alone, in major units: its weight when the bundle's price is split.
    pub stand_alone_price: Decimal,
}

impl Bundle {
    /// A bundle at `unit_amount` major units.
    ///
    /// # Errors
    ///
    /// No members or more than [`MEMBERS_MAX`], a product that is there twice, a negative
    /// stand-alone price, or none above zero.
    pub fn new(unit_amount: Decimal, members: Vec<BundleMember>) -> Result<Self, InvalidModel> {
        let mut findings = Findings::default();
        check_count(&mut findings, members.len());
        for (index, member) in members.iter().enumerate() {
            if members[..index]
                .iter()
                .any(|before| before.product_id == member.product_id)
            {
                findings.push(ModelError::Duplicate {
                    field: "members",
                    index,
                });
            }
            if member.stand_alone_price < Decimal::ZERO {
                let field = "stand_alone_price";
                findings.push(ModelError::Negative {
                    field,
                    index: Some(index),
                });
            }
        }
        if members
            .iter()
            .all(|member| member.stand_alone_price.is_zero())
        {
            findings.push(ModelError::NotPositive {
                field: "stand_alone_price",
                index: None,
            });
        }
        findings.into_result()?;
        Ok(Self {
            unit_amount,
            members,
        })
    }

    /// Price of one bundle, in major units.
    pub const fn unit_amount(&self) -> Decimal {
        self.unit_amount
    }

    /// The members, in the order in which left-over minor units are given.
    pub fn members(&self) -> &[BundleMember] {
        &self.members
    }

    /// Splits what was charged for the bundle over its members by stand-alone price; the parts sum
    /// to it (DESIGN §7).
    ///
    /// # Errors
    ///
    /// [`MoneyError::Overflow`] for stand-alone prices too far apart in size.
    pub fn split(&self, charged: Money) -> Result<Vec<(ProductId, Money)>, MoneyError> {
        let weights: Vec<Decimal> = self
            .members
            .iter()
            .map(|member| member.stand_alone_price)
            .collect();
        let products = self.members.iter().map(|member| member.product_id);
        Ok(products.zip(charged.allocate(&weights)?).collect())
    }
}

fn check_count(findings: &mut Findings, members: usize) {
    let field = "members";
    if members == 0 {
        findings.push(ModelError::Empty { field });
    }
    if members > MEMBERS_MAX {
        findings.push(ModelError::TooManyEntries {
            field,
            limit: MEMBERS_MAX,
        });
    }
}

#[cfg(test)]
mod tests;
