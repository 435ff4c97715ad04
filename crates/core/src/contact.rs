//! Contacts: people at a customer who get some of its documents by e-mail.
//!
//! Owns what a contact is. Does not own sending. Two contacts may share an e-mail address: one mailbox
//! often stands for several people.

use jiff::Timestamp;
use uuid::Uuid;

/// A contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its id.
    pub id: Uuid,
    /// What its owner wrote.
    pub details: Details,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a caller may write of a contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// The customer where the person works.
    pub customer_id: Uuid,
    /// Where documents go.
    pub email: String,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// Whether contracts and quotes are sent to it.
    pub send_contract: bool,
    /// Whether invoices are sent to it.
    pub send_invoice: bool,
}
