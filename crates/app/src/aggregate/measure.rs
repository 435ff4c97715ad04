//! Asking a metric for quantities.

use std::ops::Range;

use florin_core::{
    aggregate::{Aggregate, Definition},
    calendar::Period,
    id::OrganisationId,
    pricing::Usage,
    usage::{CustomerKeys, CustomerUsage, UsageCustomer},
};
use florin_store::{self as store, Tx};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{find, invalid, streams};
use crate::{
    App, Error, Result, organisation,
    usage::{EventRow, SqlQuery, Stream},
};

/// What a customer used in a period, by a metric, as far as it is known now.
#[derive(Clone, Debug)]
pub struct Estimate {
    /// Its id: an estimate is not kept.
    pub id: Uuid,
    /// The metric.
    pub aggregate_id: Uuid,
    /// The customer.
    pub customer_id: Uuid,
    /// The days.
    pub period: Period,
    /// What was used.
    pub usage: Usage,
    /// When it was measured.
    pub created_at: Timestamp,
}

/// Measures what a customer, named by id or external id, used on some days.
///
/// # Errors
/// [`Error::NotFound`] for metric and customer, [`Error::Usage`] for the engine's reasons.
pub async fn estimate(
    app: &App,
    organisation: OrganisationId,
    aggregate_id: Uuid,
    customer: &str,
    period: Period,
) -> Result<Estimate> {
    let mut tx = app.db.read(organisation).await?;
    let aggregate = find(&mut tx, aggregate_id).await?;
    let customer = usage_customer(&mut tx, customer).await?;
    let instants = instants(period, &organisation::zone(&mut tx).await?)?;
    drop(tx);
    let customers = std::slice::from_ref(&customer);
    let usage = measure(app, organisation, &aggregate, &instants, customers).await?;
    let usage = usage.into_iter().find(|one| one.customer == customer.id);
    Ok(Estimate {
        id: app.ids.next(),
        aggregate_id,
        customer_id: customer.id,
        period,
        usage: usage.map_or(Usage::Quantity(0.into()), |one| one.usage),
        created_at: florin_core::instant::to_microseconds(app.clock.now()),
    })
}

/// What each of the customers used in `[period.start, period.end)`. One question to the engine, however many
/// they are.
///
/// # Errors
/// [`Error::Usage`] for the engine's reasons.
pub async fn measure(
    app: &App,
    organisation: OrganisationId,
    aggregate: &Aggregate,
    period: &Range<Timestamp>,
    customers: &[UsageCustomer],
) -> Result<Vec<CustomerUsage>> {
    match aggregate.content.definition().map_err(invalid)? {
        Definition::Sql(template) => {
            let streams = streams(app, organisation).await?;
            let query = SqlQuery {
                template,
                organisation,
                streams: &streams,
            };
            Ok(app.usage.measure_sql(query, period, customers).await?)
        }
        Definition::Visual(visual) => {
            let stream = stream_of(app, organisation, aggregate).await?;
            let query = visual.query(&stream.schema).map_err(invalid)?;
            let keys = CustomerKeys::new(&visual.customer_attribute, customers);
            Ok(app.usage.measure(&stream, &query, period, &keys).await?)
        }
    }
}

/// The stream that a visual metric measures: the one that it named when it was written, whatever other slugs
/// there are now.
pub(super) async fn stream_of(
    app: &App,
    organisation: OrganisationId,
    aggregate: &Aggregate,
) -> Result<Stream> {
    let missing = Error::NotFound {
        resource: "raw metric",
    };
    let Some(id) = aggregate.raw_metric_id else {
        return Err(missing);
    };
    let mut tx = app.db.read(organisation).await?;
    let metric = store::raw_metric::find(&mut tx, id).await?;
    metric
        .map(|metric| Stream::of(organisation, &metric))
        .ok_or(missing)
}

/// The customer with this id or external id, as metrics know it.
pub(super) async fn usage_customer(tx: &mut Tx, customer: &str) -> Result<UsageCustomer> {
    let missing = Error::NotFound {
        resource: "customer",
    };
    let id = match customer.parse() {
        Ok(id) => Some(id),
        Err(_) => {
            let known = store::customer::find_by_external_id(tx, customer).await?;
            known.map(|customer| customer.id)
        }
    };
    let Some(id) = id else { return Err(missing) };
    let mut found = store::usage_customer::load(tx, Some(id)).await?;
    found.pop().ok_or(missing)
}

/// The first instant of the days and the first one after them.
pub(super) fn instants(period: Period, zone: &TimeZone) -> Result<Range<Timestamp>> {
    let (start, end) = period
        .instants(zone)
        .map_err(|error| Error::field("start_date", "value_error.date", error))?;
    Ok(start..end)
}

/// Quantities as clients read them: `quantity`, and under `dimension` the value of each dimension by its
/// name, null where the metric has none.
pub fn measured(usage: &Usage) -> Vec<EventRow> {
    let row = |dimension: Json, quantity: &dyn std::fmt::Display| {
        let text = quantity.to_string();
        let number = text.parse().map_or_else(|_| Json::from(text), Json::Number);
        let row = [("quantity", number), ("dimension", dimension)];
        let named = row
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        named.collect()
    };
    match usage {
        Usage::Quantity(quantity) => vec![row(Json::Null, &quantity.normalize())],
        Usage::Rows(rows) => {
            let columns = rows.columns();
            let rows = rows.rows().iter().map(|one| {
                let values = one.dimensions.iter().map(|value| json!(value));
                let named: Map<String, Json> = columns.iter().cloned().zip(values).collect();
                row(Json::Object(named), &one.quantity.normalize())
            });
            rows.collect()
        }
    }
}
