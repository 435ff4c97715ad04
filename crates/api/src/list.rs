//! Lists: from a declaration to parameters, their documentation and the envelope.

use std::marker::PhantomData;

use axum::{extract::FromRequestParts, http::request::Parts};
use florin_store::list::{self, Column, Kind, Operator, Page, Query, Spec};
use serde::Serialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        Required,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, SchemaType, Type},
    },
};

use crate::{
    error::Error,
    query::{self, Parameters},
};

/// A list's declaration, named by a type.
pub(crate) trait Listed {
    /// The declaration.
    fn spec() -> &'static Spec;
}

/// What the query string asks of the list `L`.
#[derive(Debug)]
pub(crate) struct Listing<L> {
    pub(crate) query: Query,
    list: PhantomData<L>,
}

impl<S: Send + Sync, L: Listed> FromRequestParts<S> for Listing<L> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let Parameters(parameters) = Parameters::from_request_parts(parts, state).await?;
        match list::parse(L::spec(), &parameters) {
            Ok(query) => Ok(Self {
                query,
                list: PhantomData,
            }),
            Err(refusals) => Err(Error::Unreadable(
                refusals
                    .iter()
                    .map(|r| query::bad(&r.parameter, r.kind, &r.message))
                    .collect(),
            )),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Envelope<T> {
    /// The rows of this page.
    results: Vec<T>,
    /// Cursor of the next page; null on the last.
    #[schema(example = "WzEwXQ")]
    next: Option<String>,
    /// Cursor of the previous page; null on the first.
    #[schema(example = json!(null))]
    previous: Option<String>,
    /// Rows of all pages together.
    #[schema(example = 1)]
    total_count: i64,
}

impl<T> Envelope<T> {
    /// The page with each row as the API shows it.
    pub(crate) fn new<R>(page: Page<R>, show: impl FnMut(R) -> T) -> Self {
        let Page {
            results,
            next,
            previous,
            total_count,
        } = page;
        Self {
            results: results.into_iter().map(show).collect(),
            next,
            previous,
            total_count,
        }
    }

    /// A list that fits one page whole.
    pub(crate) fn whole<R>(rows: Vec<R>, show: impl FnMut(R) -> T) -> Self {
        let total_count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        Self {
            results: rows.into_iter().map(show).collect(),
            next: None,
            previous: None,
            total_count,
        }
    }
}

impl<L: Listed> IntoParams for Listing<L> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let spec = L::spec();
        let mut parameters = paging(spec);
        parameters.push(search(spec));
        if let Some(ranked) = &spec.ranked {
            let columns = ranked.columns.join(" and ");
            let description = format!(
                "Text to look for in {columns}: equal first, then beginning with it, then \
                 containing it."
            );
            parameters.push(parameter(ranked.parameter, &description, text().build()));
        }
        for column in spec.columns {
            parameters.extend(
                column
                    .operators
                    .iter()
                    .map(|operator| filter(column, *operator)),
            );
        }
        parameters
    }
}

fn paging(spec: &Spec) -> Vec<Parameter> {
    let sortable: Vec<&str> = spec
        .columns
        .iter()
        .filter(|column| column.sortable)
        .map(|column| column.name)
        .collect();
    let max = spec.limit_max;
    let limit = format!(
        "Rows of a page, 1 to {max}; {} unless told.",
        Spec::LIMIT_DEFAULT
    );
    let order = format!(
        "Sort column, `-` before it for descending; `-{}` unless told. One of: {}.",
        spec.default_order,
        sortable.join(", ")
    );
    let orders = sortable
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("-{name}")]);
    vec![
        parameter(
            "cursor",
            "`next` or `previous` of an earlier answer.",
            text().build(),
        ),
        parameter(
            "limit",
            &limit,
            whole(1.0).maximum(Some(max as f64)).build(),
        ),
        parameter(
            "offset",
            "Rows to pass over; ignored beside a cursor.",
            whole(0.0).build(),
        ),
        parameter("order", &order, text().enum_values(Some(orders)).build()),
        parameter(
            "sort_key",
            "Older form of `order`: the column.",
            text().enum_values(Some(sortable.clone())).build(),
        ),
        parameter(
            "sort_type",
            "Older form of `order`: the direction.",
            text()
                .enum_values(Some(["asc", "desc", "ASC", "DESC"]))
                .build(),
        ),
    ]
}

fn search(spec: &Spec) -> Parameter {
    let fields: Vec<String> = spec
        .columns
        .iter()
        .map(|column| match column.kind {
            Kind::Json => format!("{}.<key>", column.name),
            _ => column.name.to_owned(),
        })
        .collect();
    let description = format!(
        "`field=text`, several separated by commas: rows that contain the text in that field, \
         ignoring case; a flag, an instant or a number must equal it. Fields: {}.",
        fields.join(", ")
    );
    parameter("search", &description, text().build())
}

fn filter(column: &Column, operator: Operator) -> Parameter {
    let name = format!("{}{}", column.name, operator.suffix());
    let description = format!("Rows whose {} {}.", column.description, operator.phrase());
    let schema = match operator {
        Operator::IsNull => ObjectBuilder::new().schema_type(Type::Boolean),
        Operator::In | Operator::Like | Operator::Ilike => text(),
        _ => of_kind(column.kind),
    };
    parameter(&name, &description, schema.build())
}

fn of_kind(kind: Kind) -> ObjectBuilder {
    match kind {
        Kind::Uuid => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid))),
        Kind::Text | Kind::Json => text(),
        Kind::Boolean => ObjectBuilder::new().schema_type(Type::Boolean),
        // A whole number is seconds since 1970.
        Kind::Timestamp => ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Integer]))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        Kind::Date => text().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date))),
        Kind::Integer => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))),
        Kind::Decimal | Kind::Money => ObjectBuilder::new().schema_type(Type::Number),
        Kind::Choice(words) => text().enum_values(Some(words.iter().copied())),
    }
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn whole(minimum: f64) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(minimum))
}

fn parameter(name: &str, description: &str, schema: Object) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .required(Required::False)
        .schema(Some(schema))
        .build()
}
