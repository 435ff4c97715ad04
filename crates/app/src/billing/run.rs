//! Billing runs: everything that is due, for all contracts of an organisation.
//!
//! Owns the chunks, their overlap (one is written while the next is rated) and the job that counts them. A contract
//! that cannot be billed is an outcome of the job; the others are billed.

use std::collections::{BTreeMap, HashSet};

use florin_core::{
    id::OrganisationId,
    job::{Job, Outcome, OutcomeStatus, Progress, Status},
};
use florin_store::{self as store, Actor, Tx};
use jiff::{SignedDuration, Timestamp, civil::Date};
use uuid::Uuid;

use super::{
    Problem,
    counted::Counter,
    late_usage,
    make::Made,
    plan::Ask,
    subject::Wanted,
    work::{Setting, Task, Worked},
    write::{Written, write},
};
use crate::{App, Error, Result, contract, entitlement, organisation};

/// The kind of work of a run's job.
const JOB_TYPE: &str = "billing_run";
/// Contracts of one chunk: few enough that other writers do not wait long while it is written.
const CONTRACTS_PER_CHUNK: u64 = 1_000;
/// Whoever ran a job that was silent for so long is gone.
const SILENT_FOR: SignedDuration = SignedDuration::from_mins(10);
/// A contract that still cannot be billed for the same reason is said again after this.
const SAID_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// The job that counted it; none where there was nothing to do.
    pub job_id: Option<Uuid>,
    /// Contracts that were looked at.
    pub contracts: u64,
    /// Drafts that were made, or made anew.
    pub invoices: u64,
    /// Contracts that could not be billed.
    pub problems: Vec<Problem>,
}

/// What a server does every minute: in every organisation contracts get the status of their day and are renewed, and
/// each that wants it is billed up to now, also after a downtime.
/// Safe to run twice, and on several nodes at once. A fault of one organisation does not keep the others waiting.
///
/// # Errors
/// [`Error::Store`] where the organisations cannot be read.
pub async fn tick(app: &App) -> Result<()> {
    for organisation in store::organisation::all(&app.db).await? {
        if let Err(error) = tick_one(app, organisation.id).await {
            let organisation = organisation.id.0;
            tracing::error!(%organisation, %error, "billing failed, the next run does it");
        }
    }
    Ok(())
}

/// Contracts get the status of the day and are renewed first, so that what begins today is billed today.
async fn tick_one(app: &App, organisation: OrganisationId) -> Result<()> {
    let now = app.clock.now();
    contract::keep_up(app, organisation, now).await?;
    contract::renew_due(app, organisation, now).await?;
    let mut tx = app.db.read(organisation).await?;
    let settings = store::billing_settings::find(&mut tx).await?;
    drop(tx);
    entitlement::meter::settle_all(app, organisation).await?;
    if settings.bills_automatically {
        catch_up(app, organisation).await?;
    }
    Ok(())
}

/// Bills an organisation up to the app's time, usage that came late too.
///
/// # Errors
/// As [`run`].
pub async fn catch_up(app: &App, organisation: OrganisationId) -> Result<Run> {
    let now = app.clock.now();
    let setting = setting(app, organisation, now).await?;
    if let Err(error) = late_usage::look(&setting).await {
        let organisation = organisation.0;
        tracing::warn!(%organisation, %error, "usage was not looked through, the next run does it");
    }
    run(app, organisation, now).await
}

pub(super) async fn setting(
    app: &App,
    organisation: OrganisationId,
    at: Timestamp,
) -> Result<Setting> {
    let mut tx = app.db.read(organisation).await?;
    setting_in(app, &mut tx, at).await
}

/// The same, read in a transaction.
pub(super) async fn setting_in(app: &App, tx: &mut Tx, at: Timestamp) -> Result<Setting> {
    let zone = organisation::zone(tx).await?;
    Ok(Setting {
        app: app.clone(),
        organisation: tx.organisation(),
        at,
        today: zone.to_datetime(at).date(),
    })
}

/// Bills everything that is due at an instant. Any repeat finds nothing; a run that died is gone on with.
///
/// # Errors
/// [`Error::Store`]. What is wrong with a contract is in the answer.
pub async fn run(app: &App, organisation: OrganisationId, at: Timestamp) -> Result<Run> {
    let setting = setting(app, organisation, at).await?;
    let mut reader = Reader::new(&setting);
    let mut writer = Writer::new(&setting);
    let mut next = reader.next_chunk().await?;
    while let Some(chunk) = next.take() {
        let (written, following) = tokio::join!(writer.write(chunk, false), reader.next_chunk());
        written?;
        next = following?;
    }
    for group in reader.groups() {
        let chunk = reader.work(&group).await?;
        writer.write(chunk, true).await?;
    }
    // Whatever did not fit its chunk is tried alone, so that one contract does not hold up the others.
    for wanted in std::mem::take(&mut writer.again) {
        let chunk = reader.work(&[wanted]).await?;
        writer.write_alone(chunk).await?;
    }
    writer.finish().await
}

/// A chunk that is to be written.
struct Chunk {
    wanted: Vec<Wanted>,
    worked: Worked,
}

/// Reads and rates chunk after chunk.
struct Reader<'s> {
    setting: &'s Setting,
    after: Option<(Date, Uuid)>,
    is_over: bool,
    counter: Option<Counter>,
    /// Contracts whose bills go on one invoice with others, by who pays.
    together: BTreeMap<Uuid, Vec<Wanted>>,
}

impl<'s> Reader<'s> {
    fn new(setting: &'s Setting) -> Self {
        Self {
            setting,
            after: None,
            is_over: false,
            counter: None,
            together: BTreeMap::new(),
        }
    }

    /// The next contracts that are due, rated; none at the end.
    async fn next_chunk(&mut self) -> Result<Option<Chunk>> {
        if self.is_over {
            return Ok(None);
        }
        let mut tx = self.setting.app.db.read(self.setting.organisation).await?;
        let (on, limit) = (self.setting.today, CONTRACTS_PER_CHUNK);
        let due = store::contract::to_bill(&mut tx, on, self.after, limit).await?;
        drop(tx);
        self.is_over = (due.len() as u64) < limit;
        let Some((id, day)) = due.last() else {
            return Ok(None);
        };
        self.after = Some((*day, *id));
        if self.counter.is_none() {
            let asks_for_all = !self.is_over;
            self.counter = Some(Counter::new(
                &self.setting.app,
                self.setting.organisation,
                asks_for_all,
            ));
        }
        let wanted = due.into_iter().map(|(id, day)| Wanted {
            id,
            next_bill_day: Some(day),
            is_whole: false,
        });
        let wanted: Vec<Wanted> = wanted.collect();
        self.rated(wanted, false).await.map(Some)
    }

    /// Contracts whose bills go together, by who pays.
    fn groups(&mut self) -> Vec<Vec<Wanted>> {
        std::mem::take(&mut self.together).into_values().collect()
    }

    /// These contracts, rated.
    async fn work(&mut self, wanted: &[Wanted]) -> Result<Chunk> {
        self.rated(wanted.to_vec(), true).await
    }

    async fn rated(&mut self, wanted: Vec<Wanted>, takes_all: bool) -> Result<Chunk> {
        let setting = self.setting;
        let subjects = setting.subjects(&wanted).await?;
        let mut wanted = wanted;
        let mut tasks = Vec::with_capacity(subjects.len());
        for subject in subjects {
            if subject.consolidates && !takes_all {
                let id = subject.contract.id();
                let place = wanted.iter().position(|one| one.id == id);
                let one = place.map(|place| wanted.swap_remove(place));
                self.together.entry(subject.payer).or_default().extend(one);
                continue;
            }
            let ask = Ask::Due(subject.contract.day_of(setting.at).min(setting.today));
            tasks.push(Task { subject, ask });
        }
        let (planned, problems) = setting.plan(tasks).await?;
        let counter = self.counter.take();
        let counter =
            counter.unwrap_or_else(|| Counter::new(&setting.app, setting.organisation, false));
        let (mut worked, counter) = setting.make(planned, counter).await?;
        self.counter = Some(counter);
        worked.problems.extend(problems);
        Ok(Chunk { wanted, worked })
    }
}

/// Writes chunks, and counts them in a job.
struct Writer<'s> {
    setting: &'s Setting,
    job: Option<Job>,
    known: Option<HashSet<(Uuid, String)>>,
    run: Run,
    /// Contracts that are tried again, alone.
    again: Vec<Wanted>,
}

impl<'s> Writer<'s> {
    fn new(setting: &'s Setting) -> Self {
        Self {
            setting,
            job: None,
            known: None,
            run: Run::default(),
            again: Vec::new(),
        }
    }

    async fn begin(&self) -> Result<Tx> {
        let (app, organisation) = (&self.setting.app, self.setting.organisation);
        app.begin(organisation, Actor::System, "").await
    }

    /// Writes a chunk. What another run has overtaken is left to it; where the database refuses the chunk, its
    /// contracts are tried again one by one.
    async fn write(&mut self, chunk: Chunk, is_together: bool) -> Result<()> {
        let Chunk { wanted, worked } = chunk;
        match self.written(worked, is_together).await {
            Ok(short) => {
                let again = wanted.into_iter().filter(|one| short.contains(&one.id));
                self.again.extend(again);
                Ok(())
            }
            Err(error) if is_of_chunk(&error) => {
                self.again.extend(wanted);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Writes one contract; what the database refuses is the contract's problem.
    async fn write_alone(&mut self, chunk: Chunk) -> Result<()> {
        let wanted = chunk.wanted.clone();
        match self.written(chunk.worked, false).await {
            Err(error) if is_of_chunk(&error) => {
                let problems = wanted
                    .iter()
                    .map(|one| Problem::of_contract(one.id, &error));
                let worked = Worked {
                    made: Vec::new(),
                    problems: problems.collect(),
                };
                self.written(worked, false).await.map(drop)
            }
            written => written.map(drop),
        }
    }

    /// Answers the contracts for which another bill has drawn what they counted on.
    async fn written(&mut self, worked: Worked, is_together: bool) -> Result<Vec<Uuid>> {
        let Worked { made, problems } = worked;
        let made: Vec<Made> = made;
        let problems = self.unknown(problems).await?;
        if made.is_empty() && problems.is_empty() {
            return Ok(Vec::new());
        }
        let ids = self.setting.app.ids.clone();
        let mut tx = self.begin().await?;
        let written = write(&mut tx, &*ids, made, is_together).await?;
        let job = self.noted(&mut tx, &written, &problems).await?;
        tx.commit().await?;
        self.job = job;
        self.run.contracts += written.contracts;
        self.run.invoices += written.invoices.len() as u64;
        self.run.problems.extend(problems);
        Ok(written.short)
    }

    /// Problems that no run has told of lately.
    async fn unknown(&mut self, mut problems: Vec<Problem>) -> Result<Vec<Problem>> {
        if problems.is_empty() {
            return Ok(problems);
        }
        if self.known.is_none() {
            let since = self.setting.app.clock.now() - SAID_AGAIN_AFTER;
            let mut tx = self.setting.app.db.read(self.setting.organisation).await?;
            self.known = Some(store::job::failed_since(&mut tx, JOB_TYPE, since).await?);
        }
        let known = self.known.get_or_insert_default();
        problems.retain(|problem| known.insert((problem.contract_id, problem.message.clone())));
        Ok(problems)
    }

    /// Counts a chunk in the run's job, which begins with the first that has something to tell.
    async fn noted(
        &self,
        tx: &mut Tx,
        written: &Written,
        problems: &[Problem],
    ) -> Result<Option<Job>> {
        let is_nothing = written.invoices.is_empty() && problems.is_empty();
        if is_nothing && self.job.is_none() {
            return Ok(None);
        }
        let at = tx.at()?;
        let job = match &self.job {
            Some(job) => job.clone(),
            None => self.started(tx).await?,
        };
        let (done, failed) = (written.contracts, problems.len() as u64);
        let job = job.counted(
            i64::try_from(done).unwrap_or(i64::MAX),
            i64::try_from(failed).unwrap_or(i64::MAX),
            at,
        );
        store::job::save(tx, &job).await?;
        let outcomes: Vec<Outcome> = problems
            .iter()
            .map(|problem| self.outcome(&job, problem, at))
            .collect();
        store::job::insert_outcomes(tx, &outcomes).await?;
        Ok(Some(job))
    }

    fn outcome(&self, job: &Job, problem: &Problem, at: Timestamp) -> Outcome {
        Outcome {
            id: self.setting.app.ids.next(),
            job_id: job.id,
            job_type: job.job_type.clone(),
            status: OutcomeStatus::Failed,
            resource: "contract".to_owned(),
            resource_id: Some(problem.contract_id),
            code: Some(problem.code.to_owned()),
            message: Some(problem.message.clone()),
            created_at: at,
        }
    }

    /// The job of a run that died, or a new one.
    async fn started(&self, tx: &mut Tx) -> Result<Job> {
        let at = tx.at()?;
        if let Some(job) = store::job::abandoned(tx, JOB_TYPE, at - SILENT_FOR).await? {
            return Ok(job);
        }
        let total = store::contract::count_to_bill(tx, self.setting.today).await?;
        let job = Job {
            id: self.setting.app.ids.next(),
            parent_id: None,
            name: format!("Billing run of {}", self.setting.today),
            description: Some("Bills everything that is due".to_owned()),
            job_type: JOB_TYPE.to_owned(),
            resource: "invoice".to_owned(),
            status: Status::Running,
            progress: Progress {
                // The first chunk is written, and moved on, in this transaction.
                total: Some(total),
                succeeded: 0,
                failed: 0,
            },
            created_at: at,
            updated_at: at,
            finished_at: None,
        };
        store::job::insert(tx, &job).await?;
        Ok(job)
    }

    async fn finish(self) -> Result<Run> {
        let Self {
            ref job, ref run, ..
        } = self;
        let mut run = run.clone();
        let Some(job) = job else {
            return Ok(run);
        };
        run.job_id = Some(job.id);
        let mut tx = self.begin().await?;
        let mut job = job.clone().finished(tx.at()?);
        // Contracts that were left to another run are not this one's.
        job.progress.total = Some(job.progress.succeeded + job.progress.failed);
        store::job::save(&mut tx, &job).await?;
        tx.commit().await?;
        Ok(run)
    }
}

/// Whether the database, or a rule, refused what was written of a chunk: then each contract is tried alone.
fn is_of_chunk(error: &Error) -> bool {
    matches!(
        error,
        Error::Refused { .. } | Error::Store(store::Error::Conflict { .. } | store::Error::Busy)
    )
}
