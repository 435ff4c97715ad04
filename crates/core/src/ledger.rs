//! The ledger: what a movement of money means in double entry.
//!
//! Owns the chart of accounts that every organisation begins with, journal entries and the table that
//! says what each event posts (semantics §11). Does not own when an event happens, nor balances, which
//! are sums of lines.
//!
//! Invariants:
//! - a [`JournalEntry`] is balanced: there is no way to make one that is not;
//! - entries are never changed: a correction is a reversing entry;
//! - what is owed, what wallets hold and what is deferred follow from entries alone. The balance of
//!   *Accounts Receivable / Customers* is the sum of what is to be paid of all invoices.

mod account;
mod chart;
mod entry;
mod event;
mod posting;
mod revenue;
mod seal;

pub use account::{Account, AccountId, Category, Side};
pub use chart::{CHART, ChartRow, DefaultAccount};
pub use entry::{Dimensions, EntryHeader, Error, JournalEntry, JournalLine, Kind, Posting};
pub use event::{Event, Recognised, of_approval};
pub use posting::{Amount, Place, Row, TABLE, correct, post, reverse};
pub use revenue::{LineRevenue, Policy, Revenues};
pub use seal::sealed_bytes;
