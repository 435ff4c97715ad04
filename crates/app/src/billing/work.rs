//! One chunk of contracts, from reading to what is to be written. Owns the steps and their spreading over the cores.

use std::{
    collections::{BTreeSet, HashMap},
    num::NonZeroUsize,
    sync::Arc,
};

use florin_core::id::OrganisationId;
use florin_store::{
    self as store,
    billed_period::AdjustmentsOf,
    invoice::{CarriedBill, Invoice},
};
use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::{
    Problem,
    counted::{Counter, Needed},
    entitled::Balances,
    make::{Made, Making, ids_needed, make},
    plan::{Ask, Plan, plan},
    subject::{self, Subject, Wanted},
};
use crate::{App, Result};

/// A contract with what is asked of it.
pub(super) struct Task {
    pub(super) subject: Subject,
    pub(super) ask: Ask,
}

/// A contract with what is to be done about it.
pub(super) struct Planned {
    pub(super) subject: Subject,
    pub(super) ask: Ask,
    pub(super) plan: Plan,
}

/// What came of contracts.
#[derive(Default)]
pub(super) struct Worked {
    /// What is to be written.
    pub(super) made: Vec<Made>,
    /// Why others are not billed.
    pub(super) problems: Vec<Problem>,
}

/// Documents that are made anew or corrected, and what bills left for the next.
#[derive(Debug, Default)]
pub(super) struct Papers {
    /// Invoices by id.
    pub(super) invoices: HashMap<Uuid, Invoice>,
    /// Which adjustments correct which bills.
    pub(super) adjusted: Vec<AdjustmentsOf>,
    /// Bills of phases that carry, the earliest first.
    pub(super) carried: HashMap<Uuid, Vec<CarriedBill>>,
    /// What customers have of entitlements.
    pub(super) balances: Balances,
}

/// Where and when the work is done.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) app: App,
    pub(super) organisation: OrganisationId,
    /// The instant up to which is billed.
    pub(super) at: Timestamp,
    /// The organisation's day then.
    pub(super) today: Date,
}

impl Setting {
    /// Reads contracts with all around them.
    pub(super) async fn subjects(&self, wanted: &[Wanted]) -> Result<Vec<Subject>> {
        let mut tx = self.app.db.read(self.organisation).await?;
        subject::load(&mut tx, wanted, self.today).await
    }

    /// Decides what is to be done about contracts.
    pub(super) async fn plan(&self, tasks: Vec<Task>) -> Result<(Vec<Planned>, Vec<Problem>)> {
        let last_bills = self.last_bills(&tasks).await?;
        let today = self.today;
        let planned = on_every_core(tasks, move |task| {
            let Task { subject, ask } = task;
            let plan = plan(&subject, &ask, &last_bills, today);
            plan.map(|plan| Planned { subject, ask, plan })
        });
        Ok(separated(planned.await))
    }

    /// The days of the last bills of phases with a minimum to be settled at their end.
    async fn last_bills(&self, tasks: &[Task]) -> Result<Vec<(Uuid, Date)>> {
        let phases = tasks.iter().flat_map(|task| task.subject.contract.phases());
        let ended = phases.filter(|phase| {
            let has_features = phase.head.features.is_some();
            has_features && phase.end.is_some_and(|end| end.day() <= self.today)
        });
        let ids: Vec<Uuid> = ended.map(|phase| phase.id).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.app.db.read(self.organisation).await?;
        let bills = store::invoice::carried_of_phases(&mut tx, &ids).await?;
        let days = bills
            .into_iter()
            .map(|bill| (bill.phase_id, bill.bill_for_date));
        Ok(days.collect())
    }

    /// Reads the documents that plans make anew or correct.
    pub(super) async fn papers(&self, planned: &[Planned]) -> Result<Papers> {
        let mut papers = Papers::default();
        let mut phases: BTreeSet<Uuid> = BTreeSet::new();
        let mut invoices: BTreeSet<Uuid> = BTreeSet::new();
        let mut bills: BTreeSet<Uuid> = BTreeSet::new();
        for Planned { subject, plan, ask } in planned {
            let is_at_work = !plan.bills.is_empty() || !plan.again.is_empty();
            phases.extend(plan.carrying().filter(|_| is_at_work));
            bills.extend(plan.again.iter().map(|again| again.rebill.bill));
            let parts: BTreeSet<Uuid> = plan.freed.iter().copied().collect();
            let meant = subject.revisions.iter().filter(|billed| {
                let period = &billed.period;
                parts.contains(&period.part) || bills.contains(&period.bill)
            });
            invoices.extend(meant.map(|billed| billed.invoice_id));
            invoices.extend(ask.settling().iter().map(|settling| settling.invoice));
        }
        if phases.is_empty() && invoices.is_empty() {
            return Ok(papers);
        }
        let mut tx = self.app.db.read(self.organisation).await?;
        let phases: Vec<Uuid> = phases.into_iter().collect();
        for bill in store::invoice::carried_of_phases(&mut tx, &phases).await? {
            papers.carried.entry(bill.phase_id).or_default().push(bill);
        }
        let bills: Vec<Uuid> = bills.into_iter().collect();
        papers.adjusted = store::billed_period::adjustments_of(&mut tx, &bills).await?;
        let ids: Vec<Uuid> = invoices.into_iter().collect();
        for invoice in store::invoice::of_ids(&mut tx, &ids).await? {
            papers.invoices.insert(invoice.id(), invoice);
        }
        Ok(papers)
    }

    /// Counts and rates what was planned.
    pub(super) async fn make(
        &self,
        planned: Vec<Planned>,
        counter: Counter,
    ) -> Result<(Worked, Counter)> {
        let mut counter = counter;
        let mut papers = self.papers(&planned).await?;
        papers.balances = self.balances(&planned).await?;
        let charges = planned.iter().flat_map(|one| {
            let charges = one.plan.charges();
            charges.map(|charge| (&one.subject, charge))
        });
        let needed = Needed::of(charges);
        counter.count(needed).await?;
        let making = self.making(&mut counter, &planned).await?;
        let shared = Arc::new((papers, counter, making));
        let of_thread = shared.clone();
        let with_ids: Vec<(Planned, Vec<Uuid>)> = planned
            .into_iter()
            .map(|one| {
                // Before the work is spread, so that ids are given in the order of the contracts.
                let ids = (0..ids_needed(&one.plan)).map(|_| self.app.ids.next());
                let ids = ids.collect();
                (one, ids)
            })
            .collect();
        let made = on_every_core(with_ids, move |(one, ids)| {
            let (papers, counter, making) = &*of_thread;
            let about = (&one.subject, &one.plan);
            make(about, &one.ask, making, (papers, counter), ids)
        });
        let (made, problems) = separated(made.await);
        let counter = match Arc::try_unwrap(shared) {
            Ok((_, counter, _)) => counter,
            // Every thread has ended: nobody else holds it.
            Err(_) => Counter::new(&self.app, self.organisation, false),
        };
        Ok((Worked { made, problems }, counter))
    }

    async fn making(&self, counter: &mut Counter, planned: &[Planned]) -> Result<Making> {
        let mut tx = self.app.db.read(self.organisation).await?;
        let settings = store::billing_settings::find(&mut tx).await?;
        drop(tx);
        let mut charges = planned.iter().flat_map(|one| one.plan.charges());
        let is_counted = charges.any(|charge| !charge.usage_windows.is_empty());
        let usage_sequence = match is_counted {
            // Where the engine does not answer, the contracts that need it have said so.
            true => counter.accepted().await.unwrap_or_default(),
            false => 0,
        };
        Ok(Making {
            today: self.today,
            invoice_date: settings.invoice_date,
            usage_sequence,
        })
    }
}

fn separated<T>(outcomes: Vec<Result<T, Problem>>) -> (Vec<T>, Vec<Problem>) {
    let (mut done, mut problems) = (Vec::with_capacity(outcomes.len()), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(one) => done.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    (done, problems)
}

/// Fewer things are not worth another thread.
const THINGS_PER_THREAD_MIN: usize = 32;

/// Does something with each of many things, on all cores, beside the tasks of requests; answers in their order.
async fn on_every_core<T, R, F>(things: Vec<T>, work: F) -> Vec<R>
where
    T: Send + 'static,
    R: Send + 'static,
    F: Fn(T) -> R + Send + Sync + 'static,
{
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let per_thread = things.len().div_ceil(cores).max(THINGS_PER_THREAD_MIN);
    let done = tokio::task::spawn_blocking(move || {
        let mut slices = Vec::with_capacity(cores);
        let mut rest = things.into_iter();
        loop {
            let slice: Vec<T> = rest.by_ref().take(per_thread).collect();
            if slice.is_empty() {
                break;
            }
            slices.push(slice);
        }
        let work = &work;
        std::thread::scope(|scope| {
            let threads = slices
                .into_iter()
                .map(|slice| scope.spawn(move || slice.into_iter().map(work).collect::<Vec<R>>()));
            let threads: Vec<_> = threads.collect();
            let done = threads.into_iter().map(|thread| match thread.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            done.flatten().collect::<Vec<R>>()
        })
    });
    match done.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}
