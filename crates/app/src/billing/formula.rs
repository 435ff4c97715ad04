//! What a formula of `custom_pricing` is told of customer and contract. Owns the choice; a formula is run by
//! [`florin_core::pricing`].

use florin_core::pricing::{ContextValue, Model};
use serde_json::json;

use super::subject::Subject;

/// What formulas may know of customer and contract.
#[derive(Debug)]
pub(super) struct FormulaValues {
    pub(super) customer: ContextValue,
    pub(super) contract: ContextValue,
}

impl FormulaValues {
    /// The values, where a line of the contract is priced by a formula.
    pub(super) fn of(subject: &Subject) -> Option<Self> {
        let phases = subject.contract.phases().iter();
        let mut lines = phases.flat_map(|phase| &phase.lines);
        let has_formula = lines.any(|line| {
            let model = &line.head.pricing.price().model;
            matches!(model, Model::CustomPricing(_))
        });
        let details = &subject.customer.details;
        let header = subject.contract.header();
        let customer = json!({
            "id": subject.customer.id,
            "external_id": details.external_id,
            "customer_name": details.customer_name,
            "custom_data": details.custom_data,
            "custom_attributes": details.custom_attributes,
        });
        let contract = json!({
            "id": subject.contract.id(),
            "name": header.name,
            "tags": header.tags,
            "custom_attributes": header.custom_attributes,
        });
        has_formula.then(|| Self {
            customer: (&customer).into(),
            contract: (&contract).into(),
        })
    }
}
