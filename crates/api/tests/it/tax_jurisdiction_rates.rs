//! `/tax/business_entities/{business_entity_id}/…`

use expect_test::expect;
use florin_testkit::{Answer, TestApp, both};
use serde_json::{Value, json};

/// A business entity's root path and a tax category.
struct Ground {
    root: String,
    category: String,
}

async fn ground(app: &TestApp) -> Ground {
    let entity = app.get("/business_entities/default").await.ok().id();
    let category = app
        .post("/tax/categories", json!({ "name": "SAAS" }))
        .await
        .ok();
    Ground {
        root: format!("/tax/business_entities/{entity}"),
        category: category.id(),
    }
}

impl Ground {
    fn rows(&self) -> String {
        format!("{}/jurisdiction_rates", self.root)
    }

    /// Adds a row of US, with other fields and one tax.
    async fn row(&self, app: &TestApp, fields: Value) -> Answer {
        let mut body = json!({
            "country_code": "US",
            "tax_category_id": self.category,
            "effective_from": "2026-01-01",
            "rates": [{ "tax_name": "State", "rate_percent": 6.25 }],
        });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        app.post(&self.rows(), body).await
    }

    async fn lookup(&self, app: &TestApp, fields: Value) -> Answer {
        let mut body = json!({
            "country_code": "US",
            "tax_category_id": self.category,
            "effective_date": "2026-06-01",
        });
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        app.post(&format!("{}/rates/lookup", self.root), body).await
    }
}

both! {
    async fn a_row_is_created_with_its_taxes(app) {
        let ground = ground(&app).await;
        let answer = ground.row(&app, json!({
            "state_code": "tx", "name": "Texas",
            "rates": [{
                "tax_name": "State", "rate_percent": 6.250,
                "jurisdiction_level": "state", "jurisdiction_code": "TX",
            }],
        })).await;
        expect![[r#"
            200
            {
              "business_entity_id": "00000000-0000-7000-8000-000000000001",
              "city": null,
              "country_code": "US",
              "created_at": "2026-01-05T10:00:00Z",
              "effective_from": "2026-01-01",
              "effective_to": null,
              "id": "00000000-0000-7000-8000-000000000008",
              "is_active": true,
              "name": "Texas",
              "organization_id": "00000000-0000-7000-8000-000000000001",
              "rates": [
                {
                  "compound_order": 0,
                  "created_at": "2026-01-05T10:00:00Z",
                  "id": "00000000-0000-7000-8000-000000000009",
                  "is_compound": false,
                  "jurisdiction_code": "TX",
                  "jurisdiction_level": "state",
                  "jurisdiction_rate_id": "00000000-0000-7000-8000-000000000008",
                  "rate_percent": 6.25,
                  "tax_name": "State",
                  "updated_at": "2026-01-05T10:00:00Z"
                }
              ],
              "state_code": "TX",
              "tax_category_id": "00000000-0000-7000-8000-000000000006",
              "updated_at": "2026-01-05T10:00:00Z",
              "zip_code_end": null,
              "zip_code_start": null
            }"#]].assert_eq(&answer.to_string());
        let read = app.get(&format!("{}/{}", ground.rows(), answer.id())).await.ok();
        assert_eq!(read.body, answer.body);
    }

    async fn a_percentage_keeps_every_digit(app) {
        let ground = ground(&app).await;
        for (sent, shown) in [("0.0000000001", "0.0000000001"), ("99.9999999999", "99.9999999999"),
            ("8.875", "8.875"), ("1e1", "10"), ("100", "100"), ("0", "0")] {
            let percent: Value = serde_json::from_str(sent).unwrap();
            let row = ground.row(&app, json!({ "rates": [{ "tax_name": "T", "rate_percent": percent }] }));
            assert_eq!(row.await.ok().at("/rates/0/rate_percent").to_string(), shown);
        }
    }

    async fn every_bad_field_of_a_row_is_named(app) {
        let ground = ground(&app).await;
        let answer = ground.row(&app, json!({
            "tax_category_id": "22222222-2222-4222-8222-222222222222",
            "zip_code_start": "78799", "zip_code_end": "78700", "effective_to": "2025-12-31",
            "rates": [
                { "tax_name": "State", "rate_percent": 6 },
                { "tax_name": " ", "rate_percent": 0.00000000001 },
            ],
        })).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "tax_category_id"
                  ],
                  "msg": "there is no tax category with this id",
                  "type": "value_error.unknown"
                },
                {
                  "loc": [
                    "body",
                    "zip_code_end"
                  ],
                  "msg": "zip_code_end must not come before zip_code_start",
                  "type": "value_error.range"
                },
                {
                  "loc": [
                    "body",
                    "effective_to"
                  ],
                  "msg": "effective_to must not be before effective_from; that day is included",
                  "type": "value_error.date.range"
                },
                {
                  "loc": [
                    "body",
                    "rates",
                    1,
                    "tax_name"
                  ],
                  "msg": "a tax needs a name that is not blank",
                  "type": "value_error.blank"
                },
                {
                  "loc": [
                    "body",
                    "rates",
                    1,
                    "rate_percent"
                  ],
                  "msg": "a percentage has at most 10 decimal places",
                  "type": "value_error.decimal.max_places"
                }
              ]
            }"#]].assert_eq(&answer.to_string());
        let answer = ground.row(&app, json!({
            "country_code": "USA", "state_code": "x".repeat(11), "effective_from": "2026-02-30",
            "rates": [{ "rate_percent": 100.5 }],
        })).await;
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "country_code"
                  ],
                  "msg": "at most 2 characters",
                  "type": "value_error.any_str.max_length"
                },
                {
                  "loc": [
                    "body",
                    "country_code"
                  ],
                  "msg": "text of the form ^[A-Za-z]{2}$",
                  "type": "value_error.str.regex"
                },
                {
                  "loc": [
                    "body",
                    "effective_from"
                  ],
                  "msg": "write a date as 2026-01-31",
                  "type": "value_error.format"
                },
                {
                  "loc": [
                    "body",
                    "rates",
                    0,
                    "tax_name"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "rates",
                    0,
                    "rate_percent"
                  ],
                  "msg": "at most 100",
                  "type": "value_error.number.not_le"
                },
                {
                  "loc": [
                    "body",
                    "state_code"
                  ],
                  "msg": "at most 10 characters",
                  "type": "value_error.any_str.max_length"
                }
              ]
            }"#]].assert_eq(&answer.to_string());
    }

    async fn a_range_of_postal_codes_has_two_ends_of_one_length(app) {
        let ground = ground(&app).await;
        for (start, end, field) in [
            (json!("78701"), Value::Null, "zip_code_end"),
            (json!(" "), json!("78701"), "zip_code_start"),
            (json!("7870"), json!("78701"), "zip_code_end"),
            (json!("78702"), json!("78701"), "zip_code_end"),
        ] {
            let answer = ground.row(&app, json!({ "zip_code_start": start, "zip_code_end": end })).await;
            assert_eq!((answer.status, answer.text("/detail/0/loc/1")), (422, field));
        }
        ground.row(&app, json!({ "zip_code_start": "78701", "zip_code_end": "78701" })).await.ok();
    }

    async fn numbers_and_texts_that_no_column_keeps_are_refused(app) {
        let ground = ground(&app).await;
        for percent in ["1e-99", "1e99", "-1", "0.00000000000000000000000000000000000000001", "\"6\""] {
            let percent: Value = serde_json::from_str(percent).unwrap();
            let row = json!({ "rates": [{ "tax_name": "T", "rate_percent": percent }] });
            assert_eq!(ground.row(&app, row).await.status, 422, "{percent}");
        }
        for order in ["1e20", "9223372036854775808", "-1", "0.5"] {
            let order: Value = serde_json::from_str(order).unwrap();
            let rate = json!({ "tax_name": "T", "rate_percent": 1, "compound_order": order });
            assert_eq!(ground.row(&app, json!({ "rates": [rate] })).await.status, 422, "{order}");
        }
        for fields in [json!({ "city": "A\u{0}" }), json!({ "effective_from": "20260101" })] {
            assert_eq!(ground.row(&app, fields.clone()).await.status, 422, "{fields}");
        }
        for day in ["0000-01-01", "9999-12-31"] {
            ground.row(&app, json!({ "effective_from": day })).await.ok();
        }
    }

    async fn rows_are_listed_as_a_bare_array_by_category(app) {
        let ground = ground(&app).await;
        let other = app.post("/tax/categories", json!({ "name": "Hardware" })).await.ok().id();
        ground.row(&app, json!({ "name": "one" })).await.ok();
        ground.row(&app, json!({ "name": "two", "tax_category_id": other })).await.ok();
        let names = |answer: Answer| {
            let rows = answer.body.as_array().unwrap().clone();
            let names: Vec<String> = rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
            names.join(" ")
        };
        assert_eq!(names(app.get(&ground.rows()).await.ok()), "one two");
        let filtered = format!("{}?tax_category_id={other}", ground.rows());
        assert_eq!(names(app.get(&filtered).await.ok()), "two");
        let bad = app.get(&format!("{}?tax_category_id=x", ground.rows())).await;
        assert_eq!((bad.status, bad.text("/detail/0/loc/1")), (422, "tax_category_id"));
    }

    async fn a_row_is_changed_but_not_its_country_nor_its_taxes(app) {
        let ground = ground(&app).await;
        let row = ground.row(&app, json!({ "state_code": "TX" })).await.ok();
        let path = format!("{}/{}", ground.rows(), row.id());
        let change = json!({
            "effective_to": "2026-12-31", "is_active": false, "state_code": null,
            "country_code": "DE", "rates": [],
        });
        let changed = app.patch(&path, change).await.ok();
        let mut expected = row.body.clone();
        expected["effective_to"] = json!("2026-12-31");
        expected["is_active"] = json!(false);
        expected["state_code"] = Value::Null;
        assert_eq!(changed.body, expected);
        assert_eq!(app.get(&path).await.body, expected);
        let bad = app.patch(&path, json!({ "effective_to": "2025-01-01", "effective_from": null })).await;
        assert_eq!((bad.status, bad.text("/detail/0/loc/1")), (422, "effective_from"));
        let bad = app.patch(&path, json!({ "effective_to": "2025-01-01" })).await;
        assert_eq!((bad.status, bad.text("/detail/0/loc/1")), (422, "effective_to"));
    }

    async fn a_tax_is_read_and_changed(app) {
        let ground = ground(&app).await;
        let row = ground.row(&app, json!({})).await.ok();
        let rates = format!("{}/{}/rates", ground.rows(), row.id());
        let listed = app.get(&rates).await.ok();
        assert_eq!(&listed.body, row.at("/rates"));
        let path = format!("{rates}/{}", listed.text("/0/id"));
        let changed = app.patch(&path, json!({ "rate_percent": 7.5, "is_compound": true })).await.ok();
        assert_eq!(changed.at("/rate_percent").to_string(), "7.5");
        assert_eq!(changed.text("/tax_name"), "State");
        assert_eq!(app.get(&path).await.body, changed.body);
        let bad = app.patch(&path, json!({ "rate_percent": 101 })).await;
        assert_eq!((bad.status, bad.text("/detail/0/loc/1")), (422, "rate_percent"));
        let unknown = format!("{rates}/{}", row.id());
        assert_eq!(app.get(&unknown).await.status, 404);
    }

    async fn a_row_is_not_found_under_another_entity_or_organisation(app) {
        let ground = ground(&app).await;
        let row = ground.row(&app, json!({})).await.ok();
        let path = format!("{}/{}", ground.rows(), row.id());
        let rate = format!("{path}/rates/{}", row.text("/rates/0/id"));
        let other = app.other_organisation().await;
        let entity = app.post("/business_entities", json!({ "name": "Second" })).await.ok().id();
        for path in [&path, &rate] {
            assert_eq!(other.get(path).await.status, 404, "{path}");
            assert_eq!(other.patch(path, json!({})).await.status, 404, "{path}");
            let elsewhere = path.replace(&app.organisation.to_string(), &entity);
            assert_eq!(app.get(&elsewhere).await.status, 404, "{elsewhere}");
            assert_eq!(app.patch(&elsewhere, json!({})).await.status, 404, "{elsewhere}");
        }
        assert_eq!(other.get(&format!("{path}/rates")).await.status, 404);
        assert_eq!(ground.row(&other, json!({})).await.status, 404);
        assert_eq!(ground.lookup(&other, json!({})).await.status, 404);
        let root = ground.root.replace(&app.organisation.to_string(), &other.organisation.to_string());
        let theirs = Ground { root, category: ground.category }.row(&other, json!({})).await;
        assert_eq!((theirs.status, theirs.text("/detail/0/loc/1")), (422, "tax_category_id"));
    }

    async fn a_lookup_answers_the_taxes_in_the_order_of_their_computation(app) {
        let ground = ground(&app).await;
        ground.row(&app, json!({ "country_code": "CA", "state_code": "QC", "rates": [
            { "tax_name": "QST", "rate_percent": 9.975, "is_compound": true, "compound_order": 1 },
            { "tax_name": "GST", "rate_percent": 5.00, "jurisdiction_level": "country" },
        ] })).await.ok();
        let answer = ground.lookup(&app, json!({ "country_code": "ca", "state_code": "qc" })).await;
        expect![[r#"
            200
            {
              "fingerprint": "77e6dc18c5936ba825636358590ca9f6e12f67e5e853cc1a50b3458de7ff4d31",
              "rate_breakdown": [
                {
                  "compound_order": 0,
                  "is_compound": false,
                  "jurisdiction_code": null,
                  "jurisdiction_level": "country",
                  "rate_percent": "5",
                  "source_tax_rate_id": "00000000-0000-7000-8000-00000000000a",
                  "tax_name": "GST"
                },
                {
                  "compound_order": 1,
                  "is_compound": true,
                  "jurisdiction_code": null,
                  "jurisdiction_level": null,
                  "rate_percent": "9.975",
                  "source_tax_rate_id": "00000000-0000-7000-8000-000000000009",
                  "tax_name": "QST"
                }
              ],
              "source_jurisdiction_rate_id": "00000000-0000-7000-8000-000000000008"
            }"#]].assert_eq(&answer.to_string());
    }

    async fn a_lookup_matches_level_by_level(app) {
        let ground = ground(&app).await;
        for fields in [
            json!({ "name": "country" }),
            json!({ "name": "state", "state_code": "TX" }),
            json!({ "name": "city", "state_code": "TX", "city": "Zürich" }),
            json!({ "name": "zip", "state_code": "TX", "zip_code_start": "78700", "zip_code_end": "78799" }),
            json!({ "name": "past", "state_code": "NY", "effective_to": "2026-05-31" }),
            json!({ "name": "off", "state_code": "CA", "is_active": false }),
        ] {
            let percent = fields["name"].as_str().unwrap().to_owned();
            let mut fields = fields;
            fields["rates"] = json!([{ "tax_name": percent, "rate_percent": 1 }]);
            ground.row(&app, fields).await.ok();
        }
        for (fields, expected) in [
            (json!({}), "country"),
            (json!({ "state_code": "" }), "country"),
            (json!({ "state_code": "TX" }), "state"),
            (json!({ "state_code": "TX", "city": "ZÜRICH" }), "city"),
            (json!({ "state_code": "TX", "zip_code": "78701" }), "zip"),
            (json!({ "state_code": "NY", "effective_date": "2026-05-31" }), "past"),
        ] {
            let found = ground.lookup(&app, fields.clone()).await.ok();
            assert_eq!(found.text("/rate_breakdown/0/tax_name"), expected, "{fields}");
        }
        for fields in [
            json!({ "city": "Zürich" }),
            json!({ "state_code": "TX", "zip_code": "78800" }),
            json!({ "state_code": "NY", "effective_date": "2026-06-01" }),
            json!({ "state_code": "CA" }),
            json!({ "country_code": "DE" }),
        ] {
            let none = ground.lookup(&app, fields.clone()).await;
            assert_eq!((none.status, none.text("/code")), (404, "TAX_RATE_NOT_FOUND"), "{fields}");
        }
    }

    async fn several_matches_are_refused_and_named(app) {
        let ground = ground(&app).await;
        ground.row(&app, json!({})).await.ok();
        let second = ground.row(&app, json!({})).await.ok();
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body"
                  ],
                  "msg": "2 jurisdiction rates match: 00000000-0000-7000-8000-000000000008, 00000000-0000-7000-8000-00000000000b; end all but one by its effective_to, or deactivate them",
                  "type": "value_error.ambiguous"
                }
              ]
            }"#]].assert_eq(&ground.lookup(&app, json!({})).await.to_string());
        let path = format!("{}/{}", ground.rows(), second.id());
        app.patch(&path, json!({ "is_active": false })).await.ok();
        ground.lookup(&app, json!({})).await.ok();
    }

    async fn the_fingerprint_follows_the_tax(app) {
        let ground = ground(&app).await;
        let row = ground.row(&app, json!({})).await.ok();
        let path = format!("{}/{}", ground.rows(), row.id());
        let rate = format!("{path}/rates/{}", row.text("/rates/0/id"));
        let fingerprint = async || {
            let found = ground.lookup(&app, json!({})).await.ok();
            found.text("/fingerprint").to_owned()
        };
        let before = fingerprint().await;
        app.patch(&path, json!({ "name": "renamed" })).await.ok();
        assert_eq!(fingerprint().await, before);
        app.patch(&rate, json!({ "rate_percent": 6.26 })).await.ok();
        assert_ne!(fingerprint().await, before);
        app.patch(&rate, json!({ "rate_percent": 6.250 })).await.ok();
        assert_eq!(fingerprint().await, before);
    }

    async fn a_lookup_names_every_bad_field(app) {
        let ground = ground(&app).await;
        let lookup = format!("{}/rates/lookup", ground.root);
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "tax_category_id"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "country_code"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "effective_date"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "zip_code"
                  ],
                  "msg": "at most 20 characters",
                  "type": "value_error.any_str.max_length"
                }
              ]
            }"#]].assert_eq(&app.post(&lookup, json!({ "zip_code": "1".repeat(21) })).await.to_string());
        let unknown = ground.lookup(&app, json!({ "tax_category_id": ground.root[23..].to_owned() })).await;
        assert_eq!((unknown.status, unknown.text("/detail/0/loc/1")), (422, "tax_category_id"));
    }
}
