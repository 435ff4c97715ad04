//! Approving drafts over HTTP: one, or many at once.

use std::sync::Arc;

use axum::Json;
use florin_app::{
    self as app,
    invoice::{Approval, Checks, Outcome},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{answered, wire::InvoiceResponse};
use crate::{
    body::Body,
    context::{Context, Server},
    error::{Result, code_of},
    path::PathIds,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(approve_many))
        .routes(routes!(approve))
        .route(
            "/invoice/{invoice_id}/approve",
            axum::routing::patch(approve),
        )
        .routes(routes!(approve_v3))
}

/// How a draft is approved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ApproveInput {
    /// Whether days for which an approved invoice has charged are refused; true unless told.
    #[schema(example = true)]
    check_duplicate_invoice: Option<bool>,
}

/// Drafts that are to be approved.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ApproveManyInput {
    /// Ids of the drafts.
    #[schema(min_items = 1, max_items = 10000)]
    invoice_ids: Vec<Uuid>,
    /// Whether days for which an approved invoice has charged are refused; true unless told.
    #[schema(example = true)]
    check_duplicate_invoice: Option<bool>,
}

/// What became of a draft.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalResponse {
    /// Id of the invoice.
    invoice_id: Uuid,
    /// `approved` now, `already_approved`, or `refused`.
    #[schema(example = "approved")]
    outcome: &'static str,
    /// Its number; null where it was refused.
    #[schema(example = "INV-0007")]
    invoice_number: Option<String>,
    /// Why it was refused: a code of the table of errors.
    #[schema(example = json!(null))]
    code: Option<String>,
    /// The same in words.
    #[schema(example = json!(null))]
    detail: Option<String>,
}

/// What became of many drafts.
#[derive(Debug, Serialize, ToSchema)]
struct ApprovalsResponse {
    /// How many were approved now.
    #[schema(example = 1)]
    approved: usize,
    /// How many had been approved before.
    #[schema(example = 0)]
    already_approved: usize,
    /// How many were refused and stay as they are.
    #[schema(example = 0)]
    refused: usize,
    /// Each of them, in the order of the request.
    results: Vec<ApprovalResponse>,
}

impl From<Approval> for ApprovalResponse {
    fn from(approval: Approval) -> Self {
        let Approval {
            id,
            number,
            outcome,
        } = approval;
        let (outcome, code, detail) = match outcome {
            Outcome::Approved => ("approved", None, None),
            Outcome::Known => ("already_approved", None, None),
            Outcome::Refused(error) => {
                let code = code_of(&error).to_owned();
                ("refused", Some(code), Some(error.to_string()))
            }
        };
        Self {
            invoice_id: id,
            outcome,
            invoice_number: number,
            code,
            detail,
        }
    }
}

fn checks(check_duplicate_invoice: Option<bool>) -> Checks {
    Checks {
        duplicates: check_duplicate_invoice.unwrap_or(true),
    }
}

/// Approve a draft
///
/// Gives the invoice its number and due date, sets off the customer's wallet and posts to the ledger; from
/// then on it does not change. A draft of a contract is made anew first where usage was accepted or the contract
/// changed since, so that every event acknowledged before the request is on it. An approved invoice is answered as it
/// is, so that the request can be repeated. No e-mail is sent, whatever `send_email` says. The older path
/// `/invoice/{invoice_id}/approve` is the same.
#[utoipa::path(
    patch,
    path = "/invoices/{invoice_id}/approve",
    tag = "invoices",
    params(
        ("invoice_id" = Uuid, Path, description = "Id of the invoice."),
        ("send_email" = Option<bool>, Query, description = "Accepted, without effect."),
    ),
    request_body = ApproveInput,
    responses((status = 200, description = "The invoice.", body = InvoiceResponse))
)]
async fn approve(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<ApproveInput>,
) -> Result<Json<InvoiceResponse>> {
    one(&context, id, checks(input.check_duplicate_invoice)).await
}

/// Approve a draft (v3)
///
/// The same under the path of the v3 API, without a body.
#[utoipa::path(
    patch,
    path = "/invoices/v3/{invoice_id}/approve",
    tag = "invoices",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    responses((status = 200, description = "The invoice.", body = InvoiceResponse))
)]
async fn approve_v3(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<InvoiceResponse>> {
    one(&context, id, checks(None)).await
}

async fn one(context: &Context, id: Uuid, checks: Checks) -> Result<Json<InvoiceResponse>> {
    let organisation = context.organisation();
    app::invoice::freshen(&context.app, organisation, &context.asker(), id).await?;
    let mut tx = context.begin().await?;
    let shown = app::invoice::approve(&context.app, &mut tx, id, checks).await?;
    answered(context, tx, shown).await
}

/// Approve drafts
///
/// Up to 10,000 of them, in transactions of some hundred, each durable before the next begins. Stale ones are made
/// anew first, as for one. A draft that is refused does not stop the others. A request that was cut off can be
/// repeated: what is approved stays as it is.
#[utoipa::path(
    patch,
    path = "/invoices/approve",
    tag = "invoices",
    request_body = ApproveManyInput,
    responses(
        (status = 200, description = "What became of each.", body = ApprovalsResponse)
    )
)]
async fn approve_many(
    context: Context,
    Body(input): Body<ApproveManyInput>,
) -> Result<Json<ApprovalsResponse>> {
    let checks = checks(input.check_duplicate_invoice);
    let (app, organisation) = (&context.app, context.organisation());
    let asked = (input.invoice_ids.as_slice(), checks);
    let approvals = app::invoice::approve_many(app, organisation, &context.asker(), asked).await?;
    let approvals = approvals.into_iter().map(ApprovalResponse::from);
    Ok(Json(ApprovalsResponse::new(approvals.collect())))
}

impl ApprovalsResponse {
    fn new(results: Vec<ApprovalResponse>) -> Self {
        let count = |outcome| {
            results
                .iter()
                .filter(|result| result.outcome == outcome)
                .count()
        };
        Self {
            approved: count("approved"),
            already_approved: count("already_approved"),
            refused: count("refused"),
            results,
        }
    }
}
