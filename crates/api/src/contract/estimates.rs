//! Invoices of contracts as they would be, over HTTP. Owns nothing that is kept.

use std::sync::Arc;

use axum::Json;
use florin_app::{self as app, billing::Effect};
use florin_core::invoice::{Draft, Status};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    context::{Context, Server},
    error::{Error, Result, code_of},
    invoice::InvoiceEstimate,
    path::PathIds,
    value::Number,
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(upcoming))
}

/// Get the upcoming invoices of a contract
///
/// The next invoices as they would be with the usage so far: those that are due and not made yet, else those of the
/// next day on which something is billed. Empty where nothing is to come. Nothing is written.
#[utoipa::path(
    get,
    path = "/contract_v2/{contract_id}/upcoming_invoices",
    tag = "contracts",
    params(("contract_id" = Uuid, Path, description = "Id of the contract.")),
    responses((status = 200, description = "The invoices.", body = Vec<InvoiceEstimate>))
)]
async fn upcoming(
    context: Context,
    PathIds([id]): PathIds<1>,
) -> Result<Json<Vec<InvoiceEstimate>>> {
    let drafts = app::billing::upcoming(&context.app, context.organisation(), id).await?;
    estimates(drafts).map(Json)
}

/// What a change of a contract would do to invoices, with amounts.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct EstimatesBody {
    /// Drafts that would be made anew.
    drafts: Vec<RemadeDraftBody>,
    /// What is due by now and on no invoice yet.
    current_invoices: Vec<InvoiceEstimate>,
    /// The invoices of the next day on which something is billed, with the usage so far.
    next_invoices: Vec<InvoiceEstimate>,
    /// Why there are no amounts: the contract could not be billed. Null otherwise.
    problem: Option<EstimateProblemBody>,
}

/// A draft that would be made anew.
#[derive(Debug, Serialize, ToSchema)]
struct RemadeDraftBody {
    /// Id of the draft.
    invoice_id: Uuid,
    /// Its total as it is.
    total_before: Number,
    /// The draft as it would be; null where nothing of it is left, and it would be discarded.
    invoice: Option<InvoiceEstimate>,
}

/// Why a contract could not be billed.
#[derive(Debug, Serialize, ToSchema)]
struct EstimateProblemBody {
    /// A code of the table of errors.
    #[schema(example = "CONTRACT_NOT_BILLABLE")]
    code: String,
    /// The same in words.
    #[schema(example = "two rates of the tax category apply")]
    detail: String,
}

impl EstimatesBody {
    pub(super) fn of(effect: app::Result<Effect>) -> Result<Self> {
        let Effect {
            remade,
            current,
            next,
        } = match effect {
            Ok(effect) => effect,
            Err(error @ app::Error::Refused { .. }) => return Ok(Self::problem(&error)),
            Err(error) => return Err(error.into()),
        };
        let drafts = remade.into_iter().map(remade_draft);
        Ok(Self {
            drafts: drafts.collect::<Result<_>>()?,
            current_invoices: estimates(current)?,
            next_invoices: estimates(next)?,
            problem: None,
        })
    }

    fn problem(error: &app::Error) -> Self {
        Self {
            problem: Some(EstimateProblemBody {
                code: code_of(error).to_owned(),
                detail: error.to_string(),
            }),
            ..Self::default()
        }
    }
}

fn remade_draft((before, after): (Draft, Draft)) -> Result<RemadeDraftBody> {
    let is_left = after.status() == Status::Draft;
    Ok(RemadeDraftBody {
        invoice_id: before.id(),
        total_before: Number(before.totals().total.to_major()),
        invoice: is_left.then(|| InvoiceEstimate::of(after)).transpose()?,
    })
}

fn estimates(drafts: Vec<Draft>) -> Result<Vec<InvoiceEstimate>, Error> {
    drafts.into_iter().map(InvoiceEstimate::of).collect()
}
