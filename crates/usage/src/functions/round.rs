//! `round`, `floor`, `ceil`, `trunc` and `abs` of exact numbers.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array},
    datatypes::{DataType, Decimal128Type, Int64Type},
};
use datafusion::{
    common::{Result, exec_err, plan_err},
    logical_expr::ScalarUDF,
};

use super::native::{Native, exact};
use crate::columns::{DECIMAL_PRECISION, DECIMAL_SCALE};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let native = |name, answers| Native {
        name,
        accepts: number_and_places,
        returns: same,
        answers,
    };
    let natives = [
        native("round", |given| each(given, half_away)),
        native("floor", |given| each(given, i128::div_euclid)),
        native("ceil", |given| {
            each(given, |number, unit| -(-number).div_euclid(unit))
        }),
        native("trunc", |given| each(given, |number, unit| number / unit)),
        native("abs", |given| {
            each(given, |number, unit| number.abs() / unit)
        }),
    ];
    natives.map(Native::function).into()
}

fn number_and_places(given: &[DataType]) -> Result<Vec<DataType>> {
    let number = |given: &DataType| match given {
        DataType::Float32 | DataType::Float64 => {
            Some(DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE))
        }
        given => exact(given),
    };
    match given {
        [one] => number(one).map(|one| vec![one]),
        [one, places] if places.is_integer() => number(one).map(|one| vec![one, DataType::Int64]),
        _ => None,
    }
    .map_or_else(
        || plan_err!("a number is needed, and how many decimal places are kept"),
        Ok,
    )
}

fn same(given: &[DataType]) -> Result<DataType> {
    Ok(given.first().cloned().unwrap_or(DataType::Null))
}

/// How many of the units are in the number, to the nearest, half away from zero.
fn half_away(number: i128, unit: i128) -> i128 {
    let (whole, rest) = (number / unit, (number % unit).abs());
    if rest >= unit - rest {
        whole + number.signum()
    } else {
        whole
    }
}

fn each(arguments: &[ArrayRef], units: fn(i128, i128) -> i128) -> Result<ArrayRef> {
    let Some(numbers) = arguments.first() else {
        return exec_err!("a number is needed");
    };
    // `abs` keeps every digit unless places are named; the others keep whole numbers.
    let places = arguments
        .get(1)
        .map(|places| places.as_primitive::<Int64Type>());
    let is_abs = units(-5, 1) == 5;
    let kept = |row: usize, scale: i64| match places {
        Some(places) => places.value(row).clamp(-37, scale),
        None if is_abs => scale,
        None => 0,
    };
    let rounded = |row: usize, number: i128, scale: i64| {
        let unit = 10_i128.pow(u32::try_from(scale - kept(row, scale)).unwrap_or(0).min(37));
        units(number, unit).checked_mul(unit)
    };
    match numbers.data_type() {
        DataType::Int64 => {
            let whole = numbers.as_primitive::<Int64Type>().iter().enumerate();
            let whole = whole.map(|(row, number)| {
                let number = rounded(row, i128::from(number?), 0)?;
                i64::try_from(number).ok()
            });
            Ok(Arc::new(whole.collect::<Int64Array>()))
        }
        DataType::Decimal128(precision, scale) => {
            let decimals = numbers.as_primitive::<Decimal128Type>().iter().enumerate();
            let decimals = decimals.map(|(row, number)| rounded(row, number?, i64::from(*scale)));
            let decimals = decimals.collect::<Decimal128Array>();
            Ok(Arc::new(
                decimals.with_precision_and_scale(*precision, *scale)?,
            ))
        }
        other => exec_err!("no number: {other}"),
    }
}
