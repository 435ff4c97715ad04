//! Customers: what the API does not show.

use florin_core::customer::{self, Customer, Details};
use florin_store::{Actor, Tx, customer as store};
use florin_testkit::{TestApp, both};
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

fn customer(id: u128, external_id: &str) -> Customer {
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
    customer::create(
        Uuid::from_u128(id),
        details,
        "2026-01-05T10:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

fn renamed(before: &Customer, external_id: Option<&str>) -> Customer {
    let details = Details {
        external_id: external_id.map(str::to_owned),
        ..before.details.clone()
    };
    customer::amend(before, details, before.updated_at).unwrap()
}

/// A transaction a minute later than the last.
async fn later(app: &TestApp) -> Tx {
    app.clock.advance(SignedDuration::from_mins(1));
    app.app
        .begin(app.organisation, Actor::System, "")
        .await
        .unwrap()
}

async fn found(tx: &mut Tx, external_id: &str) -> Option<Uuid> {
    let customer = store::find_by_external_id(tx, external_id).await.unwrap();
    customer.map(|customer| customer.id)
}

both! {
    async fn an_earlier_external_id_finds_the_customer_until_another_takes_it(app) {
        let [first, second] = [customer(1, "old"), customer(2, "other")];
        let mut tx = later(&app).await;
        store::insert(&mut tx, &first).await.unwrap();
        store::insert(&mut tx, &second).await.unwrap();
        let changed = renamed(&first, Some("new"));
        store::update(&mut tx, &first, &changed).await.unwrap();
        tx.commit().await.unwrap();

        let mut tx = later(&app).await;
        assert_eq!(found(&mut tx, "old").await, Some(first.id));
        assert_eq!(found(&mut tx, "new").await, Some(first.id));
        let none = renamed(&changed, None);
        store::update(&mut tx, &changed, &none).await.unwrap();
        assert_eq!(found(&mut tx, "new").await, Some(first.id));
        let taken = renamed(&second, Some("old"));
        store::update(&mut tx, &second, &taken).await.unwrap();
        assert_eq!(found(&mut tx, "old").await, Some(second.id));
        assert_eq!(
            store::external_ids(&mut tx, second.id).await.unwrap(),
            ["old", "other"]
        );
        store::delete(&mut tx, &taken).await.unwrap();
        assert_eq!(found(&mut tx, "old").await, None);
        tx.commit().await.unwrap();
    }

    async fn an_external_id_belongs_to_its_organisation(app) {
        let mut tx = later(&app).await;
        store::insert(&mut tx, &customer(1, "X")).await.unwrap();
        tx.commit().await.unwrap();
        let other = app.other_organisation().await;
        let mut tx = later(&other).await;
        assert_eq!(found(&mut tx, "X").await, None);
        store::insert(&mut tx, &customer(1, "X")).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn a_customer_comes_back_as_it_was_written(app) {
        let written = customer(1, "X");
        let mut tx = later(&app).await;
        store::insert(&mut tx, &written).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = app.app.db.read(app.organisation).await.unwrap();
        let read = store::find(&mut tx, written.id).await.unwrap().unwrap();
        assert_eq!(read, written);
        assert_eq!(read.details.custom_data.to_string(), r#"{"rate":0.10}"#);
    }

    async fn a_current_external_id_is_taken(app) {
        let mut tx = later(&app).await;
        store::insert(&mut tx, &customer(1, "X")).await.unwrap();
        let again = store::insert(&mut tx, &customer(2, "X")).await;
        let refused = again.unwrap_err();
        assert_eq!(refused.constraint(), Some("customer_external_id_key"));
    }
}
