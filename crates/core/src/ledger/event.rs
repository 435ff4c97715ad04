//! What happens to money, and the amounts that it has. Owns nothing of where they are posted.

use jiff::Timestamp;
use uuid::Uuid;

use super::entry::{Dimensions, EntryHeader, Kind};
use super::posting::Amount;
use super::{AccountId, Revenues};
use crate::credit_note::{CreditNote, RefundDestination};
use crate::currency::Currency;
use crate::id::LineId;
use crate::invoice::{Issued, Part, Source};
use crate::money::{Money, MoneyError};
use crate::payment::{self, Origin, Payment};
use crate::rating::LineKind;
use crate::wallet;

/// A movement of money. What has not happened (a payment on its way, a refund that failed) posts nothing,
/// so that a caller need not ask.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A draft became an invoice.
    InvoiceApproved {
        /// The invoice.
        invoice: &'a Issued,
    },
    /// The wallet paid for an invoice at its approval.
    WalletApplied {
        /// The invoice as it was approved.
        invoice: &'a Issued,
    },
    /// What an invoice is below zero went into the wallet.
    RemainderCredited {
        /// The credit note of [`crate::credit_note::for_remainder`].
        note: &'a CreditNote,
    },
    /// Any other credit note was issued.
    CreditNoteIssued {
        /// The credit note.
        note: &'a CreditNote,
    },
    /// Money came in, or tax was withheld.
    PaymentReceived {
        /// The payment.
        payment: &'a Payment,
    },
    /// A payment was changed, allocated anew or deleted: what was posted of it is taken back, and what
    /// it is now is posted.
    PaymentChanged {
        /// The payment after the change.
        payment: &'a Payment,
    },
    /// Money of a payment went back.
    Refunded {
        /// The refund.
        refund: &'a Payment,
        /// Where it went.
        destination: RefundDestination,
        /// Whether what went back is given up; otherwise it is owed again.
        writes_off: bool,
    },
    /// A refund that a credit note promised was paid.
    CreditNoteRefunded {
        /// The refund of [`crate::payment::refund_for_credit_note`].
        refund: &'a Payment,
    },
    /// A refund that a credit note promised was not paid, and went into the wallet instead.
    CreditNoteRefundFailed {
        /// The refund.
        refund: &'a Payment,
    },
    /// The money of a payment never came.
    PaymentReversed {
        /// The reversal of [`crate::payment::reverse`].
        reversal: &'a Payment,
    },
    /// A wallet was changed by hand.
    WalletAdjusted {
        /// The id of the wallet's entry.
        id: Uuid,
        /// Whose wallet it is.
        customer_id: Uuid,
        /// The entry.
        entry: &'a wallet::Entry,
        /// When.
        at: Timestamp,
    },
    /// Revenue was earned.
    RevenueRecognised {
        /// What.
        recognised: &'a Recognised,
    },
}

/// Revenue that is earned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Its id.
    pub id: Uuid,
    /// The income account.
    pub account: AccountId,
    /// How much.
    pub amount: Money,
    /// Whether it was billed before; otherwise it is unbilled.
    pub was_billed: bool,
    /// What it is about.
    pub dimensions: Dimensions,
    /// When.
    pub at: Timestamp,
}

/// An amount of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) amount: Amount,
    pub(super) money: Money,
    pub(super) dimensions: Dimensions,
    /// The account, where the amount has one of its own.
    pub(super) account: Option<AccountId>,
}

impl Item {
    const fn new(amount: Amount, money: Money, dimensions: Dimensions) -> Self {
        Self {
            amount,
            money,
            dimensions,
            account: None,
        }
    }
}

/// What an approval posts: the invoice, what the wallet paid, and what it is below zero.
pub fn of_approval<'a>(
    invoice: &'a Issued,
    remainder: Option<&'a CreditNote>,
) -> impl Iterator<Item = Event<'a>> {
    let approved = [
        Event::InvoiceApproved { invoice },
        Event::WalletApplied { invoice },
    ];
    let remainder = remainder.map(|note| Event::RemainderCredited { note });
    approved.into_iter().chain(remainder)
}

impl Event<'_> {
    /// The event as a row of the posting table.
    pub fn kind(&self) -> Kind {
        match self {
            Self::InvoiceApproved { .. } => Kind::InvoiceApproved,
            Self::WalletApplied { .. } => Kind::WalletApplied,
            Self::RemainderCredited { .. } => Kind::RemainderCredited,
            Self::CreditNoteIssued { .. } => Kind::CreditNoteIssued,
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => {
                match (payment.kind, payment.origin) {
                    (payment::Kind::TaxWithheld, _) => Kind::TaxWithheld,
                    (_, Origin::Manual) => Kind::PaymentReceived,
                    (_, Origin::Gateway) => Kind::GatewayPaymentReceived,
                }
            }
            Self::Refunded {
                refund,
                destination,
                ..
            } => match (destination, refund.origin) {
                (RefundDestination::Credits, _) => Kind::RefundToWallet,
                (RefundDestination::OriginalPaymentMethod, Origin::Gateway) => {
                    Kind::GatewayRefundPaid
                }
                _ => Kind::RefundPaid,
            },
            Self::CreditNoteRefunded { refund } => match refund.origin {
                Origin::Manual => Kind::CreditNoteRefundPaid,
                Origin::Gateway => Kind::GatewayCreditNoteRefundPaid,
            },
            Self::CreditNoteRefundFailed { .. } => Kind::CreditNoteRefundToWallet,
            Self::PaymentReversed { reversal } => match reversal.origin {
                Origin::Manual => Kind::PaymentReversed,
                Origin::Gateway => Kind::GatewayPaymentReversed,
            },
            Self::WalletAdjusted { entry, .. } if entry.amount.is_negative() => Kind::WalletDebited,
            Self::WalletAdjusted { .. } => Kind::WalletCredited,
            Self::RevenueRecognised { recognised } if recognised.was_billed => {
                Kind::RevenueRecognised
            }
            Self::RevenueRecognised { .. } => Kind::RevenueUnbilled,
        }
    }

    /// What the event happened to.
    pub fn source_id(&self) -> Uuid {
        match self {
            Self::InvoiceApproved { invoice } | Self::WalletApplied { invoice } => invoice.id,
            Self::RemainderCredited { note } | Self::CreditNoteIssued { note } => note.id,
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => payment.id,
            Self::Refunded { refund, .. }
            | Self::CreditNoteRefunded { refund }
            | Self::CreditNoteRefundFailed { refund } => refund.id,
            Self::PaymentReversed { reversal } => reversal.id,
            Self::WalletAdjusted { id, .. } => *id,
            Self::RevenueRecognised { recognised } => recognised.id,
        }
    }

    /// The customer whose account with the organisation it is about.
    pub fn customer_id(&self) -> Option<Uuid> {
        match self {
            Self::InvoiceApproved { invoice } | Self::WalletApplied { invoice } => {
                Some(invoice.header.customer_id)
            }
            Self::RemainderCredited { note } | Self::CreditNoteIssued { note } => {
                Some(note.customer_id)
            }
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => {
                Some(payment.customer_id)
            }
            Self::Refunded { refund, .. }
            | Self::CreditNoteRefunded { refund }
            | Self::CreditNoteRefundFailed { refund } => Some(refund.customer_id),
            Self::PaymentReversed { reversal } => Some(reversal.customer_id),
            Self::WalletAdjusted { customer_id, .. } => Some(*customer_id),
            Self::RevenueRecognised { recognised } => recognised.dimensions.customer_id,
        }
    }

    /// The entity that bills, where the event says it.
    pub fn business_entity_id(&self) -> Option<Uuid> {
        match self {
            Self::InvoiceApproved { invoice } | Self::WalletApplied { invoice } => {
                invoice.header.business_entity_id
            }
            _ => None,
        }
    }

    /// The lines of contracts whose revenue it is about.
    pub fn revenue_lines(&self) -> Vec<LineId> {
        let Self::InvoiceApproved { invoice } = self else {
            return Vec::new();
        };
        let lines = invoice.parts.iter().flat_map(|part| {
            let billed = part.rated.lines.iter().map(|line| charge(line.kind));
            billed.chain(part.adjustments.iter().map(|adjusted| keyed(adjusted.key)))
        });
        lines.flatten().collect()
    }

    pub(super) fn header(&self, id: Uuid, at: Timestamp) -> EntryHeader {
        EntryHeader {
            id,
            kind: self.kind(),
            source_id: Some(self.source_id()),
            revision: 0,
            reverses_id: None,
            description: self.description(),
            currency: self.currency(),
            business_entity_id: self.business_entity_id(),
            posted_at: self.happened_at().unwrap_or(at),
        }
    }

    /// When the event counts; a correction counts when it is made.
    fn happened_at(&self) -> Option<Timestamp> {
        Some(match self {
            Self::InvoiceApproved { invoice } | Self::WalletApplied { invoice } => {
                invoice.approved_at
            }
            Self::RemainderCredited { note } | Self::CreditNoteIssued { note } => note.issued_at,
            Self::PaymentReceived { payment } => payment.at,
            Self::PaymentChanged { .. } | Self::CreditNoteRefundFailed { .. } => return None,
            Self::Refunded { refund, .. } | Self::CreditNoteRefunded { refund } => refund.at,
            Self::PaymentReversed { reversal } => reversal.at,
            Self::WalletAdjusted { at, .. } => *at,
            Self::RevenueRecognised { recognised } => recognised.at,
        })
    }

    fn currency(&self) -> Currency {
        match self {
            Self::InvoiceApproved { invoice } | Self::WalletApplied { invoice } => {
                invoice.header.currency
            }
            Self::RemainderCredited { note } | Self::CreditNoteIssued { note } => {
                note.amount.currency()
            }
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => {
                payment.amount.currency()
            }
            Self::Refunded { refund, .. }
            | Self::CreditNoteRefunded { refund }
            | Self::CreditNoteRefundFailed { refund } => refund.amount.currency(),
            Self::PaymentReversed { reversal } => reversal.amount.currency(),
            Self::WalletAdjusted { entry, .. } => entry.amount.currency(),
            Self::RevenueRecognised { recognised } => recognised.amount.currency(),
        }
    }

    fn description(&self) -> String {
        match self {
            Self::InvoiceApproved { invoice } => format!("Invoice {}", invoice.number),
            Self::WalletApplied { invoice } => format!("Wallet applied to {}", invoice.number),
            Self::RemainderCredited { note } | Self::CreditNoteIssued { note } => {
                format!("Credit note {}", note.number)
            }
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => {
                match payment.kind {
                    payment::Kind::TaxWithheld => "Tax withheld".to_owned(),
                    _ => "Payment".to_owned(),
                }
            }
            Self::Refunded { .. } => "Refund of a payment".to_owned(),
            Self::CreditNoteRefunded { .. } => "Refund of a credit note".to_owned(),
            Self::CreditNoteRefundFailed { .. } => {
                "Refund of a credit note, into the wallet".to_owned()
            }
            Self::PaymentReversed { .. } => "Payment reversed".to_owned(),
            Self::WalletAdjusted { .. } => "Wallet adjusted by hand".to_owned(),
            Self::RevenueRecognised { .. } => "Revenue recognised".to_owned(),
        }
    }

    /// The amounts of the event; none of one that has not happened.
    pub(super) fn items(&self, revenues: &Revenues) -> Result<Vec<Item>, MoneyError> {
        match self {
            Self::InvoiceApproved { invoice } => of_invoice(invoice, revenues),
            Self::WalletApplied { invoice } => Ok(vec![Item::new(
                Amount::Applied,
                invoice.amounts.applied,
                about(invoice),
            )]),
            Self::RemainderCredited { note } => {
                Ok(vec![Item::new(Amount::BelowZero, note.amount, noted(note))])
            }
            Self::CreditNoteIssued { note } => of_credit_note(note),
            Self::PaymentReceived { payment } | Self::PaymentChanged { payment } => {
                Ok(of_payment(payment))
            }
            Self::Refunded {
                refund, writes_off, ..
            } => {
                let of_part = if *writes_off {
                    Amount::GivenUp
                } else {
                    Amount::OwedAgain
                };
                Ok(of_refund(refund, of_part))
            }
            Self::CreditNoteRefunded { refund } => Ok(of_promised_refund(refund)),
            Self::CreditNoteRefundFailed { refund } => {
                Ok(of_parts(refund, Amount::ToRefund).collect())
            }
            Self::PaymentReversed { reversal } => Ok(of_refund(reversal, Amount::OwedAgain)),
            Self::WalletAdjusted {
                customer_id, entry, ..
            } => of_adjustment(*customer_id, entry),
            Self::RevenueRecognised { recognised } => Ok(vec![Item {
                account: Some(recognised.account),
                ..Item::new(Amount::Earned, recognised.amount, recognised.dimensions)
            }]),
        }
    }
}

fn about(invoice: &Issued) -> Dimensions {
    Dimensions {
        customer_id: Some(invoice.header.customer_id),
        contract_id: invoice.header.contract_id,
        invoice_id: Some(invoice.id),
        ..Dimensions::default()
    }
}

const fn charge(kind: LineKind) -> Option<LineId> {
    match kind {
        LineKind::Charge(line) => Some(line),
        LineKind::CommitmentTopUp(_) | LineKind::ServiceFee(_) => None,
    }
}

const fn keyed(key: crate::billing::LineKey) -> Option<LineId> {
    match key {
        crate::billing::LineKey::Charge { line, .. } => Some(line),
        _ => None,
    }
}

/// The total, then the net of each line and the taxes, part by part.
fn of_invoice(invoice: &Issued, revenues: &Revenues) -> Result<Vec<Item>, MoneyError> {
    let mut items = vec![
        Item::new(Amount::Total, invoice.totals.total, about(invoice)),
        Item::new(Amount::BelowZero, invoice.totals.credit, about(invoice)),
    ];
    for part in &invoice.parts {
        let dimensions = Dimensions {
            // Revenue is of who was served, what is owed of who pays.
            customer_id: Some(part.customer_id),
            contract_id: match part.source {
                Source::Contract { contract_id, .. } => Some(contract_id),
                Source::OneOff => None,
            },
            invoice_id: Some(invoice.id),
            ..Dimensions::default()
        };
        items.extend(revenue_of(part, dimensions, revenues));
        items.extend(taxes_of(part, dimensions)?);
    }
    Ok(items)
}

fn revenue_of(part: &Part, dimensions: Dimensions, revenues: &Revenues) -> Vec<Item> {
    let billed = part
        .rated
        .lines
        .iter()
        .map(|line| (charge(line.kind), line.net));
    let adjusted = part.adjustments.iter();
    let adjusted = adjusted.map(|adjusted| (keyed(adjusted.key), adjusted.net));
    let item = |(line, net): (Option<LineId>, Money)| {
        let revenue = line.map(|line| revenues.of(line)).unwrap_or_default();
        let dimensions = Dimensions {
            line_id: line.map(|line| line.0),
            product_id: revenue.product_id,
            ..dimensions
        };
        Item {
            account: Some(revenue.policy.account()),
            ..Item::new(Amount::LineNet, net, dimensions)
        }
    };
    billed.chain(adjusted).map(item).collect()
}

fn taxes_of(part: &Part, dimensions: Dimensions) -> Result<Vec<Item>, MoneyError> {
    let item = |tax_id, amount| {
        let dimensions = Dimensions {
            tax_id,
            ..dimensions
        };
        Item::new(Amount::Tax, amount, dimensions)
    };
    let taxes = part.rated.taxes.iter();
    let mut items: Vec<Item> = taxes
        .map(|tax| item(Some(tax.tax.id.0), tax.amount))
        .collect();
    let adjusted = part.adjustments.iter().map(|adjusted| adjusted.tax);
    let adjusted = Money::sum(adjusted, part.rated.tax.currency())?;
    items.push(item(None, adjusted));
    Ok(items)
}

fn noted(note: &CreditNote) -> Dimensions {
    Dimensions {
        customer_id: Some(note.customer_id),
        invoice_id: note.invoice_id,
        credit_note_id: Some(note.id),
        ..Dimensions::default()
    }
}

/// Nets and taxes alternate in [`CreditNote::buckets`]; a note without them credits no tax.
fn of_credit_note(note: &CreditNote) -> Result<Vec<Item>, MoneyError> {
    let currency = note.amount.currency();
    let taxes = note.buckets.iter().skip(1).step_by(2).copied();
    let tax = Money::sum(taxes, currency)?;
    let settled = &note.settlement;
    let refunds = settled.refunds.iter().map(|share| share.amount);
    let amounts = [
        (Amount::CreditedNet, note.amount.checked_sub(tax)?),
        (Amount::CreditedTax, tax),
        (Amount::AgainstDue, settled.against_due),
        (Amount::WalletShare, settled.to_wallet),
        (Amount::ToRefund, Money::sum(refunds, currency)?),
        (Amount::GivenOutside, settled.external),
    ];
    let item = |(amount, money)| Item::new(amount, money, noted(note));
    Ok(amounts.into_iter().map(item).collect())
}

fn paid(payment: &Payment) -> Dimensions {
    let (payment_id, refund_id) = match payment.parent_id {
        Some(parent) => (Some(parent), Some(payment.id)),
        None => (Some(payment.id), None),
    };
    Dimensions {
        customer_id: Some(payment.customer_id),
        payment_id,
        refund_id,
        ..Dimensions::default()
    }
}

fn of_parts(payment: &Payment, of_part: Amount) -> impl Iterator<Item = Item> {
    let dimensions = paid(payment);
    payment.parts.iter().map(move |part| {
        let dimensions = Dimensions {
            invoice_id: Some(part.invoice_id),
            ..dimensions
        };
        Item::new(of_part, part.amount, dimensions)
    })
}

fn of_payment(payment: &Payment) -> Vec<Item> {
    let is_money = matches!(
        payment.kind,
        payment::Kind::Payment | payment::Kind::TaxWithheld
    );
    if !is_money || !payment.status.is_realised() {
        return Vec::new();
    }
    let mut items = vec![Item::new(Amount::Money, payment.amount, paid(payment))];
    items.extend(of_parts(payment, Amount::Paid));
    items.push(Item::new(
        Amount::WalletShare,
        payment.wallet.amount,
        paid(payment),
    ));
    items
}

fn of_refund(refund: &Payment, of_part: Amount) -> Vec<Item> {
    if refund.status != payment::Status::Success {
        return Vec::new();
    }
    let mut items = vec![Item::new(Amount::Money, refund.amount, paid(refund))];
    items.extend(of_parts(refund, of_part));
    items.push(Item::new(
        Amount::WalletShare,
        refund.wallet.amount,
        paid(refund),
    ));
    items
}

fn of_promised_refund(refund: &Payment) -> Vec<Item> {
    if refund.status != payment::Status::Success {
        return Vec::new();
    }
    let mut items = vec![Item::new(Amount::Money, refund.amount, paid(refund))];
    items.extend(of_parts(refund, Amount::ToRefund));
    items
}

fn of_adjustment(customer_id: Uuid, entry: &wallet::Entry) -> Result<Vec<Item>, MoneyError> {
    let amount = if entry.amount.is_negative() {
        entry.amount.checked_neg()?
    } else {
        entry.amount
    };
    let dimensions = Dimensions {
        customer_id: Some(customer_id),
        ..Dimensions::default()
    };
    Ok(vec![Item::new(Amount::WalletShare, amount, dimensions)])
}
