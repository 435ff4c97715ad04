//! The row of an invoice without its parts: what lists show.

use florin_core::invoice::{Amounts, Freshness, Header, Status, Totals};
use florin_core::money::Money;
use jiff::{Timestamp, civil::Date};
use sea_query::{Expr, ExprTrait};
use uuid::Uuid;

use super::{TABLE, columns, words};
use crate::{
    Result, Row, Tx,
    list::{self, Column, Kind, Operator, Page, Source, Spec},
};

/// An invoice without its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its id.
    pub id: Uuid,
    /// Where it stands.
    pub status: Status,
    /// What it says besides its amounts.
    pub header: Header,
    /// What it comes to.
    pub totals: Totals,
    /// What became of it; nothing of a draft.
    pub amounts: Amounts,
    /// Total less what the wallet paid.
    pub net_invoice_total: Money,
    /// What is still to be paid; of a draft, what will be.
    pub amount_due: Money,
    /// What the draft was made from.
    pub freshness: Freshness,
    /// The draft that took its place.
    pub superseded_by: Option<Uuid>,
    /// Its number, once it is approved.
    pub number: Option<String>,
    /// When it is due, once it is approved.
    pub due_date: Option<Date>,
    /// When it was approved.
    pub approved_at: Option<Timestamp>,
    /// Since when nothing is to be paid.
    pub paid_at: Option<Timestamp>,
    /// Since when all of it is credited.
    pub voided_at: Option<Timestamp>,
    /// Who made it, as the audit log writes it.
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Head {
    /// What an approval added.
    pub(super) fn approval(&self) -> Option<(String, Timestamp, Date)> {
        Some((self.number.clone()?, self.approved_at?, self.due_date?))
    }
}

const STATUSES: &[&str] = &[
    "upcoming",
    "draft",
    "edited",
    "discarded",
    "approved",
    "partially_paid",
    "paid",
    "void",
];

/// The list of invoices.
pub static LIST: Spec = Spec {
    table: "invoice",
    columns: &[
        Column::id(),
        Column::new("external_id", Kind::Text, "the caller's own id")
            .nullable()
            .sortable(),
        Column::new("customer_id", Kind::Uuid, "who pays"),
        Column::new("customer__external_id", Kind::Text, "own id of who pays")
            .nullable()
            .from(CUSTOMER_EXTERNAL_ID),
        Column::new("customer__customer_name", Kind::Text, "name of who pays").from(CUSTOMER_NAME),
        Column::new("contract_id", Kind::Uuid, "the contract").nullable(),
        Column::new("business_entity_id", Kind::Uuid, "the entity that bills").nullable(),
        Column::new("status", Kind::Choice(STATUSES), "where it stands"),
        Column::new("invoice_number", Kind::Text, "number")
            .nullable()
            .sortable(),
        Column::new("currency", Kind::Text, "currency"),
        Column::new("invoice_total", Kind::Money, "total, in major units").sortable(),
        Column::new(
            "net_invoice_total",
            Kind::Money,
            "total less what the wallet paid, in major units",
        )
        .sortable(),
        Column::new(
            "amount_due",
            Kind::Money,
            "what is still to be paid, in major units",
        )
        .sortable(),
        Column::new("bill_for_date", Kind::Date, "the day that it is for").sortable(),
        Column::new("invoice_date", Kind::Date, "date on the document").sortable(),
        Column::new("due_date", Kind::Date, "when it is due")
            .nullable()
            .sortable(),
        Column::new("approved_at", Kind::Timestamp, "when it was approved")
            .nullable()
            .sortable(),
        Column::new(
            "paid_at",
            Kind::Timestamp,
            "since when nothing is to be paid",
        )
        .nullable()
        .sortable(),
        Column::new("tags", Kind::Text, "word that it is marked with")
            .operators(&[Operator::Equal, Operator::In])
            .from(Source::Related {
                table: "invoice_tag",
                foreign: "invoice_id",
                column: "name",
            }),
        Column::new("custom_data", Kind::Json, "free data"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

const CUSTOMER_EXTERNAL_ID: Source = Source::Parent {
    table: "customer",
    local: "customer_id",
    column: "external_id",
};
const CUSTOMER_NAME: Source = Source::Parent {
    table: "customer",
    local: "customer_id",
    column: "customer_name",
};

/// One page of invoices. Drafts that were deleted or replaced are on it only where the query says which
/// statuses it wants.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Head>> {
    let mut query = query.clone();
    let names_status = query.conditions.iter().any(|condition| match condition {
        list::Condition::Compare { column, .. } | list::Condition::Contains { column, .. } => {
            column.name == "status"
        }
        list::Condition::Scope(_) => false,
    });
    if !names_status {
        let gone = words(&[Status::Discarded, Status::Edited]);
        let stands = Expr::col((TABLE.name, "status")).is_not_in(gone);
        query.conditions.push(list::Condition::Scope(stands));
    }
    list::page(tx, &LIST, &query, decode).await
}

/// The rows of invoices without their parts, by id, not locked.
///
/// # Errors
/// What the statement answers.
pub async fn heads_of_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Head>> {
    let mut select = tx.select(TABLE.name);
    select.column(sea_query::Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select.order_by("id", sea_query::Order::Asc);
    tx.fetch_all(&select).await?.iter().map(decode).collect()
}

pub(super) fn decode(row: &Row) -> Result<Head> {
    let header = columns::header(row)?;
    let money = |column| columns::money(row, column, header.currency);
    let status: String = row.get("status")?;
    let status = Status::parse(&status)
        .ok_or_else(|| crate::row::corrupt("status", format!("`{status}` is no status")))?;
    let sequence: Option<i64> = row.optional("usage_sequence")?;
    let version: Option<i64> = row.optional("contract_version")?;
    Ok(Head {
        id: row.get("id")?,
        status,
        totals: columns::totals(row, header.currency)?,
        amounts: columns::amounts(row, header.currency)?,
        net_invoice_total: money("net_invoice_total")?,
        amount_due: money("amount_due")?,
        freshness: Freshness {
            usage_sequence: sequence.and_then(|sequence| u64::try_from(sequence).ok()),
            contract_version: version.and_then(|version| u32::try_from(version).ok()),
        },
        superseded_by: row.optional("superseded_by")?,
        number: row.optional("invoice_number")?,
        due_date: row.optional("due_date")?,
        approved_at: row.optional("approved_at")?,
        paid_at: row.optional("paid_at")?,
        voided_at: row.optional("voided_at")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        header,
    })
}
