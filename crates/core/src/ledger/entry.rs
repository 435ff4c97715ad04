//! Journal entries. Owns that debits and credits are equal: [`JournalEntry`] has no other constructor
//! than one that checks it.

use jiff::Timestamp;
use uuid::Uuid;

use super::{AccountId, Side};
use crate::currency::Currency;
use crate::money::{Money, MoneyError};

/// The pairs of kinds and the words that are stored and shown.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $word:literal,)+) => {
        /// Which event an entry is of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $kind,)+ }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// The word that is stored and shown.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $word,)+ }
            }

            /// The kind of a stored word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$kind),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// A draft became an invoice.
    InvoiceApproved = "invoice_approved",
    /// A wallet paid for an invoice at its approval.
    WalletApplied = "wallet_applied",
    /// What an invoice is below zero went into the wallet.
    RemainderCredited = "remainder_credited",
    /// A credit note was issued.
    CreditNoteIssued = "credit_note_issued",
    /// A person told of a payment.
    PaymentReceived = "payment_received",
    /// A gateway collected a payment.
    GatewayPaymentReceived = "gateway_payment_received",
    /// A customer paid a part to the tax office.
    TaxWithheld = "tax_withheld",
    /// A payment was given back.
    RefundPaid = "refund_paid",
    /// A payment was given back through its gateway.
    GatewayRefundPaid = "gateway_refund_paid",
    /// A payment was given back into the wallet.
    RefundToWallet = "refund_to_wallet",
    /// A credit note's refund was paid.
    CreditNoteRefundPaid = "credit_note_refund_paid",
    /// A credit note's refund was paid through the gateway.
    GatewayCreditNoteRefundPaid = "gateway_credit_note_refund_paid",
    /// A credit note's refund was not paid: the wallet has it.
    CreditNoteRefundToWallet = "credit_note_refund_to_wallet",
    /// Money that was told never came.
    PaymentReversed = "payment_reversed",
    /// A gateway's money never came, or was taken back.
    GatewayPaymentReversed = "gateway_payment_reversed",
    /// A wallet got something by hand.
    WalletCredited = "wallet_credited",
    /// Something was taken from a wallet by hand.
    WalletDebited = "wallet_debited",
    /// Revenue that was billed is earned.
    RevenueRecognised = "revenue_recognised",
    /// Revenue is earned before it is billed.
    RevenueUnbilled = "revenue_unbilled",
    /// An entry is taken back.
    EntryReversed = "entry_reversed",
    /// A person wrote it.
    Manual = "manual",
}

/// What an entry says besides its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryHeader {
    /// Its id.
    pub id: Uuid,
    /// The event.
    pub kind: Kind,
    /// The invoice, credit note, payment… that the event happened to.
    pub source_id: Option<Uuid>,
    /// How often the event was posted before: only after a correction more than 0 times.
    pub revision: u32,
    /// The entry that this one takes back.
    pub reverses_id: Option<Uuid>,
    /// A sentence about it.
    pub description: String,
    /// Currency of all lines.
    pub currency: Currency,
    /// The entity whose books these are.
    pub business_entity_id: Option<Uuid>,
    /// When it counts.
    pub posted_at: Timestamp,
}

/// What a line is about, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// Who owes, pays or was served.
    pub customer_id: Option<Uuid>,
    /// The contract.
    pub contract_id: Option<Uuid>,
    /// The invoice.
    pub invoice_id: Option<Uuid>,
    /// The credit note.
    pub credit_note_id: Option<Uuid>,
    /// The payment.
    pub payment_id: Option<Uuid>,
    /// The refund or reversal.
    pub refund_id: Option<Uuid>,
    /// The product.
    pub product_id: Option<Uuid>,
    /// The line of the contract, by its lineage.
    pub line_id: Option<Uuid>,
    /// The tax.
    pub tax_id: Option<Uuid>,
    /// The revenue contract.
    pub revenue_contract_id: Option<Uuid>,
    /// Its item.
    pub revenue_contract_item_id: Option<Uuid>,
    /// The performance obligation.
    pub performance_obligation_id: Option<Uuid>,
}

/// An amount for one side of one account. What is below zero goes to the other side, nothing to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account.
    pub account: AccountId,
    /// The side.
    pub side: Side,
    /// The amount; may be below zero.
    pub amount: Money,
    /// What it is about.
    pub dimensions: Dimensions,
}

/// A line of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLine {
    account: AccountId,
    side: Side,
    amount: Money,
    dimensions: Dimensions,
}

/// A balanced entry: its debits and credits are equal, and above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    header: EntryHeader,
    lines: Vec<JournalLine>,
}

/// Why there is no entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Debits and credits differ.
    #[error("the entry {kind} of {source_id:?} has {debits} debits and {credits} credits", kind = .kind.as_str())]
    Unbalanced {
        /// The event.
        kind: Kind,
        /// What it happened to.
        source_id: Option<Uuid>,
        /// Minor units on the left.
        debits: i128,
        /// Minor units on the right.
        credits: i128,
    },
    /// The posting table has no place for an amount of the event.
    #[error("the posting table has no {amount} for {kind}", kind = .kind.as_str())]
    NoPlace {
        /// The event.
        kind: Kind,
        /// The amount.
        amount: &'static str,
    },
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl JournalLine {
    /// The account.
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// The side.
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The amount, above zero.
    pub const fn amount(&self) -> Money {
        self.amount
    }

    /// What it is about.
    pub const fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Minor units on the left, or 0.
    pub const fn debits(&self) -> i64 {
        match self.side {
            Side::Debit => self.amount.minor(),
            Side::Credit => 0,
        }
    }

    /// Minor units on the right, or 0.
    pub const fn credits(&self) -> i64 {
        match self.side {
            Side::Debit => 0,
            Side::Credit => self.amount.minor(),
        }
    }
}

impl JournalEntry {
    /// The entry of these postings; none where all of them are of nothing.
    ///
    /// # Errors
    /// [`Error::Unbalanced`]; [`Error::Money`] for an amount of another currency.
    pub fn new(header: EntryHeader, postings: &[Posting]) -> Result<Option<Self>, Error> {
        let mut lines = Vec::with_capacity(postings.len());
        for posting in postings {
            posting.amount.expect_currency(header.currency)?;
            lines.extend(line(posting)?);
        }
        let sum = |side: Side| -> i128 {
            let of_side = lines.iter().filter(|line| line.side == side);
            of_side.map(|line| i128::from(line.amount.minor())).sum()
        };
        let (debits, credits) = (sum(Side::Debit), sum(Side::Credit));
        if debits != credits {
            return Err(Error::Unbalanced {
                kind: header.kind,
                source_id: header.source_id,
                debits,
                credits,
            });
        }
        Ok((!lines.is_empty()).then_some(Self { header, lines }))
    }

    /// What it says besides its lines.
    pub const fn header(&self) -> &EntryHeader {
        &self.header
    }

    /// Its lines.
    pub fn lines(&self) -> &[JournalLine] {
        &self.lines
    }

    pub(super) fn with_revision(mut self, revision: u32) -> Self {
        self.header.revision = revision;
        self
    }

    /// The entry in the books of another entity.
    #[must_use]
    pub fn in_books_of(mut self, business_entity_id: Option<Uuid>) -> Self {
        self.header.business_entity_id = business_entity_id;
        self
    }
}

fn line(posting: &Posting) -> Result<Option<JournalLine>, Error> {
    let Posting {
        account,
        side,
        amount,
        dimensions,
    } = *posting;
    if amount.is_zero() {
        return Ok(None);
    }
    let (side, amount) = if amount.is_negative() {
        (side.other(), amount.checked_neg()?)
    } else {
        (side, amount)
    };
    Ok(Some(JournalLine {
        account,
        side,
        amount,
        dimensions,
    }))
}
