//! `/aggregates`: billable metrics and their versions.

use expect_test::expect;
use florin_app::{
    aggregate,
    usage::{SqlColumns, UsageError},
};
use florin_store::Actor;
use florin_testkit::{Answer, TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};

const TEMPLATE: &str = "SELECT COUNT(*) AS quantity FROM storage";

async fn storage(app: &TestApp) {
    let fields = json!({ "region": "String", "gb": "Float64" });
    let body = json!({ "name": "Storage", "dataschema": { "data": fields } });
    app.post("/rawmetric", body).await.ok();
}

fn visual() -> Value {
    json!({
        "table_name": "raw_metric_storage",
        "visual_query": { "logic": "AND", "groups": [{ "logic": "AND", "filters": [
            { "column": "data.gb", "operator": ">=", "value": 0.50 }] }] },
        "customer_mapping": { "column": "customer_id", "customer_column": "external_id" },
        "start_date_mapping": { "column": "timestamp" }, "end_date_mapping": null,
        "aggregate_operation": { "type": "SUM", "column": "data.gb" },
        "group_by": ["data.region"], "colour": "#3366cc",
    })
}

fn named(name: &str) -> Value {
    json!({ "name": name, "visual_query_builder": visual() })
}

/// The engine takes every template.
fn understand_sql(app: &TestApp) {
    let columns = SqlColumns {
        columns: vec![("quantity".to_owned(), "Int64".to_owned())],
        dimensions: Vec::new(),
        is_set_at_a_time: true,
    };
    app.usage.answer_sql(columns, Vec::new());
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
    async fn a_visual_metric_is_kept_as_it_was_sent(app) {
        storage(&app).await;
        let answer = app.post("/aggregates", json!({
            "name": "Gigabytes", "dataschema": "{\"quantity\": \"Float64\"}", "aggregation_query": "",
            "cust_agg_query": "SELECT 1", "visual_query_builder": visual(),
            "datasource": "00000000-0000-7000-8000-0000000000aa",
        })).await;
        expect![[r##"
            200
            {
              "aggregation_query": "",
              "created_at": "2026-01-05T10:00:00Z",
              "cust_agg_query": "SELECT 1",
              "dataschema": "{\"quantity\": \"Float64\"}",
              "datasource": "00000000-0000-7000-8000-0000000000aa",
              "definition": "visual",
              "id": "00000000-0000-7000-8000-000000000007",
              "name": "Gigabytes",
              "raw_metric_id": "00000000-0000-7000-8000-000000000005",
              "updated_at": "2026-01-05T10:00:00Z",
              "version": 1,
              "visual_query_builder": {
                "aggregate_operation": {
                  "column": "data.gb",
                  "type": "SUM"
                },
                "colour": "#3366cc",
                "customer_mapping": {
                  "column": "customer_id",
                  "customer_column": "external_id"
                },
                "end_date_mapping": null,
                "group_by": [
                  "data.region"
                ],
                "start_date_mapping": {
                  "column": "timestamp"
                },
                "table_name": "raw_metric_storage",
                "visual_query": {
                  "groups": [
                    {
                      "filters": [
                        {
                          "column": "data.gb",
                          "operator": ">=",
                          "value": 0.5
                        }
                      ],
                      "logic": "AND"
                    }
                  ],
                  "logic": "AND"
                }
              }
            }"##]].assert_eq(&answer.to_string());
        let read = app.get(&format!("/aggregates/{}", answer.id())).await;
        assert_eq!(read.body, answer.body);
    }

    async fn a_template_decides_over_the_form_beside_it(app) {
        understand_sql(&app);
        let builder = json!({ "table_name": "raw_metric_calls" });
        for builder in [json!({}), json!(null), builder] {
            let body = json!({ "name": "Calls", "aggregation_query": TEMPLATE, "visual_query_builder": builder });
            let answer = app.post("/aggregates", body).await.ok();
            assert_eq!(answer.text("/definition"), "sql");
            assert_eq!(answer.at("/raw_metric_id"), &json!(null));
        }
        storage(&app).await;
        let visual = app.post("/aggregates", named("Gigabytes")).await.ok();
        assert_eq!(visual.text("/definition"), "visual");
    }

    async fn a_metric_needs_one_definition(app) {
        for body in [
            json!({ "name": "Nothing" }),
            json!({ "name": "Blank", "aggregation_query": " ", "visual_query_builder": {} }),
        ] {
            let answer = app.post("/aggregates", body).await;
            assert_eq!(answer.at("/detail/0/loc"), &json!(["body", "visual_query_builder"]), "{answer}");
        }
        storage(&app).await;
        let blank = app.post("/aggregates", named("  ")).await;
        assert_eq!((blank.status, blank.at("/detail/0/loc")), (422, &json!(["body", "name"])));
    }

    async fn every_bad_place_of_a_form_is_named(app) {
        storage(&app).await;
        let mut form = visual();
        form["table_name"] = json!("raw_metric_nothing");
        let unknown = app.post("/aggregates", json!({ "name": "x", "visual_query_builder": form })).await;
        expect![[r#"
            ["body","visual_query_builder","table_name"] "no raw metric has this api_slug" (value_error.unknown_id)
        "#]].assert_eq(&places(&unknown));
        let flawed = app.post("/aggregates", json!({ "name": "x", "visual_query_builder": {
            "table_name": "storage",
            "visual_query": { "groups": [{ "filters": [
                { "column": "data.gb", "operator": "CONTAINS", "value": "5" },
                { "column": "data.nope", "operator": "=", "value": 1 }] }] },
            "aggregate_operation": { "type": "SUM", "column": "data.region" },
            "group_by": ["region"],
        } })).await;
        expect![[r#"
            ["body","visual_query_builder","aggregate_operation","column"] "SUM needs a column of numbers, `data.region` is String" (value_error.metric)
            ["body","visual_query_builder","visual_query","groups",0,"filters",0,"operator"] "CONTAINS does not apply to Float64" (value_error.metric)
            ["body","visual_query_builder","visual_query","groups",0,"filters",1,"column"] "`data.nope` is none of customer_id, timestamp and the fields as data.<field>" (value_error.metric)
            ["body","visual_query_builder","group_by",0] "`region` is none of customer_id, timestamp and the fields as data.<field>" (value_error.metric)
        "#]].assert_eq(&places(&flawed));
        let malformed = app.post("/aggregates", json!({ "name": "x", "visual_query_builder": {
            "table_name": 7, "group_by": "region", "aggregate_operation": { "type": ["SUM"] },
            "visual_query": { "groups": [{ "filters": [{ "operator": "=" }] }] },
        } })).await;
        expect![[r#"
            ["body","visual_query_builder","aggregate_operation","type"] "value is not a string" (type_error.string)
            ["body","visual_query_builder","group_by"] "value is not a list" (type_error.list)
            ["body","visual_query_builder","table_name"] "value is not a string" (type_error.string)
            ["body","visual_query_builder","visual_query","groups",0,"filters",0,"column"] "field required" (value_error.missing)
        "#]].assert_eq(&places(&malformed));
    }

    async fn a_template_that_the_engine_does_not_take_is_answered_with_its_place(app) {
        let message = "no column gib".to_owned();
        let position = Some((2, 7));
        app.usage.refuse_next(UsageError::Query { message: message.clone(), position });
        let body = json!({ "name": "x", "aggregation_query": "SELECT\n  SUM(data.gib) FROM storage" });
        let answer = app.post("/aggregates", body.clone()).await;
        expect![[r#"
            ["body","aggregation_query"] "line 2, column 7: no column gib" (value_error.sql)
        "#]].assert_eq(&places(&answer));
        app.usage.refuse_next(UsageError::Limit { message });
        let limit = app.post("/aggregates", body).await;
        assert_eq!((limit.status, limit.text("/code")), (400, "METRIC_LIMIT_EXCEEDED"));
        assert_eq!(app.get("/aggregates").await.at("/total_count"), 0);
    }

    async fn another_definition_is_another_version(app) {
        storage(&app).await;
        understand_sql(&app);
        let first = app.post("/aggregates", named("Gigabytes")).await.ok();
        let path = format!("/aggregates/{}", first.id());
        app.clock.advance(SignedDuration::from_mins(1));
        let renamed = app.patch(&path, json!({ "name": "All gigabytes" })).await.ok();
        assert_eq!((renamed.at("/version"), renamed.text("/name")), (&json!(1), "All gigabytes"));
        assert_eq!(renamed.text("/updated_at"), "2026-01-05T10:01:00Z");
        let changed = app.patch(&path, json!({ "aggregation_query": TEMPLATE })).await.ok();
        assert_eq!((changed.at("/version"), changed.text("/definition")), (&json!(2), "sql"));
        assert_eq!(changed.at("/visual_query_builder"), first.at("/visual_query_builder"));
        let again = app.patch(&path, json!({ "aggregation_query": TEMPLATE })).await.ok();
        assert_eq!(again.at("/version"), 2);
        let versions = app.get(&format!("{path}/versions")).await.ok();
        let shown: Vec<String> = versions.at("/results").as_array().unwrap().iter()
            .map(|one| format!("{} {} {}", one["version"], one["definition"], one["created_at"])).collect();
        assert_eq!(shown, [r#"2 "sql" "2026-01-05T10:01:00Z""#, r#"1 "visual" "2026-01-05T10:00:00Z""#]);
        let refused = app.patch(&path, json!({ "aggregation_query": null, "visual_query_builder": {} })).await;
        assert_eq!(refused.status, 422);
        assert_eq!(app.get(&path).await.body, again.body);
    }

    async fn a_metric_is_renamed_while_the_engine_does_not_answer(app) {
        understand_sql(&app);
        let body = json!({ "name": "Calls", "aggregation_query": TEMPLATE });
        let path = format!("/aggregates/{}", app.post("/aggregates", body).await.ok().id());
        app.usage.refuse_next(UsageError::Unavailable("gone".to_owned()));
        app.patch(&path, json!({ "name": "All calls" })).await.ok();
        let changed = app.patch(&path, json!({ "aggregation_query": "SELECT 2 AS quantity" })).await;
        assert_eq!((changed.status, changed.text("/code")), (503, "USAGE_UNAVAILABLE"));
    }

    async fn who_changes_what_another_changed_meanwhile_is_told_to_try_again(app) {
        storage(&app).await;
        let id = app.post("/aggregates", named("Gigabytes")).await.ok().id();
        let mut tx = app.app.begin(app.organisation, Actor::System, "").await.unwrap();
        let read = aggregate::find(&mut tx, id.parse().unwrap()).await.unwrap();
        let content = read.content.clone();
        let checked = aggregate::check_change(&app.app, app.organisation, &read, content).await.unwrap();
        let changed = aggregate::update(&app.app, &mut tx, &read, "One".to_owned(), checked.clone()).await.unwrap();
        let stale = aggregate::update(&app.app, &mut tx, &read, "Two".to_owned(), checked).await;
        assert!(matches!(stale, Err(florin_app::Error::Store(florin_store::Error::Busy))), "{stale:?}");
        assert_eq!(aggregate::find(&mut tx, read.id).await.unwrap(), changed);
    }

    async fn metrics_are_listed_by_every_filter(app) {
        storage(&app).await;
        let mut ids = Vec::new();
        for (name, datasource) in [("Calls", None), ("Gigabytes", Some("00000000-0000-7000-8000-0000000000aa"))] {
            let mut body = named(name);
            body["datasource"] = json!(datasource);
            ids.push(app.post("/aggregates", body).await.ok().id());
            app.clock.advance(SignedDuration::from_mins(1));
        }
        let datasource = "00000000-0000-7000-8000-0000000000aa";
        for (query, expected) in [
            ("", "Gigabytes Calls".to_owned()),
            ("order=name", "Calls Gigabytes".to_owned()),
            ("sort_key=created_at&sort_type=ASC", "Calls Gigabytes".to_owned()),
            ("parent_aggregate_id__isnull=true&aggregate_type__isnull=true", "Gigabytes Calls".to_owned()),
            ("parent_aggregate_id__isnull=false", String::new()),
            ("name=Calls", "Calls".to_owned()),
            ("name__ilike=GIGA", "Gigabytes".to_owned()),
            ("name__like=GIGA", String::new()),
            ("name__in=Calls,Nothing", "Calls".to_owned()),
            ("datasource__isnull=true", "Calls".to_owned()),
            (&format!("datasource={datasource}"), "Gigabytes".to_owned()),
            (&format!("datasource__in={datasource}"), "Gigabytes".to_owned()),
            (&format!("id={}", ids[0]), "Calls".to_owned()),
            ("created_at__gte=2026-01-05T10:01:00Z", "Gigabytes".to_owned()),
            ("version=1&limit=1", "Gigabytes".to_owned()),
        ] {
            let page = app.get(&format!("/aggregates?{query}")).await.ok();
            let names: Vec<&str> = page.at("/results").as_array().unwrap().iter()
                .map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(names.join(" "), expected, "{query}");
        }
    }

    async fn a_metric_by_which_a_price_counts_is_not_deleted(app) {
        storage(&app).await;
        let id = app.post("/aggregates", named("Gigabytes")).await.ok().id();
        let path = format!("/aggregates/{id}");
        let product = app.post("/products", json!({ "name": "Storage", "type": "product" })).await.ok().id();
        let prices = format!("/products/{product}/pricing");
        let per_unit = json!({ "pricing_type": "per_unit", "currency": "USD", "unit_amount": 2 });
        let price = app.post(&prices, json!({ "pricing_data": per_unit,
            "overage_pricing": { "pricing_data": per_unit, "quantity": { "type": "metered", "aggregate_id": id } },
        })).await.ok().id();
        let refused = app.delete(&path).await;
        assert_eq!((refused.status, refused.text("/code")), (400, "AGGREGATE_IN_USE"));
        let typed = json!({ "overage_pricing": null });
        app.patch(&format!("{prices}/{price}"), typed).await.ok();
        app.delete(&path).await.ok();
        assert_eq!(app.get(&path).await.status, 404);
        assert_eq!(app.get(&format!("{path}/versions")).await.status, 404);
        assert_eq!(app.get("/aggregates").await.at("/total_count"), 0);
    }

    async fn a_price_shows_the_metric_by_which_it_counts(app) {
        storage(&app).await;
        let metric = app.post("/aggregates", named("Gigabytes")).await.ok();
        let product = app.post("/products", json!({ "name": "Storage", "type": "product" })).await.ok().id();
        let path = format!("/products/{product}/pricing");
        let price = app.post(&path, json!({
            "pricing_data": { "pricing_type": "per_unit", "currency": "USD", "unit_amount": 2 },
            "quantity": { "type": "metered", "aggregate_id": metric.id() },
        })).await.ok();
        assert_eq!(price.at("/quantity/aggregate"), &metric.body);
        for shown in [
            app.get(&format!("{path}/{}", price.id())).await.ok().at("/quantity").clone(),
            app.get(&path).await.ok().at("/results/0/quantity").clone(),
            app.get("/v3/products/pricings").await.ok().at("/results/0/pricings/0/quantity").clone(),
        ] {
            assert_eq!(&shown, price.at("/quantity"));
        }
        let sent_back = json!({ "pricing_data": price.at("/pricing_data"), "quantity": price.at("/quantity") });
        let again = app.post(&format!("{path}?return_existing=true"), sent_back).await.ok();
        assert_eq!(again.id(), price.id(), "what is shown besides is not kept");
    }

    async fn a_price_counts_by_metrics_that_there_are(app) {
        let product = app.post("/products", json!({ "name": "Storage", "type": "product" })).await.ok().id();
        let metered = json!({ "type": "metered", "aggregate_id": "00000000-0000-0000-0000-0000000000aa" });
        let per_unit = json!({ "pricing_type": "per_unit", "currency": "USD", "unit_amount": 2 });
        let answer = app.post(&format!("/products/{product}/pricing"), json!({
            "pricing_data": per_unit, "quantity": metered,
            "overage_pricing": { "pricing_data": per_unit, "quantity": metered },
        })).await;
        expect![[r#"
            ["body","quantity","aggregate_id"] "there is no billable metric with this id" (value_error.unknown_id)
            ["body","overage_pricing","quantity","aggregate_id"] "there is no billable metric with this id" (value_error.unknown_id)
        "#]].assert_eq(&places(&answer));
    }
}
