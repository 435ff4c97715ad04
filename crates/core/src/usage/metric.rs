//! Billable metrics of the visual builder, as their author writes them.
//!
//! Owns the aggregations and what each of them means. Does not own whether a definition fits a schema
//! ([`super::query`]).
//!
//! | aggregation | quantity | without events |
//! |---|---|---|
//! | COUNT | events; with a column, those where it is not null | 0 |
//! | SUM | sum of the column | 0 |
//! | MIN, MAX | smallest, largest value of the column | 0 |
//! | AVG | sum divided by the number of values | 0 |
//! | UNIQUE COUNT | different values of the column; numbers by value, texts exactly | 0 |
//! | LATEST | value of the event with the latest date; of two with one date the one received last | 0 |
//! | WEIGHTED SUM | each value times the share of the period for which it held | 0 |
//!
//! Nulls are passed over by all of them. A value of WEIGHTED SUM holds from its event's date to the
//! next event of the same customer and dimensions, the last one to the period's end; before the first
//! event of the period the value is 0, since a metric sees the events of its period only. So a sender
//! of levels (seats, gigabytes kept) sends each level once at every period's start. Ten seats for a
//! whole month are 10, for its last quarter 2.5. AVG and WEIGHTED SUM are rounded to twelve decimal
//! places, half away from zero.

use std::{fmt, str::FromStr};

use super::filter::Filters;

/// How events become a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// COUNT
    Count,
    /// SUM
    Sum,
    /// MIN
    Min,
    /// MAX
    Max,
    /// AVG
    Avg,
    /// UNIQUE COUNT
    UniqueCount,
    /// LATEST
    Latest,
    /// WEIGHTED SUM
    WeightedSum,
}

/// A metric over the events of one schema. Columns are paths: `customer_id`, `timestamp`,
/// `data.<field>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// How events become a quantity.
    pub aggregation: Aggregation,
    /// The column that is aggregated; only COUNT does without.
    pub column: Option<String>,
    /// Which events count.
    pub filters: Filters,
    /// The column that names the customer.
    pub customer_column: String,
    /// The attribute of customers that it is compared with.
    pub customer_attribute: CustomerAttribute,
    /// The column that says in which period an event counts.
    pub date_column: String,
    /// Columns by whose values the quantity is split. In the answer each is named by its last part:
    /// `data.origin` is `origin`.
    pub dimensions: Vec<String>,
}

/// An attribute of customers that events name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerAttribute {
    /// `id`
    Id,
    /// `external_id`, also one that the customer had earlier.
    ExternalId,
    /// A key of `custom_data` that holds a text or a number.
    CustomData(String),
}

/// A name that is no aggregation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an aggregation is one of COUNT, SUM, MIN, MAX, AVG, UNIQUE COUNT, LATEST, WEIGHTED SUM")]
pub struct UnknownAggregation;

impl Aggregation {
    /// Every aggregation.
    pub const ALL: [Self; 8] = [
        Self::Count,
        Self::Sum,
        Self::Min,
        Self::Max,
        Self::Avg,
        Self::UniqueCount,
        Self::Latest,
        Self::WeightedSum,
    ];

    /// Whether its column must hold numbers.
    pub fn needs_number(self) -> bool {
        !matches!(self, Self::Count | Self::UniqueCount)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Sum => "SUM",
            Self::Min => "MIN",
            Self::Max => "MAX",
            Self::Avg => "AVG",
            Self::UniqueCount => "UNIQUE COUNT",
            Self::Latest => "LATEST",
            Self::WeightedSum => "WEIGHTED SUM",
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Aggregation {
    type Err = UnknownAggregation;

    /// Reads a name, ignoring case; `_` may stand for the space.
    fn from_str(name: &str) -> Result<Self, UnknownAggregation> {
        let name = name.trim().replace('_', " ");
        let known = Self::ALL.into_iter();
        let mut found = known.filter(|aggregation| aggregation.name().eq_ignore_ascii_case(&name));
        found.next().ok_or(UnknownAggregation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for aggregation in Aggregation::ALL {
            assert_eq!(aggregation.to_string().parse(), Ok(aggregation));
        }
        assert_eq!("unique_count".parse(), Ok(Aggregation::UniqueCount));
        assert_eq!("MEDIAN".parse::<Aggregation>(), Err(UnknownAggregation));
    }
}
