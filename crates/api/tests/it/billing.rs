//! Contracts to be billed and their bills as text, for the tests of billing.

use std::sync::Arc;

use florin_app::billing::{Run, run};
use florin_core::{
    Timestamp,
    contract::{
        Contract, Details, End, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, Start,
        Status, Surroundings, create,
    },
    currency::Currency,
    invoice::{Part, Source},
    product_pricing::Content,
    rating::LineKind,
};
use florin_store::{self as store, Actor, Tx, invoice::Invoice};
use florin_testkit::TestApp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use uuid::Uuid;

/// A customer with this external id.
pub(crate) async fn customer(app: &TestApp, name: &str) -> Uuid {
    let body = json!({ "customer_name": name, "external_id": name });
    id(app.post("/customers", body).await.ok().at("/id"))
}

/// A product with this name.
pub(crate) async fn product(app: &TestApp, name: &str) -> Uuid {
    id(app
        .post("/products", json!({ "name": name, "type": "product" }))
        .await
        .ok()
        .at("/id"))
}

/// A metric that sums up `data.gb` of the stream `storage`.
pub(crate) async fn gigabytes(app: &TestApp) -> Uuid {
    let body = json!({ "name": "Storage", "dataschema": { "data": { "gb": "Int64" } } });
    app.post("/rawmetric", body).await.ok();
    let visual = json!({ "table_name": "raw_metric_storage", "visual_query": {},
        "aggregate_operation": { "type": "SUM", "column": "data.gb" } });
    let body = json!({ "name": "Gigabytes", "visual_query_builder": visual });
    id(app.post("/aggregates", body).await.ok().at("/id"))
}

/// Sends an event of the stream `storage`.
pub(crate) async fn store_gigabytes(app: &TestApp, customer: &str, at: &str, gb: i64) {
    let event = json!({ "customer_id": customer, "timestamp": at, "data": { "gb": gb } });
    app.post("/usage/storage", event).await.ok();
}

pub(crate) fn id(value: &Value) -> Uuid {
    value.as_str().unwrap().parse().unwrap()
}

/// A recurring fee.
pub(crate) fn fee(cadence: &str, offset: &str, amount: i64) -> Value {
    json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": amount },
        "billing_period": { "cadence": cadence, "offset": offset } })
}

/// Metered units, monthly and afterwards, at a price each.
pub(crate) fn metered(aggregate: Uuid, unit_amount: i64) -> Value {
    json!({ "pricing_data": { "pricing_type": "per_unit", "unit_amount": unit_amount },
        "quantity": { "type": "metered", "aggregate_id": aggregate },
        "billing_period": { "cadence": "P1M", "offset": "postpaid" } })
}

/// What a contract is made of: prices of one phase, in the order of its lines.
#[derive(Clone, Debug)]
pub(crate) struct Agreement {
    pub(crate) customer: Uuid,
    pub(crate) product: Uuid,
    pub(crate) start: &'static str,
    pub(crate) end: Option<&'static str>,
    pub(crate) prices: Vec<Value>,
    pub(crate) features: Option<Value>,
    pub(crate) payer: Option<Uuid>,
    pub(crate) zone: TimeZone,
}

impl Agreement {
    pub(crate) fn new(customer: Uuid, product: Uuid, prices: Vec<Value>) -> Self {
        Self {
            customer,
            product,
            start: "2026-01-01",
            end: None,
            prices,
            features: None,
            payer: None,
            zone: TimeZone::UTC,
        }
    }

    fn details(&self) -> Details {
        let content = |price: &Value| Arc::new(Content::read(price.clone()).unwrap());
        let start = Start::read(self.start, &self.zone).unwrap();
        let mut header = Header::new("Agreement", self.customer, Currency::USD, start);
        header.end = self.end.map(|end| End::read(end, &self.zone).unwrap());
        header.invoice_payer_customer_id = self.payer;
        let lines = self.prices.iter().map(|price| LineDetails {
            id: None,
            start: None,
            end: None,
            head: LineHead::new(self.product, content(price)),
        });
        let mut head = PhaseHead::named("Standard Phase");
        head.features = self.features.as_ref().map(content);
        Details {
            header,
            status: Status::Active,
            phases: vec![PhaseDetails {
                id: None,
                start: None,
                end: None,
                head,
                lines: lines.collect(),
            }],
        }
    }

    /// A contract of these terms, not kept yet.
    pub(crate) fn contract(&self, app: &TestApp) -> Contract {
        let surroundings = Surroundings {
            zone: self.zone.clone(),
            parent_customer_id: None,
        };
        let mut ids = || app.app.ids.next();
        let at = Start::read(self.start, &self.zone).unwrap().written();
        create(
            app.app.ids.next(),
            self.details(),
            &surroundings,
            &mut ids,
            at,
        )
        .unwrap()
    }

    /// Keeps a contract of these terms.
    pub(crate) async fn sign(&self, app: &TestApp) -> Contract {
        let contract = self.contract(app);
        let mut tx = begin(app).await;
        store::contract::insert(&mut tx, &contract).await.unwrap();
        tx.commit().await.unwrap();
        contract
    }

    /// The contract with these terms instead.
    pub(crate) async fn amend(&self, app: &TestApp, before: &Contract) -> Contract {
        let mut details = self.details();
        // Lines keep their lineage by their place.
        let known = before.to_details();
        for (phase, known) in details.phases.iter_mut().zip(known.phases) {
            phase.id = known.id;
            for (line, known) in phase.lines.iter_mut().zip(known.lines) {
                line.id = known.id;
            }
        }
        let mut ids = || app.app.ids.next();
        let now = app.app.clock.now();
        let after = before.replace(details, None, &mut ids, now).unwrap();
        save(app, before, &after).await;
        after
    }
}

/// Keeps a change of a contract.
pub(crate) async fn save(app: &TestApp, before: &Contract, after: &Contract) {
    let mut tx = begin(app).await;
    store::contract::save(&mut tx, before, after).await.unwrap();
    tx.commit().await.unwrap();
}

pub(crate) async fn begin(app: &TestApp) -> Tx {
    let begun = app.app.begin(app.organisation, Actor::System, "").await;
    begun.unwrap()
}

/// Bills everything that is due on a day.
pub(crate) async fn bill(app: &TestApp, day: &str) -> Run {
    let at: Timestamp = format!("{day}T06:00:00Z").parse().unwrap();
    run(&app.app, app.organisation, at).await.unwrap()
}

/// Every invoice, by day and then in the order in which they were made.
pub(crate) async fn invoices(app: &TestApp) -> Vec<Invoice> {
    let mut tx = app.app.db.read(app.organisation).await.unwrap();
    let mut ids = Vec::new();
    let mut query = store::list::parse(
        &store::invoice::LIST,
        &[("limit".to_owned(), "100".to_owned())],
    )
    .unwrap();
    loop {
        let page = store::invoice::page(&mut tx, &query).await.unwrap();
        ids.extend(page.results.iter().map(|head| head.id));
        let Some(next) = page.next else { break };
        let parameters = [
            ("limit".to_owned(), "100".to_owned()),
            ("cursor".to_owned(), next),
        ];
        query = store::list::parse(&store::invoice::LIST, &parameters).unwrap();
    }
    let mut invoices = store::invoice::of_ids(&mut tx, &ids).await.unwrap();
    invoices.sort_by_key(|invoice| (header(invoice).bill_for_date, invoice.id()));
    invoices
}

pub(crate) fn header(invoice: &Invoice) -> &florin_core::invoice::Header {
    match invoice {
        Invoice::Draft(draft) => draft.header(),
        Invoice::Issued(issued) => issued.header(),
    }
}

pub(crate) fn totals(invoice: &Invoice) -> florin_core::invoice::Totals {
    match invoice {
        Invoice::Draft(draft) => draft.totals(),
        Invoice::Issued(issued) => issued.totals(),
    }
}

/// Invoices as people read them, without ids.
pub(crate) async fn shown(app: &TestApp) -> String {
    let invoices = invoices(app).await;
    let shown = invoices.iter().map(|invoice| {
        let total = totals(invoice).total;
        let day = header(invoice).bill_for_date;
        let status = invoice.status().as_str();
        let parts: String = invoice.parts().iter().map(part).collect();
        format!("{day} {status} {total}\n{parts}")
    });
    shown.collect()
}

fn part(part: &Part) -> String {
    let version = match part.source {
        Source::Contract { version, .. } => version,
        Source::OneOff => 0,
    };
    let lines = part.rated.lines.iter().map(|line| {
        let kind = match line.kind {
            LineKind::Charge(id) => {
                let mut labels = part.labels.iter();
                labels
                    .find(|label| label.line == id)
                    .map_or("?", |label| &label.name)
            }
            LineKind::CommitmentTopUp(_) => "top-up",
            LineKind::ServiceFee(_) => "fee",
        };
        format!(
            "  v{version} {kind} {} {} tax {}\n",
            line.service, line.net, line.tax
        )
    });
    let adjustments = part.adjustments.iter().map(|adjustment| {
        let reason = format!("{:?}", adjustment.reason);
        format!("  {reason} {} {}\n", adjustment.service, adjustment.net)
    });
    lines.chain(adjustments).collect()
}

/// Approves every draft, as an approval does with its status.
pub(crate) async fn approve_all(app: &TestApp) {
    use florin_core::{
        invoice::{Approval, approve},
        payment_terms::{PaymentTermMode, PaymentTermType, PaymentTerms},
        wallet::Wallet,
    };
    let mut tx = begin(app).await;
    for (number, invoice) in (1..).zip(invoices(app).await) {
        let Invoice::Draft(draft) = invoice else {
            continue;
        };
        if draft.status() != florin_core::invoice::Status::Draft {
            continue;
        }
        let found = store::invoice::find(&mut tx, draft.id()).await.unwrap();
        assert!(found.is_some());
        let currency = draft.header().currency;
        let approval = Approval {
            number: format!("T-{number}-{}", draft.header().bill_for_date),
            at: app.app.clock.now(),
            on: draft.header().bill_for_date,
            wallet: Wallet::empty(currency),
            payment_terms: PaymentTerms {
                term_type: PaymentTermType::OnApproval,
                mode: PaymentTermMode::Relative,
                due_days: 30,
                last_day_of_month: false,
            },
        };
        let approved = approve(draft, approval).unwrap();
        store::invoice::issue(&mut tx, &[approved]).await.unwrap();
    }
    tx.commit().await.unwrap();
}
