//! Jobs: reading how far work is and what it came to.

use florin_core::job::{Job, Outcome};
use florin_store::{self as store, Tx, list};
use uuid::Uuid;

use crate::{Error, Result};

/// The job with this id.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Job> {
    let found = store::job::find(tx, id).await?;
    found.ok_or(Error::NotFound { resource: "job" })
}

/// One page of jobs.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, query: &list::Query) -> Result<list::Page<Job>> {
    Ok(store::job::page(tx, query, None).await?)
}

/// One page of the parts of a job.
///
/// # Errors
/// [`Error::NotFound`] for the job.
pub async fn sub_jobs(tx: &mut Tx, id: Uuid, query: &list::Query) -> Result<list::Page<Job>> {
    find(tx, id).await?;
    Ok(store::job::page(tx, query, Some(id)).await?)
}

/// One page of outcomes, of all jobs or of one.
///
/// # Errors
/// [`Error::NotFound`] for the job.
pub async fn outcomes(
    tx: &mut Tx,
    id: Option<Uuid>,
    query: &list::Query,
) -> Result<list::Page<Outcome>> {
    if let Some(id) = id {
        find(tx, id).await?;
    }
    Ok(store::job::outcomes(tx, query, id).await?)
}
