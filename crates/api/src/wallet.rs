//! Wallets of customers over HTTP. Amounts are whole minor units, as in credit notes.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, wallet::Adjustment};
use florin_core::money::Money;
use florin_store::{
    list::Spec,
    wallet::{Held, Posting, Written},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
    value::Instant,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(adjust))
        .routes(routes!(entries))
}

struct Entries;

impl Listed for Entries {
    fn spec() -> &'static Spec {
        &florin_store::wallet::ENTRIES
    }
}

/// What a customer may set off against what it owes, in one currency.
#[derive(Debug, Serialize, ToSchema)]
struct WalletResponse {
    /// Id of the customer.
    customer_id: Uuid,
    /// Code of ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// What there is, in the smallest unit of the currency. Below zero only after the reversal of a payment
    /// that never came.
    #[schema(example = 2500)]
    balance: i64,
    /// When the first entry was written.
    created_at: Instant,
    /// When the last entry was written.
    updated_at: Instant,
}

/// What is done to a wallet by hand.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AdjustmentType {
    /// Added: a promotion, a compensation.
    Credit,
    /// Taken.
    Debit,
}

/// An adjustment by hand.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct WalletAdjustmentInput {
    /// Whether it is added or taken.
    #[serde(rename = "type")]
    adjustment_type: AdjustmentType,
    /// How much, in the smallest unit of the currency, above zero.
    #[schema(minimum = 1, maximum = 999_999_999_999_i64, example = 2500)]
    amount: i64,
    /// Code of ISO 4217.
    #[schema(min_length = 3, max_length = 3, example = "USD")]
    currency: String,
    /// Why.
    #[schema(
        max_length = 2000,
        example = "Compensation for the outage of 3 January"
    )]
    description: Option<String>,
}

/// A change of a wallet; never changed itself.
#[derive(Debug, Serialize, ToSchema)]
struct WalletEntryResponse {
    /// Id of the entry.
    id: Uuid,
    /// Id of the customer.
    customer_id: Uuid,
    /// Code of ISO 4217.
    #[schema(example = "USD")]
    currency: String,
    /// Number within the wallet of this customer and currency, from 1 without a gap.
    #[schema(example = 1)]
    sequence: i64,
    /// What made it: `manual_credit`, `manual_debit`, `overpayment`, `credit_note`, `applied` (set off against
    /// an invoice), `refund` or `reversal`.
    #[serde(rename = "type")]
    #[schema(example = "manual_credit")]
    entry_type: &'static str,
    /// In the smallest unit of the currency: above zero what came in, below zero what went out.
    #[schema(example = 2500)]
    amount: i64,
    /// What there was after it.
    #[schema(example = 2500)]
    balance: i64,
    /// Id of the payment, credit note or invoice that made it; null for adjustments by hand.
    source_id: Option<Uuid>,
    /// Why.
    #[schema(example = "Compensation for the outage of 3 January")]
    description: Option<String>,
    /// When it was written.
    created_at: Instant,
}

impl From<Held> for WalletResponse {
    fn from(held: Held) -> Self {
        let Held {
            customer_id,
            balance,
            created_at,
            updated_at,
        } = held;
        Self {
            customer_id,
            currency: balance.currency().code().to_owned(),
            balance: balance.minor(),
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}

impl From<Written> for WalletEntryResponse {
    fn from(written: Written) -> Self {
        let Written {
            posting,
            sequence,
            balance,
            created_at,
        } = written;
        let Posting {
            id,
            customer_id,
            entry,
            description,
        } = posting;
        Self {
            id,
            customer_id,
            currency: balance.currency().code().to_owned(),
            sequence,
            entry_type: entry.reason.as_str(),
            amount: entry.amount.minor(),
            balance: balance.minor(),
            source_id: entry.reason.source(),
            description,
            created_at: Instant(created_at),
        }
    }
}

impl WalletAdjustmentInput {
    fn read(self) -> Result<Adjustment> {
        let Self {
            adjustment_type,
            amount,
            currency,
            description,
        } = self;
        let currency = app::currency::of_code("currency", &currency)?;
        Ok(Adjustment {
            amount: Money::from_minor(amount, currency),
            adds: matches!(adjustment_type, AdjustmentType::Credit),
            description,
        })
    }
}

/// Get a customer's wallets
///
/// One for each currency that the customer ever had something in.
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/wallets",
    tag = "wallets",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    responses((status = 200, description = "All wallets.", body = Envelope<WalletResponse>))
)]
async fn list(
    context: Context,
    PathIds([customer]): PathIds<1>,
) -> Result<Json<Envelope<WalletResponse>>> {
    let mut tx = context.read().await?;
    let wallets = app::wallet::of_customer(&mut tx, customer).await?;
    Ok(Json(Envelope::whole(wallets, WalletResponse::from)))
}

/// Adjust a wallet
///
/// Adds to the balance or takes from it. The wallet of the currency is made when it is first needed.
#[utoipa::path(
    post,
    path = "/customers/{customer_id}/wallets/adjustments",
    tag = "wallets",
    params(("customer_id" = Uuid, Path, description = "Id of the customer.")),
    request_body = WalletAdjustmentInput,
    responses((status = 200, description = "The entry.", body = WalletEntryResponse))
)]
async fn adjust(
    context: Context,
    PathIds([customer]): PathIds<1>,
    Body(input): Body<WalletAdjustmentInput>,
) -> Result<Json<WalletEntryResponse>> {
    let adjustment = input.read()?;
    let mut tx = context.begin().await?;
    let entry = app::wallet::adjust(&context.app, &mut tx, customer, adjustment).await?;
    context.commit(tx, entry.into()).await
}

/// List the entries of a customer's wallets
///
/// Every change ever, of all currencies; `currency` narrows it to one wallet.
#[utoipa::path(
    get,
    path = "/customers/{customer_id}/wallets/entries",
    tag = "wallets",
    params(
        ("customer_id" = Uuid, Path, description = "Id of the customer."),
        Listing<Entries>
    ),
    responses((status = 200, description = "One page of entries.", body = Envelope<WalletEntryResponse>))
)]
async fn entries(
    context: Context,
    PathIds([customer]): PathIds<1>,
    listing: Listing<Entries>,
) -> Result<Json<Envelope<WalletEntryResponse>>> {
    let mut tx = context.read().await?;
    let page = app::wallet::entries(&mut tx, customer, &listing.query).await?;
    Ok(Json(Envelope::new(page, WalletEntryResponse::from)))
}
