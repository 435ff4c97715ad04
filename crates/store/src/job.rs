//! Jobs: work that takes longer than a request, how far it is and what it came to. Owns their rows; they are not
//! audited, for what a job changes is.

use std::collections::HashSet;

use florin_core::job::{Job, Outcome, OutcomeStatus, Progress, Status};
use jiff::Timestamp;
use sea_query::{Asterisk, Expr, ExprTrait, LockBehavior, LockType, Order, Query};
use uuid::Uuid;

use crate::{
    Backend, Error, Result, Row, Tx,
    list::{self, Column, Condition, Kind, Operator, Page, Spec},
    record::{self, Values},
    row::corrupt,
};

const TABLE: &str = "job";
const OUTCOME: &str = "job_outcome";
/// Failures that are remembered at a time. Beyond, some are said again.
const FAILURES_MAX: u64 = 10_000;

/// The list of jobs.
pub static LIST: Spec = Spec {
    table: TABLE,
    columns: &[
        Column::id(),
        Column::new("parent_id", Kind::Uuid, "the job that it is a part of").nullable(),
        Column::new("name", Kind::Text, "name").sortable(),
        Column::new("job_type", Kind::Text, "kind of work"),
        Column::new("resource", Kind::Text, "what it is about").operators(&[
            Operator::Equal,
            Operator::NotEqual,
            Operator::In,
        ]),
        Column::new("status", Kind::Text, "how far it is"),
        Column::created_at(),
        Column::updated_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

/// The list of outcomes.
pub static OUTCOMES: Spec = Spec {
    table: OUTCOME,
    columns: &[
        Column::id(),
        Column::new("job_id", Kind::Uuid, "the job"),
        Column::new("job_type", Kind::Text, "kind of work"),
        Column::new("status", Kind::Text, "whether it succeeded"),
        Column::new("resource", Kind::Text, "what it is about"),
        Column::new("resource_id", Kind::Uuid, "the one that it is about").nullable(),
        Column::new("code", Kind::Text, "name of the rule that was broken").nullable(),
        Column::created_at(),
    ],
    default_order: "created_at",
    soft_deleted: false,
    ranked: None,
    limit_max: Spec::LIMIT_MAX,
};

static OF_PARENT: Column = Column::new("parent_id", Kind::Uuid, "the job that it is a part of");
static OF_JOB: Column = Column::new("job_id", Kind::Uuid, "the job");

/// Adds a job.
///
/// # Errors
/// What the statement answers.
pub async fn insert(tx: &mut Tx, job: &Job) -> Result<()> {
    let Job {
        id,
        parent_id,
        name,
        description,
        job_type,
        resource,
        status,
        progress,
        created_at,
        updated_at,
        finished_at,
    } = job.clone();
    let Progress {
        total,
        succeeded,
        failed,
    } = progress;
    let row: Values = vec![
        ("organisation_id", tx.organisation().0.into()),
        ("id", id.into()),
        ("parent_id", parent_id.into()),
        ("name", name.into()),
        ("description", description.into()),
        ("job_type", job_type.into()),
        ("resource", resource.into()),
        ("status", status.as_str().into()),
        ("total", total.into()),
        ("succeeded", succeeded.into()),
        ("failed", failed.into()),
        ("created_at", created_at.into()),
        ("updated_at", updated_at.into()),
        ("finished_at", finished_at.into()),
    ];
    record::insert_plain(tx, TABLE, row).await
}

/// Notes how far a job is.
///
/// # Errors
/// What the statement answers.
pub async fn save(tx: &mut Tx, job: &Job) -> Result<()> {
    let mut update = Query::update();
    update.table(TABLE);
    update.values([
        ("status", job.status.as_str().into()),
        ("total", job.progress.total.into()),
        ("succeeded", job.progress.succeeded.into()),
        ("failed", job.progress.failed.into()),
        ("updated_at", job.updated_at.into()),
        ("finished_at", job.finished_at.into()),
    ]);
    update.and_where(Expr::col("organisation_id").eq(tx.organisation().0));
    update.and_where(Expr::col("id").eq(job.id));
    tx.execute(&update).await?;
    Ok(())
}

/// The job with this id; locked to the end of a transaction that writes.
///
/// # Errors
/// What the statement answers.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Job>> {
    let row = record::find(tx, TABLE, id).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The oldest job of a type that is running and has not been heard of since `silent_since`: whoever ran it is gone.
/// Locked to the end of a transaction that writes; one that another transaction holds is passed over.
///
/// # Errors
/// What the statement answers.
pub async fn abandoned(
    tx: &mut Tx,
    job_type: &str,
    silent_since: Timestamp,
) -> Result<Option<Job>> {
    let mut select = tx.select(TABLE);
    select.column(Asterisk).limit(1);
    select.and_where(Expr::col("job_type").eq(job_type));
    select.and_where(Expr::col("status").eq(Status::Running.as_str()));
    select.and_where(Expr::col("updated_at").lte(silent_since));
    select.order_by("created_at", Order::Asc);
    if tx.backend() == Backend::Postgres && tx.author().is_ok() {
        select.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    let row = tx.fetch_optional(&select).await?;
    row.map(|row| decode(&row)).transpose()
}

/// The things of which jobs of a type have said since an instant that they could not be done, with what they said.
///
/// # Errors
/// What the statement answers.
pub async fn failed_since(
    tx: &mut Tx,
    job_type: &str,
    since: Timestamp,
) -> Result<HashSet<(Uuid, String)>> {
    let mut select = tx.select(OUTCOME);
    select.columns(["resource_id", "message"]).distinct();
    select.and_where(Expr::col("job_type").eq(job_type));
    select.and_where(Expr::col("status").eq(OutcomeStatus::Failed.as_str()));
    select.and_where(Expr::col("created_at").gte(since));
    select.and_where(Expr::col("resource_id").is_not_null());
    select.limit(FAILURES_MAX);
    let rows = tx.fetch_all(&select).await?;
    let failure = |row: &Row| {
        let message: Option<String> = row.optional("message")?;
        Ok((row.get("resource_id")?, message.unwrap_or_default()))
    };
    rows.iter().map(failure).collect()
}

/// One page of jobs; of one parent where it is named.
///
/// # Errors
/// What the statements answer.
pub async fn page(tx: &mut Tx, query: &list::Query, parent: Option<Uuid>) -> Result<Page<Job>> {
    let query = narrowed(query, &OF_PARENT, parent);
    list::page(tx, &LIST, &query, decode).await
}

/// One page of outcomes; of one job where it is named.
///
/// # Errors
/// What the statements answer.
pub async fn outcomes(
    tx: &mut Tx,
    query: &list::Query,
    job: Option<Uuid>,
) -> Result<Page<Outcome>> {
    let query = narrowed(query, &OF_JOB, job);
    list::page(tx, &OUTCOMES, &query, decode_outcome).await
}

fn narrowed(query: &list::Query, column: &'static Column, id: Option<Uuid>) -> list::Query {
    let mut query = query.clone();
    query.conditions.extend(id.map(|id| Condition::Compare {
        column,
        operator: Operator::Equal,
        values: vec![id.into()],
    }));
    query
}

/// Adds outcomes, set at a time.
///
/// # Errors
/// What the statements answer.
pub async fn insert_outcomes(tx: &mut Tx, outcomes: &[Outcome]) -> Result<()> {
    let organisation = tx.organisation().0;
    let row = |outcome: &Outcome| -> Values {
        let Outcome {
            id,
            job_id,
            job_type,
            status,
            resource,
            resource_id,
            code,
            message,
            created_at,
        } = outcome.clone();
        vec![
            ("organisation_id", organisation.into()),
            ("id", id.into()),
            ("job_id", job_id.into()),
            ("job_type", job_type.into()),
            ("status", status.as_str().into()),
            ("resource", resource.into()),
            ("resource_id", resource_id.into()),
            ("code", code.into()),
            ("message", message.into()),
            ("created_at", created_at.into()),
        ]
    };
    let rows = outcomes.iter().map(row).collect();
    record::insert_all_plain(tx, OUTCOME, rows).await
}

fn decode(row: &Row) -> Result<Job> {
    let word: String = row.get("status")?;
    Ok(Job {
        id: row.get("id")?,
        parent_id: row.optional("parent_id")?,
        name: row.get("name")?,
        description: row.optional("description")?,
        job_type: row.get("job_type")?,
        resource: row.get("resource")?,
        status: Status::parse(&word).ok_or_else(|| unknown_word(&word))?,
        progress: Progress {
            total: row.optional("total")?,
            succeeded: row.get("succeeded")?,
            failed: row.get("failed")?,
        },
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        finished_at: row.optional("finished_at")?,
    })
}

fn decode_outcome(row: &Row) -> Result<Outcome> {
    let word: String = row.get("status")?;
    Ok(Outcome {
        id: row.get("id")?,
        job_id: row.get("job_id")?,
        job_type: row.get("job_type")?,
        status: OutcomeStatus::parse(&word).ok_or_else(|| unknown_word(&word))?,
        resource: row.get("resource")?,
        resource_id: row.optional("resource_id")?,
        code: row.optional("code")?,
        message: row.optional("message")?,
        created_at: row.get("created_at")?,
    })
}

fn unknown_word(word: &str) -> Error {
    corrupt("status", format!("`{word}` is no status"))
}
