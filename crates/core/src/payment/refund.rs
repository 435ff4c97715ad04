//! Refunds and reversals: money that goes back, and money that never came.
//!
//! A refund through a gateway is set aside first ([`refund`], in progress), so that no second one can
//! take the same money, and done or given up when the gateway has answered ([`settle_refund`]).

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Kind, Method, Outcome, Payment, PaymentPart, Refusal, Status, WalletShare, invoice_of,
};
use crate::credit_note::RefundDestination;
use crate::invoice::Issued;
use crate::money::{Money, MoneyError};
use crate::wallet::{Entry, Reason};

/// A refund that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The id of the refund.
    pub id: Uuid,
    /// Where the money goes.
    pub destination: RefundDestination,
    /// How much; all that is left without it.
    pub amount: Option<Money>,
    /// Of which invoices how much. Without it the over-payment goes first, then the invoices in
    /// proportion to what is left of each.
    pub parts: Vec<(Uuid, Money)>,
    /// Whether what went back is given up; otherwise it is owed again.
    pub writes_off: bool,
    /// Whether a gateway has to be asked first.
    pub is_pending: bool,
    /// When.
    pub at: Timestamp,
}

/// A refund, set aside or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// The payment with what goes back of it.
    pub payment: Payment,
    /// The refund: a payment of its own.
    pub refund: Payment,
    /// The invoices after it, those that were given.
    pub invoices: Vec<Issued>,
    /// What it does to the wallet.
    pub wallet: Vec<Entry>,
}

/// Money that never came, or was taken back by the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// Its id.
    pub id: Uuid,
    /// What of the payment's refunds went into the wallet: it never was, either.
    pub refunded_into_wallet: Money,
    /// When.
    pub at: Timestamp,
}

/// Refunds a payment. `invoices` are those that it is for.
///
/// # Errors
/// [`Refusal::KindNotAllowed`] for anything but a payment, [`Refusal::StatusNotAllowed`] unless it came,
/// [`Refusal::AboveRefundable`], [`Refusal::PartsSum`], [`Refusal::InvoiceUnknown`].
pub fn refund(
    payment: Payment,
    request: RefundRequest,
    invoices: Vec<Issued>,
) -> Result<Refunded, Refusal> {
    require_refundable(&payment)?;
    let shares = shares(&payment, &request, &invoices)?;
    let mut payment = payment;
    set_aside(&mut payment, &shares)?;
    let refund = refund_of(&payment, &request, &shares)?;
    let set_aside = Refunded {
        payment: payment.with_status_of_refunds()?,
        refund,
        invoices,
        wallet: Vec::new(),
    };
    if request.is_pending {
        return Ok(set_aside);
    }
    carry_out(set_aside, request.destination, request.writes_off)
}

fn require_refundable(payment: &Payment) -> Result<(), Refusal> {
    if payment.kind != Kind::Payment {
        return Err(Refusal::KindNotAllowed(payment.kind));
    }
    if !payment.status.is_realised() {
        return Err(Refusal::StatusNotAllowed(payment.status));
    }
    Ok(())
}

/// What goes back: of each invoice, and of the wallet.
struct Shares {
    parts: Vec<(Uuid, Money)>,
    wallet: Money,
}

fn shares(
    payment: &Payment,
    request: &RefundRequest,
    invoices: &[Issued],
) -> Result<Shares, Refusal> {
    let currency = payment.amount.currency();
    let zero = Money::zero(currency);
    let mut left = Vec::with_capacity(payment.parts.len());
    for part in &payment.parts {
        left.push((part.invoice_id, left_of(part, invoices)?));
    }
    // What is in the wallet already need not go there.
    let wallet_left = match request.destination {
        RefundDestination::Credits => zero,
        _ => payment.wallet.amount.checked_sub(payment.wallet.refunded)?,
    };
    let of_parts = Money::sum(left.iter().map(|(_, amount)| *amount), currency)?;
    let all = of_parts.checked_add(wallet_left)?;
    if !request.parts.is_empty() {
        return named_shares(request, &left, zero);
    }
    let wanted = request
        .amount
        .filter(|amount| !amount.is_zero())
        .unwrap_or(all);
    wanted.expect_currency(currency)?;
    if wanted.minor() <= 0 || wanted > all {
        return Err(Refusal::AboveRefundable { left: all });
    }
    let wallet = if wanted < wallet_left {
        wanted
    } else {
        wallet_left
    };
    let of_parts = wanted.checked_sub(wallet)?;
    Ok(Shares {
        parts: proportional(of_parts, &left)?,
        wallet,
    })
}

/// What can go back of a part: neither more than it has left nor than its invoice holds.
fn left_of(part: &PaymentPart, invoices: &[Issued]) -> Result<Money, Refusal> {
    let mut invoices = invoices.iter();
    let invoice = invoices.find(|invoice| invoice.id() == part.invoice_id);
    let invoice = invoice.ok_or(Refusal::InvoiceUnknown(part.invoice_id))?;
    let (own, held) = (part.left()?, invoice.refundable()?);
    Ok(if held < own { held } else { own })
}

fn named_shares(
    request: &RefundRequest,
    left: &[(Uuid, Money)],
    zero: Money,
) -> Result<Shares, Refusal> {
    let mut parts: Vec<(Uuid, Money)> = Vec::with_capacity(request.parts.len());
    for (invoice, amount) in &request.parts {
        amount.expect_currency(zero.currency())?;
        match parts.iter_mut().find(|(known, _)| known == invoice) {
            Some((_, sum)) => *sum = sum.checked_add(*amount)?,
            None => parts.push((*invoice, *amount)),
        }
        if amount.minor() <= 0 {
            return Err(Refusal::AboveRefundable { left: zero });
        }
    }
    for (invoice, amount) in &parts {
        let mut known = left.iter().filter(|(id, _)| id == invoice);
        let (_, left) = known.next().ok_or(Refusal::InvoiceUnknown(*invoice))?;
        if amount > left {
            return Err(Refusal::AboveRefundable { left: *left });
        }
    }
    let sum = Money::sum(parts.iter().map(|(_, amount)| *amount), zero.currency())?;
    let wanted = request.amount.filter(|amount| !amount.is_zero());
    if let Some(wanted) = wanted.filter(|wanted| *wanted != sum) {
        return Err(Refusal::PartsSum { sum, wanted });
    }
    Ok(Shares {
        parts,
        wallet: zero,
    })
}

fn proportional(amount: Money, left: &[(Uuid, Money)]) -> Result<Vec<(Uuid, Money)>, MoneyError> {
    if amount.is_zero() {
        return Ok(Vec::new());
    }
    let weights: Vec<_> = left.iter().map(|(_, left)| left.minor().into()).collect();
    let amounts = amount.allocate(&weights)?;
    let shares = left
        .iter()
        .zip(amounts)
        .map(|((id, _), amount)| (*id, amount));
    Ok(shares.filter(|(_, amount)| !amount.is_zero()).collect())
}

fn set_aside(payment: &mut Payment, shares: &Shares) -> Result<(), Refusal> {
    for (invoice, amount) in &shares.parts {
        let mut parts = payment.parts.iter_mut();
        let part = parts.find(|part| part.invoice_id == *invoice);
        let part = part.ok_or(Refusal::InvoiceUnknown(*invoice))?;
        part.refunded = part.refunded.checked_add(*amount)?;
    }
    let wallet = &mut payment.wallet;
    wallet.refunded = wallet.refunded.checked_add(shares.wallet)?;
    Ok(())
}

fn refund_of(
    payment: &Payment,
    request: &RefundRequest,
    shares: &Shares,
) -> Result<Payment, MoneyError> {
    let currency = payment.amount.currency();
    let zero = Money::zero(currency);
    let parts = shares.parts.iter().map(|(invoice_id, amount)| PaymentPart {
        invoice_id: *invoice_id,
        amount: *amount,
        refunded: zero,
    });
    let of_parts = Money::sum(shares.parts.iter().map(|(_, amount)| *amount), currency)?;
    Ok(Payment {
        id: request.id,
        kind: Kind::Refund,
        method: match request.destination {
            RefundDestination::Credits => Some(Method::Credits),
            RefundDestination::OriginalPaymentMethod => payment.method,
            RefundDestination::External => Some(Method::Other),
        },
        amount: of_parts.checked_add(shares.wallet)?,
        parts: parts.collect(),
        wallet: WalletShare {
            amount: shares.wallet,
            refunded: zero,
        },
        status: if request.is_pending {
            Status::InProgress
        } else {
            Status::Success
        },
        parent_id: Some(payment.id),
        external_id: None,
        at: request.at,
        ..payment.clone()
    })
}

/// What a refund that went through does to invoices and wallet.
fn carry_out(
    mut refunded: Refunded,
    destination: RefundDestination,
    writes_off: bool,
) -> Result<Refunded, Refusal> {
    let refund = &refunded.refund;
    let mut into_wallet = Money::zero(refund.amount.currency());
    for part in &refund.parts {
        let invoice = invoice_of(&mut refunded.invoices, part.invoice_id)?;
        let mut after = invoice.clone().with_paid(part.amount.checked_neg()?)?;
        if writes_off {
            after = after.with_written_off(part.amount)?;
        }
        *invoice = after;
        if destination == RefundDestination::Credits {
            into_wallet = into_wallet.checked_add(part.amount)?;
        }
    }
    let amount = into_wallet.checked_sub(refund.wallet.amount)?;
    let reason = Reason::Refund { refund: refund.id };
    refunded.refund.status = Status::Success;
    if !amount.is_zero() {
        refunded.wallet.push(Entry { reason, amount });
    }
    Ok(refunded)
}

/// What the gateway answered to a refund that was in progress: done, or given up and free again.
///
/// # Errors
/// [`Refusal::StatusNotAllowed`] unless it was in progress; [`Refusal::InvoiceUnknown`].
pub fn settle_refund(
    payment: Payment,
    refund: Payment,
    has_succeeded: bool,
    writes_off: bool,
    invoices: Vec<Issued>,
) -> Result<Refunded, Refusal> {
    require_in_progress(&refund)?;
    let mut refunded = Refunded {
        payment,
        refund,
        invoices,
        wallet: Vec::new(),
    };
    if has_succeeded {
        let destination = RefundDestination::OriginalPaymentMethod;
        return carry_out(refunded, destination, writes_off);
    }
    for part in &refunded.refund.parts {
        let mut parts = refunded.payment.parts.iter_mut();
        let own = parts.find(|own| own.invoice_id == part.invoice_id);
        let own = own.ok_or(Refusal::InvoiceUnknown(part.invoice_id))?;
        own.refunded = own.refunded.checked_sub(part.amount)?;
    }
    let wallet = &mut refunded.payment.wallet;
    wallet.refunded = wallet.refunded.checked_sub(refunded.refund.wallet.amount)?;
    refunded.refund.status = Status::Failed;
    refunded.payment = refunded.payment.with_status_of_refunds()?;
    Ok(refunded)
}

/// The refund of a credit note's share: the credit note has told the invoice already.
///
/// # Errors
/// As [`refund`]; [`Refusal::AboveRefundable`] where the payment has less left for the invoice.
pub fn refund_for_credit_note(
    payment: Payment,
    request: &RefundRequest,
    invoice_id: Uuid,
    amount: Money,
) -> Result<(Payment, Payment), Refusal> {
    require_refundable(&payment)?;
    let mut parts = payment.parts.iter();
    let part = parts.find(|part| part.invoice_id == invoice_id);
    let left = part.ok_or(Refusal::InvoiceUnknown(invoice_id))?.left()?;
    if amount.minor() <= 0 || amount > left {
        return Err(Refusal::AboveRefundable { left });
    }
    let shares = Shares {
        parts: vec![(invoice_id, amount)],
        wallet: Money::zero(amount.currency()),
    };
    let mut payment = payment;
    set_aside(&mut payment, &shares)?;
    let refund = refund_of(&payment, request, &shares)?;
    Ok((payment.with_status_of_refunds()?, refund))
}

/// What the gateway answered to the refund of a credit note's share. Where the money did not go back, the
/// payment has it again, and the customer gets it in the wallet: the credit stands. The note is told by
/// [`crate::credit_note::CreditNote::settled`].
///
/// # Errors
/// [`Refusal::KindNotAllowed`], [`Refusal::StatusNotAllowed`] unless it was in progress;
/// [`Refusal::InvoiceUnknown`].
pub fn settle_refund_for_credit_note(
    payment: Payment,
    refund: Payment,
    credit_note: Uuid,
    has_succeeded: bool,
) -> Result<Refunded, Refusal> {
    let amount = refund.amount;
    if !has_succeeded {
        let mut refunded = settle_refund(payment, refund, false, false, Vec::new())?;
        let reason = Reason::CreditNote { credit_note };
        refunded.wallet.push(Entry { reason, amount });
        return Ok(refunded);
    }
    require_in_progress(&refund)?;
    Ok(Refunded {
        payment,
        refund: Payment {
            status: Status::Success,
            ..refund
        },
        invoices: Vec::new(),
        wallet: Vec::new(),
    })
}

fn require_in_progress(refund: &Payment) -> Result<(), Refusal> {
    if refund.kind != Kind::Refund {
        return Err(Refusal::KindNotAllowed(refund.kind));
    }
    if refund.status != Status::InProgress {
        return Err(Refusal::StatusNotAllowed(refund.status));
    }
    Ok(())
}

/// Takes back a payment whose money never came, or that the bank took back: what it paid is owed again,
/// and the wallet loses its over-payment and what credit notes and refunds put there of it, below zero if it
/// must. Answers the payment, voided, and the
/// reversal.
///
/// # Errors
/// [`Refusal::KindNotAllowed`], [`Refusal::StatusNotAllowed`]; [`Refusal::AlreadyRefunded`] when nothing is
/// left to be reversed.
pub fn reverse(
    payment: Payment,
    reversal: Reversal,
    mut invoices: Vec<Issued>,
) -> Result<(Outcome, Payment), Refusal> {
    require_refundable(&payment)?;
    let (parts, of_wallet) = take_all_back(&payment, &mut invoices)?;
    let of_wallet = of_wallet.checked_add(reversal.refunded_into_wallet)?;
    let currency = payment.amount.currency();
    let of_parts = Money::sum(parts.iter().map(|part| part.amount), currency)?;
    let amount = of_parts.checked_add(of_wallet)?;
    if amount.is_zero() {
        return Err(Refusal::AlreadyRefunded);
    }
    let taken_back = Payment {
        id: reversal.id,
        kind: Kind::PaymentReversal,
        amount,
        parts,
        wallet: WalletShare {
            amount: of_wallet,
            refunded: Money::zero(currency),
        },
        status: Status::Success,
        parent_id: Some(payment.id),
        external_id: None,
        at: reversal.at,
        ..payment.clone()
    };
    let reason = Reason::Reversal {
        reversal: reversal.id,
    };
    let amount = of_wallet.checked_neg()?;
    let entry = (!amount.is_zero()).then_some(Entry { reason, amount });
    let outcome = Outcome {
        payment: Payment {
            status: Status::Voided,
            ..payment
        },
        invoices,
        wallet: entry.into_iter().collect(),
    };
    Ok((outcome, taken_back))
}

/// Takes what a payment has left off its invoices: the parts, and what the wallet loses.
fn take_all_back(
    payment: &Payment,
    invoices: &mut [Issued],
) -> Result<(Vec<PaymentPart>, Money), Refusal> {
    let mut parts = Vec::with_capacity(payment.parts.len());
    let mut of_wallet = payment.wallet.amount.checked_sub(payment.wallet.refunded)?;
    for part in &payment.parts {
        let amount = left_of(part, invoices)?;
        let invoice = invoice_of(invoices, part.invoice_id)?;
        *invoice = invoice.clone().with_paid(amount.checked_neg()?)?;
        // What a credit note gave back of the invoice went to the customer already.
        of_wallet = of_wallet.checked_add(part.left()?.checked_sub(amount)?)?;
        if !amount.is_zero() {
            parts.push(PaymentPart {
                invoice_id: part.invoice_id,
                amount,
                refunded: Money::zero(amount.currency()),
            });
        }
    }
    Ok((parts, of_wallet))
}
