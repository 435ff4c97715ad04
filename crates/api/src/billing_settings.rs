//! How an organisation wants its bills, over HTTP.

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::{
    billing_settings::BillingSettings,
    contract::RenewalPolicy,
    invoice::{DateReference, InvoiceDatePolicy},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Patch,
    context::{Context, Server},
    error::Result,
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(read, update))
}

/// The day that the date of an invoice is counted from.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Reference {
    /// The day that the bill is for.
    BillForDate,
    /// The day that the draft was made.
    CreationDate,
    /// The first day served.
    PeriodStart,
    /// The last day served.
    PeriodEnd,
}

/// What happens at the end of a contract.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AtTheEnd {
    /// Nothing.
    DoNotRenew,
    /// The term again, at its prices.
    RenewWithExisting,
    /// The current version of its plan.
    RenewWithDefaultContract,
}

/// How the date on an invoice follows from its bill.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
struct InvoiceDate {
    /// The day that is counted from.
    reference: Reference,
    /// Calendar months after it; before it, below zero.
    #[schema(minimum = -24, maximum = 24, example = 0)]
    months: i16,
    /// Days after that; before it, below zero.
    #[schema(minimum = -731, maximum = 731, example = 0)]
    days: i16,
    /// Pins the result to a day of its month; a month without it has its last day.
    #[schema(minimum = 1, maximum = 31, example = 15)]
    day_of_month: Option<i8>,
}

/// How an organisation wants its bills.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
struct BillingSettingsBody {
    /// Whether what is due is billed without being asked for.
    #[schema(example = true)]
    bills_automatically: bool,
    /// How the date on an invoice follows from its bill.
    invoice_date: InvoiceDate,
    /// What happens at the end of a contract that does not say; nothing unless told.
    renewal_policy: Option<AtTheEnd>,
}

type BillingSettingsPatch = Patch<BillingSettingsBody>;

impl From<BillingSettings> for BillingSettingsBody {
    fn from(settings: BillingSettings) -> Self {
        let BillingSettings {
            bills_automatically,
            invoice_date,
            renewal_policy,
        } = settings;
        let InvoiceDatePolicy {
            reference,
            months,
            days,
            day_of_month,
        } = invoice_date;
        Self {
            bills_automatically,
            invoice_date: InvoiceDate {
                reference: match reference {
                    DateReference::BillForDate => Reference::BillForDate,
                    DateReference::CreationDate => Reference::CreationDate,
                    DateReference::PeriodStart => Reference::PeriodStart,
                    DateReference::PeriodEnd => Reference::PeriodEnd,
                },
                months,
                days,
                day_of_month,
            },
            renewal_policy: renewal_policy.map(|policy| match policy {
                RenewalPolicy::DoNotRenew => AtTheEnd::DoNotRenew,
                RenewalPolicy::WithExisting => AtTheEnd::RenewWithExisting,
                RenewalPolicy::WithDefaultContract => AtTheEnd::RenewWithDefaultContract,
            }),
        }
    }
}

impl From<BillingSettingsBody> for BillingSettings {
    fn from(body: BillingSettingsBody) -> Self {
        let BillingSettingsBody {
            bills_automatically,
            invoice_date,
            renewal_policy,
        } = body;
        let InvoiceDate {
            reference,
            months,
            days,
            day_of_month,
        } = invoice_date;
        Self {
            bills_automatically,
            invoice_date: InvoiceDatePolicy {
                reference: match reference {
                    Reference::BillForDate => DateReference::BillForDate,
                    Reference::CreationDate => DateReference::CreationDate,
                    Reference::PeriodStart => DateReference::PeriodStart,
                    Reference::PeriodEnd => DateReference::PeriodEnd,
                },
                months,
                days,
                day_of_month,
            },
            renewal_policy: renewal_policy.map(|policy| match policy {
                AtTheEnd::DoNotRenew => RenewalPolicy::DoNotRenew,
                AtTheEnd::RenewWithExisting => RenewalPolicy::WithExisting,
                AtTheEnd::RenewWithDefaultContract => RenewalPolicy::WithDefaultContract,
            }),
        }
    }
}

/// Get the billing settings
#[utoipa::path(
    get,
    path = "/billing_settings",
    tag = "invoices",
    responses((status = 200, description = "The settings.", body = BillingSettingsBody))
)]
async fn read(context: Context) -> Result<Json<BillingSettingsBody>> {
    let mut tx = context.read().await?;
    Ok(Json(app::billing_settings::load(&mut tx).await?.into()))
}

/// Change the billing settings
///
/// Each field that is named replaces its predecessor; the others stay. Drafts that are made from then on follow it.
#[utoipa::path(
    patch,
    path = "/billing_settings",
    tag = "invoices",
    request_body = BillingSettingsPatch,
    responses((status = 200, description = "The changed settings.", body = BillingSettingsBody))
)]
async fn update(
    context: Context,
    patch: BillingSettingsPatch,
) -> Result<Json<BillingSettingsBody>> {
    let mut tx = context.begin().await?;
    let current = app::billing_settings::load(&mut tx).await?;
    let body = patch.apply(&BillingSettingsBody::from(current))?;
    let settings = app::billing_settings::save(&mut tx, body.into()).await?;
    context.commit(tx, settings.into()).await
}
