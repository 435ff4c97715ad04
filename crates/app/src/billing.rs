//! Billing: from contracts and usage to draft invoices.
//!
//! Owns the order of things: what is read for many contracts at once, one question to each metric, rating on every
//! core, writing in short transactions. Does not own what is due ([`florin_core::billing`]), amounts
//! ([`florin_core::rating`]) nor what becomes of drafts ([`crate::invoice`]).
//!
//! Invariants:
//! - nothing is billed twice, however many runs there are at a time: a chunk's contracts are locked when it is
//!   written, and one that was changed or billed since it was read is left to the next look;
//! - a run that dies goes on where it stopped: what a contract is to be looked at for stands in its row, and is moved
//!   in the transaction that writes its drafts;
//! - no transaction is held while usage is counted or amounts are computed.

mod counted;
mod documents;
mod entitled;
mod estimate;
mod formula;
mod generate;
mod late_usage;
mod make;
mod plan;
mod preview;
mod rebill;
mod refresh;
mod run;
mod subject;
mod taxes;
mod work;
mod write;

pub use estimate::{Bills, Estimate, Foreseen, Guest, estimate, estimate_change, foresee};
pub(crate) use generate::prepare_first;
pub use generate::{CONTRACTS_MAX, Moment, Prepared, Request, generate_all, prepare, prepare_due};
pub use preview::{Effect, effect, upcoming};
pub(crate) use refresh::freshen;
pub use refresh::{Asker, Refreshed, Regenerated, refresh, regenerate};
pub use run::{Run, catch_up, run, tick};

use uuid::Uuid;

/// The code of a contract that cannot be billed as it is.
pub(crate) const NOT_BILLABLE: &str = "CONTRACT_NOT_BILLABLE";

/// The code that the reference names for a period of which all is on approved invoices.
pub(crate) const ALREADY_GENERATED: &str = "InvoiceAlreadyGeneratedForThisBillingPeriod";

/// Why a contract was not billed. Others are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The contract.
    pub contract_id: Uuid,
    /// Name of the rule, as the API's table of codes has it.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
}

impl Problem {
    fn of_contract(contract_id: Uuid, cause: impl ToString) -> Self {
        Self {
            contract_id,
            code: NOT_BILLABLE,
            message: cause.to_string(),
        }
    }
}

impl From<Problem> for crate::Error {
    fn from(problem: Problem) -> Self {
        Self::refused(problem.code, problem.message)
    }
}
