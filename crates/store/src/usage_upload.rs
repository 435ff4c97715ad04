//! Uploads of usage events. Owns their rows, the bytes of their files, and the claim of the one process that
//! works on an upload.
//!
//! Progress is noted without an audit row: it is no change that anybody made. Changes of state have one.

use florin_core::{
    id::OrganisationId,
    usage::upload::{BadRow, Report, State, Upload},
};
use jiff::{SignedDuration, Timestamp};
use sea_query::{Cond, Expr, ExprTrait, Order, Query};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::{
    Backend, Error, Result, Row, Tx, dialect,
    list::{self, Column, Kind, Page, Spec},
    record::{self, Table, Values},
    usage_correction::{of_raw_metric, whole},
};

const TABLE: Table = Table {
    name: "usage_upload",
    // The audit log need not repeat a thousand rows of a file.
    secrets: &["bad_rows"],
    events: false,
};
const PIECE: &str = "usage_upload_piece";

const STATES: [&str; 8] = {
    let mut words = [""; 8];
    let mut index = 0;
    while index < words.len() {
        words[index] = State::WORDS[index].1;
        index += 1;
    }
    words
};

/// The list of uploads.
pub static LIST: Spec = Spec {
    table: "usage_upload",
    columns: &[
        Column::id(),
        Column::new("state", Kind::Choice(&STATES), "state"),
        Column::new("file_name", Kind::Text, "name of the file").nullable(),
        Column::new("backfill_id", Kind::Uuid, "backfill").nullable(),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

fn values(upload: &Upload) -> Values {
    let Upload {
        id: _,
        raw_metric_id,
        backfill_id,
        file_name,
        is_packed,
        byte_count,
        mapping,
        is_confirmed,
        state,
        report,
        failure,
        created_by,
        created_at,
        updated_at,
    } = upload.clone();
    let mut values: Values = vec![
        ("raw_metric_id", raw_metric_id.into()),
        ("backfill_id", backfill_id.into()),
        ("file_name", file_name.into()),
        ("is_packed", is_packed.into()),
        ("byte_count", byte_count.into()),
        ("mapping", record::json(Some(json!(mapping)))),
        ("is_confirmed", is_confirmed.into()),
        ("state", state.word().into()),
        ("failure", failure.into()),
        ("created_by", created_by.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
    ];
    values.extend(report_values(report));
    values
}

fn report_values(report: Report) -> Values {
    let Report {
        rows,
        accepted,
        repeated,
        rejected,
        bad_rows,
    } = report;
    let bad_rows = bad_rows.into_iter().map(|bad| {
        let BadRow {
            line,
            column,
            message,
        } = bad;
        json!([line, column, message])
    });
    vec![
        ("row_count", rows.into()),
        ("accepted_count", accepted.into()),
        ("repeated_count", repeated.into()),
        ("rejected_count", rejected.into()),
        ("bad_rows", record::json(Some(bad_rows.collect()))),
    ]
}

fn decode(row: &Row) -> Result<Upload> {
    let state: String = row.get("state")?;
    Ok(Upload {
        id: row.get("id")?,
        raw_metric_id: row.get("raw_metric_id")?,
        backfill_id: row.optional("backfill_id")?,
        file_name: row.optional("file_name")?,
        is_packed: row.get("is_packed")?,
        byte_count: whole(row, "byte_count")?,
        mapping: mapping(row)?,
        is_confirmed: row.get("is_confirmed")?,
        state: State::of_word(&state).ok_or_else(|| corrupt("state"))?,
        report: report(row)?,
        failure: row.optional("failure")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn mapping(row: &Row) -> Result<Vec<(String, String)>> {
    let document: Json = row.get("mapping")?;
    let pairs = document.as_array().into_iter().flatten();
    let pairs: Option<Vec<(String, String)>> = pairs
        .map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].as_str()?.to_owned())))
        .collect();
    pairs.ok_or_else(|| corrupt("mapping"))
}

fn report(row: &Row) -> Result<Report> {
    let document: Json = row.get("bad_rows")?;
    let bad_rows = document.as_array().into_iter().flatten();
    let bad_rows: Option<Vec<BadRow>> = bad_rows
        .map(|bad| {
            Some(BadRow {
                line: bad[0].as_u64()?,
                column: bad[1].as_str()?.to_owned(),
                message: bad[2].as_str()?.to_owned(),
            })
        })
        .collect();
    Ok(Report {
        rows: whole(row, "row_count")?,
        accepted: whole(row, "accepted_count")?,
        repeated: whole(row, "repeated_count")?,
        rejected: whole(row, "rejected_count")?,
        bad_rows: bad_rows.ok_or_else(|| corrupt("bad_rows"))?,
    })
}

fn corrupt(column: &str) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: "it is none that is written".to_owned(),
    }
}

/// Adds an upload.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, upload: &Upload) -> Result<()> {
    record::insert(tx, &TABLE, upload.id, values(upload)).await
}

/// Changes an upload; one whose file is needed no more loses its bytes. Whoever works on another state or
/// mapping of it has no claim any more.
///
/// # Errors
/// What the statements answer.
pub async fn save(tx: &mut Tx, before: &Upload, after: &Upload) -> Result<()> {
    record::update(tx, &TABLE, after.id, values(before), values(after)).await?;
    if (before.state, &before.mapping) != (after.state, &after.mapping) {
        let mut update = Query::update();
        update
            .table(TABLE.name)
            .value("claimed_until", None::<Timestamp>);
        update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        update.and_where(Expr::col("id").eq(after.id));
        tx.execute(&update).await?;
    }
    if after.state.is_final() {
        let mut delete = Query::delete();
        delete.from_table(PIECE);
        delete.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
        delete.and_where(Expr::col("upload_id").eq(after.id));
        tx.execute(&delete).await?;
    }
    Ok(())
}

/// The upload with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Upload>> {
    let row = record::find(tx, TABLE.name, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// One page of a raw metric's uploads.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, raw_metric: Uuid, query: &list::Query) -> Result<Page<Upload>> {
    list::page(tx, &LIST, &of_raw_metric(raw_metric, query), decode).await
}

/// Adds a piece of a file, whose pieces are numbered from 0.
///
/// # Errors
/// What the statement answers.
pub async fn add_piece(tx: &mut Tx, upload: Uuid, number: i64, bytes: Vec<u8>) -> Result<()> {
    let row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("upload_id", upload.into()),
        ("number", number.into()),
        ("bytes", bytes.into()),
    ];
    record::insert_plain(tx, PIECE, row).await
}

/// A piece of a file; `None` behind the last.
///
/// # Errors
/// What the statement answers.
pub async fn piece(tx: &mut Tx, upload: Uuid, number: i64) -> Result<Option<Vec<u8>>> {
    let mut select = tx.select(PIECE);
    select.column("bytes");
    select.and_where(Expr::col("upload_id").eq(upload));
    select.and_where(Expr::col("number").eq(number));
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| row.get("bytes")).transpose()
}

/// The oldest upload of any organisation that is to be checked or sent and that no other process works on.
///
/// # Errors
/// What the statement answers.
pub async fn due(
    tx: &mut Tx,
    process: Uuid,
    now: Timestamp,
) -> Result<Option<(OrganisationId, Uuid)>> {
    let mut select = Query::select();
    select.from(TABLE.name).columns(["organisation_id", "id"]);
    let words = [State::Checking, State::Sending].map(State::word);
    select.and_where(Expr::col("state").is_in(words));
    select.cond_where(is_free(tx.backend(), process, now));
    select.order_by("created_at", Order::Asc).limit(1);
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| Ok((OrganisationId(row.get("organisation_id")?), row.get("id")?)))
        .transpose()
}

fn is_free(backend: Backend, process: Uuid, now: Timestamp) -> Cond {
    let free = Cond::any()
        .add(Expr::col("claimed_until").is_null())
        .add(Expr::col("claimed_until").lt(now));
    match dialect::has_one_server(backend) {
        true => free.add(Expr::col("claimed_by").ne(process)),
        false => free,
    }
}

/// Claims an upload until `tx.at() + lease`; answers whether this process has it.
///
/// # Errors
/// What the statement answers.
pub async fn claim(tx: &mut Tx, id: Uuid, process: Uuid, lease: SignedDuration) -> Result<bool> {
    let at = tx.at()?;
    let mut update = Query::update();
    update.table(TABLE.name);
    update.value("claimed_by", process);
    update.value("claimed_until", at + lease);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    update.cond_where(is_free(tx.backend(), process, at));
    Ok(tx.execute(&update).await? == 1)
}

/// Notes how far the claimed upload is and holds the claim; answers whether this process still has it.
///
/// # Errors
/// What the statement answers.
pub async fn note_progress(
    tx: &mut Tx,
    id: Uuid,
    (process, lease): (Uuid, SignedDuration),
    report: &Report,
) -> Result<bool> {
    let mut update = Query::update();
    update.table(TABLE.name);
    let report = report_values(report.clone()).into_iter();
    update.values(report.map(|(name, value)| (name, value.into())));
    update.value("claimed_until", tx.at()? + lease);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(id));
    update.and_where(Expr::col("claimed_by").eq(process));
    update.and_where(Expr::col("claimed_until").is_not_null());
    Ok(tx.execute(&update).await? == 1)
}

/// Uploads of every organisation whose file stopped coming before an instant.
///
/// # Errors
/// What the statement answers.
pub async fn abandoned(tx: &mut Tx, before: Timestamp) -> Result<Vec<(OrganisationId, Uuid)>> {
    let mut select = Query::select();
    select.from(TABLE.name).columns(["organisation_id", "id"]);
    select.and_where(Expr::col("state").eq(State::Receiving.word()));
    select.and_where(Expr::col("created_at").lt(before));
    let rows = tx.fetch_all(&select).await?;
    let found = rows
        .iter()
        .map(|row| Ok((OrganisationId(row.get("organisation_id")?), row.get("id")?)));
    found.collect()
}
