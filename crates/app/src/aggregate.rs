//! Aggregates: create, change, delete, list, and ask them.
//!
//! A definition is checked before the transaction that writes it begins: the engine may take seconds, and on
//! SQLite every other writer would wait.

mod measure;
mod rows;

use florin_core::{
    aggregate::{self, Aggregate, AggregateVersion, Content, Definition, Flaw, Rule, VisualQuery},
    id::OrganisationId,
};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

pub use measure::{Estimate, estimate, measure, measured};
pub use rows::{LogsQuery, Preview, logs, preview};

use crate::{
    App, Error, FieldError, Result,
    usage::{SqlQuery, Stream, UsageError},
};

/// A definition that can be asked.
#[derive(Clone, Debug)]
pub struct Checked {
    content: Content,
    raw_metric_id: Option<Uuid>,
}

/// Checks a definition: a visual query against its table's schema, a template by the engine.
///
/// # Errors
/// [`Error::Invalid`] with every place that cannot be used, [`Error::Usage`] where the engine cannot tell.
pub async fn check(app: &App, organisation: OrganisationId, content: Content) -> Result<Checked> {
    let raw_metric_id = match content.definition().map_err(invalid)? {
        Definition::Sql(template) => {
            check_template(app, organisation, template).await?;
            None
        }
        Definition::Visual(visual) => {
            let within = |flaws| invalid(aggregate::within_builder(flaws));
            let stream = stream_named(app, organisation, &visual).await?;
            let stream = stream.ok_or_else(|| within(vec![table_unknown()]))?;
            visual.query(&stream.schema).map_err(within)?;
            Some(stream.id)
        }
    };
    Ok(Checked {
        content,
        raw_metric_id,
    })
}

/// Checks another definition of an aggregate. The one that it has needs no check: a metric can be renamed
/// while the engine does not answer.
///
/// # Errors
/// As [`check`].
pub async fn check_change(
    app: &App,
    organisation: OrganisationId,
    current: &Aggregate,
    content: Content,
) -> Result<Checked> {
    if content == current.content {
        let raw_metric_id = current.raw_metric_id;
        return Ok(Checked {
            content,
            raw_metric_id,
        });
    }
    check(app, organisation, content).await
}

async fn check_template(app: &App, organisation: OrganisationId, template: &str) -> Result<()> {
    let streams = streams(app, organisation).await?;
    let query = SqlQuery {
        template,
        organisation,
        streams: &streams,
    };
    match app.usage.check_sql(query).await {
        Ok(_) => Ok(()),
        Err(UsageError::Query { message, position }) => {
            let message = match position {
                Some((line, column)) => format!("line {line}, column {column}: {message}"),
                None => message,
            };
            Err(Error::field(
                "aggregation_query",
                "value_error.sql",
                message,
            ))
        }
        Err(error) => Err(error.into()),
    }
}

/// Creates an aggregate.
///
/// # Errors
/// [`Error::Invalid`] for a blank name.
pub async fn create(app: &App, tx: &mut Tx, name: String, checked: Checked) -> Result<Aggregate> {
    let Checked {
        content,
        raw_metric_id,
    } = checked;
    let (id, at) = (app.ids.next(), tx.at()?);
    let created = aggregate::create(id, name, content, raw_metric_id, at);
    let created = created.map_err(|flaw| invalid(vec![flaw]))?;
    store::aggregate::insert(tx, &created, app.ids.next()).await?;
    Ok(created)
}

/// Replaces name and definition of an aggregate. `read` is what the change was made of.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Invalid`] for a blank name, and [`florin_store::Error::Busy`] where another
/// request changed it meanwhile.
pub async fn update(
    app: &App,
    tx: &mut Tx,
    read: &Aggregate,
    name: String,
    checked: Checked,
) -> Result<Aggregate> {
    let before = find(tx, read.id).await?;
    if before != *read {
        return Err(Error::Store(store::Error::Busy));
    }
    let Checked {
        content,
        raw_metric_id,
    } = checked;
    let after = aggregate::amend(&before, name, content, raw_metric_id, tx.at()?);
    let after = after.map_err(|flaw| invalid(vec![flaw]))?;
    store::aggregate::update(tx, &before, &after, app.ids.next()).await?;
    find(tx, read.id).await
}

/// Deletes an aggregate: lists and reads pass it over.
///
/// # Errors
/// [`Error::NotFound`], and [`Error::Refused`] where a price counts by it.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<Aggregate> {
    let aggregate = find(tx, id).await?;
    if store::aggregate::is_priced(tx, id).await? {
        let message = "a price counts by this metric: change or delete the price first";
        return Err(Error::refused("AGGREGATE_IN_USE", message));
    }
    if store::contract::has_aggregate(tx, id).await? {
        let message = "a contract counts by this metric: change or end the contract first";
        return Err(Error::refused("AGGREGATE_IN_USE", message));
    }
    if store::entitlement::has_aggregate(tx, id).await? {
        let message = "an entitlement is drawn by this metric: change the entitlement first";
        return Err(Error::refused("AGGREGATE_IN_USE", message));
    }
    store::aggregate::delete(tx, &aggregate).await?;
    Ok(aggregate)
}

/// The aggregate.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Aggregate> {
    let found = store::aggregate::find(tx, id).await?;
    found.ok_or(Error::NotFound {
        resource: "billable metric",
    })
}

/// One page of aggregates.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Aggregate>> {
    Ok(store::aggregate::page(tx, query).await?)
}

/// One page of an aggregate's versions.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn versions(
    tx: &mut Tx,
    id: Uuid,
    query: &list::Query,
) -> Result<list::Page<AggregateVersion>> {
    find(tx, id).await?;
    Ok(store::aggregate::versions(tx, id, query).await?)
}

/// Every stream of the organisation, by slug.
///
/// # Errors
/// [`Error::Store`].
pub async fn streams(app: &App, organisation: OrganisationId) -> Result<Vec<Stream>> {
    let mut tx = app.db.read(organisation).await?;
    let metrics = store::raw_metric::all(&mut tx).await?;
    let streams = metrics
        .iter()
        .map(|metric| Stream::of(organisation, metric));
    Ok(streams.collect())
}

/// The stream that a visual query names.
async fn stream_named(
    app: &App,
    organisation: OrganisationId,
    visual: &VisualQuery,
) -> Result<Option<std::sync::Arc<Stream>>> {
    for api_slug in visual.api_slugs() {
        if let Some(stream) = app.streams.find(app, organisation, api_slug).await? {
            return Ok(Some(stream));
        }
    }
    Ok(None)
}

fn table_unknown() -> Flaw {
    Flaw::at(&["table_name"], Rule::TableUnknown)
}

/// Flaws of a definition as bad fields.
pub fn invalid(flaws: Vec<Flaw>) -> Error {
    let field = |flaw: Flaw| FieldError {
        message: flaw.to_string(),
        kind: kind(&flaw.rule),
        path: flaw.path,
    };
    Error::Invalid(flaws.into_iter().map(field).collect())
}

fn kind(rule: &Rule) -> &'static str {
    match rule {
        Rule::NameBlank => "value_error.blank",
        Rule::DefinitionMissing | Rule::Missing => "value_error.missing",
        Rule::Malformed { .. } => "type_error",
        Rule::WordUnknown { .. } => "type_error.enum",
        Rule::TableUnknown => "value_error.unknown_id",
        Rule::DateElsewhere => "value_error.date",
        Rule::Metric(_) => "value_error.metric",
    }
}
