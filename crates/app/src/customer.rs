//! Customers: create, change, delete, list.

use std::collections::HashMap;

use florin_core::{
    address::{self, Address, Entry},
    custom_attribute::Module,
    customer::{self, Customer, Details, Refusal},
};
use florin_store::{self as store, Tx, list};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{App, Error, Result, business_entity, custom_attribute};

/// A customer with the addresses that documents show.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// The customer.
    pub customer: Customer,
    /// Its default billing address.
    pub billing: Option<Entry>,
    /// Its default shipping address.
    pub shipping: Option<Entry>,
}

/// What a caller writes of a customer.
#[derive(Clone, Debug)]
pub struct Written {
    /// The customer itself.
    pub details: Details,
    /// Billing address; becomes the book's default.
    pub address: Option<Address>,
    /// Shipping address; becomes the book's default.
    pub ship_to_address: Option<Address>,
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
/// [`Error::Refused`] for a broken rule or a value that another customer has.
pub async fn create(app: &App, tx: &mut Tx, written: Written) -> Result<Addressed> {
    let settled = settled(tx, &written.details, None).await;
    let created = customer::create(app.ids.next(), written.details, tx.at()?);
    let (settled, mut customer) = Error::both(settled, created.map_err(refused))?;
    settled.put(&mut customer);
    store::customer::insert(tx, &customer)
        .await
        .map_err(taken)?;
    place_defaults(
        app,
        tx,
        customer.id,
        [written.address, written.ship_to_address],
    )
    .await?;
    addressed(tx, customer).await
}

/// Replaces what a caller may write of a customer. Naming no business entity keeps the one it has.
///
/// # Errors
/// [`Error::NotFound`], or [`Error::Refused`] for a broken rule or a value that another customer has.
pub async fn update(app: &App, tx: &mut Tx, id: Uuid, written: Written) -> Result<Addressed> {
    let before = find(tx, id).await?;
    let mut details = written.details;
    details.business_entity_id = details
        .business_entity_id
        .or(before.details.business_entity_id);
    let settled = settled(tx, &details, Some(&before.details)).await;
    let amended = customer::amend(&before, details, tx.at()?).map_err(refused);
    let (settled, mut after) = Error::both(settled, amended)?;
    settled.put(&mut after);
    store::customer::update(tx, &before, &after)
        .await
        .map_err(taken)?;
    place_defaults(app, tx, id, [written.address, written.ship_to_address]).await?;
    load(tx, id).await
}

/// Deletes a customer for good.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Addressed> {
    let deleted = load(tx, id).await?;
    store::customer::delete(tx, &deleted.customer).await?;
    Ok(deleted)
}

/// The customer with its addresses.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Addressed> {
    let customer = find(tx, id).await?;
    addressed(tx, customer).await
}

/// One page of customers with their addresses.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Addressed>> {
    let page = store::customer::page(tx, query).await?;
    let ids: Vec<Uuid> = page.results.iter().map(|customer| customer.id).collect();
    let mut books: HashMap<Uuid, Vec<Entry>> = HashMap::new();
    for entry in store::customer_address::of_customers(tx, &ids).await? {
        books.entry(entry.customer_id).or_default().push(entry);
    }
    let list::Page {
        results,
        next,
        previous,
        total_count,
    } = page;
    let with_book = |customer: Customer| {
        let book = books.remove(&customer.id).unwrap_or_default();
        with_defaults(customer, &book)
    };
    let results = results.into_iter().map(with_book).collect();
    Ok(list::Page {
        results,
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
    store::customer::find(tx, id).await?.ok_or(Error::NotFound {
        resource: "customer",
    })
}

/// What of a customer is decided by other records.
struct Settled {
    business_entity_id: Option<Uuid>,
    custom_attributes: Json,
}

impl Settled {
    fn put(self, customer: &mut Customer) {
        customer.details.business_entity_id = self.business_entity_id;
        customer.details.custom_attributes = self.custom_attributes;
    }
}

/// The entity that bills, and custom attributes that fit their definitions. What a change leaves as it
/// was is not checked again.
async fn settled(tx: &mut Tx, details: &Details, before: Option<&Details>) -> Result<Settled> {
    let named = details.business_entity_id;
    let entity = match before {
        Some(before) if before.business_entity_id == named => Ok(named),
        _ => business_entity::chosen(tx, named).await.map(Some),
    };
    let values = details.custom_attributes.clone();
    let values = match before {
        Some(before) if before.custom_attributes == values => Ok(values),
        _ => {
            let entity = entity.as_ref().ok().copied().flatten();
            custom_attribute::check(tx, Module::Customers, entity, values, before.is_none()).await
        }
    };
    let (business_entity_id, custom_attributes) = Error::both(entity, values)?;
    Ok(Settled {
        business_entity_id,
        custom_attributes,
    })
}

async fn addressed(tx: &mut Tx, customer: Customer) -> Result<Addressed> {
    let book = store::customer_address::of_customers(tx, &[customer.id]).await?;
    Ok(with_defaults(customer, &book))
}

fn with_defaults(customer: Customer, book: &[Entry]) -> Addressed {
    let billing = book.iter().find(|entry| entry.is_default_billing).cloned();
    let shipping = book.iter().find(|entry| entry.is_default_shipping).cloned();
    Addressed {
        customer,
        billing,
        shipping,
    }
}

/// Puts the billing and the shipping address into the book, as its defaults.
async fn place_defaults(
    app: &App,
    tx: &mut Tx,
    customer_id: Uuid,
    [billing, shipping]: [Option<Address>; 2],
) -> Result<()> {
    let both = [(billing, true), (shipping, false)];
    for (address, is_billing) in both {
        let Some(address) = address else { continue };
        let at = tx.at()?;
        let entry = Entry {
            id: app.ids.next(),
            customer_id,
            address,
            is_default_billing: is_billing,
            is_default_shipping: !is_billing,
            created_at: at,
            updated_at: at,
        };
        place(tx, entry).await?;
    }
    Ok(())
}

/// Puts an address into its customer's book.
///
/// # Errors
/// [`Error::Store`].
pub async fn place(tx: &mut Tx, entry: Entry) -> Result<Entry> {
    let book = store::customer_address::of_customers(tx, &[entry.customer_id]).await?;
    let address::Placement { cleared, placed } = address::place(&book, entry);
    for (before, after) in &cleared {
        store::customer_address::update(tx, before, after).await?;
    }
    match placed {
        (None, entry) => {
            store::customer_address::insert(tx, &entry).await?;
            Ok(entry)
        }
        (Some(before), after) => {
            store::customer_address::update(tx, &before, &after).await?;
            Ok(after)
        }
    }
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
