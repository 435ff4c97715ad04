//! Sums that never wrap.
//!
//! Owns `sum`: over whole numbers a whole number, over decimals a decimal of the same places, and an
//! error where the result does not fit; and the same with a wide result, for metrics. The sum of
//! nothing is 0, as in ClickHouse.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Decimal256Array, Int64Array},
    datatypes::{DataType, Decimal128Type, Decimal256Type, Field, FieldRef, Int64Type, i256},
};
use datafusion::{
    common::{DataFusionError, Result, ScalarValue, exec_err, plan_err},
    logical_expr::{
        Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature,
        Volatility,
        function::{AccumulatorArgs, StateFieldsArgs},
        utils::AggregateOrderSensitivity,
    },
};

use crate::columns::{DECIMAL_PRECISION, DECIMAL_SCALE};

/// Digits of a wide sum.
const WIDE_PRECISION: u8 = 76;

/// `sum` as SQL knows it.
pub(super) fn sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Sum::new(false)))
}

/// A sum whose result is as wide as it needs to be.
pub(crate) fn wide_sum() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::from(Sum::new(true)))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Sum {
    signature: Signature,
    is_wide: bool,
}

impl Sum {
    fn new(is_wide: bool) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, is_wide }
    }
}

impl AggregateUDFImpl for Sum {
    fn name(&self) -> &str {
        if self.is_wide { "wide_sum" } else { "sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [given] = given else {
            return plan_err!("sum takes one argument");
        };
        Ok(vec![match given {
            DataType::UInt64 => DataType::Decimal128(20, 0),
            exact @ (DataType::Decimal128(..) | DataType::Decimal256(..)) => exact.clone(),
            DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
                DataType::Decimal128(*precision, *scale)
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE)
            }
            whole if whole.is_integer() || whole.is_null() => DataType::Int64,
            other => return plan_err!("sum is of numbers, not of {other}"),
        }])
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        Ok(match (given, self.is_wide) {
            ([DataType::Int64], false) => DataType::Int64,
            ([DataType::Int64], true) => DataType::Decimal256(WIDE_PRECISION, 0),
            ([DataType::Decimal128(_, scale)], false) => {
                DataType::Decimal128(DECIMAL_PRECISION, *scale)
            }
            ([DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale)], _) => {
                DataType::Decimal256(WIDE_PRECISION, *scale)
            }
            _ => return plan_err!("sum is of one number"),
        })
    }

    fn is_nullable(&self) -> bool {
        false
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return plan_err!("sum has no DISTINCT: select the different values first");
        }
        let sums = Sums::new(args.return_type());
        Ok(Box::new(One(sums)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let partial = Field::new(format!("{}[sum]", args.name), partial_type(), false);
        Ok(vec![Arc::new(partial)])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Sums::new(args.return_type())))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        ScalarValue::new_zero(data_type)
    }
}

/// Partial sums travel as integers; their places are those of the result.
fn partial_type() -> DataType {
    DataType::Decimal256(WIDE_PRECISION, 0)
}

/// One sum for each group, in 256 bits: `high` × 2^128 + `low`.
#[derive(Debug)]
struct Sums {
    low: Vec<i128>,
    high: Vec<i128>,
    result: DataType,
}

impl Sums {
    fn new(result: &DataType) -> Self {
        Self {
            low: Vec::new(),
            high: Vec::new(),
            result: result.clone(),
        }
    }

    fn resize(&mut self, groups: usize) {
        self.low.resize(groups, 0);
        self.high.resize(groups, 0);
    }

    #[inline]
    fn add(&mut self, group: usize, number: i128) {
        let (low, is_over) = self.low[group].overflowing_add(number);
        self.low[group] = low;
        if is_over {
            self.high[group] += if number < 0 { -1 } else { 1 };
        }
    }

    fn add_wide(&mut self, group: usize, number: i256) {
        let (low, high) = number.to_parts();
        // The low half is unsigned: from 2^127 on it is a negative number of the next high one.
        let low = low.cast_signed();
        self.high[group] += high + i128::from(low < 0);
        self.add(group, low);
    }

    fn add_all(&mut self, numbers: &ArrayRef, groups: impl Iterator<Item = (usize, usize)>) {
        match numbers.data_type() {
            DataType::Int64 => {
                let numbers = numbers.as_primitive::<Int64Type>().values();
                groups.for_each(|(row, group)| self.add(group, i128::from(numbers[row])));
            }
            DataType::Decimal128(..) => {
                let numbers = numbers.as_primitive::<Decimal128Type>().values();
                groups.for_each(|(row, group)| self.add(group, numbers[row]));
            }
            _ => {
                let numbers = numbers.as_primitive::<Decimal256Type>().values();
                groups.for_each(|(row, group)| self.add_wide(group, numbers[row]));
            }
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<i256> {
        let low = emit_to.take_needed(&mut self.low).into_iter();
        let high = emit_to.take_needed(&mut self.high);
        low.zip(high)
            .map(|(low, high)| i256::from_i128(low).wrapping_add(i256::from_parts(0, high)))
            .collect()
    }

    fn partial(sums: Vec<i256>) -> Result<ArrayRef> {
        let array = Decimal256Array::from(sums);
        Ok(Arc::new(array.with_precision_and_scale(WIDE_PRECISION, 0)?))
    }

    fn result(&self, sums: Vec<i256>) -> Result<ArrayRef> {
        Ok(match &self.result {
            DataType::Int64 => {
                let sums = sums.into_iter().map(|sum| {
                    let sum = sum.to_i128().and_then(|sum| i64::try_from(sum).ok());
                    sum.ok_or_else(too_large)
                });
                Arc::new(Int64Array::from(sums.collect::<Result<Vec<_>>>()?))
            }
            DataType::Decimal128(precision, scale) => {
                let limit = 10_u128.pow(u32::from(*precision));
                let sums = sums.into_iter().map(|sum| {
                    let sum = sum.to_i128().filter(|sum| sum.unsigned_abs() < limit);
                    sum.ok_or_else(too_large)
                });
                let sums = Decimal128Array::from(sums.collect::<Result<Vec<_>>>()?);
                Arc::new(sums.with_precision_and_scale(*precision, *scale)?)
            }
            DataType::Decimal256(precision, scale) => {
                let sums = Decimal256Array::from(sums);
                Arc::new(sums.with_precision_and_scale(*precision, *scale)?)
            }
            other => return exec_err!("sum has no result of {other}"),
        })
    }
}

fn too_large() -> DataFusionError {
    DataFusionError::Execution("a sum is too large for its type".to_owned())
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.resize(total_num_groups);
        let [numbers] = values else {
            return exec_err!("sum takes one argument");
        };
        let groups = group_indices.iter().copied().enumerate();
        if numbers.null_count() == 0 && opt_filter.is_none() {
            self.add_all(numbers, groups);
            return Ok(());
        }
        let counts = |row: usize| opt_filter.is_none_or(|it| it.is_valid(row) && it.value(row));
        let groups = groups.filter(|(row, _)| numbers.is_valid(*row) && counts(*row));
        self.add_all(numbers, groups);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = self.take(emit_to);
        self.result(sums)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Self::partial(self.take(emit_to))?])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |numbers| numbers.len());
        let groups: Vec<usize> = (0..rows).collect();
        let mut each = Self::new(&self.result);
        each.update_batch(values, &groups, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        (self.low.capacity() + self.high.capacity()) * size_of::<i128>()
    }
}

/// The sum of everything.
#[derive(Debug)]
struct One(Sums);

impl One {
    fn current(&self) -> Sums {
        let first = |part: &[i128]| vec![part.first().copied().unwrap_or_default()];
        Sums {
            low: first(&self.0.low),
            high: first(&self.0.high),
            result: self.0.result.clone(),
        }
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |numbers| numbers.len());
        self.0.update_batch(values, &vec![0; rows], None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.current().evaluate(EmitTo::All)?;
        ScalarValue::try_from_array(&sum, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + GroupsAccumulator::size(&self.0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let partial = Sums::partial(self.current().take(EmitTo::All))?;
        Ok(vec![ScalarValue::try_from_array(&partial, 0)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}
