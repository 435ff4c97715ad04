//! `/checkouts/{checkout_id}/confirm` where it charges: the contract is in force when its money is there, once.

use florin_app::{checkout, verify};
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use serde_json::json;

use crate::charges::{killed, payer, payments, reconcile};
use crate::checkouts::{invoices, plan_at, seats};
use crate::contracts::{Catalogue, catalogue, findings, refusal};
use crate::plan_templates::yearly;

/// A plan of a year for 1000 dollars a month beforehand.
async fn plan(app: &TestApp, catalogue: &Catalogue, provisioning: &str) -> String {
    let mut body = yearly(catalogue);
    body["provisioning_config"] = json!(provisioning);
    app.post("/templates/plan", body).await.ok().id()
}

/// A checkout of somebody with these cards, for a plan that is charged at once; and who that is.
async fn checkout(app: &TestApp, cards: &[&str]) -> (String, String) {
    let catalogue = catalogue(app).await;
    let customer = payer(app, cards).await;
    let plan = plan(app, &catalogue, "charge_on_acceptance").await;
    let body = json!({ "plan_id": plan, "customer_id": customer });
    let made = app.post("/checkouts", body).await.ok();
    (format!("/checkouts/{}", made.id()), customer)
}

async fn confirm(app: &TestApp, path: &str) -> Answer {
    app.post(&format!("{path}/confirm"), json!({})).await
}

async fn with_card(app: &TestApp, path: &str, card: &str) -> Answer {
    let body = json!({ "payment_method": { "payment_method_id": card } });
    app.post(&format!("{path}/confirm"), body).await
}

/// Where a checkout, its contract and its invoices stand.
async fn standing(app: &TestApp, path: &str) -> String {
    let shown = app.get(path).await.ok();
    let status = shown.text("/checkout_status").to_owned();
    let Some(contract) = shown.at("/contract_id").as_str() else {
        return status;
    };
    let answer = app.get(&format!("/contract_v2/{contract}")).await;
    let kept = match answer.status {
        200 => answer.text("/status").to_owned(),
        _ => "no contract".to_owned(),
    };
    format!("{status}, {kept}, {}", invoices(app, contract).await)
}

async fn carry_on(app: &TestApp) {
    reconcile(app).await;
    checkout::carry_on(&app.app).await.unwrap();
}

async fn books_are_right(app: &TestApp) {
    let report = verify::run(&app.app, app.organisation).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

const DONE: &str = "contract_created, active, paid 1000";

both! {
    async fn a_confirmation_charges_the_first_invoice(app) {
        let (path, _) = checkout(&app, &["pm_card_visa"]).await;
        let confirmed = confirm(&app, &path).await.ok();
        assert_eq!(confirmed.text("/checkout_status"), "contract_created");
        assert_eq!(standing(&app, &path).await, DONE);
        assert_eq!(confirm(&app, &path).await.ok().body, confirmed.body);
        assert_eq!(app.gateway.requests(), 1);
        let shown = app.get(&path).await.ok();
        assert_eq!(shown.at("/invoice_ids").as_array().unwrap().len(), 1);
        // The next run finds nothing more to bill.
        let now = app.app.clock.now();
        let run = florin_app::billing::run(&app.app, app.organisation, now).await.unwrap();
        assert!(run.problems.is_empty(), "{:?}", run.problems);
        assert_eq!(standing(&app, &path).await, DONE);
        app.clock.advance(SignedDuration::from_hours(31 * 24));
        let now = app.app.clock.now();
        florin_app::billing::run(&app.app, app.organisation, now).await.unwrap();
        assert_eq!(standing(&app, &path).await, "contract_created, active, paid 1000, draft 1000");
        books_are_right(&app).await;
    }

    async fn racing_confirmations_charge_once(app) {
        let (path, _) = checkout(&app, &["pm_card_visa"]).await;
        let requests = (0..8).map(|_| confirm(&app, &path));
        let answers = futures_util::future::join_all(requests).await;
        for answer in &answers {
            let told = answer.at("/checkout_status").as_str().unwrap_or_default();
            let is_fine = answer.status == 200 && ["contract_created", "processing"].contains(&told);
            assert!(is_fine || answer.text("/code") == "DATABASE_BUSY", "{answer}");
        }
        assert!(answers.iter().any(|answer| answer.at("/checkout_status") == "contract_created"));
        assert_eq!(standing(&app, &path).await, DONE);
        assert_eq!((app.gateway.requests(), payments(&app).await), (1, vec!["success".to_owned()]));
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 1);
        books_are_right(&app).await;
    }

    async fn a_declined_card_leaves_nothing_that_bills_and_another_one_pays(app) {
        let (path, customer) = checkout(&app, &["pm_card_declined"]).await;
        let answer = confirm(&app, &path).await;
        assert_eq!(refusal(&answer), (402, "PAYMENT_DECLINED"));
        assert_eq!(answer.text("/detail"), "the card was declined: confirm the checkout again with another payment method");
        assert_eq!(standing(&app, &path).await, "payment_failed, draft, approved 1000");
        assert_eq!(app.get(&path).await.ok().text("/payment_failure"), "the card was declined");
        assert_eq!(refusal(&app.patch(&path, json!({ "start_date": "2026-02-01" })).await), (400, "CHECKOUT_UNPAID"));
        // Time passes, and nothing is billed.
        app.clock.advance(SignedDuration::from_hours(20));
        let now = app.app.clock.now() + SignedDuration::from_hours(100 * 24);
        florin_app::billing::run(&app.app, app.organisation, now).await.unwrap();
        assert_eq!(standing(&app, &path).await, "payment_failed, draft, approved 1000");
        assert_eq!(refusal(&confirm(&app, &path).await), (402, "PAYMENT_DECLINED"));
        let confirmed = with_card(&app, &path, "pm_card_visa").await.ok();
        assert_eq!(confirmed.text("/checkout_status"), "contract_created");
        assert_eq!(standing(&app, &path).await, DONE);
        assert_eq!(payments(&app).await, ["failed", "failed", "success"]);
        let methods = app.get(&format!("/customers/{customer}/payment_methods")).await.ok();
        assert_eq!(methods.at("/total_count"), 2);
        books_are_right(&app).await;
    }

    async fn only_the_named_method_is_charged(app) {
        let (path, customer) = checkout(&app, &["pm_card_visa", "pm_card_declined"]).await;
        let listed = app.get(&format!("/customers/{customer}/payment_methods?order=created_at")).await.ok();
        let declined = listed.text("/results/1/id").to_owned();
        let named = json!({ "payment_method_id": declined });
        assert_eq!(refusal(&app.post(&format!("{path}/confirm"), named).await), (402, "PAYMENT_DECLINED"));
        assert_eq!(payments(&app).await, ["failed"]);
        let named = json!({ "payment_method_id": listed.text("/results/0/id") });
        app.post(&format!("{path}/confirm"), named).await.ok();
        assert_eq!(standing(&app, &path).await, DONE);
    }

    async fn what_is_not_paid_in_time_is_taken_back(app) {
        for is_cancelled in [true, false] {
            let app = app.other_organisation().await;
            let (path, _) = checkout(&app, &["pm_card_declined"]).await;
            assert_eq!(confirm(&app, &path).await.status, 402);
            match is_cancelled {
                true => {
                    let cancelled = app.post(&format!("{path}/cancel"), json!({})).await.ok();
                    assert_eq!(cancelled.text("/checkout_status"), "cancelled");
                    assert_eq!(refusal(&confirm(&app, &path).await), (400, "CHECKOUT_CANCELLED"));
                }
                false => {
                    app.clock.advance(SignedDuration::from_hours(24));
                    assert_eq!(app.get(&path).await.ok().text("/checkout_status"), "expired");
                    assert_eq!(refusal(&with_card(&app, &path, "pm_card_visa").await), (400, "CHECKOUT_EXPIRED"));
                    assert_eq!(checkout::carry_on(&app.app).await.unwrap(), 1);
                }
            }
            assert_eq!(checkout::carry_on(&app.app).await.unwrap(), 0);
            let word = if is_cancelled { "cancelled" } else { "expired" };
            assert_eq!(standing(&app, &path).await, format!("{word}, no contract, void 1000"));
            assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 0);
            books_are_right(&app).await;
        }
    }

    // Before the gateway got the question, and before its answer came.
    async fn a_confirmation_that_died_at_the_gateway_is_gone_on_with(app) {
        for is_asked in [false, true] {
            let app = app.other_organisation().await;
            let (path, _) = checkout(&app, &["pm_card_visa"]).await;
            let before = app.gateway.charges().len();
            killed(&app, is_asked, &format!("{path}/confirm"), json!({})).await;
            assert_eq!(standing(&app, &path).await, "processing, draft, approved 1000");
            assert_eq!(confirm(&app, &path).await.ok().text("/checkout_status"), "processing");
            assert_eq!(refusal(&app.post(&format!("{path}/cancel"), json!({})).await), (400, "CHECKOUT_PROCESSING"));
            carry_on(&app).await;
            assert_eq!(standing(&app, &path).await, DONE);
            assert_eq!(app.gateway.charges().len() - before, 1);
            books_are_right(&app).await;
        }
    }

    async fn an_answer_that_comes_later_counts(app) {
        for card in ["pm_card_processing", "pm_card_answer_lost"] {
            let app = app.other_organisation().await;
            let (path, _) = checkout(&app, &[card]).await;
            let confirmed = confirm(&app, &path).await.ok();
            assert_eq!(confirmed.text("/checkout_status"), "processing");
            assert_eq!(confirmed.text("/message"), "Checkout confirmed, its payment is on its way");
            assert_eq!(standing(&app, &path).await, "processing, draft, approved 1000");
            carry_on(&app).await;
            assert_eq!(standing(&app, &path).await, DONE);
        }
    }

    async fn what_the_bank_wants_confirmed_is_waited_for_or_left_for_another_card(app) {
        for confirms in [true, false] {
            let app = app.other_organisation().await;
            let (path, _) = checkout(&app, &["pm_card_authentication_required"]).await;
            assert_eq!(confirm(&app, &path).await.ok().text("/checkout_status"), "processing");
            assert_eq!(confirm(&app, &path).await.ok().text("/checkout_status"), "processing");
            match confirms {
                true => {
                    let listed = app.get("/payments").await.ok();
                    app.gateway.act(listed.text("/results/0/id"), true).unwrap();
                    carry_on(&app).await;
                }
                false => {
                    let confirmed = with_card(&app, &path, "pm_card_visa").await.ok();
                    assert_eq!(confirmed.text("/checkout_status"), "contract_created");
                }
            }
            assert_eq!(standing(&app, &path).await, DONE);
            books_are_right(&app).await;
        }
    }

    async fn a_guest_pays_with_a_card_and_is_one_customer(app) {
        let catalogue = catalogue(&app).await;
        payer(&app, &[]).await;
        let plan = plan(&app, &catalogue, "charge_on_acceptance").await;
        let body = json!({ "plan_id": plan, "business_entity_id": app.organisation.0 });
        let made = app.post("/checkouts", body).await.ok();
        let path = format!("/checkouts/{}", made.id());
        let send = |name: &str, card: &str| {
            let body = json!({ "payment_method": { "payment_method_id": card },
                "customer_data": { "customer_name": name, "email": "ann@example.com" } });
            let (app, path) = (&app, format!("{path}/confirm"));
            async move { app.post(&path, body).await }
        };
        let before = app.get("/customers").await.ok().at("/total_count").clone();
        let nobody = app.post(&format!("{path}/confirm"), json!({ "customer_data": { "customer_name": "Ann" } })).await;
        assert_eq!(refusal(&nobody), (400, "NO_PAYMENT_METHOD"));
        assert_eq!(app.get("/customers").await.ok().at("/total_count"), &before);
        assert_eq!(refusal(&send("An", "pm_card_not_attachable").await), (402, "PAYMENT_DECLINED"));
        assert_eq!(standing(&app, &path).await, "pending");
        assert_eq!(refusal(&send("Ann", "pm_card_declined").await), (402, "PAYMENT_DECLINED"));
        send("Ann", "pm_card_visa").await.ok();
        assert_eq!(standing(&app, &path).await, DONE);
        let listed = app.get("/customers?email=ann@example.com").await.ok();
        assert_eq!((listed.at("/total_count"), listed.text("/results/0/customer_name")), (&json!(1), "Ann"));
        books_are_right(&app).await;
    }

    async fn the_modes_need_what_they_say(app) {
        let catalogue = catalogue(&app).await;
        let customer = payer(&app, &[]).await;
        for (mode, needs) in [("immediate", false), ("payment_method_validation", true), ("charge_when_due", true), ("charge_on_acceptance", true)] {
            let plan = plan(&app, &catalogue, mode).await;
            let made = app.post("/checkouts", json!({ "plan_id": plan, "customer_id": customer })).await.ok();
            let path = format!("/checkouts/{}", made.id());
            let answer = confirm(&app, &path).await;
            match needs {
                true => assert_eq!(refusal(&answer), (400, "NO_PAYMENT_METHOD"), "{mode}"),
                false => assert_eq!(answer.status, 200, "{mode}"),
            }
        }
        assert_eq!(app.get("/contract_v2").await.ok().at("/total_count"), 1);
        app.post(&format!("/customers/{customer}/payment_methods/attach"), json!({ "payment_method_id": "pm_card_visa" })).await.ok();
        for (mode, expected) in [("payment_method_validation", "draft 1000"), ("charge_when_due", "draft 1000"), ("charge_on_acceptance", "paid 1000")] {
            let plan = plan(&app, &catalogue, mode).await;
            let made = app.post("/checkouts", json!({ "plan_id": plan, "customer_id": customer })).await.ok();
            let path = format!("/checkouts/{}", made.id());
            confirm(&app, &path).await.ok();
            assert_eq!(standing(&app, &path).await, format!("contract_created, active, {expected}"), "{mode}");
        }
        // The cards of the test gateway end with 2099.
        let made = app.post("/checkouts", json!({ "plan_id": plan(&app, &catalogue, "charge_when_due").await,
            "customer_id": customer, "expires_at": "2026-01-06T00:00:00Z" })).await.ok();
        app.tamper("UPDATE payment_method SET status = 'expired'").await;
        let path = format!("/checkouts/{}/confirm", made.id());
        assert_eq!(refusal(&app.post(&path, json!({})).await), (400, "NO_PAYMENT_METHOD"));
        let listed = app.get(&format!("/customers/{customer}/payment_methods")).await.ok();
        let named = json!({ "payment_method_id": listed.text("/results/0/id") });
        assert_eq!(findings(&app.post(&path, named).await), "payment_method_id: the payment method has expired (\"value_error.unknown_id\")");
    }

    // A start to come has nothing due yet; a charge of nothing asks no gateway.
    async fn what_is_not_due_yet_is_not_charged(app) {
        let catalogue = catalogue(&app).await;
        let customer = payer(&app, &["pm_card_declined"]).await;
        let plan = plan(&app, &catalogue, "charge_on_acceptance").await;
        let made = app.post("/checkouts", json!({ "plan_id": plan, "customer_id": customer, "start_date": "2026-03-01" })).await.ok();
        let path = format!("/checkouts/{}", made.id());
        confirm(&app, &path).await.ok();
        assert_eq!(standing(&app, &path).await, "contract_created, active, ");
        assert_eq!(app.gateway.requests(), 0);
    }

    // A start that has passed: two months are due at once, each on its invoice, and both are charged.
    async fn all_that_is_due_is_charged(app) {
        let catalogue = catalogue(&app).await;
        let customer = payer(&app, &["pm_card_visa"]).await;
        let plan = plan(&app, &catalogue, "charge_on_acceptance").await;
        let made = app.post("/checkouts", json!({ "plan_id": plan, "customer_id": customer, "start_date": "2025-12-01" })).await.ok();
        assert_eq!(made.at("/estimates/current_invoice/total"), 2000);
        let path = format!("/checkouts/{}", made.id());
        confirm(&app, &path).await.ok();
        assert_eq!(standing(&app, &path).await, "contract_created, active, paid 1000, paid 1000");
        books_are_right(&app).await;
    }

    // 16 of January's 31 days: 25.81 go back, 516.13 come. The contract in force is changed at once, whoever pays.
    async fn a_change_is_charged_and_stands(app) {
        let catalogue = catalogue(&app).await;
        let customer = payer(&app, &["pm_card_declined"]).await;
        let small = plan_at(&app, &catalogue, seats(10, 5)).await;
        let made = app.post("/checkouts", json!({ "plan_id": small.id(), "customer_id": customer, "start_date": "2026-01-01" })).await.ok();
        let contract = confirm(&app, &format!("/checkouts/{}", made.id())).await.ok().text("/contract_id").to_owned();
        let first = app.get(&format!("/invoices?contract_id={contract}")).await.ok().text("/results/0/id").to_owned();
        app.patch(&format!("/invoices/{first}/approve"), json!({})).await.ok();
        app.clock.set("2026-01-16T09:00:00Z".parse().unwrap());
        let large = plan(&app, &catalogue, "charge_on_acceptance").await;
        let made = app.post("/checkouts", json!({ "plan_id": large, "contract_id": contract })).await.ok();
        let total = made.at("/estimates/current_invoice/total").clone();
        assert_eq!(total, json!(490.32));
        let path = format!("/checkouts/{}", made.id());
        assert_eq!(refusal(&confirm(&app, &path).await), (402, "PAYMENT_DECLINED"));
        assert_eq!(standing(&app, &path).await, "payment_failed, active, approved 50, approved 490.32");
        assert_eq!(refusal(&app.post(&format!("{path}/cancel"), json!({})).await), (400, "CHECKOUT_CONFIRMED"));
        with_card(&app, &path, "pm_card_visa").await.ok();
        assert_eq!(standing(&app, &path).await, "contract_created, active, approved 50, paid 490.32");
        books_are_right(&app).await;
    }
}
