//! Contracts. Owns their rows, their versions and what they are found by.
//!
//! A version is kept whole, as one document, and is never changed; the columns beside it are what lists
//! filter by and what jobs look for. Does not own any rule: what is read is checked again by
//! [`Contract::from_document`].

mod due;
mod rows;

use std::collections::HashMap;

use florin_core::{
    contract::{Contract, Status},
    id::LineId,
};
use sea_query::{Asterisk, Expr, ExprTrait, LockType, Order, Query, SelectStatement};
use uuid::Uuid;

use crate::{
    Backend, Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
    record::{self, Table},
};

pub use due::{
    Mark, count_to_bill, marks, renewals_due, renewed, set_next_bill_days, set_statuses,
    settle_renewals, statuses_due, to_bill,
};

const TABLE: Table = Table::announced("contract");
const VERSION: &str = "contract_version";
const LINE: &str = "contract_line";
const AGGREGATE: &str = "contract_line_aggregate";

/// Ids of one statement at most: SQLite takes 32,766 values.
const IDS_MAX: usize = 10_000;

const STATUSES: Kind = Kind::Choice(&["draft", "active", "paused", "expired", "disputed"]);

/// A column of the contract's customer.
const fn of_customer(name: &'static str, column: &'static str, text: &'static str) -> Column {
    Column::new(name, Kind::Text, text).from(Source::Parent {
        table: "customer",
        local: "customer_id",
        column,
    })
}

/// The list of contracts.
pub static LIST: Spec = Spec {
    table: "contract",
    columns: &[
        Column::id(),
        Column::new("customer_id", Kind::Uuid, "customer"),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("start_date", Kind::Timestamp, "start").sortable(),
        Column::created_at(),
        Column::updated_at(),
        Column::new("end_date", Kind::Timestamp, "end")
            .nullable()
            .sortable(),
        Column::new("status", STATUSES, "status"),
        Column::new(
            "contract_type",
            Kind::Choice(&["standard", "event_based"]),
            "type",
        ),
        Column::new("currency", Kind::Text, "currency"),
        Column::new(
            "renewal_policy",
            Kind::Choice(&[
                "do_not_renew",
                "renew_with_existing",
                "renew_with_default_contract",
            ]),
            "renewal policy",
        )
        .nullable(),
        Column::new("plan_id", Kind::Uuid, "plan").nullable(),
        Column::new("renewed_from", Kind::Uuid, "contract that it renews").nullable(),
        Column::new(
            "invoice_payer_customer_id",
            Kind::Uuid,
            "third party that pays",
        )
        .nullable(),
        Column::new(
            "bill_parent_customer",
            Kind::Boolean,
            "whether the parent pays",
        ),
        Column::new("product_id", Kind::Uuid, "product of a line")
            .operators(&[Operator::Equal, Operator::In])
            .from(Source::Related {
                table: LINE,
                foreign: "contract_id",
                column: "product_id",
            }),
        of_customer(
            "customer__external_id",
            "external_id",
            "the customer's external_id",
        ),
        of_customer(
            "customer__customer_name",
            "customer_name",
            "the customer's name",
        ),
        of_customer("customer__email", "email", "the customer's e-mail address"),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::new("custom_attributes", Kind::Json, "custom attributes"),
        Column::new("source", Kind::Json, "source"),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// The list of a contract's versions.
pub static VERSIONS: Spec = Spec {
    table: VERSION,
    columns: &[
        Column::new("version", Kind::Integer, "number of the version").sortable(),
        Column::new("created_at", Kind::Timestamp, "instant of the change"),
    ],
    default_order: "version",
    soft_deleted: false,
    ranked: None,
    limit_max: 100,
};

/// Adds a contract with its first version.
///
/// # Errors
/// [`crate::Error::Conflict`] with `contract_id_key` or `contract_renewed_from_key`.
pub async fn insert(tx: &mut Tx, contract: &Contract) -> Result<()> {
    let mut values = rows::values(contract)?;
    values.extend(rows::due(contract, tx.at()?)?);
    record::insert(tx, &TABLE, contract.id(), values).await?;
    insert_version(tx, contract).await
}

async fn insert_version(tx: &mut Tx, contract: &Contract) -> Result<()> {
    let version = rows::version(tx, contract)?;
    record::insert_plain(tx, VERSION, version).await?;
    rows::replace_lines(tx, contract).await
}

/// Changes a contract; a version that differs is added, and the next billing run looks at it from its
/// first day on.
///
/// # Errors
/// What the statements answer.
pub async fn save(tx: &mut Tx, before: &Contract, after: &Contract) -> Result<()> {
    record::update(
        tx,
        &TABLE,
        after.id(),
        rows::values(before)?,
        rows::values(after)?,
    )
    .await?;
    if before.version() == after.version() {
        return Ok(());
    }
    let mut update = Query::update();
    update.table(TABLE.name);
    let due = rows::due(after, tx.at()?)?.into_iter();
    update.values(due.map(|(name, value)| (name, value.into())));
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(after.id()));
    tx.execute(&update).await?;
    insert_version(tx, after).await
}

/// Marks a draft as deleted; its versions stay, its lines no longer hold their products.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, contract: &Contract) -> Result<()> {
    record::soft_delete(tx, &TABLE, contract.id(), rows::values(contract)?).await?;
    rows::remove_lines(tx, contract.id()).await
}

/// The contract with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Contract>> {
    let mut select = current(tx);
    select.and_where(Expr::col((TABLE.name, "id")).eq(id));
    select.and_where(Expr::col((TABLE.name, "deleted_at")).is_null());
    if tx.backend() == Backend::Postgres && tx.author().is_ok() {
        select.lock_with_tables(LockType::Update, [TABLE.name]);
    }
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode_current(&row)).transpose()
}

/// Contracts by their ids, in the order of these, deleted ones too. Ids that no contract has are passed over.
///
/// # Errors
/// What the statements answer.
pub async fn of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Contract>> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let mut select = current(tx);
        select.and_where(Expr::col((TABLE.name, "id")).is_in(ids.iter().copied()));
        for row in tx.fetch_all(&select).await? {
            let contract = decode_current(&row)?;
            found.insert(contract.id(), contract);
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Locks contracts to the end of a transaction that writes, in one order, so that no two transactions
/// wait for each other. Read them afterwards.
///
/// # Errors
/// What the statements answer.
pub async fn lock(tx: &mut Tx, ids: &[Uuid]) -> Result<()> {
    if tx.backend() == Backend::Sqlite {
        return Ok(());
    }
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    for ids in ids.chunks(IDS_MAX) {
        let mut select = tx.select(TABLE.name);
        select.column("id").order_by("id", Order::Asc);
        select.and_where(Expr::col("id").is_in(ids.iter().copied()));
        let select = record::locked(tx, select);
        tx.fetch_all(&select).await?;
    }
    Ok(())
}

/// The contract as it was at a version, with the status that it had when the version was made.
///
/// # Errors
/// What the statement answers.
pub async fn at_version(tx: &mut Tx, id: Uuid, version: u32) -> Result<Option<Contract>> {
    Ok(at_versions(tx, id, &[version]).await?.pop())
}

/// The contract as it was at several versions, in their order.
///
/// # Errors
/// What the statement answers.
pub async fn at_versions(tx: &mut Tx, id: Uuid, versions: &[u32]) -> Result<Vec<Contract>> {
    let mut select = documents(tx);
    let numbers = versions.iter().map(|version| i64::from(*version));
    select.and_where(Expr::col((TABLE.name, "id")).eq(id));
    select.and_where(Expr::col((VERSION, "version")).is_in(numbers));
    select.order_by((VERSION, "version"), Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| rows::decode(row, None)).collect()
}

/// One page of contracts.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Contract>> {
    let Page {
        results,
        next,
        previous,
        total_count,
    } = list::page(tx, &LIST, query, |row| row.get::<Uuid>("id")).await?;
    Ok(Page {
        results: of_ids(tx, &results).await?,
        next,
        previous,
        total_count,
    })
}

/// One page of the numbers of a contract's versions after the first, with the instants of the changes.
///
/// # Errors
/// What the statements answer.
pub async fn amendments(
    tx: &mut Tx,
    id: Uuid,
    query: &list::Query,
) -> Result<Page<(u32, jiff::Timestamp)>> {
    let mut query = query.clone();
    let of_contract = Expr::col((VERSION, "id")).eq(id);
    let is_later = Expr::col((VERSION, "version")).gt(1);
    query
        .conditions
        .push(list::Condition::Scope(of_contract.and(is_later)));
    list::page(tx, &VERSIONS, &query, |row| {
        let version: i64 = row.get("version")?;
        Ok((
            version.try_into().unwrap_or(u32::MAX),
            row.get("created_at")?,
        ))
    })
    .await
}

/// Whether a contract is with this customer, or paid by it.
///
/// # Errors
/// What the statement answers.
pub async fn has_customer(tx: &mut Tx, customer_id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    let buys = Expr::col("customer_id").eq(customer_id);
    let pays = Expr::col("invoice_payer_customer_id").eq(customer_id);
    select.column("id").limit(1).and_where(buys.or(pays));
    select.and_where(Expr::col("deleted_at").is_null());
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Whether the parent of this customer pays for one of its contracts that can still be billed.
///
/// # Errors
/// What the statement answers.
pub async fn bills_parent(tx: &mut Tx, customer_id: Uuid) -> Result<bool> {
    let mut select = tx.select(TABLE.name);
    select.column("id").limit(1);
    select.and_where(Expr::col("customer_id").eq(customer_id));
    select.and_where(Expr::col("bill_parent_customer").eq(true));
    select.and_where(Expr::col("status").ne(Status::Expired.as_str()));
    select.and_where(Expr::col("deleted_at").is_null());
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Whether a line of a contract's current version sells the product.
///
/// # Errors
/// What the statement answers.
pub async fn has_product(tx: &mut Tx, product_id: Uuid) -> Result<bool> {
    let mut select = tx.select(LINE);
    select.column("id").limit(1);
    select.and_where(Expr::col("product_id").eq(product_id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// Whether a line of a contract's current version counts by the aggregate.
///
/// # Errors
/// What the statement answers.
pub async fn has_aggregate(tx: &mut Tx, aggregate_id: Uuid) -> Result<bool> {
    let mut select = tx.select(AGGREGATE);
    select.column("line_id").limit(1);
    select.and_where(Expr::col("aggregate_id").eq(aggregate_id));
    Ok(tx.fetch_optional(&select).await?.is_some())
}

/// A contract as SQL metrics see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The contract.
    pub id: Uuid,
    /// Who bought.
    pub customer_id: Uuid,
    /// Its name.
    pub name: String,
    /// Its status, as it was last looked at.
    pub status: String,
    /// Its currency.
    pub currency: String,
}

/// Every contract of the organisation that is not deleted.
///
/// # Errors
/// What the statement answers.
pub async fn named(tx: &mut Tx) -> Result<Vec<Named>> {
    let mut select = tx.select(TABLE.name);
    select.columns(["id", "customer_id", "name", "status", "currency"]);
    select.and_where(Expr::col("deleted_at").is_null());
    let rows = tx.fetch_all(&select).await?;
    let named = rows.iter().map(|row| {
        Ok(Named {
            id: row.get("id")?,
            customer_id: row.get("customer_id")?,
            name: row.get("name")?,
            status: row.get("status")?,
            currency: row.get("currency")?,
        })
    });
    named.collect()
}

/// Contracts with the document of each of their versions.
fn documents(tx: &Tx) -> SelectStatement {
    let mut select = tx.select(TABLE.name);
    select.column((TABLE.name, Asterisk));
    select.column((VERSION, "document"));
    select.expr_as(Expr::col((VERSION, "version")), "document_version");
    let same = |column: &'static str| Expr::col((VERSION, column)).equals((TABLE.name, column));
    select.inner_join(VERSION, same("organisation_id").and(same("id")));
    select
}

/// Contracts with the document of their current version.
fn current(tx: &Tx) -> SelectStatement {
    let mut select = documents(tx);
    let is_current = Expr::col((VERSION, "version")).equals((TABLE.name, "version"));
    select.and_where(is_current);
    select
}

fn decode_current(row: &Row) -> Result<Contract> {
    rows::decode(row, Some(rows::status(row)?))
}

/// The products of lines, as far as a current version has them.
///
/// # Errors
/// What the statements answer.
pub async fn products_of_lines(tx: &mut Tx, lines: &[LineId]) -> Result<Vec<(LineId, Uuid)>> {
    let mut products = Vec::with_capacity(lines.len());
    for lines in lines.chunks(IDS_MAX) {
        let mut select = tx.select("contract_line");
        select.columns(["id", "product_id"]);
        select.and_where(Expr::col("id").is_in(lines.iter().map(|line| line.0)));
        for row in &tx.fetch_all(&select).await? {
            products.push((LineId(row.get("id")?), row.get("product_id")?));
        }
    }
    Ok(products)
}

/// What others show of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractName {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its current version.
    pub version: u32,
}

/// Names and versions of contracts, in no order, deleted ones too; not locked.
///
/// # Errors
/// What the statement answers.
pub async fn names(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<ContractName>> {
    let mut select = tx.select(TABLE.name);
    select.columns(["id", "name", "version"]);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    let rows = tx.fetch_all(&select).await?;
    let name = |row: &Row| {
        let version: i64 = row.get("version")?;
        Ok(ContractName {
            id: row.get("id")?,
            name: row.get("name")?,
            version: version.try_into().unwrap_or(u32::MAX),
        })
    };
    rows.iter().map(name).collect()
}
