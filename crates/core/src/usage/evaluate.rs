//! The naive evaluator: a metric's answer over events in memory, for all customers at once.
//!
//! It is the specification of metrics, so it does one thing after another: replaced events go, then
//! those outside the period, then those that the filters refuse; what is left is grouped by customer and
//! dimensions, and each group becomes a quantity.

use std::{
    collections::BTreeMap,
    ops::{Not, Range},
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{
    accumulate::{self, Observation},
    customers::CustomerKeys,
    event::Recorded,
    query::UsageQuery,
    schema::Column,
    value::Value,
};
use crate::pricing::{PricingError, Usage, UsageRow, UsageRows};

/// What one customer used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomerUsage {
    /// The customer.
    pub customer: Uuid,
    /// A quantity; with dimensions one row for each combination that events have, in their order.
    pub usage: Usage,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// A quantity does not fit a decimal.
    #[error("the quantity of customer {customer} is too large")]
    Overflow {
        /// The customer.
        customer: Uuid,
    },
    /// The rows are none that can be priced.
    #[error(transparent)]
    Rows(#[from] PricingError),
}

type Groups = BTreeMap<(Uuid, Vec<String>), Vec<Observation>>;

/// What every customer used in `[period.start, period.end)`, in the order of their ids. A customer
/// without events has the quantity zero, or no rows. Events that name no customer count for nobody.
///
/// # Errors
/// [`EvaluationError::Overflow`].
pub fn evaluate(
    query: &UsageQuery,
    period: &Range<Timestamp>,
    customers: &CustomerKeys,
    events: &[Recorded],
) -> Result<Vec<CustomerUsage>, EvaluationError> {
    let groups = group(query, period, customers, events);
    let mut rows: BTreeMap<Uuid, Vec<UsageRow>> =
        customers.ids().map(|id| (id, Vec::new())).collect();
    for ((customer, dimensions), observations) in groups {
        let quantity = accumulate::quantity(query.aggregation, observations, period)
            .ok_or(EvaluationError::Overflow { customer })?;
        let row = UsageRow {
            dimensions,
            quantity,
        };
        rows.entry(customer).or_default().push(row);
    }
    rows.into_iter()
        .map(|(customer, rows)| {
            Ok(CustomerUsage {
                customer,
                usage: usage(query, rows)?,
            })
        })
        .collect()
}

fn usage(query: &UsageQuery, rows: Vec<UsageRow>) -> Result<Usage, PricingError> {
    if query.dimensions.is_empty() {
        let quantity = rows.first().map(|row| row.quantity);
        return Ok(Usage::Quantity(quantity.unwrap_or_default()));
    }
    Ok(Usage::Rows(UsageRows::new(query.dimension_names(), rows)?))
}

/// A group is there for every event that counts, also where the aggregated column is null in all of
/// them: then it is empty.
fn group(
    query: &UsageQuery,
    period: &Range<Timestamp>,
    customers: &CustomerKeys,
    events: &[Recorded],
) -> Groups {
    let mut groups = Groups::new();
    for Recorded { sequence, event } in query.schema.current(events) {
        let at = event.value(query.date_column).instant();
        let Some(at) = at.filter(|at| period.contains(at)) else {
            continue;
        };
        if !query.conditions.hold(event) {
            continue;
        }
        let text = |column: Column| event.value(column).text();
        let dimensions: Vec<String> = query
            .dimensions
            .iter()
            .map(|(_, column)| text(*column))
            .collect();
        let value = match query.column {
            None => Some(Value::Bool(true)),
            Some(column) => Some(event.value(column)).filter(|value| value.is_null().not()),
        };
        let observed = value.map(|value| Observation {
            at,
            sequence: *sequence,
            value,
        });
        for customer in customers.with(&text(query.customer_column)) {
            let group = groups.entry((customer, dimensions.clone())).or_default();
            group.extend(observed.clone());
        }
    }
    groups
}

#[cfg(test)]
mod tests;
