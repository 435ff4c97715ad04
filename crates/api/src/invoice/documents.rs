//! An invoice as one document, and the whole way to its amounts.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, invoice::Document};
use florin_core::invoice::{Part, Source};
use florin_core::rating::replay;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    line_items::LineItemsResponse,
    wire::{ServicePeriodBody, SummaryResponse, amount, period},
};
use crate::{
    address::AddressBody,
    context::{Context, Server},
    error::{Error, Result},
    link::Links,
    path::PathIds,
    query::Parameters,
    value::{DayStart, Number},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(download))
        .routes(routes!(actuals))
        .routes(routes!(generation_status))
}

/// Who bills.
#[derive(Debug, Serialize, ToSchema)]
struct SellerBody {
    /// Id of the business entity.
    id: Uuid,
    /// Its name.
    #[schema(example = "Florin Inc.")]
    name: String,
    /// Where answers go.
    #[schema(example = "billing@florin.example")]
    email: Option<String>,
    /// Where it is.
    address: Option<AddressBody>,
}

/// Who pays.
#[derive(Debug, Serialize, ToSchema)]
struct BuyerBody {
    /// Id of the customer.
    id: Uuid,
    /// Name on documents.
    #[schema(example = "Northwind Labs")]
    name: String,
    /// Where documents go.
    #[schema(example = "ap@northwind.example")]
    email: Option<String>,
    /// Your own id for the customer.
    #[schema(example = "CRM-771")]
    external_id: Option<String>,
    /// Default billing address.
    address: Option<AddressBody>,
    /// Default shipping address.
    ship_to_address: Option<AddressBody>,
}

/// What the document says.
#[derive(Debug, Serialize, ToSchema)]
struct InvoiceDataBody {
    /// Id of the invoice.
    id: Uuid,
    /// Its number; null before the approval.
    #[schema(example = "INV-0007")]
    invoice_number: Option<String>,
    /// Where it stands.
    #[schema(example = "approved")]
    status: &'static str,
    /// Currency of all amounts.
    #[schema(example = "USD")]
    currency: String,
    /// The date on it.
    invoice_date: DayStart,
    /// When it is due; null before the approval.
    due_by: Option<DayStart>,
    /// Days served.
    period: Option<ServicePeriodBody>,
    /// Net and tax.
    total: Number,
    /// What is still to be paid.
    amount_due: Number,
    /// Where its payer pays what is due; null unless something is due and can be paid at a gateway.
    #[schema(example = json!(null))]
    payment_link: Option<String>,
    /// A text.
    #[schema(example = "Thank you")]
    notes: Option<String>,
}

/// An invoice as one document.
#[derive(Debug, Serialize, ToSchema)]
struct DownloadResponse {
    /// Who bills; null where no entity does.
    #[serde(skip_serializing_if = "Option::is_none")]
    seller: Option<SellerBody>,
    /// Who pays; absent if the customer was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    customer: Option<BuyerBody>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    invoice_data: Option<InvoiceDataBody>,
    /// Its lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_items: Option<LineItemsResponse>,
    /// Its amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<SummaryResponse>,
}

impl DownloadResponse {
    fn of(document: Document, links: &Links) -> Result<Self> {
        let Document {
            payment_payload,
            head,
            invoice,
            seller,
            customer,
        } = document;
        let seller = seller.map(|entity| SellerBody {
            id: entity.id,
            name: entity.details.name,
            email: entity.details.email,
            address: entity.details.address.map(AddressBody::from),
        });
        let customer = customer.map(|profile| BuyerBody {
            id: profile.customer.id,
            name: profile.customer.details.customer_name,
            email: profile.customer.details.email,
            external_id: profile.customer.details.external_id,
            address: profile.billing.map(|entry| entry.address.into()),
            ship_to_address: profile.shipping.map(|entry| entry.address.into()),
        });
        let summary = SummaryResponse::from(&head);
        let invoice_data = InvoiceDataBody {
            id: head.id,
            invoice_number: head.number,
            status: head.status.as_str(),
            currency: head.header.currency.code().to_owned(),
            invoice_date: DayStart(head.header.invoice_date),
            due_by: head.due_date.map(DayStart),
            period: head.header.period.map(period),
            total: amount(head.totals.total),
            amount_due: amount(head.amount_due),
            payment_link: payment_payload.map(|payload| links.payment(&payload)),
            notes: head.header.notes,
        };
        Ok(Self {
            seller,
            customer,
            invoice_data: Some(invoice_data),
            line_items: Some(LineItemsResponse::of(&invoice)?),
            summary: Some(summary),
        })
    }
}

/// Download an invoice as JSON
///
/// Everything that a document shows. `invoice_json_key` asks for one of its parts only. `customer_id`, where
/// it is sent, must be who pays.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/download_invoice",
    tag = "invoices",
    params(
        ("invoice_id" = Uuid, Path, description = "Id of the invoice."),
        ("invoice_json_key" = Option<String>, Query, example = "invoice_data",
            description = "The one part to answer; all of them unless told."),
        ("customer_id" = Option<Uuid>, Query, description = "Who pays."),
    ),
    responses((status = 200, description = "The document.", body = DownloadResponse))
)]
async fn download(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<Value>> {
    let customer_id = parameters.id("customer_id")?;
    let mut tx = context.read().await?;
    let document = app::invoice::document(&mut tx, id, customer_id).await?;
    let response = serde_json::to_value(DownloadResponse::of(document, context.links())?);
    let mut response = response.map_err(|error| Error::Internal(error.to_string()))?;
    if let (Some(key), Value::Object(parts)) = (parameters.value("invoice_json_key"), &mut response)
    {
        parts.retain(|part, _| part == key);
    }
    Ok(Json(response))
}

/// A rated bill with each step to each amount.
#[derive(Debug, Serialize, ToSchema)]
struct ActualsPartBody {
    /// Id of the part.
    id: Uuid,
    /// Who was served.
    customer_id: Uuid,
    /// The contract; null for lines written by hand.
    contract_id: Option<Uuid>,
    /// The version of the contract that it was rated by.
    #[schema(example = 1)]
    contract_version: Option<u32>,
    /// The phase of the contract.
    phase_id: Option<Uuid>,
    /// Whether computing every amount anew from the operands below gives the same, digit for digit.
    #[schema(example = true)]
    is_reproducible: bool,
    /// Lines, features and taxes with all operands and results, in the order of application. An amount of
    /// money is a text such as `10.50 USD`, a number is a text of digits.
    #[schema(value_type = Object)]
    rated: Value,
    /// Corrections of earlier bills: what was billed, what is due, the difference.
    #[schema(value_type = Vec<Object>)]
    adjustments: Value,
    /// What documents call the lines.
    #[schema(value_type = Vec<Object>)]
    labels: Value,
    /// What earlier bills of the phase had used up of pools, caps and commitments.
    #[schema(value_type = Value)]
    carried_in: Value,
    /// The same after this bill.
    #[schema(value_type = Value)]
    carried_out: Value,
}

/// The whole way to the amounts of an invoice.
#[derive(Debug, Serialize, ToSchema)]
struct ActualsResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// The contract, where all of the invoice is from one.
    contract_id: Option<Uuid>,
    /// Currency of all amounts.
    #[schema(example = "USD")]
    currency: String,
    /// Its parts: one for each phase of each contract, one for lines written by hand.
    parts: Vec<ActualsPartBody>,
}

fn actuals_part(part: &Part) -> serde_json::Result<ActualsPartBody> {
    let Part {
        id,
        source,
        customer_id,
        rated,
        adjustments,
        labels,
        carried_in,
        carried_out,
    } = part;
    let (contract_id, contract_version, phase_id) = match *source {
        Source::Contract {
            contract_id,
            version,
            phase_id,
        } => (Some(contract_id), Some(version), Some(phase_id)),
        Source::OneOff => (None, None, None),
    };
    Ok(ActualsPartBody {
        id: *id,
        customer_id: *customer_id,
        contract_id,
        contract_version,
        phase_id,
        is_reproducible: replay(rated).is_ok_and(|again| again == *rated),
        rated: serde_json::to_value(rated)?,
        adjustments: serde_json::to_value(adjustments)?,
        labels: serde_json::to_value(labels)?,
        carried_in: serde_json::to_value(carried_in)?,
        carried_out: serde_json::to_value(carried_out)?,
    })
}

/// Explain an invoice
///
/// Each step to each amount: quantities, tiers, discounts, fractions of periods, roundings, taxes. Computing
/// them anew from the operands gives the same invoice, and the answer says whether it does.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/contract_json_actuals",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The steps.", body = ActualsResponse))
)]
async fn actuals(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<ActualsResponse>> {
    let mut tx = context.read().await?;
    let invoice = app::invoice::find(&mut tx, id).await?;
    let parts = invoice.parts().iter().map(actuals_part);
    let parts: serde_json::Result<Vec<_>> = parts.collect();
    Ok(Json(ActualsResponse {
        invoice_id: id,
        contract_id: invoice.header().contract_id,
        currency: invoice.header().currency.code().to_owned(),
        parts: parts.map_err(|error| Error::Internal(error.to_string()))?,
    }))
}

/// Whether an invoice is made.
#[derive(Debug, Serialize, ToSchema)]
struct GenerationStatusResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// The contract.
    contract_id: Option<Uuid>,
    /// Always `completed`: an invoice is visible once all of it is made.
    #[schema(example = "completed")]
    status: &'static str,
    /// Where the invoice stands.
    #[schema(example = "draft")]
    invoice_status: &'static str,
}

/// Get the state of an invoice's generation
///
/// An invoice that can be asked for is complete. `contract_id`, where it is sent, must be its contract.
#[utoipa::path(
    get,
    path = "/invoices/invoice_generation_status/{invoice_id}",
    tag = "invoices",
    params(
        ("invoice_id" = Uuid, Path, description = "Id of the invoice."),
        ("contract_id" = Option<Uuid>, Query, description = "Its contract."),
    ),
    responses((status = 200, description = "The state.", body = GenerationStatusResponse))
)]
async fn generation_status(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<GenerationStatusResponse>> {
    let contract_id = parameters.id("contract_id")?;
    let mut tx = context.read().await?;
    let shown = app::invoice::load_of_contract(&mut tx, id, contract_id).await?;
    Ok(Json(GenerationStatusResponse {
        invoice_id: id,
        contract_id: shown.head.header.contract_id,
        status: "completed",
        invoice_status: shown.head.status.as_str(),
    }))
}
