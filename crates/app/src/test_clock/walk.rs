//! The walk of a clock: from one instant at which something is due to the next, so that a year passes in
//! seconds and nothing of it is left out. Each step can be done again; a walk that died is gone on with.

use florin_core::{
    id::OrganisationId,
    job::{Job, Progress, Status},
    test_clock::{Advance, State, TestClock},
};
use florin_store::{self as store, Actor, Tx};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Clocked, at_clock, load, refused};
use crate::{App, Result, billing, billing::Asker, contract, invoice, organisation};

/// The kind of work of a walk's job.
const JOB_TYPE: &str = "test_clock_advance";
/// Whoever moved a clock that was silent for so long is gone.
const SILENT_FOR: SignedDuration = SignedDuration::from_mins(10);
/// Drafts that are approved in one transaction.
const DRAFTS_AT_A_TIME: u64 = 100;

/// A clock that is on its way.
#[derive(Clone, Debug)]
pub struct Advancing {
    /// The clock.
    pub clocked: Clocked,
    /// The job that counts its days.
    pub job: Job,
}

/// Sends a clock on its way; [`advance`] moves it.
///
/// # Errors
/// [`crate::Error::NotFound`], [`crate::Error::Invalid`] for the time, `TEST_CLOCK_ADVANCING`.
pub async fn begin(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    (to, approves): (Timestamp, bool),
) -> Result<Advancing> {
    let Clocked { clock, customers } = load(tx, id).await?;
    let at = tx.at()?;
    let advance = Advance {
        to: florin_core::instant::to_microseconds(to),
        approves,
        job_id: app.ids.next(),
    };
    let after = clock.clone().advance(advance, at).map_err(refused)?;
    let job = Job {
        id: advance.job_id,
        parent_id: None,
        name: format!("Test clock to {to}"),
        description: Some("Moves a test clock, and does what is due on the way".to_owned()),
        job_type: JOB_TYPE.to_owned(),
        resource: "test_clock".to_owned(),
        status: Status::Running,
        progress: Progress {
            total: Some(days(clock.now, advance.to)),
            succeeded: 0,
            failed: 0,
        },
        created_at: at,
        updated_at: at,
        finished_at: None,
    };
    store::job::insert(tx, &job).await?;
    store::test_clock::update(tx, &clock, &after).await?;
    let clocked = Clocked {
        clock: after,
        customers,
    };
    Ok(Advancing { clocked, job })
}

/// Days from one instant to another, the last one too where it is not whole.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    let day = SignedDuration::from_hours(24).as_secs();
    let seconds = to.duration_since(from).as_secs();
    seconds.div_euclid(day) + i64::from(seconds.rem_euclid(day) != 0)
}

/// Moves a clock to where it was sent, stopping wherever something is due.
///
/// # Errors
/// [`crate::Error::Store`]: the clock stands where it came to, and goes on when this is called again.
pub async fn advance(app: &App, organisation: OrganisationId, id: Uuid) -> Result<()> {
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    let mut clock = load(&mut tx, id).await?.clock;
    drop(tx);
    let mut now = clock.now;
    while let State::Advancing(advance) = clock.state {
        let moved = at_clock(app, id, now);
        work(&moved, organisation, advance.approves).await?;
        clock = step(app, organisation, (id, now, advance)).await?;
        let mut tx = moved.db.read(organisation).await?;
        now = store::test_clock::next_due(&mut tx, (now, advance.to), &zone).await?;
    }
    Ok(())
}

/// All that is due at the app's time.
async fn work(app: &App, organisation: OrganisationId, approves: bool) -> Result<()> {
    let now = app.clock.now();
    contract::keep_up(app, organisation, now).await?;
    contract::renew_due(app, organisation, now).await?;
    billing::catch_up(app, organisation).await?;
    if approves {
        approve(app, organisation).await?;
    }
    Ok(())
}

/// Approves every draft of the clock's customers that can be approved.
async fn approve(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut above = Uuid::nil();
    loop {
        let mut tx = app.db.read(organisation).await?;
        let drafts = store::test_clock::drafts(&mut tx, above, DRAFTS_AT_A_TIME).await?;
        let Some(last) = drafts.last() else {
            return Ok(());
        };
        above = *last;
        drop(tx);
        let checks = invoice::Checks { duplicates: false };
        let ids = (drafts.as_slice(), checks);
        invoice::approve_fresh(app, organisation, &Asker::system(), ids).await?;
    }
}

/// Notes that the clock has come to an instant, in real time.
async fn step(
    app: &App,
    organisation: OrganisationId,
    (id, now, advance): (Uuid, Timestamp, Advance),
) -> Result<TestClock> {
    let mut tx = app.begin(organisation, Actor::System, "").await?;
    let before = load(&mut tx, id).await?.clock;
    let at = tx.at()?;
    let after = before.clone().stepped(now, at);
    store::test_clock::update(&mut tx, &before, &after).await?;
    if let Some(job) = store::job::find(&mut tx, advance.job_id).await? {
        let mut job = job;
        let left = days(after.now, advance.to);
        let total = job.progress.total.unwrap_or_default();
        job.progress.succeeded = (total - left).max(job.progress.succeeded);
        job.updated_at = at;
        if after.state == State::Ready {
            job = job.finished(at);
        }
        store::job::save(&mut tx, &job).await?;
    }
    tx.commit().await?;
    Ok(after)
}

/// Goes on with every walk that was left by whoever did it. Safe to run twice.
///
/// # Errors
/// [`crate::Error::Store`].
pub async fn resume_all(app: &App) -> Result<()> {
    let silent_since = app.clock.now() - SILENT_FOR;
    for organisation in store::organisation::all(&app.db).await? {
        if !organisation.is_sandbox {
            continue;
        }
        let mut tx = app.db.read(organisation.id).await?;
        let left = store::test_clock::abandoned(&mut tx, silent_since).await?;
        drop(tx);
        for clock in left {
            advance(app, organisation.id, clock).await?;
        }
    }
    Ok(())
}
