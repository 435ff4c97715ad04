//! Grants, which fill an entitlement's balance, and consumptions, which draw it down (semantics
//! §3.5, §3.6).
//!
//! Owns what a billing period grants and how much of a balance a line takes. Does not own balances:
//! they come in as they are and what was drawn goes out. Draws never exceed the balance; what it
//! does not cover is billed.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::{self, Cycle, Delay, Schedule};
use crate::currency::Currency;
use crate::id::{EntitlementId, FeatureId, LineId};
use crate::money::{Money, MoneyError};

/// What an entitlement is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntitlementKind {
    /// Units of usage, drawn before pricing.
    Quantity,
    /// Major units of the invoice's currency, drawn after pricing.
    Credits,
    /// Access to a feature: granted, never drawn by an invoice.
    Feature,
}

impl EntitlementKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Feature, Self::Quantity, Self::Credits];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feature => "Feature",
            Self::Quantity => "Quantity",
            Self::Credits => "Credits",
        }
    }

    /// The kind of an API's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What makes a grant or a consumption happen. Rating passes it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerEvent {
    /// The invoice is approved.
    InvoiceApproval,
    /// The invoice is made.
    InvoiceCreation,
    /// The invoice is paid.
    PaymentSuccess,
    /// Usage is seen.
    Monitoring,
}

impl TriggerEvent {
    /// Every trigger.
    pub const ALL: [Self; 4] = [
        Self::InvoiceApproval,
        Self::InvoiceCreation,
        Self::PaymentSuccess,
        Self::Monitoring,
    ];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvoiceApproval => "invoice_approval",
            Self::InvoiceCreation => "invoice_creation",
            Self::PaymentSuccess => "payment_success",
            Self::Monitoring => "monitoring",
        }
    }

    /// The trigger of an API's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == word)
    }
}

/// Fills an entitlement; a metered line that grants also draws from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The feature.
    pub id: FeatureId,
    /// The entitlement to fill.
    pub entitlement: EntitlementId,
    /// What it is counted in.
    pub kind: EntitlementKind,
    /// Units or major units of currency, each time.
    pub amount: Decimal,
    /// What makes it happen.
    pub trigger_event: TriggerEvent,
    /// How often.
    pub frequency: GrantFrequency,
    /// How long what is granted lasts.
    pub expiry: GrantExpiry,
}

/// How often a grant is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantFrequency {
    /// With the line's first billing period only.
    Once,
    /// With each billing period (`grant_frequency_same_as_product`).
    BillingPeriod,
    /// At each start of a period of its own that lies in the service billed.
    Every(Schedule),
}

/// How long a grant lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantExpiry {
    /// For ever.
    Never,
    /// To the end of the billing period that gave it (`end_of_product_billing_period`).
    BillingPeriod,
    /// For so long from its first day.
    After(Delay),
}

/// Draws an entitlement down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consumption {
    /// The feature.
    pub id: FeatureId,
    /// The entitlement to draw from.
    pub entitlement: EntitlementId,
    /// What it is counted in.
    pub kind: EntitlementKind,
    /// What makes the draw final.
    pub trigger_event: TriggerEvent,
}

/// What an entitlement has for this invoice, over all its grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The entitlement.
    pub entitlement: EntitlementId,
    /// Units or major units of currency.
    pub available: Decimal,
}

/// A grant that the invoice gives rise to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantDue {
    /// The line that grants.
    pub line: LineId,
    /// The grant.
    pub feature: FeatureId,
    /// The entitlement to fill.
    pub entitlement: EntitlementId,
    /// What it is counted in.
    pub kind: EntitlementKind,
    /// Units or major units of currency.
    pub amount: Decimal,
    /// What makes it happen.
    pub trigger_event: TriggerEvent,
    /// First day.
    pub active_from: Date,
    /// First day on which it is gone.
    pub expires_on: Option<Date>,
}

/// What was taken from a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceDraw {
    /// The grant or consumption that draws.
    pub feature: FeatureId,
    /// The entitlement drawn from.
    pub entitlement: EntitlementId,
    /// What makes the draw final.
    pub trigger_event: TriggerEvent,
    /// The balance before.
    pub available: Decimal,
    /// What was wanted.
    pub wanted: Decimal,
    /// What was taken.
    pub used: Decimal,
}

impl BalanceDraw {
    /// The draw with `used` computed: the lesser of balance and wish, never below zero.
    pub(crate) fn taken(self) -> BalanceDraw {
        let used = self.wanted.min(self.available).max(Decimal::ZERO);
        BalanceDraw { used, ..self }
    }

    /// The draw of an amount of money: whole minor units, so that a balance with finer digits is
    /// never overdrawn.
    pub(crate) fn taken_in(self, currency: Currency) -> Result<(BalanceDraw, Money), MoneyError> {
        let taken = self
            .taken()
            .used
            .trunc_with_scale(u32::from(currency.minor_digits()));
        let amount = Money::round(taken, currency)?;
        Ok((
            BalanceDraw {
                used: amount.to_major(),
                ..self
            },
            amount,
        ))
    }

    /// The balance after.
    pub fn remaining(&self) -> Decimal {
        self.available - self.used
    }
}

impl Grant {
    /// The draw that a grant implies for its own line, if that is metered.
    pub fn consumption(&self) -> Consumption {
        let Grant {
            id,
            entitlement,
            kind,
            trigger_event,
            ..
        } = *self;
        Consumption {
            id,
            entitlement,
            kind,
            trigger_event,
        }
    }

    /// What a billing period grants.
    pub(crate) fn due(
        &self,
        line: LineId,
        cycle: &Cycle,
        is_first: bool,
    ) -> Result<Vec<GrantDue>, calendar::Error> {
        let starts = match self.frequency {
            GrantFrequency::Once if !is_first => Vec::new(),
            GrantFrequency::Once | GrantFrequency::BillingPeriod => vec![cycle.service.start()],
            GrantFrequency::Every(schedule) => {
                let windows = schedule.split(cycle.service)?;
                let starts = windows.iter().map(|window| window.start());
                starts
                    .filter(|start| is_first || schedule.starts_on(*start))
                    .collect()
            }
        };
        starts
            .into_iter()
            .map(|start| self.due_from(line, cycle, start))
            .collect()
    }

    fn due_from(
        &self,
        line: LineId,
        cycle: &Cycle,
        active_from: Date,
    ) -> Result<GrantDue, calendar::Error> {
        let Grant {
            id: feature,
            entitlement,
            kind,
            amount,
            trigger_event,
            ..
        } = *self;
        let expires_on = match self.expiry {
            GrantExpiry::Never => None,
            GrantExpiry::BillingPeriod => Some(cycle.service.end()),
            GrantExpiry::After(delay) => Some(delay.after(active_from)?),
        };
        let due = GrantDue {
            line,
            feature,
            entitlement,
            kind,
            amount,
            trigger_event,
            active_from,
            expires_on,
        };
        Ok(due)
    }
}
