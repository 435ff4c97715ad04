//! Usage events: sending and reading them.

use florin_core::{
    id::OrganisationId,
    raw_metric::RawMetric,
    usage::{EventProblem, Violation},
};

use crate::{
    App, Error, Result,
    usage::{Batch, EventRow, IdempotencyKey, Ingested, RowsQuery, Stream, UsageError},
};

/// Keeps a batch of events; when it answers, they survive `kill -9`.
///
/// # Errors
/// [`Error::Refused`] for an unknown slug, [`Error::Usage`] for the engine's reasons.
pub async fn ingest(
    app: &App,
    (organisation, api_slug): (OrganisationId, &str),
    batch: Batch<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Ingested> {
    let stream = app.streams.find(app, organisation, api_slug).await?;
    let stream = stream.ok_or_else(unknown_slug)?;
    match app.usage.ingest(&stream, batch.clone(), key).await {
        Err(UsageError::Events(problems)) if problems.iter().any(is_unknown_field) => {
            // Another process may just have added the field.
            let fresh = app.streams.read(app, organisation, api_slug).await?;
            match fresh.filter(|fresh| fresh.schema != stream.schema) {
                Some(fresh) => Ok(app.usage.ingest(&fresh, batch, key).await?),
                None => Err(UsageError::Events(problems).into()),
            }
        }
        answer => Ok(answer?),
    }
}

/// Events of a raw metric.
///
/// # Errors
/// [`Error::Usage`] for the engine's reasons.
pub async fn rows(
    app: &App,
    organisation: OrganisationId,
    metric: &RawMetric,
    query: &RowsQuery,
) -> Result<Vec<EventRow>> {
    let stream = Stream::of(organisation, metric);
    Ok(app.usage.rows(&stream, query).await?)
}

fn is_unknown_field(problem: &EventProblem) -> bool {
    matches!(problem.violation, Violation::UnknownField { .. })
}

fn unknown_slug() -> Error {
    let message = "no raw metric has this api_slug: create it first";
    Error::refused("RAW_METRIC_NOT_FOUND", message)
}
