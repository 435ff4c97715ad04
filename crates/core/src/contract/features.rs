//! Modifiers of a price as terms: what discounts, taxes, commitments, grants and the rest of a checked
//! document mean once a contract gives them dates (api reference §7.5).
//!
//! Owns the reading. Does not own the bounds, which `product_pricing` has checked, nor the arithmetic.
//! An entry that is not of its kind (a tax that a provider computes) is none.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::Value as Json;
use uuid::Uuid;

use crate::calendar::{Cadence, Delay, Error, Schedule};
use crate::commitment::{Commitment, CommitmentKind};
use crate::discount::{Discount, DiscountRule};
use crate::grant::{
    Consumption, EntitlementKind, Grant, GrantExpiry, GrantFrequency, TriggerEvent,
};
use crate::id::{EntitlementId, FeatureId};
use crate::payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms};
use crate::pool::{Pool, PoolWindow, UnitRounding};
use crate::product_pricing::number;
use crate::service_fee::{ServiceFee, ServiceFeeRule};
use crate::tax::Tax;

/// Where the periods of features are counted from, and whose features they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// The line or phase.
    pub(super) owner: Uuid,
    /// The day that periods are counted from.
    pub(super) anchor: Date,
    /// Whether periods end with the last day of a month.
    pub(super) is_last_day_of_month: bool,
    /// The billing period of the owner.
    pub(super) cadence: Option<Cadence>,
}

/// The features of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Features<'d> {
    document: &'d Json,
    grid: Grid,
}

/// One feature, with its place.
struct Entry<'d> {
    value: &'d Json,
    id: FeatureId,
}

impl Grid {
    pub(super) fn every(&self, cadence: Cadence) -> Result<Schedule, Error> {
        if self.is_last_day_of_month {
            Schedule::ending_with_month(self.anchor, cadence)
        } else {
            Ok(Schedule::new(self.anchor, cadence))
        }
    }

    /// The grid of a duration, where it is one.
    pub(super) fn at(&self, duration: &Json) -> Result<Option<Schedule>, Error> {
        let cadence = duration.as_str().map(Cadence::parse).transpose()?.flatten();
        cadence.map(|cadence| self.every(cadence)).transpose()
    }

    /// The grid of a duration that is not the billing period's.
    pub(super) fn other_than_billing(&self, duration: &Json) -> Result<Option<Schedule>, Error> {
        let schedule = self.at(duration)?;
        Ok(schedule.filter(|schedule| Some(schedule.cadence()) != self.cadence))
    }
}

impl<'d> Features<'d> {
    pub(super) const fn new(document: &'d Json, grid: Grid) -> Self {
        Self { document, grid }
    }

    /// The entries of a kind by priority, then as written.
    fn entries(&self, kind: &str) -> Vec<Entry<'d>> {
        let listed = self.document[kind].as_array().into_iter().flatten();
        let owner = self.grid.owner;
        let mut entries: Vec<Entry<'d>> = listed
            .enumerate()
            .map(|(position, value)| Entry {
                value,
                id: feature_id(owner, kind, position, value),
            })
            .collect();
        entries.sort_by_key(|entry| entry.value["priority"].as_i64().unwrap_or(i64::MAX));
        entries
    }

    pub(super) fn discounts(&self) -> Result<Vec<Discount>, Error> {
        let entries = self.entries("discounts").into_iter();
        let money = entries.filter(|entry| entry.value["type"] != "quantity");
        money.map(|entry| self.discount(&entry)).collect()
    }

    fn discount(&self, entry: &Entry<'_>) -> Result<Discount, Error> {
        let value = entry.value;
        let amount = amount(value);
        let rule = if value["type"] == "fixed" {
            DiscountRule::Fixed(amount)
        } else {
            DiscountRule::Percent(amount)
        };
        let own = self.grid.at(&value["cadence"])?;
        let period = &value["pricing_period"]["cadence"];
        Ok(Discount {
            id: entry.id,
            rule,
            max_per_period: number(&value["max_per_period"]),
            max_lifetime: number(&value["max_lifetime"]),
            cadence: own
                .map_or_else(|| self.grid.other_than_billing(period), |own| Ok(Some(own)))?,
            order: value["order"]
                .as_u64()
                .and_then(|order| order.try_into().ok()),
        })
    }

    pub(super) fn quantity_discounts(&self) -> Result<Vec<Pool>, Error> {
        let entries = self.entries("discounts").into_iter();
        let units = entries.filter(|entry| entry.value["type"] == "quantity");
        units.map(|entry| self.quantity_discount(&entry)).collect()
    }

    fn quantity_discount(&self, entry: &Entry<'_>) -> Result<Pool, Error> {
        let value = entry.value;
        let window = self.grid.at(&value["cadence"])?;
        let rounding = match value["rounding"].as_str() {
            Some("ceil") => UnitRounding::Ceil,
            Some("half_up") => UnitRounding::HalfUp,
            _ => UnitRounding::Floor,
        };
        Ok(Pool {
            id: entry.id,
            units: amount(value),
            window: window.map_or(PoolWindow::BillingPeriod, PoolWindow::Every),
            max_per_period: number(&value["max_per_period"]),
            max_lifetime: number(&value["max_lifetime"]),
            prorate_stub: (value["prorate_stub"] == true).then_some(rounding),
        })
    }

    pub(super) fn free_units(&self) -> Result<Vec<Pool>, Error> {
        let entries = self.entries("free_units").into_iter();
        let pools = entries.map(|entry| {
            let window = match entry.value["expires_at"].as_str() {
                Some("never") => PoolWindow::Life,
                Some("end_of_contract_billing_period") => self.contract_window()?,
                _ => PoolWindow::BillingPeriod,
            };
            Ok(Pool::free_units(entry.id, amount(entry.value), window))
        });
        pools.collect()
    }

    fn contract_window(&self) -> Result<PoolWindow, Error> {
        let schedule = self.grid.cadence.map(|cadence| self.grid.every(cadence));
        Ok(schedule
            .transpose()?
            .map_or(PoolWindow::Life, PoolWindow::Every))
    }

    pub(super) fn commitments(&self) -> Result<Vec<Commitment>, Error> {
        let entries = self.entries("commitments").into_iter();
        let commitments = entries.map(|entry| {
            let value = entry.value;
            let kind = if value["type"] == "maximum_spend" {
                CommitmentKind::MaximumSpend
            } else {
                CommitmentKind::MinimumSpend
            };
            Ok(Commitment {
                id: entry.id,
                kind,
                amount: amount(value),
                cadence: self.grid.at(&value["cadence"])?,
                charge_full_amount: value["charge_full_amount"] != false,
                skip_zero_amount: value["skip_zero_amount"] == true,
            })
        });
        commitments.collect()
    }

    pub(super) fn service_fees(&self) -> Vec<ServiceFee> {
        let entries = self.entries("service_fees").into_iter();
        let fees = entries.map(|entry| {
            let amount = amount(entry.value);
            let rule = if entry.value["type"] == "percentage" {
                ServiceFeeRule::Percentage(amount)
            } else {
                ServiceFeeRule::Fixed(amount)
            };
            ServiceFee { id: entry.id, rule }
        });
        fees.collect()
    }

    pub(super) fn taxes(&self) -> Vec<Tax> {
        let entries = self.entries("taxes").into_iter();
        let manual = entries.filter(|entry| entry.value["type"] != "avalara");
        let taxes = manual.map(|entry| Tax {
            id: entry.id,
            rate: amount(entry.value),
            is_compound: entry.value["is_compound"] == true,
        });
        taxes.collect()
    }

    pub(super) fn grants(&self) -> Result<Vec<Grant>, Error> {
        let entries = self.entries("grants").into_iter();
        let grants = entries.filter_map(|entry| self.grant(&entry).transpose());
        grants.collect()
    }

    fn grant(&self, entry: &Entry<'_>) -> Result<Option<Grant>, Error> {
        let value = entry.value;
        let Some(entitlement) = entitlement(&value["entitlement_id"]) else {
            return Ok(None);
        };
        Ok(Some(Grant {
            id: entry.id,
            entitlement,
            kind: kind(value),
            amount: number(&value["unit_amount"]).unwrap_or_default(),
            trigger_event: trigger(value),
            frequency: self.frequency(value)?,
            expiry: expiry(value)?,
        }))
    }

    fn frequency(&self, value: &Json) -> Result<GrantFrequency, Error> {
        if value["grant_frequency_same_as_product"] == true {
            return Ok(GrantFrequency::BillingPeriod);
        }
        let own = self.grid.at(&value["period"]["cadence"])?;
        let own = own.map_or_else(|| self.grid.at(&value["grant_period"]), |own| Ok(Some(own)))?;
        Ok(own.map_or(GrantFrequency::Once, GrantFrequency::Every))
    }

    pub(super) fn consumptions(&self) -> Vec<Consumption> {
        let entries = self.entries("consumptions").into_iter();
        let consumptions = entries.filter_map(|entry| {
            Some(Consumption {
                id: entry.id,
                entitlement: entitlement(&entry.value["entitlement"])?,
                kind: kind(entry.value),
                trigger_event: trigger(entry.value),
            })
        });
        consumptions.collect()
    }

    pub(super) fn payment_terms(&self) -> Option<PaymentTerms> {
        let entry = self.entries("payment_terms").into_iter().next()?;
        let value = entry.value;
        let (term_type, mode) = (&value["payment_term_type"], &value["payment_term_mode"]);
        Some(PaymentTerms {
            term_type: if term_type == "on_creation" {
                PaymentTermType::OnCreation
            } else {
                PaymentTermType::OnApproval
            },
            mode: if mode == "absolute" {
                PaymentTermMode::Absolute
            } else {
                PaymentTermMode::Relative
            },
            due_days: value["due_days"].as_u64()?.try_into().ok()?,
            last_day_of_month: value["last_day_of_month"] == true,
        })
    }
}

/// The newer engine calls it `value`.
fn amount(value: &Json) -> Decimal {
    let amount = number(&value["value"]).or_else(|| number(&value["unit_amount"]));
    amount.unwrap_or_default()
}

fn entitlement(value: &Json) -> Option<EntitlementId> {
    value.as_str()?.parse().ok().map(EntitlementId)
}

fn kind(value: &Json) -> EntitlementKind {
    match value["type"].as_str() {
        Some("Credits") => EntitlementKind::Credits,
        Some("Feature") => EntitlementKind::Feature,
        _ => EntitlementKind::Quantity,
    }
}

fn trigger(value: &Json) -> TriggerEvent {
    match value["trigger_event"].as_str() {
        Some("invoice_creation") => TriggerEvent::InvoiceCreation,
        Some("payment_success") => TriggerEvent::PaymentSuccess,
        Some("monitoring") => TriggerEvent::Monitoring,
        _ => TriggerEvent::InvoiceApproval,
    }
}

fn expiry(value: &Json) -> Result<GrantExpiry, Error> {
    if value["expires_at"] == "end_of_product_billing_period" {
        return Ok(GrantExpiry::BillingPeriod);
    }
    let period = value["expiry_period"].as_str();
    let after = period.map(Delay::parse).transpose()?;
    Ok(after.map_or(GrantExpiry::Never, GrantExpiry::After))
}

/// An id that stays the same from one version of the contract to the next: the feature's own, or one
/// made of its owner and of what names it there: its `id` or `identifier`, else its position.
fn feature_id(owner: Uuid, kind: &str, position: usize, value: &Json) -> FeatureId {
    let own = value["id"]
        .as_str()
        .or_else(|| value["identifier"].as_str());
    if let Some(id) = own.and_then(|text| Uuid::parse_str(text).ok()) {
        return FeatureId(id);
    }
    let name = own.map_or_else(|| position.to_string(), |own| format!("={own}"));
    let digest = fnv1a(kind.bytes().chain([0]).chain(name.bytes()));
    FeatureId(Uuid::from_u128(owner.as_u128() ^ digest))
}

/// The 128-bit hash of Fowler, Noll and Vo: not secret, only the same everywhere.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    bytes.fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}
