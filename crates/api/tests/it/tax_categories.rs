//! `/tax/categories`

use expect_test::expect;
use florin_testkit::both;
use serde_json::json;

both! {
    async fn codes_count_up_and_a_refused_category_takes_none(app) {
        let first = app.post("/tax/categories", json!({ "name": "SAAS" })).await;
        expect![[r#"
            200
            {
              "code": "ZEN_TAX_00001",
              "created_at": "2026-01-05T10:00:00Z",
              "external_codes": {},
              "id": "00000000-0000-7000-8000-000000000005",
              "name": "SAAS",
              "organization_id": "00000000-0000-7000-8000-000000000001",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&first.to_string());
        app.post("/tax/categories", json!({ "name": " " })).await;
        let second = app.post("/tax/categories", json!({ "name": "Hardware" })).await.ok();
        assert_eq!(second.text("/code"), "ZEN_TAX_00002");
        let other = app.other_organisation().await;
        let theirs = other.post("/tax/categories", json!({ "name": "SAAS" })).await.ok();
        assert_eq!(theirs.text("/code"), "ZEN_TAX_00001");
    }

    async fn categories_created_at_once_have_codes_without_gap(app) {
        let create = || app.post("/tax/categories", json!({ "name": "SAAS" }));
        let (a, b, c, d) = tokio::join!(create(), create(), create(), create());
        let mut codes: Vec<String> = [a, b, c, d].iter().map(|x| x.text("/code").to_owned()).collect();
        codes.sort();
        assert_eq!(codes, ["ZEN_TAX_00001", "ZEN_TAX_00002", "ZEN_TAX_00003", "ZEN_TAX_00004"]);
    }

    async fn external_codes_come_as_an_object_or_as_a_list(app) {
        for codes in [
            json!({ "avalara": "P0000000", "anrok": "A-1" }),
            json!([
                { "provider": "avalara", "code": "P0000000" },
                { "provider": "anrok", "code": "A-1" },
            ]),
        ] {
            let body = json!({ "name": "SAAS", "external_codes": codes });
            let category = app.post("/tax/categories", body).await.ok();
            let expected = json!({ "anrok": "A-1", "avalara": "P0000000" });
            assert_eq!(category.at("/external_codes"), &expected);
        }
    }

    async fn every_bad_field_of_a_category_is_named(app) {
        let body = json!({ "external_codes": { "avalara": "", "": "x" } });
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "name"
                  ],
                  "msg": "field required",
                  "type": "value_error.missing"
                },
                {
                  "loc": [
                    "body",
                    "external_codes",
                    "avalara"
                  ],
                  "msg": "at least 1 characters",
                  "type": "value_error.any_str.min_length"
                },
                {
                  "loc": [
                    "body",
                    "external_codes"
                  ],
                  "msg": "\"\" is shorter than 1 character",
                  "type": "value_error"
                }
              ]
            }"#]].assert_eq(&app.post("/tax/categories", body).await.to_string());
        let twice = json!([
            { "provider": "avalara", "code": "A" },
            { "provider": "avalara", "code": "B" },
        ]);
        let body = json!({ "name": "SAAS", "external_codes": twice });
        expect![[r#"
            422
            {
              "detail": [
                {
                  "loc": [
                    "body",
                    "external_codes"
                  ],
                  "msg": "`avalara` has two codes: a category has one code of each provider",
                  "type": "value_error.duplicate"
                }
              ]
            }"#]].assert_eq(&app.post("/tax/categories", body).await.to_string());
        for wrong in [json!("x"), json!(1), json!([1]), json!([{ "provider": "a" }]), json!({ "a": 1 })] {
            let body = json!({ "name": "SAAS", "external_codes": wrong });
            assert_eq!(app.post("/tax/categories", body).await.status, 422, "{wrong}");
        }
    }

    async fn a_category_is_read_and_changed_by_its_code(app) {
        let body = json!({ "name": "SAAS", "external_codes": { "avalara": "P1" } });
        app.post("/tax/categories", body).await.ok();
        let path = "/tax/categories/ZEN_TAX_00001";
        let changed = app.patch(path, json!({ "name": "Software", "code": "MINE" })).await.ok();
        assert_eq!(app.get(path).await.body, changed.body);
        assert_eq!(changed.text("/name"), "Software");
        assert_eq!(changed.text("/code"), "ZEN_TAX_00001");
        assert_eq!(changed.at("/external_codes"), &json!({ "avalara": "P1" }));
        let without = app.patch(path, json!({ "external_codes": {} })).await.ok();
        assert_eq!(without.at("/external_codes"), &json!({}));
        assert_eq!(app.patch(path, json!({ "name": null })).await.status, 422);
    }

    async fn an_unknown_code_and_one_of_another_organisation_are_not_found(app) {
        app.post("/tax/categories", json!({ "name": "SAAS" })).await.ok();
        let other = app.other_organisation().await;
        let path = "/tax/categories/ZEN_TAX_00001";
        assert_eq!(other.get(path).await.status, 404);
        assert_eq!(other.patch(path, json!({ "name": "Theirs" })).await.status, 404);
        for code in ["ZEN_TAX_00002", "%00", "%ff", "a%2Fb", "ZEN_TAX_99999999999999999999"] {
            let answer = app.get(&format!("/tax/categories/{code}")).await;
            assert_eq!((answer.status, answer.text("/code")), (404, "NOT_FOUND"), "{code}");
        }
    }

    async fn categories_are_listed_by_page_filter_and_search(app) {
        for (name, code) in [("SAAS", "P1"), ("Hardware", "P2"), ("Support", "P3")] {
            let body = json!({ "name": name, "external_codes": { "avalara": code } });
            app.post("/tax/categories", body).await.ok();
        }
        for (query, expected) in [
            ("", "Support Hardware SAAS"),
            ("?order=name", "Hardware SAAS Support"),
            ("?order=code", "SAAS Hardware Support"),
            ("?limit=1&offset=1&order=code", "Hardware"),
            ("?name__ilike=sa", "SAAS"),
            ("?code=ZEN_TAX_00003", "Support"),
            ("?code__in=ZEN_TAX_00003,ZEN_TAX_00001&order=code", "SAAS Support"),
            ("?search=external_codes.avalara=p2", "Hardware"),
            ("?search=name=s&order=name", "SAAS Support"),
        ] {
            let page = app.get(&format!("/tax/categories{query}")).await.ok();
            let rows = page.at("/results").as_array().unwrap();
            let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
            assert_eq!(names.join(" "), expected, "{query}");
        }
        let page = app.get("/tax/categories?limit=2").await.ok();
        let next = app.get(&format!("/tax/categories?cursor={}", page.text("/next"))).await.ok();
        assert_eq!(next.at("/results/0/name"), "SAAS");
        assert_eq!(next.at("/total_count"), 3);
    }
}
