//! What the demo does, step by step. Owns the order; the bodies stand in `examples/departures.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value as Json, json};

use super::{account::Account, client::Client, events};
use crate::output;

const STORY: &str = include_str!("../../../../examples/departures.json");

/// Events of one request, which may have 10,000.
const EVENTS_OF_A_REQUEST: usize = 5_000;

pub(super) struct Story {
    client: Client,
    says: Json,
}

/// An invoice as the demo shows it.
pub(super) struct Billed {
    pub(super) id: String,
    pub(super) carrier: String,
    pub(super) airline: String,
    pub(super) number: String,
    pub(super) departures: String,
    pub(super) net: String,
    pub(super) tax: String,
    pub(super) total: String,
}

/// A customer with a contract.
struct Agreed {
    customer: String,
    carrier: String,
    airline: String,
    contract: String,
}

impl Story {
    pub(super) fn new(client: Client) -> Result<Self> {
        let says = serde_json::from_str(STORY)?;
        Ok(Self { client, says })
    }

    /// From nothing to sixteen approved invoices.
    pub(super) async fn tell(&mut self, account: &Account) -> Result<Vec<Billed>> {
        self.seller(account).await?;
        self.departures().await?;
        let metrics = self.metrics().await?;
        let products = self.products(&metrics).await?;
        let agreed = self.contracts(&products).await?;
        self.bill(&agreed).await?;
        self.invoices(&agreed).await
    }

    async fn seller(&self, account: &Account) -> Result<()> {
        // An organisation's first business entity has its id.
        let path = format!("/business_entities/{}", account.organisation);
        self.client.patch(&path, &self.says["seller"]).await?;
        Ok(())
    }

    async fn departures(&self) -> Result<()> {
        let metric = &self.says["raw_metric"];
        let known = self.client.get("/rawmetric/slug/departures").await?;
        let known = if known.is_null() {
            self.client.post("/rawmetric", metric).await?
        } else {
            known
        };
        let logs = format!("/rawmetric/{}/logs?limit=1", text(&known, "id")?);
        let types = metric["dataschema"]["data"].as_object();
        let events = events::departures(types.context("a schema")?)?;
        let kept = self.client.get(&logs).await?;
        if kept["total_count"].as_u64() == u64::try_from(events.len()).ok() {
            output::progress("The departures are there already.");
            return Ok(());
        }
        for (number, lines) in events.chunks(EVENTS_OF_A_REQUEST).enumerate() {
            let key = format!("demo-departures-{number}");
            self.client
                .events("/usage/departures", lines.join("\n"), &key)
                .await?;
            let sent = (number * EVENTS_OF_A_REQUEST).saturating_add(lines.len());
            output::progress(&format!("{sent} of {} departures sent", events.len()));
        }
        Ok(())
    }

    /// Ids by the names of the story.
    async fn metrics(&self) -> Result<Map<String, Json>> {
        let known = self.client.get("/aggregates?limit=100").await?;
        let mut ids = Map::new();
        for (name, body) in self.says["metrics"].as_object().context("metrics")? {
            let found = named(&known, &body["name"], "name");
            let metric = match found {
                Some(metric) => metric.clone(),
                None => self.client.post("/aggregates", body).await?,
            };
            ids.insert(name.clone(), metric["id"].clone());
        }
        output::progress(&format!("{} metrics: by form and in SQL", ids.len()));
        Ok(ids)
    }

    /// The lines of every contract: product and price.
    async fn products(&self, metrics: &Map<String, Json>) -> Result<Vec<Json>> {
        let known = self.client.get("/products?limit=100").await?;
        let mut lines = Vec::new();
        for says in self.says["products"].as_array().context("products")? {
            let product = match named(&known, &says["product"]["name"], "name") {
                Some(product) => product.clone(),
                None => self.client.post("/products", &says["product"]).await?,
            };
            let id = text(&product, "id")?;
            let path = format!("/products/{id}/pricing?return_existing=true");
            let price = self.client.post(&path, &pricing(says, metrics)).await?;
            lines.push(json!({ "product_id": id, "pricing_id": price["id"] }));
        }
        output::progress(&format!("{} products with prices", lines.len()));
        Ok(lines)
    }

    async fn contracts(&self, lines: &[Json]) -> Result<Vec<Agreed>> {
        let customers = self.client.get("/customers?limit=100").await?;
        let contracts = self.client.get("/contract_v2?limit=100").await?;
        let mut agreed = Vec::new();
        for airline in self.says["airlines"].as_array().context("airlines")? {
            let customer = match named(&customers, &airline["external_id"], "external_id") {
                Some(customer) => customer.clone(),
                None => self.client.post("/customers", airline).await?,
            };
            let contract = match named(&contracts, &customer["id"], "customer_id") {
                Some(contract) => contract.clone(),
                None => {
                    let body = self.contract(&customer, lines);
                    self.client.post("/contract_v2", &body).await?
                }
            };
            agreed.push(Agreed {
                customer: text(&customer, "id")?,
                carrier: text(airline, "external_id")?,
                airline: text(airline, "customer_name")?,
                contract: text(&contract, "id")?,
            });
        }
        output::progress(&format!("{} airlines with contracts", agreed.len()));
        Ok(agreed)
    }

    fn contract(&self, customer: &Json, lines: &[Json]) -> Json {
        let mut body = self.says["contract"].clone();
        let phase = json!({
            "name": body["name"],
            "start_date": body["start_date"],
            "end_date": body["end_date"],
            "pricings": lines,
            "features": self.says["features"],
        });
        body["customer_id"] = customer["id"].clone();
        body["phases"] = json!([phase]);
        body
    }

    /// A draft for each contract that has no invoice yet, and then all of them approved.
    async fn bill(&self, agreed: &[Agreed]) -> Result<()> {
        let known = self.client.get("/invoices?limit=100").await?;
        let unbilled = agreed.iter().filter(|agreed| {
            let contract = Json::from(agreed.contract.as_str());
            named(&known, &contract, "contract_id").is_none()
        });
        let unbilled: Vec<&str> = unbilled.map(|agreed| agreed.contract.as_str()).collect();
        if !unbilled.is_empty() {
            let contract = &self.says["contract"];
            let body = json!({
                "contract_ids": unbilled,
                "from_date": contract["start_date"],
                "to_date": self.says["bill_for_date"],
                "bill_for_date": self.says["bill_for_date"],
            });
            self.client
                .post("/invoices/generate_invoices", &body)
                .await?;
            output::progress(&format!("{} invoices generated", unbilled.len()));
        }
        let drafts = self.client.get("/invoices?limit=100&status=draft").await?;
        let drafts = drafts["results"].as_array().context("a list")?;
        let ids: Vec<&Json> = drafts.iter().map(|draft| &draft["id"]).collect();
        if !ids.is_empty() {
            let body = json!({ "invoice_ids": ids });
            let answer = self.client.patch("/invoices/approve", &body).await?;
            output::progress(&format!("{} invoices approved", answer["approved"]));
        }
        Ok(())
    }

    /// The invoices by carrier.
    async fn invoices(&self, agreed: &[Agreed]) -> Result<Vec<Billed>> {
        let list = self.client.get("/invoices?limit=100").await?;
        let mut billed = Vec::new();
        for Agreed {
            customer,
            carrier,
            airline,
            ..
        } in agreed
        {
            let row = named(&list, &Json::from(customer.as_str()), "customer_id");
            let row = row.with_context(|| format!("no invoice of {airline}"))?;
            let id = text(row, "id")?;
            let summary = self.client.get(&format!("/invoices/{id}/summary")).await?;
            let items = self
                .client
                .get(&format!("/invoices/{id}/line_items"))
                .await?;
            let mut lines = items["lines"].as_array().into_iter().flatten();
            let departures = lines.find(|line| line["name"] == "Departures");
            let departures = departures.map(|line| line["quantity"]["value"].to_string());
            billed.push(Billed {
                carrier: carrier.clone(),
                airline: airline.clone(),
                number: text(row, "invoice_number")?,
                departures: departures.unwrap_or_default(),
                net: money(&summary["net_total"]),
                tax: money(&summary["tax_total"]),
                total: money(&summary["invoice_total"]),
                id,
            });
        }
        Ok(billed)
    }

    /// The PDF of each invoice, under its number.
    pub(super) async fn write_pages(
        &self,
        billed: &[Billed],
        folder: &Path,
    ) -> Result<Vec<PathBuf>> {
        let cannot = || format!("{} cannot be written", folder.display());
        std::fs::create_dir_all(folder).with_context(cannot)?;
        let mut files = Vec::new();
        for Billed { id, number, .. } in billed {
            let page = self.client.bytes(&format!("/invoices/{id}/pdf")).await?;
            let file = folder.join(format!("{number}.pdf"));
            std::fs::write(&file, page).with_context(cannot)?;
            files.push(file);
        }
        output::progress(&format!("{} PDFs written", files.len()));
        Ok(files)
    }
}

/// An amount as the table shows it: with both digits, thousands apart.
fn money(amount: &Json) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped}.{fraction:0<2}")
}

fn pricing(says: &Json, metrics: &Map<String, Json>) -> Json {
    let mut pricing = json!({
        "pricing_data": says["pricing_data"],
        "billing_period": { "cadence": "P1M", "offset": "postpaid" },
        "is_recurring": true,
    });
    if let Some(metric) = says["metric"].as_str() {
        pricing["quantity"] = json!({ "type": "metered", "aggregate_id": metrics.get(metric) });
    }
    if !says["discounts"].is_null() {
        pricing["discounts"] = says["discounts"].clone();
    }
    pricing
}

/// The row of a list that has this value.
fn named<'l>(list: &'l Json, value: &Json, field: &str) -> Option<&'l Json> {
    let mut rows = list["results"].as_array()?.iter();
    rows.find(|row| row[field] == *value)
}

fn text(document: &Json, field: &str) -> Result<String> {
    let text = document[field].as_str().map(str::to_owned);
    text.with_context(|| format!("no {field} in {document}"))
}
