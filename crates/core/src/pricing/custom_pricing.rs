//! Custom pricing: a formula in Rhai (DESIGN §7).
//!
//! Owns what a formula may see and do. It sees `quantity`, `dimensions` (a list of rows: each column's
//! text and `quantity`), `customer` and `contract`. It has decimals, text, lists, maps, conditions,
//! loops, and these functions: `min`, `max`, `abs`, `floor`, `ceil`, `round(value, digits)` half away
//! from zero as everywhere, `number(text)`, `len(list)`, `contains(map, key)`. It has no functions of
//! its own, no clock, no randomness, no input or output, no floating point, and an end: every
//! dimension of its work is bounded. The same values give the same amount.

use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, LazyLock};

use rhai::packages::{ArithmeticPackage, LogicPackage, Package};
use rhai::{AST, Array, Dynamic, Engine, EvalAltResult, INT, Map, OptimizationLevel, Scope};
use rust_decimal::{Decimal, RoundingStrategy};

use super::context::{Context, ContextValue};
use super::error::{Findings, InvalidModel, ModelError, PricingError};
use super::step::{Priced, Step, StepRule};
use super::usage::{Usage, UsageRow};

/// Longest formula, in bytes: several pages of text.
pub const FORMULA_LENGTH_MAX: usize = 10_000;

/// Operations that one evaluation may take; some ten milliseconds. Enough to go over
/// [`COLLECTION_LENGTH_MAX`] rows a few times.
pub const OPERATIONS_MAX: u64 = 200_000;

/// Longest text, and most entries of a list or map, that a formula may make.
pub const COLLECTION_LENGTH_MAX: usize = 10_000;

/// Deepest nesting of expressions; the parser and the evaluation recurse.
const EXPRESSION_DEPTH_MAX: usize = 32;

/// Most variables in scope.
const VARIABLES_MAX: usize = 100;

/// Parts of the language that a price has no use for.
const DISABLED_SYMBOLS: [&str; 8] = [
    "eval", "print", "debug", "Fn", "call", "curry", "**", "type_of",
];

static ENGINE: LazyLock<Engine> = LazyLock::new(engine);

/// The terms of `custom_pricing`: a formula whose value is the amount in major units.
#[derive(Clone)]
pub struct Formula {
    source: Arc<str>,
    compiled: Arc<AST>,
}

impl Formula {
    /// Compiles a formula. A quotient of whole numbers is a decimal: `1 / 2` is a half.
    ///
    /// # Errors
    ///
    /// A text longer than [`FORMULA_LENGTH_MAX`], or one that is no formula, with line and column.
    pub fn new(source: &str) -> Result<Self, InvalidModel> {
        let mut findings = Findings::default();
        let field = "formula";
        if source.len() > FORMULA_LENGTH_MAX {
            findings.push(ModelError::TooLong {
                field,
                limit: FORMULA_LENGTH_MAX,
            });
            findings.into_result()?;
        }
        match ENGINE.compile_with_scope(&names(), source) {
            Ok(compiled) => Ok(Self {
                source: source.into(),
                compiled: Arc::new(compiled),
            }),
            Err(error) => {
                let reason = error.to_string();
                Err(InvalidModel::from(ModelError::FormulaMalformed {
                    field,
                    reason,
                }))
            }
        }
    }

    /// The text it was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The formula's value, as one step.
    pub(super) fn price(
        &self,
        usage: &Usage,
        context: &Context<'_>,
    ) -> Result<Priced, PricingError> {
        let quantity = usage.quantity()?;
        let mut scope = Scope::new();
        scope.push_constant("quantity", quantity);
        scope.push_constant("dimensions", dimensions(usage));
        scope.push_constant_dynamic("customer", dynamic(context.customer));
        scope.push_constant_dynamic("contract", dynamic(context.contract));

        let value = ENGINE.eval_ast_with_scope::<Dynamic>(&mut scope, &self.compiled);
        let amount = amount(&value.map_err(|error| failed(&error))?)?;
        Ok(Priced::from_step(Step::fee_only(
            StepRule::Formula,
            quantity,
            amount,
        )))
    }
}

impl PartialEq for Formula {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Formula {}

impl std::fmt::Debug for Formula {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_tuple("Formula")
            .field(&self.source)
            .finish()
    }
}

/// The names that a formula knows, so that any other is an error when it is compiled.
fn names() -> Scope<'static> {
    let mut scope = Scope::new();
    for name in ["quantity", "dimensions", "customer", "contract"] {
        scope.push_constant(name, ());
    }
    scope
}

fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine.register_global_module(ArithmeticPackage::new().as_shared_module());
    engine.register_global_module(LogicPackage::new().as_shared_module());
    register_functions(&mut engine);

    engine.set_fast_operators(false); // so that `/` below replaces the built-in one
    engine.set_optimization_level(OptimizationLevel::None);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    for symbol in DISABLED_SYMBOLS {
        engine.disable_symbol(symbol);
    }

    engine.set_max_operations(OPERATIONS_MAX);
    engine.set_max_expr_depths(EXPRESSION_DEPTH_MAX);
    engine.set_max_variables(VARIABLES_MAX);
    engine.set_max_string_size(COLLECTION_LENGTH_MAX);
    engine.set_max_array_size(COLLECTION_LENGTH_MAX);
    engine.set_max_map_size(COLLECTION_LENGTH_MAX);
    engine
}

/// The functions of a formula; `abs` and the signs come with the arithmetic package.
fn register_functions(engine: &mut Engine) {
    engine.register_iterator::<Array>();
    engine.register_iterator::<Range<INT>>();
    engine.register_iterator::<RangeInclusive<INT>>();
    engine.register_fn("/", divide);
    engine.register_fn("min", |a: Decimal, b: Decimal| a.min(b));
    engine.register_fn("min", |a: Decimal, b: INT| a.min(b.into()));
    engine.register_fn("min", |a: INT, b: Decimal| b.min(a.into()));
    engine.register_fn("max", |a: Decimal, b: Decimal| a.max(b));
    engine.register_fn("max", |a: Decimal, b: INT| a.max(b.into()));
    engine.register_fn("max", |a: INT, b: Decimal| b.max(a.into()));
    engine.register_fn("floor", |value: Decimal| value.floor());
    engine.register_fn("ceil", |value: Decimal| value.ceil());
    engine.register_fn("round", round);
    engine.register_fn("number", number);
    engine.register_fn("len", |list: &mut Array| {
        INT::try_from(list.len()).unwrap_or(INT::MAX)
    });
    engine.register_fn("contains", |map: &mut Map, key: &str| map.contains_key(key));
}

fn divide(left: INT, right: INT) -> Result<Decimal, Box<EvalAltResult>> {
    let quotient = Decimal::from(left).checked_div(right.into());
    quotient.ok_or_else(|| format!("division by zero: {left} / {right}").into())
}

fn round(value: Decimal, digits: INT) -> Result<Decimal, Box<EvalAltResult>> {
    let Ok(digits) = u32::try_from(digits) else {
        return Err(format!("cannot round to {digits} digits").into());
    };
    Ok(value.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero))
}

fn number(text: &str) -> Result<Decimal, Box<EvalAltResult>> {
    text.parse()
        .map_err(|_| format!("`{text}` is not a number").into())
}

fn dimensions(usage: &Usage) -> Array {
    match usage {
        Usage::Quantity(_) => Array::new(),
        Usage::Rows(rows) => rows
            .rows()
            .iter()
            .map(|row| dimension(rows.columns(), row))
            .collect(),
    }
}

fn dimension(columns: &[String], row: &UsageRow) -> Dynamic {
    let values = columns.iter().zip(&row.dimensions);
    let mut map: Map = values
        .map(|(column, value)| (column.into(), value.into()))
        .collect();
    map.insert("quantity".into(), Dynamic::from_decimal(row.quantity));
    Dynamic::from_map(map)
}

fn dynamic(value: &ContextValue) -> Dynamic {
    match value {
        ContextValue::Null => Dynamic::UNIT,
        ContextValue::Bool(value) => (*value).into(),
        ContextValue::Number(number) => Dynamic::from_decimal(*number),
        ContextValue::Text(text) => text.into(),
        ContextValue::List(values) => Dynamic::from_array(values.iter().map(dynamic).collect()),
        ContextValue::Object(values) => Dynamic::from_map(
            values
                .iter()
                .map(|(key, value)| (key.into(), dynamic(value)))
                .collect(),
        ),
    }
}

fn amount(value: &Dynamic) -> Result<Decimal, PricingError> {
    if let Ok(amount) = value.as_decimal() {
        return Ok(amount);
    }
    match value.as_int() {
        Ok(amount) => Ok(amount.into()),
        Err(found) => Err(PricingError::FormulaNotANumber { found }),
    }
}

fn failed(error: &EvalAltResult) -> PricingError {
    match error {
        EvalAltResult::ErrorTooManyOperations(_)
        | EvalAltResult::ErrorTooManyVariables(_)
        | EvalAltResult::ErrorStackOverflow(_)
        | EvalAltResult::ErrorDataTooLarge(..) => PricingError::FormulaTooLarge {
            reason: error.to_string(),
        },
        _ => PricingError::FormulaFailed {
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
