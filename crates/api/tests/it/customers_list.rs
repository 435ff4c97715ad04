//! `GET /customers`: filters, search, order and pages.

use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use serde_json::{Value, json};

/// Five customers, an hour apart; a letter of each name tells them apart: A, B, C, D, E.
/// The entity of the last customer: ids count up.
const ENTITY: &str = "00000000-0000-7000-8000-000000000005";

async fn five(app: &TestApp) -> Vec<String> {
    let entity = app
        .post("/business_entities", json!({ "name": "Berlin" }))
        .await
        .ok()
        .id();
    assert_eq!(entity, ENTITY);
    let exact: serde_json::Number = "1.50".parse().unwrap();
    let bodies = [
        json!({ "customer_name": "Alder", "external_id": "X-1", "email": "pay@alder.example",
            "phone_number": "+1-555-0101",
            "custom_data": { "vip": true, "plan": { "name": "Gold" } } }),
        json!({ "customer_name": "Birch 100%", "external_id": "x-2", "email": "Pay@birch.example",
            "communications_enabled": false, "custom_data": { "vip": false, "rate": exact } }),
        json!({ "customer_name": "Cedar", "auto_charge_enabled": false,
            "custom_data": { "vip": null, "tags": ["a", "b"], "o'k \"q": "odd" } }),
        json!({ "customer_name": "Dogwood of Alder", "external_id": "alder_4" }),
        json!({ "customer_name": "Elm", "external_id": "alder",
            "business_entity_id": ENTITY }),
    ];
    let mut ids = Vec::new();
    for body in bodies {
        ids.push(app.post("/customers", body).await.ok().id());
        app.clock.advance(SignedDuration::from_hours(1));
    }
    ids
}

/// First letters of the customers that a query answers.
async fn letters(app: &TestApp, query: &str) -> String {
    let answer = app.get(&format!("/customers?{query}")).await.ok();
    let results = answer.at("/results").as_array().unwrap();
    let letters: String = results
        .iter()
        .map(|row| &row["customer_name"].as_str().unwrap()[..1])
        .collect();
    assert_eq!(answer.at("/total_count"), results.len(), "{query}");
    letters
}

async fn check(app: &TestApp, cases: &[(&str, &str)]) {
    for (query, expected) in cases {
        assert_eq!(
            letters(app, &format!("order=created_at&{query}")).await,
            *expected,
            "{query}"
        );
    }
}

both! {
    async fn the_count_follows_creations_refusals_and_deletions(app) {
        let count = async || app.get("/customers?limit=1").await.ok().at("/total_count").clone();
        assert_eq!(count().await, 0);
        let body = json!({ "customer_name": "A", "email": "a@alder.example" });
        let id = app.post("/customers", body.clone()).await.ok().id();
        assert_eq!(app.post("/customers", body).await.status, 400);
        app.other_organisation().await.post("/customers", json!({ "customer_name": "B" })).await.ok();
        assert_eq!(count().await, 1);
        app.delete(&format!("/customers/{id}")).await.ok();
        assert_eq!(count().await, 0);
    }

    async fn every_operator_of_ids_and_flags(app) {
        let ids = five(&app).await;
        check(
            &app,
            &[
                (&format!("id={}", ids[1]), "B"),
                (&format!("id__in={},{}", ids[2], ids[0]), "AC"),
                (&format!("id={}&id={}", ids[2], ids[0]), "AC"),
                (&format!("id__in={},{}&id__in={}", ids[2], ids[0], ids[1]), "ABC"),
                (&format!("id={}&id__in={},{}", ids[0], ids[1], ids[0]), "A"),
                ("id__isnull=true", ""),
                ("id__isnull=false", "ABCDE"),
                ("communications_enabled=true", "ACDE"),
                ("communications_enabled=false", "B"),
                ("communications_enabled__isnull=false", "ABCDE"),
                ("auto_charge_enabled=False", "C"),
                ("auto_charge_enabled=1", "ABDE"),
                (
                    "business_entity_id=00000000-0000-7000-8000-000000000005",
                    "E",
                ),
                ("business_entity_id__isnull=true", ""),
                ("invoice__status=paid", ""),
                (&format!("invoice__customer_id={}", ids[0]), ""),
            ],
        )
        .await;
    }

    async fn every_operator_of_texts(app) {
        five(&app).await;
        check(
            &app,
            &[
                ("external_id=X-1", "A"),
                ("external_id=x-1", ""),
                ("external_id__neq=X-1", "BDE"),
                ("external_id__like=x-", "B"),
                ("external_id__ilike=X-", "AB"),
                ("external_id__ilike=alder_", "D"),
                ("external_id__in=alder,%20x-2,none", "BE"),
                ("external_id__isnull=true", "C"),
                ("external_id__isnull=false", "ABDE"),
                ("email=pay@alder.example", "A"),
                ("email__neq=pay@alder.example", "B"),
                ("email__ilike=PAY", "AB"),
                ("email__like=Pay", "B"),
                ("email__in=pay@alder.example,x", "A"),
                ("external_id=X-1&external_id=&external_id=alder", "AE"),
                ("external_id__ilike=x&external_id__ilike=1", "A"),
                ("email__isnull=1", "CDE"),
                ("phone_number__ilike=555", "A"),
                ("phone_number__like=%2B1-", "A"),
                ("phone_number__isnull=true", "BCDE"),
                ("customer_name=Cedar", "C"),
                ("customer_name__ilike=ALDER", "AD"),
                ("customer_name__like=0%25", "B"),
                ("customer_name__ilike=%25", "B"),
                ("customer_name__ilike=%5C", ""),
            ],
        )
        .await;
    }

    async fn every_operator_of_instants(app) {
        five(&app).await;
        check(
            &app,
            &[
                ("created_at=2026-01-05T11:00:00Z", "B"),
                ("created_at=2026-01-05T12:00:00%2B01:00", "B"),
                ("created_at__neq=2026-01-05T11:00:00", "ACDE"),
                ("created_at__gt=2026-01-05T11:00:00", "CDE"),
                ("created_at__gte=2026-01-05T11:00:00", "BCDE"),
                ("created_at__lt=2026-01-05T11:00:00", "A"),
                ("created_at__lte=2026-01-05T11:00:00.000001", "AB"),
                (
                    "created_at__in=2026-01-05T11:00:00,2026-01-05T14:00:00Z",
                    "BE",
                ),
                ("created_at__isnull=false", "ABCDE"),
                (
                    "created_at__gte=2026-01-05&created_at__lt=2026-01-05T12:00:00Z",
                    "AB",
                ),
                ("updated_at__gte=2026-01-05T13:00:00", "DE"),
                ("created_at__gte=0001-01-01", "ABCDE"),
                ("created_at__lt=9999-12-30", "ABCDE"),
            ],
        )
        .await;
    }

    async fn search_reaches_into_texts_and_documents(app) {
        let ids = five(&app).await;
        check(
            &app,
            &[
                ("search=customer_name=ALDER", "AD"),
                ("search=customer_name=alder,external_id=x-", "A"),
                ("search=custom_data.plan.name=gold", "A"),
                ("search=custom_data.vip=true", "A"),
                ("search=custom_data.vip=null", ""),
                ("search=custom_data.rate=1.50", "B"),
                ("search=custom_data.tags=b", "C"),
                ("search=custom_data.nothing.there=x", ""),
                ("search=custom_data.=x,custom_data..=x", ""),
                ("search=custom_data.%22%5C%27%24=x", ""),
                ("search=communications_enabled=false", "B"),
                ("search=created_at=2026-01-05T11:00:00", "B"),
                (&format!("search=id={}", ids[3]), "D"),
                ("unknown=1&limit=&external_id=", "ABCDE"),
            ],
        )
        .await;
    }

    async fn a_name_search_puts_equal_before_beginning_before_containing(app) {
        five(&app).await;
        let found = "search_name_external_id=alder&order=created_at";
        assert_eq!(letters(&app, found).await, "AED");
        let first = app.get(&format!("/customers?{found}&limit=2")).await.ok();
        let next = first.text("/next");
        let second = app
            .get(&format!("/customers?{found}&limit=2&cursor={next}"))
            .await
            .ok();
        assert_eq!(second.at("/results/0/customer_name"), "Dogwood of Alder");
        assert_eq!(
            (second.at("/next"), second.at("/total_count")),
            (&Value::Null, &json!(3))
        );
        let back = second.text("/previous");
        let again = app
            .get(&format!("/customers?{found}&limit=2&cursor={back}"))
            .await
            .ok();
        assert_eq!(again.at("/results"), first.at("/results"));
    }

    async fn pages_meet_in_every_order_and_direction(app) {
        for number in 0..23 {
            let email = (number % 3 > 0).then(|| format!("{}@x.example", (number * 7) % 23));
            let body = json!({ "customer_name": format!("N{}", number % 4), "email": email });
            app.post("/customers", body).await.ok();
            if number % 5 == 0 {
                app.clock.advance(SignedDuration::from_secs(1));
            }
        }
        for column in [
            "id",
            "created_at",
            "updated_at",
            "customer_name",
            "email",
            "external_id",
        ] {
            for (order, descending) in [(column.to_owned(), false), (format!("-{column}"), true)] {
                let expected = sorted(&app, column, descending).await;
                for limit in [1, 4, 23] {
                    let (forward, backward) = walked(&app, &order, limit).await;
                    assert_eq!(forward, expected, "{order} by {limit}");
                    assert_eq!(backward, expected, "{order} by {limit}, backward");
                }
            }
        }
    }

    async fn an_offset_passes_rows_over_and_pages_go_on_from_there(app) {
        five(&app).await;
        let names = |page: &florin_testkit::Answer| {
            let rows = page.at("/results").as_array().unwrap().clone();
            rows.iter()
                .map(|row| row["customer_name"].as_str().unwrap()[..1].to_owned())
                .collect::<String>()
        };
        let page = app
            .get("/customers?order=created_at&limit=2&offset=1")
            .await
            .ok();
        assert_eq!(names(&page), "BC");
        let follow =
            |cursor: String| app_get(&app, format!("order=created_at&limit=2&cursor={cursor}"));
        let next = follow(page.text("/next").to_owned()).await;
        assert_eq!(
            (names(&next).as_str(), next.at("/next")),
            ("DE", &Value::Null)
        );
        let previous = follow(page.text("/previous").to_owned()).await;
        assert_eq!(
            (names(&previous).as_str(), previous.at("/previous")),
            ("AB", &Value::Null)
        );
        let past = app.get("/customers?offset=9223372036854775807").await.ok();
        assert_eq!(
            (past.at("/results"), past.at("/total_count")),
            (&json!([]), &json!(5))
        );
    }

    async fn the_older_order_parameters_work(app) {
        five(&app).await;
        assert_eq!(letters(&app, "").await, "EDCBA");
        assert_eq!(
            letters(&app, "sort_key=customer_name&sort_type=asc").await,
            "ABCDE"
        );
        assert_eq!(
            letters(&app, "sort_key=customer_name&sort_type=DESC").await,
            "EDCBA"
        );
        assert_eq!(letters(&app, "sort_key=customer_name").await, "EDCBA");
        assert_eq!(
            letters(&app, "order=+customer_name&sort_key=id").await,
            "ABCDE"
        );
        let alias = app.get("/customer?customer_name=Elm").await.ok();
        assert_eq!(alias.at("/total_count"), 1);
    }

    async fn unusable_parameters_are_all_named(app) {
        five(&app).await;
        let by_name = app.get("/customers?order=customer_name&limit=1").await.ok();
        let cursor = by_name.text("/next");
        let many = vec!["email=a"; 101].join(",");
        let long = "x".repeat(1025);
        let deep = vec!["a"; 17].join(".");
        for (query, bad) in [
            (
                "limit=0&offset=-1&order=phone_number&id=7".to_owned(),
                "id,limit,offset,order",
            ),
            ("limit=1001".to_owned(), "limit"),
            ("offset=9223372036854775808".to_owned(), "offset"),
            (
                "sort_key=nothing&sort_type=up".to_owned(),
                "sort_key,sort_type",
            ),
            ("cursor=nonsense".to_owned(), "cursor"),
            (format!("order=email&cursor={}", forged("a\0")), "cursor"),
            (format!("order=email&cursor={}", forged(&long)), "cursor"),
            (format!("cursor={cursor}"), "cursor"),
            (format!("order=-customer_name&cursor={cursor}"), "cursor"),
            (
                format!("order=customer_name&search_name_external_id=a&cursor={cursor}"),
                "cursor",
            ),
            (
                "communications_enabled=maybe&created_at__gte=soon".to_owned(),
                "communications_enabled,created_at__gte",
            ),
            (
                "created_at__gte=-009999-01-01T00:00:00Z".to_owned(),
                "created_at__gte",
            ),
            ("id__in=7&id__isnull=x".to_owned(), "id__in,id__isnull"),
            ("id=7&id=8".to_owned(), "id"),
            (vec!["email=a"; 1001].join("&"), "email"),
            (
                "search=custom_data=x,secret=1,email".to_owned(),
                "search,search,search",
            ),
            ("search=created_at=soon".to_owned(), "search"),
            (format!("search={many}"), "search"),
            (format!("search=custom_data.{deep}=x"), "search"),
            (
                format!("search=email={long}&search_name_external_id={long}&email__ilike={long}"),
                "email__ilike,search,search_name_external_id",
            ),
            ("email=a%00b".to_owned(), "email"),
        ] {
            let answer = app.get(&format!("/customers?{query}")).await;
            assert_eq!(answer.status, 422, "{query}: {answer}");
            let fields = answer.at("/detail").as_array().unwrap();
            let mut named: Vec<&str> = fields
                .iter()
                .map(|f| f["loc"][1].as_str().unwrap())
                .collect();
            named.sort_unstable();
            assert_eq!(named.join(","), bad, "{query}");
        }
    }

    async fn another_organisation_sees_none_of_them(app) {
        five(&app).await;
        let other = app.other_organisation().await;
        assert_eq!(letters(&other, "").await, "");
    }
}

/// A cursor that no answer said.
fn forged(email: &str) -> String {
    let cursor = florin_store::list::Cursor::Key {
        backward: false,
        column: "email".to_owned(),
        descending: false,
        value: Some(email.to_owned()),
        id: uuid::Uuid::nil(),
    };
    cursor.encode()
}

async fn app_get(app: &TestApp, query: String) -> florin_testkit::Answer {
    app.get(&format!("/customers?{query}")).await.ok()
}

/// Ids in the order that a list by `column` must have: nulls last, then by id in its direction.
async fn sorted(app: &TestApp, column: &str, descending: bool) -> Vec<String> {
    let all = app.get("/customers?limit=1000").await.ok();
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    let mut rows: Vec<(Option<String>, String)> = all
        .at("/results")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (text(row, column), text(row, "id").unwrap()))
        .collect();
    rows.sort();
    if descending {
        rows.reverse();
    }
    rows.sort_by_key(|(value, _)| value.is_none());
    rows.into_iter().map(|(_, id)| id).collect()
}

/// Ids as the pages show them from the first to the last, and on the way back.
async fn walked(app: &TestApp, order: &str, limit: usize) -> (Vec<String>, Vec<String>) {
    let mut pages = vec![app_get(app, format!("order={order}&limit={limit}")).await];
    while let Some(cursor) = pages.last().unwrap().at("/next").as_str() {
        pages.push(app_get(app, format!("order={order}&limit={limit}&cursor={cursor}")).await);
    }
    let mut back = vec![pages.last().unwrap().clone()];
    while let Some(cursor) = back.last().unwrap().at("/previous").as_str() {
        back.push(app_get(app, format!("order={order}&limit={limit}&cursor={cursor}")).await);
    }
    back.reverse();
    let ids = |pages: &[florin_testkit::Answer]| {
        let rows = pages
            .iter()
            .flat_map(|page| page.at("/results").as_array().unwrap());
        rows.map(|row| row["id"].as_str().unwrap().to_owned())
            .collect()
    };
    (ids(&pages), ids(&back))
}
