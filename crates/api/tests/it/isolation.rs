//! Two organisations never see or change each other's rows, by any operation of the OpenAPI document.
//!
//! The walk fills each path with ids that organisation A owns and signs as organisation B. A new
//! resource is walked by itself; what it must add is one line of [`FIXTURES`] for its path parameter.

use std::collections::{BTreeMap, BTreeSet};

use florin_testkit::{Answer, Document, Operation, TestApp, both};
use serde_json::Value;
use uuid::Uuid;

/// What stands for a path parameter.
enum Fixture {
    /// A resource that A creates: parameter, where, with what body, and where the answer has its id.
    /// `{parameter}` in path and body is the id of an earlier line.
    Made(&'static str, &'static str, &'static str, &'static str),
    /// The same for a resource that is put in its place.
    Put(&'static str, &'static str, &'static str, &'static str),
    /// A part of such a resource: parameter, where it is read, and where the answer has its id.
    Found(&'static str, &'static str, &'static str),
    /// A word that names no row: parameter and word.
    Word(&'static str, &'static str),
    /// A change of an earlier line's resource, without which not all of it can be read.
    Patched(&'static str),
}
use Fixture::{Found, Made, Patched, Put, Word};

/// One line for each parameter of a path and each field of a body that refers to a resource, what it
/// refers to first.
#[rustfmt::skip]
const FIXTURES: &[Fixture] = &[
    Made("api_key_id", "/api_keys", r#"{"name": "fixture"}"#, "/id"),
    Made("business_entity_id", "/business_entities", r#"{"name": "Fixture"}"#, "/id"),
    Put("country_code", "/business_entities/{business_entity_id}/config/US",
        r#"{"payment_terms_days": 30}"#, "/country_code"),
    Made("customer_id", "/customers", r#"{"customer_name": "Fixture",
        "connector": {"name": "stripe", "reference_id": "cus_1"}}"#, "/id"),
    Word("connector_name", "stripe"),
    Made("connector_id", "/connectors", r#"{"name": "stripe", "api_key": "sk_live_1",
        "webhook_secret": "whsec_1"}"#, "/id"),
    Made("payment_method_id", "/customers/{customer_id}/payment_methods/attach",
        r#"{"payment_method_id": "pm_card_visa"}"#, "/id"),
    Made("child_customer_id", "/customers", r#"{"customer_name": "Child"}"#, "/id"),
    Made("relationship_id", "/customers/relationships",
        r#"{"parent_customer_id": "{customer_id}", "child_customer_id": "{child_customer_id}"}"#,
        "/id"),
    Made("address_id", "/customers/{customer_id}/addresses", r#"{"line1": "9 Pine St"}"#, "/id"),
    Made("invoice_id", "/invoices", r#"{"customer_id": "{customer_id}", "currency": "USD",
        "lines": [{"name": "Fixture", "unit_amount": 5}]}"#, "/id"),
    Patched("/invoices/{invoice_id}/approve"),
    Made("invoice_external_id", "/invoices", r#"{"customer_id": "{customer_id}",
        "currency": "USD", "external_id": "E-1",
        "lines": [{"name": "Fixture", "unit_amount": 5}]}"#, "/external_id"),
    Made("contact_id", "/contacts", r#"{"customer": "{customer_id}", "email": "a@b.example"}"#,
        "/id"),
    Made("definition_id", "/custom_attributes", r#"{"attribute_key_name": "fixture",
        "display_name": "Fixture", "module": "contracts", "data_type": "STRING"}"#, "/id"),
    Made("member_id", "/products", r#"{"name": "Member", "type": "product"}"#, "/id"),
    Made("product_id", "/products", r#"{"name": "Fixture", "type": "group"}"#, "/id"),
    Made("pricing_id", "/products/bundle/{product_id}/pricing",
        r#"{"pricing_data": {"pricing_type": "bundle", "currency": "USD", "unit_amount": 9,
            "members": [{"product_id": "{member_id}", "stand_alone_price": 9}]}}"#, "/id"),
    Made("test_clock_id", "/test_clocks", r#"{"now": "2026-01-01T00:00:00Z"}"#, "/id"),
    Made("code", "/tax/categories", r#"{"name": "By code"}"#, "/code"),
    Made("tax_category_id", "/tax/categories", r#"{"name": "By id"}"#, "/id"),
    Made("jurisdiction_rate_id", "/tax/business_entities/{business_entity_id}/jurisdiction_rates",
        r#"{"country_code": "US", "tax_category_id": "{tax_category_id}",
            "effective_from": "2026-01-01",
            "rates": [{"tax_name": "State", "rate_percent": 6.25}]}"#, "/id"),
    Found("tax_rate_id", "/tax/business_entities/{business_entity_id}/jurisdiction_rates/{jurisdiction_rate_id}",
        "/rates/0/id"),
    Made("raw_metric_id", "/rawmetric", r#"{"name": "Fixture", "dataschema": {"data": {}}}"#, "/id"),
    Made("aggregate_id", "/aggregates", r#"{"name": "Fixture", "visual_query_builder":
        {"table_name": "fixture", "aggregate_operation": {"type": "COUNT"}}}"#, "/id"),
    Made("plan_id", "/plans", r#"{"name": "Fixture", "schedule": {}, "phases": [{"name": "Only",
        "pricings": [{"product_id": "{product_id}", "pricing":
            {"pricing_data": {"pricing_type": "flat_fee", "unit_amount": 9}}}]}]}"#, "/id"),
    Found("plan_phase_id", "/plans/{plan_id}", "/phases/0/id"),
    Found("phase_pricing_id", "/plans/{plan_id}", "/phases/0/pricings/0/id"),
    Made("plan_template_id", "/templates/plan", r#"{"name": "Fixture", "currency": "USD"}"#, "/id"),
    Made("contract_id", "/contract_v2", r#"{"name": "Fixture", "currency": "USD",
        "customer_id": "{customer_id}", "start_date": "2026-01-01",
        "phases": [{"name": "Only", "pricings": [{"product_id": "{product_id}", "pricing":
            {"pricing_data": {"pricing_type": "flat_fee", "unit_amount": 9}}}]}]}"#, "/id"),
    Found("phase_id", "/contract_v2/{contract_id}", "/phases/0/id"),
    Made("sold_id", "/products", r#"{"name": "Sold", "type": "product"}"#, "/id"),
    Made("published_id", "/plans", r#"{"name": "Published", "status": "active", "schedule": {},
        "phases": [{"name": "Only", "pricings": [{"product_id": "{sold_id}", "pricing":
            {"pricing_data": {"pricing_type": "flat_fee", "unit_amount": 9, "currency": "USD"}}}]}]}"#, "/id"),
    Made("checkout_id", "/checkouts",
        r#"{"plan_id": "{published_id}", "customer_id": "{customer_id}"}"#, "/id"),
    Made("quote_id", "/quotes", r#"{"name": "Fixture", "currency": "USD", "customer_id": "{customer_id}",
        "start_date": "2026-01-01", "line_items": [{"product_id": "{sold_id}", "pricing_data":
            {"pricing_data": {"pricing_type": "flat_fee", "unit_amount": 9}}}]}"#, "/id"),
    Made("kept", "/usage/fixture", r#"{"customer_id": "a", "timestamp": "2025-01-01", "data": {}}"#, "/status"),
    Made("correction_id", "/rawmetric/{raw_metric_id}/corrections",
        r#"{"action": "delete", "reason": "r", "events": {"customer_id": "a"}}"#, "/id"),
    Made("backfill_id", "/rawmetric/{raw_metric_id}/backfills",
        r#"{"start": "2025-01-01", "end": "2025-02-01", "reason": "r"}"#, "/id"),
    Made("upload_id", "/rawmetric/{raw_metric_id}/uploads", r#""customer_id""#, "/id"),
    // Whose webhooks they would be: of nobody that it is signed for.
    Word("organisation_id", "00000000-0000-7000-8000-00000000ffff"),
    Made("entitlement_id", "/entitlements", r#"{"name": "Fixture"}"#, "/id"),
    Made("entitlement", "/entitlements", r#"{"name": "Asked for by its id"}"#, "/id"),
    Made("ec_id", "/entitlements/{entitlement_id}/customer",
        r#"{"customer": "{customer_id}", "quantity": 9}"#, "/id"),
    Made("reservation_id", "/entitlements/customer/{customer_id}/reservations",
        r#"{"entitlement": "{entitlement_id}", "quantity": 1}"#, "/id"),
    Made("alert_id", "/entitlements/{entitlement_id}/alerts",
        r#"{"threshold_type": "units", "threshold": 5}"#, "/id"),
    Made("payment_id", "/payments",
        r#"{"customer_id": "{customer_id}", "amount": 100, "currency_code": "USD"}"#, "/id"),
    Made("credit_note_id", "/credit_notes", r#"{"customer_id": "{customer_id}", "amount": 100,
        "currency": "USD", "status": "issued", "repayment_method": "credits", "line_items": {}}"#,
        "/id"),
    Made("job_id", "/invoices/generate_invoices", r#"{"contract_ids": ["{customer_id}"],
        "from_date": "2026-01-01", "to_date": "2026-01-31"}"#, "/id"),
    // The first entity has the organisation's id.
    Found("organisation", "/business_entities?order=created_at", "/results/0/id"),
    Word("document_type", "invoice"),
    Word("template_format", "typst"),
    // A payment link that was not made here.
    Word("payload", "none"),
    // A slug of nobody is no error: the answer is null.
    Word("api_slug", "nobodys"),
];

type Ids = BTreeMap<&'static str, String>;

both! {
    async fn no_operation_reaches_another_organisations_rows(app) {
        // Where everything exists, test clocks too.
        let app = app.sandbox().await;
        let document = Document::default();
        let ids = fixtures(&app).await;
        let before = everything(&app, &document, &ids).await;
        let other = app.other_organisation().await;
        // Before B has rows of its own, whose words could be the same.
        let mut operations = document.operations();
        operations.sort_by_key(|operation| !path(operation, &ids).1);
        for operation in operations {
            attack(&other, &document, &operation, &ids).await;
        }
        let after = everything(&app, &document, &ids).await;
        for (path, answer) in &before {
            assert_eq!(answer.to_string(), after[path].to_string(), "{path} was changed");
        }
        reach_own(&app, &document, &ids).await;
    }
}

async fn fixtures(app: &TestApp) -> Ids {
    let mut ids = Ids::new();
    for fixture in FIXTURES {
        let (parameter, id) = match fixture {
            Patched(path) => {
                app.patch(&filled(path, &ids), serde_json::json!({}))
                    .await
                    .ok();
                continue;
            }
            Word(parameter, word) => (*parameter, (*word).to_owned()),
            Found(parameter, path, pointer) => {
                let answer = app.get(&filled(path, &ids)).await.ok();
                (*parameter, answer.text(pointer).to_owned())
            }
            Made(parameter, path, body, pointer) => {
                let body = serde_json::from_str(&filled(body, &ids)).unwrap();
                let answer = app.post(&filled(path, &ids), body).await.ok();
                (*parameter, answer.text(pointer).to_owned())
            }
            Put(parameter, path, body, pointer) => {
                let body = serde_json::from_str(body).unwrap();
                let answer = app.put(&filled(path, &ids), body).await.ok();
                (*parameter, answer.text(pointer).to_owned())
            }
        };
        ids.insert(parameter, id);
    }
    ids
}

fn filled(text: &str, ids: &Ids) -> String {
    ids.iter().fold(text.to_owned(), |text, (parameter, id)| {
        text.replace(&format!("{{{parameter}}}"), id)
    })
}

/// The operation's path with A's ids, and whether any of them is a row's.
fn path(operation: &Operation<'_>, ids: &Ids) -> (String, bool) {
    for parameter in operation.path_parameters() {
        let known = ids.contains_key(parameter);
        assert!(
            known,
            "{operation}: add a line for {parameter} to FIXTURES in this file"
        );
    }
    let is_row = |parameter: &str| {
        FIXTURES
            .iter()
            .any(|fixture| matches!(fixture, Made(made, ..) if *made == parameter))
    };
    let names_row = operation.path_parameters().any(is_row);
    (filled(operation.path, ids), names_row)
}

fn is_row(parameter: &str) -> bool {
    let mut words = FIXTURES.iter().filter_map(|fixture| match fixture {
        Word(word, _) => Some(*word),
        Made(..) | Put(..) | Found(..) | Patched(..) => None,
    });
    words.all(|word| word != parameter)
}

/// Every `GET` as its owner sees it; a fixture that its owner cannot see would prove nothing.
async fn everything(app: &TestApp, document: &Document, ids: &Ids) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    let reads = document
        .operations()
        .into_iter()
        .filter(|operation| operation.method == "get");
    for operation in reads {
        let (path, names_row) = path(&operation, ids);
        let path = with_required(path, &operation, ids);
        let answer = app.get(&path).await;
        let seen = answer.status == 200 || !names_row && answer.status == 422;
        assert!(seen, "{operation} by the owner: {answer}");
        answers.insert(path, answer);
    }
    answers
}

/// The path with the parameters that the operation cannot do without, where they are A's ids.
fn with_required(path: String, operation: &Operation<'_>, ids: &Ids) -> String {
    let parameters = operation.says["parameters"].as_array();
    let required = parameters
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let named = required.filter_map(|parameter| {
        let name = parameter["name"].as_str()?;
        Some(format!("{name}={}", ids.get(name)?))
    });
    let named: Vec<String> = named.collect();
    match named.is_empty() {
        true => path,
        false => format!("{path}?{}", named.join("&")),
    }
}

/// B sends the operation with A's ids in path, body and filters.
async fn attack(other: &TestApp, document: &Document, operation: &Operation<'_>, ids: &Ids) {
    let (path, names_row) = path(operation, ids);
    let (path, body) = match operation.method {
        "get" => (filtered(&path, operation, ids), None),
        "delete" => (path, None),
        _ => (path, document.body(operation)),
    };
    let answer = send(other, operation, &path, body.clone()).await;
    if names_row {
        assert_eq!(
            answer.status, 404,
            "{operation} with another organisation's ids: {answer}"
        );
    }
    let shown = answer.body.to_string();
    let mut rows = ids.iter().filter(|(parameter, _)| is_row(parameter));
    let leaked = rows.find(|(_, id)| id.parse::<Uuid>().is_ok() && shown.contains(id.as_str()));
    assert_eq!(
        leaked, None,
        "{operation} shows another organisation's row: {answer}"
    );
    if !names_row {
        refer(other, document, operation, ids, body).await;
    }
}

/// B names A's rows in the body: the field refers to nothing.
async fn refer(
    other: &TestApp,
    document: &Document,
    operation: &Operation<'_>,
    ids: &Ids,
    body: Option<Value>,
) {
    let Some(Value::Object(body)) = body else {
        return;
    };
    for field in document.body_fields(operation) {
        let Some(id) = ids.get(field).filter(|_| is_row(field)) else {
            continue;
        };
        let mut body = body.clone();
        body.insert(field.to_owned(), Value::from(id.as_str()));
        let answer = send(
            other,
            operation,
            &filled(operation.path, ids),
            Some(Value::Object(body)),
        )
        .await;
        let refused = [400, 404, 422].contains(&answer.status);
        assert!(
            refused,
            "{operation} with another organisation's {field}: {answer}"
        );
    }
}

/// A list's path with every filter that takes one of A's ids; such rows do not exist for B.
fn filtered(path: &str, operation: &Operation<'_>, ids: &Ids) -> String {
    let parameters = operation.says["parameters"]
        .as_array()
        .into_iter()
        .flatten();
    let names = parameters.filter_map(|parameter| parameter["name"].as_str());
    let filters: Vec<String> = names
        .filter_map(|name| Some(format!("{name}={}", ids.get(name)?)))
        .collect();
    format!("{path}?{}", filters.join("&"))
}

/// The same operations by the owner find their rows: the 404 was for B, not for all. Parts go before
/// what they are part of.
async fn reach_own(app: &TestApp, document: &Document, ids: &Ids) {
    let mut operations = document.operations();
    operations.retain(|operation| operation.method != "get" && !operation.is_deprecated());
    operations.sort_by_key(|operation| {
        let depth = operation.path.matches('/').count();
        (
            operation.method == "delete",
            if operation.method == "delete" {
                99 - depth
            } else {
                depth
            },
        )
    });
    // Two paths may lead to one row, as `/products` and `/v3/products` do.
    let mut deleted = BTreeSet::new();
    for operation in operations {
        let (path, names_row) = path(&operation, ids);
        let row = path.rsplit('/').next().unwrap_or_default().to_owned();
        let is_gone = operation.method == "delete" && !deleted.insert(row);
        if names_row && !is_gone {
            let answer = send(app, &operation, &path, document.body(&operation)).await;
            assert_ne!(answer.status, 404, "{operation} by the owner: {answer}");
        }
    }
}

/// Sends it; no operation may fail for what a stranger sends.
async fn send(app: &TestApp, operation: &Operation<'_>, path: &str, body: Option<Value>) -> Answer {
    let method = operation.method.to_ascii_uppercase().parse().unwrap();
    let answer = app.send(method, path, body).await;
    let known = answer.status < 500 && answer.status != 405;
    assert!(known, "{operation}: {answer}");
    answer
}
