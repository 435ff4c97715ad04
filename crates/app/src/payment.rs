//! Payments: record, allocate, edit, delete, refund, reverse, and what a gateway does step by step.
//!
//! Owns the order in which rows are locked, so that two operations never wait for each other: invoices by id,
//! then payments, then wallets. Does not own what a payment does ([`florin_core::payment`]).

mod books;
mod charge;
mod record;
mod refund;
mod refused;
mod shown;

pub(crate) use books::{Effects, keep};
pub use charge::{Charge, Refusal, Settlement, begin_charge, fail, settle};
pub use record::{Edit, NewPayment, delete_manual, edit_manual, reallocate, record};
pub use refund::{NewRefund, NewReversal, RefundAnswer, refund, reverse, settle_refund};
pub(crate) use refund::{about_refund, asks_gateway, insert as insert_refund};
pub(crate) use refused::refused;
pub use shown::{Selection, Shown, load, of_invoice, page, shown};
