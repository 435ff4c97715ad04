//! Jobs over HTTP: how far work is that takes longer than a request, and what it came to.

mod wire;

use std::sync::Arc;

use axum::Json;
use florin_app as app;
use florin_store::list::Spec;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    context::{Context, Server},
    error::Result,
    list::{Envelope, Listed, Listing},
    path::PathIds,
};
pub(crate) use wire::JobResponse;
use wire::OutcomeResponse;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(outcomes))
        .routes(routes!(read))
        .routes(routes!(sub_jobs))
        .routes(routes!(outcomes_of_job))
}

struct Jobs;

impl Listed for Jobs {
    fn spec() -> &'static Spec {
        &florin_store::job::LIST
    }
}

struct Outcomes;

impl Listed for Outcomes {
    fn spec() -> &'static Spec {
        &florin_store::job::OUTCOMES
    }
}

/// List jobs
///
/// One page of jobs, newest first unless `order` says otherwise.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    params(Listing<Jobs>),
    responses((status = 200, description = "One page of jobs.", body = Envelope<JobResponse>))
)]
async fn list(context: Context, listing: Listing<Jobs>) -> Result<Json<Envelope<JobResponse>>> {
    let mut tx = context.read().await?;
    let page = app::job::page(&mut tx, &listing.query).await?;
    Ok(Json(Envelope::new(page, JobResponse::from)))
}

/// Get a job
#[utoipa::path(
    get,
    path = "/jobs/{job_id}",
    tag = "jobs",
    params(("job_id" = Uuid, Path, description = "Id of the job.")),
    responses((status = 200, description = "The job.", body = JobResponse))
)]
async fn read(context: Context, PathIds([id]): PathIds<1>) -> Result<Json<JobResponse>> {
    let mut tx = context.read().await?;
    Ok(Json(app::job::find(&mut tx, id).await?.into()))
}

/// List the parts of a job
///
/// One page of the jobs that a job consists of.
#[utoipa::path(
    get,
    path = "/jobs/{job_id}/sub_jobs",
    tag = "jobs",
    params(("job_id" = Uuid, Path, description = "Id of the job."), Listing<Jobs>),
    responses((status = 200, description = "One page of jobs.", body = Envelope<JobResponse>))
)]
async fn sub_jobs(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Jobs>,
) -> Result<Json<Envelope<JobResponse>>> {
    let mut tx = context.read().await?;
    let page = app::job::sub_jobs(&mut tx, id, &listing.query).await?;
    Ok(Json(Envelope::new(page, JobResponse::from)))
}

/// List outcomes of jobs
///
/// What jobs came to, one by one: each thing that could not be done with the reason why, and for jobs that somebody
/// asked for also what was done.
#[utoipa::path(
    get,
    path = "/jobs/outcomes",
    tag = "jobs",
    params(Listing<Outcomes>),
    responses(
        (status = 200, description = "One page of outcomes.", body = Envelope<OutcomeResponse>)
    )
)]
async fn outcomes(
    context: Context,
    listing: Listing<Outcomes>,
) -> Result<Json<Envelope<OutcomeResponse>>> {
    let mut tx = context.read().await?;
    let page = app::job::outcomes(&mut tx, None, &listing.query).await?;
    Ok(Json(Envelope::new(page, OutcomeResponse::from)))
}

/// List the outcomes of a job
#[utoipa::path(
    get,
    path = "/jobs/{job_id}/outcomes",
    tag = "jobs",
    params(("job_id" = Uuid, Path, description = "Id of the job."), Listing<Outcomes>),
    responses(
        (status = 200, description = "One page of outcomes.", body = Envelope<OutcomeResponse>)
    )
)]
async fn outcomes_of_job(
    context: Context,
    PathIds([id]): PathIds<1>,
    listing: Listing<Outcomes>,
) -> Result<Json<Envelope<OutcomeResponse>>> {
    let mut tx = context.read().await?;
    let page = app::job::outcomes(&mut tx, Some(id), &listing.query).await?;
    Ok(Json(Envelope::new(page, OutcomeResponse::from)))
}
