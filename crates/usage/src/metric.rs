//! Metrics of the visual builder, for all customers in one query.
//!
//! Owns the step from a [`UsageQuery`] to the engine and back; the core's
//! [`evaluate`](florin_core::usage::evaluate()) says what the answer is. Does not own which rows there
//! are: the table that it is given has every event that counts, and no replaced one.
//!
//! Sums are exact to their last digit and rounded once, where the core adds decimal by decimal: the two
//! differ only beyond the 28 digits of a decimal.
//!
//! Groups are by the customer column as it is, without a function over each row. Where one customer has
//! several keys, groups are joined afterwards if the aggregation allows it; otherwise the keys are
//! joined to the rows first.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray},
    datatypes::{DataType as ArrowType, Field, Int64Type, Schema as ArrowSchema, i256},
};
use datafusion::{
    catalog::TableProvider,
    common::{JoinType, Result as EngineResult, ScalarValue},
    dataframe::DataFrame,
    functions_aggregate::expr_fn::{count, count_distinct, last_value, max, min},
    functions_window::lead_lag::lead,
    logical_expr::{Expr, ExprFunctionExt, cast, ident, lit},
};
use florin_app::usage::{UsageError, UsageResult};
use florin_core::{
    pricing::{Usage, UsageRow, UsageRows},
    usage::{
        Aggregation, CustomerKeys, CustomerUsage, DataType, QueryParts, UsageQuery, schema::Column,
    },
};
use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{
    columns, functions,
    session::{Queries, Session, refused},
    values,
};

pub(crate) mod conditions;

/// Keys up to which a query names its customers, so that files without them are not read.
const NAMED_KEYS_MAX: usize = 1000;
/// Decimal places of a quantity that a division made.
const QUOTIENT_PLACES: i8 = 12;

const KEY: &str = "florin customer";
const VALUE: &str = "florin value";
const COUNT: &str = "florin count";
const UNTIL: &str = "florin until";

/// What each of the customers used in `[period.start, period.end)`, in the order of their ids.
///
/// # Errors
/// [`UsageError::Overflow`], [`UsageError::Limit`], [`UsageError::Unavailable`].
pub(crate) async fn measure(
    queries: &Queries,
    table: Arc<dyn TableProvider>,
    query: &UsageQuery,
    (period, customers): (&Range<Timestamp>, &CustomerKeys),
) -> UsageResult<Vec<CustomerUsage>> {
    let session = queries.session()?;
    let asked = Asked {
        parts: query.parts(),
        period,
        customers,
    };
    let frame = asked.plan(&session, session.read(table)?);
    let batches = session
        .collect(frame.map_err(|error| refused(&error))?)
        .await?;
    let mut totals = Totals::default();
    for batch in &batches {
        asked.add(batch, &mut totals).ok_or_else(unreadable)?;
    }
    asked.answer(totals)
}

struct Asked<'q> {
    parts: QueryParts<'q>,
    period: &'q Range<Timestamp>,
    customers: &'q CustomerKeys,
}

/// What the engine answered for a customer and its dimensions, before the last division.
#[derive(Clone, Copy, Debug)]
struct Total {
    value: Option<i256>,
    scale: i8,
    count: i64,
}

type Totals = BTreeMap<(Uuid, Vec<String>), Total>;

impl Asked<'_> {
    fn plan(&self, session: &Session, table: DataFrame) -> EngineResult<DataFrame> {
        let mut rows = table.filter(conditions::within(&self.parts, self.period))?;
        if let Some(filter) = conditions::expression(self.parts.schema, self.parts.conditions)? {
            rows = rows.filter(filter)?;
        }
        if let Some(named) = self.named_customers() {
            rows = rows.filter(named)?;
        }
        let (mut rows, key) = match self.joins_keys_first() {
            true => (self.with_keys(session, rows)?, ident(KEY)),
            false => (rows, self.text_group(self.parts.customer_column)),
        };
        let dimensions = self.parts.dimensions.iter();
        let dimensions: Vec<Expr> = dimensions
            .map(|(_, column)| self.text_group(*column))
            .collect();
        if self.parts.aggregation == Aggregation::WeightedSum {
            rows = rows.window(vec![self.until(&key, &dimensions)?])?;
        }
        let groups = std::iter::once(key.alias(KEY)).chain(
            dimensions
                .into_iter()
                .enumerate()
                .map(|(index, dimension)| dimension.alias(format!("florin dimension {index}"))),
        );
        rows.aggregate(groups.collect(), self.aggregates()?)
    }

    /// A column to group by. A missing text and an empty one are one group, since both are the empty
    /// text in the answer.
    fn text_group(&self, column: Column) -> Expr {
        let data_type = self.parts.schema.data_type(column);
        let values = self.column(column);
        if column != Column::CustomerId && *data_type == DataType::String {
            return datafusion::functions::expr_fn::coalesce(vec![values, lit("")]);
        }
        values
    }

    fn column(&self, column: Column) -> Expr {
        ident(columns::name(self.parts.schema, column))
    }

    fn named_customers(&self) -> Option<Expr> {
        let column = self.parts.customer_column;
        let is_text = matches!(
            self.parts.schema.data_type(column),
            DataType::String | DataType::Uuid
        );
        let keys: Vec<&str> = self
            .customers
            .keys()
            .map(|(key, _)| key)
            .take(NAMED_KEYS_MAX + 1)
            .collect();
        let is_few = keys.len() <= NAMED_KEYS_MAX && !keys.contains(&"");
        (is_text && is_few).then(|| {
            self.column(column)
                .in_list(keys.into_iter().map(lit).collect(), false)
        })
    }

    /// Whether groups of several keys cannot be made into one afterwards, and there may be such.
    fn joins_keys_first(&self) -> bool {
        let needs_rows = matches!(
            self.parts.aggregation,
            Aggregation::UniqueCount | Aggregation::Latest | Aggregation::WeightedSum
        );
        let mut named = std::collections::HashSet::new();
        let mut owners = self.customers.keys().flat_map(|(_, owners)| owners);
        needs_rows && owners.any(|owner| !named.insert(owner))
    }

    /// The rows with the number of the customer that they name, once for each of them.
    fn with_keys(&self, session: &Session, rows: DataFrame) -> EngineResult<DataFrame> {
        let ids: Vec<Uuid> = self.customers.ids().collect();
        let number = |id: &Uuid| {
            ids.binary_search(id)
                .ok()
                .and_then(|at| i64::try_from(at).ok())
        };
        let (mut keys, mut numbers) = (Vec::new(), Vec::new());
        for (key, owners) in self.customers.keys() {
            for owner in owners {
                keys.push(key);
                numbers.push(number(owner));
            }
        }
        let schema = ArrowSchema::new(vec![
            Field::new("florin key", ArrowType::Utf8, false),
            Field::new(KEY, ArrowType::Int64, true),
        ]);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(keys)),
            Arc::new(Int64Array::from(numbers)),
        ];
        let keys = RecordBatch::try_new(Arc::new(schema), columns)?;
        let keys = session.context().read_batch(keys)?;
        let key = functions::to_text(self.text_group(self.parts.customer_column));
        rows.join_on(keys, JoinType::Inner, [key.eq(ident("florin key"))])
    }

    /// The date of the next event of the same customer and dimensions that has a value.
    fn until(&self, key: &Expr, dimensions: &[Expr]) -> EngineResult<Expr> {
        let value = self.aggregated();
        let mut partition = vec![key.clone(), value.is_null()];
        partition.extend_from_slice(dimensions);
        let next = lead(self.instant(), Some(1), None).partition_by(partition);
        let next = next.order_by(self.in_time()).build()?;
        Ok(next.alias(UNTIL))
    }

    fn in_time(&self) -> Vec<datafusion::logical_expr::SortExpr> {
        let columns = [
            self.column(self.parts.date_column),
            ident(columns::SEQUENCE),
        ];
        columns.map(|column| column.sort(true, false)).into()
    }

    fn instant(&self) -> Expr {
        let column = self.column(self.parts.date_column);
        match self.parts.schema.data_type(self.parts.date_column) {
            DataType::Date32 => cast(column, columns::instant_type()),
            _ => column,
        }
    }

    fn aggregated(&self) -> Expr {
        self.parts
            .column
            .map_or(lit(1_i64), |column| self.column(column))
    }

    fn aggregates(&self) -> EngineResult<Vec<Expr>> {
        let value = self.aggregated();
        let wide_sum = |value: Expr| functions::wide_sum().call(vec![value]);
        let quantity = match self.parts.aggregation {
            Aggregation::Count => count(value.clone()),
            Aggregation::Sum | Aggregation::Avg => wide_sum(value.clone()),
            Aggregation::Min => min(value.clone()),
            Aggregation::Max => max(value.clone()),
            Aggregation::UniqueCount => count_distinct(value.clone()),
            Aggregation::Latest => last_value(value.clone(), Vec::new())
                .order_by(self.in_time())
                .filter(value.clone().is_not_null())
                .build()?,
            Aggregation::WeightedSum => {
                let end = self.period.end.as_microsecond();
                let end = ScalarValue::TimestampMicrosecond(Some(end), Some("UTC".into()));
                let until = vec![ident(UNTIL), lit(end)];
                let until = datafusion::functions::expr_fn::coalesce(until);
                wide_sum(functions::weight(value.clone(), self.instant(), until))
            }
        };
        let mut aggregates = vec![quantity.alias(VALUE)];
        if self.parts.aggregation == Aggregation::Avg {
            aggregates.push(count(value).alias(COUNT));
        }
        Ok(aggregates)
    }

    /// Adds the engine's groups to those of customers. `None` where the answer has another form than
    /// was asked for.
    fn add(&self, batch: &RecordBatch, totals: &mut Totals) -> Option<()> {
        let arrays = batch.columns().iter().map(values::readable);
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>().ok()?;
        let (keys, rest) = arrays.split_first()?;
        let (dimensions, aggregates) = rest.split_at_checked(self.parts.dimensions.len())?;
        let ids: Vec<Uuid> = self.customers.ids().collect();
        let joined = self.joins_keys_first();
        for row in 0..batch.num_rows() {
            let owners: Vec<Uuid> = if joined {
                let number = keys.as_primitive::<Int64Type>().value(row);
                vec![*ids.get(usize::try_from(number).ok()?)?]
            } else {
                let key = values::value(keys, row)?.text();
                self.customers.with(&key).collect()
            };
            if owners.is_empty() {
                continue;
            }
            let texts = dimensions.iter().map(|column| values::value(column, row));
            let texts: Vec<String> = texts
                .map(|value| Some(value?.text()))
                .collect::<Option<_>>()?;
            let total = total(aggregates, row)?;
            for owner in owners {
                let known = totals.entry((owner, texts.clone()));
                let known = known.and_modify(|known| self.merge(known, total));
                known.or_insert(total);
            }
        }
        Some(())
    }

    fn merge(&self, known: &mut Total, other: Total) {
        known.count += other.count;
        let Some(one) = known.value else {
            (known.value, known.scale) = (other.value, other.scale);
            return;
        };
        let Some(two) = other.value else {
            return;
        };
        known.value = Some(match self.parts.aggregation {
            Aggregation::Min => one.min(two),
            Aggregation::Max => one.max(two),
            _ => one.wrapping_add(two),
        });
    }

    fn answer(&self, totals: Totals) -> UsageResult<Vec<CustomerUsage>> {
        let ids = self.customers.ids();
        let mut rows: BTreeMap<Uuid, Vec<UsageRow>> = ids.map(|id| (id, Vec::new())).collect();
        for ((customer, dimensions), total) in totals {
            let quantity = self.quantity(total).ok_or_else(|| UsageError::Overflow {
                message: format!("the quantity of customer {customer} is too large"),
            })?;
            let row = UsageRow {
                dimensions,
                quantity,
            };
            rows.entry(customer).or_default().push(row);
        }
        let usage = rows.into_iter().map(|(customer, rows)| {
            let usage = self.usage(rows)?;
            Ok(CustomerUsage { customer, usage })
        });
        usage.collect()
    }

    fn quantity(&self, total: Total) -> Option<Decimal> {
        let Some(value) = total.value else {
            return Some(Decimal::ZERO);
        };
        let divisor = match self.parts.aggregation {
            Aggregation::Avg => i128::from(total.count),
            Aggregation::WeightedSum => {
                let Range { start, end } = self.period;
                i128::from(end.as_microsecond()) - i128::from(start.as_microsecond())
            }
            _ => return values::decimal(value, total.scale),
        };
        if divisor == 0 {
            return Some(Decimal::ZERO);
        }
        let missing = u32::try_from(QUOTIENT_PLACES - total.scale).ok()?;
        let dividend = value.checked_mul(values::power_of_ten(missing)?)?;
        let quotient = values::quotient(dividend, i256::from_i128(divisor))?;
        values::decimal(quotient, QUOTIENT_PLACES)
    }

    fn usage(&self, rows: Vec<UsageRow>) -> UsageResult<Usage> {
        if self.parts.dimensions.is_empty() {
            let quantity = rows.first().map(|row| row.quantity);
            return Ok(Usage::Quantity(quantity.unwrap_or_default()));
        }
        let names = self.parts.dimensions.iter();
        let names = names.map(|(name, _)| name.clone()).collect();
        let rows = UsageRows::new(names, rows);
        Ok(Usage::Rows(rows.map_err(|_| unreadable())?))
    }
}

fn total(aggregates: &[ArrayRef], row: usize) -> Option<Total> {
    let (value, count) = aggregates.split_first()?;
    let count = count.first();
    let count = count.map_or(0, |count| count.as_primitive::<Int64Type>().value(row));
    if value.is_null(row) {
        return Some(Total {
            value: None,
            scale: 0,
            count,
        });
    }
    let (value, scale) = values::unscaled(value, row)?;
    Some(Total {
        value: Some(value),
        scale,
        count,
    })
}

/// The engine answered something else than it was asked for.
pub(crate) fn unreadable() -> UsageError {
    UsageError::Unavailable("the engine's answer cannot be read".to_owned())
}

#[cfg(test)]
pub(crate) mod tests;
