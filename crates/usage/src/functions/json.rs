//! `JSONExtract…`: members of a text that is JSON.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanBuilder, Decimal128Builder, Int64Builder, StringBuilder,
    },
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    common::{Result, plan_err},
    logical_expr::ScalarUDF,
};
use florin_core::usage::number;
use serde_json::Value as Json;

use super::native::Native;
use crate::{
    columns::{DECIMAL_PRECISION, DECIMAL_SCALE},
    values,
};

pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    let native = |name, returns, answers| Native {
        name,
        accepts: text_and_path,
        returns,
        answers,
    };
    let natives = [
        native("json_text", |_| Ok(DataType::Utf8), texts),
        native("json_int", |_| Ok(DataType::Int64), whole_numbers),
        native("json_number", |_| Ok(decimal()), numbers),
        native("json_bool", |_| Ok(DataType::Boolean), flags),
    ];
    natives.map(Native::function).into()
}

fn decimal() -> DataType {
    DataType::Decimal128(DECIMAL_PRECISION, DECIMAL_SCALE)
}

/// Keys are texts, positions (from 1, from the end below 0) numbers, as in ClickHouse.
fn text_and_path(given: &[DataType]) -> Result<Vec<DataType>> {
    if given.is_empty() {
        return plan_err!("JSONExtract needs a text and a path");
    }
    let part = |given: &DataType| match given {
        whole if whole.is_integer() => DataType::Int64,
        _ => DataType::Utf8,
    };
    Ok(given.iter().map(part).collect())
}

fn texts(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let mut texts = StringBuilder::new();
    for row in 0..rows(arguments) {
        texts.append_option(match member(arguments, row) {
            Some(Json::String(text)) => Some(text),
            _ => None,
        });
    }
    Ok(Arc::new(texts.finish()))
}

fn whole_numbers(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let mut numbers = Int64Builder::new();
    for row in 0..rows(arguments) {
        let number = member(arguments, row).and_then(|member| number_of(&member));
        numbers.append_option(number.and_then(|number| number.trunc().try_into().ok()));
    }
    Ok(Arc::new(numbers.finish()))
}

fn numbers(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let mut numbers = Decimal128Builder::new().with_data_type(decimal());
    for row in 0..rows(arguments) {
        let number = member(arguments, row).and_then(|member| number_of(&member));
        numbers.append_option(number.and_then(values::column_integer));
    }
    Ok(Arc::new(numbers.finish()))
}

fn flags(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let mut flags = BooleanBuilder::new();
    for row in 0..rows(arguments) {
        flags.append_option(member(arguments, row).and_then(|member| member.as_bool()));
    }
    Ok(Arc::new(flags.finish()))
}

fn number_of(member: &Json) -> Option<rust_decimal::Decimal> {
    match member {
        Json::Number(number) => number::rounded(number.as_str()),
        Json::String(text) => number::rounded(text),
        _ => None,
    }
}

fn rows(arguments: &[ArrayRef]) -> usize {
    arguments.first().map_or(0, |texts| texts.len())
}

fn member(arguments: &[ArrayRef], row: usize) -> Option<Json> {
    let (texts, path) = arguments.split_first()?;
    if texts.is_null(row) {
        return None;
    }
    let mut found: Json = serde_json::from_str(texts.as_string::<i32>().value(row)).ok()?;
    for part in path {
        if part.is_null(row) {
            return None;
        }
        found = match part.data_type() {
            DataType::Int64 => at(found, part.as_primitive::<Int64Type>().value(row))?,
            _ => found.get_mut(part.as_string::<i32>().value(row))?.take(),
        };
    }
    Some(found)
}

fn at(list: Json, position: i64) -> Option<Json> {
    let Json::Array(mut items) = list else {
        return None;
    };
    let index = match position {
        1.. => usize::try_from(position - 1).ok()?,
        _ => items
            .len()
            .checked_sub(usize::try_from(position.checked_neg()?).ok()?)?,
    };
    items.get_mut(index).map(Json::take)
}
