//! The modifiers of a price, and of a contract's phase, as JSON writes them (api reference §7.5).

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::exact::Exact;
use crate::value::Instant;

/// A modifier: its own fields, and those that every modifier has.
macro_rules! feature {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        pub(crate) struct $name {
            /// Id of the modifier.
            #[schema(max_length = 64, example = "ft-1")]
            id: Option<String>,
            /// Your own name for it.
            #[schema(max_length = 255, example = "launch")]
            identifier: Option<String>,
            /// Position among modifiers of its kind, smallest first.
            #[schema(minimum = 0, maximum = 1000000, example = 1)]
            priority: Option<i64>,
            /// Text on documents.
            #[schema(max_length = 255, example = "Launch offer")]
            label: Option<String>,
            $($(#[$field_meta])* $field: $type,)*
        }
    };
}

/// A period of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PeriodBody {
    /// ISO 8601 duration of days, weeks, months or years.
    #[schema(min_length = 2, max_length = 32, example = "P1M")]
    cadence: Option<String>,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum DiscountType {
    /// An amount.
    Fixed,
    /// A share of the amount.
    Percent,
    /// Another word for `percent`.
    Percentage,
    /// Units.
    Quantity,
}

/// How a prorated pool becomes whole units.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UnitRounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// To the nearest, half up.
    HalfUp,
}

feature! {
    /// Takes something off. `value` (or `unit_amount`, its older name) is needed.
    DiscountBody {
        /// What it takes off.
        #[serde(rename = "type", deserialize_with = "discount_type")]
        kind: DiscountType,
        /// Percent (0 to 100), major units of currency, or units, by `type`.
        value: Option<Exact>,
        /// Older name of `value`.
        unit_amount: Option<Exact>,
        /// The period that an amount is for.
        pricing_period: Option<PeriodBody>,
        /// Most to take off in one period, in major units or units. Needs a cadence.
        max_per_period: Option<Exact>,
        /// Period of `max_per_period` and of a pool of units: ISO 8601 duration; the billing period
        /// unless told.
        #[schema(min_length = 2, max_length = 32, example = "P1M")]
        cadence: Option<String>,
        /// Most to take off ever, in major units or units.
        max_lifetime: Option<Exact>,
        /// Position among discounts of one type, smallest first.
        #[schema(minimum = 0, maximum = 1000000, example = 1)]
        order: Option<i64>,
        /// Whether a pool of units is smaller in a period that is only partly in force; false unless
        /// told.
        #[schema(example = false)]
        prorate_stub: Option<bool>,
        /// How a smaller pool becomes whole units.
        rounding: Option<UnitRounding>,
    }
}

/// Who knows the rate.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TaxType {
    /// The rate is given here.
    Manual,
    /// Avalara, by code.
    Avalara,
}

feature! {
    /// A tax.
    TaxBody {
        /// Who knows the rate.
        #[serde(rename = "type")]
        kind: TaxType,
        /// Tax code of the provider; needed for `avalara`.
        #[schema(max_length = 64, example = "PS081282")]
        code: Option<String>,
        /// Percent, 0 to 100; needed for `manual`.
        unit_amount: Option<Exact>,
        /// Whether the taxes before it are taxed too; false unless told.
        #[schema(example = false)]
        is_compound: Option<bool>,
    }
}

/// When what is left of a pool or a grant is lost.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Expiry {
    /// Never.
    Never,
    /// At the end of the product's billing period.
    EndOfProductBillingPeriod,
    /// At the end of the contract's billing period.
    EndOfContractBillingPeriod,
}

feature! {
    /// Units at no charge.
    FreeUnitsBody {
        /// How many.
        unit_amount: Exact,
        /// When the rest is lost; with each billing period of the product unless told.
        expires_at: Option<Expiry>,
    }
}

/// Least or most.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CommitmentType {
    /// What is billed is topped up to the amount.
    MinimumSpend,
    /// What is billed is cut down to the amount.
    MaximumSpend,
}

feature! {
    /// The least or the most that is billed.
    CommitmentBody {
        /// Least or most.
        #[serde(rename = "type")]
        kind: CommitmentType,
        /// Major units of currency in each period.
        unit_amount: Exact,
        /// Period of the commitment: ISO 8601 duration; the billing period unless told.
        #[schema(min_length = 2, max_length = 32, example = "P1M")]
        cadence: Option<String>,
        /// Whether a period that is only partly in force counts whole; true unless told.
        #[schema(example = true)]
        charge_full_amount: Option<bool>,
        /// Whether a period without any charge gets no top-up; false unless told.
        #[schema(example = false)]
        skip_zero_amount: Option<bool>,
    }
}

/// What an entitlement is counted in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
enum EntitlementType {
    /// Access.
    Feature,
    /// Units.
    Quantity,
    /// Major units of currency.
    Credits,
}

/// What makes a grant happen.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GrantTrigger {
    /// The invoice is approved.
    InvoiceApproval,
    /// The invoice is made.
    InvoiceCreation,
    /// The invoice is paid.
    PaymentSuccess,
}

feature! {
    /// Fills an entitlement.
    GrantBody {
        /// The entitlement to fill.
        entitlement_id: Uuid,
        /// What it is counted in.
        #[serde(rename = "type")]
        kind: EntitlementType,
        /// Units or major units of currency each time; not needed for `Feature`.
        unit_amount: Option<Exact>,
        /// What makes it happen; `invoice_approval` unless told.
        trigger_event: Option<GrantTrigger>,
        /// When the rest is lost; never unless told.
        expires_at: Option<Expiry>,
        /// How long a grant lasts: ISO 8601 duration.
        #[schema(min_length = 2, max_length = 32, example = "P30D")]
        expiry_period: Option<String>,
        /// Whether each billing period grants again.
        #[schema(example = true)]
        grant_frequency_same_as_product: Option<bool>,
        /// How often it grants, where that is not the billing period: ISO 8601 duration.
        #[schema(min_length = 2, max_length = 32, example = "P1M")]
        grant_period: Option<String>,
        /// What a unit is called.
        #[schema(max_length = 64, example = "credit")]
        unit: Option<String>,
        /// How often it grants.
        period: Option<PeriodBody>,
        /// First grant.
        start_date: Option<Instant>,
        /// Level of a feature.
        #[schema(max_length = 255, example = "gold")]
        feature_option_value: Option<String>,
        /// Level of a feature that is a number.
        numeric_value: Option<Exact>,
    }
}

/// What makes a draw final.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ConsumptionTrigger {
    /// The invoice is approved.
    InvoiceApproval,
    /// The invoice is made.
    InvoiceCreation,
    /// The invoice is paid.
    PaymentSuccess,
    /// Usage is seen.
    Monitoring,
}

feature! {
    /// Draws an entitlement down; what it does not cover is billed.
    ConsumptionBody {
        /// The entitlement to draw from.
        entitlement: Uuid,
        /// What it is counted in.
        #[serde(rename = "type")]
        kind: EntitlementType,
        /// What makes the draw final; `invoice_approval` unless told.
        trigger_event: Option<ConsumptionTrigger>,
        /// Whether documents show balances.
        #[schema(example = false)]
        show_additional_info: Option<bool>,
    }
}

/// How a fee is reckoned.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ServiceFeeType {
    /// An amount.
    Fixed,
    /// A share of the amount.
    Percentage,
}

feature! {
    /// A fee on top.
    ServiceFeeBody {
        /// How it is reckoned.
        #[serde(rename = "type")]
        kind: ServiceFeeType,
        /// Major units of currency, or percent (0 to 100).
        unit_amount: Exact,
    }
}

/// The day that due days are counted from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaymentTermType {
    /// Approval.
    OnApproval,
    /// Creation.
    OnCreation,
}

/// What `due_days` means.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaymentTermMode {
    /// So many days later.
    Relative,
    /// That day of the month.
    Absolute,
}

feature! {
    /// When an invoice is due.
    PaymentTermBody {
        /// The day counted from.
        payment_term_type: PaymentTermType,
        /// Days after it, or a day of the month.
        #[schema(minimum = 1, maximum = 3650, example = 30)]
        due_days: i64,
        /// What `due_days` means; `relative` unless told.
        payment_term_mode: Option<PaymentTermMode>,
        /// Whether the due day moves to the end of its month; false unless told.
        #[schema(example = false)]
        last_day_of_month: Option<bool>,
    }
}

/// One word for each meaning in what is kept.
fn discount_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DiscountType, D::Error> {
    Ok(match DiscountType::deserialize(deserializer)? {
        DiscountType::Percentage => DiscountType::Percent,
        other => other,
    })
}
