//! What a preview says is what the invoices come to: for plans, quantities, dates and changes of all kinds.

use florin_app::billing::run;
use florin_testkit::{Answer, Backend, TestApp};
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::contracts::{Catalogue, catalogue};
use crate::money_laws::Dice;

/// Purchases that are tried; each is then changed once.
const DRAWS: u64 = 500;
/// Of these, so many of one organisation.
const DRAWS_TOGETHER: u64 = 10;

const CADENCES: [&str; 4] = ["P1M", "P3M", "P1W", "P1Y"];
const OFFSETS: [&str; 2] = ["prepaid", "postpaid"];

/// A price in dollars: a fee, seats, tiers, or a charge made once, some with a discount and a tax.
pub(crate) fn price(dice: &mut Dice) -> Value {
    let cadence = dice.one_of(&CADENCES);
    let offset = dice.one_of(&OFFSETS);
    let unit_amount = Decimal::new(dice.amount(20_000), 2).to_string();
    let unit_amount: serde_json::Number = unit_amount.parse().unwrap();
    let quantity = json!({ "type": "fixed", "quantity": dice.amount(9) });
    let mut price = match dice.below(4) {
        0 => {
            json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": unit_amount, "currency": "USD" } })
        }
        1 => {
            json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": unit_amount, "currency": "USD" },
            "quantity": quantity })
        }
        2 => json!({ "pricing_data": { "pricing_type": "tiered", "unit_amount": [unit_amount, 1.5],
                "up_to": [3, null], "currency": "USD" },
            "quantity": quantity }),
        _ => {
            return json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": unit_amount, "currency": "USD" },
                "billing_period": { "cadence": "P0D", "offset": "prepaid" } });
        }
    };
    price["billing_period"] = json!({ "cadence": cadence, "offset": offset });
    if dice.below(3) == 0 {
        price["discounts"] = json!([{ "type": "percent", "unit_amount": dice.amount(60) }]);
    }
    if dice.below(3) == 0 {
        price["taxes"] = json!([{ "type": "manual", "unit_amount": 8.25, "label": "Sales tax" }]);
    }
    price
}

fn plan(dice: &mut Dice, products: &[String]) -> Value {
    let mut pricings = Vec::new();
    for product in products.iter().take(1 + dice.below(3) as usize) {
        pricings.push(json!({ "product_id": product, "pricing": price(dice) }));
    }
    let first = dice.one_of(&["P1M", "P2M", "P14D"]);
    let phases = match dice.below(3) {
        0 => json!([{ "name": "Trial", "phase_type": "trial", "schedule": { "duration": first } },
            { "name": "Term", "pricings": pricings }]),
        1 => {
            json!([{ "name": "First", "schedule": { "duration": first }, "pricings": [pricings[0]] },
            { "name": "Then", "pricings": pricings }])
        }
        _ => json!([{ "name": "Term", "pricings": pricings }]),
    };
    let schedule = match dice.is_so() {
        true => json!({ "duration": dice.one_of(&["P1Y", "P6M", "P45D", "P2Y"]) }),
        false => json!({}),
    };
    json!({ "name": "Drawn", "status": "active", "schedule": schedule, "phases": phases })
}

pub(crate) fn number(value: &Value) -> Decimal {
    let text = value.to_string();
    text.parse()
        .unwrap_or_else(|_| panic!("{text} is no amount"))
}

/// What the draft invoices of a contract come to together, by the totals that they show.
pub(crate) async fn drafts(app: &TestApp, contract: &str) -> Decimal {
    let path = format!("/invoices?contract_id={contract}&status=draft&limit=1000");
    let listed = app.get(&path).await.ok();
    let rows = listed.at("/results").as_array().unwrap().iter();
    rows.map(|row| number(&row["invoice_total"])).sum()
}

pub(crate) async fn approve_all(app: &TestApp, contract: &str) {
    let path = format!("/invoices?contract_id={contract}&status=draft&limit=1000");
    let listed = app.get(&path).await.ok();
    for row in listed.at("/results").as_array().unwrap() {
        let path = format!("/invoices/{}/approve", row["id"].as_str().unwrap());
        app.patch(&path, json!({})).await.ok();
    }
}

/// Previews, confirms, and holds the drafts to the current estimate, then to the next.
async fn hold(app: &TestApp, seed: u64, body: &Value) -> Option<String> {
    let preview = app.post("/checkouts/preview", body.clone()).await;
    if preview.status == 422 || preview.status == 400 {
        return None;
    }
    let preview = preview.ok();
    let made = app.post("/checkouts", body.clone()).await.ok();
    assert_eq!(
        made.at("/estimates"),
        preview.at("/estimates"),
        "{seed}: {body}"
    );
    let path = format!("/checkouts/{}/confirm", made.id());
    let contract = app
        .post(&path, json!({}))
        .await
        .ok()
        .text("/contract_id")
        .to_owned();
    let current = preview.at("/estimates/current_invoice");
    on(app, current).await;
    bill(app).await;
    let found = drafts(app, &contract).await;
    assert_eq!(found, number(&current["total"]), "{seed}: {body} now");
    approve_all(app, &contract).await;
    let next = preview.at("/estimates/next_invoice");
    if next.is_null() {
        return Some(contract);
    }
    on(app, next).await;
    bill(app).await;
    let found = drafts(app, &contract).await;
    assert_eq!(found, number(&next["total"]), "{seed}: {body} then");
    approve_all(app, &contract).await;
    Some(contract)
}

/// The day of a bill, unless it has passed.
pub(crate) async fn on(app: &TestApp, bill: &Value) {
    let day: Date = bill["bill_for_date"].as_str().unwrap().parse().unwrap();
    let at: Timestamp = format!("{day}T09:00:00Z").parse().unwrap();
    app.clock.set(app.app.clock.now().max(at));
}

pub(crate) async fn bill(app: &TestApp) {
    let now = app.app.clock.now();
    let run = run(&app.app, app.organisation, now).await.unwrap();
    assert!(run.problems.is_empty(), "{:?}", run.problems);
}

pub(crate) async fn products(app: &TestApp, catalogue: &Catalogue) -> Vec<String> {
    let mut products = vec![catalogue.product.clone()];
    for name in ["Seats", "Support"] {
        let body = json!({ "name": name, "type": "product" });
        products.push(app.post("/products", body).await.ok().id());
    }
    products
}

pub(crate) fn day(dice: &mut Dice, around: Timestamp, before: u64, after: u64) -> String {
    let days = dice.below(before + after) as i64 - before as i64;
    let day = around.to_zoned(jiff::tz::TimeZone::UTC).date();
    (day + jiff::Span::new().days(days)).to_string()
}

#[tokio::test]
async fn a_preview_is_what_the_invoices_come_to() {
    let mut app = TestApp::start(Backend::Sqlite).await;
    let start = app.app.clock.now();
    let mut catalogue = catalogue(&app).await;
    let mut products = products(&app, &catalogue).await;
    let (mut bought, mut changed) = (0, 0);
    for seed in 1..=DRAWS {
        if seed % DRAWS_TOGETHER == 0 {
            // A run looks at all contracts of an organisation: it should not have too many.
            app = app.other_organisation().await;
            catalogue = crate::contracts::catalogue(&app).await;
            products = self::products(&app, &catalogue).await;
        }
        let mut dice = Dice::of(seed);
        // Each draw has a contract of its own; what others have due is not looked at.
        app.clock.set(start);
        let made: Answer = app.post("/plans", plan(&mut dice, &products)).await;
        if made.status == 422 {
            // Its phases do not fit.
            continue;
        }
        let made = made.ok();
        let mut body = json!({ "plan_id": made.id(), "customer_id": catalogue.customer,
            "start_date": day(&mut dice, start, 40, 40) });
        if dice.below(3) == 0 {
            body["product_overrides"] =
                json!([{ "product_id": products[0], "quantity": dice.amount(12) }]);
        }
        let Some(contract) = hold(&app, seed, &body).await else {
            continue;
        };
        bought += 1;
        let mut change = json!({ "contract_id": contract });
        match dice.below(3) {
            0 => change["plan_id"] = made.at("/id").clone(),
            1 => {
                change["product_overrides"] =
                    json!([{ "product_id": products[0], "is_enabled": false }])
            }
            _ => {
                change["product_overrides"] =
                    json!([{ "product_id": products[0], "quantity": dice.amount(12) }])
            }
        }
        app.clock.advance(jiff::SignedDuration::from_hours(
            24 * i64::try_from(dice.below(20)).unwrap(),
        ));
        changed += u64::from(hold(&app, seed, &change).await.is_some());
        // Its days are over: later draws begin anew.
        app.patch(&format!("/contract_v2/{contract}/expire"), json!({}))
            .await;
    }
    assert!(
        bought > DRAWS / 2 && changed > DRAWS / 8,
        "{bought} bought, {changed} changed"
    );
}
