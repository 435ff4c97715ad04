//! The life of a checkout: from what is asked for to a contract in force, with a payment between where one is wanted.
//!
//! Owns which step may follow which. Invariants:
//! - a contract is made once, by the first confirmation, however often the payment is tried;
//! - a checkout whose payment has not been answered neither changes nor ends.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Checkout, Request};

/// Where a checkout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// To be confirmed.
    Pending,
    /// Confirmed: its payment is on its way.
    Processing,
    /// Confirmed, but the payment did not come: it can be confirmed again with another payment method.
    PaymentFailed,
    /// Done: the contract is in force, or changed.
    ContractCreated,
    /// It was not confirmed, or not paid, in time.
    Expired,
    /// It was given up.
    Cancelled,
}

/// How a confirmed checkout is paid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payment {
    /// The payment method that is charged; the customer's default, then others, without one.
    pub payment_method_id: Option<Uuid>,
    /// What is to be paid; `None` until the contract is billed.
    pub invoices: Option<Vec<Uuid>>,
    /// Why the last charge failed, for people.
    pub failure: Option<String>,
    /// The last charge that failed.
    pub failed_charge: Option<Uuid>,
}

/// Why a checkout does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is done.
    #[error("the checkout is confirmed")]
    Confirmed,
    /// Its payment has no answer yet.
    #[error(
        "the payment of the checkout has no answer yet: look at the checkout again in a minute"
    )]
    Processing,
    /// It was confirmed, and waits for another payment method.
    #[error(
        "the checkout is confirmed but not paid: confirm it with another payment method, or cancel it"
    )]
    PaymentFailed,
    /// It was not confirmed in time.
    #[error("the checkout has expired: make a new one")]
    Expired,
    /// It was given up.
    #[error("the checkout is cancelled: make a new one")]
    Cancelled,
}

impl Status {
    /// The API's words.
    pub const ALL: &[&str] = &[
        "pending",
        "processing",
        "payment_failed",
        "contract_created",
        "expired",
        "cancelled",
    ];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::PaymentFailed => "payment_failed",
            Self::ContractCreated => "contract_created",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The value of a word of the API.
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::Pending,
            Self::Processing,
            Self::PaymentFailed,
            Self::ContractCreated,
            Self::Expired,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|status| status.as_str() == word)
    }

    /// Whether it ends when its time has come.
    pub const fn expires(self) -> bool {
        matches!(self, Self::Pending | Self::PaymentFailed)
    }
}

impl Checkout {
    /// Where it stands at an instant.
    pub fn status_at(&self, now: Timestamp) -> Status {
        match self.status {
            status if status.expires() && self.expires_at <= now => Status::Expired,
            status => status,
        }
    }

    /// That nothing was agreed to yet: it can still be changed.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn require_pending(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.status_at(now) {
            Status::Pending => Ok(()),
            Status::Processing => Err(Refusal::Processing),
            Status::PaymentFailed => Err(Refusal::PaymentFailed),
            Status::ContractCreated => Err(Refusal::Confirmed),
            Status::Expired => Err(Refusal::Expired),
            Status::Cancelled => Err(Refusal::Cancelled),
        }
    }

    /// Whether it changes a contract that there is, instead of making one.
    pub const fn is_change(&self) -> bool {
        self.request.contract_id.is_some()
    }

    /// The checkout with its contract made or changed. With a payment the contract waits for that.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn confirm(
        &self,
        contract_id: Uuid,
        customer_id: Uuid,
        payment: Option<Payment>,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        self.require_pending(at)?;
        let request = Request {
            customer_id: Some(customer_id),
            ..self.request.clone()
        };
        Ok(Self {
            status: match payment {
                Some(_) => Status::Processing,
                None => Status::ContractCreated,
            },
            request,
            contract_id: Some(contract_id),
            payment,
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout with another try to pay it.
    ///
    /// # Errors
    /// [`Refusal`], unless its payment failed and its time has not come.
    pub fn pay_again(
        &self,
        payment_method_id: Option<Uuid>,
        at: Timestamp,
    ) -> Result<Self, Refusal> {
        match self.status_at(at) {
            Status::PaymentFailed => {}
            _ => self.require_pending(at)?,
        }
        let payment = self.payment.clone().unwrap_or_default();
        Ok(Self {
            status: Status::Processing,
            payment: Some(Payment {
                payment_method_id,
                failure: None,
                ..payment
            }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout with what its confirmation has billed; `None` where that is known.
    pub fn billed(&self, invoices: Vec<Uuid>, at: Timestamp) -> Option<Self> {
        let payment = self.payment.clone()?;
        payment.invoices.is_none().then(|| Self {
            payment: Some(Payment {
                invoices: Some(invoices),
                ..payment
            }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout with another payment method, while its payment waits for something that the customer has to do.
    pub fn pay_with(&self, payment_method_id: Uuid, at: Timestamp) -> Option<Self> {
        let payment = self.payment.clone()?;
        let is_other = payment.payment_method_id != Some(payment_method_id);
        (self.status == Status::Processing && is_other).then(|| Self {
            payment: Some(Payment {
                payment_method_id: Some(payment_method_id),
                ..payment
            }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout after its payment failed, with the charge that did; `None` where nobody waits for one.
    pub fn failed(&self, failure: String, charge: Option<Uuid>, at: Timestamp) -> Option<Self> {
        let payment = self.payment.clone()?;
        (self.status == Status::Processing).then(|| Self {
            status: Status::PaymentFailed,
            payment: Some(Payment {
                failure: Some(failure),
                failed_charge: charge,
                ..payment
            }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout after all of it is paid; `None` where it was done or given up before.
    pub fn paid(&self, at: Timestamp) -> Option<Self> {
        let payment = self.payment.clone()?;
        let waits = matches!(self.status, Status::Processing | Status::PaymentFailed);
        waits.then(|| Self {
            status: Status::ContractCreated,
            payment: Some(Payment {
                failure: None,
                ..payment
            }),
            updated_at: at,
            ..self.clone()
        })
    }

    /// The checkout given up. A change that was agreed to stands: what is owed for it is an invoice like others.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn cancel(&self, at: Timestamp) -> Result<Self, Refusal> {
        match self.status_at(at) {
            Status::PaymentFailed if !self.is_change() => {}
            Status::PaymentFailed => return Err(Refusal::Confirmed),
            _ => self.require_pending(at)?,
        }
        Ok(self.ended(Status::Cancelled, at))
    }

    /// The checkout after its time has come without a payment; `None` where there is nothing to take back.
    pub fn expire(&self, at: Timestamp) -> Option<Self> {
        let is_over = self.status == Status::PaymentFailed && self.expires_at <= at;
        let end = match self.is_change() {
            true => Status::ContractCreated,
            false => Status::Expired,
        };
        is_over.then(|| self.ended(end, at))
    }

    fn ended(&self, status: Status, at: Timestamp) -> Self {
        Self {
            status,
            updated_at: at,
            ..self.clone()
        }
    }
}
