//! Plans. Owns their rows and the two lists over them: plans with phases, and plans of products. A row is a version;
//! what it says is one document, columns beside it are what lists filter by.

use florin_core::plan::{Details, Kept, Plan, Status};
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("plan");

const STATUSES: Kind = Kind::Choice(&["draft", "active", "archived"]);

/// The list of plans with phases.
pub static LIST: Spec = Spec {
    table: "plan",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("status", STATUSES, "status"),
        Column::new("parent_plan_id", Kind::Uuid, "first version of the plan"),
        Column::new("version", Kind::Integer, "number of the version").sortable(),
        Column::new(
            "is_latest_version",
            Kind::Boolean,
            "whether it is the newest version",
        ),
        Column::new("currency", Kind::Text, "currency of its prices").nullable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: 100,
};

/// The list of plans of products.
pub static TEMPLATES: Spec = Spec {
    table: "plan",
    columns: &[
        Column::id(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("status", STATUSES, "status"),
        Column::new("parent_plan_id", Kind::Uuid, "first version of the plan"),
        Column::new("version", Kind::Integer, "number of the version").sortable(),
        Column::new(
            "is_latest_version",
            Kind::Boolean,
            "whether it is the newest version",
        ),
        Column::new("currency", Kind::Text, "currency of its prices"),
        Column::new("duration", Kind::Text, "how long a contract lasts").nullable(),
        Column::new("business_entity_id", Kind::Uuid, "entity that sells it").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: 100,
};

/// A plan as it is kept: the version, and whether there is none newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The version.
    pub plan: Plan,
    /// Whether it is the newest of its plan.
    pub is_latest_version: bool,
}

fn values(plan: &Plan) -> Values {
    let Plan {
        id: _,
        parent_plan_id,
        old_plan_id,
        version_number,
        status,
        details,
        created_at,
        updated_at,
    } = plan;
    let offer = details.offer.as_ref();
    let currency = plan.currency().map(|currency| currency.to_string());
    let duration = details.schedule.duration_text().map(str::to_owned);
    vec![
        ("parent_plan_id", (*parent_plan_id).into()),
        ("old_plan_id", (*old_plan_id).into()),
        ("version", i64::from(*version_number).into()),
        ("status", status.as_str().into()),
        ("is_template", offer.is_some().into()),
        ("name", details.name.clone().into()),
        ("description", details.description.clone().into()),
        ("currency", currency.into()),
        ("duration", duration.into()),
        (
            "business_entity_id",
            offer.and_then(|offer| offer.business_entity_id).into(),
        ),
        ("document", record::json(Some(plan.document()))),
        ("created_at", (*created_at).into()),
        ("updated_at", (*updated_at).into()),
    ]
}

fn decode(row: &Row) -> Result<Listed> {
    let status: String = row.get("status")?;
    let version: i64 = row.get("version")?;
    let document: Json = row.get("document")?;
    let details = Details::from_document(Kept(document));
    let details = details.map_err(|error| corrupt("document", error))?;
    let plan = Plan {
        id: row.get("id")?,
        parent_plan_id: row.get("parent_plan_id")?,
        old_plan_id: row.optional("old_plan_id")?,
        version_number: version
            .try_into()
            .map_err(|_| corrupt("version", "no number of a version"))?,
        status: Status::parse(&status).ok_or_else(|| corrupt("status", "no such status"))?,
        details,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    };
    Ok(Listed {
        plan,
        is_latest_version: row.get("is_latest_version")?,
    })
}

/// Adds a version, which is the newest of its plan.
///
/// # Errors
/// [`crate::Error::Conflict`] with `plan_id_key` or `plan_parent_plan_id_version_key`.
pub async fn insert(tx: &mut Tx, plan: &Plan) -> Result<()> {
    set_latest(tx, plan.parent_plan_id, None).await?;
    let mut row = values(plan);
    row.push(("is_latest_version", true.into()));
    record::insert(tx, &TABLE, plan.id, row).await
}

/// Changes a version.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Plan, after: &Plan) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Marks a version as deleted; the one before it is the newest again.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, plan: &Plan) -> Result<()> {
    record::soft_delete(tx, &TABLE, plan.id, values(plan)).await?;
    set_latest(tx, plan.parent_plan_id, None).await?;
    if let Some(latest) = versions(tx, plan.parent_plan_id).await?.pop() {
        set_latest(tx, plan.parent_plan_id, Some(latest.id)).await?;
    }
    Ok(())
}

/// Makes this version the newest, or takes that from those that are.
async fn set_latest(tx: &mut Tx, parent_plan_id: Uuid, id: Option<Uuid>) -> Result<()> {
    let mut update = Query::update();
    update.table(TABLE.name);
    update.value("is_latest_version", id.is_some());
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("parent_plan_id").eq(parent_plan_id));
    match id {
        Some(id) => update.and_where(Expr::col("id").eq(id)),
        None => update.and_where(Expr::col("is_latest_version").eq(true)),
    };
    tx.execute(&update).await?;
    Ok(())
}

/// The version with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Listed>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// Of these ids, those of versions, deleted ones too.
///
/// # Errors
/// What the statement answers.
pub async fn known(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut select = tx.select(TABLE.name);
    select.column("id");
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

/// All versions of a plan, the first one first; locked to the end of a transaction that writes, so that no two
/// transactions add one at a time.
///
/// # Errors
/// What the statement answers.
pub async fn versions(tx: &mut Tx, parent_plan_id: Uuid) -> Result<Vec<Plan>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk).order_by("version", Order::Asc);
    select.and_where(Expr::col("parent_plan_id").eq(parent_plan_id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let rows = tx.fetch_all(&select).await?;
    let versions = rows.iter().map(|row| decode(row).map(|listed| listed.plan));
    versions.collect()
}

/// The versions that these ones were made from, in no order.
///
/// # Errors
/// What the statement answers.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Plan>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    let rows = tx.fetch_all(&select).await?;
    let plans = rows.iter().map(|row| decode(row).map(|listed| listed.plan));
    plans.collect()
}

/// One page of plans with phases.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Listed>> {
    list::page(tx, &LIST, &of_kind(query, false), decode).await
}

/// One page of plans of products.
///
/// # Errors
/// What the statements answer.
pub async fn templates(tx: &mut Tx, query: &list::Query) -> Result<Page<Listed>> {
    list::page(tx, &TEMPLATES, &of_kind(query, true), decode).await
}

fn of_kind(query: &list::Query, is_template: bool) -> list::Query {
    let mut query = query.clone();
    let is_meant = Expr::col(("plan", "is_template")).eq(is_template);
    query.conditions.push(Condition::Scope(is_meant));
    query
}
