//! The client against answers that the test gives: repetitions under one key, faults, lists, pages.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::Bytes,
    extract::State as Shared,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use florin_app::gateway::{Gateway, GatewayError, Order, Page};
use florin_core::charge::State;
use florin_gateway::Stripe;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{credentials, order, stripe};

/// What the server got: method, path with query, key, body.
type Got = (String, String, Option<String>, String);

#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Vec<(u16, Value)>>>,
    got: Arc<Mutex<Vec<Got>>>,
}

/// A server that gives these answers in turn, the last one ever after.
struct Scripted {
    stripe: Stripe,
    script: Script,
    _server: JoinSet<()>,
}

impl Scripted {
    async fn new(answers: &[(u16, Value)]) -> Self {
        let script = Script::default();
        *script.answers.lock().unwrap() = answers.to_vec();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stripe = stripe(&format!("http://{}", listener.local_addr().unwrap()));
        let router = Router::new().fallback(answer).with_state(script.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            stripe,
            script,
            _server: server,
        }
    }

    fn got(&self) -> Vec<Got> {
        self.script.got.lock().unwrap().clone()
    }
}

async fn answer(
    Shared(script): Shared<Script>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get("idempotency-key");
    let key = key.map(|key| key.to_str().unwrap().to_owned());
    assert_eq!(headers["authorization"], "Bearer sk_test_12345");
    let body = String::from_utf8(body.to_vec()).unwrap();
    let got = (method.to_string(), uri.to_string(), key, body);
    script.got.lock().unwrap().push(got);
    let mut answers = script.answers.lock().unwrap();
    let (status, body) = match answers.len() {
        1 => answers[0].clone(),
        _ => answers.remove(0),
    };
    let status = StatusCode::from_u16(status).unwrap();
    (status, body.to_string()).into_response()
}

fn succeeded() -> (u16, Value) {
    (200, json!({ "id": "pi_1", "status": "succeeded" }))
}

fn state() -> State {
    State::Succeeded {
        reference: "pi_1".to_owned(),
    }
}

#[tokio::test]
async fn a_charge_is_repeated_under_its_key_until_there_is_an_answer() {
    let busy = (409, json!({ "error": { "type": "idempotency_error" } }));
    let scripted = Scripted::new(&[(500, json!({})), busy, succeeded()]).await;
    let asked = order("k1", "cus_1", Some("pm_1"));
    let charged = scripted
        .stripe
        .charge(&credentials(), &asked)
        .await
        .unwrap();
    assert_eq!(charged, state());
    let got = scripted.got();
    assert_eq!(got.len(), 3);
    assert!(got.iter().all(|request| *request == got[0]), "{got:?}");
    let (method, path, key, body) = &got[0];
    assert_eq!(
        (method.as_str(), path.as_str()),
        ("POST", "/v1/payment_intents")
    );
    assert_eq!(key.as_deref(), Some("k1"));
    assert_eq!(
        body,
        "amount=171030&currency=usd&customer=cus_1&payment_method=pm_1&confirm=true&off_session=true\
        &metadata%5Bflorin_charge%5D=k1&metadata%5Bflorin_invoice%5D=invoice-1"
    );
}

#[tokio::test]
async fn three_tries_are_all() {
    for status in [500, 503, 429, 409] {
        let scripted = Scripted::new(&[(status, json!({}))]).await;
        let asked = order("k1", "cus_1", Some("pm_1"));
        let charged = scripted.stripe.charge(&credentials(), &asked).await;
        assert!(
            matches!(charged, Err(GatewayError::Unanswered { .. })),
            "{charged:?}"
        );
        assert_eq!(scripted.got().len(), 3);
    }
}

#[tokio::test]
async fn what_is_decided_is_not_asked_again() {
    let declined = json!({ "error": { "code": "card_declined", "decline_code": "stolen_card",
        "message": "no", "payment_intent": { "id": "pi_9" } } });
    let asked = order("k1", "cus_1", Some("pm_1"));
    for (status, body, expected) in [
        (
            402,
            declined,
            Ok(State::Failed {
                reference: Some("pi_9".to_owned()),
                code: "stolen_card".to_owned(),
                message: "no".to_owned(),
            }),
        ),
        (
            400,
            json!({ "error": { "message": "no such customer" } }),
            Err(GatewayError::Refused {
                message: "no such customer".to_owned(),
            }),
        ),
        (401, json!({}), Err(GatewayError::KeyRefused)),
    ] {
        let scripted = Scripted::new(&[(status, body)]).await;
        assert_eq!(
            scripted.stripe.charge(&credentials(), &asked).await,
            expected
        );
        assert_eq!(scripted.got().len(), 1);
    }
}

#[tokio::test]
async fn an_attempt_without_an_id_is_found_by_its_key() {
    let row = |id: &str, key: &str| json!({ "id": id, "status": "succeeded", "metadata": { "florin_charge": key } });
    let first = json!({ "has_more": true, "data": [row("pi_0", "k0")] });
    let last = json!({ "has_more": false, "data": [row("pi_1", "k1")] });
    let scripted = Scripted::new(&[(200, first), (200, last)]).await;
    let asked = order("k1", "cus_1", Some("pm_1"));
    let found = scripted.stripe.state(&credentials(), &asked).await.unwrap();
    assert_eq!(found, Some(state()));
    let paths: Vec<String> = scripted
        .got()
        .into_iter()
        .map(|(_, path, ..)| path)
        .collect();
    let query = "/v1/payment_intents?customer=cus_1&created%5Bgte%5D=1767603600&limit=100";
    assert_eq!(
        paths,
        [query.to_owned(), format!("{query}&starting_after=pi_0")]
    );

    let empty = json!({ "has_more": false, "data": [] });
    let scripted = Scripted::new(&[(200, empty)]).await;
    let found = scripted.stripe.state(&credentials(), &asked).await.unwrap();
    assert_eq!(found, None, "Stripe never heard of it");
}

#[tokio::test]
async fn a_page_is_opened_and_ended() {
    let open =
        json!({ "id": "cs_1", "status": "open", "payment_status": "unpaid", "url": "https://pay" });
    let expired = json!({ "id": "cs_1", "status": "expired", "payment_status": "unpaid" });
    let scripted = Scripted::new(&[(200, open.clone()), (200, open), (200, expired)]).await;
    let asked = order("k1", "cus_1", None);
    let page = Page {
        title: "INV-0007",
        return_url: "https://florin.example/done",
    };
    let opened = scripted
        .stripe
        .open_page(&credentials(), &asked, &page)
        .await
        .unwrap();
    assert_eq!(
        opened,
        State::RequiresAction {
            reference: "cs_1".to_owned(),
            url: Some("https://pay".to_owned()),
        }
    );
    let known = Order {
        reference: Some("cs_1".to_owned()),
        ..asked
    };
    let canceled = scripted
        .stripe
        .cancel(&credentials(), &known)
        .await
        .unwrap();
    assert_eq!(
        canceled,
        State::Canceled {
            reference: Some("cs_1".to_owned())
        }
    );
    let got = scripted.got();
    let paths: Vec<&str> = got.iter().map(|(_, path, ..)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/v1/checkout/sessions",
            "/v1/checkout/sessions/cs_1",
            "/v1/checkout/sessions/cs_1/expire"
        ]
    );
    let body = &got[0].3;
    assert!(
        body.contains("line_items%5B0%5D%5Bprice_data%5D%5Bunit_amount%5D=171030"),
        "{body}"
    );
    assert!(
        body.contains("payment_intent_data%5Bmetadata%5D%5Bflorin_charge%5D=k1"),
        "{body}"
    );
}

#[tokio::test]
async fn an_id_cannot_lead_elsewhere() {
    let scripted = Scripted::new(&[(200, json!({}))]).await;
    for id in ["..", "../charges", "pm_1?expand", "pm 1", ""] {
        let attached = scripted.stripe.attach(&credentials(), "cus_1", id).await;
        assert!(
            matches!(attached, Err(GatewayError::Refused { .. })),
            "{id}"
        );
    }
    assert_eq!(scripted.got(), []);
}

#[tokio::test]
async fn no_message_shows_the_key() {
    let scripted = Scripted::new(&[(500, json!({}))]).await;
    let asked = order("k1", "cus_1", Some("pm_1"));
    let error = scripted
        .stripe
        .charge(&credentials(), &asked)
        .await
        .unwrap_err();
    let shown = format!(
        "{error} {error:?} {:?} {:?}",
        credentials(),
        scripted.stripe
    );
    assert!(!shown.contains("sk_test"), "{shown}");
}
