//! Definitions of entitlements as JSON writes them.

use florin_core::{
    entitlement::{Details, Entitlement},
    grant::EntitlementKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::Instant;

/// What an entitlement is counted in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
pub(super) enum EntitlementTypeWord {
    /// Access: a customer has it or has it not.
    Feature,
    /// Units, which are used up.
    Quantity,
    /// Credits, which are used up: major units of a currency where an invoice draws them.
    Credits,
}

impl From<EntitlementKind> for EntitlementTypeWord {
    fn from(kind: EntitlementKind) -> Self {
        match kind {
            EntitlementKind::Feature => Self::Feature,
            EntitlementKind::Quantity => Self::Quantity,
            EntitlementKind::Credits => Self::Credits,
        }
    }
}

impl From<EntitlementTypeWord> for EntitlementKind {
    fn from(word: EntitlementTypeWord) -> Self {
        match word {
            EntitlementTypeWord::Feature => Self::Feature,
            EntitlementTypeWord::Quantity => Self::Quantity,
            EntitlementTypeWord::Credits => Self::Credits,
        }
    }
}

/// What a caller may write of an entitlement.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct EntitlementInput {
    /// What people call it.
    #[schema(min_length = 1, max_length = 255, example = "API calls")]
    name: String,
    /// A sentence about it.
    #[schema(max_length = 4000, example = "Calls of the public API")]
    description: Option<String>,
    /// What it is counted in; `Quantity` unless told. Fixed once created.
    entitlement_type: Option<EntitlementTypeWord>,
    /// What one unit is called.
    #[schema(max_length = 64, example = "call")]
    units: Option<String>,
    /// Whether it can be granted; true unless told.
    #[schema(example = true)]
    is_active: Option<bool>,
    /// The product that it belongs to.
    #[schema(example = json!(null))]
    product_id: Option<Uuid>,
    /// The billable metric that draws it down as usage is seen: one of the visual builder that counts or sums. Without
    /// it only invoices and reservations draw.
    #[schema(example = json!(null))]
    aggregate_id: Option<Uuid>,
}

/// What customers may be granted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntitlementResponse {
    /// Id of the entitlement.
    id: Uuid,
    /// What people call it.
    #[schema(example = "API calls")]
    name: String,
    /// A sentence about it.
    #[schema(example = "Calls of the public API")]
    description: Option<String>,
    /// What it is counted in.
    entitlement_type: EntitlementTypeWord,
    /// What one unit is called.
    #[schema(example = "call")]
    units: Option<String>,
    /// Whether it can be granted.
    #[schema(example = true)]
    is_active: bool,
    /// The product that it belongs to.
    product_id: Option<Uuid>,
    /// The billable metric that draws it down as usage is seen.
    aggregate_id: Option<Uuid>,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

impl EntitlementInput {
    pub(super) fn details(self) -> Details {
        let Self {
            name,
            description,
            entitlement_type,
            units,
            is_active,
            product_id,
            aggregate_id,
        } = self;
        let entitlement_type = entitlement_type.unwrap_or(EntitlementTypeWord::Quantity);
        Details {
            name,
            description,
            entitlement_type: entitlement_type.into(),
            units,
            is_active: is_active.unwrap_or(true),
            product_id,
            aggregate_id,
        }
    }
}

impl From<Details> for EntitlementInput {
    fn from(details: Details) -> Self {
        let Details {
            name,
            description,
            entitlement_type,
            units,
            is_active,
            product_id,
            aggregate_id,
        } = details;
        Self {
            name,
            description,
            entitlement_type: Some(entitlement_type.into()),
            units,
            is_active: Some(is_active),
            product_id,
            aggregate_id,
        }
    }
}

impl From<Entitlement> for EntitlementResponse {
    fn from(entitlement: Entitlement) -> Self {
        let Entitlement {
            id,
            details,
            created_at,
            updated_at,
        } = entitlement;
        let Details {
            name,
            description,
            entitlement_type,
            units,
            is_active,
            product_id,
            aggregate_id,
        } = details;
        Self {
            id,
            name,
            description,
            entitlement_type: entitlement_type.into(),
            units,
            is_active,
            product_id,
            aggregate_id,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}
