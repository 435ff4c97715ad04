//! Definitions of custom attributes. Values stand with what they describe.

use florin_core::custom_attribute::{DataType, Definition, Details, Module, Subject};
use sea_query::{
    Asterisk, Expr, ExprTrait, Query, QueryStatementBuilder, SelectStatement, SimpleExpr,
};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    business_entity::{self, EntityName},
    list::{self, Column, Condition, Kind, Operator, Page, Source, Spec},
    record::{self, Table, Values},
};

const TABLE: Table = Table::quiet("custom_attribute");

/// Largest page: an organisation's definitions at once (zenskar-api §22).
const LIMIT_MAX: u64 = 9999;

const MODULES: [&str; Module::ALL.len()] = [
    Module::Customers.word(),
    Module::Products.word(),
    Module::Contracts.word(),
    Module::Plans.word(),
    Module::Invoices.word(),
    Module::Payments.word(),
];

const DATA_TYPES: [&str; DataType::ALL.len()] = [
    DataType::String.word(),
    DataType::Integer.word(),
    DataType::Float.word(),
    DataType::Boolean.word(),
    DataType::ListString.word(),
    DataType::Enum.word(),
    DataType::Json.word(),
    DataType::Date.word(),
];

/// The list of definitions.
pub static LIST: Spec = Spec {
    table: "custom_attribute",
    columns: &[
        Column::id(),
        Column::new("attribute_key_name", Kind::Text, "key").sortable(),
        Column::new("display_name", Kind::Text, "name").sortable(),
        Column::new("name", Kind::Text, "name")
            .from(Source::Own("display_name"))
            .operators(&[]),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::new("module", Kind::Choice(&MODULES), "module"),
        Column::new("data_type", Kind::Choice(&DATA_TYPES), "data type").sortable(),
        Column::new("is_tag", Kind::Boolean, "use as a tag").sortable(),
        Column::new("is_enabled", Kind::Boolean, "being in use").sortable(),
        Column::new("is_required", Kind::Boolean, "need of a value").sortable(),
        Column::new("sort_order", Kind::Integer, "place among the others").sortable(),
        Column::new(
            "business_entity_id",
            Kind::Uuid,
            "business entity, whose definitions stand in for the organisation's of the same key,",
        )
        .nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: LIMIT_MAX,
};

fn values(definition: &Definition) -> Values {
    let Definition {
        id: _,
        subject,
        details,
        created_at,
        updated_at,
    } = definition.clone();
    let Subject {
        module,
        attribute_key_name,
        data_type,
        business_entity_id,
    } = subject;
    let Details {
        display_name,
        description,
        enum_choices,
        default_value,
        is_tag,
        is_required,
        is_enabled,
        sort_order,
    } = details;
    vec![
        ("module", module.word().into()),
        ("attribute_key_name", attribute_key_name.into()),
        ("data_type", data_type.word().into()),
        ("business_entity_id", business_entity_id.into()),
        ("display_name", display_name.into()),
        ("description", description.into()),
        ("enum_choices", record::json(Some(enum_choices.into()))),
        ("default_value", record::json(default_value)),
        ("is_tag", is_tag.into()),
        ("is_required", is_required.into()),
        ("is_enabled", is_enabled.into()),
        ("sort_order", sort_order.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<Definition> {
    let module: String = row.get("module")?;
    let data_type: String = row.get("data_type")?;
    let enum_choices: Json = row.get("enum_choices")?;
    let subject = Subject {
        module: Module::of(&module).ok_or_else(|| unknown("module", &module))?,
        attribute_key_name: row.get("attribute_key_name")?,
        data_type: DataType::of(&data_type).ok_or_else(|| unknown("data_type", &data_type))?,
        business_entity_id: row.optional("business_entity_id")?,
    };
    let details = Details {
        display_name: row.get("display_name")?,
        description: row.optional("description")?,
        enum_choices: serde_json::from_value(enum_choices)
            .map_err(|error| unknown("enum_choices", &error.to_string()))?,
        default_value: row.optional("default_value")?,
        is_tag: row.get("is_tag")?,
        is_required: row.get("is_required")?,
        is_enabled: row.get("is_enabled")?,
        sort_order: row.get("sort_order")?,
    };
    Ok(Definition {
        id: row.get("id")?,
        subject,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn unknown(column: &str, found: &str) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: format!("it holds {found}"),
    }
}

/// Adds a definition.
///
/// # Errors
/// [`Error::Conflict`] with `custom_attribute_attribute_key_name_key`.
pub async fn insert(tx: &mut Tx, definition: &Definition) -> Result<()> {
    record::insert(tx, &TABLE, definition.id, values(definition)).await
}

/// Changes a definition.
///
/// # Errors
/// What the statement answers.
pub async fn update(tx: &mut Tx, before: &Definition, after: &Definition) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Removes a definition for good; values under its key stay.
///
/// # Errors
/// What the statement answers.
pub async fn delete(tx: &mut Tx, definition: &Definition) -> Result<()> {
    record::delete(tx, &TABLE, definition.id, values(definition)).await
}

/// The definition with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Definition>> {
    record::find(tx, TABLE.name, id)
        .await?
        .map(|row| decode(&row))
        .transpose()
}

/// Definitions of one key of a module: the organisation's and those of its entities.
///
/// # Errors
/// What the statement answers.
pub async fn of_key(tx: &mut Tx, module: Module, key: &str) -> Result<Vec<Definition>> {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("module").eq(module.word()));
    select.and_where(Expr::col("attribute_key_name").eq(key));
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// Definitions of a module: the organisation's and, if one is named, an entity's; in their order.
///
/// # Errors
/// What the statement answers.
pub async fn of_module(
    tx: &mut Tx,
    module: Module,
    business_entity_id: Option<Uuid>,
) -> Result<Vec<Definition>> {
    let select = select_of(tx, module, business_entity_id.map(Expr::val));
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// Definitions of a module for what the named entity bills, or the default one: as [`of_module`], and the
/// entity's name, if there is one; read together.
///
/// # Errors
/// What the statements answer.
pub async fn of_module_and_entity(
    tx: &mut Tx,
    module: Module,
    named: Option<Uuid>,
) -> Result<(Option<EntityName>, Vec<Definition>)> {
    let mut entity = business_entity::chosen(tx, named);
    let of_entity = Expr::from(entity.clone().into_sub_query_statement());
    entity.column("name");
    let definitions = select_of(tx, module, Some(of_entity));
    let [entities, definitions] = tx.fetch_each([&entity, &definitions]).await?;
    let entity = entities.first().map(business_entity::decode_name);
    let entity = entity.transpose()?;
    let definitions: Result<_> = definitions.iter().map(decode).collect();
    Ok((entity, definitions?))
}

fn select_of(tx: &Tx, module: Module, business_entity_id: Option<SimpleExpr>) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select
        .column(Asterisk)
        .and_where(Expr::col("module").eq(module.word()));
    let entity = Expr::col("business_entity_id");
    let mut owner = entity.clone().is_null();
    if let Some(id) = business_entity_id {
        owner = owner.or(entity.eq(id));
    }
    select.and_where(owner);
    for column in ["sort_order", "attribute_key_name", "id"] {
        select.order_by(column, sea_query::Order::Asc);
    }
    select
}

/// One page of definitions: of a business entity if the query names one by id, merged with the
/// organisation's that it does not override; of the organisation if the query names none.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Definition>> {
    let mut query = query.clone();
    let is_owner = |condition: &Condition| matches!(condition, Condition::Compare { column, .. } if column.name == "business_entity_id");
    let named = query.conditions.iter().position(is_owner);
    match named.map(|position| (position, &query.conditions[position])) {
        None => query
            .conditions
            .push(Condition::Scope(Expr::col("business_entity_id").is_null())),
        Some((position, condition)) => {
            if let Some(scope) = merged(condition) {
                query.conditions[position] = Condition::Scope(scope);
            }
        }
    }
    list::page(tx, &LIST, &query, decode).await
}

/// For `business_entity_id=…`: the entity's definitions, and the organisation's of every other key.
fn merged(condition: &Condition) -> Option<SimpleExpr> {
    let Condition::Compare {
        operator: Operator::Equal,
        values,
        ..
    } = condition
    else {
        return None;
    };
    let entity = values.first()?.clone();
    let (all, own) = ("custom_attribute", "own");
    let mut overriding = Query::select();
    overriding.expr(Expr::val(1)).from_as(all, own);
    for column in ["organisation_id", "module", "attribute_key_name"] {
        overriding.and_where(Expr::col((own, column)).equals((all, column)));
    }
    overriding.and_where(Expr::col((own, "business_entity_id")).eq(entity.clone()));
    let organisation = Expr::col((all, "business_entity_id")).is_null();
    let not_overridden = organisation.and(Expr::exists(overriding).not());
    Some(
        Expr::col((all, "business_entity_id"))
            .eq(entity)
            .or(not_overridden),
    )
}
