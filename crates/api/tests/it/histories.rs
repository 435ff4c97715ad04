//! Random histories of a customer: contracts that are made, amended, paused and ended, usage in time and late, runs of
//! billing, approvals, documents that are changed and voided, payments, refunds, credit notes, wallets. After each of
//! them the laws of DESIGN §13 hold.
//!
//! `FLORIN_HISTORIES` says how many are told (each database tells its share), `FLORIN_HISTORY` names the only one.

mod agreed;
mod laws;
mod terms;

use std::collections::BTreeMap;

use florin_app::{billing, contract};
use florin_core::Timestamp;
use florin_testkit::{Answer, Backend, TestApp};
use jiff::{ToSpan, civil::Date};
use serde_json::{Value, json};

use crate::money_laws::{Dice, Till};
use agreed::Event;
use laws::Seen;
use terms::Catalogue;

/// Histories on each database unless told: what fits a minute. PostgreSQL has no fewer laws, but slower fixtures.
const HISTORIES: [u64; 2] = [60, 20];
/// What happens in each.
const STEPS: u64 = 30;
/// Contracts of a customer at most.
const CONTRACTS_MAX: usize = 3;

/// The first day of every history.
fn first_day() -> Date {
    Date::constant(2026, 1, 1)
}

/// A customer's life.
struct History<'a> {
    app: &'a TestApp,
    customer: String,
    catalogue: Catalogue,
    contracts: Vec<String>,
    events: Vec<Event>,
    till: Till<'a>,
    seen: Seen,
    dice: Dice,
    today: Date,
    /// What happened, for whoever has to find out why a law is broken.
    told: Vec<String>,
    /// How often each thing was done and refused.
    tally: BTreeMap<&'static str, (u32, u32)>,
}

impl<'a> History<'a> {
    async fn begin(app: &'a TestApp, seed: u64) -> Self {
        app.clock.set(at(first_day()));
        let customer = crate::billing::customer(app, "ACME").await;
        let mut history = Self {
            app,
            customer: customer.to_string(),
            catalogue: Catalogue::make(app).await,
            contracts: Vec::new(),
            events: Vec::new(),
            till: Till::new(app, customer, Dice::of(seed + 1_000_000)),
            seen: Seen::default(),
            dice: Dice::of(seed),
            today: first_day(),
            told: vec![format!("history {seed}")],
            tally: BTreeMap::new(),
        };
        history.sign().await;
        history
    }

    async fn step(&mut self) {
        let (what, answer) = match self.dice.below(32) {
            0..=6 => return self.time_passes().await,
            7..=9 => ("use", self.uses().await),
            10..=13 => ("approve", self.approve().await),
            14 => ("discard", self.on_a_draft("DELETE", "", Value::Null).await),
            15 => ("write", self.writes().await),
            16 => (
                "regenerate",
                self.on_a_draft("POST", "/regenerate", json!({})).await,
            ),
            17..=18 => ("amend", self.amends().await),
            19 => ("pause", self.pauses().await),
            20 => ("expire", self.expires().await),
            21 => ("generate", self.generates().await),
            22 if self.contracts.len() < CONTRACTS_MAX => return self.sign().await,
            22 => ("one-off", self.one_off().await),
            23 => ("void", self.voids().await),
            _ => return self.money_moves().await,
        };
        if let Some(answer) = answer {
            self.note(what, &answer);
        }
    }

    /// Ends every contract and lets its last bills come.
    async fn end(&mut self) {
        loop {
            let active = self
                .app
                .get("/contract_v2?status__in=active,paused&limit=100")
                .await
                .ok();
            let active = active.at("/results").as_array().unwrap().clone();
            if active.is_empty() {
                break;
            }
            for contract in active {
                let path = format!("/contract_v2/{}", contract["id"].as_str().unwrap());
                let begins: Date = contract["start_date"].as_str().unwrap()[..10]
                    .parse()
                    .unwrap();
                let last = begins.max(self.today).to_string();
                self.told.push(format!("PATCH {path}/expire {last}"));
                self.app
                    .patch(&format!("{path}/expire"), json!({ "expiry_date": last }))
                    .await;
            }
            self.time_passes().await;
        }
        self.today += 40.days();
        self.time_passes().await;
        // A draft may not know yet of usage that came since; approved it does.
        let drafts = self.in_status("draft").await;
        if !drafts.is_empty() {
            let body = json!({ "invoice_ids": drafts });
            let answer = self.app.patch("/invoices/approve", body).await.ok();
            assert_eq!(
                answer.at("/refused"),
                0,
                "{answer}\n{}",
                self.told.join("\n")
            );
        }
    }

    /// Notes what became of something. No answer may be a fault.
    fn note(&mut self, what: &'static str, answer: &Answer) {
        let counts = self.tally.entry(what).or_default();
        match answer.status {
            200 => counts.0 += 1,
            400..=499 => counts.1 += 1,
            _ => panic!(
                "{what} is answered {answer} after\n{}",
                self.told.join("\n")
            ),
        }
        self.told.push(format!("  {} ({})", what, answer.status));
    }

    async fn sign(&mut self) {
        let day = self.today + (self.dice.below(40) as i64 - 25).days();
        let body = self.catalogue.contract(&mut self.dice, &self.customer, day);
        self.told.push(format!("POST /contract_v2 {body}"));
        let made = self.app.post("/contract_v2", body).await;
        self.note("sign", &made);
        if made.status == 200 {
            self.contracts.push(made.id());
        }
    }

    /// Some days pass, and the server does what is due. Doing it again finds nothing.
    async fn time_passes(&mut self) {
        self.today += (self.dice.below(45) as i64 + 1).days();
        self.told.push(format!("{}", self.today));
        self.app.clock.set(at(self.today));
        self.bill().await;
        let before = crate::billing::invoices(self.app).await;
        let (app, organisation) = (&self.app.app, self.app.organisation);
        let again = billing::catch_up(app, organisation).await.unwrap();
        assert_eq!(
            (again.invoices, again.problems),
            (0, Vec::new()),
            "{}",
            self.told.join("\n")
        );
        assert!(
            before == crate::billing::invoices(self.app).await,
            "{}",
            self.told.join("\n")
        );
        self.tally.entry("time").or_default().0 += 1;
    }

    async fn bill(&self) {
        let (app, organisation) = (&self.app.app, self.app.organisation);
        let now = app.clock.now();
        loop {
            contract::keep_up(app, organisation, now).await.unwrap();
            let renewals = contract::renew_due(app, organisation, now).await.unwrap();
            if renewals.renewed.is_empty() {
                break;
            }
        }
        let run = billing::catch_up(app, organisation).await.unwrap();
        assert_eq!(run.problems, [], "{}", self.told.join("\n"));
    }

    async fn uses(&mut self) -> Option<Answer> {
        let events: Vec<Value> = (0..=self.dice.below(3)).map(|_| self.event()).collect();
        self.told
            .push(format!("POST /usage/storage {}", json!(events)));
        Some(self.app.post("/usage/storage", json!(events)).await)
    }

    fn event(&mut self) -> Value {
        let day = self.today - (self.dice.below(50) as i64 - 5).days();
        let at = format!("{day}T{:02}:30:00Z", self.dice.below(24));
        let gb = self.dice.below(40) as i64;
        self.events.push((at.parse().unwrap(), gb));
        json!({ "customer_id": "ACME", "timestamp": at, "data": { "gb": gb } })
    }

    /// Ids of the invoices in a status.
    async fn in_status(&self, status: &str) -> Vec<String> {
        let path = format!("/invoices?status={status}&order=bill_for_date&limit=100");
        let page = self.app.get(&path).await.ok();
        let results = page.at("/results").as_array().unwrap().iter();
        results
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    fn some_of(&mut self, ids: &[String]) -> Option<String> {
        let place = self.dice.below(ids.len().max(1) as u64);
        ids.get(place as usize).cloned()
    }

    /// One draft is approved, or all of them.
    async fn approve(&mut self) -> Option<Answer> {
        let drafts = self.in_status("draft").await;
        let one = self.some_of(&drafts)?;
        let answer = if self.dice.below(3) == 0 {
            self.told.push(format!("PATCH /invoices/{one}/approve"));
            self.app
                .patch(&format!("/invoices/{one}/approve"), json!({}))
                .await
        } else {
            self.told.push("PATCH /invoices/approve".to_owned());
            self.app
                .patch("/invoices/approve", json!({ "invoice_ids": drafts }))
                .await
        };
        self.seen.look(self.app).await;
        self.till.invoices = self.seen.issued();
        Some(answer)
    }

    async fn on_a_draft(&mut self, method: &str, path: &str, body: Value) -> Option<Answer> {
        let drafts = self.in_status("draft").await;
        let one = self.some_of(&drafts)?;
        self.told
            .push(format!("{method} /invoices/{one}{path} {body}"));
        let body = (body != Value::Null).then_some(body);
        let method = method.parse().unwrap();
        Some(
            self.app
                .send(method, &format!("/invoices/{one}{path}"), body)
                .await,
        )
    }

    /// Lines by hand, also such that take something off.
    async fn writes(&mut self) -> Option<Answer> {
        let amount = self.dice.amount(30_000) - 12_000;
        let lines =
            json!({ "lines": [{ "name": "By hand", "unit_amount": terms::major(amount) }] });
        self.on_a_draft("PATCH", "", lines).await
    }

    async fn amends(&mut self) -> Option<Answer> {
        let (path, contract) = self.contract().await?;
        let body = self.catalogue.amended(&mut self.dice, contract.body);
        self.told.push(format!("PUT {path} {}", terms::told(&body)));
        Some(self.app.put(&path, body).await)
    }

    async fn contract(&mut self) -> Option<(String, Answer)> {
        let contracts = self.contracts.clone();
        let path = format!("/contract_v2/{}", self.some_of(&contracts)?);
        let contract = self.app.get(&path).await.ok();
        Some((path, contract))
    }

    async fn pauses(&mut self) -> Option<Answer> {
        let (path, _) = self.contract().await?;
        if self.dice.below(3) == 0 {
            self.told.push(format!("PATCH {path}/resume"));
            return Some(self.app.patch(&format!("{path}/resume"), json!({})).await);
        }
        let start = self.today + (self.dice.below(50) as i64 - 20).days();
        let policy = self.dice.one_of(&["extend", "overlap"]);
        let mut body =
            json!({ "start_date": start.to_string(), "unpause_extension_policy": policy });
        if self.dice.below(4) > 0 {
            let end = start + self.dice.amount(40).days();
            body["end_date"] = json!(end.to_string());
        }
        self.told.push(format!("POST {path}/pause {body}"));
        Some(self.app.post(&format!("{path}/pause"), body).await)
    }

    async fn expires(&mut self) -> Option<Answer> {
        let (path, _) = self.contract().await?;
        let day = self.today + (self.dice.below(60) as i64 - 20).days();
        let body = json!({ "expiry_date": day.to_string() });
        self.told.push(format!("PATCH {path}/expire {body}"));
        Some(self.app.patch(&format!("{path}/expire"), body).await)
    }

    /// One of the contract's billing cycles, whether its day has come or not.
    async fn generates(&mut self) -> Option<Answer> {
        let (path, contract) = self.contract().await?;
        let cycles = path.replace("contract_v2", "contracts");
        let cycles = self
            .app
            .get(&format!("{cycles}/billingCycles?limit=12"))
            .await
            .ok();
        let cycles = cycles.body.as_array()?.clone();
        let place = self.dice.below(cycles.len().max(1) as u64);
        let cycle = cycles.get(place as usize)?;
        let body = json!({ "customer_id": self.customer, "contract_id": contract.id(),
            "from_date": cycle["start_date"], "to_date": cycle["end_date"],
            "bill_for_date": cycle["bill_for_date"] });
        self.told
            .push(format!("POST /invoices/generate_invoice {body}"));
        Some(self.app.post("/invoices/generate_invoice", body).await)
    }

    async fn one_off(&mut self) -> Option<Answer> {
        let lines = json!([{ "name": "Consulting", "unit_amount": terms::major(self.dice.amount(50_000)) }]);
        let body = json!({ "customer_id": self.customer, "currency": "USD", "lines": lines });
        self.told.push(format!("POST /invoices {body}"));
        Some(self.app.post("/invoices", body).await)
    }

    async fn voids(&mut self) -> Option<Answer> {
        let status = self.dice.one_of(&["approved", "paid"]);
        let issued = self.in_status(status).await;
        let one = self.some_of(&issued)?;
        self.told.push(format!("PATCH /invoices/{one}/void"));
        Some(
            self.app
                .patch(&format!("/invoices/{one}/void"), json!({}))
                .await,
        )
    }

    async fn money_moves(&mut self) {
        if self.till.invoices.is_empty() {
            return;
        }
        for _ in 0..3 {
            self.till.happens().await;
        }
        self.told.push(format!("money: {:?}", self.till.tally));
    }
}

fn at(day: Date) -> Timestamp {
    format!("{day}T10:00:00Z").parse().unwrap()
}

/// Tells a history, and holds it to the laws.
async fn tell(app: &TestApp, seed: u64) -> BTreeMap<&'static str, (u32, u32)> {
    let app = app.other_organisation().await;
    let mut history = History::begin(&app, seed).await;
    for _ in 0..STEPS {
        history.step().await;
    }
    history.end().await;
    history.seen.look(&app).await;
    history.till.invoices = history.seen.issued();
    let told = history.told.join("\n");
    let of_contracts = (history.events.as_slice(), history.today);
    if let Err(broken) = history.seen.laws(&app, of_contracts).await {
        let invoices = crate::billing::shown(&app).await;
        panic!("history {seed}: {broken}\n{told}\n{invoices}");
    }
    history.till.check().await;
    let mut tally = history.tally;
    tally.extend(history.till.tally);
    tally
}

#[expect(
    clippy::disallowed_methods,
    reason = "more histories than a suite has time for"
)]
fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

async fn tell_all(backend: Backend, count: u64) {
    let count = env("FLORIN_HISTORIES").unwrap_or(count);
    if let Some(seed) = env("FLORIN_HISTORY") {
        tell(&TestApp::start(backend).await, seed).await;
        return;
    }
    let app = TestApp::start(backend).await;
    let mut tally: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for seed in 1..=count {
        for (what, (done, refused)) in tell(&app, seed).await {
            let counts = tally.entry(what).or_default();
            *counts = (counts.0 + done, counts.1 + refused);
        }
    }
    let never: Vec<_> = tally.iter().filter(|(_, (done, _))| *done == 0).collect();
    assert!(
        count < HISTORIES[0] || never.is_empty(),
        "what never happened proves nothing: {tally:?}"
    );
}

#[tokio::test]
async fn whatever_happens_the_laws_hold_sqlite() {
    tell_all(Backend::Sqlite, HISTORIES[0]).await;
}

#[tokio::test]
async fn whatever_happens_the_laws_hold_postgres() {
    tell_all(Backend::Postgres, HISTORIES[1]).await;
}
