//! Contracts with what stands around them, for readers. Owns the reads: one for each kind of thing,
//! whatever the number of contracts.

use std::collections::{BTreeSet, HashMap};

use florin_core::aggregate::Aggregate;
use florin_core::contract::Contract;
use florin_core::entitlement::Entitlement;
use florin_core::product::Product;
use florin_core::product_pricing::Quantity;
use florin_store::{self as store, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use crate::{
    Result,
    customer::{self, Profile},
    entitlement,
};

/// A contract as of an instant.
#[derive(Clone, Debug)]
pub struct View {
    /// The contract, with its status of the day.
    pub contract: Contract,
    /// The day.
    pub today: Date,
}

/// What stands around several contracts.
#[derive(Clone, Debug, Default)]
pub struct Sights {
    /// Their customers and payers.
    pub customers: HashMap<Uuid, Profile>,
    /// What they sell, also what is deleted.
    pub products: HashMap<Uuid, Product>,
    /// The entitlements of these products.
    pub entitlements: HashMap<Uuid, Vec<Entitlement>>,
    /// By what their lines count.
    pub metrics: HashMap<Uuid, Aggregate>,
}

/// Contracts as of an instant, and what stands around them.
///
/// # Errors
/// [`crate::Error::Store`].
pub async fn views(
    tx: &mut Tx,
    contracts: Vec<Contract>,
    now: Timestamp,
) -> Result<(Vec<View>, Sights)> {
    let (mut customers, mut products, mut metrics) = Default::default();
    for contract in &contracts {
        names(contract, [&mut customers, &mut products, &mut metrics]);
    }
    let [customers, products, metrics] =
        [customers, products, metrics].map(|ids: BTreeSet<Uuid>| ids.into_iter().collect());
    let sights = sights(tx, customers, products, metrics).await?;
    let view = |contract: Contract| {
        let today = contract.day_of(now);
        View {
            contract: contract.on(today),
            today,
        }
    };
    Ok((contracts.into_iter().map(view).collect(), sights))
}

fn names(contract: &Contract, [customers, products, metrics]: [&mut BTreeSet<Uuid>; 3]) {
    customers.insert(contract.header().customer_id);
    customers.extend(contract.header().invoice_payer_customer_id);
    for line in contract.phases().iter().flat_map(|phase| &phase.lines) {
        products.insert(line.head.product_id);
        if let Some(Quantity::Metered { aggregate_id }) = line.head.pricing.price().quantity {
            metrics.extend(aggregate_id);
        }
    }
}

/// What stands around such things.
///
/// # Errors
/// [`crate::Error::Store`].
pub(crate) async fn sights(
    tx: &mut Tx,
    customers: Vec<Uuid>,
    products: Vec<Uuid>,
    metrics: Vec<Uuid>,
) -> Result<Sights> {
    let mut sights = Sights::default();
    for profile in customer::of_ids(tx, &customers).await? {
        sights.customers.insert(profile.customer.id, profile);
    }
    if !products.is_empty() {
        for product in store::product::of_ids(tx, &products).await? {
            sights.products.insert(product.id, product);
        }
        sights.entitlements = entitlement::of_products(tx, &products).await?;
    }
    if !metrics.is_empty() {
        for metric in store::aggregate::of_ids(tx, &metrics).await? {
            sights.metrics.insert(metric.id, metric);
        }
    }
    Ok(sights)
}
