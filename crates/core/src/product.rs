//! Products: what is sold.
//!
//! Owns what a valid product is and which changes it allows. Does not own its prices
//! ([`crate::product_pricing`]) nor uniqueness (a constraint of the store). Invariants: type and subtype
//! fit; nothing is an ancestor of itself; what has sub-products has no price of its own.

use jiff::Timestamp;
use serde_json::Value as Json;
use uuid::Uuid;

/// Products above a product at most. Deeper catalogues are loops in the making.
pub const ANCESTORS_MAX: usize = 10;

/// A product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Name on documents.
    pub name: String,
    /// A sentence about it; never blank.
    pub description: Option<String>,
    /// The caller's own code; unique within the organisation.
    pub sku: Option<String>,
    /// Short name for addresses; unique within the organisation.
    pub slug: Option<String>,
    /// One product or a group of them.
    pub kind: Kind,
    /// Whether it can be sold.
    pub status: Status,
    /// When it is delivered and what is counted.
    pub delivery: Option<Delivery>,
    /// What one unit is called.
    pub unit: Option<Unit>,
    /// Codes of tax providers, by provider.
    pub tax_codes: Json,
    /// Tax category of the organisation's own tax engine.
    pub tax_category: Option<String>,
    /// The product that this one is a part of.
    pub parent_link_id: Option<Uuid>,
    /// The price that is offered first.
    pub default_pricing_id: Option<Uuid>,
    /// Whether usage is recorded for it.
    pub track_usage: bool,
    /// Levels of a feature that is not counted but chosen.
    pub enum_values: Vec<String>,
    /// Labels.
    pub tags: Json,
    /// Values of the organisation's custom attributes.
    pub custom_attributes: Json,
}

/// One product or a group of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sold by itself.
    Product,
    /// Products sold together at one price.
    Group,
}

/// Whether a product can be sold (semantics §2.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Active,
    /// Not in new contracts; those that have it keep it.
    Inactive,
    /// It is kept for the record only.
    Archived,
}

/// When a product is delivered and what is counted of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// At one moment or over time.
    pub timing: Timing,
    /// What is counted.
    pub subtype: Subtype,
}

/// Whether a product is delivered at one moment or over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At one moment: consumed.
    PointInTime,
    /// Over a period: held.
    PeriodOfTime,
}

/// What is counted of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subtype {
    /// Units.
    Quantity,
    /// Credits.
    Credits,
    /// Access.
    Feature,
}

/// What units are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// One of them.
    pub singular: String,
    /// Several of them.
    pub plural: Option<String>,
}

/// Which rule a product breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a product needs a name that is not blank")]
    NameBlank,
    /// Nothing begins as archived.
    #[error("a product cannot be created as archived: create it active or inactive")]
    CreatedAsArchived,
    /// A group has other prices than a product.
    #[error("a product stays a product and a group stays a group: create another one")]
    KindFixed,
    /// The subtype is not one of the type's.
    #[error(
        "point_in_time products count quantity or credits, period_of_time products quantity or \
             feature"
    )]
    TypeSubtypeIncompatible,
    /// A parent is deeper than [`ANCESTORS_MAX`] or leads back to the product.
    #[error("a product cannot be a part of itself, nor more than 10 levels deep")]
    ParentTooDeep,
    /// The parent has a price of its own.
    #[error("a product with prices cannot have sub-products: delete its prices first")]
    ParentHasPricing,
}

impl Kind {
    /// Every kind, as the API writes it.
    pub const ALL: &[(Self, &str)] = &[(Self::Product, "product"), (Self::Group, "group")];
}

impl Status {
    /// Every status, as the API writes it.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Active, "active"),
        (Self::Inactive, "inactive"),
        (Self::Archived, "archived"),
    ];

    /// The status after `is_active` was written, which does not tell inactive from archived.
    #[must_use]
    pub fn with_active(self, is_active: bool) -> Self {
        match (self, is_active) {
            (_, true) => Self::Active,
            (Self::Active, false) => Self::Inactive,
            (kept, false) => kept,
        }
    }
}

impl Timing {
    /// Every timing, as the API writes it.
    pub const ALL: &[(Self, &str)] = &[
        (Self::PointInTime, "point_in_time"),
        (Self::PeriodOfTime, "period_of_time"),
    ];
}

impl Subtype {
    /// Every subtype, as the API writes it.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Quantity, "quantity"),
        (Self::Credits, "credits"),
        (Self::Feature, "feature"),
    ];
}

/// The word for a case, from its table.
pub fn word<T: Copy + PartialEq>(table: &'static [(T, &'static str)], case: T) -> &'static str {
    let row = table.iter().find(|(known, _)| *known == case);
    row.map_or("", |(_, word)| word)
}

/// The case of a word, from its table.
pub fn case<T: Copy>(table: &[(T, &str)], word: &str) -> Option<T> {
    let row = table.iter().find(|(_, known)| *known == word);
    row.map(|(case, _)| *case)
}

/// A new product.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn create(id: Uuid, details: Details, at: Timestamp) -> Result<Product, Refusal> {
    let details = checked(details)?;
    if details.status == Status::Archived {
        return Err(Refusal::CreatedAsArchived);
    }
    Ok(Product {
        id,
        details,
        created_at: at,
        updated_at: at,
    })
}

/// The product with other details.
///
/// # Errors
/// The first [`Refusal`] that applies.
pub fn amend(product: &Product, details: Details, at: Timestamp) -> Result<Product, Refusal> {
    if product.details.kind != details.kind {
        return Err(Refusal::KindFixed);
    }
    Ok(Product {
        id: product.id,
        details: checked(details)?,
        created_at: product.created_at,
        updated_at: at,
    })
}

/// Checks that a product may be a part of another. `ancestors` are the parent's id and those above it;
/// `parent_has_pricing`: whether the parent has a price of its own.
///
/// # Errors
/// [`Refusal::ParentTooDeep`], [`Refusal::ParentHasPricing`].
pub fn check_parent(id: Uuid, ancestors: &[Uuid], parent_has_pricing: bool) -> Result<(), Refusal> {
    if ancestors.contains(&id) || ancestors.len() > ANCESTORS_MAX {
        return Err(Refusal::ParentTooDeep);
    }
    if parent_has_pricing {
        return Err(Refusal::ParentHasPricing);
    }
    Ok(())
}

fn checked(details: Details) -> Result<Details, Refusal> {
    if details.name.trim().is_empty() {
        return Err(Refusal::NameBlank);
    }
    if !details.delivery.is_none_or(Delivery::is_possible) {
        return Err(Refusal::TypeSubtypeIncompatible);
    }
    Ok(Details {
        description: unblank(details.description),
        sku: unblank(details.sku),
        slug: unblank(details.slug),
        tax_category: unblank(details.tax_category),
        ..details
    })
}

/// The text without outer blanks; blank is none.
fn unblank(text: Option<String>) -> Option<String> {
    let text = text?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

impl Delivery {
    /// Whether the subtype is one of the type's (api reference §7.6).
    pub const fn is_possible(self) -> bool {
        !matches!(
            (self.timing, self.subtype),
            (Timing::PointInTime, Subtype::Feature) | (Timing::PeriodOfTime, Subtype::Credits)
        )
    }
}

#[cfg(test)]
mod tests;
