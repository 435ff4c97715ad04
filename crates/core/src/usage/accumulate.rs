//! From the values of one customer and period to a quantity. Owns the arithmetic of the aggregations;
//! [`super::metric`] says what they mean.

use std::{cmp::Ordering, collections::HashSet, ops::Range};

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{metric::Aggregation, value::Value};

/// Decimal places of a quantity that a division made.
const QUOTIENT_PLACES: u32 = 12;

/// A value that counts: never null, but where events are counted without a column.
#[derive(Clone, Debug)]
pub(super) struct Observation {
    /// The date of its event.
    pub(super) at: Timestamp,
    /// Which of two with one date came later.
    pub(super) sequence: u64,
    /// The value of the aggregated column.
    pub(super) value: Value,
}

/// The quantity that observations make in a period, without needless zeros. `None` where it does not
/// fit a decimal.
pub(super) fn quantity(
    aggregation: Aggregation,
    mut observations: Vec<Observation>,
    period: &Range<Timestamp>,
) -> Option<Decimal> {
    observations.sort_unstable_by(in_time);
    let numbers = || {
        observations
            .iter()
            .filter_map(|observed| observed.value.number())
    };
    let quantity = match aggregation {
        Aggregation::Count => Decimal::from(observations.len()),
        Aggregation::Sum => sum(numbers().collect())?,
        Aggregation::Min => numbers().min().unwrap_or_default(),
        Aggregation::Max => numbers().max().unwrap_or_default(),
        Aggregation::Avg => quotient(sum(numbers().collect())?, Decimal::from(observations.len()))?,
        Aggregation::UniqueCount => {
            let different: HashSet<&Value> = observations.iter().map(|one| &one.value).collect();
            Decimal::from(different.len())
        }
        Aggregation::Latest => numbers().next_back().unwrap_or_default(),
        Aggregation::WeightedSum => weighted_sum(&observations, period)?,
    };
    Some(quantity.normalize())
}

fn in_time(one: &Observation, other: &Observation) -> Ordering {
    (one.at, one.sequence).cmp(&(other.at, other.sequence))
}

/// Adds in the order of the numbers' size, so that a sum that has to round does so alike for every order
/// of events.
fn sum(mut numbers: Vec<Decimal>) -> Option<Decimal> {
    numbers.sort_unstable_by(|one, other| (one, one.scale()).cmp(&(other, other.scale())));
    let mut numbers = numbers.into_iter();
    numbers.try_fold(Decimal::ZERO, |sum, number| sum.checked_add(number))
}

/// Each value times the microseconds for which it held, over the microseconds of the period.
fn weighted_sum(observations: &[Observation], period: &Range<Timestamp>) -> Option<Decimal> {
    let until = observations.iter().skip(1).map(|next| next.at);
    let until = until.chain([period.end]);
    let weighted = observations.iter().zip(until).map(|(observed, until)| {
        let value = observed.value.number()?;
        value.checked_mul(microseconds(observed.at, until))
    });
    quotient(
        sum(weighted.collect::<Option<_>>()?)?,
        microseconds(period.start, period.end),
    )
}

fn microseconds(from: Timestamp, to: Timestamp) -> Decimal {
    Decimal::from(to.as_microsecond() - from.as_microsecond())
}

/// A division by zero is of nothing by nothing: zero.
fn quotient(dividend: Decimal, divisor: Decimal) -> Option<Decimal> {
    if divisor.is_zero() {
        return Some(Decimal::ZERO);
    }
    let exact = dividend.checked_div(divisor)?;
    Some(exact.round_dp_with_strategy(QUOTIENT_PLACES, RoundingStrategy::MidpointAwayFromZero))
}
