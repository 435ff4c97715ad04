//! Corrections as JSON writes them.

use florin_app::usage_correction::{Asked, Preview, kept_request};
use florin_core::{
    aggregate::VisualQuery,
    usage::{
        Amendment, Change, Conditions, Correction, Filter, FilterGroup, Filters, Logic, Operator,
        Schema, Selection,
        correction::{self, Action},
    },
};
use florin_store::usage_correction::CorrectedEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    aggregate::FiltersBody,
    error::{BadField, Error, Result},
    value::Instant,
};

/// What becomes of events.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActionWord {
    /// They go.
    Delete,
    /// They change.
    Amend,
}

/// Which events; all that is sent must hold, and something must be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct SelectionBody {
    /// One of these, by `_seq`.
    #[schema(value_type = Option<Vec<u64>>, max_items = 1000, example = json!([17, 18]))]
    sequences: Option<Vec<i64>>,
    /// One of these, by the values of columns: `{"data.id": "x"}`; of several columns all must be equal.
    #[schema(max_items = 50, example = json!(null))]
    keys: Option<Vec<Map<String, Value>>>,
    /// Of this customer, as the sender names it.
    #[schema(min_length = 1, max_length = 255, example = "CRM-771")]
    customer_id: Option<String>,
    /// Not before this instant.
    #[schema(example = json!(null))]
    start: Option<Instant>,
    /// Before this instant.
    #[schema(example = json!(null))]
    end: Option<Instant>,
    /// Filters as a billable metric has them.
    #[schema(value_type = Option<FiltersBody>, example = json!(null))]
    visual_query: Option<Value>,
}

/// What changes of each event.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ChangesBody {
    /// Whose usage it is.
    #[schema(min_length = 1, max_length = 255, example = "CRM-772")]
    customer_id: Option<String>,
    /// When it happened, as events write it.
    #[schema(example = json!(null))]
    timestamp: Option<String>,
    /// Fields of `data`, each of its type or null; those that are not named stay.
    #[schema(example = json!(null))]
    data: Option<Map<String, Value>>,
}

/// A correction of usage events.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct CorrectionInput {
    /// What becomes of the events.
    action: ActionWord,
    /// Why; it is kept with the correction.
    #[schema(
        min_length = 1,
        max_length = 1000,
        example = "sent for the wrong customer"
    )]
    reason: String,
    /// Which events.
    events: SelectionBody,
    /// What changes; only for `amend`.
    #[schema(value_type = Option<ChangesBody>, example = json!(null))]
    changes: Option<Map<String, Value>>,
    /// Only says what would be done.
    #[schema(example = true)]
    dry_run: Option<bool>,
}

/// An event of a correction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CorrectedEventResponse {
    /// What it was.
    #[schema(value_type = Object)]
    before: Value,
    /// What it became; null where it went.
    #[schema(value_type = Option<Object>)]
    after: Value,
}

/// Events of a correction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CorrectedEventsResponse {
    /// The events, in the order of their `_seq`.
    results: Vec<CorrectedEventResponse>,
}

/// A correction that was made.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CorrectionResponse {
    /// Id of the correction.
    id: Uuid,
    /// The raw metric.
    raw_metric_id: Uuid,
    /// Its place among the events of the raw metric; amended events follow it.
    #[schema(example = 4711)]
    sequence: u64,
    /// What became of the events.
    action: ActionWord,
    /// Why.
    #[schema(example = "sent for the wrong customer")]
    reason: String,
    /// What was asked.
    #[schema(value_type = Object)]
    request: Value,
    /// How many events.
    #[schema(example = 2)]
    event_count: u64,
    /// Who made it: `key:` and the id of an API key.
    #[schema(example = "key:0198c0de-0000-7000-8000-000000000001")]
    created_by: String,
    /// The request that made it, as its answer's `x-request-id` says.
    #[schema(example = "0198c0de-0000-7000-8000-000000000002")]
    request_id: String,
    /// When it was made.
    created_at: Instant,
}

/// A correction, or what it would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CorrectionAnswer {
    /// Id of the correction; null where nothing was done.
    id: Option<Uuid>,
    /// The raw metric.
    raw_metric_id: Uuid,
    /// Whether nothing was done.
    #[schema(example = false)]
    dry_run: bool,
    /// Its place among the events of the raw metric; null where nothing was done.
    #[schema(example = 4711)]
    sequence: Option<u64>,
    /// What becomes of the events.
    action: ActionWord,
    /// Why.
    #[schema(example = "sent for the wrong customer")]
    reason: String,
    /// How many events; a correction is of 100,000 at most.
    #[schema(example = 2)]
    event_count: u64,
    /// Who made it; null where nothing was done.
    #[schema(example = "key:0198c0de-0000-7000-8000-000000000001")]
    created_by: Option<String>,
    /// When it was made; null where nothing was done.
    created_at: Option<Instant>,
    /// The first events, 20 at most.
    sample: Vec<CorrectedEventResponse>,
}

/// Which events of a correction are shown.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
pub(super) struct CorrectedParameters {
    /// Events at most, 1 to 1000; 100 unless told.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u64>,
    /// Events to pass over.
    #[param(minimum = 0, maximum = 100_000)]
    offset: Option<u64>,
}

/// What the body asks, against the schema; and whether it is a dry run.
///
/// # Errors
/// [`Error::Unreadable`] with every part that does not fit.
pub(super) fn asked(input: CorrectionInput, schema: &Schema) -> Result<(bool, Asked)> {
    let document = serde_json::to_value(&input);
    let document = document.map_err(|error| Error::Internal(error.to_string()))?;
    let CorrectionInput {
        action,
        reason,
        events,
        changes,
        dry_run,
    } = input;
    let mut refused = Vec::new();
    let selection = selection(events, schema, &mut refused);
    let change = change(action, changes, schema, &mut refused);
    match change {
        Some(change) if refused.is_empty() => Ok((
            dry_run.unwrap_or(false),
            Asked {
                selection,
                change,
                reason,
                request: kept_request(document),
            },
        )),
        _ => Err(Error::Unreadable(refused)),
    }
}

fn selection(body: SelectionBody, schema: &Schema, refused: &mut Vec<BadField>) -> Selection {
    let SelectionBody {
        sequences,
        keys,
        customer_id,
        start,
        end,
        visual_query,
    } = body;
    let mut conditions = Vec::new();
    conditions.extend(customer_id.map(|id| correction::of_customer(&id)));
    if start.is_some() || end.is_some() {
        let bound = |instant: Option<Instant>| instant.map(|Instant(at)| at);
        conditions.push(correction::within(bound(start), bound(end)));
    }
    conditions.extend(keys.and_then(|keys| of_keys(&keys, schema, refused)));
    conditions.extend(visual_query.and_then(|filters| of_filters(&filters, schema, refused)));
    let sequences = sequences.unwrap_or_default().into_iter();
    let sequences = sequences.filter_map(|sequence| u64::try_from(sequence).ok());
    Selection {
        sequences: sequences.collect(),
        conditions,
    }
}

/// Any of the keys, each of them a group of equalities.
fn of_keys(
    keys: &[Map<String, Value>],
    schema: &Schema,
    refused: &mut Vec<BadField>,
) -> Option<Conditions> {
    let groups = keys.iter().map(|key| FilterGroup {
        logic: Logic::And,
        filters: key
            .iter()
            .map(|(column, value)| Filter {
                column: column.clone(),
                operator: Operator::Equal,
                value: value.clone(),
            })
            .collect(),
    });
    for (index, _) in keys.iter().enumerate().filter(|(_, key)| key.is_empty()) {
        let path = vec!["events".to_owned(), "keys".to_owned(), index.to_string()];
        refused.push(bad(path, "a key names a column and its value"));
    }
    let filters = Filters {
        logic: Logic::Or,
        groups: groups.collect(),
    };
    let conditions = filters.against(schema).map_err(|errors| {
        // filters.groups.<key>.filters.<index>.…
        refused.extend(errors.into_iter().map(|error| {
            let key = error.path.get(2).cloned();
            let path = ["events".to_owned(), "keys".to_owned()];
            bad(path.into_iter().chain(key).collect(), &error.to_string())
        }));
    });
    conditions.ok()
}

fn of_filters(filters: &Value, schema: &Schema, refused: &mut Vec<BadField>) -> Option<Conditions> {
    let document = json!({ "table_name": "events", "visual_query": filters });
    let visual = VisualQuery::read(&document);
    let conditions = visual.and_then(|visual| visual.conditions(schema));
    let conditions = conditions.map_err(|flaws| {
        refused.extend(flaws.into_iter().map(|flaw| {
            let message = flaw.to_string();
            let root = "events".to_owned();
            bad(std::iter::once(root).chain(flaw.path).collect(), &message)
        }));
    });
    conditions.ok()
}

fn change(
    action: ActionWord,
    changes: Option<Map<String, Value>>,
    schema: &Schema,
    refused: &mut Vec<BadField>,
) -> Option<Change> {
    let at = || vec!["changes".to_owned()];
    match (action, changes) {
        (ActionWord::Delete, None) => Some(Change::Delete),
        (ActionWord::Delete, Some(_)) => {
            refused.push(bad(at(), "events that are deleted have no changes"));
            None
        }
        (ActionWord::Amend, None) => {
            refused.push(bad(at(), "say what changes"));
            None
        }
        (ActionWord::Amend, Some(changes)) => match Amendment::read(schema, &changes) {
            Ok(amendment) => Some(Change::Amend(amendment)),
            Err(problems) => {
                refused.extend(problems.into_iter().map(|problem| {
                    let mut field = BadField::from(problem);
                    if let Some(root) = field.path.first_mut() {
                        "changes".clone_into(root);
                    }
                    field
                }));
                None
            }
        },
    }
}

fn bad(path: Vec<String>, message: &str) -> BadField {
    BadField {
        part: "body",
        path,
        message: message.to_owned(),
        kind: "value_error".to_owned(),
    }
}

impl From<Action> for ActionWord {
    fn from(action: Action) -> Self {
        match action {
            Action::Delete => Self::Delete,
            Action::Amend => Self::Amend,
        }
    }
}

impl From<CorrectedEvent> for CorrectedEventResponse {
    fn from(event: CorrectedEvent) -> Self {
        let CorrectedEvent { before, after } = event;
        Self { before, after }
    }
}

impl From<Vec<CorrectedEvent>> for CorrectedEventsResponse {
    fn from(events: Vec<CorrectedEvent>) -> Self {
        let results = events.into_iter().map(CorrectedEventResponse::from);
        Self {
            results: results.collect(),
        }
    }
}

impl From<Correction> for CorrectionResponse {
    fn from(correction: Correction) -> Self {
        let Correction {
            id,
            raw_metric_id,
            sequence,
            action,
            reason,
            request,
            event_count,
            created_by,
            request_id,
            created_at,
        } = correction;
        Self {
            id,
            raw_metric_id,
            sequence,
            action: action.into(),
            reason,
            request,
            event_count,
            created_by,
            request_id,
            created_at: Instant(created_at),
        }
    }
}

impl CorrectionAnswer {
    pub(super) fn made(correction: Correction, sample: Vec<CorrectedEvent>) -> Self {
        let CorrectionResponse {
            id,
            raw_metric_id,
            sequence,
            action,
            reason,
            request: _,
            event_count,
            created_by,
            request_id: _,
            created_at,
        } = correction.into();
        Self {
            id: Some(id),
            raw_metric_id,
            dry_run: false,
            sequence: Some(sequence),
            action,
            reason,
            event_count,
            created_by: Some(created_by),
            created_at: Some(created_at),
            sample: CorrectedEventsResponse::from(sample).results,
        }
    }

    pub(super) fn of_preview(raw_metric_id: Uuid, asked: &Asked, preview: Preview) -> Self {
        let Preview {
            event_count,
            sample,
        } = preview;
        Self {
            id: None,
            raw_metric_id,
            dry_run: true,
            sequence: None,
            action: asked.change.action().into(),
            reason: asked.reason.clone(),
            event_count,
            created_by: None,
            created_at: None,
            sample: CorrectedEventsResponse::from(sample).results,
        }
    }
}
