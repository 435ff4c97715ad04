//! The line-items document of an invoice (semantics §35, api reference §16.3): every line with its
//! features in the order of application, then what applies to all lines.
//!
//! Owns the shape and the wording. Does not compute: every number is one of the rating's trace.

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::display::{Shown, shown_money, shown_price, shown_quantity, written};
use super::{LineLabel, Part, Totals};
use crate::billing::{Adjustment, AdjustmentReason, LineKey};
use crate::commitment::{CommitmentApplied, CommitmentKind};
use crate::currency::Currency;
use crate::discount::{DiscountApplied, DiscountRule};
use crate::grant::BalanceDraw;
use crate::id::LineId;
use crate::money::{Money, MoneyError};
use crate::pool::PoolDraw;
use crate::pricing::{Step, StepRule};
use crate::rating::{InvoiceFeature, Line, LineFeature, LineKind, Priced};
use crate::tax::TaxApplied;

/// The document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineItems {
    /// The lines, then the adjustments, part by part.
    pub lines: Vec<Item>,
    /// What applies to all lines of a part.
    pub features: Vec<FeatureItem>,
    /// The invoice's total.
    pub total: Money,
}

/// A line of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is for.
    pub kind: ItemKind,
    /// The product's name, or the modifier's.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Units before anything was taken off; none for a fixed fee.
    pub quantity: Option<Shown>,
    /// Price of a unit, where all have the same.
    pub price: Option<Shown>,
    /// Amount after the line's own features, before tax and the invoice's features.
    pub subtotal: Shown,
    /// `per-unit-pricing`…; empty where nothing was priced.
    pub pricing_model: String,
    /// How the amount came about, in order; the pricing model is one of them.
    pub features: Vec<FeatureItem>,
    /// First day served.
    pub service_start_date: Date,
    /// First day after.
    pub service_end_date: Date,
}

/// What a line of the document is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// A line of a contract or one written by hand.
    Charge(LineId),
    /// What is missing to a commitment of the phase.
    Commitment,
    /// A fee of the phase.
    ServiceFee,
    /// A correction of an earlier bill.
    Adjustment(AdjustmentReason),
}

/// A feature of a line or of the invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureItem {
    /// `free-units`, `per-unit-pricing`, `discount`…
    pub kind: &'static str,
    /// Its name on documents.
    pub name: String,
    /// Price of a unit, where there is one price.
    pub price: Option<Shown>,
    /// Units that it is about.
    pub quantity: Option<Shown>,
    /// What it adds; below zero what it takes off.
    pub total: Shown,
    /// What a unit is called.
    pub quantity_unit: Option<String>,
    /// For units at no charge.
    pub free_units: Option<FreeUnits>,
    /// The rows that people read: one for each tier.
    pub display: Vec<Row>,
}

/// Units at no charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeUnits {
    /// Used now.
    pub free_quantity: Shown,
    /// Left to be priced.
    pub remaining_quantity: Shown,
    /// What the windows have.
    pub free_units_granted: Shown,
    /// What the windows still have.
    pub free_units_remaining: Shown,
}

/// A row that people read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: String,
    /// Price of a unit.
    pub price: String,
    /// Units.
    pub quantity: String,
    /// Amount.
    pub total: String,
}

/// The line-items document of an invoice's parts.
///
/// # Errors
/// [`MoneyError`] where an amount does not fit.
pub fn line_items(parts: &[Part], currency: Currency) -> Result<LineItems, MoneyError> {
    let mut lines = Vec::new();
    let mut features = Vec::new();
    for part in parts {
        let writer = Writer { part, currency };
        for line in &part.rated.lines {
            lines.push(writer.line(line)?);
        }
        let adjustments = part.adjustments.iter();
        lines.extend(adjustments.map(|adjustment| writer.adjustment(adjustment)));
        for feature in &part.rated.features {
            features.extend(writer.invoice_feature(feature)?);
        }
        features.extend(part.rated.taxes.iter().map(|tax| writer.tax(tax)));
        features.extend(writer.adjusted_tax()?);
    }
    Ok(LineItems {
        lines,
        features,
        total: Totals::of(parts, currency)?.total,
    })
}

struct Writer<'p> {
    part: &'p Part,
    currency: Currency,
}

impl Writer<'_> {
    fn label(&self, line: LineId) -> Option<&LineLabel> {
        self.part.labels.iter().find(|label| label.line == line)
    }

    fn line(&self, line: &Line) -> Result<Item, MoneyError> {
        let (kind, label) = match line.kind {
            LineKind::Charge(id) => (ItemKind::Charge(id), self.label(id)),
            LineKind::CommitmentTopUp(_) => (ItemKind::Commitment, None),
            LineKind::ServiceFee(_) => (ItemKind::ServiceFee, None),
        };
        let unit = Unit::of(label);
        let priced = line.features.iter().find_map(|feature| match feature {
            LineFeature::Pricing(priced) => Some(priced),
            _ => None,
        });
        let features = line.features.iter();
        let features = features.map(|feature| self.feature(feature, unit));
        Ok(Item {
            kind,
            name: label.map_or_else(|| name_of(kind).to_owned(), |label| label.name.clone()),
            description: label.and_then(|label| label.description.clone()),
            quantity: priced.and_then(|priced| unit.quantity(quantity_of(priced)?)),
            price: priced.and_then(|priced| unit.price(rate_of(priced)?, self.currency)),
            subtotal: shown_money(line.amount),
            pricing_model: priced.map_or_else(String::new, |priced| model_of(priced).to_owned()),
            features: features.collect::<Result<_, _>>()?,
            service_start_date: line.service.start(),
            service_end_date: line.service.end(),
        })
    }

    fn adjustment(&self, adjustment: &Adjustment) -> Item {
        let label = match adjustment.key {
            LineKey::Charge { line, .. } => self.label(line),
            LineKey::CommitmentTopUp { .. } | LineKey::ServiceFee { .. } => None,
        };
        let kind = ItemKind::Adjustment(adjustment.reason);
        let corrected = label.map_or("Adjustment", |label| &label.name);
        Item {
            kind,
            name: format!("{corrected} ({})", name_of(kind)),
            description: label.and_then(|label| label.description.clone()),
            quantity: None,
            price: None,
            subtotal: shown_money(adjustment.net),
            pricing_model: String::new(),
            features: Vec::new(),
            service_start_date: adjustment.service.start(),
            service_end_date: adjustment.service.end(),
        }
    }

    fn feature(&self, feature: &LineFeature, unit: Unit<'_>) -> Result<FeatureItem, MoneyError> {
        Ok(match feature {
            LineFeature::FreeUnits { draws, .. } => {
                self.pool("free-units", "Free Units", draws, unit)
            }
            LineFeature::QuantityDiscount { draws, .. } => {
                self.pool("quantity-discount", "Quantity Discount", draws, unit)
            }
            LineFeature::QuantityDraw { draw, .. } => self.units_drawn(draw, unit),
            LineFeature::Pricing(priced) => self.pricing(priced, unit),
            LineFeature::Discount(applied) => self.discount(applied)?,
            LineFeature::Commitment(applied) => self.commitment(applied),
            LineFeature::CreditDraw(draw) => self.credits_drawn(draw)?,
        })
    }

    fn plain(&self, kind: &'static str, name: String, total: Money) -> FeatureItem {
        let total = shown_money(total);
        let row = Row {
            name: name.clone(),
            total: total.display.clone(),
            ..Row::default()
        };
        FeatureItem {
            kind,
            name,
            price: None,
            quantity: None,
            total,
            quantity_unit: None,
            free_units: None,
            display: vec![row],
        }
    }

    fn pool(
        &self,
        kind: &'static str,
        name: &str,
        draws: &[PoolDraw],
        unit: Unit<'_>,
    ) -> FeatureItem {
        let sum = |of: fn(&PoolDraw) -> Decimal| draws.iter().map(of).sum::<Decimal>();
        let (used, wanted) = (sum(|draw| draw.used), sum(|draw| draw.quantity));
        let (granted, left) = (
            last_of_windows(draws, |draw| draw.granted),
            last_of_windows(draws, PoolDraw::remaining),
        );
        let free = unit.shown(used);
        let mut item = self.plain(kind, name.to_owned(), Money::zero(self.currency));
        item.price = Some(shown_price(Decimal::ZERO, unit.one, self.currency));
        let all = unit.shown(granted);
        if let Some(row) = item.display.first_mut() {
            row.price = shown_price(Decimal::ZERO, unit.one, self.currency).display;
            row.quantity = format!("{} / {}", free.display, all.display);
        }
        item.quantity_unit = Some(unit.one.to_owned());
        item.free_units = Some(FreeUnits {
            free_quantity: free.clone(),
            remaining_quantity: unit.shown(wanted - used),
            free_units_granted: all,
            free_units_remaining: unit.shown(left),
        });
        item.quantity = Some(free);
        item
    }

    fn units_drawn(&self, draw: &BalanceDraw, unit: Unit<'_>) -> FeatureItem {
        let zero = Money::zero(self.currency);
        let mut item = self.plain("consumption", "Consumption".to_owned(), zero);
        let (used, before) = (unit.shown(draw.used), unit.shown(draw.available));
        if let Some(row) = item.display.first_mut() {
            row.quantity = format!("{} / {}", used.display, before.display);
        }
        item.quantity = Some(used);
        item.quantity_unit = Some(unit.one.to_owned());
        item
    }

    fn credits_drawn(&self, draw: &BalanceDraw) -> Result<FeatureItem, MoneyError> {
        let used = Money::round(draw.used, self.currency)?.checked_neg()?;
        let mut item = self.plain("consumption", "Consumption".to_owned(), used);
        if let Some(row) = item.display.first_mut() {
            let amount = |value| written(value, self.currency);
            row.quantity = format!("{} / {}", amount(draw.used), amount(draw.available));
        }
        Ok(item)
    }

    fn pricing(&self, priced: &Priced, unit: Unit<'_>) -> FeatureItem {
        let model = priced.parts.first().map(|part| part.pricing_type);
        let name = model.map_or("Pricing", crate::pricing::PricingType::document_name);
        let kind = model.map_or("features", crate::pricing::PricingType::line_name);
        let mut item = self.plain(kind, name.to_owned(), priced.gross);
        let billable: Decimal = priced.parts.iter().map(|part| part.billable).sum();
        let has_units = quantity_of(priced).is_some();
        item.quantity = has_units.then(|| unit.shown(billable));
        item.quantity_unit = has_units.then(|| unit.one.to_owned());
        item.price = rate_of(priced).and_then(|rate| unit.price(rate, self.currency));
        let steps = priced.parts.iter().flat_map(|part| &part.steps);
        item.display = steps.map(|step| self.step(name, step, unit)).collect();
        item
    }

    fn step(&self, name: &str, step: &Step, unit: Unit<'_>) -> Row {
        let name = match step.rule {
            StepRule::Tier { tier } | StepRule::TierPackages { tier } => {
                format!("{name}, tier {}", u64::from(tier) + 1)
            }
            StepRule::Included => "Included".to_owned(),
            StepRule::AlreadyBilled => "Already billed".to_owned(),
            _ => name.to_owned(),
        };
        let has_units = !step.units.is_zero();
        let is_packages = matches!(
            step.rule,
            StepRule::Packages | StepRule::TierPackages { .. }
        );
        let unit = if is_packages { Unit::PACKAGE } else { unit };
        Row {
            name,
            price: if has_units {
                self.price_of_step(step, unit)
            } else {
                String::new()
            },
            quantity: if has_units {
                unit.shown(step.units).display
            } else {
                String::new()
            },
            total: written(step.amount, self.currency),
        }
    }

    /// What a unit costs, and what is charged once besides.
    fn price_of_step(&self, step: &Step, unit: Unit<'_>) -> String {
        let price = shown_price(step.rate, unit.one, self.currency).display;
        let fee = written(step.fee, self.currency);
        match (step.rate.is_zero(), step.fee.is_zero()) {
            (_, true) => price,
            (true, false) => fee,
            (false, false) => format!("{price} + {fee}"),
        }
    }

    fn discount(&self, applied: &DiscountApplied) -> Result<FeatureItem, MoneyError> {
        let name = match applied.rule {
            DiscountRule::Percent(rate) => format!("Discount {} %", rate.normalize()),
            DiscountRule::Fixed(_) => "Discount".to_owned(),
        };
        Ok(self.plain("discount", name, applied.amount.checked_neg()?))
    }

    fn commitment(&self, applied: &CommitmentApplied) -> FeatureItem {
        match applied.kind {
            CommitmentKind::MinimumSpend => {
                self.plain("minimum-spend", "Minimum amount".to_owned(), applied.amount)
            }
            CommitmentKind::MaximumSpend => {
                self.plain("maximum-spend", "Maximum amount".to_owned(), applied.amount)
            }
        }
    }

    /// Top-ups and fees are lines already.
    fn invoice_feature(&self, feature: &InvoiceFeature) -> Result<Option<FeatureItem>, MoneyError> {
        Ok(match feature {
            InvoiceFeature::Discount { applied, .. } => Some(self.discount(applied)?),
            InvoiceFeature::MaximumSpend { applied, .. } => Some(self.commitment(applied)),
            InvoiceFeature::CreditDraw { draw, .. } => Some(self.credits_drawn(draw)?),
            InvoiceFeature::MinimumSpend { .. } | InvoiceFeature::ServiceFee { .. } => None,
        })
    }

    fn tax(&self, applied: &TaxApplied) -> FeatureItem {
        let name = format!("Sales Tax {} %", applied.tax.rate.normalize());
        self.plain("sales-tax", name, applied.amount)
    }

    fn adjusted_tax(&self) -> Result<Option<FeatureItem>, MoneyError> {
        let taxes = self
            .part
            .adjustments
            .iter()
            .map(|adjustment| adjustment.tax);
        let tax = Money::sum(taxes, self.currency)?;
        let name = "Sales Tax on adjustments".to_owned();
        Ok((!tax.is_zero()).then(|| self.plain("sales-tax", name, tax)))
    }
}

/// What units of a line are called.
#[derive(Clone, Copy)]
struct Unit<'l> {
    one: &'l str,
    several: Option<&'l str>,
}

impl<'l> Unit<'l> {
    const PACKAGE: Unit<'static> = Unit {
        one: "package",
        several: None,
    };

    fn of(label: Option<&'l LineLabel>) -> Self {
        Self {
            one: label.map_or("unit", |label| &label.unit),
            several: label.and_then(|label| label.units.as_deref()),
        }
    }

    fn shown(&self, value: Decimal) -> Shown {
        shown_quantity(value, self.one, self.several)
    }

    fn quantity(&self, value: Decimal) -> Option<Shown> {
        Some(self.shown(value))
    }

    fn price(&self, rate: Decimal, currency: Currency) -> Option<Shown> {
        Some(shown_price(rate, self.one, currency))
    }
}

const fn name_of(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Charge(_) => "Charge",
        ItemKind::Commitment => "Minimum amount overages",
        ItemKind::ServiceFee => "Service fee",
        ItemKind::Adjustment(AdjustmentReason::Amendment) => "adjustment",
        ItemKind::Adjustment(AdjustmentReason::LateUsage) => "late usage",
    }
}

fn model_of(priced: &Priced) -> &'static str {
    let first = priced.parts.first();
    first.map_or("features", |part| part.pricing_type.line_name())
}

/// Units that were counted, or the last of those typed; none where the price does not look at them.
fn quantity_of(priced: &Priced) -> Option<Decimal> {
    let last = priced.parts.last()?;
    if last.pricing_type == crate::pricing::PricingType::FlatFee {
        return None;
    }
    match priced.basis {
        crate::proration::Basis::Counted => {
            Some(priced.parts.iter().map(|part| part.quantity).sum())
        }
        crate::proration::Basis::DayBased | crate::proration::Basis::CadenceBased => {
            Some(last.quantity)
        }
    }
}

/// The rate, where all units have one and no fee is added.
fn rate_of(priced: &Priced) -> Option<Decimal> {
    let mut steps = priced.parts.iter().flat_map(|part| &part.steps);
    let first = steps.next().filter(|step| step.rule == StepRule::PerUnit)?;
    let is_same = |step: &Step| step.rule == first.rule && step.rate == first.rate;
    steps.all(is_same).then_some(first.rate)
}

/// The sum over windows of what the last draw of each says.
fn last_of_windows(draws: &[PoolDraw], of: impl Fn(&PoolDraw) -> Decimal) -> Decimal {
    let last = |index: &usize| {
        let window = draws[*index].window;
        draws[index + 1..]
            .iter()
            .all(|later| later.window != window)
    };
    (0..draws.len())
        .filter(last)
        .map(|index| of(&draws[index]))
        .sum()
}
