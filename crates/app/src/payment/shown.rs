//! Payments with what clients see beside them: who paid, which invoices, what a gateway did.

use std::collections::HashMap;

use florin_core::{
    customer::Customer,
    money::Money,
    payment::{Kind, Origin, Status},
};
use florin_store::{
    self as store, Tx,
    invoice::Head,
    list::{self, Page},
    payment::Kept,
};
use uuid::Uuid;

use super::refused::refused;
use crate::{Error, Result};

/// A payment with what clients see beside it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The payment.
    pub kept: Kept,
    /// Who paid.
    pub customer: Option<Customer>,
    /// What of it went back, or is on its way back.
    pub amount_refunded: Money,
    /// Its invoices without their parts, in the order of the payment's parts.
    pub invoices: Vec<Head>,
    /// What a gateway did: the payment itself where it came through one, and its refunds there.
    pub transactions: Vec<Kept>,
}

/// Which of an invoice's payments are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// Money that came and is still there, some of it at least.
    Successful,
    /// Money that came, also where all of it went back.
    WithoutRefunds,
}

/// The payment with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn load(tx: &mut Tx, id: Uuid) -> Result<Shown> {
    let kept = store::payment::find(tx, id).await?;
    let mut shown = shown(tx, kept.into_iter().collect()).await?;
    shown.pop().ok_or(Error::NotFound {
        resource: "payment",
    })
}

/// One page of payments.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Shown>> {
    let page = store::payment::page(tx, query).await?;
    with_shown(tx, page).await
}

/// One page of the payments of an invoice; no refunds or reversals.
///
/// # Errors
/// [`Error::NotFound`] for the invoice.
pub async fn of_invoice(
    tx: &mut Tx,
    invoice_id: Uuid,
    selection: Selection,
    query: &list::Query,
) -> Result<Page<Shown>> {
    if store::invoice::heads_of_ids(tx, &[invoice_id])
        .await?
        .is_empty()
    {
        return Err(Error::NotFound {
            resource: "invoice",
        });
    }
    let statuses: &[Status] = match selection {
        Selection::Successful => &[Status::Success, Status::PartiallyRefunded],
        Selection::WithoutRefunds => {
            &[Status::Success, Status::PartiallyRefunded, Status::Refunded]
        }
    };
    let types = [Kind::Payment, Kind::TaxWithheld];
    let page = store::payment::page_of_invoice(tx, invoice_id, (&types, statuses), query).await?;
    with_shown(tx, page).await
}

async fn with_shown(tx: &mut Tx, page: Page<Kept>) -> Result<Page<Shown>> {
    let Page {
        results,
        next,
        previous,
        total_count,
    } = page;
    Ok(Page {
        results: shown(tx, results).await?,
        next,
        previous,
        total_count,
    })
}

/// Payments with what clients see beside them; one query for each kind of it.
///
/// # Errors
/// [`Error::Store`].
pub async fn shown(tx: &mut Tx, payments: Vec<Kept>) -> Result<Vec<Shown>> {
    let ids: Vec<Uuid> = payments.iter().map(|kept| kept.payment.id).collect();
    let mut customers: Vec<Uuid> = payments
        .iter()
        .map(|kept| kept.payment.customer_id)
        .collect();
    customers.sort_unstable();
    customers.dedup();
    let parts = payments.iter().flat_map(|kept| &kept.payment.parts);
    let mut invoices: Vec<Uuid> = parts.map(|part| part.invoice_id).collect();
    invoices.sort_unstable();
    invoices.dedup();
    let customers = store::customer::of_ids(tx, &customers).await?.into_iter();
    let customers: HashMap<Uuid, Customer> = customers.map(|one| (one.id, one)).collect();
    let heads = store::invoice::heads_of_ids(tx, &invoices)
        .await?
        .into_iter();
    let heads: HashMap<Uuid, Head> = heads.map(|head| (head.id, head)).collect();
    let children = store::payment::of_parents(tx, &ids).await?;
    let shown = payments.into_iter().map(|kept| {
        let id = kept.payment.id;
        let refunded = kept.payment.amount_refunded();
        let amount_refunded = refunded.map_err(|error| refused(error.into()))?;
        let of_gateway = |kept: &&Kept| kept.payment.origin == Origin::Gateway;
        let own = children
            .iter()
            .filter(|child| child.payment.parent_id == Some(id));
        let transactions = std::iter::once(&kept).chain(own).filter(of_gateway);
        let parts = kept.payment.parts.iter();
        Ok(Shown {
            amount_refunded,
            customer: customers.get(&kept.payment.customer_id).cloned(),
            invoices: parts
                .filter_map(|part| heads.get(&part.invoice_id).cloned())
                .collect(),
            transactions: transactions.cloned().collect(),
            kept,
        })
    });
    shown.collect()
}
