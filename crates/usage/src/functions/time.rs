//! `date_diff`, and the weight of a value by the time for which it held.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, Decimal256Array, Int64Array},
    datatypes::{DataType, TimestampMicrosecondType, i256},
};
use datafusion::{
    common::{DataFusionError, Result, exec_err, plan_err},
    logical_expr::{Expr, ScalarUDF},
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::native::Native;
use crate::{columns, values};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

const WEIGHT: Native = Native {
    name: "weight",
    accepts: |given| Ok(given.to_vec()),
    returns: |given| match given {
        [DataType::Decimal128(_, scale), ..] => Ok(DataType::Decimal256(76, *scale)),
        _ => Ok(DataType::Decimal256(76, 0)),
    },
    answers: weights,
};

const DATE_DIFF: Native = Native {
    name: "date_diff",
    accepts: |given| match given {
        [_, _, _] => Ok(vec![
            DataType::Utf8,
            columns::instant_type(),
            columns::instant_type(),
        ]),
        _ => plan_err!("dateDiff needs a unit and two times"),
    },
    returns: |_| Ok(DataType::Int64),
    answers: differences,
};

pub(super) fn functions() -> [Arc<ScalarUDF>; 1] {
    [DATE_DIFF.function()]
}

/// `value` times the microseconds from `at` to `until`.
pub(crate) fn weight(value: Expr, at: Expr, until: Expr) -> Expr {
    WEIGHT.function().call(vec![value, at, until])
}

fn weights(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [numbers, at, until] = arguments else {
        return exec_err!("weight takes a number and two instants");
    };
    let (at, until) = (instants(at), instants(until));
    let weights = (0..numbers.len()).map(|row| {
        if numbers.is_null(row) {
            return Ok(None);
        }
        let held = i256::from_i128(i128::from(until.value(row)) - i128::from(at.value(row)));
        let weight = values::unscaled(numbers, row).and_then(|(it, _)| it.checked_mul(held));
        weight.map(Some).ok_or_else(too_large)
    });
    let weights = Decimal256Array::from(weights.collect::<Result<Vec<_>>>()?);
    let scale = match numbers.data_type() {
        DataType::Decimal128(_, scale) => *scale,
        _ => 0,
    };
    Ok(Arc::new(weights.with_precision_and_scale(76, scale)?))
}

fn too_large() -> DataFusionError {
    DataFusionError::Execution("a value is too large to be weighed by time".to_owned())
}

fn instants(array: &ArrayRef) -> &arrow::array::PrimitiveArray<TimestampMicrosecondType> {
    array.as_primitive()
}

/// How many boundaries of the unit lie between two times, as ClickHouse counts.
fn differences(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let [unit, from, to] = arguments else {
        return exec_err!("dateDiff needs a unit and two times");
    };
    let mut differences = Vec::with_capacity(from.len());
    for row in 0..from.len() {
        if unit.is_null(row) || from.is_null(row) || to.is_null(row) {
            differences.push(None);
            continue;
        }
        let unit = unit.as_string::<i32>().value(row);
        let ordinal = |times| ordinal(unit, instants(times).value(row));
        differences.push(Some(ordinal(to)? - ordinal(from)?));
    }
    Ok(Arc::new(Int64Array::from(differences)))
}

/// The number of the unit in which the instant lies.
fn ordinal(unit: &str, microsecond: i64) -> Result<i64> {
    let civil = || {
        let instant = Timestamp::from_microsecond(microsecond);
        instant.map_or(DateTime::MIN, |instant| TimeZone::UTC.to_datetime(instant))
    };
    let months = || i64::from(civil().year()) * 12 + i64::from(civil().month()) - 1;
    Ok(match unit.to_ascii_lowercase().as_str() {
        "second" | "seconds" => microsecond.div_euclid(SECOND),
        "minute" | "minutes" => microsecond.div_euclid(60 * SECOND),
        "hour" | "hours" => microsecond.div_euclid(3600 * SECOND),
        "day" | "days" => microsecond.div_euclid(DAY),
        // The epoch was a Thursday; weeks begin on Monday.
        "week" | "weeks" => (microsecond.div_euclid(DAY) + 3).div_euclid(7),
        "month" | "months" => months(),
        "quarter" | "quarters" => months().div_euclid(3),
        "year" | "years" => months().div_euclid(12),
        other => return exec_err!("dateDiff has no unit {other}"),
    })
}
