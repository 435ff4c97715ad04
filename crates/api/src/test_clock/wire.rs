//! Test clocks as JSON.

use florin_app::test_clock::Clocked;
use florin_core::{Timestamp, test_clock::State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::value::Instant;

/// What a caller writes of a test clock.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TestClockInput {
    /// What people call it.
    #[schema(max_length = 255, example = "A year of the team plan")]
    name: Option<String>,
    /// What time it is for its customers.
    #[schema(example = "2026-01-01T00:00:00Z")]
    now: Instant,
}

/// The customer that is to live by the clock.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct TestClockCustomerInput {
    /// Id of the customer.
    #[schema(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub(super) customer_id: Uuid,
}

/// Where the clock is to go.
#[derive(Debug, Deserialize, ToSchema)]
pub(super) struct AdvanceInput {
    /// The time, later than that of the clock; five years further at most.
    #[schema(example = "2027-01-01T00:00:00Z")]
    to: Instant,
    /// Whether drafts are approved on the day they are made.
    #[serde(default)]
    #[schema(default = false, example = true)]
    approve: bool,
}

/// A time that moves only when told to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TestClockResponse {
    /// Id of the clock.
    id: Uuid,
    /// What people call it.
    #[schema(example = "A year of the team plan")]
    name: Option<String>,
    /// What time it is for its customers.
    now: Instant,
    /// `ready`, or `advancing` while it is on its way.
    #[schema(example = "ready")]
    status: &'static str,
    /// Where it goes.
    advances_to: Option<Instant>,
    /// Its customers, in the order in which they were attached.
    customer_ids: Vec<Uuid>,
    /// When it was created, in real time.
    created_at: Instant,
    /// When it last changed, in real time.
    updated_at: Instant,
}

/// A clock and the job that moves it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AdvanceResponse {
    /// The clock.
    test_clock: TestClockResponse,
    /// Id of the job, which counts the days.
    pub(super) job_id: Uuid,
}

impl From<TestClockInput> for (Option<String>, Timestamp) {
    fn from(TestClockInput { name, now }: TestClockInput) -> Self {
        (name, now.0)
    }
}

impl From<AdvanceInput> for (Timestamp, bool) {
    fn from(AdvanceInput { to, approve }: AdvanceInput) -> Self {
        (to.0, approve)
    }
}

impl From<Clocked> for TestClockResponse {
    fn from(clocked: Clocked) -> Self {
        let Clocked { clock, customers } = clocked;
        let (status, advances_to) = match clock.state {
            State::Ready => ("ready", None),
            State::Advancing(advance) => ("advancing", Some(Instant(advance.to))),
        };
        Self {
            id: clock.id,
            name: clock.name,
            now: Instant(clock.now),
            status,
            advances_to,
            customer_ids: customers,
            created_at: Instant(clock.created_at),
            updated_at: Instant(clock.updated_at),
        }
    }
}

impl AdvanceResponse {
    pub(super) fn new(clocked: Clocked, job_id: Uuid) -> Self {
        Self {
            test_clock: clocked.into(),
            job_id,
        }
    }
}
