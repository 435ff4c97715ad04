//! Bills that somebody asks for: one billing cycle of a contract, as its list of cycles names it (api reference §16.5).
//!
//! Owns what a request means and which of its outcomes is an error. Counting and rating come first, in no transaction;
//! [`Prepared::write`] then writes in the caller's.

use florin_core::{
    billing::GenerationRequest,
    calendar::Period,
    contract::{Contract, End, Start},
    id::OrganisationId,
    invoice::{Draft, Freshness, Header, Part, Source},
    job::{Job, Outcome as JobOutcome, OutcomeStatus, Progress, Status},
    money::Money,
    rating,
};
use florin_store::{self as store, Tx};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{
    ALREADY_GENERATED, NOT_BILLABLE,
    counted::Counter,
    make::Made,
    plan::{Anew, Ask, Nothing},
    refresh::Asker,
    run::setting,
    subject::Wanted,
    work::{Planned, Setting, Task},
    write::write,
};
use crate::{App, Error, FieldError, Result};

/// A moment as clients write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Seconds since 1970-01-01T00:00:00Z.
    Seconds(i64),
    /// An ISO 8601 date or date-time; without zone it is in the contract's.
    Text(String),
}

/// Which bill is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who bought; checked where it is told.
    pub customer_id: Option<Uuid>,
    /// The contract.
    pub contract_id: Uuid,
    /// First moment of the service.
    pub from: Moment,
    /// End of the service.
    pub to: Moment,
    /// The day of one of the contract's billing cycles. Without it nothing is due: an invoice of nothing.
    pub bill_for_date: Option<Moment>,
    /// The day of the month on which the whole cycle starts; any unless told.
    pub billing_cycle_start_day: Option<i8>,
    /// Whether a cycle that is on approved invoices is an error; without the check it gives no invoice.
    pub check_duplicate_invoice: bool,
}

/// A bill that is to be written.
pub struct Prepared(Outcome);

enum Outcome {
    /// No cycle, or one that is on approved invoices and was not to be checked.
    Nothing,
    /// An invoice without lines.
    Empty(Box<Draft>),
    /// A bill, or drafts that have it made anew.
    Made(Box<Made>),
}

/// Finds out what a request asks for, counts and rates it. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`] for the contract, [`Error::Invalid`] for dates that are none, [`Error::Refused`] where the
/// cycle is billed already or the contract cannot be billed.
pub async fn prepare(
    app: &App,
    organisation: OrganisationId,
    request: &Request,
) -> Result<Prepared> {
    let app = &crate::test_clock::app_of_contract(app, organisation, request.contract_id).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let wanted = wanted(&setting, request.contract_id).await?;
    let subject = setting.subjects(&[wanted]).await?.pop().ok_or(MISSING)?;
    let contract = &subject.contract;
    let bought = contract.header().customer_id;
    if request
        .customer_id
        .is_some_and(|customer| customer != bought)
    {
        let message = "the contract is not with this customer";
        return Err(Error::field("customer_id", "value_error.mismatch", message));
    }
    if !contract.status().is_billed() {
        let message = format!(
            "the contract is {}: nothing of it is billed",
            contract.status()
        );
        return Err(Error::refused(NOT_BILLABLE, message));
    }
    let window = window(contract, request)?;
    let Some(moment) = &request.bill_for_date else {
        let draft = empty(
            app,
            contract,
            (subject.payer, subject.business_entity_id),
            window,
        )?;
        return Ok(Prepared(Outcome::Empty(Box::new(draft))));
    };
    let ask = Ask::Cycle(GenerationRequest {
        window,
        bill_for_date: start_day(contract, "bill_for_date", moment)?,
        billing_cycle_start_day: request.billing_cycle_start_day,
    });
    let planned = one_planned(&setting, Task { subject, ask }).await?;
    match planned.plan.nothing.clone() {
        None => made(&setting, planned).await,
        Some(Nothing::NoSuchCycle) => Ok(Prepared(Outcome::Nothing)),
        Some(Nothing::AlreadyBilled) if request.check_duplicate_invoice => Err(Error::refused(
            ALREADY_GENERATED,
            "all of this billing cycle is on approved invoices",
        )),
        Some(Nothing::AlreadyBilled) => Ok(Prepared(Outcome::Nothing)),
        Some(Nothing::InDrafts(parts)) => {
            let Planned { subject, .. } = planned;
            let settling = Vec::new();
            let ask = Ask::Parts(Anew { parts, settling });
            let planned = one_planned(&setting, Task { subject, ask }).await?;
            made(&setting, planned).await
        }
    }
}

/// Everything that is due of a contract by now, with what differs from the bills that there are. Nothing is written.
///
/// # Errors
/// [`Error::NotFound`] for the contract, [`Error::Refused`] where it cannot be billed.
pub async fn prepare_due(
    app: &App,
    organisation: OrganisationId,
    contract_id: Uuid,
) -> Result<Prepared> {
    prepare_now(app, organisation, (contract_id, false)).await
}

/// The same of a contract that comes into force when this is paid: a draft is billed as if it were in force.
///
/// # Errors
/// As [`prepare_due`].
pub(crate) async fn prepare_first(
    app: &App,
    organisation: OrganisationId,
    contract_id: Uuid,
) -> Result<Prepared> {
    prepare_now(app, organisation, (contract_id, true)).await
}

async fn prepare_now(
    app: &App,
    organisation: OrganisationId,
    (contract_id, bills_draft): (Uuid, bool),
) -> Result<Prepared> {
    let app = &crate::test_clock::app_of_contract(app, organisation, contract_id).await?;
    let setting = setting(app, organisation, app.clock.now()).await?;
    let wanted = wanted(&setting, contract_id).await?;
    let mut subject = setting.subjects(&[wanted]).await?.pop().ok_or(MISSING)?;
    let today = subject.contract.day_of(setting.at).min(setting.today);
    if bills_draft {
        subject.contract = subject.contract.in_force_on(today);
    }
    let ask = Ask::Now(today);
    let planned = one_planned(&setting, Task { subject, ask }).await?;
    made(&setting, planned).await
}

impl Prepared {
    /// Writes the bill; answers the ids of its invoices.
    ///
    /// # Errors
    /// [`store::Error::Busy`] where the contract was changed or billed since it was read: ask again.
    pub async fn write(self, app: &App, tx: &mut Tx) -> Result<Vec<Uuid>> {
        match self.0 {
            Outcome::Nothing => Ok(Vec::new()),
            Outcome::Empty(draft) => {
                store::invoice::insert_drafts(tx, std::slice::from_ref(&*draft)).await?;
                Ok(vec![draft.id()])
            }
            Outcome::Made(made) => {
                let written = write(tx, &*app.ids, vec![*made], false).await?;
                match written.overtaken.is_empty() {
                    true => Ok(written.invoices),
                    false => Err(Error::Store(store::Error::Busy)),
                }
            }
        }
    }
}

const MISSING: Error = Error::NotFound {
    resource: "contract",
};

/// All of the contract, as its row stands.
pub(super) async fn wanted(setting: &Setting, contract_id: Uuid) -> Result<Wanted> {
    let mut tx = setting.app.db.read(setting.organisation).await?;
    wanted_in(&mut tx, contract_id).await
}

/// The same, read in a transaction.
pub(super) async fn wanted_in(tx: &mut Tx, contract_id: Uuid) -> Result<Wanted> {
    let mark = store::contract::marks(tx, &[contract_id]).await?.pop();
    let mark = mark.ok_or(MISSING)?;
    Ok(Wanted {
        id: contract_id,
        next_bill_day: mark.next_bill_day,
        is_whole: true,
    })
}

async fn one_planned(setting: &Setting, task: Task) -> Result<Planned> {
    let (planned, problems) = setting.plan(vec![task]).await?;
    if let Some(problem) = problems.into_iter().next() {
        return Err(problem.into());
    }
    planned.into_iter().next().ok_or(MISSING)
}

async fn made(setting: &Setting, planned: Planned) -> Result<Prepared> {
    let counter = Counter::new(&setting.app, setting.organisation, false);
    let (worked, _) = setting.make(vec![planned], counter).await?;
    if let Some(problem) = worked.problems.into_iter().next() {
        return Err(problem.into());
    }
    let made = worked.made.into_iter().next();
    let outcome = made.map_or(Outcome::Nothing, |made| Outcome::Made(Box::new(made)));
    Ok(Prepared(outcome))
}

/// The service days that are asked for.
fn window(contract: &Contract, request: &Request) -> Result<Period> {
    let from = start_day(contract, "from_date", &request.from);
    let to = end_day(contract, &request.to);
    let (from, to) = Error::both(from, to)?;
    Period::new(from, to).map_err(|_| {
        let message = "send a moment after from_date";
        Error::field("to_date", "value_error.date.range", message)
    })
}

fn start_day(contract: &Contract, field: &str, moment: &Moment) -> Result<Date> {
    let start = match moment {
        Moment::Seconds(seconds) => Start::at(instant(field, *seconds)?, contract.zone()),
        Moment::Text(text) => Start::read(text, contract.zone()),
    };
    start
        .map(Start::day)
        .map_err(|error| not_a_date(field, error))
}

fn end_day(contract: &Contract, moment: &Moment) -> Result<Date> {
    let field = "to_date";
    let end = match moment {
        Moment::Seconds(seconds) => End::at(instant(field, *seconds)?, contract.zone()),
        Moment::Text(text) => End::read(text, contract.zone()),
    };
    end.map(End::day).map_err(|error| not_a_date(field, error))
}

fn instant(field: &str, seconds: i64) -> Result<Timestamp> {
    Timestamp::from_second(seconds).map_err(|error| not_a_date(field, error))
}

fn not_a_date(field: &str, cause: impl ToString) -> Error {
    Error::Invalid(vec![FieldError {
        path: vec![field.to_owned()],
        message: format!(
            "send seconds since 1970 or an ISO 8601 date or date-time: {}",
            cause.to_string()
        ),
        kind: "value_error.datetime",
    }])
}

/// An invoice of nothing, as the reference has it where no cycle is named.
fn empty(
    app: &App,
    contract: &Contract,
    (payer, business_entity_id): (Uuid, Option<Uuid>),
    window: Period,
) -> Result<Draft> {
    let currency = contract.header().currency;
    let zero = Money::zero(currency);
    let phase = contract.phase_on(window.start());
    let phase = phase.or_else(|| contract.phases().first());
    let refused = |cause: &dyn ToString| Error::refused(NOT_BILLABLE, cause.to_string());
    let phase = phase.ok_or_else(|| refused(&"the contract has no phase"))?;
    let part = Part {
        id: app.ids.next(),
        source: Source::Contract {
            contract_id: contract.id(),
            version: contract.version(),
            phase_id: phase.id,
        },
        customer_id: contract.header().customer_id,
        rated: rating::Draft {
            bill_for_date: window.end(),
            lines: Vec::new(),
            features: Vec::new(),
            taxes: Vec::new(),
            net: zero,
            tax: zero,
            total: zero,
            credit: zero,
        },
        adjustments: Vec::new(),
        labels: Vec::new(),
        carried_in: florin_core::carried::Carried::default(),
        carried_out: florin_core::carried::Carried::default(),
    };
    let mut header = Header::new(payer, currency, window.end());
    header.contract_id = Some(contract.id());
    header.business_entity_id = business_entity_id;
    header.period = Some(window);
    let draft = Draft::new(app.ids.next(), header, vec![part], Freshness::default());
    draft.map_err(|refusal| refused(&refusal))
}

/// The kind of work of a job that bills a cycle of several contracts.
const JOB_TYPE: &str = "generate_invoices";
/// Contracts of one such job at most: it is done while its request waits.
pub const CONTRACTS_MAX: usize = 1_000;

/// Bills one cycle of several contracts, each in a transaction of its own; the job says what became of each.
///
/// # Errors
/// [`Error::Store`]. What is wrong with a contract is an outcome of the job.
pub async fn generate_all(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    requests: &[Request],
) -> Result<Job> {
    let mut tx = asker.begin(app, organisation).await?;
    let at = tx.at()?;
    let mut job = Job {
        id: app.ids.next(),
        parent_id: None,
        name: format!("Invoices of {} contracts", requests.len()),
        description: Some("Bills one cycle of several contracts".to_owned()),
        job_type: JOB_TYPE.to_owned(),
        resource: "invoice".to_owned(),
        status: Status::Running,
        progress: Progress {
            total: i64::try_from(requests.len()).ok(),
            succeeded: 0,
            failed: 0,
        },
        created_at: at,
        updated_at: at,
        finished_at: None,
    };
    store::job::insert(&mut tx, &job).await?;
    tx.commit().await?;
    for request in requests {
        let prepared = prepare(app, organisation, request).await;
        let mut tx = asker.begin(app, organisation).await?;
        let at = tx.at()?;
        let written = match prepared {
            Ok(prepared) => prepared.write(app, &mut tx).await,
            Err(error) => Err(error),
        };
        let outcomes = outcomes(app, &job, request.contract_id, (&written, at));
        let is_done = written.is_ok();
        if let Err(error) = written {
            // Whatever was written of the contract goes with its transaction.
            drop(tx);
            tx = asker.begin(app, organisation).await?;
            if !is_of_contract(&error) {
                return Err(error);
            }
        }
        job = job.counted(i64::from(is_done), i64::from(!is_done), at);
        store::job::insert_outcomes(&mut tx, &outcomes).await?;
        store::job::save(&mut tx, &job).await?;
        tx.commit().await?;
    }
    let mut tx = asker.begin(app, organisation).await?;
    let job = job.finished(tx.at()?);
    store::job::save(&mut tx, &job).await?;
    tx.commit().await?;
    Ok(job)
}

/// Whether something is wrong with the contract that was asked for, not with the database.
fn is_of_contract(error: &Error) -> bool {
    !matches!(error, Error::Store(_)) || matches!(error, Error::Store(store::Error::Busy))
}

fn outcomes(
    app: &App,
    job: &Job,
    contract_id: Uuid,
    (written, at): (&Result<Vec<Uuid>>, Timestamp),
) -> Vec<JobOutcome> {
    let outcome = |status, resource: &str, resource_id| JobOutcome {
        id: app.ids.next(),
        job_id: job.id,
        job_type: JOB_TYPE.to_owned(),
        status,
        resource: resource.to_owned(),
        resource_id: Some(resource_id),
        code: None,
        message: None,
        created_at: at,
    };
    match written {
        Ok(invoices) => {
            let invoices = invoices.iter();
            let done = |id: &Uuid| outcome(OutcomeStatus::Succeeded, "invoice", *id);
            invoices.map(done).collect()
        }
        Err(error) => {
            let code = match error {
                Error::Refused { code, .. } => Some((*code).to_owned()),
                Error::NotFound { .. } => Some("NOT_FOUND".to_owned()),
                _ => None,
            };
            let message = match error {
                Error::Invalid(fields) => {
                    fields.iter().map(|field| field.message.clone()).collect()
                }
                error => vec![error.to_string()],
            };
            let failed = outcome(OutcomeStatus::Failed, "contract", contract_id);
            vec![JobOutcome {
                code,
                message: Some(message.join("; ")),
                ..failed
            }]
        }
    }
}
