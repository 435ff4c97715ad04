//! The test gateway: moves no money and says what it is told to by the payment method's name.
//!
//! Owns the names ([`CARDS`]). What it has charged is in memory: after a restart it never heard of anything,
//! and an attempt that was open is sent to it again. Its answers depend on nothing but what it is asked, so that
//! a try is the same each time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use florin_core::{charge::State, payment_method::Facts};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::{
    Credentials, Gateway, GatewayError, GatewayResult, Method, NewCustomer, Notice, Order, Page,
    RefundOrder, RefundState, Setup, signature,
};
use crate::vault::Secret;

/// What a card of the test gateway does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Pays.
    Pays,
    /// Is declined, with this code.
    Declines(&'static str),
    /// Wants the customer to confirm.
    WantsAction,
    /// Pays, but the answer is lost.
    PaysSilently,
    /// Is not charged, and there is no answer.
    IsSilent,
    /// Pays later: when the gateway is asked again.
    PaysLater,
    /// Cannot even be attached.
    CannotBeAttached,
    /// Stands for a gateway that does not answer.
    GatewayDown,
}

/// Names of cards, last digits and manners.
const CARDS: &[(&str, &str, Manner)] = &[
    ("pm_card_visa", "4242", Manner::Pays),
    ("pm_card_mastercard", "4444", Manner::Pays),
    (
        "pm_card_declined",
        "0002",
        Manner::Declines("card_declined"),
    ),
    (
        "pm_card_insufficient_funds",
        "9995",
        Manner::Declines("insufficient_funds"),
    ),
    (
        "pm_card_authentication_required",
        "3184",
        Manner::WantsAction,
    ),
    ("pm_card_answer_lost", "0101", Manner::PaysSilently),
    ("pm_card_no_answer", "0119", Manner::IsSilent),
    ("pm_card_processing", "0077", Manner::PaysLater),
    ("pm_card_not_attachable", "0341", Manner::CannotBeAttached),
    ("pm_card_gateway_down", "0127", Manner::GatewayDown),
];

/// The API key that it does not accept.
const KEY_REFUSED: &str = "sk_test_refused";

/// Month and year in which every card of the test gateway expires.
const EXPIRES: (i8, i16) = (12, 2099);

/// The test gateway.
#[derive(Debug, Default)]
pub struct TestGateway(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    methods: BTreeMap<String, Vec<Method>>,
    charges: BTreeMap<String, Charged>,
    refunds: BTreeMap<String, RefundOrder>,
    requests: u64,
}

/// What the test gateway was asked to charge, and how that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charged {
    /// What was asked.
    pub order: Order,
    /// How it stands.
    pub state: State,
}

impl TestGateway {
    /// All attempts that it heard of, by key.
    pub fn charges(&self) -> Vec<Charged> {
        self.books().charges.values().cloned().collect()
    }

    /// All money that went back, by key.
    pub fn refunds(&self) -> Vec<RefundOrder> {
        self.books().refunds.values().cloned().collect()
    }

    /// Requests that could have moved money.
    pub fn requests(&self) -> u64 {
        self.books().requests
    }

    /// The customer does what an attempt needs of it, or declines. Answers where the attempt then stands.
    pub fn act(&self, key: &str, pays: bool) -> Option<State> {
        let mut books = self.books();
        let charged = books.charges.get_mut(key)?;
        if matches!(charged.state, State::RequiresAction { .. }) {
            charged.state = match pays {
                true => State::Succeeded {
                    reference: reference(key),
                },
                false => declined(key, "authentication_failed"),
            };
        }
        Some(charged.state.clone())
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reference(key: &str) -> String {
    format!("ch_test_{key}")
}

fn declined(key: &str, code: &str) -> State {
    State::Failed {
        reference: Some(reference(key)),
        code: code.to_owned(),
        message: "the card was declined".to_owned(),
    }
}

fn unanswered() -> GatewayError {
    GatewayError::Unanswered {
        message: "the connection was lost".to_owned(),
    }
}

fn refused(message: &str) -> GatewayError {
    GatewayError::Refused {
        message: message.to_owned(),
    }
}

/// The card of a name, or of an attached method, which begins with the card's name.
fn card(method: &str) -> Option<&'static (&'static str, &'static str, Manner)> {
    let name = method.split_once('.').map_or(method, |(name, _)| name);
    CARDS.iter().find(|(known, ..)| *known == name)
}

fn manner(method: &str) -> GatewayResult<Manner> {
    let card = card(method).ok_or_else(|| refused("no such payment method"))?;
    Ok(card.2)
}

fn attached(method: &str, customer: &str) -> GatewayResult<Method> {
    let (name, last4, manner) = card(method).ok_or_else(|| {
        let names: Vec<&str> = CARDS.iter().map(|(name, ..)| *name).collect();
        refused(&format!("no such card; there are {}", names.join(", ")))
    })?;
    if *manner == Manner::CannotBeAttached {
        return Err(GatewayError::Declined {
            code: "card_declined".to_owned(),
            message: "the card was declined".to_owned(),
        });
    }
    if *manner == Manner::GatewayDown {
        return Err(unanswered());
    }
    let (exp_month, exp_year) = EXPIRES;
    let external_id = format!("{name}.{customer}");
    let details = json!({ "brand": "visa", "last4": last4, "exp_month": exp_month,
        "exp_year": exp_year });
    Ok(Method {
        raw: json!({ "id": external_id, "customer": customer, "card": details }),
        external_id,
        expires: Some(EXPIRES),
        facts: Facts {
            kind: "card".to_owned(),
            country: Some("US".to_owned()),
            details,
        },
    })
}

/// How an attempt stands right after it was asked for.
fn first_state(order: &Order, manner: Manner) -> State {
    let reference = reference(&order.key);
    match manner {
        Manner::Pays | Manner::PaysSilently => State::Succeeded { reference },
        Manner::Declines(code) => declined(&order.key, code),
        Manner::WantsAction => State::RequiresAction {
            reference,
            url: None,
        },
        _ => State::Open {
            reference: Some(reference),
        },
    }
}

#[async_trait]
impl Gateway for TestGateway {
    fn signature_header(&self) -> &'static str {
        "x-test-signature"
    }

    async fn create_customer(&self, _: &Credentials, new: &NewCustomer) -> GatewayResult<String> {
        Ok(format!("cus_test_{}", new.id))
    }

    async fn begin_setup(&self, _: &Credentials, _: &str, key: &str) -> GatewayResult<Setup> {
        Ok(Setup {
            reference: format!("setup_test_{key}"),
            client_secret: Secret::new(format!("setup_test_{key}_secret")),
        })
    }

    async fn attach(
        &self,
        with: &Credentials,
        customer: &str,
        method: &str,
    ) -> GatewayResult<Method> {
        if with.api_key.reveal() == KEY_REFUSED {
            return Err(GatewayError::KeyRefused);
        }
        let method = attached(method, customer)?;
        let mut books = self.books();
        let known = books.methods.entry(customer.to_owned()).or_default();
        if !known.contains(&method) {
            known.push(method.clone());
        }
        Ok(method)
    }

    async fn methods(&self, _: &Credentials, customer: &str) -> GatewayResult<Vec<Method>> {
        let books = self.books();
        Ok(books.methods.get(customer).cloned().unwrap_or_default())
    }

    async fn detach(&self, _: &Credentials, method: &str) -> GatewayResult<()> {
        for methods in self.books().methods.values_mut() {
            methods.retain(|known| known.external_id != method);
        }
        Ok(())
    }

    async fn charge(&self, _: &Credentials, order: &Order) -> GatewayResult<State> {
        let method = order.method.as_deref().unwrap_or_default();
        let manner = manner(method)?;
        let mut books = self.books();
        books.requests += 1;
        if manner == Manner::IsSilent {
            return Err(unanswered());
        }
        let charged = books
            .charges
            .entry(order.key.clone())
            .or_insert_with(|| Charged {
                order: order.clone(),
                state: first_state(order, manner),
            });
        match manner {
            Manner::PaysSilently => Err(unanswered()),
            _ => Ok(charged.state.clone()),
        }
    }

    async fn open_page(
        &self,
        _: &Credentials,
        order: &Order,
        page: &Page<'_>,
    ) -> GatewayResult<State> {
        let mut books = self.books();
        let charged = books
            .charges
            .entry(order.key.clone())
            .or_insert_with(|| Charged {
                order: order.clone(),
                state: State::RequiresAction {
                    reference: reference(&order.key),
                    url: Some(page.return_url.to_owned()),
                },
            });
        Ok(charged.state.clone())
    }

    async fn state(&self, _: &Credentials, order: &Order) -> GatewayResult<Option<State>> {
        let mut books = self.books();
        let Some(charged) = books.charges.get_mut(&order.key) else {
            return Ok(None);
        };
        if matches!(charged.state, State::Open { .. }) {
            charged.state = State::Succeeded {
                reference: reference(&order.key),
            };
        }
        Ok(Some(charged.state.clone()))
    }

    async fn cancel(&self, _: &Credentials, order: &Order) -> GatewayResult<State> {
        let mut books = self.books();
        let charged = books.charges.get_mut(&order.key);
        let charged = charged.ok_or_else(|| refused("no such charge"))?;
        if charged.state.is_open() {
            charged.state = State::Canceled {
                reference: Some(reference(&order.key)),
            };
        }
        Ok(charged.state.clone())
    }

    async fn refund(&self, _: &Credentials, order: &RefundOrder) -> GatewayResult<RefundState> {
        let mut books = self.books();
        books.requests += 1;
        let is_known = books.charges.values().any(|charged| {
            charged.state.reference() == Some(&order.charge)
                && matches!(charged.state, State::Succeeded { .. })
        });
        if !is_known {
            return Err(refused("no such charge, or it did not succeed"));
        }
        let known = books.refunds.entry(order.key.clone());
        let refunded = known.or_insert_with(|| order.clone());
        Ok(RefundState::Succeeded {
            reference: format!("re_test_{}", refunded.key),
        })
    }

    async fn refund_state(
        &self,
        _: &Credentials,
        order: &RefundOrder,
    ) -> GatewayResult<Option<RefundState>> {
        let books = self.books();
        let refunded = books.refunds.get(&order.key);
        Ok(refunded.map(|refunded| RefundState::Succeeded {
            reference: format!("re_test_{}", refunded.key),
        }))
    }

    /// A body is `{"charge": key, "state": "succeeded" | "failed" | "canceled"}`, `{"customer": reference,
    /// "payment_method": id}` or `{"payment_method_gone": id}`.
    fn read_webhook(
        &self,
        with: &Credentials,
        signed: &str,
        body: &[u8],
        now: Timestamp,
    ) -> GatewayResult<Notice> {
        let secret = with.webhook_secret.as_ref();
        let secret = secret.ok_or(GatewayError::Unverified(
            "the connector has no webhook secret",
        ))?;
        signature::verify(signed, body, secret, now)?;
        let body: Json =
            serde_json::from_slice(body).map_err(|error| refused(&error.to_string()))?;
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        if let Some(key) = text("charge") {
            let reference = reference(&key);
            let state = match body["state"].as_str() {
                Some("succeeded") => State::Succeeded { reference },
                Some("failed") => declined(&key, "card_declined"),
                Some("canceled") => State::Canceled {
                    reference: Some(reference),
                },
                _ => return Ok(Notice::Other),
            };
            return Ok(Notice::Charge { key, state });
        }
        if let Some(method) = text("payment_method_gone") {
            return Ok(Notice::MethodGone { method });
        }
        Ok(match (text("customer"), text("payment_method")) {
            (Some(customer), Some(method)) => Notice::Method { customer, method },
            _ => Notice::Other,
        })
    }
}
