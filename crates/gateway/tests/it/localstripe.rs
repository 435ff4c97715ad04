//! The client against localstripe, a stand-in for Stripe.
//!
//! It has no idempotency, no Checkout and no lists by customer of PaymentIntents: those are in `answers`.

use std::time::Duration;

use axum::{Router, body::Bytes, extract::State as Shared, http::HeaderMap, routing::post};
use florin_app::gateway::{
    Credentials, Gateway, GatewayError, Method, NewCustomer, Notice, Order, RefundOrder,
    RefundState,
};
use florin_app::vault::Secret;
use florin_core::charge::State;
use florin_core::{currency::Currency, money::Money};
use florin_gateway::Stripe;
use florin_testkit::python::{self, Served};
use jiff::Timestamp;
use tokio::{net::TcpListener, sync::mpsc};

use crate::{credentials, order, stripe};

const REQUIREMENTS: &str = include_str!("../localstripe/requirements.txt");

/// How long it may take to start, and to tell of an event.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running localstripe, and a client for it.
async fn start() -> (Served, Stripe) {
    let programs = python::environment(env!("CARGO_TARGET_TMPDIR"), "localstripe", REQUIREMENTS);
    let arguments = |port: u16| {
        vec![
            "--from-scratch".to_owned(),
            "--port".to_owned(),
            port.to_string(),
        ]
    };
    let served = Served::start(&programs.join("localstripe"), arguments);
    let stripe = stripe(&format!("http://127.0.0.1:{}", served.port));
    let deadline = std::time::Instant::now() + PATIENCE;
    while stripe
        .methods(&credentials(), "cus_none")
        .await
        .is_err_and(is_unanswered)
    {
        assert!(
            std::time::Instant::now() < deadline,
            "localstripe did not start"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    (served, stripe)
}

fn is_unanswered(error: GatewayError) -> bool {
    matches!(error, GatewayError::Unanswered { .. })
}

async fn customer(stripe: &Stripe) -> String {
    let new = NewCustomer {
        id: "00000000-0000-7000-8000-000000000001".to_owned(),
        name: "Northwind Labs".to_owned(),
        email: Some("ap@northwind.example".to_owned()),
    };
    stripe.create_customer(&credentials(), &new).await.unwrap()
}

async fn attach(stripe: &Stripe, customer: &str, card: &str) -> Method {
    stripe.attach(&credentials(), customer, card).await.unwrap()
}

/// The order with the gateway's id, as it is kept after an answer.
fn known(order: &Order, state: &State) -> Order {
    Order {
        reference: state.reference().map(str::to_owned),
        ..order.clone()
    }
}

/// Everything in one test: the stand-in starts once.
#[tokio::test]
async fn a_card_is_attached_charged_refunded_and_detached() {
    let (_served, stripe) = start().await;
    let with = credentials();
    let customer = customer(&stripe).await;
    assert!(customer.starts_with("cus_"));

    let setup = stripe.begin_setup(&with, &customer, "s").await.unwrap();
    assert!(setup.client_secret.reveal().starts_with(&setup.reference));

    let card = attach(&stripe, &customer, "pm_card_visa").await;
    assert_eq!(card.expires, Some((12, 2030)));
    assert_eq!(
        (card.facts.kind.as_str(), card.facts.country.as_deref()),
        ("card", Some("FR"))
    );
    assert_eq!(card.facts.details["last4"], "4242");
    let again = attach(&stripe, &customer, &card.external_id).await;
    assert_eq!(again.external_id, card.external_id, "attached already");

    let asked = order("k1", &customer, Some(&card.external_id));
    let state = stripe.charge(&with, &asked).await.unwrap();
    let State::Succeeded { reference } = &state else {
        panic!("{state:?}");
    };
    let found = stripe.state(&with, &known(&asked, &state)).await.unwrap();
    assert_eq!(found.as_ref(), Some(&state));
    let late = stripe.cancel(&with, &known(&asked, &state)).await.unwrap();
    assert_eq!(
        late, state,
        "money that came is not taken back by a cancellation"
    );

    let refund = RefundOrder {
        key: "r1".to_owned(),
        charge: reference.clone(),
        amount: Money::from_minor(71_030, Currency::USD),
    };
    assert_eq!(stripe.refund_state(&with, &refund).await.unwrap(), None);
    let refunded = stripe.refund(&with, &refund).await.unwrap();
    assert!(matches!(refunded, RefundState::Succeeded { .. }));
    assert_eq!(
        stripe.refund_state(&with, &refund).await.unwrap(),
        Some(refunded)
    );

    stripe.detach(&with, &card.external_id).await.unwrap();
    let gone = stripe
        .state(
            &with,
            &Order {
                reference: Some("pi_none".to_owned()),
                ..asked
            },
        )
        .await;
    assert!(
        matches!(gone, Err(GatewayError::Refused { .. })),
        "{gone:?}"
    );
}

#[tokio::test]
async fn what_is_refused_is_told_apart() {
    let (served, stripe) = start().await;
    let with = credentials();
    let customer = customer(&stripe).await;

    // Fails when it is charged, not when it is attached.
    let failing = attach(&stripe, &customer, "pm_card_chargeCustomerFail").await;
    let asked = order("k1", &customer, Some(&failing.external_id));
    let state = stripe.charge(&with, &asked).await.unwrap();
    let State::Failed { code, message, .. } = &state else {
        panic!("{state:?}");
    };
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("card_declined", "Your card was declined.")
    );

    let declined = stripe
        .attach(&with, &customer, "pm_card_visa_chargeDeclined")
        .await;
    assert!(
        matches!(declined, Err(GatewayError::Declined { .. })),
        "{declined:?}"
    );
    let unknown = stripe
        .charge(&with, &order("k2", "cus_none", Some("pm_none")))
        .await;
    assert!(
        matches!(unknown, Err(GatewayError::Refused { .. })),
        "{unknown:?}"
    );
    let other_key = Credentials {
        api_key: Secret::new("pk_no".to_owned()),
        ..with.clone()
    };
    let refused = stripe.charge(&other_key, &asked).await;
    assert_eq!(refused, Err(GatewayError::KeyRefused));
    let needs_action = needs_action(&served, &stripe, &customer).await;
    let asked = order("k3", &customer, Some(&needs_action));
    let state = stripe.charge(&with, &asked).await.unwrap();
    assert!(matches!(state, State::RequiresAction { .. }), "{state:?}");
    let canceled = stripe.cancel(&with, &known(&asked, &state)).await.unwrap();
    assert_eq!(
        canceled,
        State::Canceled {
            reference: state.reference().map(str::to_owned)
        }
    );

    drop(served);
    let unanswered = stripe.charge(&with, &asked).await;
    assert!(unanswered.is_err_and(is_unanswered));
}

/// A card that wants its owner to confirm; only its number makes one.
async fn needs_action(served: &Served, stripe: &Stripe, customer: &str) -> String {
    let url = format!("http://127.0.0.1:{}/v1/payment_methods", served.port);
    let form = "type=card&card[number]=4000002760003184&card[exp_month]=12&card[exp_year]=2030\
        &card[cvc]=123";
    let answer = reqwest::Client::new()
        .post(url)
        .bearer_auth("sk_test_12345")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    let method: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let card = method["id"].as_str().unwrap();
    attach(stripe, customer, card).await.external_id
}

type Told = (String, Bytes);

async fn hear(Shared(told): Shared<mpsc::Sender<Told>>, headers: HeaderMap, body: Bytes) {
    let signature = headers["stripe-signature"].to_str().unwrap().to_owned();
    told.send((signature, body)).await.unwrap();
}

#[tokio::test]
async fn what_it_tells_is_verified_and_read() {
    let (served, stripe) = start().await;
    let with = credentials();
    let (sender, mut told) = mpsc::channel(16);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let router = Router::new().route("/hook", post(hear)).with_state(sender);
    let mut server = tokio::task::JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    let hook = format!("http://127.0.0.1:{}/_config/webhooks/florin", served.port);
    let form = format!("url=http://{here}/hook&secret=whsec_1&events[]=payment_intent.succeeded");
    let answer = reqwest::Client::new()
        .post(hook)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status().as_u16(), 200);

    let customer = customer(&stripe).await;
    let card = attach(&stripe, &customer, "pm_card_visa").await;
    let asked = order("k1", &customer, Some(&card.external_id));
    let state = stripe.charge(&with, &asked).await.unwrap();
    let (signature, body) = tokio::time::timeout(PATIENCE, told.recv())
        .await
        .unwrap()
        .unwrap();
    let (_, at) = signature.split_once("t=").unwrap();
    let (at, _) = at.split_once(',').unwrap();
    let at = Timestamp::from_second(at.parse().unwrap()).unwrap();
    let notice = stripe.read_webhook(&with, &signature, &body, at).unwrap();
    let key = "k1".to_owned();
    assert_eq!(notice, Notice::Charge { key, state });
    let mut changed = body.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    let refused = stripe.read_webhook(&with, &signature, &changed, at);
    assert!(
        matches!(refused, Err(GatewayError::Unverified(_))),
        "{refused:?}"
    );
}
