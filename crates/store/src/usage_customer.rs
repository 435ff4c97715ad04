//! Customers as metrics know them. Owns reading them for many at once; their rows are [`crate::customer`]'s.

use std::collections::HashMap;

use florin_core::usage::UsageCustomer;
use sea_query::{Expr, ExprTrait, Order};
use uuid::Uuid;

use crate::{Result, Tx};

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
