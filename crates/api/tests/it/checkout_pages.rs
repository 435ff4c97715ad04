//! `/checkout_pages/{token}`: a person completes a checkout, by forms alone.

use axum::{body::Body, http::Request};
use florin_app::checkout;
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::charges::reconcile;
use crate::checkouts::{at, invoices, plan_at, seats};
use crate::contracts::{Catalogue, catalogue};
use crate::plan_templates::yearly;

const SHOP: &str = "https://shop.example/thanks?order=1";

/// What a person sees: nobody signs.
async fn open(app: &TestApp, url: &str) -> Answer {
    let request = Request::get(url).header("accept", "text/html");
    app.request(request.body(Body::empty()).unwrap()).await
}

fn encoded(fields: &[(&str, &str)]) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    let text = |text: &str| text.bytes().map(byte).collect::<String>();
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", text(name), text(value)));
    pairs.collect::<Vec<_>>().join("&")
}

async fn submit(app: &TestApp, path: &str, fields: &[(&str, &str)]) -> Answer {
    submit_from(app, path, fields, &[]).await
}

async fn submit_from(
    app: &TestApp,
    path: &str,
    fields: &[(&str, &str)],
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = Request::post(path)
        .header("host", "florin.example")
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    app.request(request.body(Body::from(encoded(fields))).unwrap())
        .await
}

fn html(answer: &Answer) -> &str {
    let kind = answer.header("content-type").unwrap_or_default();
    assert_eq!(kind, "text/html; charset=utf-8", "{answer}");
    answer.body.as_str().unwrap()
}

#[track_caller]
fn shows(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(
            html(answer).contains(text),
            "{text} is not on\n{}",
            html(answer)
        );
    }
}

#[track_caller]
fn lacks(answer: &Answer, texts: &[&str]) {
    for text in texts {
        assert!(!html(answer).contains(text), "{text} is on the page");
    }
}

/// A sandbox with the test gateway, and a plan of 1000 dollars a month that is charged at once.
async fn shop(app: &TestApp, provisioning: &str) -> (TestApp, Catalogue, String) {
    let app = app.sandbox().await;
    let catalogue = catalogue(&app).await;
    app.post("/connectors", json!({ "name": "test" }))
        .await
        .ok();
    let mut body = yearly(&catalogue);
    body["provisioning_config"] = json!(provisioning);
    body["display_config"] = json!({ "name": "Growth <Plus>", "description": "For teams & more",
        "features": ["Ten seats", "Support"] });
    let plan = app.post("/templates/plan", body).await.ok().id();
    (app, catalogue, plan)
}

/// The page of a guest's checkout, and the checkout.
async fn of_guest(app: &TestApp, plan: &str) -> (String, String) {
    let entity = app.get("/business_entities").await.ok();
    let body = json!({ "plan_id": plan, "business_entity_id": entity.text("/results/0/id"),
        "success_url": SHOP, "cancel_url": "https://shop.example/cart" });
    let made = app.post("/checkouts", body).await.ok();
    (
        made.text("/url").to_owned(),
        format!("/checkouts/{}", made.id()),
    )
}

async fn status(app: &TestApp, path: &str) -> String {
    app.get(path).await.ok().text("/checkout_status").to_owned()
}

const ANN: &[(&str, &str)] = &[
    ("customer_name", "Ann \"A\" <b>"),
    ("email", "ann@example.com"),
    ("line1", "9 Pine St"),
    ("city", "Austin"),
    ("country_code", "US"),
];

fn with(method: &str) -> Vec<(&str, &str)> {
    let mut fields = ANN.to_vec();
    fields.push(("method", method));
    fields
}

both! {
    async fn a_guest_buys_with_forms_alone(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, path) = of_guest(&app, &plan).await;
        let page = open(&app, &url).await.ok();
        shows(&page, &["Growth &lt;Plus&gt;", "For teams &amp; more", "Ten seats", "Platform fee", "$1,000.00", "Due today",
            "Next, on 2026-02-05", "for=\"customer_name\"", "for=\"email\"", "test:pm_card_visa", "Confirm and pay $1,000.00"]);
        let policy = page.header("content-security-policy").unwrap();
        assert_eq!(policy, "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; \
            form-action 'self' https://shop.example https://shop.example");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        assert_eq!(open(&app, "/checkout_pages/style.css").await.header("content-type"), Some("text/css; charset=utf-8"));
        let before = app.contents().await;
        let confirm = format!("{url}/confirm");
        // Something is missing, and something is no address: what was typed stays.
        let answer = submit(&app, &confirm, &[("customer_name", "Ann \"A\" <b>"), ("email", "ann"), ("phone_number", "")]).await;
        assert_eq!(answer.status, 422);
        shows(&answer, &["value=\"Ann &quot;A&quot; &lt;b&gt;\"", "value=\"ann\"", "aria-describedby=\"email-problem\"", "role=\"alert\""]);
        let answer = submit(&app, &confirm, &[("email", "ann@example.com"), ("method", "test:pm_card_visa")]).await;
        assert_eq!(answer.status, 422);
        shows(&answer, &["Tell us your name", "value=\"ann@example.com\""]);
        assert_eq!(app.contents().await, before);
        // A card that is declined: the order is kept, and asks for another card only.
        let answer = submit(&app, &confirm, &with("test:pm_card_declined")).await;
        assert_eq!(answer.status, 402);
        shows(&answer, &["Your payment method was declined", "Pay $1,000.00"]);
        lacks(&answer, &["for=\"customer_name\""]);
        assert_eq!(status(&app, &path).await, "payment_failed");
        shows(&open(&app, &url).await.ok(), &["Not paid: the card was declined", "Visa •••• 0002"]);
        let answer = submit(&app, &confirm, &[("method", "test:pm_card_visa")]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(SHOP)));
        let done = app.get(&path).await.ok();
        assert_eq!(invoices(&app, done.text("/contract_id")).await, "paid 1000");
        let customer = app.get(&format!("/customers/{}", done.text("/customer_id"))).await.ok();
        assert_eq!((customer.text("/customer_name"), customer.text("/address/city")), ("Ann \"A\" <b>", "Austin"));
        // Once more, by the back button: nothing is charged again.
        let again = submit(&app, &confirm, &with("test:pm_card_visa")).await;
        assert_eq!((again.status, again.header("location")), (303, Some(SHOP)));
        assert_eq!(app.gateway.requests(), 2);
        shows(&open(&app, &url).await.ok(), &["Thank you.", "href=\"https://shop.example/thanks?order=1\""]);
    }

    async fn a_known_customer_confirms_without_a_card_where_none_is_needed(app) {
        let (app, catalogue, _) = shop(&app, "immediate").await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let made = app.post("/checkouts", json!({ "plan_id": plan.id(), "customer_id": catalogue.customer })).await.ok();
        let url = made.text("/url").to_owned();
        let page = open(&app, &url).await.ok();
        shows(&page, &["Team", "5 units × $10.00 per unit", "$50.00", "You get an invoice"]);
        lacks(&page, &["name=\"method\"", "customer_name"]);
        let answer = submit(&app, &format!("{url}/confirm"), &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(url.as_str())));
        let contract = app.get(&format!("/checkouts/{}", made.id())).await.ok().text("/contract_id").to_owned();
        assert_eq!(invoices(&app, &contract).await, "draft 50");
    }

    async fn a_known_customer_pays_with_what_is_kept(app) {
        let (app, catalogue, plan) = shop(&app, "charge_on_acceptance").await;
        let customer = catalogue.customer;
        app.post(&format!("/customers/{customer}/payment_methods"), json!({})).await.ok();
        let attach = json!({ "payment_method_id": "pm_card_mastercard" });
        let method = app.post(&format!("/customers/{customer}/payment_methods/attach"), attach).await.ok().id();
        let made = app.post("/checkouts", json!({ "plan_id": plan, "customer_id": customer })).await.ok();
        let url = made.text("/url").to_owned();
        shows(&open(&app, &url).await.ok(), &["Visa •••• 4444", &format!("value=\"saved:{method}\" checked")]);
        let confirm = format!("{url}/confirm");
        let answer = submit(&app, &confirm, &[("method", "saved:nothing")]).await;
        assert_eq!(answer.status, 422);
        shows(&answer, &["the customer has no payment method with this id"]);
        let answer = submit(&app, &confirm, &[("method", &format!("saved:{method}"))]).await;
        assert_eq!(answer.status, 303);
        assert_eq!(status(&app, &format!("/checkouts/{}", made.id())).await, "contract_created");
    }

    async fn forms_of_other_places_are_refused(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, path) = of_guest(&app, &plan).await;
        let confirm = format!("{url}/confirm");
        let fields = with("test:pm_card_visa");
        for headers in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("sec-fetch-site", "cross-site"), ("origin", "https://florin.example")],
            &[("sec-fetch-site", "same-site")],
        ] {
            for action in ["confirm", "cancel"] {
                let answer = submit_from(&app, &format!("{url}/{action}"), &fields, headers).await;
                assert_eq!(answer.status, 403, "{headers:?}");
                shows(&answer, &["not sent from its own page"]);
            }
        }
        assert_eq!(status(&app, &path).await, "pending");
        // The code, for whoever looks for it: "FORM_FROM_ELSEWHERE".
        let own = &[("sec-fetch-site", "same-origin"), ("origin", "https://florin.example")];
        assert_eq!(submit_from(&app, &confirm, &fields, own).await.status, 303);
        assert_eq!(status(&app, &path).await, "contract_created");
    }

    async fn a_changed_token_opens_nothing(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, path) = of_guest(&app, &plan).await;
        let token = url.rsplit('/').next().unwrap();
        let mut changed: Vec<String> = (0..token.len()).step_by(9).map(|at| {
            let other = if token.as_bytes()[at] == b'A' { "B" } else { "A" };
            format!("{}{other}{}", &token[..at], &token[at + 1..])
        }).collect();
        changed.extend(["x".to_owned(), token[..token.len() - 2].to_owned(), format!("{token}AA")]);
        for token in changed {
            let page = open(&app, &format!("/checkout_pages/{token}")).await;
            assert_eq!(page.status, 404, "{token}");
            shows(&page, &["There is no such checkout"]);
            let answer = submit(&app, &format!("/checkout_pages/{token}/confirm"), &with("test:pm_card_visa")).await;
            assert_eq!(answer.status, 404, "{token}");
        }
        assert_eq!(status(&app, &path).await, "pending");
        assert_eq!(app.gateway.charges(), []);
    }

    async fn a_checkout_is_cancelled_on_its_page(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, path) = of_guest(&app, &plan).await;
        submit(&app, &format!("{url}/confirm"), &with("test:pm_card_declined")).await;
        let answer = submit(&app, &format!("{url}/cancel"), &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("https://shop.example/cart")));
        assert_eq!(status(&app, &path).await, "cancelled");
        shows(&open(&app, &url).await.ok(), &["This checkout is cancelled", "href=\"https://shop.example/cart\""]);
        let answer = submit(&app, &format!("{url}/confirm"), &with("test:pm_card_visa")).await;
        assert_eq!(answer.status, 400);
        shows(&answer, &["This checkout is cancelled"]);
    }

    async fn an_expired_page_says_so(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, _) = of_guest(&app, &plan).await;
        at(&app, "2026-01-06T10:00:00Z");
        let page = open(&app, &url).await.ok();
        shows(&page, &["This checkout has expired"]);
        lacks(&page, &["<form"]);
    }

    async fn a_page_waits_for_the_bank(app) {
        let (app, _, plan) = shop(&app, "charge_on_acceptance").await;
        let (url, path) = of_guest(&app, &plan).await;
        let confirm = format!("{url}/confirm");
        let answer = submit(&app, &confirm, &with("test:pm_card_processing")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some(url.as_str())));
        shows(&open(&app, &url).await.ok(), &["Your payment is on its way", "http-equiv=\"refresh\""]);
        reconcile(&app).await;
        checkout::carry_on(&app.app).await.unwrap();
        assert_eq!(status(&app, &path).await, "contract_created");
        shows(&open(&app, &url).await.ok(), &["Thank you."]);
    }

    // The plan is taken off sale while the page is open.
    async fn what_cannot_be_bought_any_more_is_told(app) {
        let (app, catalogue, _) = shop(&app, "charge_on_acceptance").await;
        let plan = plan_at(&app, &catalogue, seats(10, 5)).await;
        let (url, _) = of_guest(&app, &plan.id()).await;
        app.post(&format!("/plans/{}/archive", plan.id()), json!({})).await.ok();
        app.clock.advance(SignedDuration::from_hours(1));
        let page = open(&app, &url).await.ok();
        shows(&page, &["This cannot be bought any more"]);
        lacks(&page, &["/confirm"]);
        let answer = submit(&app, &format!("{url}/confirm"), &with("test:pm_card_visa")).await;
        assert_eq!(answer.status, 422);
        let listed = app.get("/checkouts").await.ok();
        let shown = listed.at("/results/0/customer_id");
        assert_eq!(shown, &Value::Null);
    }
}
