//! Customers as metrics know them. Owns reading them for many at once; their rows are [`crate::customer`]'s.

use std::collections::HashMap;

use florin_core::usage::UsageCustomer;
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{Result, Tx};

/// Ids of one statement at most: a database bounds the values of a statement.
const IDS_MAX: usize = 5_000;

/// What metrics know of one customer, or of every one of the organisation.
///
/// # Errors
/// What the statements answer.
pub async fn load(tx: &mut Tx, only: Option<Uuid>) -> Result<Vec<UsageCustomer>> {
    let mut select = tx.select("customer");
    select.columns(["id", "custom_data"]);
    select.and_where_option(only.map(|id| Expr::col("id").eq(id)));
    select.order_by("id", Order::Asc);
    let customers = tx.fetch_all(&select).await?;
    // After the customers: each of them came with its external id, in one transaction.
    let mut external_ids = external_ids(tx, only).await?;
    let customers = customers.iter().map(|row| {
        let id = row.get("id")?;
        Ok(UsageCustomer {
            id,
            external_ids: external_ids.remove(&id).unwrap_or_default(),
            custom_data: row.get("custom_data")?,
        })
    });
    customers.collect()
}

/// What metrics know of these customers, in the order of their ids.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<UsageCustomer>> {
    let mut customers = Vec::with_capacity(ids.len());
    for customer in crate::customer::of_ids(tx, ids).await? {
        customers.push(UsageCustomer {
            id: customer.id,
            external_ids: Vec::new(),
            custom_data: customer.details.custom_data,
        });
    }
    for ids in ids.chunks(IDS_MAX) {
        let mut select = tx.select("customer_external_id");
        select.columns(["customer_id", "external_id"]);
        select.and_where(Expr::col("customer_id").is_in(ids.iter().copied()));
        select.order_by("external_id", Order::Asc);
        for row in &tx.fetch_all(&select).await? {
            let id: Uuid = row.get("customer_id")?;
            // Customers come by id.
            if let Ok(place) = customers.binary_search_by_key(&id, |customer| customer.id) {
                customers[place].external_ids.push(row.get("external_id")?);
            }
        }
    }
    Ok(customers)
}

async fn external_ids(tx: &mut Tx, only: Option<Uuid>) -> Result<HashMap<Uuid, Vec<String>>> {
    let mut select = tx.select("customer_external_id");
    select.columns(["customer_id", "external_id"]);
    select.and_where_option(only.map(|id| Expr::col("customer_id").eq(id)));
    select.order_by("external_id", Order::Asc);
    let mut of_customers: HashMap<Uuid, Vec<String>> = HashMap::new();
    for row in tx.fetch_all(&select).await? {
        let of_customer = of_customers.entry(row.get("customer_id")?).or_default();
        of_customer.push(row.get("external_id")?);
    }
    Ok(of_customers)
}
