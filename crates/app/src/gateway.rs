//! The port to payment gateways, and which of them there are.
//!
//! Owns what a gateway is asked and how it refuses. Does not own what follows from an answer
//! ([`florin_core::charge`]), nor any gateway's protocol: the binary wires those in. The test gateway is here,
//! because sandboxes have it in every installation.
//!
//! No transaction is open while a gateway is asked: it may take a minute, and SQLite has one writer.

pub mod signature;
mod test_gateway;

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use florin_core::{charge::State, connector::TEST, money::Money, payment_method::Facts};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::vault::Secret;

pub use test_gateway::{Charged, TestGateway};

/// What opens an account at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The key; empty where the gateway needs none.
    pub api_key: Secret,
    /// What the gateway signs its webhooks with.
    pub webhook_secret: Option<Secret>,
}

/// A customer as a gateway is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCustomer {
    /// Our id, also the key under which the gateway makes one customer only.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where the gateway writes to.
    pub email: Option<String>,
}

/// A payment method at a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// The gateway's id for it.
    pub external_id: String,
    /// Month and year after which it is not good any more.
    pub expires: Option<(i8, i16)>,
    /// What it is.
    pub facts: Facts,
    /// The gateway's own document of it.
    pub raw: Json,
}

/// A begun set-up: the customer gives its card to the gateway, never to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The gateway's id for it.
    pub reference: String,
    /// With which the customer's browser goes on; for this customer alone.
    pub client_secret: Secret,
}

/// An attempt as the gateway is asked for it, or about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The key: a gateway charges once under it, however often it is sent.
    pub key: String,
    /// The invoice's id, for the gateway's records.
    pub invoice: String,
    /// Who pays, as the gateway calls it.
    pub customer: String,
    /// What is charged; `None`: the customer chooses on the gateway's page.
    pub method: Option<String>,
    /// How much.
    pub amount: Money,
    /// The gateway's id, where it is known.
    pub reference: Option<String>,
    /// When the attempt was begun.
    pub at: Timestamp,
}

/// A page on which the customer pays an [`Order`] without a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'p> {
    /// What stands on it: the invoice's number.
    pub title: &'p str,
    /// Where the customer's browser goes afterwards.
    pub return_url: &'p str,
}

/// Money that is to go back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOrder {
    /// The key: a gateway refunds once under it.
    pub key: String,
    /// The gateway's id of what was charged.
    pub charge: String,
    /// How much of it.
    pub amount: Money,
}

/// Where a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// The gateway is at it.
    Open,
    /// The money went back.
    Succeeded {
        /// The gateway's id.
        reference: String,
    },
    /// It did not.
    Failed {
        /// Why, for people.
        message: String,
    },
}

/// What a gateway tells by itself, as far as it concerns us. It may come several times and in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Where an attempt stands.
    Charge {
        /// Its key.
        key: String,
        /// Where it stands.
        state: State,
    },
    /// Where a refund stands.
    Refund {
        /// Its key.
        key: String,
        /// Where it stands.
        state: RefundState,
    },
    /// A customer has given a payment method.
    Method {
        /// The customer, as the gateway calls it.
        customer: String,
        /// The gateway's id of the method.
        method: String,
    },
    /// A payment method is no longer there.
    MethodGone {
        /// The gateway's id of it.
        method: String,
    },
    /// Something that does not concern us.
    Other,
}

/// Why a gateway did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The bank or the gateway does not take the payment method.
    #[error("{message}")]
    Declined {
        /// The gateway's word for why.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// What was asked cannot be done: the gateway knows no such thing, or not now.
    #[error("the gateway refuses: {message}")]
    Refused {
        /// Why, in the gateway's words.
        message: String,
    },
    /// The key to the account is not good.
    #[error("the gateway does not accept the connector's API key")]
    KeyRefused,
    /// What claims to come from the gateway cannot be shown to.
    #[error("{0}")]
    Unverified(&'static str),
    /// No answer, or one that says nothing: whether it was done is not known.
    #[error("the gateway does not answer: {message}")]
    Unanswered {
        /// What happened.
        message: String,
    },
}

/// A gateway's outcome.
pub type GatewayResult<T> = Result<T, GatewayError>;

/// Keeps payment methods and moves money.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// The header of a webhook that holds its signature, in lower case.
    fn signature_header(&self) -> &'static str;

    /// Makes a customer; answers the gateway's id for it.
    async fn create_customer(&self, with: &Credentials, new: &NewCustomer)
    -> GatewayResult<String>;

    /// Begins the set-up of a payment method.
    async fn begin_setup(
        &self,
        with: &Credentials,
        customer: &str,
        key: &str,
    ) -> GatewayResult<Setup>;

    /// Attaches a payment method to a customer; attaching it again changes nothing.
    async fn attach(
        &self,
        with: &Credentials,
        customer: &str,
        method: &str,
    ) -> GatewayResult<Method>;

    /// The payment methods of a customer.
    async fn methods(&self, with: &Credentials, customer: &str) -> GatewayResult<Vec<Method>>;

    /// Detaches a payment method; one that is not there is detached.
    async fn detach(&self, with: &Credentials, method: &str) -> GatewayResult<()>;

    /// Charges a payment method while the customer is not there. A refusal of the bank is an answer, no error.
    async fn charge(&self, with: &Credentials, order: &Order) -> GatewayResult<State>;

    /// Makes a page on which the customer pays; answers [`State::RequiresAction`] with its URL.
    async fn open_page(
        &self,
        with: &Credentials,
        order: &Order,
        page: &Page<'_>,
    ) -> GatewayResult<State>;

    /// Where an attempt stands, found by its key or reference; `None` where the gateway never heard of it.
    async fn state(&self, with: &Credentials, order: &Order) -> GatewayResult<Option<State>>;

    /// Takes an attempt back that waits for the customer; answers where it stands then, which is
    /// [`State::Succeeded`] where the customer was quicker.
    async fn cancel(&self, with: &Credentials, order: &Order) -> GatewayResult<State>;

    /// Sends money back.
    async fn refund(&self, with: &Credentials, order: &RefundOrder) -> GatewayResult<RefundState>;

    /// Where a refund stands, found by its key; `None` where the gateway never heard of it.
    async fn refund_state(
        &self,
        with: &Credentials,
        order: &RefundOrder,
    ) -> GatewayResult<Option<RefundState>>;

    /// Verifies and reads what the gateway tells by itself.
    ///
    /// # Errors
    /// [`GatewayError::Unverified`]; [`GatewayError::Refused`] for a body that cannot be read.
    fn read_webhook(
        &self,
        with: &Credentials,
        signature: &str,
        body: &[u8],
        now: Timestamp,
    ) -> GatewayResult<Notice>;
}

/// The gateways of this installation, by name.
#[derive(Clone)]
pub struct Gateways(BTreeMap<&'static str, Arc<dyn Gateway>>);

impl Default for Gateways {
    fn default() -> Self {
        Self(BTreeMap::new()).with(TEST, Arc::new(TestGateway::default()))
    }
}

impl Gateways {
    /// These and one more, or another one of that name.
    #[must_use]
    pub fn with(mut self, name: &'static str, gateway: Arc<dyn Gateway>) -> Self {
        self.0.insert(name, gateway);
        self
    }

    /// The gateway of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Gateway>> {
        self.0.get(name)
    }
}
