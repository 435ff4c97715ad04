//! Asking billable metrics: estimates, logs, previews and the tables that there are.

use expect_test::expect;
use florin_app::usage::{SqlColumns, UsageError};
use florin_core::{
    pricing::{Usage, UsageRow, UsageRows},
    usage::CustomerUsage,
};
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

const REGIONS: [(&str, &str, &str); 5] = [
    ("2026-01-01 00:00:00", "eu", "1.1"),
    ("2026-01-31 23:59:59", "us", "2.2"),
    ("2026-02-01 00:00:00", "eu", "4.4"),
    ("2025-12-31 23:59:59", "eu", "8.8"),
    ("2026-01-15 12:00:00", "eu", "0.1"),
];

/// A stream with events of one customer, who had another external id once; answers the customer's id.
async fn storage(app: &TestApp) -> String {
    let fields = json!({ "region": "String", "gb": "Decimal", "day": "Date32" });
    let body = json!({ "name": "Storage", "dataschema": { "data": fields } });
    app.post("/rawmetric", body).await.ok();
    let customer =
        json!({ "customer_name": "Northwind", "external_id": "OLD", "custom_data": { "area": 7 } });
    let customer = app.post("/customers", customer).await.ok().id();
    app.patch(
        &format!("/customers/{customer}"),
        json!({ "external_id": "NEW" }),
    )
    .await
    .ok();
    for (index, (timestamp, region, gb)) in REGIONS.iter().enumerate() {
        let customer_id = if index % 2 == 0 { "OLD" } else { "NEW" };
        let data = json!({ "region": region, "gb": gb, "day": &timestamp[..10] });
        let event = json!({ "customer_id": customer_id, "timestamp": timestamp, "data": data });
        app.post("/usage/storage", event).await.ok();
    }
    let stranger =
        json!({ "customer_id": "SOMEBODY", "timestamp": REGIONS[0].0, "data": { "gb": 100 } });
    app.post("/usage/storage", stranger).await.ok();
    customer
}

async fn metric(app: &TestApp, operation: Value, more: Value) -> String {
    let mut form = json!({ "table_name": "raw_metric_storage", "aggregate_operation": operation });
    form.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    app.post(
        "/aggregates",
        json!({ "name": "Metric", "visual_query_builder": form }),
    )
    .await
    .ok()
    .id()
}

fn sum() -> Value {
    json!({ "type": "SUM", "column": "data.gb" })
}

async fn estimate(app: &TestApp, id: &str, customer: &str, days: (&str, &str)) -> Answer {
    let (start, end) = days;
    let query =
        format!("aggregate_id={id}&customer_id={customer}&start_date={start}&end_date={end}");
    app.get(&format!("/aggregates/estimates?{query}")).await
}

fn seen(rows: &Answer) -> String {
    let rows = rows.at("/results").as_array().unwrap().iter();
    rows.map(|row| row["_seq"].to_string()).collect()
}

fn places(answer: &Answer) -> String {
    assert_eq!(answer.status, 422, "{answer}");
    let places = answer.at("/detail").as_array().unwrap().iter();
    places
        .map(|bad| {
            format!(
                "{} {} ({})\n",
                bad["loc"],
                bad["msg"],
                bad["type"].as_str().unwrap()
            )
        })
        .collect()
}

both! {
    async fn an_estimate_counts_both_days(app) {
        let customer = storage(&app).await;
        let id = metric(&app, sum(), json!({})).await;
        let answer = estimate(&app, &id, &customer, ("2026-01-01", "2026-01-31")).await;
        expect![[r#"
            200
            {
              "aggregate_id": "00000000-0000-7000-8000-000000000010",
              "created_at": "2026-01-05T10:00:00Z",
              "customer_id": "00000000-0000-7000-8000-000000000007",
              "deleted_at": null,
              "end_date": "2026-01-31",
              "id": "00000000-0000-7000-8000-000000000013",
              "organisation_id": "00000000-0000-7000-8000-000000000001",
              "start_date": "2026-01-01",
              "updated_at": null,
              "value": {
                "fields": [
                  {
                    "dimension": null,
                    "quantity": 3.4
                  }
                ]
              }
            }"#]].assert_eq(&answer.to_string());
        for (days, quantity) in [
            (("2026-01-01", "2026-01-01"), "1.1"),
            (("2026-01-31", "2026-02-01"), "6.6"),
            (("2025-12-31", "2025-12-31"), "8.8"),
            (("2026-03-01", "2026-03-31"), "0"),
        ] {
            let answer = estimate(&app, &id, "NEW", days).await.ok();
            assert_eq!(answer.at("/value/fields/0/quantity").to_string(), quantity, "{days:?}");
        }
    }

    async fn a_quantity_is_split_by_dimensions(app) {
        storage(&app).await;
        let id = metric(&app, sum(), json!({ "group_by": ["data.region"] })).await;
        let answer = estimate(&app, &id, "OLD", ("2026-01-01", "2026-01-31")).await.ok();
        assert_eq!(answer.at("/value/fields"), &json!([
            { "quantity": 1.2, "dimension": { "region": "eu" } },
            { "quantity": 2.2, "dimension": { "region": "us" } },
        ]));
        let none = estimate(&app, &id, "OLD", ("2026-03-01", "2026-03-31")).await.ok();
        assert_eq!(none.at("/value/fields"), &json!([]));
    }

    async fn filters_mapping_and_date_are_the_metrics(app) {
        let customer = storage(&app).await;
        let event = json!({ "customer_id": "7", "timestamp": "2020-01-01 00:00:00",
            "data": { "gb": 3, "day": "2026-01-15" } });
        app.post("/usage/storage", event).await.ok();
        let id = metric(&app, json!({ "type": "COUNT", "column": "*" }), json!({
            "visual_query": { "groups": [{ "filters": [
                { "column": "data.gb", "operator": ">", "value": 2.99 }] }] },
            "customer_mapping": { "customer_column": "custom_data.area" },
            "start_date_mapping": "data.day",
        })).await;
        let answer = estimate(&app, &id, &customer, ("2026-01-15", "2026-01-15")).await.ok();
        assert_eq!(answer.at("/value/fields/0/quantity"), 1);
        let rows = app.get(&format!("/aggregates/logs/{id}?customer_id={customer}&month=Jan%202026")).await.ok();
        assert_eq!(seen(&rows), "7");
    }

    async fn the_days_are_the_organisations(app) {
        let app = app.organisation_in("America/New_York").await;
        storage(&app).await;
        let id = metric(&app, sum(), json!({})).await;
        let answer = estimate(&app, &id, "NEW", ("2026-01-31", "2026-01-31")).await.ok();
        assert_eq!(answer.at("/value/fields/0/quantity").to_string(), "6.6");
    }

    async fn an_estimate_may_be_a_list_of_one(app) {
        storage(&app).await;
        let id = metric(&app, sum(), json!({})).await;
        let query = "customer_id=NEW&start_date=2026-01-01&end_date=2026-01-31&get_single=false";
        let answer = app.get(&format!("/aggregates/estimates?aggregate_id={id}&{query}")).await.ok();
        assert_eq!(answer.at("/results/0/value/fields/0/quantity").to_string(), "3.4");
    }

    async fn every_bad_parameter_of_an_estimate_is_named(app) {
        let customer = storage(&app).await;
        let answer = app.get("/aggregates/estimates?aggregate_id=x&start_date=may").await;
        expect![[r#"
            ["query","aggregate_id"] "value is not a valid uuid" (type_error.uuid)
            ["query","customer_id"] "field required" (value_error.missing)
            ["query","start_date"] "write a date as 2026-01-31" (value_error.date)
            ["query","end_date"] "field required" (value_error.missing)
        "#]].assert_eq(&places(&answer));
        let id = metric(&app, sum(), json!({})).await;
        for days in [("2026-02-01", "2026-01-31"), ("2026-02-01", "9999-12-31"), ("0000-01-01", "2026-01-01")] {
            let answer = estimate(&app, &id, &customer, days).await;
            assert_eq!((answer.status, answer.at("/detail/0/loc")), (422, &json!(["query", "end_date"])));
        }
        let unknown = "00000000-0000-7000-8000-00000000ffff";
        for (id, customer) in [(unknown, customer.as_str()), (&id, unknown), (&id, "NOBODY")] {
            let answer = estimate(&app, id, customer, ("2026-01-01", "2026-01-31")).await;
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"), "{id} {customer}");
        }
        let stranger = app.other_organisation().await;
        let answer = estimate(&stranger, &id, &customer, ("2026-01-01", "2026-01-31")).await;
        assert_eq!(answer.status, 404);
    }

    async fn logs_are_the_events_behind_a_metric(app) {
        let customer = storage(&app).await;
        let id = metric(&app, sum(), json!({ "visual_query": { "logic": "OR", "groups": [
            { "filters": [{ "column": "data.region", "operator": "=", "value": "eu" }] },
            { "filters": [{ "column": "data.gb", "operator": "=", "value": 100 }] },
        ] } })).await;
        for (query, expected) in [
            (String::new(), "65431"),
            ("query_limit=2".to_owned(), "65"),
            ("month=Jan 2026".replace(' ', "%20"), "651"),
            ("start_date=2026-01-02".to_owned(), "53"),
            ("end_date=2025-12-31".to_owned(), "4"),
            ("start_date=2026-01-01&end_date=2026-01-01".to_owned(), "61"),
            (format!("customer_id={customer}"), "5431"),
            ("customer_id=OLD&start_date=2026-02-01&end_date=2026-02-01".to_owned(), "3"),
        ] {
            let rows = app.get(&format!("/aggregates/logs/{id}?{query}")).await.ok();
            assert_eq!(seen(&rows), expected, "{query}");
        }
        let answer = app.get(&format!("/aggregates/logs/{id}?month=May&start_date=x&query_limit=0")).await;
        expect![[r#"
            ["query","start_date"] "write a date as 2026-01-31" (value_error.date)
            ["query","month"] "write a month as Apr 2023" (value_error.date)
            ["query","query_limit"] "a whole number from 1 to 1000" (value_error.number)
        "#]].assert_eq(&places(&answer));
        assert_eq!(app.get(&format!("/aggregates/logs/{id}?customer_id=NOBODY")).await.status, 404);
    }

    async fn a_customer_that_no_value_of_the_column_names_has_no_rows(app) {
        storage(&app).await;
        let mapping = json!({ "customer_mapping": { "column": "data.day" } });
        let id = metric(&app, sum(), mapping).await;
        let rows = app.get(&format!("/aggregates/logs/{id}?customer_id=NEW")).await.ok();
        assert_eq!(seen(&rows), "");
        let answer = estimate(&app, &id, "NEW", ("2026-01-01", "2026-01-31")).await.ok();
        assert_eq!(answer.at("/value/fields/0/quantity"), 0);
    }

    async fn a_metric_in_sql_shows_what_it_answers(app) {
        let customer = storage(&app).await;
        let columns = SqlColumns {
            columns: Vec::new(),
            dimensions: vec!["region".to_owned()],
            is_set_at_a_time: true,
        };
        let row = UsageRow { dimensions: vec!["eu".to_owned()], quantity: "1.20".parse().unwrap() };
        let rows = UsageRows::new(vec!["region".to_owned()], vec![row]).unwrap();
        let usage = CustomerUsage { customer: customer.parse().unwrap(), usage: Usage::Rows(rows) };
        app.usage.answer_sql(columns, vec![usage]);
        let body = json!({ "name": "SQL", "aggregation_query": "SELECT 1.2 AS quantity, 'eu' AS region" });
        let id = app.post("/aggregates", body).await.ok().id();
        let answer = estimate(&app, &id, "NEW", ("2026-01-01", "2026-01-31")).await.ok();
        assert_eq!(answer.at("/value/fields"), &json!([{ "quantity": 1.2, "dimension": { "region": "eu" } }]));
        for query in ["", "?customer_id=NEW", "?month=Feb%202026"] {
            let rows = app.get(&format!("/aggregates/logs/{id}{query}")).await.ok();
            assert_eq!(rows.at("/results"), &json!([
                { "customer_id": customer, "quantity": 1.2, "dimension": { "region": "eu" } },
            ]));
        }
        app.usage.refuse_next(UsageError::Limit { message: "more than 10 s".to_owned() });
        let answer = estimate(&app, &id, "NEW", ("2026-01-01", "2026-01-31")).await;
        assert_eq!((answer.status, answer.text("/code")), (400, "METRIC_LIMIT_EXCEEDED"));
    }

    async fn a_preview_shows_events(app) {
        storage(&app).await;
        let body = json!({
            "limit": 20, "offset": 0, "order_by": [{ "column": "timestamp", "type": "DESC" }],
            "aggregate_operation": null, "customer_mapping": null, "start_date_mapping": null,
            "end_date_mapping": null, "table_name": "raw_metric_storage",
            "visual_query": { "logic": "AND", "groups": [{ "logic": "AND", "filters": [] }] },
        });
        for (more, expected) in [
            (json!({}), "325614"),
            (json!({ "table_name": "storage", "limit": 2, "offset": 1 }), "25"),
            (json!({ "order_by": [{ "column": "data.gb" }] }), "512346"),
            (json!({ "order_by": null, "start_date": "2026-01-01", "end_date": "2026-01-15" }), "651"),
            (json!({ "visual_query": { "groups": [{ "filters": [
                { "column": "data.region", "operator": "IN", "value": ["us", "asia"] }] }] } }), "2"),
        ] {
            let mut body = body.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let rows = app.post("/aggregate/visualquery/preview", body).await.ok();
            assert_eq!(seen(&rows), expected, "{more}");
        }
    }

    async fn a_preview_with_a_calculation_shows_quantities(app) {
        let customer = storage(&app).await;
        app.post("/customers", json!({ "customer_name": "Idle", "external_id": "IDLE" })).await.ok();
        let body = json!({ "table_name": "storage", "aggregate_operation": sum() });
        let rows = app.post("/aggregate/visualquery/preview", body).await.ok();
        assert_eq!(rows.at("/results"), &json!([{ "customer_id": customer, "quantity": 16.6, "dimension": null }]));
        let body = json!({ "table_name": "storage", "aggregate_operation": sum(), "start_date": "2026-02-01" });
        let rows = app.post("/aggregate/visualquery/preview", body).await.ok();
        assert_eq!(rows.at("/results/0/quantity").to_string(), "4.4");
    }

    async fn every_bad_place_of_a_preview_is_named(app) {
        storage(&app).await;
        let path = "/aggregate/visualquery/preview";
        let answer = app.post(path, json!({ "limit": 0, "order_by": [{ "type": "UP" }], "start_date": "x" })).await;
        expect![[r#"
            ["body","table_name"] "field required" (value_error.missing)
            ["body","limit"] "at least 1" (value_error.number.not_ge)
            ["body","order_by",0,"column"] "field required" (value_error.missing)
            ["body","order_by",0,"type"] "text of the form ^([Aa][Ss][Cc]|[Dd][Ee][Ss][Cc])$" (value_error.str.regex)
            ["body","start_date"] "write a date as 2026-01-31" (value_error.format)
        "#]].assert_eq(&places(&answer));
        let answer = app.post(path, json!({ "table_name": "storage", "order_by": [{ "column": "gb" }] })).await;
        expect![[r#"
            ["body","order_by",0,"column"] "one of customer_id, timestamp and the fields as data.<field>" (value_error.column)
        "#]].assert_eq(&places(&answer));
        let answer = app.post(path, json!({ "table_name": "nothing" })).await;
        expect![[r#"
            ["body","table_name"] "no raw metric has this api_slug" (value_error.unknown_id)
        "#]].assert_eq(&places(&answer));
        let days = json!({ "table_name": "storage", "start_date": "2026-02-01", "end_date": "2026-01-31" });
        let answer = app.post(path, days).await;
        expect![[r#"
            ["body","end_date"] "not before start_date, both from 0001-01-01 to 9998-12-31" (value_error.date)
        "#]].assert_eq(&places(&answer));
    }

    async fn tables_are_listed_with_columns_and_types(app) {
        storage(&app).await;
        app.other_organisation().await.post("/rawmetric", json!({ "name": "Theirs", "dataschema": { "data": {} } }))
            .await.ok();
        let answer = app.get("/aggregates/tables/schema").await.ok();
        let tables = answer.at("/results").as_array().unwrap().iter();
        let line = |table: &Value| {
            let columns = table["columns"].as_array().unwrap().iter();
            let columns: Vec<String> = columns
                .map(|one| format!("{} {}", one["name"].as_str().unwrap(), one["type"].as_str().unwrap())).collect();
            format!("{} {}: {}\n", table["table_name"], table["sql_name"], columns.join(", "))
        };
        expect![[r#"
            "raw_metric_storage" "storage": customer_id String, timestamp DateTime64, data.day Date32, data.gb Decimal, data.region String
            null "customers": id UUID, external_id String
        "#]].assert_eq(&tables.map(line).collect::<String>());
    }
}
