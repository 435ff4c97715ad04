//! `+`, `-`, `*` and `/` on exact numbers, and what a number is made from.
//!
//! A quotient has twelve places, rounded half away from zero; so has a product that would have more. In
//! ClickHouse `/` of two whole numbers is a fraction, and so it is here; a division by zero is null,
//! since no quantity is infinite.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Datum, Decimal128Array},
    compute::{CastOptions, cast_with_options, kernels::numeric},
    datatypes::{DataType, i256},
    error::ArrowError,
};
use datafusion::{
    common::{DFSchema, DataFusionError, Result, plan_err},
    logical_expr::{
        ExprSchemable, ScalarUDF,
        planner::{ExprPlanner, PlannerResult, RawBinaryExpr},
        sqlparser::ast::BinaryOperator,
    },
};

use florin_core::usage::number;

use super::native::{Native, exact};
use crate::{
    columns::{DECIMAL_PRECISION, DECIMAL_SCALE},
    values,
};

const DIVIDE: Native = Native {
    name: "divide",
    accepts: two_numbers,
    returns: usual_decimal,
    answers: quotients,
};

const MULTIPLY: Native = Native {
    name: "multiply",
    accepts: two_numbers,
    returns: usual_decimal,
    answers: products,
};

/// `+` of whole numbers; the engine's wraps.
const PLUS: Native = Native {
    name: "plus",
    accepts: two_whole_numbers,
    returns: |_| Ok(DataType::Int64),
    answers: |given| whole(given, numeric::add),
};

/// `-` of whole numbers.
const MINUS: Native = Native {
    name: "minus",
    accepts: two_whole_numbers,
    returns: |_| Ok(DataType::Int64),
    answers: |given| whole(given, numeric::sub),
};

/// A number from anything that is one, also from a text that writes one.
const TO_NUMBER: Native = Native {
    name: "to_number",
    accepts: |given| match given {
        [text] if text.is_string() => Ok(vec![DataType::Utf8]),
        given => Ok(given.to_vec()),
    },
    returns: usual_decimal,
    answers: numbers,
};

pub(super) fn functions() -> [Arc<ScalarUDF>; 5] {
    [DIVIDE, MULTIPLY, PLUS, MINUS, TO_NUMBER].map(Native::function)
}

/// Plans `*` and `/` of exact numbers as ours; floats are left to the engine.
pub(crate) fn planner() -> Arc<dyn ExprPlanner> {
    Arc::new(Exact)
}

#[derive(Debug)]
struct Exact;

impl ExprPlanner for Exact {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let (function, accepts): (_, fn(&DataType) -> bool) = match expr.op {
            BinaryOperator::Divide => (DIVIDE, |given| exact(given).is_some()),
            BinaryOperator::Multiply => (MULTIPLY, |given| exact(given).is_some()),
            BinaryOperator::Plus => (PLUS, is_whole),
            BinaryOperator::Minus => (MINUS, is_whole),
            _ => return Ok(PlannerResult::Original(expr)),
        };
        let types = [expr.left.get_type(schema)?, expr.right.get_type(schema)?];
        if types.iter().all(accepts) {
            let call = function.function().call(vec![expr.left, expr.right]);
            return Ok(PlannerResult::Planned(call));
        }
        Ok(PlannerResult::Original(expr))
    }
}

fn two_numbers(given: &[DataType]) -> Result<Vec<DataType>> {
    let types: Option<Vec<DataType>> = given.iter().map(exact).collect();
    match types {
        Some(types) if types.len() == 2 => Ok(types),
        _ => plan_err!("two exact numbers are needed"),
    }
}

fn is_whole(given: &DataType) -> bool {
    given.is_integer() && *given != DataType::UInt64
}

fn two_whole_numbers(given: &[DataType]) -> Result<Vec<DataType>> {
    match given {
        [one, other] if is_whole(one) && is_whole(other) => Ok(vec![DataType::Int64; 2]),
        _ => plan_err!("two whole numbers are needed"),
    }
}

type Operation = fn(&dyn Datum, &dyn Datum) -> std::result::Result<ArrayRef, ArrowError>;

fn whole(given: &[ArrayRef], operation: Operation) -> Result<ArrayRef> {
    match given {
        [one, other] => Ok(operation(one, other)?),
        _ => plan_err!("two whole numbers are needed"),
    }
}

fn usual_decimal(_: &[DataType]) -> Result<DataType> {
    Ok(DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE))
}

fn numbers(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [given] = arguments else {
        return plan_err!("one value is needed");
    };
    if *given.data_type() != DataType::Utf8 {
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        return Ok(cast_with_options(given, &usual_decimal(&[])?, &options)?);
    }
    let numbers = given.as_string::<i32>().iter().map(|text| {
        let Some(text) = text else {
            return Ok(None);
        };
        let number = number::rounded(text).and_then(values::column_integer);
        let refused = || DataFusionError::Execution(format!("`{text}` is no number"));
        number.map(Some).ok_or_else(refused)
    });
    decimals(numbers.collect::<Result<_>>()?)
}

fn decimals(numbers: Vec<Option<i128>>) -> Result<ArrayRef> {
    let numbers = Decimal128Array::from(numbers);
    let numbers = numbers.with_precision_and_scale(DECIMAL_PRECISION, DECIMAL_SCALE)?;
    Ok(Arc::new(numbers))
}

type Number = (i256, i8);

fn quotients(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    each(
        arguments,
        |(dividend, places), (divisor, divisor_places)| {
            let shift = DECIMAL_SCALE
                .checked_add(divisor_places)?
                .checked_sub(places)?;
            let dividend = shifted(dividend, shift.max(0))?;
            let divisor = shifted(divisor, shift.min(0).checked_neg()?)?;
            values::quotient(dividend, divisor)
        },
    )
}

fn products(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    each(arguments, |(one, places), (other, other_places)| {
        let product = one.checked_mul(other)?;
        let shift = DECIMAL_SCALE - places - other_places;
        let product = shifted(product, shift.max(0))?;
        values::quotient(product, shifted(i256::ONE, -shift.min(0))?)
    })
}

fn shifted(number: i256, places: i8) -> Option<i256> {
    let power = values::power_of_ten(u32::from(places.unsigned_abs()))?;
    number.checked_mul(power)
}

fn each(arguments: &[ArrayRef], of: fn(Number, Number) -> Option<i256>) -> Result<ArrayRef> {
    let [left, right] = arguments else {
        return plan_err!("two exact numbers are needed");
    };
    let limit = 10_u128.pow(u32::from(DECIMAL_PRECISION));
    let numbers = (0..left.len()).map(|row| {
        if left.is_null(row) || right.is_null(row) {
            return Ok(None);
        }
        let pair = values::unscaled(left, row).zip(values::unscaled(right, row));
        let Some((left, right)) = pair else {
            return Ok(None);
        };
        let number = match of(left, right) {
            None if right.0 == i256::ZERO => return Ok(None),
            number => number.and_then(|number| number.to_i128()),
        };
        let number = number.filter(|number| number.unsigned_abs() < limit);
        number.map(Some).ok_or_else(too_large)
    });
    decimals(numbers.collect::<Result<_>>()?)
}

fn too_large() -> DataFusionError {
    let message = "a product or quotient has more digits than a decimal".to_owned();
    DataFusionError::Execution(message)
}
