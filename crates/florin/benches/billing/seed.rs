//! Customers with contracts and a month of events.

use std::{path::Path, sync::Arc};

use florin_app::{App, clock::MachineClock, ids::MachineIds};
use florin_core::{
    Timestamp,
    contract::{
        Contract, Details, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, Start, Status,
        Surroundings, create,
    },
    currency::Currency,
    customer,
    id::OrganisationId,
    product_pricing::Content,
    rating::{Line, LineFeature},
};
use florin_store::{self as store, Actor, Db, Options};
use florin_testkit::postgres;
use florin_usage::{BacklogLimit, Engine, Pace, Place};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{raw::Made, server::Server};

/// Rows that one seeding transaction adds.
const BATCH: usize = 1_000;
/// As `florin serve` has by default.
const CONNECTIONS_MAX: u32 = 10;

/// An organisation that is to be billed.
pub(crate) struct World {
    folder: TempDir,
    on_postgres: bool,
    pub(crate) app: App,
    pub(crate) organisation: OrganisationId,
    events: u64,
    /// The sum of their amounts.
    amount: u64,
}

/// The products and prices of every contract.
struct Catalogue {
    product: Uuid,
    prices: Vec<Arc<Content>>,
}

impl World {
    /// Events over HTTP, customers and contracts straight into the database.
    pub(crate) async fn seed(url: Option<String>, contracts: usize, millions: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let on_postgres = url.is_some();
        let url = url.unwrap_or_else(|| sqlite(folder.path(), "florin"));
        let mut server = Server::start_on(folder, &url).await;
        let catalogue = catalogue(&mut server).await;
        let amount = server.fill(millions, contracts as u64).await;
        let organisation = server.organisation.parse().unwrap();
        let folder = server.stop();
        let app = open_with_usage(folder.path(), &url).await;
        let world = Self {
            folder,
            on_postgres,
            app,
            organisation: OrganisationId(organisation),
            events: millions as u64 * 1_000_000,
            amount,
        };
        world.agree(contracts, &catalogue).await;
        world
    }

    async fn agree(&self, contracts: usize, catalogue: &Catalogue) {
        let app = &self.app;
        for first in (0..contracts).step_by(BATCH) {
            let mut tx = app
                .begin(self.organisation, Actor::System, "")
                .await
                .unwrap();
            for number in first..contracts.min(first + BATCH) {
                let details = details(&format!("c-{number}"));
                let customer = customer::create(app.ids.next(), details, app.clock.now());
                let customer = customer.unwrap();
                store::customer::insert(&mut tx, &customer).await.unwrap();
                let contract = contract(app, customer.id, catalogue);
                store::contract::insert(&mut tx, &contract).await.unwrap();
            }
            tx.commit().await.unwrap();
        }
        println!("{contracts} customers with contracts");
    }

    /// Every event is on one invoice.
    pub(crate) fn check(&self, made: &Made) {
        let lines = made.drafts.iter().flat_map(|draft| draft.parts());
        let lines: Vec<&Line> = lines.flat_map(|part| &part.rated.lines).collect();
        let sum = |at: usize| -> u64 {
            let of_kind = lines.iter().skip(at).step_by(3);
            of_kind.map(|line| quantity(line)).sum()
        };
        assert_eq!((sum(1), sum(2)), (self.amount, self.events));
    }

    /// URL of an empty database of the same kind, on the same disk.
    pub(crate) async fn empty_database(&self) -> String {
        match self.on_postgres {
            true => postgres::durable_server().await,
            false => sqlite(self.folder.path(), "raw"),
        }
    }
}

/// What the line counted.
fn quantity(line: &Line) -> u64 {
    let priced = line.features.iter().find_map(|feature| match feature {
        LineFeature::Pricing(priced) => Some(priced),
        _ => None,
    });
    let parts = priced.iter().flat_map(|priced| &priced.parts);
    let quantities = parts.map(|part| part.quantity.normalize().to_string());
    quantities.map(|text| text.parse::<u64>().unwrap()).sum()
}

fn sqlite(folder: &Path, name: &str) -> String {
    format!(
        "sqlite:{}",
        folder.join(name).with_extension("db").display()
    )
}

/// An app on a database, without usage.
pub(crate) async fn open(url: &str) -> App {
    App::new(records(url).await, Arc::new(florin_app::usage::Absent))
}

async fn records(url: &str) -> Db {
    Db::open(&options(url)).await.unwrap()
}

fn options(url: &str) -> Options {
    Options {
        url: url.to_owned(),
        connections_max: CONNECTIONS_MAX,
    }
}

/// As `florin serve` opens it.
async fn open_with_usage(folder: &Path, url: &str) -> App {
    let records = records(url).await;
    let inbox = match url.starts_with("sqlite:") {
        true => sqlite(folder, "usage"),
        false => url.to_owned(),
    };
    let engine = Engine::open(florin_usage::Options {
        inbox: Db::open_usage(&options(&inbox)).await.unwrap(),
        records: records.clone(),
        place: Place::Folder(folder.join("usage")),
        clock: Arc::new(MachineClock),
        ids: Arc::new(MachineIds),
        pace: Pace::USUAL,
        backlog: BacklogLimit::USUAL,
    });
    App::new(records, Arc::new(engine.await.unwrap()))
}

async fn catalogue(server: &mut Server) -> Catalogue {
    let mut aggregates = Vec::new();
    for operation in [
        json!({ "type": "SUM", "column": "data.amount" }),
        json!({ "type": "COUNT", "column": "data.amount" }),
    ] {
        let visual = json!({ "table_name": "raw_metric_calls", "visual_query": {},
            "aggregate_operation": operation });
        let body = json!({ "name": operation["type"], "visual_query_builder": visual });
        aggregates.push(server.aggregate(&body).await);
    }
    let product = json!({ "name": "Platform", "type": "product" });
    let product = server.post("/products", &product).await;
    let prices = prices(&aggregates[0], &aggregates[1]).into_iter();
    Catalogue {
        product: product["id"].as_str().unwrap().parse().unwrap(),
        prices: prices
            .map(|price| Arc::new(Content::read(price).unwrap()))
            .collect(),
    }
}

fn prices(sum: &str, count: &str) -> [Value; 3] {
    let metered = |aggregate: &str| json!({ "type": "metered", "aggregate_id": aggregate });
    let monthly = json!({ "cadence": "P1M", "offset": "postpaid" });
    [
        json!({ "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 100 },
            "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "tiered", "unit_amount": [3, 2, 1],
            "up_to": [500, 20000, null] }, "quantity": metered(sum), "billing_period": monthly }),
        json!({ "pricing_data": { "pricing_type": "package", "package_size": 100, "unit_amount": 8 },
            "quantity": metered(count), "billing_period": monthly }),
    ]
}

fn details(name: &str) -> customer::Details {
    customer::Details {
        external_id: Some(name.to_owned()),
        customer_name: name.to_owned(),
        email: None,
        phone_number: None,
        tax_info: Vec::new(),
        custom_data: json!({}),
        custom_attributes: json!({}),
        communications_enabled: true,
        auto_charge_enabled: true,
        business_entity_id: None,
    }
}

fn contract(app: &App, customer: Uuid, catalogue: &Catalogue) -> Contract {
    let start = Start::read("2026-01-01", &TimeZone::UTC).unwrap();
    let lines = catalogue.prices.iter().map(|price| LineDetails {
        id: None,
        start: None,
        end: None,
        head: LineHead::new(catalogue.product, price.clone()),
    });
    let details = Details {
        header: Header::new("Platform", customer, Currency::USD, start),
        status: Status::Active,
        phases: vec![PhaseDetails {
            id: None,
            start: None,
            end: None,
            head: PhaseHead::named("Standard Phase"),
            lines: lines.collect(),
        }],
    };
    let surroundings = Surroundings {
        zone: TimeZone::UTC,
        parent_customer_id: None,
    };
    let mut ids = || app.ids.next();
    let id: Uuid = app.ids.next();
    let at: Timestamp = start.written();
    create(id, details, &surroundings, &mut ids, at).unwrap()
}
