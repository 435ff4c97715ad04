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

pub mod context;
pub mod dimension;
pub mod error;
pub mod matrix;
pub mod model;
pub mod package;
pub mod step;
pub mod tiers;
pub mod usage;

mod arithmetic;

pub use context::{Context, ContextValue};
pub use dimension::Dimension;
pub use error::{InvalidModel, ModelError, PricingError};
pub use matrix::Matrix;
pub use model::{Model, price};
pub use package::Package;
pub use step::{Priced, Step, StepRule};
pub use tiers::Tiers;
pub use usage::{Usage, UsageRow, UsageRows};
