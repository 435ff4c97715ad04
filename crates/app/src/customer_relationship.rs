//! Parents and children among customers.
//!
//! Owns keeping `parent_customer_id` in a child's `custom_data` in step with its relationship. Customers
//! are locked before relationships are.

use florin_core::{
    customer::Customer,
    customer_relationship::{ANCESTORS_MAX, Refusal, Relationship, check},
};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

use crate::{App, Error, Result, customer};

/// Makes one customer the parent of another.
///
/// # Errors
/// [`Error::Invalid`] for unknown customers; [`Error::Refused`] for a cycle, a chain that is too long, or
/// a child that has a parent.
pub async fn create(app: &App, tx: &mut Tx, [parent, child]: [Uuid; 2]) -> Result<Relationship> {
    expect_customers(tx, [parent, child]).await?;
    store::customer_relationship::lock(tx).await?;
    let existing = store::customer_relationship::of_children(tx, &[child]).await?;
    if !existing.is_empty() {
        return Err(refused(Refusal::HasParent));
    }
    let relationship = relate(app, tx, parent, child).await?;
    store::customer::touch(tx, child).await?;
    Ok(relationship)
}

/// Ends a relationship; a `parent_customer_id` in the child's `custom_data` goes with it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Relationship> {
    let relationship = store::customer_relationship::find(tx, id).await?;
    let relationship = relationship.ok_or(Error::NotFound {
        resource: "customer relationship",
    })?;
    let child = customer::find(tx, relationship.child_customer_id).await?;
    require_own_bills(tx, child.id).await?;
    if child.details.parent_customer_id() == Some(relationship.parent_customer_id) {
        let after = Customer {
            details: child.details.clone().without_parent(),
            ..child.clone()
        };
        store::customer::update(tx, &child, &after).await?;
    } else {
        store::customer::touch(tx, child.id).await?;
    }
    store::customer_relationship::delete(tx, &relationship).await?;
    Ok(relationship)
}

/// One page of relationships.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Relationship>> {
    Ok(store::customer_relationship::page(tx, query).await?)
}

/// Makes `parent`, which the child's `custom_data` names, the child's only parent; answers whether it was
/// not yet.
pub(crate) async fn settle(app: &App, tx: &mut Tx, parent: Uuid, child: Uuid) -> Result<bool> {
    if store::customer::find(tx, parent).await?.is_none() {
        return Err(unknown("custom_data.parent_customer_id"));
    }
    store::customer_relationship::lock(tx).await?;
    for relationship in store::customer_relationship::of_children(tx, &[child]).await? {
        if relationship.parent_customer_id == parent {
            return Ok(false);
        }
        store::customer_relationship::delete(tx, &relationship).await?;
    }
    relate(app, tx, parent, child).await?;
    Ok(true)
}

/// Refuses to leave contracts without the parent that pays for them.
///
/// # Errors
/// [`Error::Refused`].
pub(crate) async fn require_own_bills(tx: &mut Tx, child: Uuid) -> Result<()> {
    if store::contract::bills_parent(tx, child).await? {
        let message = "the parent pays for contracts of the customer: change these first";
        return Err(Error::refused("CUSTOMER_PARENT_PAYS", message));
    }
    Ok(())
}

/// Ends the child's relationship with `parent`, which its `custom_data` no longer names.
pub(crate) async fn release(tx: &mut Tx, child: Uuid, parent: Option<Uuid>) -> Result<()> {
    for relationship in store::customer_relationship::of_children(tx, &[child]).await? {
        if parent == Some(relationship.parent_customer_id) {
            store::customer_relationship::delete(tx, &relationship).await?;
        }
    }
    Ok(())
}

async fn relate(app: &App, tx: &mut Tx, parent: Uuid, child: Uuid) -> Result<Relationship> {
    let ancestors = store::customer_relationship::ancestors(tx, parent, ANCESTORS_MAX).await?;
    check(parent, child, &ancestors).map_err(refused)?;
    let relationship = Relationship {
        id: app.ids.next(),
        parent_customer_id: parent,
        child_customer_id: child,
        created_at: tx.at()?,
    };
    store::customer_relationship::insert(tx, &relationship).await?;
    Ok(relationship)
}

/// Locks both in the order of their ids, so that two requests cannot wait for each other.
async fn expect_customers(tx: &mut Tx, [parent, child]: [Uuid; 2]) -> Result<()> {
    let mut named = [(parent, "parent_customer_id"), (child, "child_customer_id")];
    named.sort_unstable();
    let mut fields = Vec::new();
    for (id, field) in named {
        if store::customer::find(tx, id).await?.is_none()
            && let Error::Invalid(unknown) = unknown(field)
        {
            fields.extend(unknown);
        }
    }
    if fields.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(fields))
    }
}

fn unknown(field: &str) -> Error {
    Error::field(
        field,
        "value_error.unknown",
        "there is no customer with this id",
    )
}

pub(crate) fn refused(refusal: Refusal) -> Error {
    let code = match refusal {
        Refusal::Cycle => "CUSTOMER_RELATIONSHIP_CYCLE",
        Refusal::TooDeep => "CUSTOMER_RELATIONSHIP_TOO_DEEP",
        Refusal::HasParent => "CUSTOMER_HAS_PARENT",
        Refusal::HasChildren => "CUSTOMER_HAS_CHILDREN",
    };
    Error::refused(code, refusal)
}
