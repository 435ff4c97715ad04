//! A job and its outcomes as JSON writes them.

use florin_core::job::{Job, Outcome, OutcomeStatus, Progress, Status};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::Instant;

/// How far a job is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum JobStatus {
    /// It has not begun.
    Pending,
    /// It is being done.
    Running,
    /// All of it is done.
    Completed,
    /// It is over, and some of it could not be done.
    CompletedWithErrors,
    /// Nothing of it could be done.
    Failed,
}

/// What is counted of a job.
#[derive(Debug, Serialize, ToSchema)]
struct JobProgress {
    /// Things to do; null where that is not known.
    #[schema(example = 3)]
    total: Option<i64>,
    /// Things done.
    #[schema(example = 2)]
    succeeded: i64,
    /// Things that could not be done.
    #[schema(example = 1)]
    failed: i64,
}

/// Work that takes longer than a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobResponse {
    /// Id of the job.
    id: Uuid,
    /// The job that it is a part of.
    parent_id: Option<Uuid>,
    /// What people call it.
    #[schema(example = "Billing run of 2026-02-01")]
    name: String,
    /// A sentence about it.
    #[schema(example = "Bills everything that is due")]
    description: Option<String>,
    /// Kind of work: `billing_run`, `generate_invoices`.
    #[schema(example = "billing_run")]
    job_type: String,
    /// What it is about.
    #[schema(example = "invoice")]
    resource: String,
    /// How far it is.
    status: JobStatus,
    /// What is counted of it.
    progress: JobProgress,
    /// When it was created.
    created_at: Instant,
    /// When it was last heard of.
    updated_at: Instant,
    /// When it came to its end.
    finished_at: Option<Instant>,
}

impl From<Job> for JobResponse {
    fn from(job: Job) -> Self {
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
        } = job;
        let Progress {
            total,
            succeeded,
            failed,
        } = progress;
        Self {
            id,
            parent_id,
            name,
            description,
            job_type,
            resource,
            status: match status {
                Status::Pending => JobStatus::Pending,
                Status::Running => JobStatus::Running,
                Status::Completed => JobStatus::Completed,
                Status::CompletedWithErrors => JobStatus::CompletedWithErrors,
                Status::Failed => JobStatus::Failed,
            },
            progress: JobProgress {
                total,
                succeeded,
                failed,
            },
            created_at: Instant(created_at),
            updated_at: Instant(updated_at),
            finished_at: finished_at.map(Instant),
        }
    }
}

/// Whether one thing of a job succeeded.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum JobOutcomeStatus {
    /// It did.
    Succeeded,
    /// It did not.
    Failed,
}

/// What a job came to for one thing that it was about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OutcomeResponse {
    /// Id of the outcome.
    id: Uuid,
    /// The job.
    job_id: Uuid,
    /// The job's kind of work.
    #[schema(example = "billing_run")]
    job_type: String,
    /// Whether it succeeded.
    status: JobOutcomeStatus,
    /// What it is about.
    #[schema(example = "contract")]
    resource: String,
    /// The one that it is about.
    resource_id: Option<Uuid>,
    /// Name of the rule that was broken, as in the table of error codes.
    #[schema(example = "CONTRACT_NOT_BILLABLE")]
    code: Option<String>,
    /// What is wrong and what to do.
    #[schema(example = "attribute value `LGA` has no row")]
    message: Option<String>,
    /// When.
    created_at: Instant,
}

impl From<Outcome> for OutcomeResponse {
    fn from(outcome: Outcome) -> Self {
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
        } = outcome;
        Self {
            id,
            job_id,
            job_type,
            status: match status {
                OutcomeStatus::Succeeded => JobOutcomeStatus::Succeeded,
                OutcomeStatus::Failed => JobOutcomeStatus::Failed,
            },
            resource,
            resource_id,
            code,
            message,
            created_at: Instant(created_at),
        }
    }
}
