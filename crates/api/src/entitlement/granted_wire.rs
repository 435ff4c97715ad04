//! What customers were granted, as JSON writes it.

use florin_app::entitlement::granted::{Named, Shown, Summed};
use florin_core::entitlement::{CustomerGrant, GrantDetails, GrantStatus};
use florin_core::instant;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};
use uuid::Uuid;

use super::wire::{EntitlementResponse, EntitlementTypeWord};
use crate::{
    error::{BadField, Error},
    value::{AnyInstant, Instant, Number},
};

/// Whether a grant counts yet.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum GrantStatusWord {
    /// Nothing of it can be used yet.
    Draft,
    /// It counts from `active_from` to `expiry_at`.
    Active,
}

/// The end of a grant: an instant in any form, or a day, which it includes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ExpiryInstant(Timestamp);

/// From the first instant of a day to its last microsecond.
const DAY: SignedDuration = SignedDuration::from_micros(86_400_000_000 - 1);

impl Serialize for ExpiryInstant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ExpiryInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let instant = instant::parse(&text).map_err(D::Error::custom)?;
        // 2027-01-31, and nothing behind it.
        let text = text.trim().as_bytes();
        let is_day = text.len() == 10 && text.get(4) == Some(&b'-');
        let end = is_day.then(|| instant.checked_add(DAY).ok()).flatten();
        Ok(Self(end.unwrap_or(instant)))
    }
}

impl PartialSchema for ExpiryInstant {
    fn schema() -> RefOr<Schema> {
        AnyInstant::schema()
    }
}

impl ToSchema for ExpiryInstant {}

/// What a caller may write of a grant.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CustomerEntitlementInput {
    /// Id of the customer.
    customer: Uuid,
    /// Id of the entitlement: the one in the path, where it is sent.
    entitlement: Option<Uuid>,
    /// Id of the grant; a new one unless told. Fixed once created.
    #[schema(example = json!(null))]
    id: Option<Uuid>,
    /// First instant at which it is gone; never unless told. A date alone includes that day, in UTC.
    #[schema(example = "2027-01-01T00:00:00Z")]
    expiry_at: Option<ExpiryInstant>,
    /// First instant; now unless told.
    #[schema(example = "2026-01-01T00:00:00Z")]
    active_from: Option<AnyInstant>,
    /// How much is granted, in units; 0 unless told. A feature needs none.
    quantity: Option<Number>,
    /// What of it is used, in units; 0 unless told.
    quantity_used: Option<Number>,
    /// The contract that it is part of; kept as it is sent.
    #[schema(example = json!(null))]
    contract_id: Option<Uuid>,
    /// What made it; `Grant` unless told.
    #[schema(max_length = 64, example = "Grant")]
    source_type: Option<String>,
    /// Id of what made it; kept as it is sent.
    #[schema(example = json!(null))]
    source_id: Option<Uuid>,
    /// Units of a block; kept as it is sent.
    #[schema(example = json!(null))]
    block_amount: Option<Number>,
    /// The invoice with which it comes; kept as it is sent.
    #[schema(example = json!(null))]
    invoice_id: Option<Uuid>,
    /// The event that made it; `manual` unless told.
    #[schema(max_length = 64, example = "manual")]
    event: Option<String>,
    /// Level of a feature that is a number.
    #[schema(example = json!(null))]
    numeric_value: Option<Number>,
    /// Level of a feature.
    #[schema(max_length = 255, example = json!(null))]
    feature_option_value: Option<String>,
    /// Whether it counts yet; `active` unless told.
    status: Option<GrantStatusWord>,
}

/// A grant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CustomerEntitlementResponse {
    /// Id of the grant.
    id: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// Id of the customer.
    customer: Uuid,
    /// First instant at which it is gone; null is never.
    expiry_at: Option<Instant>,
    /// First instant.
    active_from: Instant,
    /// How much was granted, in units.
    quantity: Number,
    /// What of it is used, in units.
    quantity_used: Number,
    /// What of it is not used, in units.
    quantity_remaining: Number,
    /// What drafts of invoices hold of it, in units.
    quantity_held: Number,
    /// The contract that grants.
    contract_id: Option<Uuid>,
    /// What made it.
    #[schema(example = "Grant")]
    source_type: String,
    /// Id of what made it.
    source_id: Option<Uuid>,
    /// Units of a block.
    block_amount: Option<Number>,
    /// The invoice with which it comes.
    invoice_id: Option<Uuid>,
    /// The event that made it: `manual`, or what triggers a contract's grant.
    #[schema(example = "manual")]
    event: String,
    /// Level of a feature that is a number.
    numeric_value: Option<Number>,
    /// Level of a feature.
    #[schema(example = json!(null))]
    feature_option_value: Option<String>,
    /// Whether it counts yet.
    status: GrantStatusWord,
    /// When it was created.
    created_at: Instant,
    /// When it last changed.
    updated_at: Instant,
}

/// What stands around a grant: its contract, product, invoice or customer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct GrantRelationResponse {
    /// Its id.
    id: Uuid,
    /// Name of a contract, product or customer; number of an invoice, null as long as that is a draft.
    #[schema(example = "Northwind")]
    name: Option<String>,
    /// E-mail address of a customer; null for anything else.
    #[schema(example = json!(null))]
    email: Option<String>,
}

/// A grant in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedGrantResponse {
    /// Id of the grant.
    id: Uuid,
    /// Id of the entitlement.
    entitlement: Uuid,
    /// What people call the entitlement.
    #[schema(example = "API calls")]
    name: String,
    /// What one unit is called.
    #[schema(example = "call")]
    units: Option<String>,
    /// Id of the customer.
    customer: Uuid,
    /// The customer, where `populate` asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    customer_details: Option<GrantRelationResponse>,
    /// What the entitlement is counted in.
    #[serde(rename = "type")]
    entitlement_type: EntitlementTypeWord,
    /// What made it.
    #[schema(example = "Grant")]
    source_type: String,
    /// Id of what made it.
    source_id: Option<Uuid>,
    /// The contract that grants.
    contract: Option<GrantRelationResponse>,
    /// The product of the entitlement.
    product: Option<GrantRelationResponse>,
    /// The invoice with which it comes.
    invoice: Option<GrantRelationResponse>,
    /// First instant.
    active_from: Instant,
    /// First instant at which it is gone; null is never.
    expiry_at: Option<Instant>,
    /// How much was granted, in units.
    quantity: Number,
    /// What of it is used, in units.
    quantity_used: Number,
    /// What of it is not used, in units.
    quantity_remaining: Number,
    /// When it was created.
    created_at: Instant,
    /// Id of the contract that grants.
    contract_id: Option<Uuid>,
    /// The event that made it: `manual`, or what triggers a contract's grant.
    #[schema(example = "manual")]
    event: String,
    /// Id of the invoice with which it comes.
    invoice_id: Option<Uuid>,
    /// Where it stands: `draft`, `active` or, once `expiry_at` has come, `expired`.
    #[schema(example = "active")]
    status: &'static str,
}

/// What of an entitlement a customer was granted in all.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UniqueEntitlementResponse {
    /// The entitlement.
    entitlement: EntitlementResponse,
    /// All grants together, in units.
    total_quantity: Number,
    /// What of it is used, in units.
    total_quantity_used: Number,
    /// How many grants have expired.
    #[schema(example = 0)]
    total_expired_entitlements: u64,
}

/// What a customer was granted of an entitlement in a window.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TotalEntitlementResponse {
    /// Id of the entitlement.
    pub(super) entitlement: Uuid,
    /// Id of the customer.
    pub(super) customer: Uuid,
    /// The grants that count at any time of the window together, in units.
    pub(super) quantity: Number,
}

impl CustomerEntitlementInput {
    /// The ids that the body names, where they are those of the path.
    ///
    /// # Errors
    /// [`Error::Unreadable`] for ids of others.
    pub(super) fn is_of(
        &self,
        entitlement: Uuid,
        customer: Option<Uuid>,
    ) -> Result<(Uuid, Option<Uuid>), Error> {
        let is_other = self.entitlement.is_some_and(|named| named != entitlement);
        if is_other {
            return Err(other("entitlement"));
        }
        match customer.is_some_and(|customer| customer != self.customer) {
            true => Err(other("customer")),
            false => Ok((self.customer, self.id)),
        }
    }

    /// The details, for a grant that is made at this instant.
    pub(super) fn details(self, at: Timestamp) -> GrantDetails {
        let Self {
            customer: _,
            entitlement: _,
            id: _,
            expiry_at,
            active_from,
            quantity,
            quantity_used,
            contract_id,
            source_type,
            source_id,
            block_amount,
            invoice_id,
            event,
            numeric_value,
            feature_option_value,
            status,
        } = self;
        let number = |number: Option<Number>| number.map(|number| number.0);
        GrantDetails {
            status: match status {
                Some(GrantStatusWord::Draft) => GrantStatus::Draft,
                Some(GrantStatusWord::Active) | None => GrantStatus::Active,
            },
            active_from: active_from.map_or(at, |from| from.0),
            expiry_at: expiry_at.map(|expiry| expiry.0),
            quantity: number(quantity).unwrap_or(Decimal::ZERO),
            quantity_used: number(quantity_used).unwrap_or(Decimal::ZERO),
            source_type: source_type.unwrap_or_else(|| "Grant".to_owned()),
            source_id,
            event: event.unwrap_or_else(|| "manual".to_owned()),
            contract_id,
            invoice_id,
            block_amount: number(block_amount),
            numeric_value: number(numeric_value),
            feature_option_value,
        }
    }
}

fn other(field: &str) -> Error {
    let bad = BadField {
        part: "body",
        path: vec![field.to_owned()],
        message: "another one than in the path".to_owned(),
        kind: "value_error.const".to_owned(),
    };
    Error::Unreadable(vec![bad])
}

impl From<CustomerGrant> for CustomerEntitlementInput {
    fn from(grant: CustomerGrant) -> Self {
        let CustomerGrant {
            id,
            entitlement_id,
            customer_id,
            details,
            quantity_held: _,
            created_at: _,
            updated_at: _,
        } = grant;
        let GrantDetails {
            status,
            active_from,
            expiry_at,
            quantity,
            quantity_used,
            source_type,
            source_id,
            event,
            contract_id,
            invoice_id,
            block_amount,
            numeric_value,
            feature_option_value,
        } = details;
        Self {
            customer: customer_id,
            entitlement: Some(entitlement_id),
            id: Some(id),
            expiry_at: expiry_at.map(ExpiryInstant),
            active_from: Some(AnyInstant(active_from)),
            quantity: Some(Number(quantity)),
            quantity_used: Some(Number(quantity_used)),
            contract_id,
            source_type: Some(source_type),
            source_id,
            block_amount: block_amount.map(Number),
            invoice_id,
            event: Some(event),
            numeric_value: numeric_value.map(Number),
            feature_option_value,
            status: Some(status.into()),
        }
    }
}

impl From<GrantStatus> for GrantStatusWord {
    fn from(status: GrantStatus) -> Self {
        match status {
            GrantStatus::Draft => Self::Draft,
            GrantStatus::Active => Self::Active,
        }
    }
}

impl From<CustomerGrant> for CustomerEntitlementResponse {
    fn from(grant: CustomerGrant) -> Self {
        let quantity_remaining = Number(grant.quantity_remaining());
        let CustomerGrant {
            id,
            entitlement_id,
            customer_id,
            details,
            quantity_held,
            created_at,
            updated_at,
        } = grant;
        let GrantDetails {
            status,
            active_from,
            expiry_at,
            quantity,
            quantity_used,
            source_type,
            source_id,
            event,
            contract_id,
            invoice_id,
            block_amount,
            numeric_value,
            feature_option_value,
        } = details;
        Self {
            id,
            entitlement: entitlement_id,
            customer: customer_id,
            expiry_at: expiry_at.map(Instant),
            active_from: Instant(active_from),
            quantity: Number(quantity),
            quantity_used: Number(quantity_used),
            quantity_remaining,
            quantity_held: Number(quantity_held),
            contract_id,
            source_type,
            source_id,
            block_amount: block_amount.map(Number),
            invoice_id,
            event,
            numeric_value: numeric_value.map(Number),
            feature_option_value,
            status: status.into(),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Named> for GrantRelationResponse {
    fn from(named: Named) -> Self {
        let Named { id, name, email } = named;
        Self { id, name, email }
    }
}

impl ListedGrantResponse {
    /// The grant, with its customer where it was asked for.
    pub(super) fn new(shown: Shown, with_customer: bool) -> Self {
        let Shown {
            grant,
            entitlement,
            customer,
            contract,
            product,
            invoice,
            status,
        } = shown;
        let quantity_remaining = Number(grant.quantity_remaining());
        let details = grant.details;
        Self {
            id: grant.id,
            entitlement: grant.entitlement_id,
            name: entitlement.details.name,
            units: entitlement.details.units,
            customer: grant.customer_id,
            customer_details: customer.filter(|_| with_customer).map(Into::into),
            entitlement_type: entitlement.details.entitlement_type.into(),
            source_type: details.source_type,
            source_id: details.source_id,
            contract: contract.map(Into::into),
            product: product.map(Into::into),
            invoice: invoice.map(Into::into),
            active_from: Instant(details.active_from),
            expiry_at: details.expiry_at.map(Instant),
            quantity: Number(details.quantity),
            quantity_used: Number(details.quantity_used),
            quantity_remaining,
            created_at: Instant(grant.created_at),
            contract_id: details.contract_id,
            event: details.event,
            invoice_id: details.invoice_id,
            status,
        }
    }
}

impl From<Summed> for UniqueEntitlementResponse {
    fn from(summed: Summed) -> Self {
        let Summed {
            entitlement,
            quantity,
            quantity_used,
            expired,
        } = summed;
        Self {
            entitlement: entitlement.into(),
            total_quantity: Number(quantity),
            total_quantity_used: Number(quantity_used),
            total_expired_entitlements: expired,
        }
    }
}
