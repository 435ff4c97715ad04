//! Pricing: what a quantity costs under a pricing model, and the steps that lead there.
//!
//! Owns the fifteen models of the API's `pricing_data` and their arithmetic. Does not own what
//! happens before (free units, entitlements) or after (discounts, commitments, proration, tax), nor
//! currency and rounding: amounts are exact decimals in major units until a line is rounded.
//!
//! Invariants, for every model and every quantity:
//! - the amounts of the steps, added in order, are the amount;
//! - a step's amount is its units times its rate plus its fee;
//! - a negative quantity costs the negative of the positive one, except under `flat_fee`, which does
//!   not look at quantities, and `custom_pricing`, whose formula decides (DESIGN §7);
//! - a result that does not fit a decimal is an error.

pub mod model;
pub mod pricing_type;
pub mod step;
pub mod usage;

pub mod bundle;
pub mod context;
pub mod custom_pricing;
pub mod custom_tiered;
pub mod dimension;
pub mod error;
pub mod matrix;
pub mod overage;
pub mod package;
pub mod tier_reset;
pub mod tiers;
pub mod two_dimensional_tiered;

mod arithmetic;

pub use bundle::{Bundle, BundleMember};
pub use context::{Context, ContextValue};
pub use custom_pricing::Formula;
pub use custom_tiered::{CustomTiered, TierType};
pub use dimension::Dimension;
pub use error::{InvalidModel, ModelError, PricingError};
pub use matrix::Matrix;
pub use model::{Model, price};
pub use overage::price_overage;
pub use package::Package;
pub use pricing_type::PricingType;
pub use step::{Priced, Step, StepRule};
pub use tier_reset::{Accumulated, price_accumulated, price_windows};
pub use tiers::{Tier, Tiers};
pub use two_dimensional_tiered::TwoDimensionalTiered;
pub use usage::{Usage, UsageRow, UsageRows};
