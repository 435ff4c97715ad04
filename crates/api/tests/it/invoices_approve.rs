//! `/invoices/{invoice_id}/approve` and `/invoices/approve`: numbers, due days, wallets, races.

use std::{collections::BTreeSet, sync::Arc};

use florin_core::calendar::Period;
use florin_core::contract;
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::invoice::{
    Draft, Freshness, Header, LineLabel, OneOffLine, Part, Source, one_off,
};
use florin_core::pricing::Model;
use florin_core::product_pricing::Content;
use florin_store::Actor;
use florin_testkit::{TestApp, both};
use jiff::{civil::date, tz::TimeZone};
use serde_json::json;
use uuid::Uuid;

use crate::invoices::{approve, customer, draft, refusal};

/// A contract of the year 2026 at its first version.
async fn contract(app: &TestApp, customer: &str, id: u128) -> Uuid {
    let product = json!({ "name": "API calls", "type": "product" });
    let product = app.post("/products", product).await.ok().id();
    let price = json!({
        "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 5 },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" },
    });
    let price = Arc::new(Content::read(price).unwrap());
    let line = contract::LineDetails {
        id: None,
        start: None,
        end: None,
        head: contract::LineHead::new(product.parse().unwrap(), price),
    };
    let phase = contract::PhaseDetails {
        id: None,
        start: None,
        end: None,
        head: contract::PhaseHead::named("Standard"),
        lines: vec![line],
    };
    let start = contract::Start::on(date(2026, 1, 1), &TimeZone::UTC).unwrap();
    let header = contract::Header::new("2026", customer.parse().unwrap(), Currency::USD, start);
    let details = contract::Details {
        header,
        status: contract::Status::Active,
        phases: vec![phase],
    };
    let surroundings = contract::Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let mut ids = (id..).map(Uuid::from_u128);
    let id = ids.next().unwrap();
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    let agreed = contract::create(id, details, &surroundings, &mut || ids.next().unwrap(), at);
    let mut tx = app
        .app
        .begin(app.organisation, Actor::System, "")
        .await
        .unwrap();
    florin_store::contract::insert(&mut tx, &agreed.unwrap())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    id
}

/// A draft as billing makes it: one line of a contract for January 2026.
async fn billed(app: &TestApp, customer: &str, id: u128, contract_id: Uuid, freshness: Freshness) {
    let label = LineLabel {
        line: LineId(Uuid::from_u128(9)),
        name: "API calls".to_owned(),
        description: None,
        unit: "call".to_owned(),
        units: None,
    };
    let line = OneOffLine {
        label,
        service: Period::new(date(2026, 1, 1), date(2026, 2, 1)).unwrap(),
        model: Model::PerUnit {
            unit_amount: 5.into(),
        },
        quantity: 1.into(),
        discounts: Vec::new(),
        taxes: Vec::new(),
    };
    let (customer_id, day) = (customer.parse().unwrap(), date(2026, 2, 1));
    let part = one_off(
        Uuid::from_u128(id + 1000),
        customer_id,
        Currency::USD,
        day,
        vec![line],
    );
    let part = Part {
        source: Source::Contract {
            contract_id,
            version: 1,
            phase_id: Uuid::from_u128(3),
        },
        ..part.unwrap()
    };
    let mut header = Header::new(customer_id, Currency::USD, day);
    header.contract_id = Some(contract_id);
    let draft = Draft::new(Uuid::from_u128(id), header, vec![part], freshness).unwrap();
    let mut tx = app
        .app
        .begin(app.organisation, Actor::System, "")
        .await
        .unwrap();
    florin_store::invoice::insert_drafts(&mut tx, &[draft])
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

both! {
    async fn an_approval_gives_number_and_due_day_once(app) {
        let customer = customer(&app, "Northwind").await;
        let [one, two] = [draft(&app, &customer, 5).await, draft(&app, &customer, 7).await];
        let first = approve(&app, &one.id()).await.ok();
        assert_eq!((first.text("/invoice_number"), first.text("/status")), ("INV-0001", "approved"));
        // 30 days after 5 January.
        assert_eq!(first.text("/due_date"), "2026-02-04T00:00:00");
        assert_eq!(first.at("/approved_at"), "2026-01-05T10:00:00Z");
        assert_eq!(approve(&app, &one.id()).await.ok().body, first.body);
        let v3 = app.patch(&format!("/invoices/v3/{}/approve", two.id()), json!({})).await.ok();
        assert_eq!(v3.text("/invoice_number"), "INV-0002");
        let older = app.patch(&format!("/invoice/{}/approve", two.id()), json!({})).await.ok();
        assert_eq!(older.body, v3.body);
        let unknown = approve(&app, "00000000-0000-7000-8000-00000000ffff").await;
        assert_eq!(refusal(&unknown), (404, "NOT_FOUND".to_owned()));
    }

    async fn fifty_at_once_have_fifty_numbers_without_a_gap(app) {
        let customer = customer(&app, "Northwind").await;
        let mut ids = Vec::new();
        for dollars in 1..=50 {
            ids.push(draft(&app, &customer, dollars).await.id());
        }
        // Each twice, all at the same time.
        let approvals = ids.iter().chain(&ids).map(|id| approve(&app, id));
        let answers = futures_util::future::join_all(approvals).await;
        let numbers: Vec<String> = answers
            .into_iter()
            .map(|answer| answer.ok().text("/invoice_number").to_owned())
            .collect();
        assert_eq!(numbers[..50], numbers[50..], "one invoice, one number");
        let given: BTreeSet<String> = numbers.into_iter().collect();
        let expected: BTreeSet<String> = (1..=50).map(|number| format!("INV-{number:04}")).collect();
        assert_eq!(given, expected);
    }

    async fn many_are_approved_at_once_and_each_is_answered(app) {
        let customer = customer(&app, "Northwind").await;
        let [one, two, gone] = [draft(&app, &customer, 1).await, draft(&app, &customer, 2).await,
            draft(&app, &customer, 3).await];
        app.delete(&format!("/invoices/{}", gone.id())).await.ok();
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        let body = json!({ "invoice_ids": [two.id(), gone.id(), unknown, one.id(), one.id()] });
        let answer = app.patch("/invoices/approve", body.clone()).await.ok();
        let shown = |answer: &florin_testkit::Answer| {
            let results = answer.at("/results").as_array().unwrap().iter();
            let words = results.map(|result| {
                let says = |key: &str| result[key].as_str().unwrap_or("-").to_owned();
                format!("{} {} {}", says("outcome"), says("invoice_number"), says("code"))
            });
            words.collect::<Vec<_>>()
        };
        // Numbers go in the order in which the drafts were made.
        assert_eq!(shown(&answer), ["approved INV-0002 -", "refused - INVOICE_NOT_A_DRAFT",
            "refused - NOT_FOUND", "approved INV-0001 -", "approved INV-0001 -"]);
        let again = app.patch("/invoices/approve", body).await.ok();
        assert_eq!((again.at("/approved"), again.at("/already_approved")), (&json!(0), &json!(3)));
        let none = app.patch("/invoices/approve", json!({ "invoice_ids": [] })).await;
        assert_eq!(none.status, 422);
    }

    async fn what_was_charged_for_is_not_charged_again_unknowingly(app) {
        let customer = customer(&app, "Northwind").await;
        let contract = Uuid::from_u128(77);
        for id in 1..=3 {
            billed(&app, &customer, id, contract, Freshness::default()).await;
        }
        let [one, two, three] = [1, 2, 3].map(|id| Uuid::from_u128(id).to_string());
        approve(&app, &one).await.ok();
        let again = approve(&app, &two).await;
        assert_eq!(refusal(&again), (400, "InvoiceAlreadyGeneratedForThisBillingPeriod".to_owned()));
        let path = format!("/invoices/{two}/approve");
        app.patch(&path, json!({ "check_duplicate_invoice": false })).await.ok();
        let body = json!({ "invoice_ids": [three] });
        let answer = app.patch("/invoices/approve", body).await.ok();
        assert_eq!(answer.text("/results/0/code"), "InvoiceAlreadyGeneratedForThisBillingPeriod");
    }

    async fn a_draft_of_a_contract_that_changed_since_is_made_anew_first(app) {
        let customer = customer(&app, "Northwind").await;
        let contract = contract(&app, &customer, 500).await;
        let made_from = |version| Freshness { usage_sequence: None, contract_version: Some(version) };
        billed(&app, &customer, 1, contract, made_from(0)).await;
        billed(&app, &customer, 2, contract, made_from(1)).await;
        let [old, new] = [1, 2].map(|id| Uuid::from_u128(id).to_string());
        let stale = approve(&app, &old).await;
        assert_eq!(refusal(&stale), (409, "INVOICE_STALE".to_owned()));
        let approved = approve(&app, &new).await.ok();
        assert_eq!(approved.text("/contract/name"), "2026");
        let list = app.get(&format!("/invoices?contract_id={contract}")).await.ok();
        assert_eq!(list.at("/total_count"), 2);
    }

    async fn an_approval_is_in_the_books_once(app) {
        let customer = customer(&app, "Northwind").await;
        let id = draft(&app, &customer, 5).await.id();
        for _ in 0..2 {
            approve(&app, &id).await.ok();
        }
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let source = id.parse().unwrap();
        let entries = florin_store::journal::of_sources(&mut tx, &[source]).await.unwrap();
        assert_eq!(entries.len(), 1, "{entries:?}");
    }

    async fn the_wallet_pays_what_it_can(app) {
        let customer = customer(&app, "Northwind").await;
        let body = json!({ "amount": 700, "currency": "USD", "type": "credit" });
        app.post(&format!("/customers/{customer}/wallets/adjustments"), body).await.ok();
        let [one, two] = [draft(&app, &customer, 5).await, draft(&app, &customer, 5).await];
        let body = json!({ "invoice_ids": [one.id(), two.id()] });
        app.patch("/invoices/approve", body).await.ok();
        let one = app.get(&format!("/invoices/{}", one.id())).await.ok();
        assert_eq!((one.text("/status"), one.at("/applied_balance")), ("paid", &json!(5)));
        assert_eq!(one.at("/paid_at"), "2026-01-05T10:00:00Z");
        let two = app.get(&format!("/invoices/{}", two.id())).await.ok();
        assert_eq!((two.text("/status"), two.at("/applied_balance")), ("partially_paid", &json!(2)));
        assert_eq!((two.at("/net_invoice_total"), two.at("/amount_due")), (&json!(3), &json!(3)));
    }

    async fn documents_follow_the_customers_country(app) {
        let entity = app.post("/business_entities", json!({ "name": "Florin", "is_default": true })).await.ok();
        let config = json!({ "invoice_number_prefix": "DE-", "payment_terms_days": 10 });
        let path = format!("/business_entities/{}/config/DE", entity.id());
        app.put(&path, config).await.ok();
        let body = json!({ "customer_name": "Nordwind", "address": { "line1": "Am Kai 1", "country_code": "DE" } });
        let german = app.post("/customers", body).await.ok().id();
        let other = customer(&app, "Northwind").await;
        let [one, two] = [draft(&app, &other, 5).await, draft(&app, &german, 5).await];
        let two = approve(&app, &two.id()).await.ok();
        assert_eq!((two.text("/invoice_number"), two.text("/due_date")), ("DE-0001", "2026-01-15T00:00:00"));
        let one = approve(&app, &one.id()).await.ok();
        assert_eq!(one.text("/invoice_number"), "INV-0002", "one sequence for each entity");
    }
}
