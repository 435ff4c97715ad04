//! Jobs: work that takes longer than a request. Owns their states and what is counted of them; the work itself is its
//! owner's.

use jiff::Timestamp;
use uuid::Uuid;

/// Work that takes longer than a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// The job that it is a part of.
    pub parent_id: Option<Uuid>,
    /// What people call it.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Kind of work: `billing_run`, `generate_invoices`…
    pub job_type: String,
    /// What it is about: `invoice`, `contract`…
    pub resource: String,
    /// How far it is.
    pub status: Status,
    /// What is counted.
    pub progress: Progress,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last heard of.
    pub updated_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
}

/// What is counted of a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Things to do, where that is known.
    pub total: Option<i64>,
    /// Things done.
    pub succeeded: i64,
    /// Things that could not be done; each has an outcome that says why.
    pub failed: i64,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
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

/// What a job came to for one thing that it was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Its id.
    pub id: Uuid,
    /// The job.
    pub job_id: Uuid,
    /// The job's kind of work.
    pub job_type: String,
    /// Whether it succeeded.
    pub status: OutcomeStatus,
    /// What it is about.
    pub resource: String,
    /// The one that it is about.
    pub resource_id: Option<Uuid>,
    /// Name of the rule that was broken.
    pub code: Option<String>,
    /// What is wrong and what to do.
    pub message: Option<String>,
    /// When.
    pub created_at: Timestamp,
}

/// Whether one thing of a job succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutcomeStatus {
    /// It did.
    Succeeded,
    /// It did not.
    Failed,
}

impl Status {
    /// All, in the order of a job's life.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Completed,
        Self::CompletedWithErrors,
        Self::Failed,
    ];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::CompletedWithErrors => "completed_with_errors",
            Self::Failed => "failed",
        }
    }

    /// The status of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

impl OutcomeStatus {
    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// The status of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        let mut all = [Self::Succeeded, Self::Failed].into_iter();
        all.find(|status| status.as_str() == word)
    }
}

impl Job {
    /// The job with more done.
    #[must_use]
    pub fn counted(mut self, succeeded: i64, failed: i64, at: Timestamp) -> Self {
        self.progress.succeeded += succeeded;
        self.progress.failed += failed;
        self.updated_at = at;
        self
    }

    /// The job at its end: what was done says how it went.
    #[must_use]
    pub fn finished(mut self, at: Timestamp) -> Self {
        self.status = match (self.progress.succeeded, self.progress.failed) {
            (_, 0) => Status::Completed,
            (0, _) => Status::Failed,
            _ => Status::CompletedWithErrors,
        };
        self.updated_at = at;
        self.finished_at = Some(at);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            id: Uuid::nil(),
            parent_id: None,
            name: "Billing run".to_owned(),
            description: None,
            job_type: "billing_run".to_owned(),
            resource: "invoice".to_owned(),
            status: Status::Running,
            progress: Progress::default(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            finished_at: None,
        }
    }

    #[test]
    fn what_was_done_says_how_a_job_ends() {
        for (succeeded, failed, expected) in [
            (0, 0, Status::Completed),
            (3, 0, Status::Completed),
            (3, 1, Status::CompletedWithErrors),
            (0, 1, Status::Failed),
        ] {
            let counted = job().counted(succeeded, failed, Timestamp::UNIX_EPOCH);
            let finished = counted.finished(Timestamp::UNIX_EPOCH);
            assert_eq!(finished.status, expected, "{succeeded}, {failed}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
        assert_eq!(Status::parse("stuck"), None);
        assert_eq!(OutcomeStatus::parse("failed"), Some(OutcomeStatus::Failed));
    }
}
