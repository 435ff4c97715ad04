//! Credit notes: against an invoice, stand-alone, and what an invoice is below zero.
//!
//! Owns that note, invoice, payments and wallet change together. Does not own where the amount goes
//! ([`florin_core::credit_note`]).

mod issue;
mod remainder;
mod shown;

pub(crate) use issue::settle_refund;
pub use issue::{
    Amount, Change, Expected, NewCreditNote, Share, To, against_invoice, stand_alone, update,
};
pub use remainder::for_remainders;
pub use shown::{Shown, credited_lines, load, page, shown};
