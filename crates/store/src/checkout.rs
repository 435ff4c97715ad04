//! Checkouts. Owns their rows and the list over them; what is asked for is one document.

use florin_core::{
    checkout::{Checkout, Payment, ProductOverride, Request, Status},
    id::OrganisationId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sea_query::{Expr, ExprTrait, Order, Query, SelectStatement, SimpleExpr, Value};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Db, Error, Result, Row, Tx,
    list::{self, Column, Condition, Kind, Operator, Page, Spec},
    record::{self, Table, Values},
    row::corrupt,
};

const TABLE: Table = Table::announced("checkout");
const CLOCK: &str = "test_clock";
const CLOCK_CUSTOMER: &str = "test_clock_customer";

/// The list of checkouts. What has expired by the time of whoever buys is `expired`.
pub static LIST: Spec = Spec {
    table: "checkout",
    columns: &[
        Column::id(),
        Column::new("status", Kind::Choice(Status::ALL), "status"),
        Column::new("customer_id", Kind::Uuid, "customer's id").nullable(),
        Column::new("plan_id", Kind::Uuid, "plan's id").nullable(),
        Column::new("contract_id", Kind::Uuid, "contract's id").nullable(),
        Column::new("expires_at", Kind::Timestamp, "end").sortable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(checkout: &Checkout) -> Values {
    let Checkout {
        id: _,
        status,
        request,
        contract_id,
        estimates,
        payment,
        expires_at,
        created_at,
        updated_at,
    } = checkout.clone();
    vec![
        ("status", status.as_str().into()),
        ("plan_id", request.plan_id.into()),
        ("customer_id", request.customer_id.into()),
        ("contract_id", contract_id.into()),
        ("request", record::json(Some(document(&request)))),
        ("estimates", record::json(Some(estimates))),
        ("payment", record::json(payment.map(payment_document))),
        ("expires_at", expires_at.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ]
}

fn payment_document(payment: Payment) -> Json {
    let Payment {
        payment_method_id,
        invoices,
        failure,
        failed_charge,
    } = payment;
    json!({
        "payment_method_id": payment_method_id,
        "invoices": invoices,
        "failure": failure,
        "failed_charge": failed_charge,
    })
}

fn read_payment(document: &Json) -> Result<Payment> {
    let ids = document["invoices"].as_array().map(|ids| {
        let ids = ids.iter().map(|id| {
            let id = id.as_str().and_then(|id| id.parse().ok());
            id.ok_or_else(|| corrupt("payment", "invoices are not what was written there"))
        });
        ids.collect::<Result<Vec<Uuid>>>()
    });
    Ok(Payment {
        payment_method_id: parsed(document, "payment_method_id")?,
        invoices: ids.transpose()?,
        failure: document["failure"].as_str().map(str::to_owned),
        failed_charge: parsed(document, "failed_charge")?,
    })
}

fn document(request: &Request) -> Json {
    let Request {
        plan_id,
        contract_id,
        start_date,
        end_date,
        customer_id,
        business_entity_id,
        customer_data,
        guest_customer_id,
        success_url,
        cancel_url,
        overrides,
    } = request;
    let overrides = overrides.iter().map(|one| {
        json!({
            "product_id": one.product_id,
            "quantity": one.quantity.map(|quantity| quantity.to_string()),
            "is_enabled": one.is_enabled,
        })
    });
    json!({
        "plan_id": plan_id,
        "contract_id": contract_id,
        "start_date": start_date.map(|day| day.to_string()),
        "end_date": end_date.map(|day| day.to_string()),
        "customer_id": customer_id,
        "business_entity_id": business_entity_id,
        "customer_data": customer_data,
        "guest_customer_id": guest_customer_id,
        "success_url": success_url,
        "cancel_url": cancel_url,
        "product_overrides": overrides.collect::<Vec<Json>>(),
    })
}

fn decode(row: &Row) -> Result<Checkout> {
    let status: String = row.get("status")?;
    let request: Json = row.get("request")?;
    let payment: Option<Json> = row.optional("payment")?;
    Ok(Checkout {
        id: row.get("id")?,
        status: Status::parse(&status).ok_or_else(|| corrupt("status", "no such status"))?,
        request: read(&request)?,
        contract_id: row.optional("contract_id")?,
        estimates: row.get("estimates")?,
        payment: payment.as_ref().map(read_payment).transpose()?,
        expires_at: row.get("expires_at")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn read(document: &Json) -> Result<Request> {
    let overrides = document["product_overrides"].as_array();
    let overrides = overrides.into_iter().flatten().map(read_override);
    let text = |key: &str| document[key].as_str().map(str::to_owned);
    Ok(Request {
        plan_id: parsed(document, "plan_id")?,
        contract_id: parsed(document, "contract_id")?,
        start_date: parsed(document, "start_date")?,
        end_date: parsed(document, "end_date")?,
        customer_id: parsed(document, "customer_id")?,
        business_entity_id: parsed(document, "business_entity_id")?,
        customer_data: document["customer_data"].clone(),
        guest_customer_id: parsed(document, "guest_customer_id")?,
        success_url: text("success_url"),
        cancel_url: text("cancel_url"),
        overrides: overrides.collect::<Result<_>>()?,
    })
}

fn read_override(document: &Json) -> Result<ProductOverride> {
    let product_id = parsed(document, "product_id")?;
    Ok(ProductOverride {
        product_id: product_id.ok_or_else(|| unreadable("product_id"))?,
        quantity: parsed::<Decimal>(document, "quantity")?,
        is_enabled: document["is_enabled"].as_bool(),
    })
}

fn parsed<T: std::str::FromStr>(document: &Json, key: &str) -> Result<Option<T>> {
    let text = document[key].as_str();
    let value = text.map(|text| text.parse().map_err(|_| unreadable(key)));
    value.transpose()
}

fn unreadable(key: &str) -> Error {
    corrupt("request", format!("{key} is not what was written there"))
}

/// Adds a checkout.
///
/// # Errors
/// What the statements answer.
pub async fn insert(tx: &mut Tx, checkout: &Checkout) -> Result<()> {
    record::insert(tx, &TABLE, checkout.id, values(checkout)).await
}

/// Changes a checkout.
///
/// # Errors
/// What the statements answer.
pub async fn update(tx: &mut Tx, before: &Checkout, after: &Checkout) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    Ok(())
}

/// The checkout with this id; locked to the end of a transaction that writes, so that it is confirmed once.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Checkout>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// One page of checkouts, by where they stand at `at`, or at the time of the test clock that the customer lives by.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query, at: Timestamp) -> Result<Page<Checkout>> {
    let mut query = query.clone();
    for condition in &mut query.conditions {
        if let Some(stands) = by_status(condition, at) {
            *condition = Condition::Scope(stands);
        }
    }
    list::page(tx, &LIST, &query, decode).await
}

/// The condition on where checkouts stand by now, in place of one on the column.
fn by_status(condition: &Condition, at: Timestamp) -> Option<SimpleExpr> {
    match condition {
        Condition::Compare {
            column,
            operator: operator @ (Operator::Equal | Operator::NotEqual | Operator::In),
            values,
        } if column.name == "status" => {
            let words = values.iter().filter_map(|value| match value {
                Value::String(word) => word.as_deref(),
                _ => None,
            });
            let any = any_of(words, at);
            Some(match operator {
                Operator::NotEqual => any.not(),
                _ => any,
            })
        }
        Condition::Contains { column, text, .. } if column.name == "status" => {
            let text = text.to_lowercase();
            let words = Status::ALL.iter().copied();
            Some(any_of(words.filter(|word| word.contains(&text)), at))
        }
        _ => None,
    }
}

fn any_of<'w>(words: impl Iterator<Item = &'w str>, at: Timestamp) -> SimpleExpr {
    let none = Expr::val(1).eq(0);
    words.fold(none, |any, word| any.or(stands(word, at)))
}

fn stands(word: &str, at: Timestamp) -> SimpleExpr {
    let status = || Expr::col((TABLE.name, "status"));
    match Status::parse(word) {
        Some(known) if known.expires() => status().eq(word).and(is_over(at).not()),
        Some(Status::Expired) => {
            let open = [Status::Pending, Status::PaymentFailed].map(Status::as_str);
            let ended = status().is_in(open).and(is_over(at));
            status().eq(word).or(ended)
        }
        _ => status().eq(word),
    }
}

/// Whether the time of a checkout has come: by the clock of its customer, else by real time.
fn is_over(at: Timestamp) -> SimpleExpr {
    let expires_at = || Expr::col((TABLE.name, "expires_at"));
    let mut over = clock();
    over.and_where(Expr::col((CLOCK, "time")).gte(expires_at()));
    let by_now = Expr::exists(clock()).not().and(expires_at().lte(at));
    Expr::exists(over).or(by_now)
}

/// The clock of the checkout's customer.
fn clock() -> SelectStatement {
    let is_own = Expr::col((CLOCK, "organisation_id"))
        .equals((CLOCK_CUSTOMER, "organisation_id"))
        .and(Expr::col((CLOCK, "id")).equals((CLOCK_CUSTOMER, "test_clock_id")));
    let mut select = Query::select();
    select
        .expr(Expr::val(1))
        .from(CLOCK_CUSTOMER)
        .inner_join(CLOCK, is_own);
    for (column, of_checkout) in [
        ("organisation_id", "organisation_id"),
        ("customer_id", "customer_id"),
    ] {
        let same = Expr::col((CLOCK_CUSTOMER, column)).equals((TABLE.name, of_checkout));
        select.and_where(same);
    }
    select
}

/// Checkouts of every organisation whose payment was left in the middle before an instant, or that were not paid in
/// time; those that wait longest first.
///
/// # Errors
/// What the statement answers.
pub async fn left_alone(
    db: &Db,
    (before, now): (Timestamp, Timestamp),
    limit: u64,
) -> Result<Vec<(OrganisationId, Uuid)>> {
    let is = |status: Status| Expr::col("status").eq(status.as_str());
    let left = is(Status::Processing).and(Expr::col("updated_at").lt(before));
    let unpaid = is(Status::PaymentFailed).and(Expr::col("expires_at").lte(now));
    let mut select = Query::select();
    select
        .columns(["organisation_id", "id"])
        .from(TABLE.name)
        .and_where(left.or(unpaid))
        .order_by("updated_at", Order::Asc)
        .limit(limit);
    let mut tx = db.read(OrganisationId(Uuid::nil())).await?;
    let rows = tx.fetch_all(&select).await?;
    let pair = |row: &Row| Ok((OrganisationId(row.get("organisation_id")?), row.get("id")?));
    rows.iter().map(pair).collect()
}
