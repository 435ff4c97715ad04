//! Uploads as JSON writes them.

use std::collections::BTreeMap;

use florin_core::usage::upload::{BadRow, Report, State, Upload};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::value::Instant;

/// A form with a file. The file is its last field.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadForm {
    /// What headers of the file mean: an object of headers and columns (`customer_id`, `timestamp`,
    /// `data.<field>`), with null for a column that is passed over.
    #[schema(example = r#"{"Customer": "customer_id", "Note": null}"#)]
    mapping: Option<String>,
    /// Whether the events are kept as soon as every row was found good; false unless told.
    #[schema(example = false)]
    confirm: Option<bool>,
    /// The open backfill that the events are for.
    backfill_id: Option<Uuid>,
    /// The file.
    #[schema(format = Binary, example = "customer_id,timestamp\nCRM-771,2026-01-01\n")]
    file: String,
}

/// What is said of a file that is the body itself; as in the form.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what is read by name")]
pub(super) struct UploadParameters {
    /// What headers of the file mean, as in the form.
    #[param(example = r#"{"Customer": "customer_id"}"#)]
    mapping: Option<String>,
    /// Whether the events are kept as soon as every row was found good.
    confirm: Option<bool>,
    /// The open backfill that the events are for.
    backfill_id: Option<Uuid>,
    /// The file's name.
    #[param(max_length = 255, example = "january.csv")]
    file_name: Option<String>,
}

/// What a file's headers mean.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(super) struct MappingInput {
    /// Columns by headers: `customer_id`, `timestamp`, `data.<field>`; the empty text for a column that is
    /// passed over. Headers that are columns themselves need not be named.
    #[schema(example = json!({"Customer": "customer_id", "Note": ""}))]
    pub(super) mapping: BTreeMap<String, String>,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum UploadStateWord {
    /// The file is coming.
    Receiving,
    /// Its rows are being checked.
    Checking,
    /// Every row can be used; it waits to be confirmed.
    Checked,
    /// Some row cannot be used, nothing was kept.
    Rejected,
    /// Its events are being kept.
    Sending,
    /// All its events are kept.
    Completed,
    /// The file cannot be read.
    Failed,
    /// Nobody wants it any more.
    Discarded,
}

/// A row that cannot be used.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BadRowResponse {
    /// Line of the file, the header being the first.
    #[schema(example = 3)]
    line: u64,
    /// The column; empty for the row itself.
    #[schema(example = "data.gb")]
    column: String,
    /// What is wrong.
    #[schema(example = "Invalid type for key: data.gb. Expected Float64, got string")]
    message: String,
}

/// An upload.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UploadResponse {
    /// Id of the upload.
    id: Uuid,
    /// The raw metric.
    raw_metric_id: Uuid,
    /// The backfill that the events are for; null where they count at once.
    backfill_id: Option<Uuid>,
    /// The file's name.
    #[schema(example = "january.csv")]
    file_name: Option<String>,
    /// Bytes of the file, as it came.
    #[schema(example = 4096)]
    byte_count: u64,
    /// What headers of the file mean, where that was said.
    #[schema(example = json!({"Customer": "customer_id"}))]
    mapping: BTreeMap<String, String>,
    /// Whether its events are kept once every row was found good.
    #[schema(example = false)]
    confirmed: bool,
    /// Where it is.
    state: UploadStateWord,
    /// Rows that were looked at so far, without the header.
    #[schema(example = 120)]
    rows: u64,
    /// Events that were kept so far.
    #[schema(example = 0)]
    accepted: u64,
    /// Events that an earlier upload of the same file has kept in the last 24 hours; they are not kept again.
    #[schema(example = 0)]
    repeated: u64,
    /// Rows that cannot be used.
    #[schema(example = 1)]
    rejected: u64,
    /// The first of these, 1000 at most.
    bad_rows: Vec<BadRowResponse>,
    /// What is wrong with the file itself.
    #[schema(example = json!(null))]
    failure: Option<String>,
    /// Who sent it: `key:` and the id of an API key.
    #[schema(example = "key:0198c0de-0000-7000-8000-000000000001")]
    created_by: String,
    /// When it began to come.
    created_at: Instant,
    /// When its state last changed.
    updated_at: Instant,
}

impl From<State> for UploadStateWord {
    fn from(state: State) -> Self {
        match state {
            State::Receiving => Self::Receiving,
            State::Checking => Self::Checking,
            State::Checked => Self::Checked,
            State::Rejected => Self::Rejected,
            State::Sending => Self::Sending,
            State::Completed => Self::Completed,
            State::Failed => Self::Failed,
            State::Discarded => Self::Discarded,
        }
    }
}

impl From<BadRow> for BadRowResponse {
    fn from(bad: BadRow) -> Self {
        let BadRow {
            line,
            column,
            message,
        } = bad;
        Self {
            line,
            column,
            message,
        }
    }
}

impl From<Upload> for UploadResponse {
    fn from(upload: Upload) -> Self {
        let Upload {
            id,
            raw_metric_id,
            backfill_id,
            file_name,
            is_packed: _,
            byte_count,
            mapping,
            is_confirmed,
            state,
            report,
            failure,
            created_by,
            created_at,
            updated_at,
        } = upload;
        let Report {
            rows,
            accepted,
            repeated,
            rejected,
            bad_rows,
        } = report;
        Self {
            id,
            raw_metric_id,
            backfill_id,
            file_name,
            byte_count,
            mapping: mapping.into_iter().collect(),
            confirmed: is_confirmed,
            state: state.into(),
            rows,
            accepted,
            repeated,
            rejected,
            bad_rows: bad_rows.into_iter().map(BadRowResponse::from).collect(),
            failure,
            created_by,
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
        }
    }
}
