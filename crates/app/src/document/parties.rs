//! Who bills and who pays: as kept at the approval, or as they are now for a draft. Owns which entity and
//! which addresses are shown.

use std::collections::{BTreeSet, HashMap};

use florin_core::address::Entry;
use florin_core::business_entity::BusinessEntity;
use florin_core::customer::Customer;
use florin_core::document::{Billed, Parties, Party};
use florin_core::invoice::{Header, Issued};
use florin_store::{self as store, Tx};
use uuid::Uuid;

use crate::{Error, Result, business_entity};

/// Customers that one query asks for: a database bounds the values of a statement.
const IDS_MAX: usize = 1_000;

/// The parties of an invoice.
pub(super) async fn of(tx: &mut Tx, invoice: Billed<'_>) -> Result<Parties> {
    if let Billed::Issued(issued) = invoice
        && let Some(kept) = store::invoice_parties::find(tx, issued.id()).await?
    {
        return Ok(kept);
    }
    let header = invoice.header();
    between(tx, header.customer_id, header.business_entity_id).await
}

/// A customer and the entity that bills it, as they are now.
///
/// # Errors
/// [`Error::NotFound`] for the customer.
pub(crate) async fn between(
    tx: &mut Tx,
    customer_id: Uuid,
    business_entity_id: Option<Uuid>,
) -> Result<Parties> {
    let sides = (customer_id, business_entity_id);
    let known = Known::load(tx, &[sides]).await?;
    known.parties(sides).ok_or(Error::NotFound {
        resource: "customer",
    })
}

/// Names of the customers that a consolidated invoice serves.
pub(super) async fn served(tx: &mut Tx, invoice: Billed<'_>) -> Result<Vec<(Uuid, String)>> {
    let payer = invoice.header().customer_id;
    let customers = invoice.parts().iter().map(|part| part.customer_id);
    let others: BTreeSet<Uuid> = customers.filter(|id| *id != payer).collect();
    let others: Vec<Uuid> = others.into_iter().collect();
    let served = store::customer::of_ids(tx, &others).await?.into_iter();
    Ok(served
        .map(|customer| (customer.id, customer.details.customer_name))
        .collect())
}

/// Keeps names and addresses of invoices that are being approved, as they are now: whoever asks for one of
/// them years later gets what was sent. Call it once in the transaction of the approval, with all of them.
///
/// # Errors
/// [`Error::Store`].
pub async fn freeze(tx: &mut Tx, invoices: &[&Issued]) -> Result<()> {
    let named = invoices.iter().map(|issued| sides(issued.header()));
    let known = Known::load(tx, &named.collect::<Vec<Sides>>()).await?;
    let parties = invoices.iter().filter_map(|issued| {
        let parties = known.parties(sides(issued.header()))?;
        Some((issued.id(), parties))
    });
    let parties: Vec<(Uuid, Parties)> = parties.collect();
    store::invoice_parties::insert_all(tx, &parties).await?;
    Ok(())
}

/// Who pays, and the entity that bills where the document names one.
type Sides = (Uuid, Option<Uuid>);

const fn sides(header: &Header) -> Sides {
    (header.customer_id, header.business_entity_id)
}

/// Customers, their addresses and the entities that bill them.
struct Known {
    customers: HashMap<Uuid, Customer>,
    books: HashMap<Uuid, Vec<Entry>>,
    entities: HashMap<Uuid, BusinessEntity>,
    default: BusinessEntity,
}

impl Known {
    /// All that these documents name, in a few queries whatever their number.
    async fn load(tx: &mut Tx, documents: &[Sides]) -> Result<Self> {
        let ids: BTreeSet<Uuid> = documents.iter().map(|(customer, _)| *customer).collect();
        let ids: Vec<Uuid> = ids.into_iter().collect();
        let (mut customers, mut books) = (HashMap::new(), HashMap::<Uuid, Vec<Entry>>::new());
        let found = store::customer::of_ids(tx, &ids).await?;
        customers.extend(found.into_iter().map(|customer| (customer.id, customer)));
        for ids in ids.chunks(IDS_MAX) {
            for entry in store::customer_address::of_customers(tx, ids).await? {
                books.entry(entry.customer_id).or_default().push(entry);
            }
        }
        let named = documents.iter().filter_map(|(_, entity)| *entity);
        let own = customers.values();
        let own = own.filter_map(|customer: &Customer| customer.details.business_entity_id);
        let named: BTreeSet<Uuid> = named.chain(own).collect();
        let named: Vec<Uuid> = named.into_iter().collect();
        let entities = store::business_entity::with_ids(tx, &named).await?;
        Ok(Self {
            customers,
            books,
            entities: entities
                .into_iter()
                .map(|entity| (entity.id, entity))
                .collect(),
            default: business_entity::default(tx).await?,
        })
    }

    /// The entity of the document, else of the customer, else the default one.
    fn parties(&self, (customer_id, named): Sides) -> Option<Parties> {
        let customer = self.customers.get(&customer_id)?;
        let named = named.or(customer.details.business_entity_id);
        let seller = named.and_then(|id| self.entities.get(&id));
        let book = self.books.get(&customer.id);
        Some(Parties {
            seller: Party::seller(seller.unwrap_or(&self.default)),
            customer: Party::customer(customer, book.map_or(&[], Vec::as_slice)),
        })
    }
}
