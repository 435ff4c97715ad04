//! What a quote says is what its contract's invoices come to: for drawn prices, terms, discounts and taxes.

use florin_testkit::{Backend, TestApp};
use serde_json::{Value, json};

use crate::checkout_laws::{approve_all, bill, day, drafts, number, on, price, products};
use crate::contracts::catalogue;
use crate::money_laws::Dice;

/// Quotes that are tried.
const DRAWS: u64 = 200;
/// Of these, so many of one organisation.
const DRAWS_TOGETHER: u64 = 10;

/// Modifiers of the whole: none, one or two of a kind.
fn modifiers(dice: &mut Dice) -> (Value, Value) {
    let mut discounts = Vec::new();
    for _ in 0..dice.below(3) {
        discounts.push(match dice.is_so() {
            true => json!({ "type": "percent", "unit_amount": dice.amount(60) }),
            false => json!({ "type": "fixed", "unit_amount": dice.amount(40) }),
        });
    }
    let mut taxes = Vec::new();
    for _ in 0..dice.below(3) {
        taxes.push(json!({ "type": "manual", "unit_amount": dice.amount(20), "is_compound": dice.is_so() }));
    }
    (json!(discounts), json!(taxes))
}

fn quote(dice: &mut Dice, products: &[String]) -> Value {
    let count = 1 + dice.below(3) as usize;
    let mut lines = Vec::new();
    for product in products.iter().take(count) {
        lines.push((product, price(dice)));
    }
    let (discounts, taxes) = modifiers(dice);
    let mut body =
        json!({ "name": "Drawn", "currency": "USD", "discounts": discounts, "taxes": taxes });
    if dice.below(3) == 0 {
        let pricings = lines
            .iter()
            .map(|(product, price)| json!({ "product_id": product, "pricing": price }));
        let own = json!({ "pricing_data": { "pricing_type": "features" },
            "discounts": [{ "type": "percent", "unit_amount": dice.amount(30) }] });
        body["phases"] =
            json!([{ "name": "Only", "features": own, "pricings": pricings.collect::<Vec<_>>() }]);
    } else {
        let items = lines
            .iter()
            .map(|(product, price)| json!({ "product_id": product, "pricing_data": price }));
        body["line_items"] = json!(items.collect::<Vec<_>>());
    }
    body
}

#[tokio::test]
async fn an_estimate_is_what_the_invoices_come_to() {
    let mut app = TestApp::start(Backend::Sqlite).await;
    let start = app.app.clock.now();
    let mut customer = catalogue(&app).await;
    let mut sold = products(&app, &customer).await;
    let mut accepted = 0;
    for seed in 1..=DRAWS {
        if seed % DRAWS_TOGETHER == 0 {
            // A run looks at all contracts of an organisation: it should not have too many.
            app = app.other_organisation().await;
            customer = catalogue(&app).await;
            sold = products(&app, &customer).await;
        }
        let mut dice = Dice::of(seed);
        app.clock.set(start);
        let mut body = quote(&mut dice, &sold);
        body["customer_id"] = json!(customer.customer);
        body["start_date"] = json!(day(&mut dice, start, 40, 40));
        if dice.is_so() {
            body["end_date"] = json!(day(&mut dice, start, 0, 400));
        }
        let made = app.post("/quotes", body.clone()).await;
        if made.status == 422 {
            // Its end is before its start.
            continue;
        }
        let made = made.ok();
        let preview = app.post("/quotes/preview", body.clone()).await.ok();
        let estimate = made.at("/current_version/estimate");
        assert_eq!(preview.at("/estimate"), estimate, "{seed}: {body}");
        let path = format!("/quotes/{}/accept", made.id());
        let contract = app.post(&path, json!({})).await.ok();
        let contract = contract.text("/current_version/contract_id").to_owned();
        accepted += 1;
        for which in ["current_invoice", "next_invoice"] {
            if estimate[which].is_null() {
                continue;
            }
            on(&app, &estimate[which]).await;
            bill(&app).await;
            let found = drafts(&app, &contract).await;
            let promised = number(&estimate[which]["total"]);
            assert_eq!(found, promised, "{seed}: {which} of {body}");
            approve_all(&app, &contract).await;
        }
        // Its days are over: later draws begin anew.
        app.patch(&format!("/contract_v2/{contract}/expire"), json!({}))
            .await;
    }
    assert!(accepted > DRAWS / 2, "{accepted} accepted");
}
