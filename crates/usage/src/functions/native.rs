//! A function of one row, as four plain functions.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{array::ArrayRef, datatypes::DataType};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};

/// What a function takes, gives and does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Native {
    pub(super) name: &'static str,
    /// The types that its arguments are brought to, or why they do not fit.
    pub(super) accepts: fn(&[DataType]) -> Result<Vec<DataType>>,
    /// The type of its answer for accepted arguments.
    pub(super) returns: fn(&[DataType]) -> Result<DataType>,
    /// Its answer, a row for each row of its arguments.
    pub(super) answers: fn(&[ArrayRef]) -> Result<ArrayRef>,
}

#[derive(Debug)]
struct Function {
    native: Native,
    signature: Signature,
}

impl Native {
    pub(super) fn function(self) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Function {
            native: self,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.native.name == other.native.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.native.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.native.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        (self.native.accepts)(given)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        (self.native.returns)(given)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args
            .args
            .iter()
            .all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let answer = (self.native.answers)(&arrays)?;
        if is_constant {
            let constant = ScalarValue::try_from_array(&answer, 0)?;
            return Ok(ColumnarValue::Scalar(constant));
        }
        Ok(ColumnarValue::Array(answer))
    }
}

/// The type that exact arithmetic takes for a number; `None` for anything else.
pub(super) fn exact(given: &DataType) -> Option<DataType> {
    Some(match given {
        DataType::Decimal128(..) => given.clone(),
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::UInt64 => DataType::Decimal128(20, 0),
        whole if whole.is_integer() => DataType::Int64,
        DataType::Null => DataType::Int64,
        _ => return None,
    })
}
