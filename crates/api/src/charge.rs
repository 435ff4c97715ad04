//! Charging invoices and payment links over HTTP.

use std::sync::Arc;

use axum::{
    Extension, Json, Router,
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use florin_app::{
    self as app,
    charge::{Opened, Wanted},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    body::Body,
    connector::ConnectorChoice,
    context::{Context, Server},
    error::{BadField, Error, Result},
    observe::RequestId,
    path::{PathIds, PathText},
    payment::PaymentResponse,
    query::{self, Parameters},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(charge))
        .routes(routes!(payment_link))
        .routes(routes!(pay))
}

/// How an invoice is charged.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct ChargeInput {
    /// The gateway; any of the customer's unless told.
    connector: Option<ConnectorChoice>,
    /// Where the wish comes from, in the caller's words; accepted and ignored.
    #[schema(max_length = 255, example = "dashboard")]
    source: Option<String>,
    /// Kinds of payment methods that may be charged, in the words of payments; all unless told.
    #[schema(max_items = 20, example = json!(["card"]))]
    payment_method_types: Option<Vec<String>>,
    /// Whether it may be charged before it is due; false unless told.
    #[schema(example = true)]
    skip_invoice_due_date_check: Option<bool>,
}

/// A link with which an invoice is paid.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentLinkResponse {
    /// The invoice.
    invoice_id: Uuid,
    /// The link: whoever opens it in a browser is led to the gateway's page.
    #[schema(example = "https://florin.example/invoices/pay/AAAAAAAAcACAAAAAAAAAAQ")]
    payment_link: String,
    /// The last part of the link.
    #[schema(example = "AAAAAAAAcACAAAAAAAAAAQ")]
    payload: String,
    /// What would be paid with it now, in the smallest unit.
    #[schema(example = 171_030)]
    amount: i64,
    /// The currency, ISO 4217.
    #[schema(example = "USD")]
    currency_code: String,
}

/// A page on which an invoice is paid.
#[derive(Debug, Serialize, ToSchema)]
struct PaymentPageResponse {
    /// The invoice.
    invoice_id: Uuid,
    /// The payment, which waits for the payer.
    payment_id: Uuid,
    /// The page.
    #[schema(example = "https://checkout.stripe.com/c/pay/cs_test_a1b2c3")]
    redirect_url: String,
    /// What is paid on it, in the smallest unit.
    #[schema(example = 171_030)]
    amount: i64,
    /// The currency, ISO 4217.
    #[schema(example = "USD")]
    currency_code: String,
}

impl From<Opened> for PaymentPageResponse {
    fn from(opened: Opened) -> Self {
        let Opened {
            payment_id,
            invoice_id,
            amount,
            url,
        } = opened;
        Self {
            invoice_id,
            payment_id,
            redirect_url: url,
            amount: amount.minor(),
            currency_code: amount.currency().code().to_owned(),
        }
    }
}

/// Charge an invoice
///
/// Charges what is still to be paid of an approved invoice: the customer's default payment method, then others, until
/// one is not declined. An invoice is charged once, however many ask at a time. The answer is the payment: `success`;
/// `requires_action` where the customer must confirm; or `in_progress` where the gateway has not answered, which
/// Florin goes on asking about. Where every method is declined the answer is 402, and the attempts are payments that
/// failed.
#[utoipa::path(
    post,
    path = "/payments/invoice/{invoice_id}/charge",
    tag = "payments",
    params(("invoice_id" = Uuid, Path, description = "Id of the invoice.")),
    request_body = ChargeInput,
    responses(
        (status = 200, description = "The payment.", body = PaymentResponse),
        (status = 402, description = "Every payment method was declined.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn charge(
    context: Context,
    PathIds([invoice]): PathIds<1>,
    Body(input): Body<ChargeInput>,
) -> Result<Json<PaymentResponse>> {
    // An answered Idempotency-Key is answered again before anything is asked.
    drop(context.begin().await?);
    let caller = context.caller();
    let payment = app::charge::charge(&context.app, &caller, invoice, &input.into()).await?;
    let mut tx = context.begin().await?;
    let shown = app::payment::load(&mut tx, payment).await?;
    let answer = PaymentResponse::new(context.organisation().0, shown);
    context.commit(tx, answer).await
}

impl From<ChargeInput> for Wanted {
    fn from(input: ChargeInput) -> Self {
        let ChargeInput {
            connector,
            source: _,
            payment_method_types,
            skip_invoice_due_date_check,
        } = input;
        Self {
            connector: connector.map(Into::into),
            payment_method_id: None,
            kinds: payment_method_types.unwrap_or_default(),
            skips_due_date: skip_invoice_due_date_check.unwrap_or(false),
            is_automatic: false,
        }
    }
}

/// Get a payment link
///
/// A link with which the payer pays what is to be paid of an approved invoice, or a part of it, on the gateway's page.
/// It holds as long as something is to be paid. Opening it moves no money.
#[utoipa::path(
    get,
    path = "/invoices/{invoice_id}/payment_link",
    tag = "payments",
    params(
        ("invoice_id" = Uuid, Path, description = "Id of the invoice."),
        ("amount" = Option<i64>, Query, minimum = 1, example = 50_000,
            description = "What is paid with it, in the smallest unit; all that is to be paid unless told."),
    ),
    responses((status = 200, description = "The link.", body = PaymentLinkResponse))
)]
async fn payment_link(
    context: Context,
    PathIds([invoice_id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<PaymentLinkResponse>> {
    let amount = parameters.value("amount").map(amount).transpose()?;
    let mut tx = context.begin().await?;
    let (payload, pays) = app::charge::link(&context.app, &mut tx, invoice_id, amount).await?;
    let answer = PaymentLinkResponse {
        invoice_id,
        payment_link: context.links().payment(&payload),
        payload,
        amount: pays.minor(),
        currency_code: pays.currency().code().to_owned(),
    };
    context.commit(tx, answer).await
}

fn amount(text: &str) -> Result<i64> {
    let amount = text.parse().ok().filter(|amount: &i64| *amount > 0);
    amount.ok_or_else(|| {
        let message = "a whole number of the smallest unit, above zero";
        Error::Unreadable(vec![query::bad("amount", "value_error.number", message)])
    })
}

/// Pay an invoice
///
/// For payers: no API key, but a payload that `payment_link` made. Leads a browser to the gateway's page (303), and
/// tells other clients where it is. Opening it again leads to the same page as long as nothing was paid there.
#[utoipa::path(
    get,
    path = "/invoices/pay/{payload}",
    tag = "payments",
    security(()),
    params(("payload" = String, Path, description = "The last part of a payment link.")),
    responses(
        (status = 200, description = "Where the page is.", body = PaymentPageResponse),
        (status = 303, description = "For browsers: the page."),
        (status = 400, description = "Nothing can be paid with it.",
            body = ref("#/components/schemas/Refusal")),
        (status = 402, description = "The gateway does not take the customer.",
            body = ref("#/components/schemas/Refusal")),
        (status = 404, description = "The invoice is gone.",
            body = ref("#/components/schemas/Refusal")),
        (status = 422, description = "The payload was not made here.",
            body = ref("#/components/schemas/HTTPValidationError")),
        (status = 503, description = "Not now; try again.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn pay(
    State(server): State<Arc<Server>>,
    PathText(payload): PathText,
    Extension(request_id): Extension<RequestId>,
    headers: HeaderMap,
) -> Result<Response> {
    let link = app::charge::verified(&server.app, &payload).await?;
    let link = link.ok_or_else(not_a_link)?;
    let return_url = format!("{}{PAID}", server.settings.public_url);
    let opened = app::charge::pay(&server.app, link, &request_id.0, &return_url).await?;
    let is_browser = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let page = PaymentPageResponse::from(opened);
    Ok(match is_browser {
        true => Redirect::to(&page.redirect_url).into_response(),
        false => Json(page).into_response(),
    })
}

fn not_a_link() -> Error {
    Error::Unreadable(vec![BadField {
        part: "path",
        path: vec!["payload".to_owned()],
        message: "the payment link was not made here, or was changed on its way".to_owned(),
        kind: "value_error.signature".to_owned(),
    }])
}

/// Where a payer's browser comes back to.
const PAID: &str = "/paid";

/// Routes without a document: what they answer is not JSON.
pub(crate) fn open_routes() -> Router<Arc<Server>> {
    let text = "Thank you. As soon as the payment has arrived, the invoice shows it.";
    Router::new().route(PAID, get(move || std::future::ready(text)))
}
