//! Raw metrics: the kinds of events that an organisation sends, each with its slug and schema.
//!
//! Owns names, slugs and what may change. Does not own the rules of fields ([`crate::usage::schema`]),
//! uniqueness of slugs (a constraint of the store), nor events. Invariants: the slug never changes,
//! because senders and queries use it; the schema only grows.

use jiff::Timestamp;
use uuid::Uuid;

use crate::usage::{Schema, SchemaError};

/// Longest slug, in bytes.
pub const API_SLUG_LENGTH_MAX: usize = 100;
/// What sends events unless told.
pub const CONNECTOR_DEFAULT: &str = "push_to_zenskar";
/// How events come unless told.
pub const API_TYPE_DEFAULT: &str = "PUSH";

/// A kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMetric {
    /// Its id.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// Where events are sent: `/usage/{api_slug}`; unique within the organisation, ignoring case.
    pub api_slug: String,
    /// The fields of its events.
    pub schema: Schema,
    /// Columns by which events are kept in order.
    pub column_order: Vec<String>,
    /// What sends events.
    pub connector: String,
    /// How events come.
    pub api_type: String,
    /// Whether people may upload files of events.
    pub usage_upload_enabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller writes of a raw metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What people call it.
    pub name: String,
    /// The slug; made from the name where there is none.
    pub api_slug: Option<String>,
    /// Names and types of the fields of `data`.
    pub fields: Vec<(String, String)>,
    /// Paths of the columns that identify an event.
    pub unique_by: Vec<String>,
    /// Paths of columns; empty is `timestamp`.
    pub column_order: Vec<String>,
    /// What sends events.
    pub connector: String,
    /// How events come.
    pub api_type: String,
    /// Whether people may upload files of events.
    pub usage_upload_enabled: bool,
}

/// Which rule a raw metric breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name is blank.
    #[error("a raw metric needs a name that is not blank")]
    NameBlank,
    /// Not a slug, or none can be made from the name.
    #[error("a slug has letters, digits, `_` and `-`; {API_SLUG_LENGTH_MAX} characters at most")]
    SlugInvalid,
    /// The slug cannot be exchanged.
    #[error("the api_slug of a raw metric cannot be changed: senders and queries use it")]
    SlugFixed,
    /// A column of `column_order` does not exist.
    #[error("`{path}` is none of customer_id, timestamp and the fields as data.<field>")]
    ColumnOrderUnknown {
        /// The path.
        path: String,
    },
    /// A rule of schemas.
    #[error(transparent)]
    Schema(#[from] SchemaError),
}

/// A new raw metric.
///
/// # Errors
/// Every [`Refusal`] that applies.
pub fn create(id: Uuid, written: Written, at: Timestamp) -> Result<RawMetric, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let derived = written.api_slug.clone().or_else(|| slug(&written.name));
    let api_slug = derived.filter(|slug| is_slug(slug));
    if api_slug.is_none() {
        refusals.push(Refusal::SlugInvalid);
    }
    let schema = declared(&written, &mut refusals);
    match (api_slug, schema) {
        (Some(api_slug), Some(schema)) if refusals.is_empty() => {
            Ok(assemble((id, at), api_slug, schema, written, at))
        }
        _ => Err(refusals),
    }
}

/// The raw metric with other details and perhaps more fields.
///
/// # Errors
/// Every [`Refusal`] that applies.
pub fn amend(
    metric: &RawMetric,
    written: Written,
    at: Timestamp,
) -> Result<RawMetric, Vec<Refusal>> {
    let mut refusals = Vec::new();
    let api_slug = metric.api_slug.clone();
    if written
        .api_slug
        .as_ref()
        .is_some_and(|slug| *slug != api_slug)
    {
        refusals.push(Refusal::SlugFixed);
    }
    let wanted = declared(&written, &mut refusals);
    let schema = wanted.and_then(|wanted| {
        let errors = metric.schema.evolve(&wanted).map_err(|errors| {
            refusals.extend(errors.into_iter().map(Refusal::from));
        });
        errors.ok()
    });
    match schema {
        Some(schema) if refusals.is_empty() => {
            let born = (metric.id, metric.created_at);
            Ok(assemble(born, api_slug, schema, written, at))
        }
        _ => Err(refusals),
    }
}

/// The slug of a name: `A raw metric` is `a_raw_metric`. `None` where no letter or digit is left.
pub fn slug(name: &str) -> Option<String> {
    let words = name
        .split(|c: char| !is_slug_character(c))
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("_").to_ascii_lowercase();
    let has_word = slug.chars().any(|c| c.is_ascii_alphanumeric());
    has_word.then(|| slug.chars().take(API_SLUG_LENGTH_MAX).collect())
}

/// Whether a text can be a slug.
pub fn is_slug(text: &str) -> bool {
    (1..=API_SLUG_LENGTH_MAX).contains(&text.len()) && text.chars().all(is_slug_character)
}

fn is_slug_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// The schema that was written; all that is wrong with it and the name is added to `refusals`.
fn declared(written: &Written, refusals: &mut Vec<Refusal>) -> Option<Schema> {
    if written.name.trim().is_empty() {
        refusals.push(Refusal::NameBlank);
    }
    let fields = written.fields.iter();
    let fields = fields.map(|(name, data_type)| (name.as_str(), data_type.as_str()));
    let schema = Schema::new(fields, &written.unique_by);
    let schema = schema
        .map_err(|errors| refusals.extend(errors.into_iter().map(Refusal::from)))
        .ok()?;
    let unknown = written
        .column_order
        .iter()
        .filter(|path| schema.column(path).is_none());
    refusals.extend(unknown.map(|path| Refusal::ColumnOrderUnknown { path: path.clone() }));
    Some(schema)
}

fn assemble(
    (id, created_at): (Uuid, Timestamp),
    api_slug: String,
    schema: Schema,
    written: Written,
    at: Timestamp,
) -> RawMetric {
    let Written {
        name,
        api_slug: _,
        fields: _,
        unique_by: _,
        column_order,
        connector,
        api_type,
        usage_upload_enabled,
    } = written;
    let column_order = match column_order.is_empty() {
        true => vec!["timestamp".to_owned()],
        false => column_order,
    };
    RawMetric {
        id,
        name,
        api_slug,
        schema,
        column_order,
        connector,
        api_type,
        usage_upload_enabled,
        created_at,
        updated_at: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, fields: &[(&str, &str)]) -> Written {
        let owned =
            |(name, data_type): &(&str, &str)| ((*name).to_owned(), (*data_type).to_owned());
        Written {
            name: name.to_owned(),
            api_slug: None,
            fields: fields.iter().map(owned).collect(),
            unique_by: Vec::new(),
            column_order: Vec::new(),
            connector: CONNECTOR_DEFAULT.to_owned(),
            api_type: API_TYPE_DEFAULT.to_owned(),
            usage_upload_enabled: true,
        }
    }

    fn created(written: Written) -> Result<RawMetric, Vec<Refusal>> {
        create(Uuid::nil(), written, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn slugs_are_made_from_names() {
        for (name, expected) in [
            ("a raw metric", Some("a_raw_metric")),
            ("  CPU usage (hours) ", Some("cpu_usage_hours")),
            ("api-calls", Some("api-calls")),
            ("Größe", Some("gr_e")),
            ("--", None),
            ("用量", None),
        ] {
            assert_eq!(slug(name).as_deref(), expected, "{name}");
        }
        assert_eq!(
            slug(&"x".repeat(300)).map(|slug| slug.len()),
            Some(API_SLUG_LENGTH_MAX)
        );
    }

    #[test]
    fn a_slug_may_be_chosen() {
        for (slug, good) in [
            ("Storage_event-2", true),
            ("a b", false),
            ("", false),
            ("é", false),
        ] {
            let chosen = Written {
                api_slug: Some(slug.to_owned()),
                ..written("Storage", &[])
            };
            assert_eq!(created(chosen).is_ok(), good, "{slug}");
        }
        assert_eq!(
            created(written("用量", &[])),
            Err(vec![Refusal::SlugInvalid])
        );
    }

    #[test]
    fn every_bad_part_is_named() {
        let given = Written {
            column_order: vec!["data.gb".to_owned(), "data.nope".to_owned()],
            ..written(" ", &[("gb", "Float64")])
        };
        let path = "data.nope".to_owned();
        assert_eq!(
            created(given),
            Err(vec![
                Refusal::SlugInvalid,
                Refusal::NameBlank,
                Refusal::ColumnOrderUnknown { path }
            ])
        );
    }

    #[test]
    fn fields_are_added_and_the_slug_stays() {
        let metric = created(written("Storage", &[("gb", "Float64")])).unwrap();
        assert_eq!(metric.column_order, ["timestamp"]);
        let later = Timestamp::from_second(60).unwrap();
        let more = written("Disk", &[("added", "Bool"), ("gb", "Float64")]);
        let amended = amend(&metric, more, later).unwrap();
        assert_eq!(
            (amended.api_slug.as_str(), amended.name.as_str()),
            ("storage", "Disk")
        );
        assert_eq!(amended.schema.fields().len(), 2);
        assert_eq!(
            (amended.created_at, amended.updated_at),
            (metric.created_at, later)
        );
    }

    #[test]
    fn neither_slug_nor_known_fields_change() {
        let metric = created(written("Storage", &[("gb", "Float64")])).unwrap();
        let other = Written {
            api_slug: Some("disk".to_owned()),
            ..written("Storage", &[("gib", "Float64")])
        };
        let field = "gb".to_owned();
        assert_eq!(
            amend(&metric, other, Timestamp::UNIX_EPOCH),
            Err(vec![
                Refusal::SlugFixed,
                Refusal::Schema(SchemaError::FieldRemoved { field })
            ])
        );
    }
}
