//! The line-items document as JSON writes it (semantics §35, api reference §16.3). Owns the words; every value is
//! `core`'s.

use florin_core::billing::AdjustmentReason;
use florin_core::invoice::{FeatureItem, FreeUnits, Item, ItemKind, Row, Shown, line_items};
use florin_store::invoice::Invoice;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    error::{Error, Result},
    value::{DayStart, Number},
};

/// A value with its unit and how it is written.
#[derive(Debug, Serialize, ToSchema)]
struct ShownBody {
    /// The value; amounts are in major units.
    value: Number,
    /// `call`, `USD`, `USD/call`.
    #[schema(example = "USD")]
    unit: String,
    /// As people read it.
    #[schema(example = "$710.30")]
    display: String,
}

/// A row that people read.
#[derive(Debug, Serialize, ToSchema)]
struct RowBody {
    /// What it is.
    #[schema(example = "Per Unit")]
    name: String,
    /// Price of a unit; empty where there is none.
    #[schema(example = "$0.10 per unit")]
    price: String,
    /// Units; empty where there are none.
    #[schema(example = "7103 units")]
    quantity: String,
    /// Amount.
    #[schema(example = "$710.30")]
    total: String,
}

/// A feature of a line or of the invoice.
#[derive(Debug, Serialize, ToSchema)]
struct FeatureBody {
    /// `free-units`, `per-unit-pricing`, `discount`, `sales-tax`…
    #[serde(rename = "type")]
    #[schema(example = "per-unit-pricing")]
    kind: String,
    /// Its name on documents.
    #[schema(example = "Per Unit")]
    name: String,
    /// Currency of the amounts.
    #[schema(example = "USD")]
    currency: String,
    /// What a unit is called; null where no units are meant.
    #[schema(example = "unit")]
    quantity_unit: Option<String>,
    /// Price of a unit, where there is one price.
    price: Option<ShownBody>,
    /// Units that it is about.
    quantity: Option<ShownBody>,
    /// What it adds; below zero what it takes off.
    total: ShownBody,
    /// Free units: used now.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_quantity: Option<ShownBody>,
    /// Free units: left to be priced.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_quantity: Option<ShownBody>,
    /// Free units: what the periods have.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_units_granted: Option<ShownBody>,
    /// Free units: what the periods still have.
    #[serde(skip_serializing_if = "Option::is_none")]
    free_units_remaining: Option<ShownBody>,
    /// The rows that people read: one for each tier.
    display: Vec<RowBody>,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
struct LineBody {
    /// The product's name, or the modifier's.
    #[schema(example = "API calls")]
    name: String,
    /// A sentence about it.
    #[schema(example = json!(null))]
    description: Option<String>,
    /// Units before anything is taken off; null for a fixed fee.
    quantity: Option<ShownBody>,
    /// Price of a unit, where all have the same.
    price: Option<ShownBody>,
    /// Amount after the line's own features, before tax and the invoice's features.
    subtotal: ShownBody,
    /// `per-unit-pricing`…; empty where nothing was priced.
    #[schema(example = "per-unit-pricing")]
    pricing_model: String,
    /// How the amount came about, in order; the pricing model is one of them.
    features: Vec<FeatureBody>,
    /// First day served.
    service_start_date: DayStart,
    /// First day after.
    service_end_date: DayStart,
    /// Whether it is on the invoice: always true.
    #[schema(example = true)]
    is_billed: bool,
    /// `charge`, `commitment`, `service_fee` or `adjustment`.
    #[schema(example = "charge")]
    line_item_type: &'static str,
    /// Whether it corrects an earlier bill.
    #[schema(example = false)]
    is_adjustment: bool,
    /// Why it does: `amendment` or `late_usage`.
    #[schema(example = json!(null))]
    adjustment_type: Option<&'static str>,
}

/// The lines of an invoice.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineItemsResponse {
    /// The lines, then the adjustments.
    lines: Vec<LineBody>,
    /// What applies to all lines: discounts, taxes…
    features: Vec<FeatureBody>,
    /// The invoice's total, in major units.
    total: Number,
    /// Its currency.
    #[schema(example = "USD")]
    currency: String,
}

impl LineItemsResponse {
    /// The document of an invoice.
    pub(super) fn of(invoice: &Invoice) -> Result<Self> {
        let currency = invoice.header().currency;
        let items = line_items(invoice.parts(), currency);
        let items = items.map_err(|error| Error::Internal(error.to_string()))?;
        let code = currency.code();
        let feature = |item| feature(item, code);
        let lines = items.lines.into_iter().map(|item| line(item, code));
        Ok(Self {
            lines: lines.collect(),
            features: items.features.into_iter().map(feature).collect(),
            total: Number(items.total.to_major()),
            currency: code.to_owned(),
        })
    }
}

fn line(item: Item, currency: &str) -> LineBody {
    let Item {
        kind,
        name,
        description,
        quantity,
        price,
        subtotal,
        pricing_model,
        features,
        service_start_date,
        service_end_date,
    } = item;
    let (line_item_type, adjustment_type) = match kind {
        ItemKind::Charge(_) => ("charge", None),
        ItemKind::Commitment => ("commitment", None),
        ItemKind::ServiceFee => ("service_fee", None),
        ItemKind::Adjustment(AdjustmentReason::Amendment) => ("adjustment", Some("amendment")),
        ItemKind::Adjustment(AdjustmentReason::LateUsage) => ("adjustment", Some("late_usage")),
    };
    LineBody {
        name,
        description,
        quantity: quantity.map(shown),
        price: price.map(shown),
        subtotal: shown(subtotal),
        pricing_model,
        features: features
            .into_iter()
            .map(|item| feature(item, currency))
            .collect(),
        service_start_date: DayStart(service_start_date),
        service_end_date: DayStart(service_end_date),
        is_billed: true,
        line_item_type,
        is_adjustment: adjustment_type.is_some(),
        adjustment_type,
    }
}

fn feature(item: FeatureItem, currency: &str) -> FeatureBody {
    let FeatureItem {
        kind,
        name,
        price,
        quantity,
        total,
        quantity_unit,
        free_units,
        display,
    } = item;
    let [
        free_quantity,
        remaining_quantity,
        free_units_granted,
        free_units_remaining,
    ] = free_units.map_or([None, None, None, None], |free| {
        let FreeUnits {
            free_quantity,
            remaining_quantity,
            free_units_granted,
            free_units_remaining,
        } = free;
        [
            free_quantity,
            remaining_quantity,
            free_units_granted,
            free_units_remaining,
        ]
        .map(|value| Some(shown(value)))
    });
    FeatureBody {
        kind: kind.to_owned(),
        name,
        currency: currency.to_owned(),
        quantity_unit,
        price: price.map(shown),
        quantity: quantity.map(shown),
        total: shown(total),
        free_quantity,
        remaining_quantity,
        free_units_granted,
        free_units_remaining,
        display: display.into_iter().map(row).collect(),
    }
}

fn shown(value: Shown) -> ShownBody {
    let Shown {
        value,
        unit,
        display,
    } = value;
    ShownBody {
        value: Number(value),
        unit,
        display,
    }
}

fn row(row: Row) -> RowBody {
    let Row {
        name,
        price,
        quantity,
        total,
    } = row;
    RowBody {
        name,
        price,
        quantity,
        total,
    }
}
