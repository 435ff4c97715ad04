//! `/tags`

use expect_test::expect;
use florin_testkit::both;
use jiff::SignedDuration;
use serde_json::json;

both! {
    async fn a_tag_is_created_by_its_name(app) {
        let answer = app.post("/tags", json!({ "name": " legacy " })).await.ok();
        expect![[r#"
            200
            {
              "colour": null,
              "created_at": "2026-01-05T10:00:00Z",
              "description": null,
              "id": "00000000-0000-7000-8000-000000000005",
              "name": "legacy",
              "updated_at": "2026-01-05T10:00:00Z"
            }"#]].assert_eq(&answer.to_string());
    }

    async fn writing_a_tag_again_replaces_what_it_says(app) {
        let colour = json!({ "name": "legacy", "colour": "#3366cc" });
        let first = app.post("/tags", colour.clone()).await.ok();
        app.clock.advance(SignedDuration::from_hours(1));
        assert_eq!(app.post("/tags", colour).await.ok().body, first.body);
        let second = app.post("/tags", json!({ "name": "legacy", "description": "old" })).await.ok();
        assert_eq!((second.id(), second.at("/colour")), (first.id(), &json!(null)));
        assert_eq!(second.at("/created_at"), first.at("/created_at"));
        assert_eq!(second.at("/updated_at"), "2026-01-05T11:00:00Z");
        assert_eq!(app.get("/tags").await.ok().at("/total_count"), 1);
    }

    async fn one_name_written_at_once_is_one_tag(app) {
        let put = || app.post("/tags", json!({ "name": "legacy" }));
        let (a, b, c) = tokio::join!(put(), put(), put());
        assert_eq!([a.ok().id(), b.ok().id()], [c.id(), c.id()]);
    }

    async fn every_bad_field_is_named(app) {
        let answer = app.post("/tags", json!({ "colour": "red", "description": 1 })).await;
        assert_eq!((answer.status, answer.at("/detail").as_array().unwrap().len()), (422, 3));
        let blank = app.post("/tags", json!({ "name": " " })).await;
        assert_eq!(blank.at("/detail/0/loc"), &json!(["body", "name"]));
    }

    async fn a_list_is_filtered_searched_and_paged(app) {
        for name in ["beta", "alpha", "gamma"] {
            app.post("/tags", json!({ "name": name })).await.ok();
        }
        let first = app.get("/tags?order=name&limit=1").await.ok();
        assert_eq!(first.text("/results/0/name"), "alpha");
        let next = app.get(&format!("/tags?order=name&limit=1&cursor={}", first.text("/next"))).await;
        assert_eq!(next.text("/results/0/name"), "beta");
        for query in ["name=gamma", "search=name=AMM", "name__in=gamma,delta"] {
            let found = app.get(&format!("/tags?{query}")).await.ok();
            assert_eq!((found.at("/total_count"), found.text("/results/0/name")), (&json!(1), "gamma"));
        }
    }

    async fn tags_of_other_organisations_are_apart(app) {
        let tag = app.post("/tags", json!({ "name": "legacy" })).await.ok();
        let other = app.other_organisation().await;
        assert_eq!(other.get("/tags").await.ok().at("/total_count"), 0);
        let own = other.post("/tags", json!({ "name": "legacy" })).await.ok();
        assert_ne!(own.id(), tag.id());
    }
}
