//! What invoices do to entitlements: the grants that contracts bring, what bills draw, what is beyond it.

use florin_app::entitlement::meter;
use florin_core::Timestamp;
use florin_testkit::{TestApp, both};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    billing::{
        Agreement, bill, customer, fee, gigabytes, invoices, metered, product, store_gigabytes,
    },
    entitlements::grant,
};

async fn entitlement(app: &TestApp, body: Value) -> String {
    let mut all = json!({ "name": "Gigabytes", "units": "GB" });
    all.as_object_mut()
        .unwrap()
        .extend(body.as_object().unwrap().clone());
    app.post("/entitlements", all).await.ok().id()
}

/// The price with a grant of so many units for each billing period.
fn granting(mut price: Value, entitlement: &str, units: i64, trigger: &str) -> Value {
    price["grants"] = json!([{ "type": "Quantity", "unit_amount": units, "entitlement_id": entitlement,
        "grant_frequency_same_as_product": true, "expires_at": "end_of_product_billing_period",
        "trigger_event": trigger }]);
    price
}

/// The price with a draw on an entitlement.
fn consuming(mut price: Value, entitlement: &str, trigger: &str) -> Value {
    price["consumptions"] = json!([{ "type": "Quantity", "entitlement": entitlement,
        "trigger_event": trigger }]);
    price
}

/// Grants in the order of their beginning: month, quantity, used, held, status.
async fn grants(app: &TestApp, customer: Uuid) -> Vec<Value> {
    let path = format!("/entitlements/customer/{customer}?sort_key=active_from&sort_type=asc");
    let listed = app.get(&path).await.ok();
    let mut shown = Vec::new();
    for row in listed.at("/results").as_array().unwrap() {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        let path = format!(
            "/entitlements/{}/customer/{customer}/{}",
            text("entitlement"),
            text("id")
        );
        let held = app.get(&path).await.ok();
        let month = text("active_from")[..7].to_owned();
        shown.push(json!([
            month,
            row["quantity"],
            row["quantity_used"],
            held.at("/quantity_held"),
            row["status"]
        ]));
    }
    shown
}

/// Totals of all invoices in minor units, by day.
async fn totals(app: &TestApp) -> Vec<i64> {
    let invoices = invoices(app).await;
    invoices
        .iter()
        .map(|invoice| crate::billing::totals(invoice).total.minor())
        .collect()
}

async fn approve(app: &TestApp, day: &str) -> String {
    let path = format!("/invoices?bill_for_date={day}&status=draft");
    let id = app.get(&path).await.ok().text("/results/0/id").to_owned();
    app.patch(&format!("/invoices/{id}/approve"), json!({}))
        .await
        .ok();
    id
}

fn at(app: &TestApp, instant: &str) {
    app.clock.set(instant.parse::<Timestamp>().unwrap());
}

both! {
    async fn a_prepaid_grant_pays_for_usage_and_the_rest_is_billed(app) {
        let entitlement = entitlement(&app, json!({})).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let metric = gigabytes(&app).await;
        let prices = vec![
            granting(fee("P1M", "prepaid", 50), &entitlement, 100, "invoice_approval"),
            consuming(metered(metric, 2), &entitlement, "invoice_approval"),
        ];
        Agreement::new(northwind, storage, prices).sign(&app).await;
        at(&app, "2026-01-01T06:00:00Z");
        bill(&app, "2026-01-01").await;
        assert_eq!(totals(&app).await, [5_000]);
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 0, "draft"])]);
        approve(&app, "2026-01-01").await;
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 0, "active"])]);
        store_gigabytes(&app, "northwind", "2026-01-20", 130).await;
        at(&app, "2026-02-01T06:00:00Z");
        bill(&app, "2026-02-01").await;
        // January: 130 - 100 = 30 at 2.00; February's fee: 50.
        assert_eq!(totals(&app).await, [5_000, 11_000]);
        let after = [json!(["2026-01", 100, 0, 100, "expired"]), json!(["2026-02", 100, 0, 0, "draft"])];
        assert_eq!(grants(&app, northwind).await, after);
        // A second run finds nothing to draw.
        bill(&app, "2026-02-01").await;
        assert_eq!(grants(&app, northwind).await, after);
        let invoice = approve(&app, "2026-02-01").await;
        let after = [json!(["2026-01", 100, 100, 0, "expired"]), json!(["2026-02", 100, 0, 0, "active"])];
        assert_eq!(grants(&app, northwind).await, after);
        let listed = app.get(&format!("/entitlements/customer/{northwind}?invoice_id={invoice}")).await.ok();
        assert_eq!(listed.at("/results/0/event"), "invoice_approval");
        assert_eq!(listed.text("/results/0/contract/name"), "Agreement");
    }

    async fn a_metered_line_that_grants_pays_for_its_own_usage(app) {
        let entitlement = entitlement(&app, json!({})).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let metric = gigabytes(&app).await;
        let price = granting(metered(metric, 2), &entitlement, 24, "invoice_approval");
        Agreement::new(northwind, storage, vec![price]).sign(&app).await;
        store_gigabytes(&app, "northwind", "2026-01-20", 40).await;
        at(&app, "2026-02-01T06:00:00Z");
        bill(&app, "2026-02-01").await;
        // 40 - 24 = 16 at 2.00
        assert_eq!(totals(&app).await, [3_200]);
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 24, 0, 24, "draft"])]);
        // Usage that comes before the approval: the draft is made anew, with the same grant.
        store_gigabytes(&app, "northwind", "2026-01-21", 10).await;
        let id = invoices(&app).await[0].id();
        app.post(&format!("/invoices/{id}/regenerate"), json!({})).await;
        approve(&app, "2026-02-01").await;
        // 50 - 24 = 26 at 2.00
        assert_eq!(totals(&app).await, [5_200]);
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 24, 24, 0, "expired"])]);
    }

    async fn a_deleted_draft_gives_back_what_it_held(app) {
        let entitlement = entitlement(&app, json!({})).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let metric = gigabytes(&app).await;
        let more = json!({ "quantity": 100, "active_from": "2026-01-01" });
        grant(&app, &entitlement, &northwind.to_string(), more).await.ok();
        let prices = vec![
            granting(fee("P1M", "postpaid", 50), &entitlement, 7, "invoice_creation"),
            consuming(metered(metric, 2), &entitlement, "invoice_approval"),
        ];
        Agreement::new(northwind, storage, prices).sign(&app).await;
        store_gigabytes(&app, "northwind", "2026-01-20", 60).await;
        at(&app, "2026-02-01T06:00:00Z");
        bill(&app, "2026-02-01").await;
        // The fee's own grant ends first: 7 of it, 53 of the other.
        let held = [json!(["2026-01", 100, 0, 53, "active"]), json!(["2026-01", 7, 0, 7, "expired"])];
        let mut found = grants(&app, northwind).await;
        found.sort_by_key(ToString::to_string);
        assert_eq!(found, held);
        let manual = app.get(&format!("/entitlements/customer/{northwind}?event=manual")).await.ok();
        let path = format!("/entitlements/{entitlement}/customer/{northwind}/{}", manual.text("/results/0/id"));
        let refused = app.delete(&path).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "ENTITLEMENT_GRANT_HELD"));
        let id = invoices(&app).await[0].id();
        app.delete(&format!("/invoices/{id}")).await.ok();
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 0, "active"])]);
    }

    async fn a_grant_waits_for_the_payment(app) {
        let entitlement = entitlement(&app, json!({})).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let price = granting(fee("P1M", "prepaid", 50), &entitlement, 100, "payment_success");
        Agreement::new(northwind, storage, vec![price]).sign(&app).await;
        at(&app, "2026-01-01T06:00:00Z");
        bill(&app, "2026-01-01").await;
        let invoice = approve(&app, "2026-01-01").await;
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 0, "draft"])]);
        for (amount, status) in [(4_999, "draft"), (1, "active")] {
            let body = json!({ "customer_id": northwind, "amount": amount, "currency_code": "USD",
                "payment_parts": [{ "invoice_id": invoice, "amount": amount }] });
            app.post("/payments", body).await.ok();
            assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 0, status])]);
        }
    }

    async fn what_usage_has_drawn_is_not_drawn_again(app) {
        let metric = gigabytes(&app).await;
        let entitlement = entitlement(&app, json!({ "aggregate_id": metric })).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let more = json!({ "quantity": 100, "active_from": "2026-01-01" });
        grant(&app, &entitlement, &northwind.to_string(), more).await.ok();
        let price = consuming(metered(metric, 2), &entitlement, "monitoring");
        Agreement::new(northwind, storage, vec![price]).sign(&app).await;
        store_gigabytes(&app, "northwind", "2026-01-20", 60).await;
        meter::settle_all(&app.app, app.organisation).await.unwrap();
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 60, 0, "active"])]);
        // This is drawn when it is billed at the latest.
        store_gigabytes(&app, "northwind", "2026-01-21", 70).await;
        at(&app, "2026-02-01T06:00:00Z");
        bill(&app, "2026-02-01").await;
        // 130 - 100 = 30 at 2.00
        assert_eq!(totals(&app).await, [6_000]);
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 100, 0, "active"])]);
        approve(&app, "2026-02-01").await;
        // Usage of days that are billed is billed, not drawn.
        let more = json!({ "quantity": 500, "active_from": "2026-02-01" });
        grant(&app, &entitlement, &northwind.to_string(), more).await.ok();
        let more = json!({ "quantity": 500, "active_from": "2026-01-15" });
        grant(&app, &entitlement, &northwind.to_string(), more).await.ok();
        store_gigabytes(&app, "northwind", "2026-01-22", 10).await;
        store_gigabytes(&app, "northwind", "2026-02-01", 3).await;
        meter::settle_all(&app.app, app.organisation).await.unwrap();
        let sum: i64 = grants(&app, northwind).await.iter().map(|row| row[2].as_i64().unwrap()).sum();
        assert_eq!(sum, 103);
    }

    async fn two_contracts_share_one_balance(app) {
        let entitlement = entitlement(&app, json!({})).await;
        let (northwind, storage) = (customer(&app, "northwind").await, product(&app, "Storage").await);
        let metric = gigabytes(&app).await;
        let more = json!({ "quantity": 100, "active_from": "2026-01-01" });
        grant(&app, &entitlement, &northwind.to_string(), more).await.ok();
        for _ in 0..2 {
            let price = consuming(metered(metric, 2), &entitlement, "invoice_approval");
            Agreement::new(northwind, storage, vec![price]).sign(&app).await;
        }
        store_gigabytes(&app, "northwind", "2026-01-20", 80).await;
        at(&app, "2026-02-01T06:00:00Z");
        bill(&app, "2026-02-01").await;
        let mut totals = totals(&app).await;
        totals.sort_unstable();
        // The first takes 80 of the 100; the second finds 20: 60 at 2.00.
        assert_eq!(totals, [0, 12_000]);
        assert_eq!(grants(&app, northwind).await, [json!(["2026-01", 100, 0, 100, "active"])]);
    }
}
