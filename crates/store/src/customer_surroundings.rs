//! What stands around customers, read in one batch. Owns no table: each of them renders and decodes its
//! own rows.

use florin_core::{
    address::Entry, contact::Contact, customer::Customer, customer_connector::Link,
    customer_relationship::Relationship,
};
use uuid::Uuid;

use crate::{
    Batch, Outcome, Result, Row, Tx, business_entity, business_entity::EntityName, contact,
    customer, customer_address, customer_connector, customer_relationship,
};

/// Rows around one or several customers, the oldest of each kind first.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Their address books.
    pub addresses: Vec<Entry>,
    /// Their records in other systems.
    pub links: Vec<Link>,
    /// Where they are children.
    pub relationships: Vec<Relationship>,
    /// The entities that bill them, each once.
    pub entities: Vec<EntityName>,
    /// Their contacts; none where they were not asked for.
    pub contacts: Vec<Contact>,
}

/// The customer with this id and all around it; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<(Customer, Surroundings)>> {
    let mut batch = tx.batch();
    batch.add(&customer::with_id(tx, id));
    add(tx, &mut batch, &[id], true);
    let mut outcomes = tx.run(batch).await?.into_iter();
    let customers = outcomes.next().unwrap_or_default().rows;
    let Some(row) = customers.first() else {
        return Ok(None);
    };
    Ok(Some((customer::decode(row)?, decode(outcomes)?)))
}

/// What stands around these customers, with their contacts or without.
///
/// # Errors
/// What the statements answer.
pub async fn of_customers(
    tx: &mut Tx,
    customers: &[Uuid],
    with_contacts: bool,
) -> Result<Surroundings> {
    if customers.is_empty() {
        return Ok(Surroundings::default());
    }
    let mut batch = tx.batch();
    add(tx, &mut batch, customers, with_contacts);
    decode(tx.run(batch).await?.into_iter())
}

/// In the order of [`decode`].
fn add(tx: &Tx, batch: &mut Batch, customers: &[Uuid], with_contacts: bool) {
    batch.add(&customer_address::select_of(tx, customers));
    batch.add(&customer_connector::select_of(tx, customers));
    batch.add(&customer_relationship::select_of(tx, customers));
    batch.add(&business_entity::names_of(tx, customers));
    if with_contacts {
        batch.add(&contact::select_of(tx, customers));
    }
}

fn decode(mut outcomes: impl Iterator<Item = Outcome>) -> Result<Surroundings> {
    let mut next = || outcomes.next().unwrap_or_default().rows;
    Ok(Surroundings {
        addresses: each(next(), customer_address::decode)?,
        links: each(next(), customer_connector::decode)?,
        relationships: each(next(), customer_relationship::decode)?,
        entities: each(next(), business_entity::decode_name)?,
        contacts: each(next(), contact::decode)?,
    })
}

fn each<T>(rows: Vec<Row>, decode: impl Fn(&Row) -> Result<T>) -> Result<Vec<T>> {
    rows.iter().map(decode).collect()
}
