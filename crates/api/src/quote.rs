//! Quotes over HTTP: what is offered to a customer, its versions, and its acceptance.

mod input;
mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_core::quote::Quote;
use florin_store::{Tx, list::Spec};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::{Body, Patch},
    context::{Context, Server},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
    query::{Parameters, bad},
};
use input::{QuoteAcceptInput, QuoteInput, QuotePreviewInput};
use wire::{QuotePreviewResponse, QuoteResponse, QuoteVersionResponse};

type QuotePatch = Patch<QuoteInput>;

/// Where a quote may stand, as lists are asked.
const STATUSES: [&str; 5] = ["draft", "sent", "accepted", "rejected", "expired"];

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_quotes, create_quote))
        .routes(routes!(preview_quote))
        .routes(routes!(read_quote, update_quote, delete_quote))
        .routes(routes!(list_quote_versions))
        .routes(routes!(send_quote))
        .routes(routes!(reject_quote))
        .routes(routes!(accept_quote))
}

struct Quotes;

impl Listed for Quotes {
    fn spec() -> &'static Spec {
        &florin_store::quote::LIST
    }
}

struct Versions;

impl Listed for Versions {
    fn spec() -> &'static Spec {
        &florin_store::quote::VERSIONS
    }
}

/// What a list of quotes is asked besides its filters.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read as a plain parameter")]
struct QuotesParameters {
    /// Where the quotes stand today, several separated by commas: `draft`, `sent`, `accepted`, `rejected`, `expired`; any
    /// unless told.
    #[param(example = "draft,sent")]
    status: Option<String>,
}

/// List quotes
///
/// One page of quotes with their current versions, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/quotes",
    tag = "quotes",
    params(Listing<Quotes>, QuotesParameters),
    responses((status = 200, description = "One page of quotes.", body = Envelope<QuoteResponse>))
)]
async fn list_quotes(
    context: Context,
    listing: Listing<Quotes>,
    parameters: Parameters,
) -> Result<Json<Envelope<QuoteResponse>>> {
    let words: Vec<&str> = parameters.words("status").collect();
    if words.iter().any(|word| !STATUSES.contains(word)) {
        let message = format!("any of: {}", STATUSES.join(", "));
        let field = bad("status", "type_error.enum", &message);
        return Err(Error::Unreadable(vec![field]));
    }
    let mut tx = context.read().await?;
    let asked = (&listing.query, words.as_slice());
    let (page, today) = app::quote::page(&context.app, &mut tx, asked).await?;
    let organisation = context.organisation().0;
    Ok(Json(Envelope::new(page, |quote| {
        QuoteResponse::new(organisation, quote, today)
    })))
}

/// Create a quote
///
/// As a draft, with the next number of the organisation. What is sold is said by `line_items` for the whole term, by
/// `phases` where it differs in time, or by a plan. Prices are copied: a change of the catalogue does not reach the quote.
/// `estimate` is what the first and the next invoice of the contract come to, with the discounts and taxes on the whole.
/// Everything that is wrong is named at its field.
#[utoipa::path(
    post,
    path = "/quotes",
    tag = "quotes",
    request_body = QuoteInput,
    responses((status = 200, description = "The quote.", body = QuoteResponse))
)]
async fn create_quote(
    context: Context,
    Body(input): Body<QuoteInput>,
) -> Result<Json<QuoteResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let prepared = app::quote::prepare(app, organisation, input.written()?, None).await?;
    let mut tx = context.begin().await?;
    let quote = app::quote::create(app, &mut tx, prepared).await?;
    answer(&context, tx, quote).await
}

/// Preview a quote
///
/// What the same body would come to as a quote that is accepted at once: the first and the next invoice, in sums and line
/// by line. Nothing is written. Without a customer, taxes by place are not known.
#[utoipa::path(
    post,
    path = "/quotes/preview",
    tag = "quotes",
    request_body = QuotePreviewInput,
    responses((status = 200, description = "The estimate.", body = QuotePreviewResponse))
)]
async fn preview_quote(
    context: Context,
    Body(input): Body<QuotePreviewInput>,
) -> Result<Json<QuotePreviewResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    let estimated = app::quote::preview(app, organisation, input.written()?).await?;
    Ok(Json(QuotePreviewResponse::of(estimated)?))
}

/// Get a quote
///
/// With its current version, and the estimate as it was when that was last written.
#[utoipa::path(
    get,
    path = "/quotes/{quote_id}",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    responses((status = 200, description = "The quote.", body = QuoteResponse))
)]
async fn read_quote(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<QuoteResponse>> {
    let mut tx = context.read().await?;
    let quote = app::quote::find(&mut tx, id).await?;
    drop(tx);
    let (app, organisation) = (&context.app, context.organisation());
    let today = app::quote::today_of(app, organisation, quote.customer_id).await?;
    Ok(Json(QuoteResponse::new(organisation.0, quote, today)))
}

/// Update a quote
///
/// A draft changes in place; of a quote that was sent or rejected the next version is made, as a draft, and the one that
/// the customer has stays as it is. Fields that are left out stay. Of `line_items`, those that are named by `id` change or,
/// with `delete`, go; those that are not named stay; others are added. The estimate is made anew.
#[utoipa::path(
    patch,
    path = "/quotes/{quote_id}",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    request_body = QuotePatch,
    responses((status = 200, description = "The quote.", body = QuoteResponse))
)]
async fn update_quote(
    context: Context,
    PathIds([id]): PathIds<1>,
    patch: QuotePatch,
) -> Result<Json<QuoteResponse>> {
    let (app, organisation) = (&context.app, context.organisation());
    // Whoever finds the quote changed meanwhile begins again: each time, another change was made.
    loop {
        let mut reads = context.read().await?;
        let before = app::quote::find(&mut reads, id).await?;
        drop(reads);
        let written = patch
            .clone()
            .apply_over(&input::current(&before))?
            .written()?;
        let prepared = app::quote::prepare(app, organisation, written, Some(before)).await?;
        let mut tx = context.begin().await?;
        if let Some(after) = app::quote::revise(app, &mut tx, id, prepared).await? {
            return answer(&context, tx, after).await;
        }
    }
}

/// Delete a quote
///
/// Only one that was never sent. Its number is not given again.
#[utoipa::path(
    delete,
    path = "/quotes/{quote_id}",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    responses((status = 200, description = "The quote as it was.", body = QuoteResponse))
)]
async fn delete_quote(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<QuoteResponse>> {
    let mut tx = context.begin().await?;
    let quote = app::quote::delete(&mut tx, id).await?;
    answer(&context, tx, quote).await
}

/// List the versions of a quote
///
/// The newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/quotes/{quote_id}/versions",
    tag = "quotes",
    params(
        ("quote_id" = Uuid, Path, description = "Id of the quote."),
        Listing<Versions>
    ),
    responses(
        (status = 200, description = "One page of versions.", body = Envelope<QuoteVersionResponse>)
    )
)]
async fn list_quote_versions(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Versions>,
) -> Result<Json<Envelope<QuoteVersionResponse>>> {
    let mut tx = context.read().await?;
    let (quote, page) = app::quote::versions(&mut tx, id, &listing.query).await?;
    drop(tx);
    let (app, organisation) = (&context.app, context.organisation());
    let today = app::quote::today_of(app, organisation, quote.customer_id).await?;
    Ok(Json(Envelope::new(page, |version| {
        QuoteVersionResponse::new(quote.id, version, today)
    })))
}

/// Send a quote
///
/// From now on the current version does not change; a PATCH makes the next one. `quote.sent` is announced to subscribers.
/// A repetition does nothing.
#[utoipa::path(
    post,
    path = "/quotes/{quote_id}/send",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    responses((status = 200, description = "The quote.", body = QuoteResponse))
)]
async fn send_quote(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<QuoteResponse>> {
    let mut tx = context.begin().await?;
    let quote = app::quote::send(&mut tx, id).await?;
    answer(&context, tx, quote).await
}

/// Reject a quote
///
/// The customer does not want what was sent. A repetition does nothing.
#[utoipa::path(
    post,
    path = "/quotes/{quote_id}/reject",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    responses((status = 200, description = "The quote.", body = QuoteResponse))
)]
async fn reject_quote(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<QuoteResponse>> {
    let mut tx = context.begin().await?;
    let quote = app::quote::reject(&mut tx, id).await?;
    answer(&context, tx, quote).await
}

/// Accept a quote
///
/// The contract is made, in force, with the prices, discounts and taxes of the current version, and what is due is billed
/// as a draft invoice. A draft can be accepted without having been sent. However often it is asked, the contract is made
/// once; a repetition answers the same.
#[utoipa::path(
    post,
    path = "/quotes/{quote_id}/accept",
    tag = "quotes",
    params(("quote_id" = Uuid, Path, description = "Id of the quote.")),
    request_body = QuoteAcceptInput,
    responses((status = 200, description = "The quote with its contract.", body = QuoteResponse))
)]
async fn accept_quote(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<QuoteAcceptInput>,
) -> Result<Json<QuoteResponse>> {
    let mut tx = context.begin().await?;
    let method = input.payment_method_id;
    let quote = app::quote::accept(&context.app, &mut tx, id, method).await?;
    let contract_id = quote.current.state.contract_id();
    let answered = answer(&context, tx, quote).await?;
    if let Some(contract_id) = contract_id {
        let (asker, organisation) = (context.asker(), context.organisation());
        app::checkout::bill(&context.app, organisation, &asker, contract_id).await;
    }
    Ok(answered)
}

async fn answer(context: &Context, mut tx: Tx, quote: Quote) -> Result<Json<QuoteResponse>> {
    let today = app::quote::today(&mut tx).await?;
    let answer = QuoteResponse::new(context.organisation().0, quote, today);
    context.commit(tx, answer).await
}
