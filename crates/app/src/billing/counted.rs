//! Counting usage for many contracts: one question for each metric and period, however many customers there are.
//!
//! Owns which customers are asked about and for how long answers are kept. Does not own what a metric means.
//! Invariant: answers are of the events that had been accepted at [`Counter::accepted`], and maybe of later ones.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use florin_core::{
    aggregate::{Aggregate, Definition},
    billing::ChargeDue,
    calendar::Period,
    id::OrganisationId,
    pricing::Usage,
    rating::CountedUsage,
    usage::UsageCustomer,
};
use florin_store as store;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Problem, subject::Subject};
use crate::{
    App, Error, Result,
    aggregate::{self, measure},
    usage::SqlQuery,
};

/// Quantities that are kept at a time. More are asked for again.
const QUANTITIES_MAX: usize = 2_000_000;

/// A metric and a period.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Question {
    aggregate: Uuid,
    start: Timestamp,
    end: Timestamp,
}

/// What charges need to know: questions with the customers that they are about.
#[derive(Debug, Default)]
pub(super) struct Needed(BTreeMap<Question, BTreeSet<Uuid>>);

impl Needed {
    /// What these charges of contracts need to know.
    pub(super) fn of<'c>(charges: impl Iterator<Item = (&'c Subject, &'c ChargeDue)>) -> Self {
        let mut needed = Self::default();
        for (subject, charge) in charges {
            let facts = subject.lines.get(&charge.line);
            let Some(aggregate) = facts.and_then(|line| line.aggregate) else {
                continue;
            };
            for window in &charge.usage_windows {
                if let Some(question) = question(subject, aggregate, *window) {
                    let customers = needed.0.entry(question).or_default();
                    customers.insert(subject.customer.id);
                }
            }
        }
        needed
    }
}

/// What a question came to: quantities by customer, or why there are none.
#[derive(Debug)]
struct Answer {
    /// Whether it is about every customer.
    is_of_all: bool,
    usage: Result<HashMap<Uuid, Usage>, (&'static str, String)>,
}

/// Asks metrics, and keeps what they answered.
pub(super) struct Counter {
    app: App,
    organisation: OrganisationId,
    /// Whether so many contracts are billed that each question is about every customer.
    asks_for_all: bool,
    everyone: Option<Arc<Vec<UsageCustomer>>>,
    aggregates: HashMap<Uuid, Option<(Aggregate, bool)>>,
    answers: HashMap<Question, Answer>,
    accepted: Option<u64>,
}

impl Counter {
    /// One that has not asked yet.
    pub(super) fn new(app: &App, organisation: OrganisationId, asks_for_all: bool) -> Self {
        Self {
            app: app.clone(),
            organisation,
            asks_for_all,
            everyone: None,
            aggregates: HashMap::new(),
            answers: HashMap::new(),
            accepted: None,
        }
    }

    /// How many events had been accepted before the first question.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(super) async fn accepted(&mut self) -> Result<u64> {
        if let Some(accepted) = self.accepted {
            return Ok(accepted);
        }
        let accepted = self.app.usage.accepted(self.organisation).await?;
        self.accepted = Some(accepted);
        Ok(accepted)
    }

    /// Asks everything that is needed and not known yet.
    ///
    /// # Errors
    /// [`Error::Store`]. Where the engine refuses, the contracts that need its answer fail, not the run.
    pub(super) async fn count(&mut self, needed: Needed) -> Result<()> {
        self.forget();
        for (question, customers) in needed.0 {
            self.ask(question, &customers).await?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        let quantities = self.answers.values().map(|answer| match &answer.usage {
            Ok(usage) => usage.len(),
            Err(_) => 1,
        });
        if quantities.sum::<usize>() > QUANTITIES_MAX {
            self.answers.clear();
        }
    }

    async fn ask(&mut self, question: Question, customers: &BTreeSet<Uuid>) -> Result<()> {
        if let Some(known) = self.answers.get(&question) {
            let has = |usage: &HashMap<Uuid, Usage>| {
                customers
                    .iter()
                    .all(|customer| usage.contains_key(customer))
            };
            if known.is_of_all || known.usage.as_ref().is_ok_and(has) {
                return Ok(());
            }
        }
        self.accepted().await.or_else(unless_refused)?;
        let (is_of_all, usage) = match self.measured(&question, customers).await {
            Ok((is_of_all, usage)) => (is_of_all, Ok(usage)),
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => (false, Err((code_of(&error), error.to_string()))),
        };
        let usage = match (self.answers.remove(&question), usage) {
            // Customers of an earlier chunk.
            (
                Some(Answer {
                    usage: Ok(mut known),
                    ..
                }),
                Ok(usage),
            ) => {
                known.extend(usage);
                Ok(known)
            }
            (_, usage) => usage,
        };
        self.answers.insert(question, Answer { is_of_all, usage });
        Ok(())
    }

    async fn measured(
        &mut self,
        question: &Question,
        customers: &BTreeSet<Uuid>,
    ) -> Result<(bool, HashMap<Uuid, Usage>)> {
        let (aggregate, is_set_at_a_time) = self.aggregate(question.aggregate).await?;
        let is_of_all = self.asks_for_all && is_set_at_a_time;
        let asked_about = match is_of_all {
            true => self.everyone().await?,
            false => self.these(customers).await?,
        };
        let period: Range<Timestamp> = question.start..question.end;
        let (app, organisation) = (&self.app, self.organisation);
        let usage = measure(app, organisation, &aggregate, &period, &asked_about).await?;
        let by_customer = usage.into_iter().map(|one| (one.customer, one.usage));
        Ok((is_of_all, by_customer.collect()))
    }

    /// The metric, and whether one query of it answers for all customers.
    async fn aggregate(&mut self, id: Uuid) -> Result<(Aggregate, bool)> {
        const MISSING: Error = Error::NotFound {
            resource: "billable metric",
        };
        if !self.aggregates.contains_key(&id) {
            let mut tx = self.app.db.read(self.organisation).await?;
            let found = store::aggregate::of_ids(&mut tx, &[id]).await?.pop();
            drop(tx);
            let known = match found {
                Some(aggregate) => {
                    let is_set_at_a_time = self.is_set_at_a_time(&aggregate).await?;
                    Some((aggregate, is_set_at_a_time))
                }
                None => None,
            };
            self.aggregates.insert(id, known);
        }
        self.aggregates.get(&id).cloned().flatten().ok_or(MISSING)
    }

    async fn is_set_at_a_time(&self, aggregate: &Aggregate) -> Result<bool> {
        if !self.asks_for_all {
            return Ok(false);
        }
        let Ok(Definition::Sql(template)) = aggregate.content.definition() else {
            return Ok(true);
        };
        let streams = aggregate::streams(&self.app, self.organisation).await?;
        let query = SqlQuery {
            template,
            organisation: self.organisation,
            streams: &streams,
        };
        Ok(self.app.usage.check_sql(query).await?.is_set_at_a_time)
    }

    async fn everyone(&mut self) -> Result<Arc<Vec<UsageCustomer>>> {
        if let Some(everyone) = &self.everyone {
            return Ok(everyone.clone());
        }
        let mut tx = self.app.db.read(self.organisation).await?;
        let everyone = Arc::new(store::usage_customer::load(&mut tx, None).await?);
        self.everyone = Some(everyone.clone());
        Ok(everyone)
    }

    async fn these(&self, customers: &BTreeSet<Uuid>) -> Result<Arc<Vec<UsageCustomer>>> {
        let ids: Vec<Uuid> = customers.iter().copied().collect();
        let mut tx = self.app.db.read(self.organisation).await?;
        let found = store::usage_customer::of_ids(&mut tx, &ids).await?;
        Ok(Arc::new(found))
    }

    /// What was counted for a charge, window by window.
    ///
    /// # Errors
    /// [`Problem`] where the engine refused.
    pub(super) fn counted(
        &self,
        subject: &Subject,
        charge: &ChargeDue,
    ) -> Result<Vec<CountedUsage>, Problem> {
        let facts = subject.lines.get(&charge.line);
        let aggregate = facts.and_then(|line| line.aggregate);
        let windows = charge.usage_windows.iter();
        windows
            .map(|window| {
                let usage = self.usage(subject, aggregate, *window)?;
                let window = *window;
                Ok(CountedUsage { window, usage })
            })
            .collect()
    }

    fn usage(
        &self,
        subject: &Subject,
        aggregate: Option<Uuid>,
        window: Period,
    ) -> Result<Usage, Problem> {
        let question = aggregate.and_then(|id| question(subject, id, window));
        let answer = question.and_then(|question| self.answers.get(&question));
        let Some(answer) = answer else {
            return Err(subject.problem("its usage was not counted"));
        };
        match &answer.usage {
            Ok(usage) => {
                let own = usage.get(&subject.customer.id).cloned();
                Ok(own.unwrap_or(Usage::Quantity(0.into())))
            }
            Err((code, message)) => Err(Problem {
                code,
                ..subject.problem(message)
            }),
        }
    }
}

fn question(subject: &Subject, aggregate: Uuid, window: Period) -> Option<Question> {
    let (start, end) = window.instants(subject.contract.zone()).ok()?;
    Some(Question {
        aggregate,
        start,
        end,
    })
}

/// An engine that does not answer is each contract's problem.
fn unless_refused(error: Error) -> Result<u64> {
    match error {
        Error::Usage(_) => Ok(0),
        error => Err(error),
    }
}

/// The code under which the API answers the same refusal.
fn code_of(error: &Error) -> &'static str {
    use crate::usage::UsageError;
    match error {
        Error::Usage(UsageError::Query { .. }) => "METRIC_QUERY_REFUSED",
        Error::Usage(UsageError::Limit { .. }) => "METRIC_LIMIT_EXCEEDED",
        Error::Usage(UsageError::Overflow { .. }) => "METRIC_OVERFLOW",
        Error::Usage(_) => "USAGE_UNAVAILABLE",
        _ => super::NOT_BILLABLE,
    }
}

/// A digest of what was counted, by which usage that came later is noticed; none where nothing is counted.
pub(super) fn digest(counted: &[CountedUsage]) -> Option<i64> {
    if counted.is_empty() {
        return None;
    }
    let mut sha = Sha256::new();
    for CountedUsage { window, usage } in counted {
        sha.update(window.to_string());
        match usage {
            Usage::Quantity(quantity) => sha.update(quantity.normalize().to_string()),
            Usage::Rows(rows) => {
                for row in rows.rows() {
                    sha.update(row.dimensions.join("\u{1f}"));
                    sha.update(["\u{1e}", &row.quantity.normalize().to_string()].concat());
                }
            }
        }
        sha.update([0]);
    }
    let digest = sha.finalize();
    let first = digest.first_chunk::<8>().copied().unwrap_or_default();
    Some(i64::from_be_bytes(first))
}
