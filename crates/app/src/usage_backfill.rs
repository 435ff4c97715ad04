//! Backfills of usage events: open one, load it, look at what it would change, commit or revert it.
//!
//! Does not own the rules of backfills ([`florin_core::usage::backfill`]) nor the exchange of events
//! ([`crate::usage`]).

use std::ops::Range;

use florin_core::{
    aggregate::{Aggregate, Definition},
    id::OrganisationId,
    pricing::Usage,
    raw_metric::RawMetric,
    usage::{
        Backfill, CustomerKeys, CustomerUsage, Selection, UsageCustomer,
        backfill::{Closed, Refusal, State, check_reason, check_window},
        correction::within,
    },
};
use florin_store::{self as store, Author, list, usage_inbox::StreamId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    App, Error, Result,
    aggregate::{self, invalid},
    usage::{Batch, IdempotencyKey, Ingested, SqlQuery, Stream},
};

/// Metrics that one review compares at most.
pub const METRICS_MAX: usize = 20;
/// Differences of one metric that a review shows at most.
pub const DIFFERENCES_MAX: usize = 1_000;

/// What a backfill would change.
#[derive(Clone, Debug)]
pub struct Review {
    /// Events of the window that count now.
    pub events_before: u64,
    /// Events of the window that would count.
    pub events_after: u64,
    /// What would change of metrics over the window.
    pub metrics: Vec<MetricReview>,
}

/// What a backfill would change of one metric, over its window.
#[derive(Clone, Debug)]
pub struct MetricReview {
    /// The metric.
    pub aggregate: Aggregate,
    /// Customers whose quantities change.
    pub changed_count: usize,
    /// Customers that were compared.
    pub customer_count: usize,
    /// The first that change, in the order of their ids.
    pub differences: Vec<Difference>,
}

/// What changes for one customer.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The customer.
    pub customer_id: Uuid,
    /// What it used so far.
    pub before: Usage,
    /// What it used if the backfill was committed now.
    pub after: Usage,
}

/// Opens a backfill of a raw metric.
///
/// # Errors
/// [`Error::Invalid`] for broken rules, [`Error::Refused`] where an open one overlaps.
pub async fn open(
    app: &App,
    raw_metric: Uuid,
    (window, reason): (Range<Timestamp>, String),
    author: Author,
) -> Result<Backfill> {
    let fields = (
        check_window(&window, author.at).map_err(|error| field("end", error)),
        check_reason(&reason).map_err(|error| field("reason", error)),
    );
    Error::both(fields.0, fields.1)?;
    let id = StreamId {
        organisation: author.organisation,
        stream: raw_metric,
    };
    let (created_by, created_at) = (author.actor.to_string(), author.at);
    let mut tx = app.usage.begin(author).await?;
    // Under the stream's lock: two that overlap cannot be opened at once, and nothing comes in between.
    let reached = store::usage_inbox::lock(&mut tx, id).await?;
    let open = store::usage_backfill::open_of(&mut tx, raw_metric).await?;
    if let Some(other) = open.iter().find(|other| other.overlaps(&window)) {
        let message = format!(
            "the open backfill {} has a part of this window: commit or revert it first",
            other.id
        );
        return Err(Error::refused("USAGE_BACKFILL_OVERLAPS", message));
    }
    let backfill = Backfill {
        id: app.ids.next(),
        raw_metric_id: raw_metric,
        window,
        replaces_up_to: reached.unsigned_abs(),
        reason,
        state: State::Open,
        created_by,
        created_at,
    };
    store::usage_backfill::insert(&mut tx, &backfill).await?;
    tx.commit().await?;
    Ok(backfill)
}

fn field(name: &str, refusal: Refusal) -> Error {
    let kind = match refusal {
        Refusal::ReasonBlank | Refusal::ReasonTooLong => "value_error.reason",
        _ => "value_error.window",
    };
    Error::field(name, kind, refusal)
}

/// The backfill.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(app: &App, organisation: OrganisationId, id: Uuid) -> Result<Backfill> {
    let mut tx = app.usage.read(organisation).await?;
    let found = store::usage_backfill::find(&mut tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "backfill",
    })
}

/// One page of a raw metric's backfills.
///
/// # Errors
/// [`Error::NotFound`] for the raw metric.
pub async fn page(
    app: &App,
    organisation: OrganisationId,
    raw_metric: Uuid,
    query: &list::Query,
) -> Result<list::Page<Backfill>> {
    let mut tx = app.db.read(organisation).await?;
    crate::raw_metric::find(&mut tx, raw_metric).await?;
    drop(tx);
    let mut tx = app.usage.read(organisation).await?;
    Ok(store::usage_backfill::page(&mut tx, raw_metric, query).await?)
}

/// The stream of an open backfill: what is sent to it is the backfill's.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that is closed.
pub async fn stream(
    app: &App,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<(Backfill, Stream)> {
    let backfill = find(app, organisation, id).await?.opened();
    let backfill = backfill.map_err(refused)?;
    let metric = raw_metric(app, organisation, &backfill).await?;
    let stream = Stream::of(organisation, &metric).with(&backfill);
    Ok((backfill, stream))
}

async fn raw_metric(
    app: &App,
    organisation: OrganisationId,
    backfill: &Backfill,
) -> Result<RawMetric> {
    let mut tx = app.db.read(organisation).await?;
    crate::raw_metric::find(&mut tx, backfill.raw_metric_id).await
}

fn refused(refusal: Refusal) -> Error {
    let message = format!("{refusal}: open another one");
    Error::refused("USAGE_BACKFILL_CLOSED", message)
}

/// Loads a batch of events into an open backfill. They count nowhere before it is committed.
///
/// # Errors
/// As [`stream`], and [`Error::Usage`] for the engine's reasons.
pub async fn ingest(
    app: &App,
    organisation: OrganisationId,
    id: Uuid,
    batch: Batch<'_>,
    key: Option<&IdempotencyKey>,
) -> Result<Ingested> {
    let (_, stream) = stream(app, organisation, id).await?;
    Ok(app.usage.ingest(&stream, batch, key).await?)
}

/// Exchanges the window's events for the backfill's. One that is committed is answered as it is.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that is reverted.
pub async fn commit(app: &App, id: Uuid, author: &Author) -> Result<Backfill> {
    let backfill = find(app, author.organisation, id).await?;
    match backfill.state {
        State::Committed { .. } => return Ok(backfill),
        State::Reverted { .. } => return Err(refused(Refusal::Reverted)),
        State::Open => {}
    }
    let metric = raw_metric(app, author.organisation, &backfill).await?;
    let stream = Stream::of(author.organisation, &metric).with(&backfill);
    Ok(app.usage.commit_backfill(&stream, author).await?)
}

/// Throws the backfill's events away. One that is reverted is answered as it is.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for one that is committed.
pub async fn revert(app: &App, id: Uuid, author: &Author) -> Result<Backfill> {
    find(app, author.organisation, id).await?;
    let staging = StreamId {
        organisation: author.organisation,
        stream: id,
    };
    let mut tx = app.usage.begin(author.clone()).await?;
    // Events that are just being loaded come before this or are refused.
    store::usage_inbox::lock(&mut tx, staging).await?;
    let found = store::usage_backfill::find(&mut tx, id).await?;
    let backfill = found.ok_or(Error::NotFound {
        resource: "backfill",
    })?;
    if matches!(backfill.state, State::Reverted { .. }) {
        return Ok(backfill);
    }
    let closed = Closed {
        by: author.actor.to_string(),
        at: author.at,
    };
    let reverted = backfill.revert(closed).map_err(refused)?;
    store::usage_backfill::save_state(&mut tx, &reverted).await?;
    tx.commit().await?;
    Ok(reverted)
}

/// What an open backfill would change of each of the metrics, over its window; of the visual metrics of
/// its raw metric where none is named.
///
/// # Errors
/// As [`stream`]; [`Error::NotFound`] for a metric, [`Error::Usage`] for the engine's reasons.
pub async fn review(
    app: &App,
    organisation: OrganisationId,
    id: Uuid,
    metrics: &[Uuid],
) -> Result<Review> {
    let (backfill, staged) = stream(app, organisation, id).await?;
    let mut tx = app.db.read(organisation).await?;
    let aggregates = match metrics {
        [] => store::aggregate::of_raw_metric(&mut tx, backfill.raw_metric_id, METRICS_MAX).await?,
        named => {
            let mut found = Vec::new();
            for metric in named.iter().take(METRICS_MAX) {
                found.push(aggregate::find(&mut tx, *metric).await?);
            }
            found
        }
    };
    let customers = store::usage_customer::load(&mut tx, None).await?;
    drop(tx);
    let window = Selection {
        conditions: vec![within(
            Some(backfill.window.start),
            Some(backfill.window.end),
        )],
        ..Selection::default()
    };
    let plain = Stream {
        backfill: None,
        ..staged.clone()
    };
    let (events_before, _) = app.usage.selected(&plain, &window, 0).await?;
    let (events_after, _) = app.usage.selected(&staged, &window, 0).await?;
    let mut reviews = Vec::with_capacity(aggregates.len());
    for aggregate in aggregates {
        let window = &backfill.window;
        let before = aggregate::measure(app, organisation, &aggregate, window, &customers);
        let before = before.await?.into_iter();
        let after = measure_staged(app, &staged, &aggregate, window, &customers).await?;
        let pairs = before.zip(after);
        let mut differences: Vec<Difference> = pairs
            .filter(|(before, after)| before.usage != after.usage)
            .map(|(before, after)| Difference {
                customer_id: before.customer,
                before: before.usage,
                after: after.usage,
            })
            .collect();
        let changed_count = differences.len();
        differences.truncate(DIFFERENCES_MAX);
        reviews.push(MetricReview {
            aggregate,
            changed_count,
            customer_count: customers.len(),
            differences,
        });
    }
    Ok(Review {
        events_before,
        events_after,
        metrics: reviews,
    })
}

async fn measure_staged(
    app: &App,
    staged: &Stream,
    aggregate: &Aggregate,
    window: &Range<Timestamp>,
    customers: &[UsageCustomer],
) -> Result<Vec<CustomerUsage>> {
    let organisation = staged.organisation;
    match aggregate.content.definition().map_err(invalid)? {
        Definition::Visual(visual) if aggregate.raw_metric_id == Some(staged.id) => {
            let query = visual.query(&staged.schema).map_err(invalid)?;
            let keys = CustomerKeys::new(&visual.customer_attribute, customers);
            Ok(app.usage.measure(staged, &query, window, &keys).await?)
        }
        Definition::Visual(_) => {
            aggregate::measure(app, organisation, aggregate, window, customers).await
        }
        Definition::Sql(template) => {
            let mut streams = aggregate::streams(app, organisation).await?;
            for stream in &mut streams {
                if stream.id == staged.id {
                    stream.clone_from(staged);
                }
            }
            let query = SqlQuery {
                template,
                organisation,
                streams: &streams,
            };
            Ok(app.usage.measure_sql(query, window, customers).await?)
        }
    }
}
