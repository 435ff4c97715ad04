//! `to_text` (what `toString` and casts to text mean) and `concat` of bounded length.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, StringArray, StringBuilder},
    datatypes::DataType,
};
use datafusion::{
    common::{Result, exec_err},
    logical_expr::{Expr, ScalarUDF},
};

use super::native::Native;
use crate::values;

/// Bytes that one `concat` makes at most, over all rows of a batch: texts are not in the memory that is
/// counted.
const CONCAT_BYTES_MAX: usize = 16 * 1024 * 1024;

const TO_TEXT: Native = Native {
    name: "to_text",
    accepts: |given| Ok(given.iter().map(plain_text).collect()),
    returns: |_| Ok(DataType::Utf8),
    answers: texts,
};

const CONCAT: Native = Native {
    name: "concat",
    accepts: |given| Ok(given.iter().map(plain_text).collect()),
    returns: |_| Ok(DataType::Utf8),
    answers: concat,
};

pub(super) fn functions() -> [Arc<ScalarUDF>; 2] {
    [TO_TEXT.function(), CONCAT.function()]
}

/// A value as dimensions write it: a number has no needless zeros. Null stays null.
pub(crate) fn to_text(value: Expr) -> Expr {
    TO_TEXT.function().call(vec![value])
}

fn plain_text(given: &DataType) -> DataType {
    match given {
        DataType::Utf8View | DataType::LargeUtf8 | DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

fn texts(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    match arguments {
        [texts] if *texts.data_type() == DataType::Utf8 => Ok(Arc::clone(texts)),
        [values] => texts_of(values),
        _ => exec_err!("one value is needed"),
    }
}

fn texts_of(array: &ArrayRef) -> Result<ArrayRef> {
    let array = values::readable(array)?;
    let mut texts = StringBuilder::with_capacity(array.len(), array.len() * 8);
    for row in 0..array.len() {
        match values::value(&array, row) {
            Some(value) if value.is_null() => texts.append_null(),
            Some(value) => texts.append_value(value.text()),
            None => return exec_err!("{} has no text", array.data_type()),
        }
    }
    Ok(Arc::new(texts.finish()))
}

/// Null where any part is null, as in ClickHouse.
fn concat(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let parts = arguments.iter().map(|part| texts(&[Arc::clone(part)]));
    let parts = parts.collect::<Result<Vec<ArrayRef>>>()?;
    let bytes = |part: &ArrayRef| part.as_string::<i32>().values().len();
    if parts.iter().map(bytes).sum::<usize>() > CONCAT_BYTES_MAX {
        return exec_err!("concat makes a text that is too long");
    }
    let rows = parts.first().map_or(1, |part| part.len());
    let texts = (0..rows).map(|row| {
        let parts = parts.iter().map(|part| {
            let part = part.as_string::<i32>();
            part.is_valid(row).then(|| part.value(row))
        });
        parts.collect::<Option<String>>()
    });
    Ok(Arc::new(texts.collect::<StringArray>()))
}
