//! What belongs to an invoice: the rows of its rated parts, which hold each step to each amount as a document,
//! and of its tags.

use florin_core::invoice::{Draft, Part, Source};
use sea_query::{Asterisk, Expr, ExprTrait, Order, Query, Value};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Result, Row, Tx,
    record::{self, Table, Values},
    row::{JsonText, corrupt},
};

const TABLE: &str = "invoice_part";
const TAG: &str = "invoice_tag";

/// Adds the parts of invoices.
pub(super) async fn insert_all<'p>(
    tx: &mut Tx,
    parts: impl Iterator<Item = (Uuid, &'p [Part])>,
) -> Result<()> {
    let organisation = tx.organisation().0;
    let mut rows = Vec::new();
    for (invoice_id, parts) in parts {
        for (position, part) in (0_i64..).zip(parts) {
            let mut row: Values = vec![
                ("organisation_id", organisation.into()),
                ("invoice_id", invoice_id.into()),
                ("position", position.into()),
            ];
            row.extend(values(part)?);
            rows.push(row);
        }
    }
    record::insert_all_plain(tx, TABLE, rows).await
}

/// Puts the parts of a draft in the place of those it had; the audit log keeps both.
pub(super) async fn replace(tx: &mut Tx, before: &Draft, after: &Draft) -> Result<()> {
    const AUDITED: Table = Table::quiet(TABLE);
    delete(tx, before.id()).await?;
    insert_all(tx, std::iter::once((after.id(), after.parts()))).await?;
    let (old, new) = (document(before.parts())?, document(after.parts())?);
    record::audit_replaced(tx, &AUDITED, after.id(), old, new).await
}

async fn delete(tx: &mut Tx, invoice_id: Uuid) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(TABLE);
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    delete.and_where(Expr::col("invoice_id").eq(invoice_id));
    tx.execute(&delete).await?;
    Ok(())
}

/// Adds the words that drafts are marked with.
pub(super) async fn insert_tags(tx: &mut Tx, drafts: &[Draft]) -> Result<()> {
    let organisation = tx.organisation().0;
    let rows = drafts.iter().flat_map(|draft| {
        let names = draft.header().tag_names();
        names.into_iter().map(move |name| -> Values {
            vec![
                ("organisation_id", organisation.into()),
                ("invoice_id", draft.id().into()),
                ("name", name.to_owned().into()),
            ]
        })
    });
    record::insert_all_plain(tx, TAG, rows.collect()).await
}

/// Removes the words that a draft is marked with.
pub(super) async fn delete_tags(tx: &mut Tx, invoice_id: Uuid) -> Result<()> {
    let mut delete = Query::delete();
    delete.from_table(TAG);
    delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    delete.and_where(Expr::col("invoice_id").eq(invoice_id));
    tx.execute(&delete).await?;
    Ok(())
}

/// Every word that an invoice is marked with, in order of the alphabet; 1,000 at most.
///
/// # Errors
/// What the statement answers.
pub async fn tags(tx: &mut Tx) -> Result<Vec<String>> {
    const TAGS_MAX: u64 = 1_000;
    let mut select = tx.select(TAG);
    select.column("name").distinct().limit(TAGS_MAX);
    select.order_by("name", Order::Asc);
    let rows = tx.fetch_all(&select).await?;
    rows.iter().map(|row| row.get("name")).collect()
}

/// The parts of invoices, by invoice and position.
pub(super) async fn of_invoices(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Part)>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(super::IDS_MAX) {
        let mut select = tx.select(TABLE);
        select.column(Asterisk);
        select.and_where(Expr::col("invoice_id").is_in(ids.iter().copied()));
        select.order_by("invoice_id", Order::Asc);
        select.order_by("position", Order::Asc);
        for row in tx.fetch_all(&select).await? {
            found.push((row.get("invoice_id")?, decode(&row)?));
        }
    }
    Ok(found)
}

/// The parts as the audit log keeps those that an edit takes away.
fn document(parts: &[Part]) -> Result<Json> {
    let documents = parts.iter().map(|part| {
        let rated = written("rated", serde_json::to_value(&part.rated))?;
        let adjustments = written("adjustments", serde_json::to_value(&part.adjustments))?;
        Ok(serde_json::json!({ "id": part.id, "rated": rated, "adjustments": adjustments }))
    });
    documents.collect()
}

fn values(part: &Part) -> Result<Values> {
    let Part {
        id,
        source,
        customer_id,
        rated,
        adjustments,
        labels,
        carried_in,
        carried_out,
    } = part;
    let (contract_id, version, phase_id) = match *source {
        Source::Contract {
            contract_id,
            version,
            phase_id,
        } => (Some(contract_id), Some(i64::from(version)), Some(phase_id)),
        Source::OneOff => (None, None, None),
    };
    let json = |column, document| -> Result<(&'static str, Value)> {
        Ok((column, record::json(Some(written(column, document)?))))
    };
    Ok(vec![
        ("id", (*id).into()),
        ("customer_id", (*customer_id).into()),
        ("contract_id", contract_id.into()),
        ("contract_version", version.into()),
        ("phase_id", phase_id.into()),
        json("rated", serde_json::to_value(rated))?,
        json("adjustments", serde_json::to_value(adjustments))?,
        json("labels", serde_json::to_value(labels))?,
        json("carried_in", serde_json::to_value(carried_in))?,
        json("carried_out", serde_json::to_value(carried_out))?,
    ])
}

fn written(column: &str, document: serde_json::Result<Json>) -> Result<Json> {
    document.map_err(|error| corrupt(column, error))
}

fn decode(row: &Row) -> Result<Part> {
    let version: Option<i64> = row.optional("contract_version")?;
    let version = version.and_then(|version| u32::try_from(version).ok());
    let ids = (row.optional("contract_id")?, row.optional("phase_id")?);
    let source = match (ids, version) {
        ((Some(contract_id), Some(phase_id)), Some(version)) => Source::Contract {
            contract_id,
            version,
            phase_id,
        },
        ((None, None), None) => Source::OneOff,
        _ => return Err(corrupt("contract_version", "half of a contract is named")),
    };
    let text = |column: &str| -> Result<String> { Ok(row.get::<JsonText>(column)?.0) };
    let unreadable = |column: &'static str| move |error| corrupt(column, error);
    Ok(Part {
        id: row.get("id")?,
        source,
        customer_id: row.get("customer_id")?,
        rated: serde_json::from_str(&text("rated")?).map_err(unreadable("rated"))?,
        adjustments: serde_json::from_str(&text("adjustments")?)
            .map_err(unreadable("adjustments"))?,
        labels: serde_json::from_str(&text("labels")?).map_err(unreadable("labels"))?,
        carried_in: serde_json::from_str(&text("carried_in")?).map_err(unreadable("carried_in"))?,
        carried_out: serde_json::from_str(&text("carried_out")?)
            .map_err(unreadable("carried_out"))?,
    })
}
