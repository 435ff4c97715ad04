//! Issued invoices: approved, numbered, immutable but for what is paid and credited of them.

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::{Draft, Header, Part, Refusal, Status, Summary, Totals};
use crate::money::{Money, MoneyError};
use crate::payment_terms::{PaymentTermType, PaymentTerms};
use crate::wallet::{Entry, Reason, Wallet};

/// An approved invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    pub(crate) id: Uuid,
    pub(crate) header: Header,
    pub(crate) parts: Vec<Part>,
    pub(crate) totals: Totals,
    pub(crate) number: String,
    pub(crate) approved_at: Timestamp,
    pub(crate) due_date: Date,
    pub(crate) amounts: Amounts,
    pub(crate) is_voided: bool,
}

/// What became of an invoice's total. All are in its currency and not below zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// Set off against the wallet at approval.
    pub applied: Money,
    /// Paid, less what was refunded and is owed again.
    pub paid: Money,
    /// Credited by credit notes.
    pub credited: Money,
    /// Of what was credited, what had been paid and was given back.
    pub returned_paid: Money,
    /// Of what was credited, what had been set off and is in the wallet again.
    pub returned_applied: Money,
    /// Given up.
    pub written_off: Money,
}

/// What an approval adds to a draft.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The number, from the entity's gapless sequence.
    pub number: String,
    /// When.
    pub at: Timestamp,
    /// The day of it in the organisation's zone.
    pub on: Date,
    /// The payer's wallet in the invoice's currency.
    pub wallet: Wallet,
    /// The organisation's payment terms, where the invoice has none.
    pub payment_terms: PaymentTerms,
}

/// An approved invoice and what it does to the wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approved {
    /// The invoice.
    pub invoice: Issued,
    /// What was set off. What the invoice is below zero is a credit note's business:
    /// [`crate::credit_note::for_remainder`].
    pub wallet: Option<Entry>,
}

/// Approves a draft: the number is given, the due day follows from the terms, and the wallet pays what
/// it can. Load the draft, the next number and the payer's wallet; keep both results in one
/// transaction with the entries of the ledger.
///
/// # Errors
/// [`Refusal::NotADraft`], [`Refusal::Money`], [`Refusal::Calendar`].
pub fn approve(draft: Draft, approval: Approval) -> Result<Approved, Refusal> {
    draft.require_open()?;
    let (header, totals) = (draft.header().clone(), draft.totals());
    let terms = header.payment_terms.unwrap_or(approval.payment_terms);
    let from = match terms.term_type {
        PaymentTermType::OnApproval => approval.on,
        PaymentTermType::OnCreation => header.invoice_date,
    };
    let applied = approval.wallet.can_pay(totals.total);
    let zero = Money::zero(header.currency);
    let invoice = Issued {
        id: draft.id(),
        parts: draft.parts().to_vec(),
        totals,
        number: approval.number,
        approved_at: approval.at,
        due_date: terms.due_date(from)?,
        amounts: Amounts {
            applied,
            paid: zero,
            credited: zero,
            returned_paid: zero,
            returned_applied: zero,
            written_off: zero,
        },
        is_voided: false,
        header,
    };
    let reason = Reason::Applied {
        invoice: invoice.id,
    };
    let amount = applied.checked_neg()?;
    let wallet = (!applied.is_zero()).then_some(Entry { reason, amount });
    Ok(Approved { invoice, wallet })
}

impl Issued {
    /// An invoice as the store keeps it: its draft's contents, and what was added since.
    ///
    /// # Errors
    /// [`Refusal::AmountsBroken`] where the amounts do not fit the total; [`Refusal::Money`].
    pub fn restore(
        draft: Draft,
        number: String,
        approved_at: Timestamp,
        due_date: Date,
        amounts: Amounts,
    ) -> Result<Self, Refusal> {
        let invoice = Self {
            id: draft.id(),
            header: draft.header().clone(),
            parts: draft.parts().to_vec(),
            totals: draft.totals(),
            number,
            approved_at,
            due_date,
            amounts,
            is_voided: false,
        };
        if invoice.unsettled()?.is_negative() {
            return Err(Refusal::AmountsBroken);
        }
        Ok(invoice)
    }

    /// Its id.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// What it says besides its amounts.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its rated bills.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What it comes to.
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Its number.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// When it was approved.
    pub const fn approved_at(&self) -> Timestamp {
        self.approved_at
    }

    /// When it is due.
    pub const fn due_date(&self) -> Date {
        self.due_date
    }

    /// What became of its total.
    pub const fn amounts(&self) -> Amounts {
        self.amounts
    }

    /// Where it stands: void when all of it was credited or it was voided, paid when nothing is to be paid.
    pub fn status(&self) -> Status {
        let Amounts {
            applied,
            paid,
            credited,
            ..
        } = self.amounts;
        let total = self.totals.total;
        if self.is_voided || !total.is_zero() && credited == total {
            Status::Void
        } else if self.amount_due().is_zero() {
            Status::Paid
        } else if applied.is_zero() && paid.is_zero() {
            Status::Approved
        } else {
            Status::PartiallyPaid
        }
    }

    /// What is still to be paid.
    pub fn amount_due(&self) -> Money {
        self.unsettled()
            .unwrap_or(Money::zero(self.header.currency))
    }

    /// What a credit note can still credit.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn creditable(&self) -> Result<Money, MoneyError> {
        self.totals.total.checked_sub(self.amounts.credited)
    }

    fn unsettled(&self) -> Result<Money, MoneyError> {
        let Amounts {
            applied,
            paid,
            credited,
            returned_paid,
            returned_applied,
            written_off,
        } = self.amounts;
        let settled = Money::sum([applied, paid, credited, written_off], self.header.currency)?;
        let left = self.totals.total.checked_sub(settled)?;
        left.checked_add(returned_paid)?
            .checked_add(returned_applied)
    }

    /// All amounts in one place.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn summary(&self) -> Result<Summary, MoneyError> {
        Ok(Summary {
            totals: self.totals,
            applied_balance: self.amounts.applied,
            net_invoice_total: self.totals.total.checked_sub(self.amounts.applied)?,
            paid: self.amounts.paid,
            credited: self.amounts.credited,
            amount_due: self.amount_due(),
        })
    }

    /// The invoice as void (`PATCH /invoices/{id}/void`): credit notes have made it so, or nothing was ever
    /// to be paid.
    ///
    /// # Errors
    /// [`Refusal::CannotBeVoided`] while something of it stands.
    pub fn void(self) -> Result<Self, Refusal> {
        if !self.creditable()?.is_zero() {
            return Err(Refusal::CannotBeVoided);
        }
        Ok(Self {
            is_voided: true,
            ..self
        })
    }

    /// What was paid of the invoice and can still go back: not what credit notes gave back already.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn refundable(&self) -> Result<Money, MoneyError> {
        self.amounts.paid.checked_sub(self.amounts.returned_paid)
    }

    /// The invoice with another amount paid: above zero what comes in, below zero what goes back and is
    /// owed again.
    pub(crate) fn with_paid(mut self, amount: Money) -> Result<Self, MoneyError> {
        self.amounts.paid = self.amounts.paid.checked_add(amount)?;
        Ok(self)
    }

    /// The invoice with an amount of it given up.
    pub(crate) fn with_written_off(mut self, amount: Money) -> Result<Self, MoneyError> {
        self.amounts.written_off = self.amounts.written_off.checked_add(amount)?;
        Ok(self)
    }

    /// Lines and taxes as amounts to be credited, in the order of the invoice: for each line of each
    /// part its net, then its tax, then the same of each adjustment.
    pub fn buckets(&self) -> Vec<Money> {
        let mut buckets = Vec::new();
        for part in &self.parts {
            for line in &part.rated.lines {
                buckets.extend([line.net, line.tax]);
            }
            for adjustment in &part.adjustments {
                buckets.extend([adjustment.net, adjustment.tax]);
            }
        }
        buckets
    }
}
