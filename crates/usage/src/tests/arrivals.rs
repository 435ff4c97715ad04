//! What came above a sequence is the same from the inbox and from table files, and its sum what the metric answers.

use florin_app::usage::{Arrived, Usage};
use florin_core::{
    pricing::Usage as Used,
    usage::{
        Aggregation, Change, Contribution, CustomerAttribute, CustomerKeys, Filter, FilterGroup,
        Filters, Logic, Metric, Operator, Selection, UsageCustomer, UsageQuery,
        correction::of_customer,
    },
};
use florin_store::Backend;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use super::world::{World, both, event};

/// Gigabytes of at least a half.
fn query(world: &World, aggregation: Aggregation) -> UsageQuery {
    let filter = Filter {
        column: "data.gb".to_owned(),
        operator: Operator::GreaterOrEqual,
        value: json!(0.5),
    };
    let logic = Logic::And;
    let filters = vec![filter];
    let groups = vec![FilterGroup { logic, filters }];
    let metric = Metric {
        aggregation,
        column: Some("data.gb".to_owned()),
        filters: Filters { logic, groups },
        customer_column: "customer_id".to_owned(),
        customer_attribute: CustomerAttribute::ExternalId,
        date_column: "timestamp".to_owned(),
        dimensions: Vec::new(),
    };
    UsageQuery::new(&metric, &world.stream.schema).unwrap()
}

impl World {
    /// The newest sequence, and what came above one; nothing where all is to be measured anew.
    async fn arrived(&self, query: &UsageQuery, above: u64) -> (u64, Option<Vec<Contribution>>) {
        let arrivals = self.engine.arrivals(&self.stream, query, above).await;
        let arrivals = arrivals.unwrap();
        let events = match arrivals.arrived {
            Arrived::Events(events) => Some(events),
            Arrived::Rewritten => None,
        };
        (arrivals.reached, events)
    }

    async fn measured(&self, query: &UsageQuery) -> Decimal {
        let customer = UsageCustomer {
            id: Uuid::from_u128(1),
            external_ids: vec!["a".to_owned(), "b".to_owned()],
            custom_data: json!({}),
        };
        let keys = CustomerKeys::new(&CustomerAttribute::ExternalId, [&customer]);
        let period = Timestamp::UNIX_EPOCH..Timestamp::MAX;
        let (engine, stream) = (&self.engine, &self.stream);
        let measured = engine.measure(stream, query, &period, &keys).await.unwrap();
        match measured[0].usage {
            Used::Quantity(quantity) => quantity,
            Used::Rows(_) => panic!("no dimensions"),
        }
    }
}

fn short(events: &[Contribution]) -> String {
    let shown = events.iter().map(|one| {
        let quantity = one.quantity.normalize();
        format!("{} {} {} {quantity}", one.sequence, one.customer, one.at)
    });
    shown.collect::<Vec<_>>().join("; ")
}

both! {
    arrivals_are_the_same_before_and_after_the_flush(backend) {
        let world = World::start(backend, &[]).await;
        let query = query(&world, Aggregation::Sum);
        assert_eq!(world.arrived(&query, 0).await, (0, Some(Vec::new())));
        world.send(&[
            event("a", "2026-01-01 10:00:00", "1", "1.5"),
            event("a", "2026-01-02 10:00:00", "2", "0.25"),
        ]).await;
        world.send(&[event("b", "2026-01-03 10:00:00", "3", "2")]).await;
        // The second event is too small.
        let expected = "1 a 2026-01-01T10:00:00Z 1.5; 3 b 2026-01-03T10:00:00Z 2";
        let (reached, waiting) = world.arrived(&query, 0).await;
        assert_eq!((reached, short(&waiting.unwrap())), (3, expected.to_owned()));

        world.engine.flush().await.unwrap();
        let (reached, flushed) = world.arrived(&query, 0).await;
        let flushed = flushed.unwrap();
        assert_eq!((reached, short(&flushed)), (3, expected.to_owned()));
        let sum: Decimal = flushed.iter().map(|one| one.quantity).sum();
        assert_eq!(sum, world.measured(&query).await);

        world.send(&[event("a", "2026-01-04 10:00:00", "4", "7")]).await;
        let (_, both) = world.arrived(&query, 1).await;
        let expected = "3 b 2026-01-03T10:00:00Z 2; 4 a 2026-01-04T10:00:00Z 7";
        assert_eq!(short(&both.unwrap()), expected);
        let (_, newest) = world.arrived(&query, 3).await;
        assert_eq!(short(&newest.unwrap()), "4 a 2026-01-04T10:00:00Z 7");
        assert_eq!(world.arrived(&query, i64::MAX.unsigned_abs()).await, (4, Some(Vec::new())));
    }

    a_correction_is_measured_anew(backend) {
        let world = World::start(backend, &[]).await;
        let query = query(&world, Aggregation::Sum);
        world.send(&[
            event("a", "2026-01-01 10:00:00", "1", "1.5"),
            event("b", "2026-01-01 10:00:00", "2", "1"),
        ]).await;
        let selection = Selection { sequences: Default::default(), conditions: vec![of_customer("a")] };
        world.correct(&selection, &Change::Delete, None).await.unwrap();
        let (reached, waiting) = world.arrived(&query, 2).await;
        assert!(waiting.is_none() && reached > 2, "{reached}");
        world.engine.flush().await.unwrap();
        assert_eq!(world.arrived(&query, 2).await.1, None);
        // Whoever knows it follows again.
        assert_eq!(world.arrived(&query, reached).await, (reached, Some(Vec::new())));
        world.send(&[event("a", "2026-01-02 10:00:00", "3", "4")]).await;
        let (_, newer) = world.arrived(&query, reached).await;
        assert_eq!(newer.unwrap().len(), 1);
    }

    what_does_not_add_up_is_measured_anew(backend) {
        let world = World::start(backend, &[]).await;
        let largest = query(&world, Aggregation::Max);
        assert_eq!(world.arrived(&largest, 0).await, (0, Some(Vec::new())));
        world.send(&[event("a", "2026-01-01 10:00:00", "1", "1.5")]).await;
        assert_eq!(world.arrived(&largest, 0).await, (1, None));
        world.engine.flush().await.unwrap();
        assert_eq!(world.arrived(&largest, 0).await, (1, None));
        assert_eq!(world.arrived(&largest, 1).await, (1, Some(Vec::new())));
    }
}
