//! Periods and filters as conditions of the engine.
//!
//! Owns that they are plain comparisons of a column with a literal, so that files and pages whose
//! statistics rule them out are not read.

use std::ops::Range;

use arrow::datatypes::DataType as ArrowType;
use datafusion::{
    common::{DataFusionError, Result, ScalarValue},
    functions::expr_fn::contains,
    logical_expr::{Expr, cast, ident, lit, utils::conjunction, utils::disjunction},
};
use florin_core::usage::{
    Condition, Conditions, DataType, Logic, Operand, Operator, QueryParts, Schema, schema::Column,
};
use jiff::Timestamp;

use crate::{columns, values};

const NANOSECONDS: i128 = 1_000;
const NANOSECONDS_OF_DAY: i128 = 86_400_000_000_000;

/// Whether the metric's date lies in the period.
pub(crate) fn within(parts: &QueryParts<'_>, period: &Range<Timestamp>) -> Expr {
    between(parts.schema, parts.date_column, period)
}

/// Whether a date column lies in a half-open period.
pub(crate) fn between(schema: &Schema, column: Column, period: &Range<Timestamp>) -> Expr {
    let is_day = *schema.data_type(column) == DataType::Date32;
    let column = ident(columns::name(schema, column));
    let bound = |at: Timestamp| {
        lit(if is_day {
            first_day(at)
        } else {
            first_instant(at)
        })
    };
    let from = column.clone().gt_eq(bound(period.start));
    from.and(column.lt(bound(period.end)))
}

/// The first instant of a column that is not before `at`.
pub(crate) fn first_instant(at: Timestamp) -> ScalarValue {
    let first = ceiling(at.as_nanosecond(), NANOSECONDS);
    ScalarValue::TimestampMicrosecond(i64::try_from(first).ok(), Some("UTC".into()))
}

/// The first day whose midnight is not before `at`.
fn first_day(at: Timestamp) -> ScalarValue {
    let first = ceiling(at.as_nanosecond(), NANOSECONDS_OF_DAY);
    ScalarValue::Date32(i32::try_from(first).ok())
}

fn ceiling(number: i128, unit: i128) -> i128 {
    -(-number).div_euclid(unit)
}

/// The filters; `None` where every event counts.
///
/// # Errors
/// An operand that no column holds: the core never makes one.
pub(crate) fn expression(schema: &Schema, conditions: &Conditions) -> Result<Option<Expr>> {
    let groups = conditions.groups.iter().map(|(logic, group)| {
        let parts = group.iter().map(|condition| compared(schema, condition));
        let parts = parts.collect::<Result<Vec<Expr>>>()?;
        Ok(joined(*logic, parts).unwrap_or(lit(true)))
    });
    let groups = groups.collect::<Result<Vec<Expr>>>()?;
    Ok(joined(conditions.logic, groups))
}

fn joined(logic: Logic, parts: Vec<Expr>) -> Option<Expr> {
    match logic {
        Logic::And => conjunction(parts),
        Logic::Or => disjunction(parts),
    }
}

/// A comparison with null is null in the engine, which counts as false under AND and OR.
fn compared(schema: &Schema, condition: &Condition) -> Result<Expr> {
    let column = ident(columns::name(schema, condition.column));
    let column = match (schema.data_type(condition.column), condition.operator) {
        (_, Operator::IsNull) => return Ok(column.is_null()),
        (_, Operator::IsNotNull) => return Ok(column.is_not_null()),
        (DataType::Int64, _) => cast(column, decimal()),
        (DataType::Date32, _) => cast(column, columns::instant_type()),
        _ => column,
    };
    let operands = condition.operands.iter().map(literal);
    let mut operands = operands.collect::<Result<Vec<Expr>>>()?;
    match condition.operator {
        Operator::In => return Ok(column.in_list(operands, false)),
        Operator::NotIn => return Ok(column.in_list(operands, true)),
        _ => {}
    }
    let operand = operands.pop().ok_or_else(unfit)?;
    Ok(match condition.operator {
        Operator::Equal => column.eq(operand),
        Operator::NotEqual => column.not_eq(operand),
        Operator::Greater => column.gt(operand),
        Operator::GreaterOrEqual => column.gt_eq(operand),
        Operator::Less => column.lt(operand),
        Operator::LessOrEqual => column.lt_eq(operand),
        Operator::Contains => contains(column, operand),
        _ => Expr::Not(Box::new(contains(column, operand))),
    })
}

fn decimal() -> ArrowType {
    ArrowType::Decimal128(columns::DECIMAL_PRECISION, columns::DECIMAL_SCALE)
}

fn literal(operand: &Operand) -> Result<Expr> {
    Ok(match operand {
        Operand::Bool(value) => lit(*value),
        Operand::Number(number) => {
            let integer = values::column_integer(*number).ok_or_else(unfit)?;
            let (precision, scale) = (columns::DECIMAL_PRECISION, columns::DECIMAL_SCALE);
            lit(ScalarValue::Decimal128(Some(integer), precision, scale))
        }
        Operand::Instant(at) => lit(first_instant(*at)),
        Operand::Uuid(id) => lit(id.to_string()),
        Operand::Text(text) => lit(text.as_str()),
    })
}

fn unfit() -> DataFusionError {
    DataFusionError::Plan("a value of the filters cannot be compared".to_owned())
}
