//! A draft invoice and its trace. Owns their shape: `features` of a line and of the invoice list, in
//! the order of application, every operand and result, which is also the document of semantics §35.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::calendar::Period;
use crate::commitment::CommitmentApplied;
use crate::discount::DiscountApplied;
use crate::grant::BalanceDraw;
use crate::id::{FeatureId, LineId};
use crate::money::Money;
use crate::pool::PoolDraw;
use crate::proration::{Basis, Part};
use crate::service_fee::ServiceFeeApplied;
use crate::tax::TaxApplied;

/// A calculated invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The day it is for.
    pub bill_for_date: Date,
    /// What is charged.
    pub lines: Vec<Line>,
    /// What applies to the lines together, in order; each names the lines it changes or adds.
    pub features: Vec<InvoiceFeature>,
    /// Taxes, in order.
    pub taxes: Vec<TaxApplied>,
    /// Sum of the lines' net.
    pub net: Money,
    /// Sum of the taxes.
    pub tax: Money,
    /// What is to be paid: net and tax, or nothing if they are below zero together.
    pub total: Money,
    /// What the customer gets back: as far as net and tax are below zero.
    pub credit: Money,
}

/// A line of an invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it charges for.
    pub kind: LineKind,
    /// Days served.
    pub service: Period,
    /// Price before discounts.
    pub gross: Money,
    /// Sum of the line's own discounts.
    pub discount: Money,
    /// Amount after the line's own features: gross, minus discounts, plus commitments, minus credits.
    pub amount: Money,
    /// Amount after the invoice's features, before tax.
    pub net: Money,
    /// The line's part of the taxes.
    pub tax: Money,
    /// How the amount came about, in order.
    pub features: Vec<LineFeature>,
}

/// What a line charges for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// A line of the contract.
    Charge(LineId),
    /// What is missing to a phase's commitment.
    CommitmentTopUp(FeatureId),
    /// A phase's fee.
    ServiceFee(FeatureId),
}

/// One step on the way to a line's amount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineFeature {
    /// Units at no charge.
    FreeUnits {
        /// The feature.
        feature: FeatureId,
        /// Window by window.
        draws: Vec<PoolDraw>,
    },
    /// Units at no charge, by a quantity discount.
    QuantityDiscount {
        /// The feature.
        feature: FeatureId,
        /// Window by window.
        draws: Vec<PoolDraw>,
    },
    /// Units taken from an entitlement.
    QuantityDraw {
        /// The draw.
        draw: BalanceDraw,
        /// Piece by piece.
        taken: Vec<UnitsTaken>,
    },
    /// The price of what is left.
    Pricing(Priced),
    /// A discount.
    Discount(DiscountApplied),
    /// A commitment.
    Commitment(CommitmentApplied),
    /// Credits taken from an entitlement.
    CreditDraw(BalanceDraw),
}

/// Units that an entitlement paid for in some days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitsTaken {
    /// The days.
    pub period: Period,
    /// Units.
    pub units: Decimal,
}

/// The price of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Priced {
    /// How the parts make the amount.
    pub basis: Basis,
    /// The parts.
    pub parts: Vec<Part>,
    /// Unrounded, in major units.
    pub exact: Decimal,
    /// As the invoice shows it.
    pub gross: Money,
}

/// One step from the lines to the invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceFeature {
    /// A discount and what each line bears of it.
    Discount {
        /// The discount.
        applied: DiscountApplied,
        /// The lines.
        shares: Vec<Share>,
    },
    /// A minimum; its top-ups are the lines from this position on, one for each window that has one.
    MinimumSpend {
        /// The commitment.
        applied: CommitmentApplied,
        /// Positions of the lines that count towards it.
        counted: Vec<usize>,
        /// Position of the first line that it added.
        first_line: usize,
    },
    /// A maximum and what it takes off each line.
    MaximumSpend {
        /// The commitment.
        applied: CommitmentApplied,
        /// The lines.
        shares: Vec<Share>,
    },
    /// A fee; it is the line at this position.
    ServiceFee {
        /// The fee.
        applied: ServiceFeeApplied,
        /// The line.
        line: usize,
    },
    /// Credits taken from an entitlement.
    CreditDraw {
        /// The draw.
        draw: BalanceDraw,
        /// The lines.
        shares: Vec<Share>,
    },
}

/// What an invoice's feature takes off a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Position of the line.
    pub line: usize,
    /// Taken off its net.
    pub amount: Money,
}
