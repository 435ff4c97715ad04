//! Credit notes: what is given back of an invoice, or to a customer at large (semantics §7).
//!
//! Owns where the amount goes: first against what is still to be paid, then back to the customer. Does
//! not own the moving of money ([`crate::payment`]). Invariants: what is credited is settled in full,
//! `amount = against due + to the wallet + refunds + external`; the credits of an invoice never exceed
//! its total; they spread over its lines and taxes by largest remainder, and all of them together are
//! exactly those.

use jiff::Timestamp;
use uuid::Uuid;

use crate::invoice::{Issued, Part, Status as InvoiceStatus, line_items};
use crate::money::{Money, MoneyError};
use crate::tax::spread;
use crate::wallet::{Entry, Reason};
use crate::words::words;

/// A credit note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditNote {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// Who is credited.
    pub customer_id: Uuid,
    /// The invoice that it is against.
    pub invoice_id: Option<Uuid>,
    /// What is credited.
    pub amount: Money,
    /// Why, in the issuer's words.
    pub reason: String,
    /// Where it stands.
    pub status: Status,
    /// Where the amount went.
    pub settlement: Settlement,
    /// What it credits of each line and tax of the invoice, in the order of [`Issued::buckets`].
    pub buckets: Vec<Money>,
    /// When it was issued.
    pub issued_at: Timestamp,
}

/// Where a credit note's amount went; the sum is the amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Taken off what was still to be paid.
    pub against_due: Money,
    /// Into the wallet: `credits_returned` of the API.
    pub to_wallet: Money,
    /// Back to payments, through their gateways.
    pub refunds: Vec<PaymentShare>,
    /// Given back outside the platform.
    pub external: Money,
}

/// A part of an amount that belongs to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentShare {
    /// The payment.
    pub payment_id: Uuid,
    /// The part.
    pub amount: Money,
}

words! {
    /// Where a credit note stands.
    Status {
        /// Money is on its way back.
        InProgress = "in_progress",
        /// It is final.
        Issued = "issued",
        /// It was taken back.
        Void = "void",
        /// Money was given back.
        Paid = "paid",
    }
}

words! {
    /// Where paid money goes that is credited.
    RefundDestination {
        /// Into the wallet.
        Credits = "credits",
        /// To the payments that it came from.
        OriginalPaymentMethod = "original_payment_method",
        /// Outside the platform.
        External = "external",
    }
}

words! {
    /// How a credit note was settled, in the API's words.
    RepaymentMethod {
        /// Into the wallet.
        Credits = "credits",
        /// Off what was still to be paid.
        InvoiceAdjusted = "invoice_adjusted",
        /// Outside the platform.
        ExternalPayment = "external_payment",
        /// Against a payment.
        CreditsAgainstPayment = "credits_against_payment",
        /// To the payments that it came from.
        OriginalPaymentMethod = "original_payment_method",
    }
}

/// A credit note against an invoice that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: Uuid,
    /// Its number.
    pub number: String,
    /// What is to be credited.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// Where paid money goes; needed where there is any.
    pub destination: Option<RefundDestination>,
    /// Which payments give how much back; oldest first unless told.
    pub split: Vec<PaymentShare>,
    /// When.
    pub at: Timestamp,
}

/// What a credit note does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credited {
    /// The note.
    pub note: CreditNote,
    /// The invoice after it; void when all of it is credited.
    pub invoice: Issued,
    /// What comes into the wallet.
    pub wallet: Vec<Entry>,
}

/// Why no credit note is issued.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A reason is blank.
    #[error("a credit note needs a reason")]
    ReasonBlank,
    /// Nothing is credited.
    #[error("a credit note is for more than nothing")]
    NotPositive,
    /// More is credited than is left of the invoice.
    #[error("{left} of the invoice can still be credited")]
    AboveInvoice {
        /// What is left.
        left: Money,
    },
    /// All of the invoice is credited.
    #[error("the invoice is void")]
    InvoiceVoid,
    /// Money was paid and nobody said where it goes.
    #[error("{amount} of it was paid: say where it goes by refund_destination")]
    DestinationMissing {
        /// What was paid of what is credited.
        amount: Money,
    },
    /// The parts do not sum to what is refunded.
    #[error("the parts of refund_amount_split sum to {sum}, {wanted} are refunded")]
    SplitSum {
        /// Their sum.
        sum: Money,
        /// What is refunded.
        wanted: Money,
    },
    /// A payment cannot give back so much.
    #[error("payment {payment_id} can give back {left}")]
    PaymentTooSmall {
        /// The payment.
        payment_id: Uuid,
        /// What it can give back.
        left: Money,
    },
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl CreditNote {
    /// How it was settled, where most of it went.
    pub fn repayment_method(&self) -> RepaymentMethod {
        let Settlement {
            to_wallet,
            refunds,
            external,
            ..
        } = &self.settlement;
        if !refunds.is_empty() {
            RepaymentMethod::OriginalPaymentMethod
        } else if !external.is_zero() {
            RepaymentMethod::ExternalPayment
        } else if !to_wallet.is_zero() {
            RepaymentMethod::Credits
        } else {
            RepaymentMethod::InvoiceAdjusted
        }
    }

    /// What of it is given back through payments or outside the platform.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn given_back(&self) -> Result<Money, MoneyError> {
        let refunds = self.settlement.refunds.iter().map(|share| share.amount);
        let all = refunds.chain([self.settlement.external]);
        Money::sum(all, self.amount.currency())
    }

    /// The note after a gateway's answer to one of its refunds: what did not go back is in the wallet.
    /// `is_last` says that no other one is waited for.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn settled(
        mut self,
        share: PaymentShare,
        has_succeeded: bool,
        is_last: bool,
    ) -> Result<Self, MoneyError> {
        let settlement = &mut self.settlement;
        if !has_succeeded {
            let is_other = |other: &PaymentShare| other.payment_id != share.payment_id;
            settlement.refunds.retain(is_other);
            settlement.to_wallet = settlement.to_wallet.checked_add(share.amount)?;
        }
        if is_last && settlement.refunds.is_empty() {
            self.status = Status::Issued;
        }
        Ok(if is_last { self.refunded() } else { self })
    }

    /// The note after all its refunds have gone through.
    #[must_use]
    pub fn refunded(mut self) -> Self {
        if self.status == Status::InProgress {
            self.status = Status::Paid;
        }
        self
    }
}

/// What a credit note credits of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreditedLine {
    /// The line's name on the invoice.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Before tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}

/// What a note credits of each line of its invoice, in the invoice's order. Nothing for a note that is no
/// credit of lines.
///
/// # Errors
/// [`MoneyError`] where an amount does not fit.
pub fn credited_lines(note: &CreditNote, parts: &[Part]) -> Result<Vec<CreditedLine>, MoneyError> {
    let items = line_items(parts, note.amount.currency())?.lines;
    let lines = items.into_iter().zip(note.buckets.chunks(2));
    let credited = lines.filter_map(|(item, buckets)| {
        let [net, tax] = buckets else { return None };
        Some(CreditedLine {
            name: item.name,
            description: item.description,
            net: *net,
            tax: *tax,
        })
    });
    Ok(credited.collect())
}

/// Credits an invoice. `earlier` are its credit notes so far; `refundable` says what each of its payments
/// can give back, oldest first. Keep note, invoice and entries together; refunds through a gateway are
/// made afterwards, with [`crate::payment::refund_for_credit_note`].
///
/// # Errors
/// The first [`Refusal`] that applies; the invoice stays as it is.
pub fn against_invoice(
    invoice: Issued,
    request: Request,
    earlier: &[CreditNote],
    refundable: &[PaymentShare],
) -> Result<Credited, Refusal> {
    check(&invoice, &request)?;
    let settlement = settle(&invoice, &request, refundable)?;
    let buckets = credited_buckets(&invoice, request.amount, earlier)?;
    let refundable_of_invoice = invoice.refundable()?;
    let mut invoice = invoice;
    let amounts = &mut invoice.amounts;
    amounts.credited = amounts.credited.checked_add(request.amount)?;
    let given_back = request.amount.checked_sub(settlement.against_due)?;
    let returned_paid = least(given_back, refundable_of_invoice);
    let returned_applied = given_back.checked_sub(returned_paid)?;
    amounts.returned_paid = amounts.returned_paid.checked_add(returned_paid)?;
    amounts.returned_applied = amounts.returned_applied.checked_add(returned_applied)?;
    let status = if settlement.refunds.is_empty() {
        Status::Issued
    } else {
        Status::InProgress
    };
    let entry = Entry {
        reason: Reason::CreditNote {
            credit_note: request.id,
        },
        amount: settlement.to_wallet,
    };
    let wallet = Some(entry).filter(|entry| !entry.amount.is_zero());
    let note = CreditNote {
        id: request.id,
        number: request.number,
        customer_id: invoice.header.customer_id,
        invoice_id: Some(invoice.id),
        amount: request.amount,
        reason: request.reason.trim().to_owned(),
        status,
        settlement,
        buckets,
        issued_at: request.at,
    };
    Ok(Credited {
        note,
        invoice,
        wallet: wallet.into_iter().collect(),
    })
}

fn check(invoice: &Issued, request: &Request) -> Result<(), Refusal> {
    request.amount.expect_currency(invoice.header.currency)?;
    if request.reason.trim().is_empty() {
        return Err(Refusal::ReasonBlank);
    }
    if request.amount.minor() <= 0 {
        return Err(Refusal::NotPositive);
    }
    if invoice.status() == InvoiceStatus::Void {
        return Err(Refusal::InvoiceVoid);
    }
    let left = invoice.creditable()?;
    if request.amount > left {
        return Err(Refusal::AboveInvoice { left });
    }
    Ok(())
}

/// First against what is due; of the rest, what was paid goes where the request says, and what the
/// wallet had paid comes back to it.
fn settle(
    invoice: &Issued,
    request: &Request,
    refundable: &[PaymentShare],
) -> Result<Settlement, Refusal> {
    let zero = Money::zero(invoice.header.currency);
    let against_due = least(request.amount, invoice.amount_due());
    let excess = request.amount.checked_sub(against_due)?;
    let paid = least(excess, invoice.refundable()?);
    let mut settlement = Settlement {
        against_due,
        to_wallet: excess.checked_sub(paid)?,
        refunds: Vec::new(),
        external: zero,
    };
    if paid.is_zero() {
        return Ok(settlement);
    }
    match request.destination {
        None => return Err(Refusal::DestinationMissing { amount: paid }),
        Some(RefundDestination::Credits) => {
            settlement.to_wallet = settlement.to_wallet.checked_add(paid)?;
        }
        Some(RefundDestination::External) => settlement.external = paid,
        Some(RefundDestination::OriginalPaymentMethod) => {
            settlement.refunds = refunds(paid, &request.split, refundable)?;
        }
    }
    Ok(settlement)
}

fn refunds(
    wanted: Money,
    split: &[PaymentShare],
    refundable: &[PaymentShare],
) -> Result<Vec<PaymentShare>, Refusal> {
    if split.is_empty() {
        return oldest_first(wanted, refundable);
    }
    let sum = Money::sum(split.iter().map(|share| share.amount), wanted.currency())?;
    if sum != wanted {
        return Err(Refusal::SplitSum { sum, wanted });
    }
    let left_of = |payment_id: Uuid| {
        let mut known = refundable
            .iter()
            .filter(|other| other.payment_id == payment_id);
        known
            .next()
            .map_or(Money::zero(wanted.currency()), |other| other.amount)
    };
    let mut merged: Vec<PaymentShare> = Vec::with_capacity(split.len());
    for share in split {
        match merged
            .iter_mut()
            .find(|other| other.payment_id == share.payment_id)
        {
            Some(other) => other.amount = other.amount.checked_add(share.amount)?,
            None => merged.push(*share),
        }
    }
    for share in &merged {
        let left = left_of(share.payment_id);
        if share.amount.minor() <= 0 || share.amount > left {
            let payment_id = share.payment_id;
            return Err(Refusal::PaymentTooSmall { payment_id, left });
        }
    }
    Ok(merged)
}

fn oldest_first(wanted: Money, refundable: &[PaymentShare]) -> Result<Vec<PaymentShare>, Refusal> {
    let mut left = wanted;
    let mut shares = Vec::new();
    for PaymentShare { payment_id, amount } in refundable {
        let share = least(left, *amount);
        if share.minor() > 0 {
            let payment_id = *payment_id;
            shares.push(PaymentShare {
                payment_id,
                amount: share,
            });
            left = left.checked_sub(share)?;
        }
    }
    if left.is_zero() {
        return Ok(shares);
    }
    let sum = wanted.checked_sub(left)?;
    Err(Refusal::SplitSum { sum, wanted })
}

/// What of each line and tax is credited: in proportion to what is left of them, so that the last credit
/// note takes exactly the rest.
fn credited_buckets(
    invoice: &Issued,
    amount: Money,
    earlier: &[CreditNote],
) -> Result<Vec<Money>, MoneyError> {
    let mut left = invoice.buckets();
    for note in earlier.iter().filter(|note| note.status != Status::Void) {
        for (left, credited) in left.iter_mut().zip(&note.buckets) {
            *left = left.checked_sub(*credited)?;
        }
    }
    spread(amount, &left)
}

fn least(one: Money, other: Money) -> Money {
    if other < one { other } else { one }
}

/// The credit note for what an approved invoice is below zero, into the wallet (DESIGN §7). None where it
/// is not.
pub fn for_remainder(
    invoice: &Issued,
    id: Uuid,
    number: String,
    at: Timestamp,
) -> Option<(CreditNote, Entry)> {
    let amount = invoice.totals().credit;
    let zero = Money::zero(amount.currency());
    if amount.is_zero() {
        return None;
    }
    let note = CreditNote {
        id,
        number,
        customer_id: invoice.header().customer_id,
        invoice_id: Some(invoice.id()),
        amount,
        reason: format!("Invoice {} is below zero", invoice.number()),
        status: Status::Issued,
        settlement: Settlement {
            against_due: zero,
            to_wallet: amount,
            refunds: Vec::new(),
            external: zero,
        },
        buckets: Vec::new(),
        issued_at: at,
    };
    let reason = Reason::CreditNote { credit_note: id };
    Some((note, Entry { reason, amount }))
}

/// A credit note against no invoice (`POST /credit_notes`): what is not given back outside goes into the
/// wallet. `external` is what is.
///
/// # Errors
/// [`Refusal::NotPositive`]; [`Refusal::AboveInvoice`] where more is given back than credited.
pub fn stand_alone(
    customer_id: Uuid,
    request: Request,
    external: Money,
) -> Result<(CreditNote, Option<Entry>), Refusal> {
    let amount = request.amount;
    if amount.minor() <= 0 || external.is_negative() {
        return Err(Refusal::NotPositive);
    }
    let to_wallet = amount.checked_sub(external)?;
    if to_wallet.is_negative() {
        return Err(Refusal::AboveInvoice { left: amount });
    }
    let note = CreditNote {
        id: request.id,
        number: request.number,
        customer_id,
        invoice_id: None,
        amount,
        reason: request.reason,
        status: Status::Issued,
        settlement: Settlement {
            against_due: Money::zero(amount.currency()),
            to_wallet,
            refunds: Vec::new(),
            external,
        },
        buckets: Vec::new(),
        issued_at: request.at,
    };
    let reason = Reason::CreditNote {
        credit_note: request.id,
    };
    let entry = (!to_wallet.is_zero()).then_some(Entry {
        reason,
        amount: to_wallet,
    });
    Ok((note, entry))
}
