//! Uploads of usage events over HTTP: files, their reports, and their confirmation.
//!
//! Invariant: the memory that a file takes here does not grow with it: its pieces go to the database as they
//! come.

mod form;
mod wire;

use std::sync::Arc;

use axum::{Json, extract::Request};
use florin_app as app;
use florin_core::usage::Upload;
use florin_store::list::Spec;
use sha2::{Digest, Sha256};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    body::Body,
    context::{Context, Server, idempotency_key},
    error::{Error, Result},
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
use form::{Form, Pieces};
use wire::{MappingInput, UploadForm, UploadParameters, UploadResponse};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(read, remap, discard))
        .routes(routes!(confirm))
        .routes(routes!(list))
}

/// Receiving files, which are too large for the layer that keeps idempotency keys.
pub(crate) fn file_routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(upload))
}

struct Uploads;

impl Listed for Uploads {
    fn spec() -> &'static Spec {
        &florin_store::usage_upload::LIST
    }
}

/// Upload a file of usage events
///
/// A CSV file, plain or packed by gzip, 512 MiB at most: as `multipart/form-data`, or as the body itself with
/// what is said of it in the query string. Its columns are `customer_id`, `timestamp` and fields of the raw
/// metric's schema; `mapping` says of other headers what they are. An empty cell is null. The answer comes when
/// the whole file is kept; every row is then checked, and `GET /usage_uploads/{upload_id}` says how far that
/// is and what is wrong with which row. Nothing counts before the upload is confirmed; then all of its events
/// are kept, also across a restart, none of them twice. A file with a bad row keeps nothing.
#[utoipa::path(
    post,
    path = "/rawmetric/{raw_metric_id}/uploads",
    tag = "usage uploads",
    params(
        ("raw_metric_id" = Uuid, Path, description = "Id of the raw metric."),
        UploadParameters
    ),
    request_body(
        description = "The file.",
        content((UploadForm = "multipart/form-data"), (String = "text/csv"), (String = "application/gzip"))
    ),
    responses((status = 200, description = "The upload.", body = UploadResponse))
)]
async fn upload(
    context: Context,
    PathIds([id]): PathIds<1>,
    request: Request,
) -> Result<Json<UploadResponse>> {
    let key = idempotency_key(request.headers())?;
    let mut tx = context.read().await?;
    app::raw_metric::find(&mut tx, id).await?;
    drop(tx);
    let mut form = Form::read(request).await?;
    let said = form.said()?;
    if let Some(backfill) = said.backfill_id {
        app::usage_backfill::stream(&context.app, context.organisation(), backfill).await?;
    }
    let mut digest = Sha256::new();
    digest.update(id);
    digest.update(format!("{said:?}"));
    let mut tx = context.begin().await?;
    let upload = app::usage_upload::begin(&context.app, &mut tx, id, said).await?;
    tx.commit().await?;
    match receive(&context, &upload, &mut form.pieces, &mut digest).await {
        Ok(byte_count) => {
            let fingerprint = digest.finalize().to_vec();
            let keyed = context.clone().keyed(key, fingerprint);
            finish(&keyed, &upload, byte_count).await
        }
        Err(error) => {
            abandon(&context, &upload).await?;
            Err(error)
        }
    }
}

/// Keeps the file's pieces; answers its bytes.
async fn receive(
    context: &Context,
    upload: &Upload,
    pieces: &mut Pieces,
    digest: &mut Sha256,
) -> Result<u64> {
    let mut byte_count = 0;
    for number in 0_i64.. {
        let Some(bytes) = pieces.next().await? else {
            break;
        };
        digest.update(&bytes);
        byte_count += bytes.len() as u64;
        if byte_count > app::usage_upload::UPLOAD_BYTES_MAX {
            let limit = usize::try_from(app::usage_upload::UPLOAD_BYTES_MAX);
            return Err(Error::TooLarge(limit.unwrap_or(usize::MAX)));
        }
        let mut tx = context.begin().await?;
        app::usage_upload::add_piece(&mut tx, upload.id, number, bytes).await?;
        tx.commit().await?;
    }
    Ok(byte_count)
}

/// The file is there. Where this request was answered before, the file goes again.
async fn finish(
    context: &Context,
    upload: &Upload,
    byte_count: u64,
) -> Result<Json<UploadResponse>> {
    match context.begin().await {
        Ok(mut tx) => {
            let upload = app::usage_upload::received(&mut tx, upload.id, byte_count).await?;
            context.commit(tx, upload.into()).await
        }
        Err(answered) => {
            abandon(&context.clone().keyed(None, Vec::new()), upload).await?;
            Err(answered)
        }
    }
}

async fn abandon(context: &Context, upload: &Upload) -> Result<()> {
    let mut tx = context.begin().await?;
    app::usage_upload::discard(&mut tx, upload.id).await?;
    tx.commit().await?;
    Ok(())
}

/// List the uploads of a raw metric
///
/// Newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/rawmetric/{raw_metric_id}/uploads",
    tag = "usage uploads",
    params(("raw_metric_id" = Uuid, Path, description = "Id of the raw metric."), Listing<Uploads>),
    responses((status = 200, description = "One page of uploads.", body = Envelope<UploadResponse>))
)]
async fn list(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Uploads>,
) -> Result<Json<Envelope<UploadResponse>>> {
    let mut tx = context.read().await?;
    let page = app::usage_upload::page(&mut tx, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, UploadResponse::from)))
}

/// Get an upload
///
/// How far it is, and what is wrong with which row.
#[utoipa::path(
    get,
    path = "/usage_uploads/{upload_id}",
    tag = "usage uploads",
    params(("upload_id" = Uuid, Path, description = "Id of the upload.")),
    responses((status = 200, description = "The upload.", body = UploadResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<UploadResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::usage_upload::find(&mut tx, id).await?.into()))
}

/// Change an upload's mapping
///
/// Says anew what the file's headers mean; every row is checked again.
#[utoipa::path(
    patch,
    path = "/usage_uploads/{upload_id}",
    tag = "usage uploads",
    params(("upload_id" = Uuid, Path, description = "Id of the upload.")),
    request_body = MappingInput,
    responses((status = 200, description = "The upload.", body = UploadResponse))
)]
async fn remap(
    context: Context,
    PathIds([id]): PathIds<1>,
    Body(input): Body<MappingInput>,
) -> Result<Json<UploadResponse>> {
    let mapping = input.mapping.into_iter().collect();
    let mut tx = context.begin().await?;
    let upload = app::usage_upload::remap(&mut tx, id, mapping).await?;
    context.commit(tx, upload.into()).await
}

/// Confirm an upload
///
/// Its events are kept as soon as every row was found good. Confirming it again changes nothing.
#[utoipa::path(
    post,
    path = "/usage_uploads/{upload_id}/confirm",
    tag = "usage uploads",
    params(("upload_id" = Uuid, Path, description = "Id of the upload.")),
    responses((status = 200, description = "The upload.", body = UploadResponse))
)]
async fn confirm(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<UploadResponse>> {
    let mut tx = context.begin().await?;
    let upload = app::usage_upload::confirm(&mut tx, id).await?;
    context.commit(tx, upload.into()).await
}

/// Discard an upload
///
/// Throws the file away. What is said of it stays.
#[utoipa::path(
    delete,
    path = "/usage_uploads/{upload_id}",
    tag = "usage uploads",
    params(("upload_id" = Uuid, Path, description = "Id of the upload.")),
    responses((status = 200, description = "The discarded upload.", body = UploadResponse))
)]
async fn discard(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<UploadResponse>> {
    let mut tx = context.begin().await?;
    let upload = app::usage_upload::discard(&mut tx, id).await?;
    context.commit(tx, upload.into()).await
}
