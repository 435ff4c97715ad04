//! Service fees: an amount or a percentage on top of a phase's total (semantics §3.8).

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::currency::Currency;
use crate::id::FeatureId;
use crate::money::{Money, MoneyError, exact};

/// A fee on each invoice of a phase, after discounts and commitments and before tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceFee {
    /// The feature.
    pub id: FeatureId,
    /// How much.
    pub rule: ServiceFeeRule,
}

/// How much a service fee is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceFeeRule {
    /// Major units of currency.
    Fixed(Decimal),
    /// Share of what the invoice has before fees: 5 is 5 %.
    Percentage(Decimal),
}

/// A service fee as it was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFeeApplied {
    /// The fee.
    pub feature: FeatureId,
    /// Its rule.
    pub rule: ServiceFeeRule,
    /// What the invoice has before fees.
    pub base: Money,
    /// The fee.
    pub amount: Money,
}

impl ServiceFeeApplied {
    /// The fee with its amount computed from the base. A negative base bears no fee.
    pub(crate) fn computed(self, currency: Currency) -> Result<ServiceFeeApplied, MoneyError> {
        let exact = match self.rule {
            ServiceFeeRule::Fixed(amount) => amount,
            ServiceFeeRule::Percentage(percentage) => {
                exact::percent_of(percentage, self.base.to_major().max(Decimal::ZERO))?
            }
        };
        Ok(ServiceFeeApplied {
            amount: Money::round(exact, currency)?,
            ..self
        })
    }
}
