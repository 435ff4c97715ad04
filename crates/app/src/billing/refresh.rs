//! Drafts made anew: because somebody asks, or because usage or a change of the contract came since (DESIGN §4).
//!
//! Owns when a draft is stale and that its contracts are gone through one by one. A draft keeps its id and what people
//! wrote on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use florin_core::{
    id::OrganisationId,
    invoice::{Draft, Freshness, Part, Source, Status},
    rating::{Line, LineKind},
};
use florin_store::{self as store, Actor, Tx, invoice::Invoice};
use uuid::Uuid;

use super::{
    Problem,
    counted::Counter,
    plan::{Anew, Ask, Settling},
    run::setting,
    subject::Wanted,
    work::{Setting, Task},
    write::write,
};
use crate::{App, Error, Result, test_clock};

/// Who asks for drafts to be made anew.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub actor: Actor,
    /// In which request; empty outside of one.
    pub request_id: String,
}

impl Asker {
    /// The server itself.
    pub(crate) fn system() -> Self {
        Self {
            actor: Actor::System,
            request_id: String::new(),
        }
    }

    pub(crate) async fn begin(&self, app: &App, organisation: OrganisationId) -> Result<Tx> {
        let actor = self.actor.clone();
        app.begin(organisation, actor, &self.request_id).await
    }
}

/// What became of drafts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Made anew; the amounts may be what they were.
    pub remade: Vec<Uuid>,
    /// Discarded: nothing of them is due any more.
    pub discarded: Vec<Uuid>,
    /// Not made anew because somebody else changed them meanwhile: look again.
    pub overtaken: Vec<Uuid>,
    /// Contracts that could not be rated; their drafts are as they were.
    pub problems: Vec<Problem>,
    /// Stale drafts of such contracts, and why.
    pub unrated: Vec<(Uuid, Problem)>,
}

/// Makes those of these drafts anew that are stale; with `is_forced` all of them. What is no draft of a contract is
/// passed over. Call it before the transaction that approves.
///
/// # Errors
/// [`crate::Error::Store`].
pub async fn refresh(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    (ids, is_forced): (&[Uuid], bool),
) -> Result<Refreshed> {
    let mut refreshed = Refreshed::default();
    for (app, ids) in test_clock::apart(app, organisation, ids).await? {
        let some = refresh_some(&app, organisation, asker, (&ids, is_forced)).await?;
        refreshed.remade.extend(some.remade);
        refreshed.discarded.extend(some.discarded);
        refreshed.overtaken.extend(some.overtaken);
        refreshed.problems.extend(some.problems);
        refreshed.unrated.extend(some.unrated);
    }
    Ok(refreshed)
}

/// How often a draft that others change meanwhile is made anew before its approval is given up.
const ATTEMPTS_MAX: usize = 5;

/// Makes those of these drafts anew that are stale, so that an approval sees every event that was acknowledged before
/// it. All of them live in the app's time. Answers those that stay stale, and why.
///
/// # Errors
/// [`Error::Store`], [`Error::Usage`].
pub(crate) async fn freshen(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Error>> {
    let mut stale = HashMap::new();
    let mut left = ids.to_vec();
    for attempt in 1..=ATTEMPTS_MAX {
        let refreshed = match refresh_some(app, organisation, asker, (&left, false)).await {
            // Without locks, several statements on PostgreSQL may see a draft while another request makes it anew: its
            // parts are of now, its totals of before. Look again; what is really broken stays so.
            Err(Error::Store(store::Error::Corrupt { .. })) if attempt < ATTEMPTS_MAX => continue,
            refreshed => refreshed?,
        };
        let unrated = refreshed.unrated.into_iter();
        stale.extend(unrated.map(|(id, problem)| (id, problem.into())));
        left = refreshed.overtaken;
        if left.is_empty() {
            return Ok(stale);
        }
    }
    let busy = |id| (id, Error::Store(store::Error::Busy));
    stale.extend(left.into_iter().map(busy));
    Ok(stale)
}

/// The same for drafts whose payers live in one time.
async fn refresh_some(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    (ids, is_forced): (&[Uuid], bool),
) -> Result<Refreshed> {
    let setting = setting(app, organisation, app.clock.now()).await?;
    let mut refreshed = Refreshed::default();
    let mut counter = Counter::new(app, organisation, false);
    let mut tx = app.db.read(organisation).await?;
    let invoices = store::invoice::of_ids(&mut tx, ids).await?;
    let drafts: Vec<Draft> = invoices.into_iter().filter_map(open_draft).collect();
    let stale = match is_forced {
        true => drafts,
        false => stale(&mut tx, drafts, &mut counter).await?,
    };
    drop(tx);
    // A draft of several contracts is made anew by one after the other.
    let mut rounds: BTreeMap<usize, Vec<(Uuid, Anew)>> = BTreeMap::new();
    for draft in &stale {
        for (round, (contract, anew)) in by_contract(draft).into_iter().enumerate() {
            rounds.entry(round).or_default().push((contract, anew));
        }
    }
    for (_, tasks) in rounds {
        counter = remake(&setting, asker, tasks, (counter, &mut refreshed)).await?;
    }
    refreshed.unrated = unrated(&stale, &refreshed.problems);
    Ok(refreshed)
}

/// The drafts that have a part of a contract with a problem.
fn unrated(drafts: &[Draft], problems: &[Problem]) -> Vec<(Uuid, Problem)> {
    let unrated = drafts.iter().filter_map(|draft| {
        let contracts = by_contract(draft);
        let mut problems = problems.iter();
        let problem = problems.find(|problem| contracts.contains_key(&problem.contract_id))?;
        Some((draft.id(), problem.clone()))
    });
    unrated.collect()
}

fn open_draft(invoice: Invoice) -> Option<Draft> {
    match invoice {
        Invoice::Draft(draft) if draft.status() == Status::Draft => Some(draft),
        Invoice::Draft(_) | Invoice::Issued(_) => None,
    }
}

/// The parts of a draft by their contracts; what was written by hand is left out.
fn by_contract(draft: &Draft) -> BTreeMap<Uuid, Anew> {
    let mut parts: BTreeMap<Uuid, Anew> = BTreeMap::new();
    for part in draft.parts() {
        let Source::Contract {
            contract_id,
            phase_id,
            ..
        } = part.source
        else {
            continue;
        };
        let anew = parts.entry(contract_id).or_default();
        anew.parts.push(part.id);
        if only_settles(part) {
            anew.settling.push(Settling {
                part: part.id,
                invoice: draft.id(),
                phase_id,
            });
        }
    }
    parts
}

/// Whether a part charges something, but no period of a line.
fn only_settles(part: &Part) -> bool {
    let lines = &part.rated.lines;
    let is_charge = |line: &Line| matches!(line.kind, LineKind::Charge(_));
    !lines.is_empty() && !lines.iter().any(is_charge)
}

/// Those that something came after: usage above their mark, or a version of one of their contracts.
async fn stale(tx: &mut Tx, drafts: Vec<Draft>, counter: &mut Counter) -> Result<Vec<Draft>> {
    let contracts = drafts
        .iter()
        .flat_map(|draft| by_contract(draft).into_keys());
    let contracts: BTreeSet<Uuid> = contracts.collect();
    let contracts: Vec<Uuid> = contracts.into_iter().collect();
    let marks = store::contract::marks(tx, &contracts).await?;
    let versions: HashMap<Uuid, u32> = marks.iter().map(|mark| (mark.id, mark.version)).collect();
    // An engine that does not answer is no reason to approve what may be stale: say so.
    let usage_sequence = match drafts
        .iter()
        .any(|d| d.freshness().usage_sequence.is_some())
    {
        true => Some(counter.accepted().await?),
        false => None,
    };
    let is_stale = |draft: &Draft| {
        let now = Freshness {
            usage_sequence,
            contract_version: None,
        };
        let mut parts = draft.parts().iter();
        let is_other_version = parts.any(|part| match part.source {
            Source::Contract {
                contract_id,
                version,
                ..
            } => versions.get(&contract_id).is_some_and(|now| version < *now),
            Source::OneOff => false,
        });
        is_other_version || draft.is_stale(now)
    };
    Ok(drafts.into_iter().filter(is_stale).collect())
}

async fn remake(
    setting: &Setting,
    asker: &Asker,
    tasks: Vec<(Uuid, Anew)>,
    (counter, refreshed): (Counter, &mut Refreshed),
) -> Result<Counter> {
    let contracts: BTreeSet<Uuid> = tasks.iter().map(|(contract, _)| *contract).collect();
    let contracts: Vec<Uuid> = contracts.into_iter().collect();
    let mut tx = setting.app.db.read(setting.organisation).await?;
    let marks = store::contract::marks(&mut tx, &contracts).await?;
    drop(tx);
    let wanted = marks.iter().map(|mark| Wanted {
        id: mark.id,
        next_bill_day: mark.next_bill_day,
        is_whole: true,
    });
    let wanted: Vec<Wanted> = wanted.collect();
    let mut parts: HashMap<Uuid, Vec<Anew>> = HashMap::new();
    for (contract, of_draft) in tasks {
        parts.entry(contract).or_default().push(of_draft);
    }
    let mut counter = counter;
    // Several drafts of one contract one after the other: each is to be made of what the others are now.
    while !parts.is_empty() {
        let subjects = setting.subjects(&wanted).await?;
        let tasks = subjects.into_iter().filter_map(|subject| {
            let ask = Ask::Parts(parts.get_mut(&subject.contract.id())?.pop()?);
            Some(Task { subject, ask })
        });
        let tasks: Vec<Task> = tasks.collect();
        if tasks.is_empty() {
            break;
        }
        counter = remake_once(setting, asker, tasks, (counter, refreshed)).await?;
        parts.retain(|_, left| !left.is_empty());
    }
    Ok(counter)
}

async fn remake_once(
    setting: &Setting,
    asker: &Asker,
    tasks: Vec<Task>,
    (counter, refreshed): (Counter, &mut Refreshed),
) -> Result<Counter> {
    let (planned, problems) = setting.plan(tasks).await?;
    let (worked, counter) = setting.make(planned, counter).await?;
    refreshed.problems.extend(problems);
    refreshed.problems.extend(worked.problems);
    let outcomes = worked.made.iter().flat_map(|made| {
        let remade = made.remade.iter();
        remade.map(|(_, after)| (made.contract_id, after.id(), after.status()))
    });
    let outcomes: Vec<(Uuid, Uuid, Status)> = outcomes.collect();
    let (app, organisation) = (&setting.app, setting.organisation);
    let mut tx = asker.begin(app, organisation).await?;
    let written = write(&mut tx, &*app.ids, worked.made, false).await?;
    tx.commit().await?;
    for (contract, draft, status) in outcomes {
        let list = if written.overtaken.contains(&contract) {
            &mut refreshed.overtaken
        } else if status == Status::Discarded {
            &mut refreshed.discarded
        } else {
            &mut refreshed.remade
        };
        list.push(draft);
    }
    Ok(counter)
}

/// What became of a draft that was to be made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regenerated {
    /// The draft.
    pub invoice_id: Uuid,
    /// Where it stands.
    pub status: Status,
}

/// Makes one draft anew because somebody asks.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] where it is no draft or its contract cannot be billed.
pub async fn regenerate(
    app: &App,
    organisation: OrganisationId,
    asker: &Asker,
    id: Uuid,
) -> Result<Regenerated> {
    let mut tx = app.db.read(organisation).await?;
    let found = store::invoice::find(&mut tx, id).await?;
    drop(tx);
    let found = found.ok_or(Error::NotFound {
        resource: "invoice",
    })?;
    if found.status() != Status::Draft {
        let message = format!("the invoice is {}, not a draft", found.status().as_str());
        return Err(Error::refused("INVOICE_NOT_A_DRAFT", message));
    }
    let refreshed = refresh(app, organisation, asker, (&[id], true)).await?;
    if let Some(problem) = refreshed.problems.into_iter().next() {
        return Err(problem.into());
    }
    if refreshed.overtaken.contains(&id) {
        return Err(Error::Store(store::Error::Busy));
    }
    let status = match refreshed.discarded.contains(&id) {
        true => Status::Discarded,
        false => Status::Draft,
    };
    Ok(Regenerated {
        invoice_id: id,
        status,
    })
}
