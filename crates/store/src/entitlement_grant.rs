//! What customers were granted of entitlements, and what is drawn of it.
//!
//! Owns the lock under which balances are read and changed: the rows of the grants, in the order of their ids. Does not
//! own which grants a draw comes from ([`florin_core::entitlement::spread`]). Money operations that also draw lock invoices,
//! payments and wallets before.

use std::collections::HashMap;

use florin_core::entitlement::{CustomerGrant, Drawn, GrantDetails, GrantStatus};
use jiff::{Timestamp, civil::Date};
use sea_query::{Asterisk, Expr, ExprTrait, Order, SelectStatement, SimpleExpr};
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Source, Spec},
    record::{self, Revision, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("entitlement_grant");
const DRAW: &str = "entitlement_draw";

/// Ids of one statement at most.
const IDS_MAX: usize = 2_000;

const fn of_definition(name: &'static str, kind: Kind, description: &'static str) -> Column {
    let column = match name.as_bytes() {
        b"type" => "entitlement_type",
        _ => name,
    };
    Column::new(name, kind, description).from(Source::Parent {
        table: "entitlement",
        local: "entitlement_id",
        column,
    })
}

/// The list of grants.
pub static LIST: Spec = Spec {
    table: "entitlement_grant",
    columns: COLUMNS,
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// The same for balances, whose pages have a hundred rows at most.
pub static BALANCES: Spec = Spec {
    table: "entitlement_grant",
    columns: COLUMNS,
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: 100,
};

const COLUMNS: &[Column] = &[
    Column::id(),
    Column::new("entitlement", Kind::Uuid, "entitlement").from(Source::Own("entitlement_id")),
    of_definition("name", Kind::Text, "entitlement's name"),
    of_definition("units", Kind::Text, "word for a unit").nullable(),
    of_definition("type", crate::entitlement::TYPES, "type"),
    Column::new("customer", Kind::Uuid, "customer").from(Source::Own("customer_id")),
    Column::new("source_type", Kind::Text, "kind of what made it"),
    Column::new("source_id", Kind::Uuid, "what made it").nullable(),
    Column::new("event", Kind::Text, "event that made it"),
    Column::new("contract_id", Kind::Uuid, "contract").nullable(),
    Column::new("invoice_id", Kind::Uuid, "invoice").nullable(),
    Column::new("quantity", Kind::Decimal, "granted quantity").sortable(),
    Column::new("quantity_used", Kind::Decimal, "used quantity").sortable(),
    Column::new("active_from", Kind::Timestamp, "first instant").sortable(),
    Column::new("expiry_at", Kind::Timestamp, "end")
        .nullable()
        .sortable(),
    Column::created_at(),
    Column::updated_at(),
];

/// What a draw is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrawnFor {
    /// A part of an invoice.
    Part(Uuid),
    /// A reservation that was committed.
    Reservation(Uuid),
    /// The usage of a day.
    Usage(Date),
}

/// A draw that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Its id.
    pub id: Uuid,
    /// What is taken of which grant.
    pub drawn: Drawn,
    /// Of which entitlement.
    pub entitlement_id: Uuid,
    /// Whose.
    pub customer_id: Uuid,
    /// What for.
    pub drawn_for: DrawnFor,
    /// Whether it is only held, because its invoice is a draft.
    pub is_held: bool,
}

fn values(grant: &CustomerGrant) -> Values {
    let CustomerGrant {
        id: _,
        entitlement_id,
        customer_id,
        details,
        quantity_held,
        created_at,
        updated_at,
    } = grant.clone();
    let GrantDetails {
        status,
        active_from,
        expiry_at,
        quantity,
        quantity_used,
        source_type,
        source_id,
        event,
        contract_id,
        invoice_id,
        block_amount,
        numeric_value,
        feature_option_value,
    } = details;
    vec![
        ("entitlement_id", entitlement_id.into()),
        ("customer_id", customer_id.into()),
        ("status", status.as_str().into()),
        ("active_from", active_from.into()),
        ("expiry_at", expiry_at.into()),
        ("quantity", quantity.into()),
        ("quantity_used", quantity_used.into()),
        ("quantity_held", quantity_held.into()),
        ("source_type", source_type.into()),
        ("source_id", source_id.into()),
        ("event", event.into()),
        ("contract_id", contract_id.into()),
        ("invoice_id", invoice_id.into()),
        ("block_amount", block_amount.into()),
        ("numeric_value", numeric_value.into()),
        ("feature_option_value", feature_option_value.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn decode(row: &Row) -> Result<CustomerGrant> {
    let status: String = row.get("status")?;
    let details = GrantDetails {
        status: GrantStatus::parse(&status).ok_or_else(|| corrupt("status", "no such status"))?,
        active_from: row.get("active_from")?,
        expiry_at: row.optional("expiry_at")?,
        quantity: row.get("quantity")?,
        quantity_used: row.get("quantity_used")?,
        source_type: row.get("source_type")?,
        source_id: row.optional("source_id")?,
        event: row.get("event")?,
        contract_id: row.optional("contract_id")?,
        invoice_id: row.optional("invoice_id")?,
        block_amount: row.optional("block_amount")?,
        numeric_value: row.optional("numeric_value")?,
        feature_option_value: row.optional("feature_option_value")?,
    };
    Ok(CustomerGrant {
        id: row.get("id")?,
        entitlement_id: row.get("entitlement_id")?,
        customer_id: row.get("customer_id")?,
        details,
        quantity_held: row.get("quantity_held")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

/// Adds a grant.
///
/// # Errors
/// [`crate::Error::Conflict`] with `entitlement_grant_id_key`.
pub async fn insert(tx: &mut Tx, grant: &CustomerGrant) -> Result<()> {
    record::insert(tx, &TABLE, grant.id, values(grant)).await
}

/// Adds grants, many with each statement.
///
/// # Errors
/// As [`insert`].
pub async fn insert_all(tx: &mut Tx, grants: &[CustomerGrant]) -> Result<()> {
    let rows = grants.iter().map(|grant| (grant.id, values(grant)));
    record::insert_all(tx, &TABLE, rows.collect()).await
}

/// Changes a grant.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &CustomerGrant, after: &CustomerGrant) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// Changes grants, many with each statement; `action` is what events and the audit log call it.
///
/// # Errors
/// What the statements answer.
pub async fn update_all(
    tx: &mut Tx,
    action: &'static str,
    changes: &[(CustomerGrant, CustomerGrant)],
) -> Result<()> {
    let revision = |(before, after): &(CustomerGrant, CustomerGrant)| Revision {
        id: after.id,
        before: moving(before),
        after: moving(after),
    };
    let revisions = changes.iter().map(revision).collect();
    let any = Expr::col((TABLE.name, "deleted_at")).is_null();
    record::update_all(tx, &TABLE, action, revisions, &any).await?;
    Ok(())
}

/// The columns that draws and triggers change, none of which can be null: `VALUES` of only nulls have no type.
fn moving(grant: &CustomerGrant) -> Values {
    vec![
        ("status", grant.details.status.as_str().into()),
        ("quantity", grant.details.quantity.into()),
        ("quantity_used", grant.details.quantity_used.into()),
        ("quantity_held", grant.quantity_held.into()),
    ]
}

/// Marks a grant as deleted.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, grant: &CustomerGrant) -> Result<()> {
    record::soft_delete(tx, &TABLE, grant.id, values(grant)).await
}

fn standing(tx: &Tx) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("deleted_at").is_null());
    select.order_by("id", Order::Asc);
    select
}

async fn selected(tx: &mut Tx, select: SelectStatement) -> Result<Vec<CustomerGrant>> {
    let select = record::locked(tx, select);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

/// The grant with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<CustomerGrant>> {
    let mut select = standing(tx);
    select.and_where(Expr::col("id").eq(id));
    Ok(selected(tx, select).await?.pop())
}

/// Grants of customers, of these entitlements or of any; by id, locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn of_customers(
    tx: &mut Tx,
    customers: &[Uuid],
    entitlements: Option<&[Uuid]>,
) -> Result<Vec<CustomerGrant>> {
    let mut customers = customers.to_vec();
    customers.sort_unstable();
    customers.dedup();
    let mut found = Vec::new();
    for customers in customers.chunks(IDS_MAX) {
        let mut select = standing(tx);
        select.and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
        if let Some(entitlements) = entitlements {
            let is_one = Expr::col("entitlement_id").is_in(entitlements.iter().copied());
            select.and_where(is_one);
        }
        found.extend(selected(tx, select).await?);
    }
    Ok(found)
}

/// Grants that count at an instant, of one customer and entitlement; not locked. What a hot path reads.
pub fn in_force(
    tx: &Tx,
    (customer_id, entitlement_id): (Uuid, Uuid),
    at: Timestamp,
) -> SelectStatement {
    let mut select = standing(tx);
    select.and_where(Expr::col("customer_id").eq(customer_id));
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select.and_where(is_active_at(at));
    select.and_where(Expr::col("active_from").lte(at));
    select
}

/// What [`in_force`] answered.
///
/// # Errors
/// [`crate::Error::Corrupt`].
pub fn read_all(rows: &[Row]) -> Result<Vec<CustomerGrant>> {
    rows.iter().map(decode).collect()
}

/// Ids of the grants that these invoices bring.
///
/// # Errors
/// What the statements answer.
pub async fn ids_of_invoices(tx: &mut Tx, invoices: &[Uuid]) -> Result<Vec<Uuid>> {
    ids_by(tx, "invoice_id", invoices, None).await
}

/// Ids of the grants that these parts of invoices bring.
///
/// # Errors
/// What the statements answer.
pub async fn ids_of_sources(tx: &mut Tx, sources: &[Uuid]) -> Result<Vec<Uuid>> {
    ids_by(tx, "source_id", sources, None).await
}

/// Ids of the grants of customers, of these entitlements.
///
/// # Errors
/// What the statements answer.
pub async fn ids_of_customers(
    tx: &mut Tx,
    customers: &[Uuid],
    entitlements: &[Uuid],
) -> Result<Vec<Uuid>> {
    ids_by(tx, "customer_id", customers, Some(entitlements)).await
}

/// Not locked: whoever changes several grants locks all of them at once, in their order.
async fn ids_by(
    tx: &mut Tx,
    column: &'static str,
    values: &[Uuid],
    entitlements: Option<&[Uuid]>,
) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for values in values.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.column("id");
        select.and_where(Expr::col("deleted_at").is_null());
        select.and_where(Expr::col(column).is_in(values.iter().copied()));
        if let Some(entitlements) = entitlements {
            let is_one = Expr::col("entitlement_id").is_in(entitlements.iter().copied());
            select.and_where(is_one);
        }
        for row in tx.fetch_all(&select).await? {
            found.push(row.get("id")?);
        }
    }
    Ok(found)
}

/// These grants; by id, locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<CustomerGrant>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let mut found = Vec::new();
    for ids in ids.chunks(IDS_MAX) {
        let mut select = standing(tx);
        select.and_where(Expr::col("id").is_in(ids.iter().copied()));
        found.extend(selected(tx, select).await?);
    }
    Ok(found)
}

/// Whether anybody was granted some of the entitlement.
///
/// # Errors
/// What the statement answers.
pub async fn has_any(tx: &mut Tx, entitlement_id: Uuid) -> Result<bool> {
    let mut select = standing(tx);
    select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
    select.limit(1);
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// A condition on grants by words for where they stand at an instant: any of `draft`, `active` and `expired`.
pub fn stand(words: &[&str], at: Timestamp) -> Condition {
    let none = Expr::val(1).eq(0);
    let any = words
        .iter()
        .fold(none, |any, word| any.or(stands(word, at)));
    Condition::Scope(any)
}

fn stands(word: &str, at: Timestamp) -> SimpleExpr {
    let status = Expr::col((TABLE.name, "status"));
    match word {
        "active" => is_active_at(at),
        "expired" => status
            .eq(GrantStatus::Active.as_str())
            .and(Expr::col((TABLE.name, "expiry_at")).lte(at)),
        word => status.eq(word),
    }
}

fn is_active_at(at: Timestamp) -> SimpleExpr {
    let expiry = || Expr::col((TABLE.name, "expiry_at"));
    let lasts = expiry().is_null().or(expiry().gt(at));
    let status = Expr::col((TABLE.name, "status")).eq(GrantStatus::Active.as_str());
    status.and(lasts)
}

/// A condition: grants of this customer.
pub fn of_customer(customer_id: Uuid) -> Condition {
    Condition::Scope(Expr::col((TABLE.name, "customer_id")).eq(customer_id))
}

/// A condition: grants of this entitlement.
pub fn of_entitlement(entitlement_id: Uuid) -> Condition {
    Condition::Scope(Expr::col((TABLE.name, "entitlement_id")).eq(entitlement_id))
}

/// One page of grants.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<CustomerGrant>> {
    list::page(tx, &LIST, query, decode).await
}

fn draw_values(tx: &Tx, draw: &Draw) -> Result<Values> {
    let (source_type, source_id, day) = match draw.drawn_for {
        DrawnFor::Part(part) => ("invoice", Some(part), None),
        DrawnFor::Reservation(reservation) => ("reservation", Some(reservation), None),
        DrawnFor::Usage(day) => ("usage", None, Some(day)),
    };
    Ok(vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", draw.id.into()),
        ("grant_id", draw.drawn.grant.into()),
        ("entitlement_id", draw.entitlement_id.into()),
        ("customer_id", draw.customer_id.into()),
        ("source_type", source_type.into()),
        ("source_id", source_id.into()),
        ("day", day.into()),
        ("quantity", draw.drawn.quantity.into()),
        ("is_held", draw.is_held.into()),
        ("created_at", tx.at()?.into()),
    ])
}

fn decode_draw(row: &Row) -> Result<Draw> {
    let source_type: String = row.get("source_type")?;
    let drawn_for = match source_type.as_str() {
        "invoice" => DrawnFor::Part(row.get("source_id")?),
        "reservation" => DrawnFor::Reservation(row.get("source_id")?),
        "usage" => DrawnFor::Usage(row.get("day")?),
        _ => return Err(corrupt("source_type", "nothing draws so")),
    };
    Ok(Draw {
        id: row.get("id")?,
        drawn: Drawn {
            grant: row.get("grant_id")?,
            quantity: row.get("quantity")?,
        },
        entitlement_id: row.get("entitlement_id")?,
        customer_id: row.get("customer_id")?,
        drawn_for,
        is_held: row.get("is_held")?,
    })
}

/// Keeps draws. The caller changes the grants with them.
///
/// # Errors
/// What the statements answer.
pub async fn insert_draws(tx: &mut Tx, draws: &[Draw]) -> Result<()> {
    let rows = draws.iter().map(|draw| draw_values(tx, draw));
    let rows: Vec<Values> = rows.collect::<Result<_>>()?;
    record::insert_all_plain(tx, DRAW, rows).await
}

/// Draws of parts of invoices, by id.
///
/// # Errors
/// What the statements answer.
pub async fn draws_of_parts(tx: &mut Tx, parts: &[Uuid]) -> Result<Vec<Draw>> {
    let mut found = Vec::new();
    for parts in parts.chunks(IDS_MAX) {
        let mut select = tx.select(DRAW);
        select.column(Asterisk).order_by("id", Order::Asc);
        select.and_where(Expr::col("source_id").is_in(parts.iter().copied()));
        select.and_where(Expr::col("source_type").eq("invoice"));
        for row in &tx.fetch_all(&select).await? {
            found.push(decode_draw(row)?);
        }
    }
    Ok(found)
}

/// Draws for the usage of days, by customer and day, the first one first.
///
/// # Errors
/// What the statements answer.
pub async fn draws_of_usage(
    tx: &mut Tx,
    entitlement_id: Uuid,
    customers: &[Uuid],
    since: Date,
) -> Result<HashMap<(Uuid, Date), Vec<Draw>>> {
    let mut found: HashMap<_, Vec<Draw>> = HashMap::new();
    for customers in customers.chunks(IDS_MAX) {
        let mut select = tx.select(DRAW);
        select.column(Asterisk).order_by("id", Order::Asc);
        select.and_where(Expr::col("entitlement_id").eq(entitlement_id));
        select.and_where(Expr::col("customer_id").is_in(customers.iter().copied()));
        select.and_where(Expr::col("day").gte(since));
        for row in &tx.fetch_all(&select).await? {
            let draw = decode_draw(row)?;
            if let DrawnFor::Usage(day) = draw.drawn_for {
                found.entry((draw.customer_id, day)).or_default().push(draw);
            }
        }
    }
    Ok(found)
}

/// Forgets draws that are given back whole.
///
/// # Errors
/// What the statements answer.
pub async fn delete_draws(tx: &mut Tx, ids: &[Uuid]) -> Result<()> {
    for ids in ids.chunks(IDS_MAX) {
        let mut delete = sea_query::Query::delete();
        delete.from_table(DRAW);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("id").is_in(ids.iter().copied()));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// Makes draws of parts final: their invoices are approved.
///
/// # Errors
/// What the statements answer.
pub async fn settle_draws(tx: &mut Tx, ids: &[Uuid]) -> Result<()> {
    for ids in ids.chunks(IDS_MAX) {
        let mut update = sea_query::Query::update();
        update.table(DRAW).value("is_held", false);
        update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        update.and_where(Expr::col("id").is_in(ids.iter().copied()));
        tx.execute(&update).await?;
    }
    Ok(())
}
