//! Customers: create, change, delete, list.

use std::collections::HashMap;

use florin_core::{
    address::{Address, Entry},
    contact::Contact,
    custom_attribute::Module,
    customer::{self, Customer, Details, Refusal},
    customer_connector::Link,
};
use florin_store::{
    self as store, Tx, business_entity::EntityName, customer_surroundings::Surroundings, list,
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    App, Error, Result, business_entity, custom_attribute, customer_address, customer_connector,
    customer_relationship::{self, refused as unrelatable},
};

/// A customer with what stands around it.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The customer.
    pub customer: Customer,
    /// Its default billing address.
    pub billing: Option<Entry>,
    /// Its default shipping address.
    pub shipping: Option<Entry>,
    /// The customer above it.
    pub parent_customer_id: Option<Uuid>,
    /// The entity that bills it.
    pub business_entity: Option<EntityName>,
    /// Its records in other systems.
    pub connectors: Vec<Link>,
    /// Its contacts, where they were asked for.
    pub contacts: Option<Vec<Contact>>,
}

/// What a caller writes of a customer.
#[derive(Clone, Debug)]
pub struct Written {
    /// The customer itself.
    pub details: Details,
    /// The book's default billing address; `None`: it has none.
    pub address: Option<Address>,
    /// The book's default shipping address; `None`: it has none.
    pub ship_to_address: Option<Address>,
    /// A link to set: the name of the system and the customer's id there.
    pub connector: Option<(String, String)>,
}

impl Profile {
    /// A new customer with nothing around it, which then need not be read again.
    fn alone(customer: Customer, business_entity: Option<EntityName>) -> Self {
        Self {
            customer,
            business_entity,
            billing: None,
            shipping: None,
            parent_customer_id: None,
            connectors: Vec::new(),
            contacts: Some(Vec::new()),
        }
    }
}

impl Written {
    /// Whether nothing stands around the customer.
    fn is_alone(&self) -> bool {
        self.address.is_none()
            && self.ship_to_address.is_none()
            && self.connector.is_none()
            && self.details.parent_customer_id().is_none()
    }
}

const RULES: &[(&str, &str, &str)] = &[
    (
        "customer_email_key",
        "CUSTOMER_EMAIL_TAKEN",
        "another customer has this e-mail address: send another one, or none",
    ),
    (
        "customer_external_id_key",
        "CUSTOMER_EXTERNAL_ID_TAKEN",
        "another customer has this external_id: send another one, or none",
    ),
    (
        "customer_id_key",
        "CUSTOMER_EXTERNAL_ID_TAKEN",
        "another customer has this external_id as its id: send another one, or none",
    ),
];

/// Creates a customer.
///
/// # Errors
/// [`Error::Refused`] for a broken rule or a value that another customer has, [`Error::Invalid`] for an
/// unknown parent or entity and for custom attributes that do not fit.
pub async fn create(app: &App, tx: &mut Tx, written: Written) -> Result<Profile> {
    let settled = settled(tx, &written.details, None).await;
    let created = customer::create(app.ids.next(), written.details.clone(), tx.at()?);
    let (settled, mut customer) = Error::both(settled, created.map_err(refused))?;
    let entity = settled.put(&mut customer);
    store::customer::insert(tx, &customer)
        .await
        .map_err(taken)?;
    if written.is_alone() {
        return Ok(Profile::alone(customer, entity));
    }
    write_surroundings(app, tx, &customer, written).await?;
    load(tx, customer.id).await
}

/// Replaces what a caller may write of a customer. Naming no business entity keeps the one it has.
///
/// # Errors
/// [`Error::NotFound`], else as [`create`].
pub async fn update(app: &App, tx: &mut Tx, id: Uuid, written: Written) -> Result<Profile> {
    let before = find(tx, id).await?;
    let mut details = written.details.clone();
    details.business_entity_id = details
        .business_entity_id
        .or(before.details.business_entity_id);
    let settled = settled(tx, &details, Some(&before.details)).await;
    let amended = customer::amend(&before, details, tx.at()?).map_err(refused);
    let (settled, mut after) = Error::both(settled, amended)?;
    settled.put(&mut after);
    let differs = store::customer::update(tx, &before, &after)
        .await
        .map_err(taken)?;
    let parents = [&before, &after].map(|customer| customer.details.parent_customer_id());
    if parents[0] != parents[1] {
        if parents[1].is_none() {
            customer_relationship::require_own_bills(tx, id).await?;
        }
        customer_relationship::release(tx, id, parents[0]).await?;
    }
    if write_surroundings(app, tx, &after, written).await? && !differs {
        store::customer::touch(tx, id).await?;
    }
    load(tx, id).await
}

/// Deletes a customer for good, with its addresses, contacts and links.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] while it is a parent or owes something, and when money moved.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Profile> {
    let deleted = load(tx, id).await?;
    if store::customer_relationship::has_children(tx, id).await? {
        return Err(unrelatable(
            florin_core::customer_relationship::Refusal::HasChildren,
        ));
    }
    if store::invoice::has_open(tx, id).await? {
        let message = "the customer has drafts or unpaid invoices: delete or settle them first";
        return Err(Error::refused("CUSTOMER_HAS_UNPAID_INVOICES", message));
    }
    if store::payment::has_any(tx, id).await? {
        let message = "a customer with payments, credit notes or a wallet stays in the books";
        return Err(Error::refused("CUSTOMER_HAS_PAYMENTS", message));
    }
    if store::contract::has_customer(tx, id).await? {
        return Err(Error::refused(
            "CUSTOMER_HAS_CONTRACTS",
            "the customer has contracts or pays for some: delete the drafts among them; the others keep it",
        ));
    }
    store::customer::delete(tx, &deleted.customer).await?;
    Ok(deleted)
}

/// The customer with all that stands around it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Profile> {
    let found = store::customer_surroundings::find(tx, id).await?;
    let (customer, around) = found.ok_or(NOT_FOUND)?;
    let profiles = profiles(vec![customer], around, true);
    profiles.into_iter().next().ok_or(NOT_FOUND)
}

/// Customers by their ids with what stands around them, without their contacts.
///
/// # Errors
/// [`Error::Store`].
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Profile>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let customers = store::customer::of_ids(tx, ids).await?;
    let around = store::customer_surroundings::of_customers(tx, ids, false).await?;
    Ok(profiles(customers, around, false))
}

/// One page of customers, with their contacts or without.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(
    tx: &mut Tx,
    query: &list::Query,
    with_contacts: bool,
) -> Result<list::Page<Profile>> {
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = store::customer::page(tx, query).await?;
    let ids: Vec<Uuid> = results.iter().map(|customer| customer.id).collect();
    let around = store::customer_surroundings::of_customers(tx, &ids, with_contacts).await?;
    Ok(list::Page {
        results: profiles(results, around, with_contacts),
        next,
        previous,
        total_count,
    })
}

/// The customer alone.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Customer> {
    store::customer::find(tx, id).await?.ok_or(NOT_FOUND)
}

/// The customer that a body names by `customer_id`, not locked: money of one customer moves in many requests at
/// once, and its wallet has a lock of its own.
///
/// # Errors
/// [`Error::Invalid`] for an unknown one.
pub(crate) async fn expect_known(tx: &mut Tx, id: Uuid) -> Result<Customer> {
    let found = store::customer::of_ids(tx, &[id]).await?.pop();
    found.ok_or_else(|| {
        let message = "there is no customer with this id";
        Error::field("customer_id", "value_error.unknown", message)
    })
}

/// What of a customer is decided by other records.
struct Settled {
    entity: Entity,
    custom_attributes: Json,
}

/// The entity that bills a customer.
enum Entity {
    /// The one that it has.
    Kept(Option<Uuid>),
    /// The one that was named, or the default.
    Chosen(EntityName),
}

impl Settled {
    /// Answers the entity if it was looked up.
    fn put(self, customer: &mut Customer) -> Option<EntityName> {
        customer.details.custom_attributes = self.custom_attributes;
        let (id, chosen) = match self.entity {
            Entity::Kept(id) => (id, None),
            Entity::Chosen(entity) => (Some(entity.id), Some(entity)),
        };
        customer.details.business_entity_id = id;
        chosen
    }
}

/// The entity that bills, and custom attributes that fit their definitions. What a change leaves as it
/// was is not checked again.
async fn settled(tx: &mut Tx, details: &Details, before: Option<&Details>) -> Result<Settled> {
    let named = details.business_entity_id;
    let values = details.custom_attributes.clone();
    let keeps_entity = before.is_some_and(|before| before.business_entity_id == named);
    let keeps_values = before.is_some_and(|before| before.custom_attributes == values);
    if keeps_entity && keeps_values {
        return Ok(Settled {
            entity: Entity::Kept(named),
            custom_attributes: values,
        });
    }
    let (found, definitions) = custom_attribute::of_entity(tx, Module::Customers, named).await?;
    let entity = match keeps_entity {
        true => Ok(Entity::Kept(named)),
        false => business_entity::chosen(named, found).map(Entity::Chosen),
    };
    let values = match keeps_values {
        true => Ok(values),
        false => custom_attribute::fitting(&definitions, values, before.is_none()),
    };
    let (entity, custom_attributes) = Error::both(entity, values)?;
    Ok(Settled {
        entity,
        custom_attributes,
    })
}

const NOT_FOUND: Error = Error::NotFound {
    resource: "customer",
};

/// Each customer with what stands around it.
fn profiles(customers: Vec<Customer>, around: Surroundings, with_contacts: bool) -> Vec<Profile> {
    let Surroundings {
        addresses,
        links,
        relationships,
        entities,
        contacts,
    } = around;
    let mut books = grouped(addresses, |entry| entry.customer_id);
    let mut links = grouped(links, |link| link.customer_id);
    let parents: HashMap<Uuid, Uuid> = relationships
        .into_iter()
        .map(|relationship| {
            (
                relationship.child_customer_id,
                relationship.parent_customer_id,
            )
        })
        .collect();
    let named = |id: Uuid| entities.iter().find(|entity| entity.id == id).cloned();
    let mut contacts = grouped(contacts, |contact| contact.details.customer_id);
    let profile = |customer: Customer| {
        let book = books.remove(&customer.id).unwrap_or_default();
        let default = |is: fn(&Entry) -> bool| book.iter().find(|entry| is(entry)).cloned();
        let of_customer = contacts.remove(&customer.id).unwrap_or_default();
        Profile {
            billing: default(|entry| entry.is_default_billing),
            shipping: default(|entry| entry.is_default_shipping),
            parent_customer_id: parents.get(&customer.id).copied(),
            business_entity: customer.details.business_entity_id.and_then(named),
            connectors: links.remove(&customer.id).unwrap_or_default(),
            contacts: with_contacts.then_some(of_customer),
            customer,
        }
    };
    customers.into_iter().map(profile).collect()
}

fn grouped<T>(rows: Vec<T>, customer_id: impl Fn(&T) -> Uuid) -> HashMap<Uuid, Vec<T>> {
    let mut groups: HashMap<Uuid, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(customer_id(&row)).or_default().push(row);
    }
    groups
}

/// Answers whether anything around the customer differs from before.
async fn write_surroundings(
    app: &App,
    tx: &mut Tx,
    customer: &Customer,
    written: Written,
) -> Result<bool> {
    let defaults = [written.address, written.ship_to_address];
    let mut differs = customer_address::place_defaults(app, tx, customer.id, defaults).await?;
    if let Some((name, reference_id)) = written.connector {
        let link = (name, reference_id);
        differs |= customer_connector::set(app, tx, customer.id, link).await?;
    }
    if let Some(parent) = customer.details.parent_customer_id() {
        differs |= customer_relationship::settle(app, tx, parent, customer.id).await?;
    }
    Ok(differs)
}

fn taken(error: store::Error) -> Error {
    Error::from_constraint(error, RULES)
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NameBlank => Error::field("customer_name", "value_error.blank", refusal),
        Refusal::PhoneNumberInvalid => Error::field("phone_number", "value_error.phone", refusal),
        Refusal::BusinessEntityFixed => Error::refused("BUSINESS_ENTITY_FIXED", refusal),
    }
}
