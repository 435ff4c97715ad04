//! Showing what a metric counts: events, or quantities of customers where there is no event to show.

use std::ops::Range;

use florin_core::{
    aggregate::{Definition, VisualQuery},
    calendar::Period,
    id::OrganisationId,
    pricing::Usage,
    usage::{
        Column, Condition, Conditions, CustomerKeys, CustomerUsage, Filter, FilterGroup, Filters,
        Logic, Operand, Operator, Schema, UsageCustomer,
    },
};
use florin_store as store;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    find, invalid, measure,
    measure::{instants, measured, stream_of, usage_customer},
    stream_named, table_unknown,
};
use crate::{
    App, Error, FieldError, Result, organisation,
    usage::{EventRow, RowsQuery, Stream},
};

/// The years of which table files hold every instant.
const YEAR_1: Timestamp = Timestamp::constant(-62_135_596_800, 0);
const YEAR_9999: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// What of a metric is shown.
#[derive(Clone, Debug)]
pub struct LogsQuery {
    /// On which days; `None` is all of them for events, the current month for quantities.
    pub period: Option<Period>,
    /// Whose, by id or external id; `None` is everybody's.
    pub customer: Option<String>,
    /// Rows at most.
    pub limit: usize,
}

/// A visual query that is tried.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The query; without a calculation its events are shown.
    pub visual: VisualQuery,
    /// On which days; `None` is all of them.
    pub period: Option<Period>,
    /// Order of events: column and whether descending.
    pub order: Vec<(String, bool)>,
    /// Rows at most.
    pub limit: usize,
    /// Rows that are passed over.
    pub offset: usize,
}

/// The rows behind a metric, what was received last first. A template has no rows of its own: then what it
/// answers for each customer.
///
/// # Errors
/// [`Error::NotFound`] for metric and customer, [`Error::Usage`] for the engine's reasons.
pub async fn logs(
    app: &App,
    organisation: OrganisationId,
    id: Uuid,
    query: &LogsQuery,
) -> Result<Vec<EventRow>> {
    let mut tx = app.db.read(organisation).await?;
    let aggregate = find(&mut tx, id).await?;
    let customer = match &query.customer {
        Some(customer) => Some(usage_customer(&mut tx, customer).await?),
        None => None,
    };
    let zone = organisation::zone(&mut tx).await?;
    drop(tx);
    let period = query.period.map(|period| instants(period, &zone));
    let period = period.transpose()?;
    match aggregate.content.definition().map_err(invalid)? {
        Definition::Visual(visual) => {
            let stream = stream_of(app, organisation, &aggregate).await?;
            let rows = RowsQuery {
                conditions: Vec::new(),
                order: Vec::new(),
                limit: query.limit,
                offset: 0,
            };
            events(app, &stream, &visual, (period, customer.as_ref()), rows).await
        }
        Definition::Sql(_) => {
            let period = period.unwrap_or_else(|| this_month(app.clock.now(), &zone));
            let customers = match customer {
                Some(customer) => vec![customer],
                None => every_customer(app, organisation).await?,
            };
            let usage = measure(app, organisation, &aggregate, &period, &customers).await?;
            Ok(quantities(&usage).take(query.limit).collect())
        }
    }
}

/// Tries a visual query: the events that it counts, or with a calculation the quantities of the customers
/// that used something.
///
/// # Errors
/// [`Error::Invalid`] with every place of the query that cannot be used, [`Error::Usage`] for the
/// engine's reasons.
pub async fn preview(
    app: &App,
    organisation: OrganisationId,
    preview: &Preview,
) -> Result<Vec<EventRow>> {
    let visual = &preview.visual;
    let stream = stream_named(app, organisation, visual).await?;
    let stream = stream.ok_or_else(|| invalid(vec![table_unknown()]))?;
    ordered(&preview.order, &stream.schema)?;
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    drop(tx);
    let period = preview.period.map(|period| instants(period, &zone));
    let period = period.transpose()?;
    if visual.operation.is_none() {
        let rows = RowsQuery {
            conditions: Vec::new(),
            order: preview.order.clone(),
            limit: preview.limit,
            offset: preview.offset,
        };
        return events(app, &stream, visual, (period, None), rows).await;
    }
    let query = visual.query(&stream.schema).map_err(invalid)?;
    let customers = every_customer(app, organisation).await?;
    let keys = CustomerKeys::new(&visual.customer_attribute, &customers);
    let period = period.unwrap_or(YEAR_1..YEAR_9999);
    let usage = app.usage.measure(&stream, &query, &period, &keys).await?;
    let rows = quantities(&usage).skip(preview.offset);
    Ok(rows.take(preview.limit).collect())
}

/// Refuses an order by what is no column with one value.
fn ordered(order: &[(String, bool)], schema: &Schema) -> Result<()> {
    let is_column = |path: &str| {
        let column = schema.column(path);
        column.is_some_and(|column| !schema.data_type(column).is_array())
    };
    let unknown = order.iter().enumerate();
    let unknown = unknown.filter(|(_, (path, _))| !is_column(path));
    let fields: Vec<FieldError> = unknown
        .map(|(index, _)| FieldError {
            path: vec![
                "order_by".to_owned(),
                index.to_string(),
                "column".to_owned(),
            ],
            message: "one of customer_id, timestamp and the fields as data.<field>".to_owned(),
            kind: "value_error.column",
        })
        .collect();
    match fields.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid(fields)),
    }
}

/// Events that a visual query counts, of some days and of one customer if they are given.
async fn events(
    app: &App,
    stream: &Stream,
    visual: &VisualQuery,
    (period, customer): (Option<Range<Timestamp>>, Option<&UsageCustomer>),
    mut rows: RowsQuery,
) -> Result<Vec<EventRow>> {
    let schema = &stream.schema;
    rows.conditions
        .push(visual.conditions(schema).map_err(invalid)?);
    if let (Some(period), Some(column)) = (period, schema.column(&visual.date_column)) {
        rows.conditions.push(within(column, &period));
    }
    if let Some(customer) = customer {
        let Some(of_customer) = of_customer(visual, schema, customer) else {
            return Ok(Vec::new());
        };
        rows.conditions.push(of_customer);
    }
    Ok(app.usage.rows(stream, &rows).await?)
}

fn within(column: Column, period: &Range<Timestamp>) -> Conditions {
    let bound = |operator, instant| Condition {
        column,
        operator,
        operands: vec![Operand::Instant(instant)],
    };
    let bounds = vec![
        bound(Operator::GreaterOrEqual, period.start),
        bound(Operator::Less, period.end),
    ];
    Conditions {
        logic: Logic::And,
        groups: vec![(Logic::And, bounds)],
    }
}

/// Events that name the customer; `None` where no value of the column can.
fn of_customer(
    visual: &VisualQuery,
    schema: &Schema,
    customer: &UsageCustomer,
) -> Option<Conditions> {
    let keys = CustomerKeys::new(&visual.customer_attribute, [customer]);
    let equal = |key: &str| Filters {
        logic: Logic::And,
        groups: vec![FilterGroup {
            logic: Logic::And,
            filters: vec![Filter {
                column: visual.customer_column.clone(),
                operator: Operator::Equal,
                value: Json::from(key),
            }],
        }],
    };
    // A key that is no value of the column's type names no event.
    let fitting = keys
        .keys()
        .filter_map(|(key, _)| equal(key).against(schema).ok());
    let any: Vec<Condition> = fitting
        .flat_map(|conditions| conditions.groups)
        .flat_map(|(_, conditions)| conditions)
        .collect();
    (!any.is_empty()).then(|| Conditions {
        logic: Logic::And,
        groups: vec![(Logic::Or, any)],
    })
}

async fn every_customer(app: &App, organisation: OrganisationId) -> Result<Vec<UsageCustomer>> {
    let mut tx = app.db.read(organisation).await?;
    Ok(store::usage_customer::load(&mut tx, None).await?)
}

/// A row for each quantity that is not zero, with its customer.
fn quantities(usage: &[CustomerUsage]) -> impl Iterator<Item = EventRow> {
    let used = usage.iter().filter(|one| match &one.usage {
        Usage::Quantity(quantity) => !quantity.is_zero(),
        Usage::Rows(_) => true,
    });
    used.flat_map(|one| {
        let customer = one.customer;
        measured(&one.usage).into_iter().map(move |mut row| {
            row.insert("customer_id".to_owned(), json!(customer));
            row
        })
    })
}

fn this_month(now: Timestamp, zone: &TimeZone) -> Range<Timestamp> {
    let today = now.to_zoned(zone.clone()).date();
    let first = today.first_of_month();
    let next = first.saturating_add(1.month());
    let month = Period::new(first, next).and_then(|month| month.instants(zone));
    month.map_or(now..now, |(start, end)| start..end)
}
