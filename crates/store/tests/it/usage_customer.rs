//! Customers as metrics know them.

use florin_core::customer::{self as core, Customer, Details};
use florin_store::{Actor, Tx, customer, usage_customer::load};
use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

fn named(id: u128, external_id: &str) -> Customer {
    let details = Details {
        external_id: Some(external_id.to_owned()),
        customer_name: "Northwind".to_owned(),
        email: None,
        phone_number: None,
        tax_info: Vec::new(),
        custom_data: serde_json::from_str(r#"{"rate":0.10}"#).unwrap(),
        custom_attributes: json!({}),
        communications_enabled: true,
        auto_charge_enabled: true,
        business_entity_id: None,
    };
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    core::create(Uuid::from_u128(id), details, at).unwrap()
}

fn renamed(before: &Customer, external_id: Option<&str>) -> Customer {
    let details = Details {
        external_id: external_id.map(str::to_owned),
        ..before.details.clone()
    };
    core::amend(before, details, before.updated_at).unwrap()
}

/// A transaction a minute later than the last.
async fn later(app: &TestApp) -> Tx {
    app.clock.advance(SignedDuration::from_mins(1));
    let begun = app.app.begin(app.organisation, Actor::System, "").await;
    begun.unwrap()
}

both! {
    async fn metrics_know_every_external_id_that_a_customer_had(app) {
        let mut tx = later(&app).await;
        let (first, second) = (named(1, "b"), named(2, "x"));
        for one in [&first, &second] {
            customer::insert(&mut tx, one).await.unwrap();
        }
        customer::update(&mut tx, &first, &renamed(&first, Some("a"))).await.unwrap();
        customer::update(&mut tx, &second, &renamed(&second, None)).await.unwrap();
        tx.commit().await.unwrap();
        let other = app.other_organisation().await;
        let mut tx = later(&other).await;
        customer::insert(&mut tx, &named(1, "theirs")).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let known = load(&mut tx, None).await.unwrap();
        let ids: Vec<_> = known.iter().map(|one| (one.id, one.external_ids.join(" "))).collect();
        assert_eq!(ids, [(first.id, "a b".to_owned()), (second.id, "x".to_owned())]);
        assert_eq!(known[0].custom_data, first.details.custom_data);
        let one = load(&mut tx, Some(second.id)).await.unwrap();
        assert_eq!(one, known[1..]);
        let nobody = load(&mut tx, Some(Uuid::nil())).await.unwrap();
        assert_eq!(nobody, []);
    }
}
