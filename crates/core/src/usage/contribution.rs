//! What one event adds to a metric that adds up. Owns which metrics do: COUNT and SUM over events none of which replaces
//! another. The sum of what events add is what [`super::evaluate()`] answers about them.

use std::ops::Not;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{event::Recorded, metric::Aggregation, query::UsageQuery};

/// What an event adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// The event's place among all that were received.
    pub sequence: u64,
    /// The value that names the customer.
    pub customer: String,
    /// The date by which it belongs to a period.
    pub at: Timestamp,
    /// What it adds.
    pub quantity: Decimal,
}

impl UsageQuery {
    /// Whether the metric adds up event by event.
    pub fn adds_up(&self) -> bool {
        let adds = matches!(self.aggregation, Aggregation::Count | Aggregation::Sum);
        adds && self.schema.unique_by().is_empty()
    }

    /// What an event adds to a metric that adds up; nothing where it does not count.
    pub fn contribution(&self, recorded: &Recorded) -> Option<Contribution> {
        let event = &recorded.event;
        let at = event.value(self.date_column).instant()?;
        if !self.conditions.hold(event) {
            return None;
        }
        let value = self.column.map(|column| event.value(column));
        if value.as_ref().is_some_and(|value| value.is_null()) {
            return None;
        }
        let quantity = match (self.aggregation, value) {
            (Aggregation::Sum, Some(value)) => value.number()?,
            (Aggregation::Count, _) => Decimal::ONE,
            _ => return None,
        };
        let contribution = Contribution {
            sequence: recorded.sequence,
            customer: event.value(self.customer_column).text(),
            at,
            quantity,
        };
        contribution
            .quantity
            .is_zero()
            .not()
            .then_some(contribution)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::pricing::Usage;
    use crate::usage::{
        CustomerAttribute, CustomerKeys, Filter, FilterGroup, Filters, Logic, Metric, Operator,
        Schema, UsageCustomer, evaluate,
    };

    #[test]
    fn contributions_sum_to_the_answer_of_the_metric() {
        let schema = Schema::new([("n", "Int64"), ("kind", "String")], &[]).unwrap();
        let event = |day: u32, n: Option<i64>, kind: &str| {
            json!({ "customer_id": "a", "timestamp": format!("2026-01-0{day}"),
                "data": { "n": n, "kind": kind } })
        };
        let events = vec![
            event(1, Some(5), "x"),
            event(2, Some(7), "y"),
            event(3, None, "x"),
            event(4, Some(-2), "x"),
        ];
        let events = schema.read(events).unwrap().into_iter().zip(1..);
        let events: Vec<Recorded> = events
            .map(|(event, sequence)| Recorded { sequence, event })
            .collect();
        let customer = UsageCustomer {
            id: Uuid::from_u128(1),
            external_ids: vec!["a".to_owned()],
            custom_data: json!({}),
        };
        let keys = CustomerKeys::new(&CustomerAttribute::ExternalId, [&customer]);
        let period = Timestamp::UNIX_EPOCH..Timestamp::MAX;
        for (aggregation, column, expected) in [
            (Aggregation::Count, None, 3),
            (Aggregation::Count, Some("data.n"), 2),
            // 5 - 2
            (Aggregation::Sum, Some("data.n"), 3),
        ] {
            let filter = Filter {
                column: "data.kind".to_owned(),
                operator: Operator::Equal,
                value: json!("x"),
            };
            let filters = vec![filter];
            let logic = Logic::And;
            let groups = vec![FilterGroup { logic, filters }];
            let metric = Metric {
                aggregation,
                column: column.map(str::to_owned),
                filters: Filters { logic, groups },
                customer_column: "customer_id".to_owned(),
                customer_attribute: CustomerAttribute::ExternalId,
                date_column: "timestamp".to_owned(),
                dimensions: Vec::new(),
            };
            let query = UsageQuery::new(&metric, &schema).unwrap();
            assert!(query.adds_up());
            let added = events.iter().filter_map(|event| query.contribution(event));
            let added: Decimal = added.map(|one| one.quantity).sum();
            assert_eq!(added, expected.into());
            let whole = evaluate(&query, &period, &keys, &events).unwrap();
            assert_eq!(whole[0].usage, Usage::Quantity(expected.into()));
        }
    }

    #[test]
    fn what_replaces_or_does_not_add_is_no_sum() {
        let schema = Schema::new([("n", "Int64")], &["data.n".to_owned()]).unwrap();
        let plain = Schema::new([("n", "Int64")], &[]).unwrap();
        let metric = |aggregation| Metric {
            aggregation,
            column: Some("data.n".to_owned()),
            filters: Filters {
                logic: Logic::And,
                groups: Vec::new(),
            },
            customer_column: "customer_id".to_owned(),
            customer_attribute: CustomerAttribute::ExternalId,
            date_column: "timestamp".to_owned(),
            dimensions: Vec::new(),
        };
        for (aggregation, schema, adds) in [
            (Aggregation::Sum, &schema, false),
            (Aggregation::Sum, &plain, true),
            (Aggregation::Max, &plain, false),
        ] {
            let query = UsageQuery::new(&metric(aggregation), schema).unwrap();
            assert_eq!(query.adds_up(), adds);
        }
    }
}
