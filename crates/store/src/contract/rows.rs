//! A contract as rows and back: columns, the document of a version, lines.

use florin_core::contract::{Contract, Kept, Line, Phase, Start, Status};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use sea_query::{Expr, ExprTrait, Query};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    Error, Result, Row, Tx,
    record::{self, Values},
};

use super::{AGGREGATE, LINE};

/// The columns that are audited: what was agreed, as far as lists reach it.
pub(super) fn values(contract: &Contract) -> Result<Values> {
    let record = contract.record();
    let header = &record.header;
    let policy = header.renewal_policy.map(|policy| policy.as_str());
    Ok(vec![
        ("version", i64::from(record.version).into()),
        ("status", record.status.as_str().into()),
        ("name", header.name.clone().into()),
        ("description", header.description.clone().into()),
        ("currency", header.currency.to_string().into()),
        ("contract_type", header.contract_type.as_str().into()),
        ("customer_id", header.customer_id.into()),
        (
            "invoice_payer_customer_id",
            header.invoice_payer_customer_id.into(),
        ),
        ("bill_parent_customer", header.bill_parent_customer.into()),
        ("start_date", header.start.written().into()),
        ("end_date", header.end.map(|end| end.written()).into()),
        ("anchor_date", header.anchor.map(Start::written).into()),
        ("time_zone", zone_name(&record.zone)?.into()),
        ("renewal_policy", policy.into()),
        ("plan_id", header.plan.map(|plan| plan.plan_id).into()),
        ("renewed_from", header.renewed_from.into()),
        ("tags", record::json(Some(header.tags.clone()))),
        (
            "custom_attributes",
            record::json(Some(header.custom_attributes.clone())),
        ),
        ("source", record::json(Some(header.source.clone()))),
        ("created_at", record.created_at.into()),
        ("updated_at", record.updated_at.into()),
    ])
}

/// The columns by which jobs find the contract. They are not audited: they follow from the others.
pub(super) fn due(contract: &Contract, at: Timestamp) -> Result<Values> {
    let status_day = contract.next_status_day(contract.day_of(at));
    Ok(vec![
        ("next_bill_day", first_bill_day(contract).into()),
        ("status_due_at", day_start(contract, status_day)?.into()),
        (
            "renewal_due_at",
            day_start(contract, contract.renewal_day())?.into(),
        ),
    ])
}

/// The contract's first day: the next billing run finds out what is due since then.
fn first_bill_day(contract: &Contract) -> Option<Date> {
    let is_billed = contract.status().is_billed() && contract.record().deleted_at.is_none();
    is_billed.then(|| contract.header().start.day())
}

pub(super) fn day_start(contract: &Contract, day: Option<Date>) -> Result<Option<Timestamp>> {
    let start = day.map(|day| Start::on(day, contract.zone())).transpose();
    let start = start.map_err(|error| unreadable("end_date", &error))?;
    Ok(start.map(Start::written))
}

pub(super) fn version(tx: &Tx, contract: &Contract) -> Result<Values> {
    let record = contract.record();
    Ok(vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", record.id.into()),
        ("version", i64::from(record.version).into()),
        ("document", record::json(Some(contract.document()))),
        ("created_at", tx.at()?.into()),
    ])
}

/// Puts the lines of the contract in place of those of its version before.
pub(super) async fn replace_lines(tx: &mut Tx, contract: &Contract) -> Result<()> {
    remove_lines(tx, contract.id()).await?;
    let phases = contract.phases().iter();
    let lines = phases.flat_map(|phase| phase.lines.iter().map(move |line| (phase, line)));
    let (mut rows, mut metrics) = (Vec::new(), Vec::new());
    for (phase, line) in lines {
        rows.push(line_row(tx, contract.id(), phase, line));
        for aggregate_id in line.head.pricing.price().aggregates() {
            metrics.push(vec![
                ("organisation_id", tx.organisation().0.into()),
                ("contract_id", contract.id().into()),
                ("line_id", line.id.0.into()),
                ("aggregate_id", aggregate_id.into()),
            ]);
        }
    }
    record::insert_all_plain(tx, LINE, rows).await?;
    record::insert_all_plain(tx, AGGREGATE, metrics).await
}

pub(super) async fn remove_lines(tx: &mut Tx, contract_id: Uuid) -> Result<()> {
    let mut batch = tx.batch();
    for table in [LINE, AGGREGATE] {
        let mut delete = Query::delete();
        delete.from_table(table);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("contract_id").eq(contract_id));
        batch.add(&delete);
    }
    tx.run(batch).await?;
    Ok(())
}

fn line_row(tx: &Tx, contract_id: Uuid, phase: &Phase, line: &Line) -> Values {
    let end = line.end_in(phase).map(|end| end.written());
    vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", line.id.0.into()),
        ("contract_id", contract_id.into()),
        ("phase_id", phase.id.into()),
        ("product_id", line.head.product_id.into()),
        ("pricing_id", line.head.pricing_id.into()),
        ("external_id", line.head.external_id.clone().into()),
        ("start_date", line.start.written().into()),
        ("end_date", end.into()),
    ]
}

/// A contract of a row of both tables. `status` is that of the contract, or none for that of the version.
pub(super) fn decode(row: &Row, status: Option<Status>) -> Result<Contract> {
    let zone: String = row.get("time_zone")?;
    let version: i64 = row.get("document_version")?;
    let kept = Kept {
        id: row.get("id")?,
        version: version.try_into().map_err(|_| corrupt("version"))?,
        status,
        zone: TimeZone::get(&zone).map_err(|_| corrupt("time_zone"))?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        deleted_at: row.optional("deleted_at")?,
    };
    let document: Json = row.get("document")?;
    Contract::from_document(document, kept).map_err(|error| unreadable("document", &error))
}

pub(super) fn status(row: &Row) -> Result<Status> {
    let word: String = row.get("status")?;
    Status::parse(&word).ok_or_else(|| corrupt("status"))
}

/// Contracts live in zones of the IANA database, as organisations do.
fn zone_name(zone: &TimeZone) -> Result<&str> {
    zone.iana_name().ok_or_else(|| corrupt("time_zone"))
}

fn corrupt(column: &str) -> Error {
    unreadable(column, &"not one of its values")
}

fn unreadable(column: &str, reason: &dyn std::fmt::Display) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: reason.to_string(),
    }
}
