//! Quotes. Owns their rows and those of their versions. A quote's row is its lock: whoever changes it or a version of it
//! holds that row. What a version offers is one document; columns of the quote repeat what lists filter by.

use florin_core::{
    contract::{Contract, Kept},
    quote::{Offer, Priced, Quote, State, Version},
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sea_query::{Asterisk, Expr, ExprTrait, SelectStatement, SimpleExpr};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    list::{self, Column, Condition, Kind, Page, Source, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("quote");
const VERSION: Table = Table::quiet("quote_version");

/// A column of the quote's customer.
const fn of_customer(name: &'static str, column: &'static str, text: &'static str) -> Column {
    Column::new(name, Kind::Text, text).from(Source::Parent {
        table: "customer",
        local: "customer_id",
        column,
    })
}

/// The list of quotes.
pub static LIST: Spec = Spec {
    table: "quote",
    columns: &[
        Column::id(),
        Column::new("quote_number", Kind::Text, "number").sortable(),
        Column::new("customer_id", Kind::Uuid, "customer"),
        Column::new("business_entity_id", Kind::Uuid, "entity that sells").nullable(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("description", Kind::Text, "description").nullable(),
        Column::new("currency", Kind::Text, "currency"),
        Column::new("plan_id", Kind::Uuid, "plan").nullable(),
        Column::new("contract_id", Kind::Uuid, "contract that it became").nullable(),
        Column::new(
            "version_number",
            Kind::Integer,
            "number of the current version",
        )
        .sortable(),
        Column::new("start_date", Kind::Date, "first day").sortable(),
        Column::new("end_date", Kind::Date, "last day")
            .nullable()
            .sortable(),
        Column::new("valid_from", Kind::Date, "first day of validity").sortable(),
        Column::new("valid_until", Kind::Date, "last day of validity")
            .nullable()
            .sortable(),
        Column::created_at(),
        Column::updated_at(),
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
        Column::new("custom_data", Kind::Json, "free data"),
    ],
    default_order: "created_at",
    soft_deleted: true,
    ranked: None,
    limit_max: 100,
};

/// The list of a quote's versions.
pub static VERSIONS: Spec = Spec {
    table: "quote_version",
    columns: &[
        Column::id(),
        Column::new("version_number", Kind::Integer, "number of the version").sortable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "version_number",
    soft_deleted: false,
    ranked: None,
    limit_max: 100,
};

/// What the row of a quote says by itself.
struct Head {
    id: Uuid,
    number: String,
    customer_id: Uuid,
    business_entity_id: Option<Uuid>,
    current_version_id: Uuid,
    custom_data: Json,
    created_by: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn values(quote: &Quote) -> Values {
    let Quote {
        id: _,
        number,
        customer_id,
        business_entity_id,
        custom_data,
        current,
        created_by,
        created_at,
        updated_at,
    } = quote;
    let offer = &current.offer;
    vec![
        ("quote_number", number.clone().into()),
        ("customer_id", (*customer_id).into()),
        ("business_entity_id", (*business_entity_id).into()),
        ("current_version_id", current.id.into()),
        ("version_number", i64::from(current.number).into()),
        ("status", current.state.status().as_str().into()),
        ("name", offer.name.clone().into()),
        ("description", offer.description.clone().into()),
        ("currency", offer.currency.clone().into()),
        ("plan_id", offer.plan_id.into()),
        ("contract_id", current.state.contract_id().into()),
        ("start_date", offer.start_date.into()),
        ("end_date", offer.end_date.into()),
        ("valid_from", offer.valid_from.into()),
        ("valid_until", offer.valid_until.into()),
        ("custom_data", record::json(Some(custom_data.clone()))),
        ("created_by", created_by.clone().into()),
        ("created_at", (*created_at).into()),
        ("updated_at", (*updated_at).into()),
    ]
}

fn version_values(quote: Uuid, version: &Version) -> Result<Values> {
    let Version {
        id: _,
        number,
        state,
        offer,
        priced,
        parties,
        created_by,
        created_at,
        updated_at,
    } = version;
    let Priced {
        contract,
        estimate,
        invoices,
    } = priced;
    let zone = contract.zone().iana_name();
    let zone = zone.ok_or_else(|| corrupt("time_zone", "not an IANA time zone"))?;
    let parties = parties.as_ref().map(serde_json::to_value).transpose();
    let parties = parties.map_err(|error| corrupt("parties", error))?;
    Ok(vec![
        ("quote_id", quote.into()),
        ("version_number", i64::from(*number).into()),
        ("status", state.status().as_str().into()),
        ("status_at", state.since().into()),
        ("contract_id", state.contract_id().into()),
        ("payment_method_id", state.payment_method_id().into()),
        ("offer", record::json(Some(offer.document()))),
        ("draft_contract_id", contract.id().into()),
        ("draft_contract", record::json(Some(contract.document()))),
        ("time_zone", zone.into()),
        ("estimate", record::json(Some(estimate.clone()))),
        ("invoices", record::json(Some(invoices.clone()))),
        ("parties", record::json(parties)),
        ("created_by", created_by.clone().into()),
        ("created_at", (*created_at).into()),
        ("updated_at", (*updated_at).into()),
    ])
}

fn head(row: &Row) -> Result<Head> {
    Ok(Head {
        id: row.get("id")?,
        number: row.get("quote_number")?,
        customer_id: row.get("customer_id")?,
        business_entity_id: row.optional("business_entity_id")?,
        current_version_id: row.get("current_version_id")?,
        custom_data: row.get("custom_data")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn version(row: &Row) -> Result<Version> {
    let number: i64 = row.get("version_number")?;
    let offer = Offer::from_document(row.get("offer")?);
    let parties: Option<Json> = row.optional("parties")?;
    let parties = parties.map(serde_json::from_value).transpose();
    Ok(Version {
        id: row.get("id")?,
        number: number
            .try_into()
            .map_err(|_| corrupt("version_number", "no number of a version"))?,
        state: state(row)?,
        offer: offer.map_err(|error| corrupt("offer", error))?,
        priced: Priced {
            contract: contract(row)?,
            estimate: row.get("estimate")?,
            invoices: row.get("invoices")?,
        },
        parties: parties.map_err(|error| corrupt("parties", error))?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn state(row: &Row) -> Result<State> {
    let word: String = row.get("status")?;
    let at = || row.get("status_at");
    Ok(match word.as_str() {
        "draft" => State::Draft,
        "sent" => State::Sent { at: at()? },
        "rejected" => State::Rejected { at: at()? },
        "accepted" => State::Accepted {
            at: at()?,
            contract_id: row.get("contract_id")?,
            payment_method_id: row.optional("payment_method_id")?,
        },
        _ => return Err(corrupt("status", "no such status")),
    })
}

/// The contract that a version would make.
fn contract(row: &Row) -> Result<Contract> {
    let zone: String = row.get("time_zone")?;
    let zone = TimeZone::get(&zone).map_err(|error| corrupt("time_zone", error))?;
    let kept = Kept {
        id: row.get("draft_contract_id")?,
        version: 1,
        status: None,
        zone,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: None,
    };
    let document: Json = row.get("draft_contract")?;
    let contract = Contract::from_document(document, kept);
    contract.map_err(|error| corrupt("draft_contract", error))
}

impl Head {
    fn with(self, current: Version) -> Quote {
        let Self {
            id,
            number,
            customer_id,
            business_entity_id,
            current_version_id: _,
            custom_data,
            created_by,
            created_at,
            updated_at,
        } = self;
        Quote {
            id,
            number,
            customer_id,
            business_entity_id,
            custom_data,
            current,
            created_by,
            created_at,
            updated_at,
        }
    }
}

/// Adds a quote with its first version.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, quote: &Quote) -> Result<()> {
    record::insert(tx, &TABLE, quote.id, values(quote)).await?;
    insert_version(tx, quote).await
}

async fn insert_version(tx: &mut Tx, quote: &Quote) -> Result<()> {
    let current = &quote.current;
    let row = version_values(quote.id, current)?;
    record::insert(tx, &VERSION, current.id, row).await
}

/// Changes a quote and its current version, or adds the version that is current now. `action` is what the audit log and
/// events call it.
///
/// # Errors
/// What the statements answer.
pub async fn update(
    tx: &mut Tx,
    action: &'static str,
    (before, after): (&Quote, &Quote),
) -> Result<()> {
    let (old, new) = (&before.current, &after.current);
    if old.id == new.id {
        let (old, new) = (
            version_values(before.id, old)?,
            version_values(after.id, new)?,
        );
        record::update_as(tx, &VERSION, action, (after.current.id, old, new)).await?;
    } else {
        insert_version(tx, after).await?;
    }
    let row = (after.id, values(before), values(after));
    if !record::update_as(tx, &TABLE, action, row).await? && before != after {
        // What changed is in the version only.
        record::touch(tx, &TABLE, after.id).await?;
    }
    Ok(())
}

/// Marks a quote as deleted; its number stays given.
///
/// # Errors
/// What the statements answer.
pub async fn delete(tx: &mut Tx, quote: &Quote) -> Result<()> {
    record::soft_delete(tx, &TABLE, quote.id, values(quote)).await
}

/// The quote with this id, unless it is deleted; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statements answer.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Quote>> {
    let mut select = tx.select(TABLE.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").eq(id));
    select.and_where(Expr::col("deleted_at").is_null());
    let select = record::locked(tx, select);
    let Some(row) = tx.fetch_optional(&select).await? else {
        return Ok(None);
    };
    let head = head(&row)?;
    let select = versions_of(tx, &[head.current_version_id]);
    let row = tx.fetch_optional(&select).await?;
    let row = row.ok_or_else(|| corrupt("current_version_id", "there is no such version"))?;
    Ok(Some(head.with(version(&row)?)))
}

fn versions_of(tx: &Tx, ids: &[Uuid]) -> SelectStatement {
    let mut select = tx.select(VERSION.name);
    select.column(Asterisk);
    select.and_where(Expr::col("id").is_in(ids.iter().copied()));
    select
}

/// A condition on quotes by words for where they stand on a day of the organisation: any of `draft`, `sent`,
/// `accepted`, `rejected` and `expired`.
pub fn stand(words: &[&str], today: Date) -> Condition {
    let none = Expr::val(1).eq(0);
    let any = words
        .iter()
        .fold(none, |any, word| any.or(stands(word, today)));
    Condition::Scope(any)
}

fn stands(word: &str, today: Date) -> SimpleExpr {
    let status = || Expr::col((TABLE.name, "status"));
    let until = || Expr::col((TABLE.name, "valid_until"));
    let is_open = || status().is_in(["draft", "sent"]);
    match word {
        "expired" => is_open().and(until().lt(today)),
        "draft" | "sent" => {
            let lasts = until().is_null().or(until().gte(today));
            status().eq(word).and(lasts)
        }
        word => status().eq(word),
    }
}

/// One page of quotes.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<Page<Quote>> {
    let Page {
        results,
        next,
        previous,
        total_count,
    } = list::page(tx, &LIST, query, head).await?;
    let ids: Vec<Uuid> = results.iter().map(|head| head.current_version_id).collect();
    let select = versions_of(tx, &ids);
    let rows = tx.fetch_all(&select).await?;
    let versions = rows.iter().map(version).collect::<Result<Vec<_>>>()?;
    let quotes = results.into_iter().filter_map(|head| {
        let mut versions = versions.iter();
        let current = versions.find(|version| version.id == head.current_version_id)?;
        Some(head.with(current.clone()))
    });
    Ok(Page {
        results: quotes.collect(),
        next,
        previous,
        total_count,
    })
}

/// One page of a quote's versions.
///
/// # Errors
/// What the statements answer.
pub async fn versions(tx: &mut Tx, quote: Uuid, query: &list::Query) -> Result<Page<Version>> {
    let mut query = query.clone();
    let is_meant = Expr::col((VERSION.name, "quote_id")).eq(quote);
    query.conditions.push(Condition::Scope(is_meant));
    list::page(tx, &VERSIONS, &query, version).await
}
