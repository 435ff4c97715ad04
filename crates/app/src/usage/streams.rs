//! Streams by slug, remembered for a moment: ten thousand requests a second each send to a slug, and none
//! of them may ask the database.
//!
//! Owns what is remembered and for how long. Invariant: a change that this process committed is seen by the
//! next request, one of another process after [`FRESH_FOR`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use florin_core::id::OrganisationId;
use jiff::{SignedDuration, Timestamp};

use super::Stream;
use crate::{App, Result, raw_metric};

/// How long a stream is remembered.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(1);
/// Streams that are remembered at most. When there are more, all are forgotten and read again.
const REMEMBERED_MAX: usize = 10_000;

type Slugs = HashMap<String, (Timestamp, Arc<Stream>)>;

/// Streams by organisation and slug.
#[derive(Debug, Default)]
pub struct Streams(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    by_slug: HashMap<OrganisationId, Slugs>,
    count: usize,
    /// Grows with each change: what was read before a change is not remembered after it.
    changes: u64,
}

impl Streams {
    /// The stream with this slug.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub async fn find(
        &self,
        app: &App,
        organisation: OrganisationId,
        api_slug: &str,
    ) -> Result<Option<Arc<Stream>>> {
        let now = app.clock.now();
        let remembered = self.remembered().find(organisation, api_slug, now);
        match remembered {
            Some(stream) => Ok(Some(stream)),
            None => self.read(app, organisation, api_slug).await,
        }
    }

    /// The stream with this slug as the database has it now.
    ///
    /// # Errors
    /// [`crate::Error::Store`].
    pub async fn read(
        &self,
        app: &App,
        organisation: OrganisationId,
        api_slug: &str,
    ) -> Result<Option<Arc<Stream>>> {
        let (now, changes) = (app.clock.now(), self.remembered().changes);
        let mut tx = app.db.read(organisation).await?;
        let metric = raw_metric::find_by_slug(&mut tx, api_slug).await?;
        let stream = metric.map(|metric| Arc::new(Stream::of(organisation, &metric)));
        let mut remembered = self.remembered();
        if let Some(stream) = stream.as_ref().filter(|_| remembered.changes == changes) {
            remembered.put(stream.clone(), now);
        }
        Ok(stream)
    }

    /// Forgets an organisation's streams. Call it when a change of a raw metric was committed.
    pub fn forget(&self, organisation: OrganisationId) {
        let mut remembered = self.remembered();
        remembered.changes += 1;
        let gone = remembered.by_slug.remove(&organisation);
        remembered.count -= gone.map_or(0, |slugs| slugs.len());
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn find(
        &self,
        organisation: OrganisationId,
        api_slug: &str,
        now: Timestamp,
    ) -> Option<Arc<Stream>> {
        let (read_at, stream) = self.by_slug.get(&organisation)?.get(api_slug)?;
        let age = now.duration_since(*read_at);
        (SignedDuration::ZERO..FRESH_FOR)
            .contains(&age)
            .then(|| stream.clone())
    }

    fn put(&mut self, stream: Arc<Stream>, now: Timestamp) {
        if self.count >= REMEMBERED_MAX {
            self.by_slug.clear();
            self.count = 0;
        }
        let slugs = self.by_slug.entry(stream.organisation).or_default();
        if slugs
            .insert(stream.api_slug.clone(), (now, stream))
            .is_none()
        {
            self.count += 1;
        }
    }
}
