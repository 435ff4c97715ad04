//! What was billed and changes afterwards: amendments, pauses, late usage, discarded drafts, taxes, consolidation.

use expect_test::expect;
use florin_app::billing::{Asker, effect, refresh, upcoming};
use florin_core::contract::{ExtensionPolicy, PauseRequest, Start};
use florin_store::{self as store, Actor, invoice::Invoice};
use florin_testkit::{TestApp, both};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::json;

use crate::billing::{
    Agreement, approve_all, begin, bill, customer, fee, gigabytes, invoices, metered, product,
    save, shown, store_gigabytes,
};

fn asker() -> Asker {
    Asker {
        actor: Actor::System,
        request_id: String::new(),
    }
}

/// Moves the clock to the morning of a day.
fn on(app: &TestApp, day: &str) {
    let at: Timestamp = format!("{day}T06:00:00Z").parse().unwrap();
    app.clock.advance(at.duration_since(app.app.clock.now()));
}

/// What a server does every minute, in a task of its own.
async fn tick(app: &TestApp) {
    fn sendable<F: Future + Send>(future: F) -> F {
        future
    }
    sendable(florin_app::billing::tick(&app.app)).await.unwrap();
}

both! {
    async fn a_price_that_rises_in_an_approved_month_is_made_up_for_on_the_next_invoice(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
        let contract = agreement.sign(&app).await;
        bill(&app, "2026-01-01").await;
        approve_all(&app).await;
        agreement.prices = vec![fee("P1M", "prepaid", 62)];
        agreement.amend(&app, &contract).await;
        // Nothing is due: the difference waits for the next bill.
        assert_eq!(bill(&app, "2026-01-20").await.invoices, 0);
        bill(&app, "2026-02-01").await;
        // And comes once.
        bill(&app, "2026-03-01").await;
        expect![[r#"
            2026-01-01 approved 31.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 31.00 USD tax 0.00 USD
            2026-02-01 draft 93.00 USD
              v2 Seats [2026-02-01, 2026-03-01) 62.00 USD tax 0.00 USD
              Amendment [2026-01-01, 2026-02-01) 31.00 USD
            2026-03-01 draft 62.00 USD
              v2 Seats [2026-03-01, 2026-04-01) 62.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_draft_is_made_anew_when_its_contract_changes(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
        let contract = agreement.sign(&app).await;
        bill(&app, "2026-01-01").await;
        let before = invoices(&app).await.remove(0).id();
        agreement.prices = vec![fee("P1M", "prepaid", 62), fee("P1M", "prepaid", 5)];
        let contract = agreement.amend(&app, &contract).await;
        bill(&app, "2026-01-02").await;
        let made = invoices(&app).await;
        assert_eq!((made.len(), made[0].id()), (1, before));
        // It ends after a day: so is the draft.
        let ended = contract.expire(Some("2026-01-01".parse().unwrap()), app.app.clock.now());
        save(&app, &contract, &ended.unwrap()).await;
        bill(&app, "2026-01-06").await;
        expect![[r#"
            2026-01-01 draft 2.16 USD
              v3 Seats [2026-01-01, 2026-01-02) 2.00 USD tax 0.00 USD
              v3 Seats [2026-01-01, 2026-01-02) 0.16 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_pause_gives_prepaid_days_back_and_moves_the_end(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 310)]);
        agreement.end = Some("2026-03-31");
        let contract = agreement.sign(&app).await;
        bill(&app, "2026-01-01").await;
        approve_all(&app).await;
        let day = |day: &str| Start::read(day, &TimeZone::UTC).unwrap();
        let request = PauseRequest {
            start: day("2026-01-22"),
            end: Some(florin_core::contract::End::before("2026-02-01".parse().unwrap(), &TimeZone::UTC).unwrap()),
            policy: ExtensionPolicy::Extend,
        };
        let paused = contract.pause(request, app.app.ids.next(), app.app.clock.now()).unwrap();
        save(&app, &contract, &paused).await;
        for month in ["2026-02-01", "2026-03-01", "2026-04-01", "2026-05-01"] {
            bill(&app, month).await;
        }
        expect![[r#"
            2026-01-01 approved 310.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 310.00 USD tax 0.00 USD
            2026-02-01 draft 210.00 USD
              v2 Seats [2026-02-01, 2026-03-01) 310.00 USD tax 0.00 USD
              Amendment [2026-01-01, 2026-02-01) -100.00 USD
            2026-03-01 draft 310.00 USD
              v2 Seats [2026-03-01, 2026-04-01) 310.00 USD tax 0.00 USD
            2026-04-01 draft 103.33 USD
              v2 Seats [2026-04-01, 2026-04-11) 103.33 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn an_expiry_gives_back_what_was_paid_ahead_on_a_bill_of_its_own(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let contract = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]).sign(&app).await;
        bill(&app, "2026-01-01").await;
        approve_all(&app).await;
        let expired = contract.expire(Some("2026-01-21".parse().unwrap()), app.app.clock.now());
        save(&app, &contract, &expired.unwrap()).await;
        bill(&app, "2026-01-22").await;
        assert_eq!(bill(&app, "2026-02-22").await.invoices, 0);
        expect![[r#"
            2026-01-01 approved 31.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 31.00 USD tax 0.00 USD
            2026-01-22 draft 0.00 USD
              Amendment [2026-01-01, 2026-01-22) -10.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn usage_that_comes_late_is_on_the_next_invoice(app) {
        let (aggregate, storage) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        Agreement::new(acme, storage, vec![metered(aggregate, 2)]).sign(&app).await;
        store_gigabytes(&app, "ACME", "2026-01-10 00:00:00", 5).await;
        on(&app, "2026-02-01");
        tick(&app).await;
        approve_all(&app).await;
        store_gigabytes(&app, "ACME", "2026-01-31 23:59:59", 3).await;
        on(&app, "2026-02-15");
        tick(&app).await;
        assert_eq!(invoices(&app).await.len(), 1);
        on(&app, "2026-03-01");
        tick(&app).await;
        tick(&app).await;
        on(&app, "2026-04-01");
        approve_all(&app).await;
        tick(&app).await;
        expect![[r#"
            2026-02-01 approved 10.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
            2026-03-01 approved 6.00 USD
              v1 Storage [2026-02-01, 2026-03-01) 0.00 USD tax 0.00 USD
              LateUsage [2026-01-01, 2026-02-01) 6.00 USD
            2026-04-01 draft 0.00 USD
              v1 Storage [2026-03-01, 2026-04-01) 0.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_stale_draft_is_refreshed_and_a_fresh_one_is_not(app) {
        let (aggregate, storage) = (gigabytes(&app).await, product(&app, "Storage").await);
        let acme = customer(&app, "ACME").await;
        Agreement::new(acme, storage, vec![metered(aggregate, 2)]).sign(&app).await;
        store_gigabytes(&app, "ACME", "2026-01-10 00:00:00", 5).await;
        bill(&app, "2026-02-01").await;
        let draft = invoices(&app).await.remove(0).id();
        let refreshed = refresh(&app.app, app.organisation, &asker(), (&[draft], false)).await.unwrap();
        assert_eq!(refreshed, florin_app::billing::Refreshed::default());
        store_gigabytes(&app, "ACME", "2026-01-11 00:00:00", 1).await;
        let refreshed = refresh(&app.app, app.organisation, &asker(), (&[draft], false)).await.unwrap();
        assert_eq!(refreshed.remade, [draft]);
        expect![[r#"
            2026-02-01 draft 12.00 USD
              v1 Storage [2026-01-01, 2026-02-01) 12.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_discarded_draft_is_billed_again(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]).sign(&app).await;
        bill(&app, "2026-01-01").await;
        let Invoice::Draft(draft) = invoices(&app).await.remove(0) else { panic!("it is a draft") };
        let mut tx = begin(&app).await;
        store::invoice::find(&mut tx, draft.id()).await.unwrap();
        let discarded = draft.clone().discard().unwrap();
        store::invoice::save_draft(&mut tx, &draft, &discarded).await.unwrap();
        let parts: Vec<uuid::Uuid> = draft.parts().iter().map(|part| part.id).collect();
        store::billed_period::delete_of_parts(&mut tx, &parts).await.unwrap();
        tx.commit().await.unwrap();
        bill(&app, "2026-01-02").await;
        bill(&app, "2026-02-01").await;
        expect![[r#"
            2026-01-01 draft 31.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 31.00 USD tax 0.00 USD
            2026-02-01 draft 31.00 USD
              v1 Seats [2026-02-01, 2026-03-01) 31.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_minimum_is_carried_from_bill_to_bill_and_adjusted_as_a_whole(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "postpaid", 10)]);
        agreement.features = Some(json!({ "pricing_data": { "pricing_type": "features" },
            "commitments": [{ "type": "minimum_spend", "unit_amount": 100, "cadence": "P3M" }] }));
        let contract = agreement.sign(&app).await;
        for month in ["2026-02-01", "2026-03-01", "2026-04-01"] {
            bill(&app, month).await;
            approve_all(&app).await;
        }
        // 70 were missing; at 20 a month 40 are.
        agreement.prices = vec![fee("P1M", "postpaid", 20)];
        agreement.amend(&app, &contract).await;
        bill(&app, "2026-05-01").await;
        expect![[r#"
            2026-02-01 approved 10.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
            2026-03-01 approved 10.00 USD
              v1 Seats [2026-02-01, 2026-03-01) 10.00 USD tax 0.00 USD
            2026-04-01 approved 80.00 USD
              v1 Seats [2026-03-01, 2026-04-01) 10.00 USD tax 0.00 USD
              v1 top-up [2026-01-01, 2026-04-01) 70.00 USD tax 0.00 USD
            2026-05-01 draft 20.00 USD
              v2 Seats [2026-04-01, 2026-05-01) 20.00 USD tax 0.00 USD
              Amendment [2026-01-01, 2026-02-01) 10.00 USD
              Amendment [2026-02-01, 2026-03-01) 10.00 USD
              Amendment [2026-03-01, 2026-04-01) 10.00 USD
              Amendment [2026-01-01, 2026-04-01) -30.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_period_that_was_paid_in_advance_is_not_billed_again_afterwards(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let mut agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
        let contract = agreement.sign(&app).await;
        bill(&app, "2026-01-01").await;
        approve_all(&app).await;
        // January's day would be 1 February now.
        agreement.prices = vec![fee("P1M", "postpaid", 31)];
        agreement.amend(&app, &contract).await;
        for day in ["2026-01-10", "2026-02-01", "2026-03-01"] {
            assert_eq!(bill(&app, day).await.problems, []);
        }
        expect![[r#"
            2026-01-01 approved 31.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 31.00 USD tax 0.00 USD
            2026-03-01 draft 31.00 USD
              v2 Seats [2026-02-01, 2026-03-01) 31.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn two_drafts_of_one_day_are_made_anew_each_by_itself(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let once = |amount: i64| json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": amount },
            "is_recurring": false });
        let mut agreement = Agreement::new(acme, seats, vec![once(10)]);
        agreement.end = Some("2026-01-31");
        let contract = agreement.sign(&app).await;
        bill(&app, "2026-01-05").await;
        agreement.prices = vec![once(10), once(20)];
        agreement.amend(&app, &contract).await;
        bill(&app, "2026-01-05").await;
        let before = shown(&app).await;
        expect![[r#"
            2026-01-01 draft 10.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
            2026-01-01 draft 20.00 USD
              v2 Seats [2026-01-01, 2026-02-01) 20.00 USD tax 0.00 USD
        "#]].assert_eq(&before);
        let body = json!({ "customer_id": acme, "contract_id": contract.id(), "from_date": "2026-01-01",
            "to_date": "2026-01-31", "bill_for_date": "2026-01-01" });
        let generated = app.post("/invoices/generate_invoice", body).await.ok();
        assert_eq!(generated.at("/invoice_ids").as_array().unwrap().len(), 2);
        assert_eq!(shown(&app).await, before.replace("v1", "v2"));
    }

    async fn taxes_follow_the_products_category_and_the_customers_place(app) {
        let category = app.post("/tax/categories", json!({ "name": "Software" })).await.ok();
        let (category_id, code) = (category.id(), category.text("/code").to_owned());
        let entity = app.get("/business_entities").await.ok().text("/results/0/id").to_owned();
        let rates = json!({ "country_code": "DE", "tax_category_id": category_id,
            "effective_from": "2026-01-01", "rates": [{ "tax_name": "VAT", "rate_percent": 19 }] });
        app.post(&format!("/tax/business_entities/{entity}/jurisdiction_rates"), rates).await.ok();
        let body = json!({ "name": "Software", "type": "period_of_time", "subtype": "quantity", "sku": "S",
            "slug": "s", "unit": { "singular": "seat", "plural": "seats" }, "tax_category": code });
        let software = app.post("/v3/products", body).await.ok();
        let software = crate::billing::id(software.at("/id"));
        let address = json!({ "line1": "Unter den Linden 1", "city": "Berlin", "zipCode": "10117",
            "state": "BE", "country_code": "DE" });
        for (name, custom_data) in [("Berlin GmbH", json!({})), ("Botschaft", json!({ "exempt_tax": true }))] {
            let body = json!({ "customer_name": name, "external_id": name, "custom_data": custom_data,
                "address": address });
            let customer = crate::billing::id(app.post("/customers", body).await.ok().at("/id"));
            Agreement::new(customer, software, vec![fee("P1M", "prepaid", 100)]).sign(&app).await;
        }
        bill(&app, "2026-01-01").await;
        expect![[r#"
            2026-01-01 draft 119.00 USD
              v1 Software [2026-01-01, 2026-02-01) 100.00 USD tax 19.00 USD
            2026-01-01 draft 100.00 USD
              v1 Software [2026-01-01, 2026-02-01) 100.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn children_of_a_consolidating_parent_share_an_invoice(app) {
        let seats = product(&app, "Seats").await;
        let body = json!({ "customer_name": "Parent", "custom_data": { "invoice_consolidation_enabled": "true" } });
        let parent = crate::billing::id(app.post("/customers", body).await.ok().at("/id"));
        for (child, amount) in [("North", 10), ("South", 20)] {
            let child = customer(&app, child).await;
            let mut agreement = Agreement::new(child, seats, vec![fee("P1M", "prepaid", amount)]);
            agreement.payer = Some(parent);
            agreement.sign(&app).await;
        }
        bill(&app, "2026-01-01").await;
        bill(&app, "2026-01-01").await;
        expect![[r#"
            2026-01-01 draft 30.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 10.00 USD tax 0.00 USD
              v1 Seats [2026-01-01, 2026-02-01) 20.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
    }

    async fn a_preview_shows_what_would_be_and_keeps_nothing(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        let agreement = Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]);
        let contract = agreement.sign(&app).await;
        on(&app, "2026-01-05");
        let next = upcoming(&app.app, app.organisation, contract.id()).await.unwrap();
        assert_eq!(next[0].header().bill_for_date.to_string(), "2026-01-01");
        bill(&app, "2026-01-05").await;
        approve_all(&app).await;
        let next = upcoming(&app.app, app.organisation, contract.id()).await.unwrap();
        assert_eq!(next[0].header().bill_for_date.to_string(), "2026-02-01");
        let mut details = contract.to_details();
        let dearer = florin_core::product_pricing::Content::read(fee("P1M", "prepaid", 62)).unwrap();
        details.phases[0].lines[0].head.pricing = std::sync::Arc::new(dearer);
        let mut ids = || app.app.ids.next();
        let after = contract.replace(details, None, &mut ids, app.app.clock.now()).unwrap();
        let effect = effect(&app.app, app.read().await, &after).await.unwrap();
        assert_eq!((effect.remade.len(), effect.current.len(), effect.next.len()), (0, 0, 1));
        let adjusted: Vec<String> = effect.next.iter().flat_map(|draft| draft.parts())
            .flat_map(|part| &part.adjustments).map(|one| one.net.to_string()).collect();
        assert_eq!(adjusted, ["31.00 USD"]);
        assert_eq!(invoices(&app).await.len(), 1);
    }

    async fn an_organisation_that_does_not_want_it_is_not_billed_by_itself(app) {
        let (acme, seats) = (customer(&app, "ACME").await, product(&app, "Seats").await);
        Agreement::new(acme, seats, vec![fee("P1M", "prepaid", 31)]).sign(&app).await;
        app.patch("/billing_settings", json!({ "bills_automatically": false })).await.ok();
        tick(&app).await;
        assert_eq!(invoices(&app).await.len(), 0);
        let date = json!({ "reference": "period_end", "months": 0, "days": 1, "day_of_month": null });
        app.patch("/billing_settings", json!({ "bills_automatically": true, "invoice_date": date })).await.ok();
        tick(&app).await;
        app.clock.advance(SignedDuration::from_secs(60));
        tick(&app).await;
        let made = invoices(&app).await;
        assert_eq!(made.len(), 1);
        assert_eq!(crate::billing::header(&made[0]).invoice_date.to_string(), "2026-02-01");
        let wrong = json!({ "invoice_date": { "reference": "period_end", "months": 25, "days": 0 } });
        assert_eq!(app.patch("/billing_settings", wrong).await.status, 422);
    }
}
