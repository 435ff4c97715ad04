//! The main job's first half: a file of real departures becomes quantities.
//!
//! `tests/golden` of the core says what comes out; visual metrics and SQL templates must both say it.

use serde_json::{Value, json};

use crate::{http::Client, installation::Installation};

const GOLDEN: &str = include_str!("../../../core/tests/golden/departures-2013-01.json");
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../examples/departures-2013-01.csv.gz"
);

/// Name in the golden file, visual metric, SQL template.
fn metrics() -> [(&'static str, Value, String); 5] {
    let count = json!({ "type": "COUNT" });
    let of = |select: &str, more: &str, group: &str| {
        format!(
            "SELECT {select} FROM departures WHERE DATE(\"timestamp\") >= DATE({{{{start_date}}}}) \
             AND DATE(\"timestamp\") <= DATE({{{{end_date}}}}) \
             AND \"customer_id\" = CAST({{{{customer.external_id}}}} AS String) {more} {group}"
        )
    };
    let late = json!({ "logic": "AND", "groups": [{ "logic": "AND", "filters": [
        { "column": "data.dep_delay", "operator": ">", "value": 15 }] }] });
    [
        (
            "departures",
            json!({ "aggregate_operation": count }),
            of("COALESCE(COUNT(data.flight)) AS \"quantity\"", "", ""),
        ),
        (
            "distance",
            json!({ "aggregate_operation": { "type": "SUM", "column": "data.distance" } }),
            of("SUM(data.distance) AS quantity", "", ""),
        ),
        (
            "aircraft",
            json!({ "aggregate_operation": { "type": "UNIQUE COUNT", "column": "data.tailnum" } }),
            of("uniqExact(data.tailnum) AS quantity", "", ""),
        ),
        (
            "gates",
            json!({ "aggregate_operation": count, "group_by": ["data.origin"] }),
            of(
                "data.origin AS origin, COUNT(*) AS quantity",
                "",
                "GROUP BY data.origin",
            ),
        ),
        (
            "lateness",
            json!({ "aggregate_operation": count, "visual_query": late }),
            of("countIf(data.dep_delay > 15) AS quantity", "", ""),
        ),
    ]
}

fn departures(client: &mut Client) {
    let fields = json!({ "flight": "Int64", "tailnum": "String", "origin": "String",
        "dest": "String", "distance": "Int64", "dep_delay": "Int64" });
    let body = json!({ "name": "Departures", "dataschema": { "data": fields } });
    assert_eq!(client.post("/rawmetric", &body).unwrap().status, 200);
}

#[test]
fn january_departures_give_the_golden_quantities() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let golden: Value = serde_json::from_str(GOLDEN).unwrap();
    let server = florin.serve_with(&[("FLORIN_TEST_USAGE_PACE", "hasty")]);
    let mut client = server.connect(&signature);
    departures(&mut client);
    for carrier in golden["customers"].as_array().unwrap() {
        let body = json!({ "customer_name": carrier, "external_id": carrier });
        assert_eq!(client.post("/customers", &body).unwrap().status, 200);
    }
    let organisation = signature.organisation.as_str();
    let run = |more: &[&str]| {
        let arguments = ["import", "usage", FILE, "--raw-metric", "departures"];
        florin.json(&[&arguments[..], &["--organisation", organisation], more].concat())
    };
    let events = &golden["events"];
    let checked = run(&["--dry-run"]);
    assert_eq!(
        (&checked["rows"], &checked["accepted"]),
        (events, &json!(0))
    );
    // The second import is the same file: nothing counts twice.
    for kept in ["accepted", "repeated"] {
        let imported = run(&[]);
        assert_eq!(
            (&imported[kept], &imported["rejected"]),
            (events, &json!(0))
        );
    }
    for (at, tail) in [("2012-12-31 23:59:59", "D"), ("2013-02-01 00:00:00", "F")] {
        let event = json!({ "customer_id": "9E", "timestamp": at, "data": { "tailnum": tail } });
        assert_eq!(
            client.post("/usage/departures", &event).unwrap().status,
            200
        );
    }
    for (name, form, template) in metrics() {
        let mut form = form;
        form["table_name"] = json!("departures");
        let visual = json!({ "name": name, "visual_query_builder": form });
        let sql = json!({ "name": name, "aggregation_query": template });
        for body in [visual, sql] {
            let metric = client.post("/aggregates", &body).unwrap();
            assert_eq!(metric.status, 200, "{metric:?}");
            for invoice in golden["invoices"].as_array().unwrap() {
                let carrier = invoice["customer"].as_str().unwrap();
                let january = ("2013-01-01", "2013-01-31");
                let quantity = estimate(&mut client, metric.id(), carrier, january);
                assert_eq!(quantity, invoice["quantities"][name], "{carrier} {name}");
            }
        }
    }
    let count = client.post(
        "/aggregates",
        &json!({ "name": "all", "visual_query_builder": {
        "table_name": "departures", "aggregate_operation": { "type": "COUNT" } } }),
    );
    let count = count.unwrap();
    for day in ["2012-12-31", "2013-02-01"] {
        assert_eq!(
            estimate(&mut client, count.id(), "9E", (day, day)),
            1,
            "{day}"
        );
    }
}

/// The quantity as the golden file writes it.
fn estimate(client: &mut Client, metric: &str, customer: &str, days: (&str, &str)) -> Value {
    let (start, end) = days;
    let path = format!(
        "/aggregates/estimates?aggregate_id={metric}&customer_id={customer}&start_date={start}\
         &end_date={end}"
    );
    let answer = client.get(&path).unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let fields = answer.body["value"]["fields"].as_array().unwrap();
    match fields.as_slice() {
        [one] if one["dimension"].is_null() => one["quantity"].clone(),
        rows => rows
            .iter()
            .map(|row| {
                let origin = row["dimension"]["origin"].as_str().unwrap().to_owned();
                (origin, row["quantity"].clone())
            })
            .collect(),
    }
}

#[test]
fn a_file_with_a_bad_row_sends_nothing_and_names_it() {
    let florin = Installation::new();
    let signature = florin.organisation();
    let server = florin.serve();
    departures(&mut server.connect(&signature));
    let file = florin.folder().join("bad.csv");
    let rows = "customer_id,timestamp,flight,note\nUA,2013-01-01 05:15:00,1,\nUA,yesterday,two,x\n";
    std::fs::write(&file, rows).unwrap();
    let arguments = [
        "import",
        "usage",
        file.to_str().unwrap(),
        "--raw-metric",
        "departures",
    ];
    let organisation = ["--organisation", &signature.organisation];
    let unmapped = florin.run(&[&arguments[..], &organisation].concat());
    assert!(!unmapped.succeeded);
    assert!(unmapped.complaint.contains("`note`"), "{unmapped:?}");
    let mapped = [&arguments[..], &organisation, &["--map", "note="]].concat();
    let refused = florin.run(&mapped);
    assert!(!refused.succeeded);
    for said in ["1 of 2 rows", "line 3, timestamp", "line 3, data.flight"] {
        assert!(refused.result.contains(said), "{refused:?}");
    }
}
