//! Raw metrics: create, change, list.

use florin_core::{
    raw_metric::{self, RawMetric, Refusal, Written},
    usage::SchemaError,
};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

use crate::{App, Error, FieldError, Result};

const RULES: &[(&str, &str, &str)] = &[(
    "raw_metric_api_slug_key",
    "RAW_METRIC_SLUG_TAKEN",
    "another raw metric has this api_slug, ignoring upper and lower case: send another one",
)];

/// Creates a raw metric.
///
/// # Errors
/// [`Error::Invalid`] and [`Error::Refused`] for broken rules or a slug that is taken.
pub async fn create(app: &App, tx: &mut Tx, written: Written) -> Result<RawMetric> {
    let metric = raw_metric::create(app.ids.next(), written, tx.at()?).map_err(refused)?;
    let inserted = store::raw_metric::insert(tx, &metric).await;
    inserted.map_err(|error| Error::from_constraint(error, RULES))?;
    Ok(metric)
}

/// Replaces what a caller may write of a raw metric; fields can only be added.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] and [`Error::Refused`] for broken rules.
pub async fn update(tx: &mut Tx, id: Uuid, written: Written) -> Result<RawMetric> {
    let before = find(tx, id).await?;
    let after = raw_metric::amend(&before, written, tx.at()?).map_err(refused)?;
    store::raw_metric::update(tx, &before, &after).await?;
    find(tx, id).await
}

/// The raw metric.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<RawMetric> {
    let found = store::raw_metric::find(tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "raw metric",
    })
}

/// The raw metric with this slug, if there is one.
///
/// # Errors
/// [`Error::Store`].
pub async fn find_by_slug(tx: &mut Tx, api_slug: &str) -> Result<Option<RawMetric>> {
    if !raw_metric::is_slug(api_slug) {
        return Ok(None);
    }
    Ok(store::raw_metric::find_by_slug(tx, api_slug).await?)
}

/// One page of raw metrics.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<RawMetric>> {
    Ok(store::raw_metric::page(tx, query).await?)
}

/// Bad fields, all of them; where there are none the rules of what may change.
fn refused(refusals: Vec<Refusal>) -> Error {
    let fields: Vec<FieldError> = refusals.iter().filter_map(field).collect();
    if !fields.is_empty() {
        return Error::Invalid(fields);
    }
    let code = refusals.first().map_or("", code);
    let messages: Vec<String> = refusals.iter().map(ToString::to_string).collect();
    Error::refused(code, messages.join("; "))
}

fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Schema(SchemaError::FieldRetyped { .. }) => "RAW_METRIC_FIELD_RETYPED",
        Refusal::SlugFixed => "RAW_METRIC_SLUG_FIXED",
        _ => "RAW_METRIC_FIELD_REMOVED",
    }
}

/// The place of the body that breaks the rule; `None` for what may not change.
fn field(refusal: &Refusal) -> Option<FieldError> {
    let (path, kind): (&[&str], _) = match refusal {
        Refusal::NameBlank => (&["name"], "value_error.blank"),
        Refusal::SlugInvalid => (&["api_slug"], "value_error.slug"),
        Refusal::ColumnOrderUnknown { .. } => (&["column_order"], "value_error.column"),
        Refusal::SlugFixed => return None,
        Refusal::Schema(error) => match error {
            SchemaError::FieldRemoved { .. } | SchemaError::FieldRetyped { .. } => return None,
            SchemaError::TooManyFields => (&["dataschema", "data"], "value_error.max_items"),
            SchemaError::FieldNameInvalid { field }
            | SchemaError::FieldNamesAlike { field, .. } => {
                (&["dataschema", "data", field], "value_error.field_name")
            }
            SchemaError::TypeUnknown { field, .. } => {
                (&["dataschema", "data", field], "type_error.enum")
            }
            SchemaError::UniqueByTooLong => (&["unique_by"], "value_error.list.max_items"),
            SchemaError::UniqueByUnknown { .. }
            | SchemaError::UniqueByRepeated { .. }
            | SchemaError::UniqueByArray { .. } => (&["unique_by"], "value_error.column"),
        },
    };
    Some(FieldError {
        path: path.iter().map(|part| (*part).to_owned()).collect(),
        message: refusal.to_string(),
        kind,
    })
}
