//! Payments: money that came in or went back, and which invoices it is for.
//!
//! Owns allocation over invoices, over-payment, refunds, reversals and tax withheld. Does not own
//! gateways: a payment's status is told. Invariants of a realised payment:
//! - `amount = sum of its parts + its share in the wallet`;
//! - nothing gives back more than it took: of each part and of the wallet's share, and of each invoice;
//! - what every function answers (payment, invoices, entries of the wallet) belongs together and is kept
//!   together.

mod record;
mod refund;

use jiff::Timestamp;
use uuid::Uuid;

use crate::invoice::Issued;
use crate::money::{Money, MoneyError};
use crate::wallet::Entry;
use crate::words::words;

pub use record::{
    Finding, Findings, ManualEdit, PartRequest, Request, Rule, delete_manual, edit_manual, fail,
    realise, reallocate, record,
};
pub use refund::{
    RefundRequest, Refunded, Reversal, refund, refund_for_credit_note, reverse, settle_refund,
    settle_refund_for_credit_note,
};

/// A payment, refund, reversal or withheld tax.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: Uuid,
    /// Whose money it is.
    pub customer_id: Uuid,
    /// What it is.
    pub kind: Kind,
    /// How it came; none for withheld tax.
    pub method: Option<Method>,
    /// Who told of it.
    pub origin: Origin,
    /// All of it, above zero also for refunds.
    pub amount: Money,
    /// What of it is for which invoice: intended until it is realised.
    pub parts: Vec<PaymentPart>,
    /// What of it is in the wallet, and what of that went back.
    pub wallet: WalletShare,
    /// Where it stands.
    pub status: Status,
    /// The payment that a refund or reversal is of.
    pub parent_id: Option<Uuid>,
    /// The id of a gateway or bank.
    pub external_id: Option<String>,
    /// When the money moved.
    pub at: Timestamp,
}

/// What of a payment is for an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentPart {
    /// The invoice.
    pub invoice_id: Uuid,
    /// What it takes.
    pub amount: Money,
    /// What of it went back, or is on its way back.
    pub refunded: Money,
}

/// What of a payment is for no invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalletShare {
    /// What the wallet got.
    pub amount: Money,
    /// What of it went back, or is on its way back.
    pub refunded: Money,
}

/// Who told of a payment: only what people told can people change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person.
    Manual,
    /// A gateway.
    Gateway,
}

words! {
    /// What moved.
    Kind {
        /// Money came in.
        Payment = "payment",
        /// Money went back.
        Refund = "refund",
        /// Money that was told never came.
        PaymentReversal = "payment_reversal",
        /// Money is set aside.
        Authorization = "authorization",
        /// The customer paid a part to the tax office.
        TaxWithheld = "tax_withheld",
    }
}

words! {
    /// How money moved.
    Method {
        /// A card.
        Card = "card",
        /// Cash.
        Cash = "cash",
        /// A check.
        Check = "check",
        /// A charge-back.
        ChargeBack = "charge_back",
        /// A bank transfer.
        BankTransfer = "bank_transfer",
        /// A direct debit.
        DirectDebit = "direct_debit",
        /// Amazon Payments.
        AmazonPayments = "amazon_payments",
        /// PayPal.
        PaypalExpressCheckout = "paypal_express_checkout",
        /// UPI.
        Upi = "upi",
        /// E-mandates of net banking.
        NetbankingEmandates = "netbanking_emandates",
        /// Anything else.
        Other = "other",
        /// The wallet.
        Credits = "credits",
        /// An ACH credit transfer.
        AchCreditTransfer = "ach_credit_transfer",
    }
}

words! {
    /// Where a payment stands.
    Status {
        /// The gateway is at it.
        InProgress = "in_progress",
        /// The customer must do something.
        RequiresAction = "requires_action",
        /// It will be charged.
        PendingCharge = "pending_charge",
        /// Money is set aside.
        Authorized = "authorized",
        /// It was told, but did not come.
        Created = "created",
        /// It came.
        Success = "success",
        /// It was taken back before or after it came.
        Voided = "voided",
        /// It did not come.
        Failed = "failed",
        /// Somebody stopped it.
        Canceled = "canceled",
        /// All of it went back.
        Refunded = "refunded",
        /// Some of it went back.
        PartiallyRefunded = "partially_refunded",
        /// Anything else.
        Other = "other",
    }
}

/// What a payment does: to be kept together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The payment.
    pub payment: Payment,
    /// The invoices after it, those that were given.
    pub invoices: Vec<Issued>,
    /// What it does to the wallet of its customer and currency.
    pub wallet: Vec<Entry>,
}

/// Why a payment does not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What was sent breaks rules.
    #[error(transparent)]
    Findings(#[from] Findings),
    /// Only what people told can people change.
    #[error("only a manual payment can be changed or deleted")]
    NotManual,
    /// It is not of the kind that this can be done with.
    #[error("this cannot be done with a {}", .0.as_str())]
    KindNotAllowed(Kind),
    /// It does not stand where this can be done.
    #[error("the payment is {}", .0.as_str())]
    StatusNotAllowed(Status),
    /// Some of it went back.
    #[error("some of the payment was refunded")]
    AlreadyRefunded,
    /// More is wanted back than is left.
    #[error("{left} of the payment can be refunded")]
    AboveRefundable {
        /// What is left.
        left: Money,
    },
    /// The parts do not sum to what is refunded.
    #[error("the parts sum to {sum}, {wanted} are refunded")]
    PartsSum {
        /// Their sum.
        sum: Money,
        /// What is refunded.
        wanted: Money,
    },
    /// An invoice that the payment is for was not given, or it is for none such.
    #[error("the payment is not for invoice {0}")]
    InvoiceUnknown(Uuid),
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Status {
    /// Whether money came.
    pub const fn is_realised(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Refunded | Self::PartiallyRefunded
        )
    }

    /// Whether money may still come.
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::InProgress
                | Self::RequiresAction
                | Self::PendingCharge
                | Self::Authorized
                | Self::Created
                | Self::Other
        )
    }
}

impl PaymentPart {
    /// What of the part can go back.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn left(&self) -> Result<Money, MoneyError> {
        self.amount.checked_sub(self.refunded)
    }
}

impl Payment {
    /// What of the payment went back, or is on its way back.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn amount_refunded(&self) -> Result<Money, MoneyError> {
        let parts = self.parts.iter().map(|part| part.refunded);
        Money::sum(parts.chain([self.wallet.refunded]), self.amount.currency())
    }

    /// What of the payment is for invoices and in the wallet; its amount, once it is realised.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn allocated(&self) -> Result<Money, MoneyError> {
        let parts = self.parts.iter().map(|part| part.amount);
        Money::sum(parts.chain([self.wallet.amount]), self.amount.currency())
    }

    fn with_status_of_refunds(mut self) -> Result<Self, MoneyError> {
        let refunded = self.amount_refunded()?;
        self.status = if refunded.is_zero() {
            Status::Success
        } else if refunded == self.amount {
            Status::Refunded
        } else {
            Status::PartiallyRefunded
        };
        Ok(self)
    }
}

/// The invoice of an id, to be changed.
fn invoice_of(invoices: &mut [Issued], id: Uuid) -> Result<&mut Issued, Refusal> {
    let mut invoices = invoices.iter_mut();
    let found = invoices.find(|invoice| invoice.id() == id);
    found.ok_or(Refusal::InvoiceUnknown(id))
}
