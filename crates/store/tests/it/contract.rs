//! Contracts: what is kept of them, and what jobs find.

use std::sync::Arc;

use florin_core::contract::{
    Contract, Details, End, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, RenewalPolicy,
    Start, Status, Surroundings, create,
};
use florin_core::currency::Currency;
use florin_core::product_pricing::Content;
use florin_store::{Actor, Tx, contract};
use florin_testkit::{TestApp, both};
use jiff::{civil::Date, tz::TimeZone};
use serde_json::json;
use uuid::Uuid;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Berlin").unwrap()
}

/// A contract of the year 2026 with one line, whose ids count from its number.
fn of_2026(number: u128, product_id: Uuid) -> Contract {
    let zone = zone();
    let start = Start::on(day("2026-01-01"), &zone).unwrap();
    let price = json!({
        "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 0.10 },
        "billing_period": { "cadence": "P1M", "offset": "prepaid" },
    });
    let head = LineHead::new(product_id, Arc::new(Content::read(price).unwrap()));
    let line = LineDetails {
        id: None,
        start: None,
        end: None,
        head,
    };
    let head = PhaseHead::named("Standard");
    let phase = PhaseDetails {
        id: None,
        start: None,
        end: None,
        head,
        lines: vec![line],
    };
    let customer = Uuid::from_u128(number + 50);
    let mut header = Header::new("Northwind 2026", customer, Currency::EUR, start);
    header.end = Some(End::with_day(day("2026-12-31"), &zone).unwrap());
    header.source = serde_json::from_str(r#"{"rate":0.10}"#).unwrap();
    let details = Details {
        header,
        status: Status::Active,
        phases: vec![phase],
    };
    let mut ids = number..;
    let surroundings = Surroundings {
        zone,
        parent_customer_id: None,
    };
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    let id = Uuid::from_u128(ids.next().unwrap());
    let mut next = || Uuid::from_u128(ids.next().unwrap());
    create(id, details, &surroundings, &mut next, at).unwrap()
}

fn amended(before: &Contract, amend: impl FnOnce(&mut Header)) -> Contract {
    let mut details = before.to_details();
    amend(&mut details.header);
    let at = "2026-01-05T10:00:00Z".parse().unwrap();
    before
        .replace(details, None, &mut || Uuid::nil(), at)
        .unwrap()
}

async fn product(app: &TestApp) -> Uuid {
    let body = json!({ "name": "Seat", "type": "product" });
    app.post("/products", body).await.ok().id().parse().unwrap()
}

async fn begin(app: &TestApp) -> Tx {
    app.app
        .begin(app.organisation, Actor::System, "")
        .await
        .unwrap()
}

both! {
    async fn a_contract_is_read_back_at_each_of_its_versions(app) {
        let product = product(&app).await;
        let first = of_2026(100, product);
        let second = amended(&first, |header| header.name = "Northwind".to_owned());
        let mut tx = begin(&app).await;
        contract::insert(&mut tx, &first).await.unwrap();
        assert_eq!(contract::find(&mut tx, first.id()).await.unwrap(), Some(first.clone()));
        contract::save(&mut tx, &first, &second).await.unwrap();
        tx.commit().await.unwrap();
        let mut tx = begin(&app).await;
        let other = of_2026(200, product);
        contract::insert(&mut tx, &other).await.unwrap();
        let ids = [other.id(), Uuid::nil(), first.id()];
        contract::lock(&mut tx, &ids).await.unwrap();
        let found = contract::of_ids(&mut tx, &ids).await.unwrap();
        assert_eq!(found, [other, second.clone()]);
        let then = contract::at_version(&mut tx, first.id(), 1).await.unwrap().unwrap();
        assert_eq!(then.document(), first.document());
        let both = contract::at_versions(&mut tx, first.id(), &[2, 1]).await.unwrap();
        let versions: Vec<u32> = both.iter().map(Contract::version).collect();
        assert_eq!(versions, [1, 2]);
        assert!(contract::has_product(&mut tx, product).await.unwrap());
        assert!(contract::has_customer(&mut tx, first.header().customer_id).await.unwrap());
        tx.commit().await.unwrap();
        let stranger = app.other_organisation().await;
        let mut tx = stranger.app.db.read(stranger.organisation).await.unwrap();
        assert_eq!(contract::of_ids(&mut tx, &[first.id()]).await.unwrap(), []);
        assert_eq!(contract::find(&mut tx, first.id()).await.unwrap(), None);
    }

    async fn a_version_is_never_changed(app) {
        let first = of_2026(100, product(&app).await);
        let mut tx = begin(&app).await;
        contract::insert(&mut tx, &first).await.unwrap();
        let mut delete = sea_query::Query::delete();
        delete.from_table("contract_version");
        let refused = tx.execute(&delete).await.unwrap_err().to_string();
        assert!(refused.contains("a version of a contract is never changed"), "{refused}");
    }

    async fn a_deleted_draft_is_not_found_and_holds_nothing(app) {
        let product = product(&app).await;
        let mut details = of_2026(100, product).to_details();
        details.status = Status::Draft;
        let surroundings = Surroundings { zone: zone(), parent_customer_id: None };
        let at = "2026-01-05T10:00:00Z".parse().unwrap();
        let mut ids = (100..).map(Uuid::from_u128);
        let mut next = || ids.next().unwrap();
        let draft = create(Uuid::from_u128(7), details, &surroundings, &mut next, at).unwrap();
        let mut tx = begin(&app).await;
        contract::insert(&mut tx, &draft).await.unwrap();
        assert!(contract::has_product(&mut tx, product).await.unwrap());
        let all = contract::to_bill(&mut tx, day("2030-01-01"), None, 10).await.unwrap();
        assert_eq!(all, []);
        let deleted = draft.delete(tx.at().unwrap()).unwrap();
        contract::delete(&mut tx, &deleted).await.unwrap();
        assert_eq!(contract::find(&mut tx, deleted.id()).await.unwrap(), None);
        assert_eq!(contract::of_ids(&mut tx, &[deleted.id()]).await.unwrap(), [deleted]);
        assert!(!contract::has_product(&mut tx, product).await.unwrap());
    }

    async fn a_billing_run_finds_contracts_page_by_page(app) {
        let product = product(&app).await;
        let mut tx = begin(&app).await;
        let contracts: Vec<Contract> = [100, 200, 300].map(|number| of_2026(number, product)).into();
        for one in &contracts {
            contract::insert(&mut tx, one).await.unwrap();
        }
        let first = day("2026-01-01");
        let ids: Vec<Uuid> = contracts.iter().map(Contract::id).collect();
        let page = contract::to_bill(&mut tx, day("2026-01-05"), None, 2).await.unwrap();
        assert_eq!(page, [(ids[0], first), (ids[1], first)]);
        let after = Some((first, ids[1]));
        let page = contract::to_bill(&mut tx, first, after, 2).await.unwrap();
        assert_eq!(page, [(ids[2], first)]);
        let february = day("2026-02-01");
        let days = [(ids[0], Some(february)), (ids[1], None), (ids[2], Some(february))];
        contract::set_next_bill_days(&mut tx, &days).await.unwrap();
        assert_eq!(contract::to_bill(&mut tx, day("2026-01-31"), None, 9).await.unwrap(), []);
        let page = contract::to_bill(&mut tx, february, None, 9).await.unwrap();
        assert_eq!(page, [(ids[0], february), (ids[2], february)]);
        let renamed = amended(&contracts[1], |header| header.name = "New".to_owned());
        contract::save(&mut tx, &contracts[1], &renamed).await.unwrap();
        let page = contract::to_bill(&mut tx, first, None, 9).await.unwrap();
        assert_eq!(page, [(ids[1], first)], "what changed is looked at from its first day");
    }

    async fn the_calendar_says_which_statuses_and_renewals_are_due(app) {
        let product = product(&app).await;
        let existing = RenewalPolicy::WithExisting;
        let first = amended(&of_2026(100, product), |header| header.renewal_policy = Some(existing));
        let never = amended(&of_2026(200, product), |header| {
            header.renewal_policy = Some(RenewalPolicy::DoNotRenew);
        });
        let mut tx = begin(&app).await;
        for one in [&first, &never] {
            contract::insert(&mut tx, one).await.unwrap();
        }
        // The contract's days are those of Berlin.
        let before = "2026-12-31T22:59:59Z".parse().unwrap();
        let end = "2026-12-31T23:00:00Z".parse().unwrap();
        assert_eq!(contract::statuses_due(&mut tx, before, 9).await.unwrap(), Vec::<Uuid>::new());
        assert_eq!(contract::statuses_due(&mut tx, end, 9).await.unwrap(), [first.id(), never.id()]);
        assert_eq!(contract::renewals_due(&mut tx, before, None, 9).await.unwrap(), []);
        assert_eq!(contract::renewals_due(&mut tx, end, None, 9).await.unwrap(), [(first.id(), end)]);
        let expired = first.clone().on(day("2027-01-01"));
        contract::set_statuses(&mut tx, &[(first.clone(), expired)], end).await.unwrap();
        assert_eq!(contract::statuses_due(&mut tx, end, 9).await.unwrap(), [never.id()]);
        let found = contract::find(&mut tx, first.id()).await.unwrap().unwrap();
        assert_eq!((found.status(), found.version()), (Status::Expired, first.version()));
        contract::settle_renewals(&mut tx, &[first.id()]).await.unwrap();
        assert_eq!(contract::renewals_due(&mut tx, end, None, 9).await.unwrap(), []);
    }
}
