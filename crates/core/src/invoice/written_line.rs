//! Lines as people write them. Owns their bounds and what is assumed where nothing is said.

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{LineLabel, OneOffLine};
use crate::calendar::Period;
use crate::discount::Discount;
use crate::id::{FeatureId, LineId};
use crate::pricing::Model;
use crate::tax::Tax;

/// A line as a person writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenLine {
    /// What documents call it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// What one unit is called.
    pub unit: Option<String>,
    /// What several are called.
    pub units: Option<String>,
    /// Units; 1 unless told.
    pub quantity: Option<Decimal>,
    /// Price of a unit, in major units.
    pub unit_amount: Decimal,
    /// First day served; the day that the invoice is for unless told.
    pub service_start_date: Option<Date>,
    /// First day after; one day later unless told.
    pub service_end_date: Option<Date>,
    /// Amounts taken off, in major units, one after the other.
    pub discounts_fixed: Vec<Decimal>,
    /// Percentages taken off of what is left, one after the other.
    pub discounts_percent: Vec<Decimal>,
    /// Taxes in percent, in order; whether each is on the ones before it too.
    pub taxes: Vec<(Decimal, bool)>,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// The field.
    pub field: &'static str,
    /// What to send instead.
    pub message: &'static str,
}

impl WrittenLine {
    /// The line, rated on the days that it says, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every [`LineFault`].
    pub fn read(
        self,
        bill_for_date: Date,
        ids: &mut dyn FnMut() -> Uuid,
    ) -> Result<OneOffLine, Vec<LineFault>> {
        let start = self.service_start_date.unwrap_or(bill_for_date);
        let service = match self.service_end_date {
            Some(end) => Period::new(start, end),
            None => Period::day(start),
        };
        let faults = self.faults(service.is_ok());
        let Some(service) = service.ok().filter(|_| faults.is_empty()) else {
            return Err(faults);
        };
        let mut feature = || FeatureId(ids());
        let fixed = self.discounts_fixed.iter();
        let mut discounts: Vec<Discount> = fixed
            .map(|amount| Discount::fixed(feature(), *amount))
            .collect();
        let percent = self.discounts_percent.iter();
        discounts.extend(percent.map(|rate| Discount::percent(feature(), *rate)));
        let taxes = self.taxes.iter().map(|(rate, is_compound)| Tax {
            id: feature(),
            rate: *rate,
            is_compound: *is_compound,
        });
        let taxes = taxes.collect();
        Ok(OneOffLine {
            label: LineLabel {
                line: LineId(ids()),
                name: self.name,
                description: self.description,
                unit: self.unit.unwrap_or_else(|| "unit".to_owned()),
                units: self.units,
            },
            service,
            model: Model::PerUnit {
                unit_amount: self.unit_amount,
            },
            quantity: self.quantity.unwrap_or(Decimal::ONE),
            discounts,
            taxes,
        })
    }

    fn faults(&self, has_period: bool) -> Vec<LineFault> {
        const ABOVE_ZERO: &str = "above zero";
        const PRICE: &str = "zero or above: to give something back, issue a credit note";
        const SHARE: &str = "a percentage is from 0 to 100";
        const PERIOD: &str = "a day after service_start_date";
        let is_share = |rate: &Decimal| (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(rate);
        let is_amount = |amount: &Decimal| *amount >= Decimal::ZERO;
        let rules = [
            (
                self.quantity.is_none_or(|units| units > Decimal::ZERO),
                "quantity",
                ABOVE_ZERO,
            ),
            (is_amount(&self.unit_amount), "unit_amount", PRICE),
            (has_period, "service_end_date", PERIOD),
            (
                self.discounts_percent.iter().all(is_share),
                "discounts",
                SHARE,
            ),
            (
                self.discounts_fixed.iter().all(is_amount),
                "discounts",
                "zero or above",
            ),
            (
                self.taxes.iter().all(|(rate, _)| is_share(rate)),
                "taxes",
                SHARE,
            ),
        ];
        let broken = rules.into_iter().filter(|(is_kept, ..)| !is_kept);
        broken
            .map(|(_, field, message)| LineFault { field, message })
            .collect()
    }
}
