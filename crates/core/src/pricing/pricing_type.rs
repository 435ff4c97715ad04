//! Names of the pricing models: on the API, among the features of an invoice line and on documents.
//! Owns the one table of them.

use serde::{Deserialize, Serialize};

use super::model::Model;

/// A pricing model without its terms: the discriminator `pricing_type` (api reference §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are those of the API; `Model` says what they mean"
)]
pub enum PricingType {
    FlatFee,
    PerUnit,
    Percent,
    Tiered,
    Volume,
    Step,
    Package,
    Matrix,
    CustomTiered,
    TwoDimensionalTiered,
    TieredWithFlatFee,
    VolumeWithFlatFee,
    Features,
    CustomPricing,
    Bundle,
}

/// Type, value of `pricing_type`, `pricing_model` of an invoice line, name on documents.
type Row = (PricingType, &'static str, &'static str, &'static str);

#[rustfmt::skip]
const TABLE: [Row; 15] = {
    use PricingType as T;
    [
        (T::FlatFee, "flat_fee", "flat-fee-pricing", "Subscription"),
        (T::PerUnit, "per_unit", "per-unit-pricing", "Per Unit"),
        (T::Percent, "percent", "percent-pricing", "Percent"),
        (T::Tiered, "tiered", "tiered-pricing", "Tiered"),
        (T::Volume, "volume", "volume-pricing", "Volume"),
        (T::Step, "step", "step-pricing", "Step"),
        (T::Package, "package", "package-pricing", "Package"),
        (T::Matrix, "matrix", "matrix-pricing", "Matrix"),
        (T::CustomTiered, "custom_tiered", "custom-tiered-pricing", "Custom Tiered"),
        (T::TwoDimensionalTiered, "two_dimensional_tiered", "two-dimensional-tiered-pricing", "Two-Dimensional Tiered"),
        (T::TieredWithFlatFee, "tiered_with_flat_fee", "tiered-with-flat-fee-pricing", "Tiered with Flat Fee"),
        (T::VolumeWithFlatFee, "volume_with_flat_fee", "volume-with-flat-fee-pricing", "Volume with Flat Fee"),
        (T::Features, "features", "features", "Features"),
        (T::CustomPricing, "custom_pricing", "custom-pricing", "Custom"),
        (T::Bundle, "bundle", "bundle-pricing", "Bundle"),
    ]
};

impl PricingType {
    /// All types, in the order of the API's list.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The type of a value of `pricing_type`, or `None` for another text.
    pub fn parse(text: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.1 == text).map(|row| row.0)
    }

    /// The value of `pricing_type`, for example `per_unit`.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The machine name on invoice lines and their features, for example `per-unit-pricing`
    /// (semantics §35).
    pub fn line_name(self) -> &'static str {
        self.row().2
    }

    /// The name on documents, for example `Per Unit`; a flat fee reads `Subscription`.
    pub fn document_name(self) -> &'static str {
        self.row().3
    }

    /// The table is in the order of the variants, which a test holds it to.
    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl Model {
    /// The model without its terms.
    pub const fn pricing_type(&self) -> PricingType {
        match self {
            Self::FlatFee { .. } => PricingType::FlatFee,
            Self::PerUnit { .. } => PricingType::PerUnit,
            Self::Percent { .. } => PricingType::Percent,
            Self::Tiered(_) => PricingType::Tiered,
            Self::Volume(_) => PricingType::Volume,
            Self::Step(_) => PricingType::Step,
            Self::Package(_) => PricingType::Package,
            Self::Matrix(_) => PricingType::Matrix,
            Self::CustomTiered(_) => PricingType::CustomTiered,
            Self::TwoDimensionalTiered(_) => PricingType::TwoDimensionalTiered,
            Self::TieredWithFlatFee(_) => PricingType::TieredWithFlatFee,
            Self::VolumeWithFlatFee(_) => PricingType::VolumeWithFlatFee,
            Self::Features => PricingType::Features,
            Self::CustomPricing(_) => PricingType::CustomPricing,
            Self::Bundle(_) => PricingType::Bundle,
        }
    }
}

#[cfg(test)]
mod tests;
