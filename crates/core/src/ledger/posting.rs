//! The posting table: what each event debits and credits (semantics §11.3). Read it row by row; the code
//! below only looks amounts up in it.

use jiff::Timestamp;
use uuid::Uuid;

use super::entry::{EntryHeader, Error, JournalEntry, Kind, Posting};
use super::event::Event;
use super::{AccountId, DefaultAccount, Revenues, Side};

/// An amount that an event may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// What an invoice asks.
    Total,
    /// What an invoice is below zero.
    BelowZero,
    /// Each line of an invoice, before tax.
    LineNet,
    /// Each tax of an invoice.
    Tax,
    /// What the wallet paid at approval.
    Applied,
    /// What is credited, without its tax.
    CreditedNet,
    /// The tax of what is credited.
    CreditedTax,
    /// What a credit note takes off what is due.
    AgainstDue,
    /// What goes into the wallet or comes out of it.
    WalletShare,
    /// What will be refunded, or was promised.
    ToRefund,
    /// What is given back outside the platform.
    GivenOutside,
    /// The whole payment, refund or reversal.
    Money,
    /// What of a payment is for each invoice.
    Paid,
    /// What of each invoice is owed again.
    OwedAgain,
    /// What of each invoice is given back for good.
    GivenUp,
    /// What is earned.
    Earned,
}

/// The account of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Always this one.
    Of(DefaultAccount),
    /// Deferred Revenue, an income account or Unbilled Revenue, by the policy of the line; the income
    /// account of what is recognised.
    Revenue,
}

/// What an event posts.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The event.
    pub kind: Kind,
    /// Accounts that are debited, and with what.
    pub debits: &'static [(Place, Amount)],
    /// Accounts that are credited, and with what.
    pub credits: &'static [(Place, Amount)],
}

use Amount as A;
use DefaultAccount as D;
use Place::{Of, Revenue};

/// One row for each event. An amount below zero is posted on the other side, nothing is not posted.
pub static TABLE: &[Row] = &[
    Row {
        kind: Kind::InvoiceApproved,
        debits: &[(Of(D::CustomersReceivable), A::Total)],
        credits: &[
            (Revenue, A::LineNet),
            (Of(D::SalesTax), A::Tax),
            (Of(D::CustomersContra), A::BelowZero),
        ],
    },
    Row {
        kind: Kind::WalletApplied,
        debits: &[(Of(D::CustomerWallet), A::Applied)],
        credits: &[(Of(D::CustomersReceivable), A::Applied)],
    },
    Row {
        kind: Kind::RemainderCredited,
        debits: &[(Of(D::CustomersContra), A::BelowZero)],
        credits: &[(Of(D::CustomerWallet), A::BelowZero)],
    },
    Row {
        kind: Kind::CreditNoteIssued,
        debits: &[
            (Of(D::SalesReturns), A::CreditedNet),
            (Of(D::SalesTax), A::CreditedTax),
        ],
        credits: &[
            (Of(D::CustomersReceivable), A::AgainstDue),
            (Of(D::CustomerWallet), A::WalletShare),
            (Of(D::CustomersContra), A::ToRefund),
            (Of(D::Cash), A::GivenOutside),
        ],
    },
    Row {
        kind: Kind::PaymentReceived,
        debits: &[(Of(D::Cash), A::Money)],
        credits: &[
            (Of(D::CustomersReceivable), A::Paid),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
    },
    Row {
        kind: Kind::GatewayPaymentReceived,
        debits: &[(Of(D::GatewaysReceivable), A::Money)],
        credits: &[
            (Of(D::CustomersReceivable), A::Paid),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
    },
    Row {
        kind: Kind::TaxWithheld,
        debits: &[(Of(D::TdsReceivable), A::Money)],
        credits: &[
            (Of(D::CustomersReceivable), A::Paid),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
    },
    Row {
        kind: Kind::RefundPaid,
        debits: &[
            (Of(D::CustomersReceivable), A::OwedAgain),
            (Of(D::SalesReturns), A::GivenUp),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
        credits: &[(Of(D::Cash), A::Money)],
    },
    Row {
        kind: Kind::GatewayRefundPaid,
        debits: &[
            (Of(D::CustomersReceivable), A::OwedAgain),
            (Of(D::SalesReturns), A::GivenUp),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
        credits: &[(Of(D::GatewaysReceivable), A::Money)],
    },
    Row {
        kind: Kind::RefundToWallet,
        debits: &[
            (Of(D::CustomersReceivable), A::OwedAgain),
            (Of(D::SalesReturns), A::GivenUp),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
        credits: &[(Of(D::CustomerWallet), A::Money)],
    },
    Row {
        kind: Kind::CreditNoteRefundPaid,
        debits: &[(Of(D::CustomersContra), A::ToRefund)],
        credits: &[(Of(D::Cash), A::Money)],
    },
    Row {
        kind: Kind::GatewayCreditNoteRefundPaid,
        debits: &[(Of(D::CustomersContra), A::ToRefund)],
        credits: &[(Of(D::GatewaysReceivable), A::Money)],
    },
    Row {
        kind: Kind::CreditNoteRefundToWallet,
        debits: &[(Of(D::CustomersContra), A::ToRefund)],
        credits: &[(Of(D::CustomerWallet), A::ToRefund)],
    },
    Row {
        kind: Kind::PaymentReversed,
        debits: &[
            (Of(D::CustomersReceivable), A::OwedAgain),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
        credits: &[(Of(D::Cash), A::Money)],
    },
    Row {
        kind: Kind::GatewayPaymentReversed,
        debits: &[
            (Of(D::CustomersReceivable), A::OwedAgain),
            (Of(D::CustomerWallet), A::WalletShare),
        ],
        credits: &[(Of(D::GatewaysReceivable), A::Money)],
    },
    Row {
        kind: Kind::WalletCredited,
        debits: &[(Of(D::SalesReturns), A::WalletShare)],
        credits: &[(Of(D::CustomerWallet), A::WalletShare)],
    },
    Row {
        kind: Kind::WalletDebited,
        debits: &[(Of(D::CustomerWallet), A::WalletShare)],
        credits: &[(Of(D::SalesReturns), A::WalletShare)],
    },
    Row {
        kind: Kind::RevenueRecognised,
        debits: &[(Of(D::DeferredRevenue), A::Earned)],
        credits: &[(Revenue, A::Earned)],
    },
    Row {
        kind: Kind::RevenueUnbilled,
        debits: &[(Of(D::UnbilledRevenue), A::Earned)],
        credits: &[(Revenue, A::Earned)],
    },
];

/// The entry of an event; none where nothing moved. `id` is the entry's, `at` the instant of a
/// correction: other events say when they happened.
///
/// # Errors
/// [`Error::Unbalanced`] where the amounts of the event contradict each other.
pub fn post(
    event: &Event<'_>,
    revenues: &Revenues,
    id: Uuid,
    at: Timestamp,
) -> Result<Option<JournalEntry>, Error> {
    let kind = event.kind();
    let items = event.items(revenues)?;
    let row = TABLE.iter().find(|row| row.kind == kind);
    let mut postings = Vec::with_capacity(items.len() * 2);
    for item in &items {
        let places = row.map_or_else(Vec::new, |row| row.places(item.amount));
        if places.is_empty() && !item.money.is_zero() {
            let amount = item.amount.as_str();
            return Err(Error::NoPlace { kind, amount });
        }
        postings.extend(places.into_iter().map(|(place, side)| Posting {
            account: place.account(item.account),
            side,
            amount: item.money,
            dimensions: item.dimensions,
        }));
    }
    JournalEntry::new(event.header(id, at), &postings)
}

/// The entry that takes another one back: the same lines on the other sides, so that both together are
/// nothing.
///
/// # Errors
/// None in practice: what is balanced is balanced the other way around.
pub fn reverse(
    entry: &JournalEntry,
    id: Uuid,
    at: Timestamp,
) -> Result<Option<JournalEntry>, Error> {
    let header = EntryHeader {
        id,
        kind: Kind::EntryReversed,
        reverses_id: Some(entry.header().id),
        description: format!("Reversal: {}", entry.header().description),
        posted_at: at,
        ..entry.header().clone()
    };
    let postings: Vec<Posting> = entry
        .lines()
        .iter()
        .map(|line| Posting {
            account: line.account(),
            side: line.side().other(),
            amount: line.amount(),
            dimensions: *line.dimensions(),
        })
        .collect();
    JournalEntry::new(header, &postings)
}

/// What a change of something that was posted before posts: every entry that stands is taken back, then
/// what is now is posted. Nothing where both are the same. `posted` are the entries of the event's
/// source, `ids` gives the new ones theirs.
///
/// # Errors
/// As [`post`].
pub fn correct(
    event: &Event<'_>,
    posted: &[JournalEntry],
    at: Timestamp,
    mut ids: impl FnMut() -> Uuid,
) -> Result<Vec<JournalEntry>, Error> {
    let is_taken_back = |entry: &JournalEntry| {
        let mut reversals = posted.iter().map(|other| other.header().reverses_id);
        entry.header().reverses_id.is_some()
            || reversals.any(|reversed| reversed == Some(entry.header().id))
    };
    let standing: Vec<&JournalEntry> = posted
        .iter()
        .filter(|entry| !is_taken_back(entry))
        .collect();
    let first = match event {
        Event::PaymentChanged { payment } if posted.is_empty() => {
            Some(Event::PaymentReceived { payment })
        }
        _ => None,
    };
    let now = post(
        first.as_ref().unwrap_or(event),
        &Revenues::default(),
        ids(),
        at,
    )?;
    if let ([before], Some(now)) = (standing.as_slice(), &now)
        && before.lines() == now.lines()
    {
        return Ok(Vec::new());
    }
    let mut entries = Vec::with_capacity(standing.len() + 1);
    for before in standing {
        entries.extend(reverse(before, ids(), at)?);
    }
    let originals = posted
        .iter()
        .filter(|entry| entry.header().reverses_id.is_none());
    let revision = u32::try_from(originals.count()).unwrap_or(u32::MAX);
    entries.extend(now.map(|now| now.with_revision(revision)));
    Ok(entries)
}

impl Row {
    fn places(&self, amount: Amount) -> Vec<(Place, Side)> {
        let side = |places: &'static [(Place, Amount)], side: Side| {
            let of_amount = places.iter().filter(move |(_, other)| *other == amount);
            of_amount.map(move |(place, _)| (*place, side))
        };
        let debits = side(self.debits, Side::Debit);
        debits.chain(side(self.credits, Side::Credit)).collect()
    }
}

impl Place {
    fn account(self, own: Option<AccountId>) -> AccountId {
        match self {
            Self::Of(account) => account.id(),
            Self::Revenue => own.unwrap_or_else(|| D::DeferredRevenue.id()),
        }
    }
}

impl Amount {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::BelowZero => "amount below zero",
            Self::LineNet => "net of each line",
            Self::Tax => "each tax",
            Self::Applied => "amount applied",
            Self::CreditedNet => "net credited",
            Self::CreditedTax => "tax credited",
            Self::AgainstDue => "part against what is due",
            Self::WalletShare => "part of the wallet",
            Self::ToRefund => "part to be refunded",
            Self::GivenOutside => "part given back outside",
            Self::Money => "whole amount",
            Self::Paid => "part of each invoice",
            Self::OwedAgain => "part of each invoice that is owed again",
            Self::GivenUp => "part of each invoice that is given up",
            Self::Earned => "amount earned",
        }
    }
}
