//! Contracts of random terms, as clients write them.

use florin_testkit::TestApp;
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    billing::{gigabytes, product},
    money_laws::Dice,
};

/// What is sold.
pub(super) struct Catalogue {
    product: Uuid,
    metric: Uuid,
}

/// An amount of cents in major units.
pub(super) fn major(cents: i64) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    json!(format!("{sign}{}.{:02}", cents / 100, cents % 100))
}

impl Catalogue {
    pub(super) async fn make(app: &TestApp) -> Self {
        Self {
            product: product(app, "Product").await,
            metric: gigabytes(app).await,
        }
    }

    /// A contract that begins about a day: one phase or two, some lines each, with an end or without.
    pub(super) fn contract(&self, dice: &mut Dice, customer: &str, start: Date) -> Value {
        let end = (dice.below(3) > 0).then(|| start + (dice.below(150) as i64 + 20).days());
        let mut first = self.phase(dice, "First");
        let mut phases = Vec::new();
        if dice.below(3) == 0 {
            let change = start + (dice.below(18) as i64 + 1).days();
            first["end_date"] = json!(change.yesterday().unwrap().to_string());
            let mut second = self.phase(dice, "Second");
            second["start_date"] = json!(change.to_string());
            phases.push(second);
        }
        phases.insert(0, first);
        let mut body = json!({ "name": "Random", "status": "active", "currency": "USD",
            "customer_id": customer, "start_date": start.to_string(), "phases": phases });
        if let Some(end) = end {
            body["end_date"] = json!(end.to_string());
        }
        if end.is_some() && dice.below(3) == 0 {
            body["renewal_policy"] = json!("renew_with_existing");
        }
        body
    }

    fn phase(&self, dice: &mut Dice, name: &str) -> Value {
        let lines = (0..=dice.below(3)).map(|_| self.line(dice));
        let lines: Vec<Value> = lines.collect();
        json!({ "name": name, "pricings": lines })
    }

    fn line(&self, dice: &mut Dice) -> Value {
        json!({ "product_id": self.product, "pricing": self.price(dice) })
    }

    /// A price of any of seven shapes.
    fn price(&self, dice: &mut Dice) -> Value {
        let metered = json!({ "type": "metered", "aggregate_id": self.metric });
        let amount = major(dice.amount(20_000));
        let unit = major(dice.amount(300));
        match dice.below(8) {
            0 => recurring(flat(amount), "P1M", "prepaid"),
            1 => recurring(flat(amount), "P1M", "postpaid"),
            2 => recurring(
                flat(amount),
                dice.one_of(&["P3M", "P2W", "P10D"]),
                "prepaid",
            ),
            3 => {
                let offset = dice.one_of(&["prepaid", "postpaid"]);
                let price = recurring(per_unit(unit), "P1M", offset);
                with(
                    price,
                    "quantity",
                    json!({ "type": "fixed", "quantity": dice.below(20) }),
                )
            }
            4 => with(
                recurring(per_unit(unit), "P1M", "postpaid"),
                "quantity",
                metered,
            ),
            5 => {
                let tiers = json!({ "pricing_type": "tiered", "unit_amount": [unit, "0.35"], "up_to": [20, null] });
                with(recurring(tiers, "P1M", "postpaid"), "quantity", metered)
            }
            6 => {
                let minimum = json!([{ "type": "minimum_spend", "unit_amount": amount }]);
                let price = with(
                    recurring(per_unit(unit), "P1M", "postpaid"),
                    "quantity",
                    metered,
                );
                with(price, "commitments", minimum)
            }
            _ => json!({ "pricing_data": flat(amount), "is_recurring": false }),
        }
    }

    /// The contract as it was read, with something else in it.
    pub(super) fn amended(&self, dice: &mut Dice, mut body: Value) -> Value {
        match dice.below(6) {
            0 => {
                let end: Date = body["start_date"].as_str().unwrap()[..10].parse().unwrap();
                let end = end + (dice.below(200) as i64 + 10).days();
                body["end_date"] = json!(end.to_string());
                if let Some(last) = phases(&mut body).last_mut() {
                    last["end_date"] = json!(end.to_string());
                    for line in last["pricings"].as_array_mut().unwrap() {
                        line["end_date"] = Value::Null;
                    }
                }
            }
            1 => {
                let line = self.line(dice);
                if let Some(phase) = phases(&mut body).first_mut() {
                    phase["pricings"].as_array_mut().unwrap().push(line);
                }
            }
            _ => self.reprice(dice, &mut body),
        }
        body
    }

    /// Another price of a line; now and then of another shape.
    fn reprice(&self, dice: &mut Dice, body: &mut Value) {
        let mut phases = phases(body);
        let place = dice.below(phases.len().max(1) as u64) as usize;
        let Some(lines) = phases
            .get_mut(place)
            .and_then(|phase| phase["pricings"].as_array_mut())
        else {
            return;
        };
        let place = dice.below(lines.len().max(1) as u64) as usize;
        let Some(line) = lines.get_mut(place) else {
            return;
        };
        let is_tiered = line["pricing"]["pricing_data"]["unit_amount"].is_array();
        if is_tiered || dice.below(4) == 0 {
            line["pricing"] = self.price(dice);
        } else {
            line["pricing"]["pricing_data"]["unit_amount"] = major(dice.amount(10_000));
        }
    }
}

/// What matters of a contract, for people.
pub(super) fn told(body: &Value) -> String {
    let mut text = format!("{} to {}", body["start_date"], body["end_date"]);
    for phase in body["phases"].as_array().into_iter().flatten() {
        text += &format!(
            "; {} {} to {}",
            phase["name"], phase["start_date"], phase["end_date"]
        );
        for line in phase["pricings"].as_array().into_iter().flatten() {
            let price = &line["pricing"];
            let said = [
                &line["id"],
                &price["pricing_data"],
                &price["billing_period"],
            ];
            text += &format!(" {}", json!(said));
            text += &format!(" {} {}", price["quantity"]["type"], price["commitments"]);
        }
    }
    text.replace('"', "")
}

/// The phases of terms.
fn phases(body: &mut Value) -> Vec<&mut Value> {
    let phases = body["phases"].as_array_mut().unwrap().iter_mut();
    phases
        .filter(|phase| phase["phase_type"] != "pause")
        .collect()
}

fn flat(amount: Value) -> Value {
    json!({ "pricing_type": "flat_fee", "unit_amount": amount })
}

fn per_unit(amount: Value) -> Value {
    json!({ "pricing_type": "per_unit", "unit_amount": amount })
}

fn recurring(pricing_data: Value, cadence: &str, offset: &str) -> Value {
    json!({ "pricing_data": pricing_data, "is_recurring": true,
        "billing_period": { "cadence": cadence, "offset": offset } })
}

fn with(mut price: Value, name: &str, value: Value) -> Value {
    price[name] = value;
    price
}
