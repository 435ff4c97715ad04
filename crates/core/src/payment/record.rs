//! Recording payments and changing what they are for.

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Kind, Method, Origin, Outcome, Payment, PaymentPart, Refusal, Status, WalletShare, invoice_of,
};
use crate::invoice::{Issued, Status as InvoiceStatus};
use crate::money::{Money, MoneyError};
use crate::wallet::{Entry, Reason};

/// A payment that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Its id.
    pub id: Uuid,
    /// Whose money it is.
    pub customer_id: Uuid,
    /// `payment` or `tax_withheld`.
    pub kind: Kind,
    /// How it came.
    pub method: Option<Method>,
    /// Who tells.
    pub origin: Origin,
    /// All of it.
    pub amount: Money,
    /// What of it is for which invoice; the rest goes into the wallet.
    pub parts: Vec<PartRequest>,
    /// `success` realises it.
    pub status: Status,
    /// The id of a gateway or bank.
    pub external_id: Option<String>,
    /// When the money moved.
    pub at: Timestamp,
}

/// What of a payment is to be for an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRequest {
    /// The invoice.
    pub invoice_id: Uuid,
    /// The amount; what is more than is due goes into the wallet.
    pub amount: Money,
}

/// A change of a manual payment: what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManualEdit {
    /// All of it.
    pub amount: Option<Money>,
    /// What of it is for which invoice.
    pub parts: Option<Vec<PartRequest>>,
    /// The id of a bank.
    pub external_id: Option<String>,
    /// When the money moved.
    pub at: Option<Timestamp>,
}

/// Everything that is wrong with a payment; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct Findings(pub Vec<Finding>);

/// One thing that is wrong, at a field of the body that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Keys and positions from the root.
    pub path: Vec<String>,
    /// The rule that is broken.
    pub rule: Rule,
}

/// A rule of payments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing or less.
    #[error("an amount above zero is needed")]
    NotPositive,
    /// It is for more than there is.
    #[error("the parts sum to more than the payment")]
    PartsAboveAmount,
    /// One invoice is named twice.
    #[error("the invoice occurs twice")]
    InvoiceTwice,
    /// The invoice is not known, or no invoice of this payer.
    #[error("there is no such invoice of this customer")]
    InvoiceUnknown,
    /// Nothing is to be paid of it any more, and never will be.
    #[error("the invoice is void")]
    InvoiceVoid,
    /// Another currency than the payment's.
    #[error("the invoice is in another currency")]
    CurrencyMismatch,
    /// Tax cannot be withheld of what is not owed.
    #[error("{0} of the invoice is to be paid")]
    WithheldAboveDue(Money),
    /// All withheld tax is for invoices.
    #[error("withheld tax is for invoices, all of it")]
    WithheldWithoutInvoice,
    /// Withheld tax has no method.
    #[error("withheld tax has no payment method")]
    WithheldMethod,
    /// Refunds and reversals have endpoints of their own.
    #[error("a {} cannot be recorded", .0.as_str())]
    KindNotRecordable(Kind),
    /// A manual payment has come or not.
    #[error("a payment is recorded as success or created, not {}", .0.as_str())]
    StatusNotRecordable(Status),
}

fn list(findings: &[Finding]) -> String {
    let texts = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.path.join("."), finding.rule));
    texts.collect::<Vec<_>>().join("; ")
}

/// Records a payment. `invoices` are those that its parts name, as far as they exist. With `success` the
/// parts reduce what is to be paid, and what is more goes into the wallet.
///
/// # Errors
/// Everything that is wrong; nothing changes.
pub fn record(request: Request, invoices: Vec<Issued>) -> Result<Outcome, Refusal> {
    check(&request, &invoices)?;
    let Request {
        id,
        customer_id,
        kind,
        method,
        origin,
        amount,
        parts,
        status,
        external_id,
        at,
    } = request;
    let zero = Money::zero(amount.currency());
    let payment = Payment {
        id,
        customer_id,
        kind,
        method,
        origin,
        amount,
        parts: intended(&parts),
        wallet: WalletShare {
            amount: zero,
            refunded: zero,
        },
        status,
        parent_id: None,
        external_id,
        at,
    };
    if status == Status::Success {
        allocate(payment, invoices)
    } else {
        Ok(unrealised(payment, invoices))
    }
}

fn intended(parts: &[PartRequest]) -> Vec<PaymentPart> {
    let parts = parts.iter().map(|part| PaymentPart {
        invoice_id: part.invoice_id,
        amount: part.amount,
        refunded: Money::zero(part.amount.currency()),
    });
    parts.collect()
}

const fn unrealised(payment: Payment, invoices: Vec<Issued>) -> Outcome {
    Outcome {
        payment,
        invoices,
        wallet: Vec::new(),
    }
}

/// The payment has come: its parts take what is due, the wallet the rest.
///
/// # Errors
/// [`Refusal::StatusNotAllowed`] unless it was still open; [`Refusal::InvoiceUnknown`],
/// [`Refusal::Money`].
pub fn realise(payment: Payment, invoices: Vec<Issued>) -> Result<Outcome, Refusal> {
    if !payment.status.is_open() {
        return Err(Refusal::StatusNotAllowed(payment.status));
    }
    allocate(payment, invoices)
}

/// The payment has not come, or not yet: it stands at `status` and changes nothing else.
///
/// # Errors
/// [`Refusal::StatusNotAllowed`] when it came already, or `status` would say that it has.
pub fn fail(mut payment: Payment, status: Status) -> Result<Payment, Refusal> {
    if !payment.status.is_open() || status.is_realised() {
        return Err(Refusal::StatusNotAllowed(payment.status));
    }
    payment.status = status;
    Ok(payment)
}

fn allocate(mut payment: Payment, mut invoices: Vec<Issued>) -> Result<Outcome, Refusal> {
    let mut left = payment.amount;
    for part in &mut payment.parts {
        let invoice = invoice_of(&mut invoices, part.invoice_id)?;
        let due = invoice.amount_due();
        if due < part.amount {
            part.amount = due;
        }
        *invoice = invoice.clone().with_paid(part.amount)?;
        left = left.checked_sub(part.amount)?;
    }
    payment.parts.retain(|part| !part.amount.is_zero());
    payment.wallet.amount = left;
    payment.status = Status::Success;
    let wallet = wallet_entry(payment.id, left);
    Ok(Outcome {
        payment,
        invoices,
        wallet: wallet.into_iter().collect(),
    })
}

fn wallet_entry(payment: Uuid, amount: Money) -> Option<Entry> {
    let reason = Reason::Overpayment { payment };
    (!amount.is_zero()).then_some(Entry { reason, amount })
}

/// Takes the payment off its invoices and out of the wallet.
fn take_back(payment: &Payment, invoices: &mut [Issued]) -> Result<Option<Entry>, Refusal> {
    for part in &payment.parts {
        let invoice = invoice_of(invoices, part.invoice_id)?;
        if part.amount > invoice.refundable()? {
            return Err(Refusal::AlreadyRefunded);
        }
        *invoice = invoice.clone().with_paid(part.amount.checked_neg()?)?;
    }
    Ok(wallet_entry(
        payment.id,
        payment.wallet.amount.checked_neg()?,
    ))
}

/// Says anew which invoices a payment is for (`PATCH /payments/{id}`). `invoices` are those that it was
/// for and those that it is to be for. The entries of the wallet may take back an over-payment: where
/// the wallet has it no more, [`crate::wallet::Wallet::post`] refuses and nothing is kept.
///
/// # Errors
/// Findings about the parts; [`Refusal::AlreadyRefunded`], [`Refusal::StatusNotAllowed`] and
/// [`Refusal::KindNotAllowed`] where nothing can be moved any more.
pub fn reallocate(
    payment: &Payment,
    parts: Vec<PartRequest>,
    invoices: Vec<Issued>,
) -> Result<Outcome, Refusal> {
    change(payment, payment.amount, parts, invoices)
}

/// Changes a manual payment.
///
/// # Errors
/// [`Refusal::NotManual`]; as [`reallocate`].
pub fn edit_manual(
    payment: &Payment,
    edit: ManualEdit,
    invoices: Vec<Issued>,
) -> Result<Outcome, Refusal> {
    require_manual(payment)?;
    let parts = edit.parts.unwrap_or_else(|| {
        let parts = payment.parts.iter().map(|part| PartRequest {
            invoice_id: part.invoice_id,
            amount: part.amount,
        });
        parts.collect()
    });
    let amount = edit.amount.unwrap_or(payment.amount);
    let mut outcome = change(payment, amount, parts, invoices)?;
    let changed = &mut outcome.payment;
    changed.external_id = edit.external_id.or(changed.external_id.take());
    changed.at = edit.at.unwrap_or(changed.at);
    Ok(outcome)
}

/// Deletes a manual payment: what it paid is owed again.
///
/// # Errors
/// [`Refusal::NotManual`], [`Refusal::AlreadyRefunded`], [`Refusal::StatusNotAllowed`].
pub fn delete_manual(payment: &Payment, mut invoices: Vec<Issued>) -> Result<Outcome, Refusal> {
    require_manual(payment)?;
    require_unrefunded(payment)?;
    let mut payment = payment.clone();
    let entry = if payment.status.is_realised() {
        take_back(&payment, &mut invoices)?
    } else {
        None
    };
    payment.status = Status::Voided;
    Ok(Outcome {
        payment,
        invoices,
        wallet: entry.into_iter().collect(),
    })
}

fn require_manual(payment: &Payment) -> Result<(), Refusal> {
    match payment.origin {
        Origin::Manual => Ok(()),
        Origin::Gateway => Err(Refusal::NotManual),
    }
}

fn require_unrefunded(payment: &Payment) -> Result<(), Refusal> {
    if !matches!(payment.kind, Kind::Payment | Kind::TaxWithheld) {
        return Err(Refusal::KindNotAllowed(payment.kind));
    }
    if !payment.amount_refunded()?.is_zero() {
        return Err(Refusal::AlreadyRefunded);
    }
    if payment.status.is_realised() || payment.status.is_open() {
        return Ok(());
    }
    Err(Refusal::StatusNotAllowed(payment.status))
}

fn change(
    payment: &Payment,
    amount: Money,
    parts: Vec<PartRequest>,
    mut invoices: Vec<Issued>,
) -> Result<Outcome, Refusal> {
    require_unrefunded(payment)?;
    let is_realised = payment.status.is_realised();
    let back = if is_realised {
        take_back(payment, &mut invoices)?
    } else {
        None
    };
    let changed = Payment {
        amount,
        parts: intended(&parts),
        wallet: WalletShare {
            amount: Money::zero(amount.currency()),
            refunded: Money::zero(amount.currency()),
        },
        ..payment.clone()
    };
    let request = as_request(&changed, parts);
    check(&request, &invoices)?;
    if !is_realised {
        return Ok(unrealised(changed, invoices));
    }
    let mut outcome = allocate(changed, invoices)?;
    outcome.wallet = net_entries(payment.id, back, &outcome.wallet)?;
    Ok(outcome)
}

/// One entry for what goes out of the wallet and comes in at once.
fn net_entries(
    payment: Uuid,
    back: Option<Entry>,
    entries: &[Entry],
) -> Result<Vec<Entry>, MoneyError> {
    let all = back.iter().chain(entries);
    let Some(first) = all.clone().next() else {
        return Ok(Vec::new());
    };
    let currency = first.amount.currency();
    let sum = Money::sum(all.map(|entry| entry.amount), currency)?;
    Ok(wallet_entry(payment, sum).into_iter().collect())
}

fn as_request(payment: &Payment, parts: Vec<PartRequest>) -> Request {
    Request {
        id: payment.id,
        customer_id: payment.customer_id,
        kind: payment.kind,
        method: payment.method,
        origin: payment.origin,
        amount: payment.amount,
        parts,
        status: payment.status,
        external_id: payment.external_id.clone(),
        at: payment.at,
    }
}

fn check(request: &Request, invoices: &[Issued]) -> Result<(), Refusal> {
    let mut findings = Vec::new();
    let mut require = |is_met: bool, path: &[&str], rule: Rule| {
        if !is_met {
            let path = path.iter().map(|key| (*key).to_owned()).collect();
            findings.push(Finding { path, rule });
        }
    };
    let Request {
        kind,
        amount,
        status,
        ..
    } = *request;
    require(amount.minor() > 0, &["amount"], Rule::NotPositive);
    let is_recordable = matches!(kind, Kind::Payment | Kind::TaxWithheld);
    require(is_recordable, &["type"], Rule::KindNotRecordable(kind));
    let is_told = status == Status::Success || status.is_open();
    let is_told = is_told
        && (request.origin == Origin::Gateway
            || matches!(status, Status::Success | Status::Created));
    require(is_told, &["status"], Rule::StatusNotRecordable(status));
    let sum = parts_sum(request);
    let fits = sum.is_ok_and(|sum| sum <= amount);
    require(fits, &["payment_parts"], Rule::PartsAboveAmount);
    if kind == Kind::TaxWithheld {
        let is_all = parts_sum(request).is_ok_and(|sum| sum == amount);
        require(is_all, &["payment_parts"], Rule::WithheldWithoutInvoice);
        let has_method = request.method.is_some();
        require(!has_method, &["payment_method"], Rule::WithheldMethod);
    }
    for (position, part) in request.parts.iter().enumerate() {
        let position_text = position.to_string();
        for (field, rule) in part_rules(request, position, part, invoices) {
            require(false, &["payment_parts", &position_text, field], rule);
        }
    }
    if findings.is_empty() {
        Ok(())
    } else {
        Err(Findings(findings).into())
    }
}

/// The sum of the parts in the payment's currency; others have a finding of their own.
fn parts_sum(request: &Request) -> Result<Money, MoneyError> {
    let currency = request.amount.currency();
    let parts = request.parts.iter().map(|part| part.amount);
    Money::sum(
        parts.filter(|amount| amount.currency() == currency),
        currency,
    )
}

fn part_rules(
    request: &Request,
    position: usize,
    part: &PartRequest,
    invoices: &[Issued],
) -> Vec<(&'static str, Rule)> {
    let mut rules = Vec::new();
    if part.amount.minor() <= 0 {
        rules.push(("amount", Rule::NotPositive));
    }
    let mut earlier = request.parts[..position].iter();
    if earlier.any(|other| other.invoice_id == part.invoice_id) {
        rules.push(("invoice_id", Rule::InvoiceTwice));
    }
    let mut invoices = invoices.iter();
    let found = invoices.find(|invoice| invoice.id() == part.invoice_id);
    let is_own = |invoice: &&Issued| {
        let served = invoice.parts().iter().map(|part| part.customer_id);
        let mut parties = served.chain([invoice.header().customer_id]);
        parties.any(|party| party == request.customer_id)
    };
    let Some(invoice) = found.filter(is_own) else {
        rules.push(("invoice_id", Rule::InvoiceUnknown));
        return rules;
    };
    let currency = request.amount.currency();
    if invoice.header().currency != currency || part.amount.currency() != currency {
        rules.push(("invoice_id", Rule::CurrencyMismatch));
    } else if invoice.status() == InvoiceStatus::Void {
        rules.push(("invoice_id", Rule::InvoiceVoid));
    } else if request.kind == Kind::TaxWithheld && invoice.amount_due() < part.amount {
        rules.push(("amount", Rule::WithheldAboveDue(invoice.amount_due())));
    }
    rules
}
