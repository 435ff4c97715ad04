//! Stripe: PaymentIntents for saved methods, Checkout for pages, SetupIntents for set-ups, Refunds.
//!
//! An attempt carries our key twice: as `Idempotency-Key`, under which Stripe does it once for a day, and as
//! metadata, by which it is found later. Invariant: what may have moved money is repeated under its key only.

mod amount;
mod answer;
mod lookup;
mod notice;
mod request;

use std::time::Duration;

use async_trait::async_trait;
use florin_app::gateway::{
    Credentials, Gateway, GatewayError, GatewayResult, Method, NewCustomer, Notice, Order, Page,
    RefundOrder, RefundState, Setup, signature,
};
use florin_app::vault::Secret;
use florin_core::charge::State;
use jiff::Timestamp;
use serde_json::Value as Json;

use request::{Call, Failure};

/// Our key of an attempt, in its metadata.
const CHARGE: &str = "florin_charge";
/// Our key of a refund, in its metadata.
const REFUND: &str = "florin_refund";
/// Says that an attempt is made on a page, where a customer may try several cards.
const PAGE: &str = "florin_page";

/// How Stripe is spoken to.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it answers, without a slash at the end.
    pub base_url: String,
    /// How long one try may take. Three of them and the pauses between stay below
    /// [`florin_core::charge::ANSWER_MAX`].
    pub timeout: Duration,
    /// How long to wait before the second try; twice as long before the third.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            base_url: "https://api.stripe.com".to_owned(),
            timeout: Duration::from_secs(30),
            pause: Duration::from_millis(500),
        }
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("the client of Stripe cannot be made: {0}")]
pub struct StartError(String);

/// A client of Stripe. It holds no key: each question brings its account's.
#[derive(Clone, Debug)]
pub struct Stripe {
    client: reqwest::Client,
    options: Options,
}

impl Stripe {
    /// A client.
    ///
    /// # Errors
    /// [`StartError`] where TLS cannot be set up.
    pub fn new(options: Options) -> Result<Self, StartError> {
        let client = request::client(&options).map_err(StartError)?;
        Ok(Self { client, options })
    }

    /// An attempt's state in `answer`, or what a refusal makes of it.
    fn charged(answer: Result<Json, Failure>) -> GatewayResult<State> {
        match answer {
            Ok(intent) => answer::intent(&intent),
            Err(Failure::Declined {
                code,
                message,
                intent,
            }) => Ok(State::Failed {
                reference: intent,
                code,
                message,
            }),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    /// What every request of an attempt carries.
    fn marks(order: &Order, under: &str) -> Vec<(String, String)> {
        vec![
            (format!("{under}[{CHARGE}]"), order.key.clone()),
            (format!("{under}[florin_invoice]"), order.invoice.clone()),
        ]
    }
}

/// A form's pair.
fn pair(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

#[async_trait]
impl Gateway for Stripe {
    fn signature_header(&self) -> &'static str {
        "stripe-signature"
    }

    async fn create_customer(
        &self,
        with: &Credentials,
        new: &NewCustomer,
    ) -> GatewayResult<String> {
        let mut form = vec![
            pair("name", &new.name),
            pair("metadata[florin_customer]", &new.id),
        ];
        form.extend(new.email.iter().map(|email| pair("email", email)));
        let key = format!("customer-{}", new.id);
        let call = Call::post("/v1/customers", form).under(&key);
        let customer = self.send(with, call).await?;
        answer::text(&customer, "/id")
    }

    async fn begin_setup(
        &self,
        with: &Credentials,
        customer: &str,
        key: &str,
    ) -> GatewayResult<Setup> {
        let form = vec![pair("customer", customer), pair("usage", "off_session")];
        let call = Call::post("/v1/setup_intents", form).under(key);
        let setup = self.send(with, call).await?;
        Ok(Setup {
            reference: answer::text(&setup, "/id")?,
            client_secret: Secret::new(answer::text(&setup, "/client_secret")?),
        })
    }

    async fn attach(
        &self,
        with: &Credentials,
        customer: &str,
        method: &str,
    ) -> GatewayResult<Method> {
        let path = format!("/v1/payment_methods/{}", request::id(method)?);
        let found = self.send(with, Call::get(&path)).await?;
        if found["customer"] == customer {
            return answer::method(&found);
        }
        // A test card's name stands for a new method, whose id only the answer tells.
        let id = answer::text(&found, "/id")?;
        let path = format!("/v1/payment_methods/{}/attach", request::id(&id)?);
        let key = format!("attach-{id}-{customer}");
        let call = Call::post(&path, vec![pair("customer", customer)]).under(&key);
        let attached = self.send(with, call).await?;
        answer::method(&attached)
    }

    async fn methods(&self, with: &Credentials, customer: &str) -> GatewayResult<Vec<Method>> {
        let query = vec![pair("customer", customer)];
        let methods = self.all(with, "/v1/payment_methods", query).await?;
        methods.iter().map(answer::method).collect()
    }

    async fn detach(&self, with: &Credentials, method: &str) -> GatewayResult<()> {
        let path = format!("/v1/payment_methods/{}/detach", request::id(method)?);
        let key = format!("detach-{method}");
        self.send(with, Call::post(&path, Vec::new()).under(&key))
            .await?;
        Ok(())
    }

    async fn charge(&self, with: &Credentials, order: &Order) -> GatewayResult<State> {
        let (amount, currency) = amount::of(order.amount)?;
        let mut form = vec![
            pair("amount", amount.to_string()),
            pair("currency", currency),
            pair("customer", &order.customer),
            pair("payment_method", order.method.clone().unwrap_or_default()),
            pair("confirm", "true"),
            pair("off_session", "true"),
        ];
        form.extend(Self::marks(order, "metadata"));
        let call = Call::post("/v1/payment_intents", form).under(&order.key);
        Self::charged(self.ask(with, call).await)
    }

    async fn open_page(
        &self,
        with: &Credentials,
        order: &Order,
        page: &Page<'_>,
    ) -> GatewayResult<State> {
        let (amount, currency) = amount::of(order.amount)?;
        let line = "line_items[0]";
        let price = format!("{line}[price_data]");
        let mut form = vec![
            pair("mode", "payment"),
            pair("customer", &order.customer),
            pair("client_reference_id", &order.key),
            pair("success_url", page.return_url),
            pair("cancel_url", page.return_url),
            (format!("{line}[quantity]"), "1".to_owned()),
            (format!("{price}[currency]"), currency),
            (format!("{price}[unit_amount]"), amount.to_string()),
            (
                format!("{price}[product_data][name]"),
                page.title.to_owned(),
            ),
            (
                format!("payment_intent_data[metadata][{PAGE}]"),
                "true".to_owned(),
            ),
        ];
        form.extend(Self::marks(order, "metadata"));
        form.extend(Self::marks(order, "payment_intent_data[metadata]"));
        let call = Call::post("/v1/checkout/sessions", form).under(&order.key);
        answer::page(&self.send(with, call).await?)
    }

    async fn state(&self, with: &Credentials, order: &Order) -> GatewayResult<Option<State>> {
        self.found(with, order).await
    }

    async fn cancel(&self, with: &Credentials, order: &Order) -> GatewayResult<State> {
        let gone = GatewayError::Refused {
            message: "there is no such charge".to_owned(),
        };
        let found = self.found(with, order).await?.ok_or(gone)?;
        let State::RequiresAction { reference, .. } = &found else {
            return Ok(found);
        };
        let (path, verb) = match order.method {
            Some(_) => ("/v1/payment_intents", "cancel"),
            None => ("/v1/checkout/sessions", "expire"),
        };
        let path = format!("{path}/{}/{verb}", request::id(reference)?);
        let key = format!("{}-{verb}", order.key);
        match self
            .send(with, Call::post(&path, Vec::new()).under(&key))
            .await
        {
            // The customer was quicker, or it is gone already: what holds is what Stripe says now.
            Err(GatewayError::Refused { .. }) => {
                Ok(self.found(with, order).await?.unwrap_or(found))
            }
            Err(error) => Err(error),
            Ok(canceled) => match order.method {
                Some(_) => answer::intent(&canceled),
                None => answer::page(&canceled),
            },
        }
    }

    async fn refund(&self, with: &Credentials, order: &RefundOrder) -> GatewayResult<RefundState> {
        let (amount, _) = amount::of(order.amount)?;
        let form = vec![
            pair("payment_intent", &order.charge),
            pair("amount", amount.to_string()),
            (format!("metadata[{REFUND}]"), order.key.clone()),
        ];
        let call = Call::post("/v1/refunds", form).under(&order.key);
        answer::refund(&self.send(with, call).await?)
    }

    async fn refund_state(
        &self,
        with: &Credentials,
        order: &RefundOrder,
    ) -> GatewayResult<Option<RefundState>> {
        let query = vec![pair("payment_intent", &order.charge)];
        let refunds = self.all(with, "/v1/refunds", query).await?;
        let mut refunds = refunds.iter();
        let own = refunds.find(|refund| refund["metadata"][REFUND] == order.key.as_str());
        own.map(answer::refund).transpose()
    }

    fn read_webhook(
        &self,
        with: &Credentials,
        signed: &str,
        body: &[u8],
        now: Timestamp,
    ) -> GatewayResult<Notice> {
        let secret = with.webhook_secret.as_ref().ok_or(GatewayError::Unverified(
            "the connector has no webhook secret: set the one that Stripe shows for the endpoint",
        ))?;
        signature::verify(signed, body, secret, now)?;
        let event = serde_json::from_slice(body).map_err(|error| GatewayError::Refused {
            message: error.to_string(),
        })?;
        notice::read(&event)
    }
}
