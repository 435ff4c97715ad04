//! `/contract_v2` with `plan_id`: what is copied, what is remembered, what a renewal takes from the plan.

use expect_test::expect;
use florin_app::contract::renew_due;
use florin_testkit::{TestApp, both};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::contracts::{Catalogue, catalogue, fee, findings};
use crate::plan_templates::phases;
use crate::plans::{published, ramp};

fn body(catalogue: &Catalogue, plan: &str) -> Value {
    json!({ "name": "Northwind", "status": "active", "currency": "USD", "plan_id": plan,
        "customer_id": catalogue.customer, "start_date": "2026-01-31" })
}

/// A year at one price.
fn flat(catalogue: &Catalogue, amount: i64) -> Value {
    json!({ "name": "Growth", "schedule": { "duration": "P1Y" }, "phases": [
        { "name": "Year", "pricings": [{ "product_id": catalogue.product, "pricing": fee(amount) }] },
    ]})
}

async fn renewed(app: &TestApp, at: &str) -> (Vec<uuid::Uuid>, Vec<String>) {
    let at: Timestamp = at.parse().unwrap();
    let renewals = renew_due(&app.app, app.organisation, at).await.unwrap();
    let next = renewals.renewed.iter().map(|(_, next)| *next);
    let waiting = renewals.waiting.into_iter().map(|(_, reason)| reason);
    (next.collect(), waiting.collect())
}

both! {
    // Three months from 31 January end with 29 April: the day before 30 April, which April has for the 31st.
    async fn a_contract_copies_the_plan_and_remembers_it(app) {
        let catalogue = catalogue(&app).await;
        let plan = published(&app, ramp(&catalogue, 1000)).await;
        let contract = app.post("/contract_v2", body(&catalogue, &plan.id())).await.ok();
        expect![[r#"
            "Ramp" "active" 2026-01-31..2026-04-29: 500
            "Full" "active" 2026-04-30..2027-01-30: 1000"#]].assert_eq(&phases(&contract));
        assert_eq!(contract.text("/end_date"), "2027-01-30T23:59:59.999999Z");
        assert_eq!(contract.at("/plan_id"), plan.at("/id"));
        assert_eq!(contract.at("/phases/0/source_plan_phase_id"), plan.at("/phases/0/id"));
        assert_eq!(contract.at("/phases/0/pricings/0/plan_id"), plan.at("/id"));
        assert_ne!(contract.at("/phases/0/pricings/0/id"), plan.at("/phases/0/pricings/0/id"));
        // Another version does not reach it, and what was read can be sent back.
        let path = format!("/contract_v2/{}", contract.id());
        let next = app.post(&format!("/plans/{}/new_version", plan.id()), json!({})).await.ok();
        app.post(&format!("/plans/{}/publish", next.id()), json!({})).await.ok();
        app.post(&format!("/plans/{}/archive", plan.id()), json!({})).await.ok();
        assert_eq!(app.put(&path, contract.body.clone()).await.ok().body, contract.body);
        let mut moved = contract.body.clone();
        moved["plan_id"] = next.at("/id").clone();
        let moved = app.put(&path, moved).await.ok();
        assert_eq!((moved.at("/plan_id"), moved.at("/version")), (next.at("/id"), &json!(2)));
        let listed = app.get(&format!("/contract_v2?plan_id={}", next.id())).await.ok();
        assert_eq!(listed.at("/results/0/id"), contract.at("/id"));
    }

    async fn a_term_of_another_length_cuts_or_prolongs_the_plan(app) {
        let catalogue = catalogue(&app).await;
        let plan = published(&app, ramp(&catalogue, 1000)).await;
        let mut short = body(&catalogue, &plan.id());
        short["end_date"] = json!("2026-03-15");
        let short = app.post("/contract_v2", short).await.ok();
        expect![[r#""Ramp" "active" 2026-01-31..2026-03-15: 500"#]].assert_eq(&phases(&short));
        let mut long = body(&catalogue, &plan.id());
        long["end_date"] = json!("2027-06-30");
        let long = app.post("/contract_v2", long).await.ok();
        expect![[r#"
            "Ramp" "active" 2026-01-31..2026-04-29: 500
            "Full" "active" 2026-04-30..2027-06-30: 1000"#]].assert_eq(&phases(&long));
        let mut own = body(&catalogue, &plan.id());
        own["phases"] = json!([{ "name": "Own", "pricings": [
            { "product_id": catalogue.product, "pricing": fee(7), "plan_id": plan.id() }] }]);
        let own = app.post("/contract_v2", own).await.ok();
        expect![[r#""Own" "active" 2026-01-31..open: 7"#]].assert_eq(&phases(&own));
        assert_eq!(own.at("/plan_id"), plan.at("/id"));
    }

    async fn only_published_plans_are_sold(app) {
        let catalogue = catalogue(&app).await;
        let draft = app.post("/plans", ramp(&catalogue, 1000)).await.ok();
        let send = |body: Value| app.post("/contract_v2", body);
        let refused = send(body(&catalogue, &draft.id())).await;
        expect![[r#"plan_id: the plan is draft: publish it first ("value_error.plan")"#]].assert_eq(&findings(&refused));
        let nobody = "00000000-0000-7000-8000-00000000ffff";
        let mut unknown = body(&catalogue, nobody);
        unknown["phases"] = json!([{ "name": "Own", "pricings": [
            { "product_id": catalogue.product, "pricing": fee(7), "plan_id": nobody }] }]);
        expect![[r#"
            plan_id: there is no plan with this id ("value_error.unknown_id")
            phases.0.pricings.0.plan_id: there is no plan with this id ("value_error.unknown_id")"#]].assert_eq(&findings(&send(unknown).await));
        let plan = published(&app, ramp(&catalogue, 1000)).await;
        let mut euros = body(&catalogue, &plan.id());
        euros["currency"] = json!("EUR");
        expect![[r#"currency: the plan is in USD ("value_error.currency")"#]].assert_eq(&findings(&send(euros).await));
        app.patch(&format!("/products/{}", catalogue.product), json!({ "is_active": false })).await.ok();
        let gone = findings(&send(body(&catalogue, &plan.id())).await);
        assert_eq!(gone, format!("plan_id: the plan sells the product {}, which is not sold any more (\"value_error.product\")", catalogue.product));
    }

    async fn a_renewal_takes_what_the_plan_sells_now(app) {
        let catalogue = catalogue(&app).await;
        let plan = published(&app, flat(&catalogue, 1000)).await;
        let mut body = body(&catalogue, &plan.id());
        body["start_date"] = json!("2026-01-01");
        body["renewal_policy"] = json!("renew_with_default_contract");
        let contract = app.post("/contract_v2", body).await.ok();
        // The second version is dearer; the third is a draft and does not count.
        let second = app.post(&format!("/plans/{}/new_version", plan.id()), json!({})).await.ok();
        let mut dearer = second.body.clone();
        dearer["phases"][0]["pricings"][0]["pricing"]["pricing_data"]["unit_amount"] = json!(1200);
        dearer["status"] = json!("active");
        app.put(&format!("/plans/{}", second.id()), dearer).await.ok();
        app.post(&format!("/plans/{}/new_version", second.id()), json!({})).await.ok();
        let (next, waiting) = renewed(&app, "2027-01-01T00:00:00Z").await;
        assert!(waiting.is_empty(), "{waiting:?}");
        let next = app.get(&format!("/contract_v2/{}", next[0])).await.ok();
        expect![[r#""Year" "active" 2027-01-01..2027-12-31: 1200"#]].assert_eq(&phases(&next));
        assert_eq!(next.at("/renewed_from"), contract.at("/id"));
        assert_eq!(next.at("/plan_id"), second.at("/id"));
        assert_eq!(next.text("/anchor_date"), "2026-01-01T00:00:00Z");
        let again = renewed(&app, "2027-01-01T00:00:00Z").await;
        assert_eq!(again, (vec![], vec![]));
    }

    async fn a_renewal_waits_for_a_published_version(app) {
        let catalogue = catalogue(&app).await;
        let plan = published(&app, flat(&catalogue, 1000)).await;
        let mut body = body(&catalogue, &plan.id());
        body["start_date"] = json!("2026-01-01");
        body["renewal_policy"] = json!("renew_with_default_contract");
        app.post("/contract_v2", body).await.ok();
        app.post(&format!("/plans/{}/archive", plan.id()), json!({})).await.ok();
        let (next, waiting) = renewed(&app, "2027-01-01T00:00:00Z").await;
        assert!(next.is_empty(), "{next:?}");
        assert_eq!(waiting, ["plan_id: no version of the contract's plan is published"]);
        app.post(&format!("/plans/{}/publish", plan.id()), json!({})).await.ok();
        let (next, _) = renewed(&app, "2027-01-02T00:00:00Z").await;
        assert_eq!(next.len(), 1);
    }
}
