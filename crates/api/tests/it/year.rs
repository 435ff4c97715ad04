//! A year of one contract over HTTP, by a test clock: trial, ramp, a quantity that changes inside a month, a pause that
//! extends, a price that is amended back into approved months, usage that comes late, renewal at new prices of the plan; and the
//! money: payments in parts and too large, credit notes, a refund, a wallet. Every amount is worked out by hand beside it.

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both, scenario};
use serde_json::{Value, json};

use crate::billing::{customer, gigabytes, product, shown, store_gigabytes};

/// What the story is about.
struct Year<'a> {
    app: &'a TestApp,
    clock: String,
    customer: String,
    contract: String,
    plan: String,
    catalogue: Catalogue,
}

/// A price of a month, billed before or after it.
fn monthly(pricing_data: Value, quantity: Value, offset: &str) -> Value {
    let mut price = json!({ "pricing_data": pricing_data, "is_recurring": true,
        "billing_period": { "cadence": "P1M", "offset": offset } });
    if quantity != Value::Null {
        price["quantity"] = quantity;
    }
    price
}

fn per_unit(unit_amount: f64) -> Value {
    json!({ "pricing_type": "per_unit", "currency": "USD", "unit_amount": unit_amount })
}

/// Platform in advance, seats and storage afterwards: fee, price of a seat, of a gigabyte, number of seats.
type Prices = (i64, f64, f64, i64);

/// What the plan is made of.
struct Catalogue {
    platform: Value,
    seats: Value,
    storage: Value,
    gb: Value,
}

impl Catalogue {
    fn phase(&self, name: &str, (fee, seat, stored, count): Prices) -> Value {
        let fee = json!({ "pricing_type": "flat_fee", "currency": "USD", "unit_amount": fee });
        let counted = json!({ "type": "fixed", "quantity": count });
        let metered = json!({ "type": "metered", "aggregate_id": self.gb });
        json!({ "name": name, "pricings": [
            { "product_id": self.platform, "pricing": monthly(fee, Value::Null, "prepaid") },
            { "product_id": self.seats, "pricing": monthly(per_unit(seat), counted, "postpaid") },
            { "product_id": self.storage, "pricing": monthly(per_unit(stored), metered, "postpaid") },
        ]})
    }

    fn phase_of(&self, name: &str, duration: &str, prices: Prices) -> Value {
        let mut phase = self.phase(name, prices);
        phase["schedule"] = json!({ "duration": duration });
        phase
    }
}

impl<'a> Year<'a> {
    /// A contract for 2026 from a plan. January is a trial. From February on the platform costs 300 in advance; seats
    /// cost 31 each and storage 0.10 a gigabyte, afterwards. From July on they are 450, 40 and 0.08.
    async fn begin(app: &'a TestApp) -> Self {
        let customer = customer(app, "ACME").await.to_string();
        let now = json!({ "name": "Year", "now": "2026-01-01T00:00:00Z" });
        let clock = app.post("/test_clocks", now).await.ok().id();
        let path = format!("/test_clocks/{clock}/customers");
        app.post(&path, json!({ "customer_id": customer }))
            .await
            .ok();
        let catalogue = Catalogue {
            platform: json!(product(app, "Platform").await),
            seats: json!(product(app, "Seats").await),
            storage: json!(product(app, "Storage").await),
            gb: json!(gigabytes(app).await),
        };
        let trial =
            json!({ "name": "Trial", "phase_type": "trial", "schedule": { "duration": "P1M" } });
        let plan = json!({ "name": "Growth", "status": "active", "schedule": { "duration": "P1Y" }, "phases": [
            trial,
            catalogue.phase_of("Start", "P5M", (300, 31.0, 0.1, 10)),
            catalogue.phase_of("Grown", "P6M", (450, 40.0, 0.08, 14)),
        ]});
        let plan = app.post("/plans", plan).await.ok().id();
        let contract = json!({ "name": "Year", "status": "active", "currency": "USD", "customer_id": customer,
            "plan_id": plan, "start_date": "2026-01-01", "renewal_policy": "renew_with_default_contract" });
        let contract = app.post("/contract_v2", contract).await.ok().id();
        Self {
            app,
            clock,
            customer,
            contract,
            plan,
            catalogue,
        }
    }

    /// The plan's next version: no trial and no ramp; 330 for the platform, 42 for a seat, 0.09 for a gigabyte.
    async fn plan_is_dearer(&self) {
        let path = format!("/plans/{}/new_version", self.plan);
        let mut next = self.app.post(&path, json!({})).await.ok().body;
        next["phases"] = json!([self.catalogue.phase("Year", (330, 42.0, 0.09, 14))]);
        next["status"] = json!("active");
        let path = format!("/plans/{}", next["id"].as_str().unwrap());
        self.app.put(&path, next).await.ok();
    }

    /// Lets the clock go on to the beginning of a day.
    async fn to(&self, day: &str) {
        let path = format!("/test_clocks/{}/advance", self.clock);
        self.app
            .post(&path, json!({ "to": format!("{day}T00:00:00Z") }))
            .await
            .ok();
    }

    /// Goes on to a day and approves the drafts that are there then.
    async fn approve(&self, day: &str) {
        self.to(day).await;
        self.approve_drafts().await;
    }

    async fn approve_drafts(&self) {
        let drafts = self
            .app
            .get("/invoices?status=draft&order=bill_for_date")
            .await
            .ok();
        let drafts = drafts.at("/results").as_array().unwrap().iter();
        let ids: Vec<&Value> = drafts.map(|draft| &draft["id"]).collect();
        let answer = self
            .app
            .patch("/invoices/approve", json!({ "invoice_ids": ids }))
            .await
            .ok();
        assert_eq!(answer.at("/approved"), ids.len(), "{answer}");
    }

    /// Sends the contract back with one price of the phase `Start` changed.
    async fn amend(&self, pricing: usize, change: impl Fn(&mut Value)) {
        let path = format!("/contract_v2/{}", self.contract);
        let mut body = self.app.get(&path).await.ok().body;
        let phases = body["phases"].as_array_mut().unwrap().iter_mut();
        for phase in phases.filter(|phase| phase["name"] == "Start") {
            change(&mut phase["pricings"][pricing]["pricing"]);
        }
        self.app.put(&path, body).await.ok();
    }

    async fn uses(&self, day: &str, gb: i64) {
        store_gigabytes(self.app, "ACME", &format!("{day}T12:00:00Z"), gb).await;
    }

    /// The invoice with this number.
    async fn invoice(&self, number: u32) -> Answer {
        let path = format!(
            "/invoices?invoice_number__like=INV-{number:04}&customer_id={}",
            self.customer
        );
        let id = self
            .app
            .get(&path)
            .await
            .ok()
            .text("/results/0/id")
            .to_owned();
        self.app.get(&format!("/invoices/{id}")).await.ok()
    }

    /// Pays so many cents of an invoice; what is too much is for the wallet.
    async fn pays(&self, number: u32, cents: i64) -> String {
        let parts = json!([{ "invoice_id": self.invoice(number).await.id(), "amount": cents }]);
        let body = json!({ "amount": cents, "currency_code": "USD", "payment_parts": parts });
        self.app.post("/payments", body).await.ok().id()
    }

    async fn credits(&self, number: u32, mut note: Value) {
        note["reason"] = json!("Billing error");
        let path = format!("/invoices/{}/credit_note", self.invoice(number).await.id());
        self.app.post(&path, note).await.ok();
    }

    /// Status and amounts of each invoice: what the wallet and payments paid, what is due.
    async fn standing(&self) -> String {
        let mut lines = String::new();
        for number in 1..=15 {
            let invoice = self.invoice(number).await;
            let amount = |name: &str| invoice.at(name).to_string();
            let amounts = [
                "/invoice_total",
                "/applied_balance",
                "/paid_amount",
                "/amount_due",
            ]
            .map(amount);
            lines += &format!(
                "{number:>2} {} {}\n",
                invoice.text("/status"),
                amounts.join(" ")
            );
        }
        lines
    }
}

both! {
    async fn a_year_is_billed_to_the_cent(app) {
        let app = app.sandbox().await;
        let year = Year::begin(&app).await;
        // The trial is free, whatever is used.
        year.uses("2026-01-10", 1_000).await;
        year.approve("2026-02-01").await;
        year.uses("2026-02-10", 500).await;
        // 300 in two parts.
        year.pays(1, 10_000).await;
        year.pays(1, 20_000).await;
        year.approve("2026-03-01").await;
        // Four more seats from 16 March on: 10 for 15 days, 14 for 16 days of 31, at 31: 150 + 224 = 374.
        year.to("2026-03-16").await;
        year.amend(1, |price| price["quantity"] = json!({ "type": "fixed", "quantity": 10, "quantity_entries": [
            { "value": 10, "effective_from": "2026-02-01" }, { "value": 14, "effective_from": "2026-03-16" }] })).await;
        year.uses("2026-03-20", 200).await;
        year.pays(2, 40_000).await;
        year.approve("2026-04-01").await;
        year.pays(2, 26_000).await;
        year.uses("2026-04-05", 100).await;
        // May is paused: nothing accrues, and everything after it is 31 days later.
        year.to("2026-04-10").await;
        let pause = json!({ "start_date": "2026-05-01", "end_date": "2026-05-31", "unpause_extension_policy": "extend" });
        let paused = app.post(&format!("/contract_v2/{}/pause", year.contract), pause).await.ok();
        assert_eq!(paused.text("/end_date"), "2027-01-31T23:59:59.999999Z");
        // 694 less 94 are 600.
        year.credits(3, json!({ "credit_note_amount": 94 })).await;
        year.pays(3, 60_000).await;
        year.approve("2026-05-01").await;
        let wire = year.pays(4, 44_400).await;
        year.approve("2026-06-01").await;
        // 50 too much: they pay a part of July's.
        year.pays(5, 35_000).await;
        // Storage costs 0.12 from its first day on: 0.02 more for 500, 200 and 100 gigabytes that are approved.
        year.to("2026-06-15").await;
        year.amend(2, |price| price["pricing_data"] = per_unit(0.12)).await;
        year.uses("2026-06-10", 40).await;
        year.to("2026-07-01").await;
        // After the draft and before its approval.
        year.uses("2026-06-11", 10).await;
        year.approve_drafts().await;
        // 44 go back and are owed again.
        let refund = json!({ "refund_destination": "external", "writeoff_invoices": false, "refund_amount": 4_400 });
        app.post(&format!("/payments/{wire}/refund"), refund).await.ok();
        // 30 gigabytes of June come after its approval: 30 at 0.12.
        year.to("2026-07-10").await;
        year.uses("2026-06-20", 30).await;
        year.uses("2026-07-20", 100).await;
        year.approve("2026-08-01").await;
        // 30 of February's 300 come back into the wallet.
        year.credits(1, json!({ "credit_note_amount": 30, "refund_destination": "credits" })).await;
        year.uses("2026-08-20", 1_000).await;
        for day in ["2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2027-01-01"] {
            year.approve(day).await;
        }
        // The renewal on 1 February has the prices of the plan's new version.
        year.plan_is_dearer().await;
        year.approve("2027-02-01").await;
        year.uses("2027-02-10", 100).await;
        year.approve("2027-03-01").await;
        expect![[r#"
            2026-02-01 paid 300.00 USD
              v1 Platform [2026-02-01, 2026-03-01) 300.00 USD tax 0.00 USD
            2026-03-01 paid 660.00 USD
              v1 Platform [2026-03-01, 2026-04-01) 300.00 USD tax 0.00 USD
              v1 Seats [2026-02-01, 2026-03-01) 310.00 USD tax 0.00 USD
              v1 Storage [2026-02-01, 2026-03-01) 50.00 USD tax 0.00 USD
            2026-04-01 paid 694.00 USD
              v2 Platform [2026-04-01, 2026-05-01) 300.00 USD tax 0.00 USD
              v2 Seats [2026-03-01, 2026-04-01) 374.00 USD tax 0.00 USD
              v2 Storage [2026-03-01, 2026-04-01) 20.00 USD tax 0.00 USD
            2026-05-01 partially_paid 444.00 USD
              v3 Seats [2026-04-01, 2026-05-01) 434.00 USD tax 0.00 USD
              v3 Storage [2026-04-01, 2026-05-01) 10.00 USD tax 0.00 USD
            2026-06-01 paid 300.00 USD
              v3 Platform [2026-06-01, 2026-07-01) 300.00 USD tax 0.00 USD
            2026-07-01 partially_paid 756.00 USD
              v4 Platform [2026-07-01, 2026-08-01) 300.00 USD tax 0.00 USD
              v4 Seats [2026-06-01, 2026-07-01) 434.00 USD tax 0.00 USD
              v4 Storage [2026-06-01, 2026-07-01) 6.00 USD tax 0.00 USD
              Amendment [2026-02-01, 2026-03-01) 10.00 USD
              Amendment [2026-03-01, 2026-04-01) 4.00 USD
              Amendment [2026-04-01, 2026-05-01) 2.00 USD
            2026-08-01 approved 899.60 USD
              v4 Seats [2026-07-01, 2026-08-01) 434.00 USD tax 0.00 USD
              v4 Storage [2026-07-01, 2026-08-01) 12.00 USD tax 0.00 USD
              LateUsage [2026-06-01, 2026-07-01) 3.60 USD
              v4 Platform [2026-08-01, 2026-09-01) 450.00 USD tax 0.00 USD
            2026-09-01 partially_paid 1090.00 USD
              v4 Platform [2026-09-01, 2026-10-01) 450.00 USD tax 0.00 USD
              v4 Seats [2026-08-01, 2026-09-01) 560.00 USD tax 0.00 USD
              v4 Storage [2026-08-01, 2026-09-01) 80.00 USD tax 0.00 USD
            2026-10-01 approved 1010.00 USD
              v4 Platform [2026-10-01, 2026-11-01) 450.00 USD tax 0.00 USD
              v4 Seats [2026-09-01, 2026-10-01) 560.00 USD tax 0.00 USD
              v4 Storage [2026-09-01, 2026-10-01) 0.00 USD tax 0.00 USD
            2026-11-01 approved 1010.00 USD
              v4 Platform [2026-11-01, 2026-12-01) 450.00 USD tax 0.00 USD
              v4 Seats [2026-10-01, 2026-11-01) 560.00 USD tax 0.00 USD
              v4 Storage [2026-10-01, 2026-11-01) 0.00 USD tax 0.00 USD
            2026-12-01 approved 1010.00 USD
              v4 Platform [2026-12-01, 2027-01-01) 450.00 USD tax 0.00 USD
              v4 Seats [2026-11-01, 2026-12-01) 560.00 USD tax 0.00 USD
              v4 Storage [2026-11-01, 2026-12-01) 0.00 USD tax 0.00 USD
            2027-01-01 approved 1010.00 USD
              v4 Platform [2027-01-01, 2027-02-01) 450.00 USD tax 0.00 USD
              v4 Seats [2026-12-01, 2027-01-01) 560.00 USD tax 0.00 USD
              v4 Storage [2026-12-01, 2027-01-01) 0.00 USD tax 0.00 USD
            2027-02-01 approved 560.00 USD
              v4 Seats [2027-01-01, 2027-02-01) 560.00 USD tax 0.00 USD
              v4 Storage [2027-01-01, 2027-02-01) 0.00 USD tax 0.00 USD
            2027-02-01 approved 330.00 USD
              v1 Platform [2027-02-01, 2027-03-01) 330.00 USD tax 0.00 USD
            2027-03-01 approved 927.00 USD
              v1 Platform [2027-03-01, 2027-04-01) 330.00 USD tax 0.00 USD
              v1 Seats [2027-02-01, 2027-03-01) 588.00 USD tax 0.00 USD
              v1 Storage [2027-02-01, 2027-03-01) 9.00 USD tax 0.00 USD
        "#]].assert_eq(&shown(&app).await);
        // Total, paid by the wallet, paid by payments, due. 94 of the third invoice are credited.
        expect![[r#"
             1 paid 300 0 300 0
             2 paid 660 0 660 0
             3 paid 694 0 600 0
             4 partially_paid 444 0 400 44
             5 paid 300 0 300 0
             6 partially_paid 756 50 0 706
             7 approved 899.6 0 0 899.6
             8 partially_paid 1090 30 0 1060
             9 approved 1010 0 0 1010
            10 approved 1010 0 0 1010
            11 approved 1010 0 0 1010
            12 approved 1010 0 0 1010
            13 approved 560 0 0 560
            14 approved 330 0 0 330
            15 approved 927 0 0 927
        "#]].assert_eq(&year.standing().await);
        // Cash: 300 + 660 + 600 + 444 + 350 - 44. Due: 44 + 706 + 899.60 + 1060 + 4 x 1010 + 560 + 330 + 927.
        // Returns: 94 + 30. Deferred: everything invoiced, which is what the three come to.
        scenario::books_are(&app, &[
            "Cash 2310.00 USD debit",
            "Accounts Receivable / Customers 8566.60 USD debit",
            "Deferred Revenue 11000.60 USD credit",
            "Sales Returns and Allowances 124.00 USD debit",
        ]).await.unwrap();
    }
}
