//! Asking a billable metric: what one customer used, and the rows behind it.

use std::sync::Arc;

use axum::Json;
use florin_app::{
    self as app,
    aggregate::{Estimate, LogsQuery, measured},
    usage::ROWS_MAX,
};
use florin_core::calendar::Period;
use jiff::civil::{Date, date};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    context::{Context, Server},
    error::{BadField, Error, Result},
    list::Envelope,
    path::PathIds,
    query::{Parameters, bad},
    usage_event::Rows,
    value::{Day, Instant},
};

/// Days that can be asked for.
const DAY_MIN: Date = date(1, 1, 1);
const DAY_MAX: Date = date(9998, 12, 31);
/// Rows that are answered where the client does not say how many.
const ROWS_DEFAULT: usize = 100;

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(estimates))
        .routes(routes!(logs))
}

/// What is estimated.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
struct EstimateParameters {
    /// The billable metric.
    aggregate_id: Uuid,
    /// The customer, by `id` or `external_id`.
    #[param(min_length = 1, example = "CRM-771")]
    customer_id: String,
    /// First day, in the organisation's time zone.
    #[param(format = Date, example = "2026-02-01")]
    start_date: String,
    /// Last day.
    #[param(format = Date, example = "2026-02-28")]
    end_date: String,
    /// Whether the estimate is answered alone (unless told) or as a list of one.
    get_single: Option<bool>,
}

/// A quantity.
#[derive(Debug, Serialize, ToSchema)]
struct EstimateField {
    /// How much was used, an exact number.
    #[schema(value_type = f64, example = 1500.25)]
    quantity: Value,
    /// The value of each dimension by its name; null where the metric has none.
    #[schema(example = json!({"region": "eu"}))]
    dimension: Option<Map<String, Value>>,
}

/// Quantities.
#[derive(Debug, Serialize, ToSchema)]
struct EstimateValue {
    /// One quantity; with dimensions one for each combination that events have.
    fields: Vec<EstimateField>,
}

/// What a customer used, as far as it is known.
#[derive(Debug, Serialize, ToSchema)]
struct EstimateResponse {
    /// Id of the estimate. It is not kept.
    id: Uuid,
    /// The organisation.
    organisation_id: Uuid,
    /// The billable metric.
    aggregate_id: Uuid,
    /// The customer.
    customer_id: Uuid,
    /// First day.
    start_date: Day,
    /// Last day.
    end_date: Day,
    /// What was used.
    value: EstimateValue,
    /// When it was measured.
    created_at: Instant,
    /// Always null: an estimate does not change.
    #[schema(example = json!(null))]
    updated_at: Option<Instant>,
    /// Always null.
    #[schema(example = json!(null))]
    deleted_at: Option<Instant>,
}

/// An estimate, or a list of one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum EstimateAnswer {
    /// Alone.
    Single(Box<EstimateResponse>),
    /// As a list.
    Listed(Envelope<EstimateResponse>),
}

/// Estimate a customer's usage
///
/// What the customer used by a billable metric from the first to the last day, both included; events that were
/// accepted before the request are counted.
#[utoipa::path(
    get,
    path = "/aggregates/estimates",
    tag = "billable metrics",
    params(EstimateParameters),
    responses(
        (status = 200, description = "The estimate.", body = EstimateAnswer),
        (status = 404, description = "The organisation has no such metric or customer.",
            body = ref("#/components/schemas/Refusal"))
    )
)]
async fn estimates(context: Context, parameters: Parameters) -> Result<Json<EstimateAnswer>> {
    let mut refused = Vec::new();
    let id = required(&parameters, "aggregate_id", &mut refused);
    let id = id.and_then(|text| uuid(text, &mut refused));
    let customer = required(&parameters, "customer_id", &mut refused);
    let start = required(&parameters, "start_date", &mut refused);
    let start = start.and_then(|text| day("start_date", text, &mut refused));
    let end = required(&parameters, "end_date", &mut refused);
    let end = end.and_then(|text| day("end_date", text, &mut refused));
    let single = parameters.one_of("get_single", &["true", "false"])? != Some("false");
    let (Some(id), Some(customer), Some(_), Some(_)) = (id, customer, start, end) else {
        return Err(Error::Unreadable(refused));
    };
    let Some(period) = asked(start, end)? else {
        return Err(Error::Unreadable(refused));
    };
    let organisation = context.organisation();
    let estimate = app::aggregate::estimate(&context.app, organisation, id, customer, period);
    let shown = EstimateResponse::new(organisation.0, estimate.await?);
    Ok(Json(match single {
        true => EstimateAnswer::Single(Box::new(shown)),
        false => EstimateAnswer::Listed(Envelope::whole(vec![shown], |shown| shown)),
    }))
}

impl EstimateResponse {
    fn new(organisation_id: Uuid, estimate: Estimate) -> Self {
        let Estimate {
            id,
            aggregate_id,
            customer_id,
            period,
            usage,
            created_at,
        } = estimate;
        let fields = measured(&usage).into_iter().map(|mut row| EstimateField {
            quantity: row.remove("quantity").unwrap_or_default(),
            dimension: match row.remove("dimension") {
                Some(Value::Object(dimension)) => Some(dimension),
                _ => None,
            },
        });
        Self {
            id,
            organisation_id,
            aggregate_id,
            customer_id,
            start_date: Day(period.start()),
            end_date: Day(period.last_day()),
            value: EstimateValue {
                fields: fields.collect(),
            },
            created_at: Instant(created_at),
            updated_at: None,
            deleted_at: None,
        }
    }
}

/// Which rows are shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
struct LogsParameters {
    /// First day, in the organisation's time zone.
    #[param(format = Date, example = "2026-02-01")]
    start_date: Option<String>,
    /// Last day.
    #[param(format = Date, example = "2026-02-28")]
    end_date: Option<String>,
    /// A month instead of two days.
    #[param(example = "Apr 2023")]
    month: Option<String>,
    /// The customer, by `id` or `external_id`; everybody unless told.
    #[param(example = "CRM-771")]
    customer_id: Option<String>,
    /// Rows at most, 1 to 1000; 100 unless told.
    #[param(minimum = 1, maximum = 1000)]
    query_limit: Option<u64>,
}

/// List the rows behind a billable metric
///
/// The events that it counts, what was received last first. A metric in SQL has no events of its own: then what
/// it answers for each customer, of the current month unless told.
#[utoipa::path(
    get,
    path = "/aggregates/logs/{aggregate_id}",
    tag = "billable metrics",
    params(
        ("aggregate_id" = Uuid, Path, description = "Id of the billable metric."),
        LogsParameters
    ),
    responses((status = 200, description = "Rows.", body = Rows))
)]
async fn logs(
    context: Context,
    PathIds([id]): PathIds<1>,
    parameters: Parameters,
) -> Result<Json<Rows>> {
    let query = logs_query(&parameters)?;
    let results = app::aggregate::logs(&context.app, context.organisation(), id, &query).await?;
    Ok(Json(Rows { results }))
}

fn logs_query(parameters: &Parameters) -> Result<LogsQuery> {
    let mut refused = Vec::new();
    let mut asked_day = |name| {
        let text = parameters.value(name)?;
        day(name, text, &mut refused)
    };
    let (mut start, mut end) = (asked_day("start_date"), asked_day("end_date"));
    if let Some(text) = parameters.value("month") {
        match Date::strptime("%d %b %Y", format!("1 {text}")) {
            Ok(first) if (DAY_MIN..=DAY_MAX).contains(&first) => {
                (start, end) = (Some(first), Some(first.last_of_month()));
            }
            _ => refused.push(bad(
                "month",
                "value_error.date",
                "write a month as Apr 2023",
            )),
        }
    }
    let limit = parameters.value("query_limit").map(|text| {
        let limit = text
            .parse()
            .ok()
            .filter(|limit| (1..=ROWS_MAX).contains(limit));
        if limit.is_none() {
            let message = format!("a whole number from 1 to {ROWS_MAX}");
            refused.push(bad("query_limit", "value_error.number", &message));
        }
        limit.unwrap_or(ROWS_DEFAULT)
    });
    if !refused.is_empty() {
        return Err(Error::Unreadable(refused));
    }
    Ok(LogsQuery {
        period: asked(start, end)?,
        customer: parameters.value("customer_id").map(str::to_owned),
        limit: limit.unwrap_or(ROWS_DEFAULT),
    })
}

/// The days from the first to the last, both included; a missing one is as far away as can be.
///
/// # Errors
/// What is wrong with the last day.
pub(super) fn days(start: Option<Date>, end: Option<Date>) -> Result<Option<Period>, String> {
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    let (start, end) = (start.unwrap_or(DAY_MIN), end.unwrap_or(DAY_MAX));
    let is_calendar = DAY_MIN <= start && end <= DAY_MAX;
    let after = end.tomorrow().ok().filter(|_| is_calendar);
    let period = after.and_then(|after| Period::new(start, after).ok());
    let message = || format!("not before start_date, both from {DAY_MIN} to {DAY_MAX}");
    period.map(Some).ok_or_else(message)
}

fn asked(start: Option<Date>, end: Option<Date>) -> Result<Option<Period>> {
    let bad = |message: String| bad("end_date", "value_error.date", &message);
    days(start, end).map_err(|message| Error::Unreadable(vec![bad(message)]))
}

fn required<'p>(
    parameters: &'p Parameters,
    name: &str,
    refused: &mut Vec<BadField>,
) -> Option<&'p str> {
    let value = parameters.value(name);
    if value.is_none() {
        refused.push(bad(name, "value_error.missing", "field required"));
    }
    value
}

fn uuid(text: &str, refused: &mut Vec<BadField>) -> Option<Uuid> {
    let id = text.parse().ok();
    if id.is_none() {
        let message = "value is not a valid uuid";
        refused.push(bad("aggregate_id", "type_error.uuid", message));
    }
    id
}

fn day(name: &str, text: &str, refused: &mut Vec<BadField>) -> Option<Date> {
    let day = text.parse().ok();
    if day.is_none() {
        let message = "write a date as 2026-01-31";
        refused.push(bad(name, "value_error.date", message));
    }
    day
}
