//! The SQL of templates in the engine's words.
//!
//! Owns the columns `data.<field>`, ClickHouse's names of types and functions, and the clock: `now()`
//! and `today()` are the end of the period, so that a metric gives the same answer when it is asked
//! again.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::{
    ast::{
        BinaryOperator, CaseWhen, CastKind, DataType, DuplicateTreatment, ExactNumberInfo, Expr,
        Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArgumentList,
        FunctionArguments, Ident, ObjectName, OrderByExpr, OrderByOptions, Query, Select,
        SelectItem, Value, VisitMut, VisitorMut, helpers::attached_token::AttachedToken,
    },
    tokenizer::Span,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::columns;

/// Functions that have another name in the engine; in lower case.
const NAMES: [(&str, &str); 38] = [
    ("any", "min"),
    ("anylast", "max"),
    ("ceiling", "ceil"),
    ("char_length", "character_length"),
    ("datediff", "date_diff"),
    ("date_diff", "date_diff"),
    ("endswith", "ends_with"),
    ("has", "array_has"),
    ("ifnull", "coalesce"),
    ("jsonextractbool", "json_bool"),
    ("jsonextractfloat", "json_number"),
    ("jsonextractint", "json_int"),
    ("jsonextractstring", "json_text"),
    ("jsonextractuint", "json_int"),
    ("lcase", "lower"),
    ("length", "character_length"),
    ("lengthutf8", "character_length"),
    ("lowerutf8", "lower"),
    ("match", "regexp_like"),
    ("mid", "substr"),
    ("position", "strpos"),
    ("startswith", "starts_with"),
    ("substring", "substr"),
    ("substringutf8", "substr"),
    ("toboolean", "to_bool"),
    ("tolowcardinality", "tonullable"),
    ("tostring", "to_text"),
    ("trimboth", "btrim"),
    ("trimleft", "ltrim"),
    ("trimright", "rtrim"),
    ("truncate", "trunc"),
    ("ucase", "upper"),
    ("upperutf8", "upper"),
    ("timestampdiff", "date_diff"),
    ("simplejsonextractstring", "json_text"),
    ("simplejsonextractint", "json_int"),
    ("simplejsonextractfloat", "json_number"),
    ("simplejsonextractbool", "json_bool"),
];

/// Aggregations that have a form with a condition as last argument.
const WITH_IF: [&str; 9] = [
    "any",
    "anylast",
    "avg",
    "count",
    "max",
    "min",
    "sum",
    "uniq",
    "uniqexact",
];

/// Puts a query into the engine's words.
///
/// # Errors
/// What the engine has nothing for, and where it stands.
pub(super) fn translate(query: &mut Query, end: Timestamp) -> Result<(), (String, Span)> {
    match query.visit(&mut Translator { end }) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Translator {
    end: Timestamp,
}

impl VisitorMut for Translator {
    type Break = (String, Span);

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        if let Some(condition) = select.prewhere.take() {
            select.selection = Some(match select.selection.take() {
                Some(other) => binary(condition, BinaryOperator::And, other),
                None => condition,
            });
        }
        for item in &mut select.projection {
            if let Some((expr, alias)) = named_field(item) {
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let translated = match expr {
            Expr::CompoundIdentifier(parts) => field(parts),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::StringConcat,
                right,
            } => {
                let parts = vec![left.as_ref().clone(), right.as_ref().clone()];
                Some(call("concat", parts))
            }
            Expr::Cast {
                expr: value,
                data_type,
                ..
            } => {
                let name = data_type.to_string();
                match cast_named(value.as_ref().clone(), &name) {
                    Some(cast) => Some(cast),
                    None => {
                        let message = format!("unknown type {name}");
                        return ControlFlow::Break((message, Span::empty()));
                    }
                }
            }
            Expr::Function(function) => match self.function(function) {
                Ok(translated) => translated,
                Err(message) => {
                    let place = function.name.0.first().and_then(|part| part.as_ident());
                    let place = place.map_or_else(Span::empty, |name| name.span);
                    return ControlFlow::Break((message, place));
                }
            },
            _ => None,
        };
        if let Some(translated) = translated {
            *expr = translated;
        }
        ControlFlow::Continue(())
    }
}

/// `data.x` without a name of its own is named `x`, as a dimension of the visual builder is.
fn named_field(item: &SelectItem) -> Option<(Expr, Ident)> {
    let SelectItem::UnnamedExpr(expr @ Expr::CompoundIdentifier(parts)) = item else {
        return None;
    };
    field(parts)?;
    parts.last().map(|name| (expr.clone(), name.clone()))
}

/// `data.x` and `t.data.x` as the flat column.
fn field(parts: &[Ident]) -> Option<Expr> {
    let flat = |data: &Ident, name: &Ident| Ident {
        value: format!("{}.{}", data.value, name.value),
        quote_style: Some('"'),
        span: data.span,
    };
    match parts {
        [data, name] if data.value == "data" => Some(Expr::Identifier(flat(data, name))),
        [table, data, name] if data.value == "data" => {
            let parts = vec![table.clone(), flat(data, name)];
            Some(Expr::CompoundIdentifier(parts))
        }
        _ => None,
    }
}

/// A cast to a type by its name; `None` for an unknown one.
fn cast_named(value: Expr, name: &str) -> Option<Expr> {
    let lower = name.to_ascii_lowercase();
    for wrapper in ["nullable(", "lowcardinality("] {
        if let Some(of) = lower.strip_prefix(wrapper) {
            return cast_named(value, of.strip_suffix(')')?);
        }
    }
    let base = lower.split('(').next().unwrap_or_default().trim();
    Some(match base {
        "string" | "fixedstring" | "varchar" | "text" | "char" | "uuid" | "character varying" => {
            call("to_text", vec![value])
        }
        "int8" | "int16" | "int32" | "int64" | "int" | "integer" | "bigint" | "smallint"
        | "tinyint" | "uint8" | "uint16" | "uint32" | "uint64" => whole(value),
        "float32" | "float64" | "float" | "double" | "double precision" | "real" => {
            call("to_number", vec![value])
        }
        "decimal" | "numeric" | "dec" => match arguments(&lower).as_slice() {
            [] => decimal(value, 38, 12),
            [precision] => decimal(value, *precision, 0),
            [precision, scale, ..] => decimal(value, *precision, *scale),
        },
        "decimal32" | "decimal64" | "decimal128" => {
            let scale = arguments(&lower).first().copied().unwrap_or(12);
            decimal(value, 38, scale)
        }
        "date" | "date32" => date(value),
        "datetime" | "datetime64" | "timestamp" | "timestamp with time zone" => instant(value),
        "bool" | "boolean" => plain_cast(value, DataType::Boolean),
        _ => return None,
    })
}

fn arguments(name: &str) -> Vec<u64> {
    let inner = name.split_once('(').map_or("", |(_, inner)| inner);
    let parts = inner.trim_end_matches(')').split(',');
    parts.filter_map(|part| part.trim().parse().ok()).collect()
}

impl Translator {
    fn function(&self, function: &mut Function) -> Result<Option<Expr>, String> {
        let Some(name) = only_name(function) else {
            return Err("functions have a name of one part".to_owned());
        };
        if !matches!(function.parameters, FunctionArguments::None) {
            return Err(format!("{name} takes no parameters"));
        }
        if let Some(base) = name
            .strip_suffix("if")
            .filter(|base| WITH_IF.contains(base))
        {
            let condition = self.popped(function, &name)?;
            add_filter(function, condition);
            rename(function, base);
            return self.aggregate(function, base);
        }
        if let Some(translated) = self.aggregate(function, &name)? {
            return Ok(Some(translated));
        }
        let given = given(function);
        if let Some(translated) = self.scalar(&name, &given)? {
            return Ok(Some(translated));
        }
        if let Some((_, other)) = NAMES.iter().find(|(known, _)| *known == name) {
            rename(function, other);
        }
        Ok(None)
    }

    /// The last argument, taken out.
    fn popped(&self, function: &mut Function, name: &str) -> Result<Expr, String> {
        let FunctionArguments::List(list) = &mut function.args else {
            return Err(format!("{name} needs a condition"));
        };
        match list.args.pop() {
            Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(condition))) => Ok(condition),
            _ => Err(format!("{name} needs a condition as last argument")),
        }
    }

    fn aggregate(&self, function: &mut Function, name: &str) -> Result<Option<Expr>, String> {
        match name {
            "any" | "anylast" => {
                rename(function, if name == "any" { "min" } else { "max" });
                Ok(None)
            }
            "count" => {
                count_rows(function);
                Ok(None)
            }
            "uniq" | "uniqexact" => {
                let FunctionArguments::List(list) = &mut function.args else {
                    return Err(format!("{name} needs a column"));
                };
                if list.args.len() != 1 {
                    return Err(format!("{name} takes one column"));
                }
                list.duplicate_treatment = Some(DuplicateTreatment::Distinct);
                rename(function, "count");
                Ok(None)
            }
            "avg" => Ok(Some(average(function))),
            "argmax" | "argmin" => extreme(function, name).map(Some),
            _ => Ok(None),
        }
    }

    fn scalar(&self, name: &str, given: &[Expr]) -> Result<Option<Expr>, String> {
        let translated = match (name, given) {
            ("now" | "now64" | "current_timestamp" | "localtimestamp", _) => self.now(),
            ("today" | "current_date" | "curdate", _) => date(self.last_instant()),
            ("if", [condition, one, other]) => {
                case(vec![(condition.clone(), one.clone())], Some(other.clone()))
            }
            ("multiif", [parts @ .., last]) if parts.len().is_multiple_of(2) => {
                let pairs = parts
                    .chunks(2)
                    .map(|pair| (pair[0].clone(), pair[1].clone()));
                case(pairs.collect(), Some(last.clone()))
            }
            ("tonullable" | "assumenotnull" | "tolowcardinality", [value]) => value.clone(),
            ("intdiv", [one, other]) => {
                let rest = binary(one.clone(), BinaryOperator::Modulo, other.clone());
                let multiple = binary(one.clone(), BinaryOperator::Minus, rest);
                whole(binary(multiple, BinaryOperator::Divide, other.clone()))
            }
            ("empty", [value]) => binary(value.clone(), BinaryOperator::Eq, text("")),
            ("notempty", [value]) => binary(value.clone(), BinaryOperator::NotEq, text("")),
            _ => return Ok(conversion(name, given).or_else(|| part_of_time(name, given))),
        };
        Ok(Some(translated))
    }

    fn now(&self) -> Expr {
        instant(text(&self.end.to_string()))
    }

    fn last_instant(&self) -> Expr {
        let last = Timestamp::from_nanosecond(self.end.as_nanosecond() - 1).unwrap_or(self.end);
        let day = TimeZone::UTC.to_datetime(last).date();
        text(&day.to_string())
    }
}

fn conversion(name: &str, given: &[Expr]) -> Option<Expr> {
    let value = given.first()?.clone();
    Some(match name {
        "date" | "todate" | "todate32" => date(value),
        "todatetime" | "todatetime64" | "parsedatetimebesteffort" | "totimestamp" => instant(value),
        "tofloat64" | "tofloat32" => call("to_number", vec![value]),
        "toint64" | "toint32" | "toint16" | "toint8" | "touint64" | "touint32" | "touint16"
        | "touint8" => whole(value),
        "todecimal32" | "todecimal64" | "todecimal128" => {
            let scale = given.get(1).map_or("12".to_owned(), ToString::to_string);
            decimal(value, 38, scale.parse().ok()?)
        }
        "tobool" => plain_cast(value, DataType::Boolean),
        _ => return None,
    })
}

fn part_of_time(name: &str, given: &[Expr]) -> Option<Expr> {
    let at = given.first()?.clone();
    let part = |part: &str| whole(call("date_part", vec![text(part), at.clone()]));
    let start = |unit: &str| call("date_trunc", vec![text(unit), instant(at.clone())]);
    let times = |value: Expr, by: &str| whole(binary(value, BinaryOperator::Multiply, number(by)));
    let plus = |one: Expr, other: Expr| binary(one, BinaryOperator::Plus, other);
    let month = || plus(times(part("year"), "100"), part("month"));
    Some(match name {
        "toyear" => part("year"),
        "toquarter" => part("quarter"),
        "tomonth" => part("month"),
        "todayofmonth" | "today_of_month" => part("day"),
        "todayofyear" => part("doy"),
        "tohour" => part("hour"),
        "tominute" => part("minute"),
        "tosecond" => whole(call("floor", vec![part("second")])),
        // Monday is 1.
        "todayofweek" => plus(
            binary(
                plus(part("dow"), number("6")),
                BinaryOperator::Modulo,
                number("7"),
            ),
            number("1"),
        ),
        "toyyyymm" => month(),
        "toyyyymmdd" => plus(times(month(), "100"), part("day")),
        "tounixtimestamp" => whole(part("epoch")),
        "tostartofyear" => date(start("year")),
        "tostartofquarter" => date(start("quarter")),
        "tostartofmonth" => date(start("month")),
        "tomonday" => date(start("week")),
        "tostartofweek" => start_of_week(given)?,
        "tostartofday" => start("day"),
        "tostartofhour" => start("hour"),
        "tostartofminute" => start("minute"),
        _ => return None,
    })
}

/// The week begins on Sunday, or on Monday with mode 1.
fn start_of_week(given: &[Expr]) -> Option<Expr> {
    let at = date(given.first()?.clone());
    let mode = given.get(1).map_or("0".to_owned(), ToString::to_string);
    let monday = |at: Expr| date(call("date_trunc", vec![text("week"), instant(at)]));
    let day = || interval("1 day");
    match mode.as_str() {
        "1" => Some(monday(at)),
        "0" => {
            let next = binary(at, BinaryOperator::Plus, day());
            let monday = monday(next);
            Some(date(binary(monday, BinaryOperator::Minus, day())))
        }
        _ => None,
    }
}

fn interval(length: &str) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(text(length)),
        data_type: DataType::Interval {
            fields: None,
            precision: None,
        },
        array: false,
        format: None,
    }
}

fn only_name(function: &Function) -> Option<String> {
    match function.name.0.as_slice() {
        [name] => name.as_ident().map(|name| name.value.to_ascii_lowercase()),
        _ => None,
    }
}

fn rename(function: &mut Function, name: &str) {
    let place = function.name.0.first().and_then(|part| part.as_ident());
    let place = place.map_or_else(Span::empty, |name| name.span);
    function.name = ObjectName::from(vec![Ident::with_span(place, name)]);
}

fn given(function: &Function) -> Vec<Expr> {
    let FunctionArguments::List(list) = &function.args else {
        return Vec::new();
    };
    let values = list.args.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value.clone()),
        _ => None,
    });
    values.collect()
}

fn add_filter(function: &mut Function, condition: Expr) {
    let filter = function.filter.take();
    function.filter = Some(Box::new(match filter {
        Some(other) => binary(*other, BinaryOperator::And, condition),
        None => condition,
    }));
}

/// `count()` counts rows.
fn count_rows(function: &mut Function) {
    if let FunctionArguments::List(list) = &mut function.args
        && list.args.is_empty()
    {
        list.args = vec![FunctionArg::Unnamed(FunctionArgExpr::Wildcard)];
    }
}

/// `avg` is the exact sum over the count; of nothing it is null.
fn average(function: &Function) -> Expr {
    let (mut sum, mut count) = (function.clone(), function.clone());
    rename(&mut sum, "sum");
    rename(&mut count, "count");
    let count = call("nullif", vec![Expr::Function(count), number("0")]);
    Expr::Nested(Box::new(binary(
        Expr::Function(sum),
        BinaryOperator::Divide,
        count,
    )))
}

/// `argMax(x, y)`: the x of the largest y, of several the largest x, so that the answer is always the
/// same.
fn extreme(function: &Function, name: &str) -> Result<Expr, String> {
    let given = given(function);
    let [value, by] = given.as_slice() else {
        return Err(format!("{name} takes a value and what is compared"));
    };
    let mut extreme = function.clone();
    let order = |expr: &Expr| OrderByExpr {
        expr: expr.clone(),
        options: OrderByOptions {
            asc: Some(true),
            nulls_first: Some(false),
        },
        with_fill: None,
    };
    extreme.args = FunctionArguments::List(FunctionArgumentList {
        duplicate_treatment: None,
        args: unnamed(vec![value.clone()]),
        clauses: vec![FunctionArgumentClause::OrderBy(vec![
            order(by),
            order(value),
        ])],
    });
    for part in [value, by] {
        add_filter(&mut extreme, Expr::IsNotNull(Box::new(part.clone())));
    }
    let end = if name == "argmax" {
        "last_value"
    } else {
        "first_value"
    };
    rename(&mut extreme, end);
    Ok(Expr::Function(extreme))
}

fn unnamed(values: Vec<Expr>) -> Vec<FunctionArg> {
    let values = values.into_iter().map(FunctionArgExpr::Expr);
    values.map(FunctionArg::Unnamed).collect()
}

fn call(name: &str, values: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: unnamed(values),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn case(pairs: Vec<(Expr, Expr)>, last: Option<Expr>) -> Expr {
    let conditions = pairs.into_iter();
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: conditions
            .map(|(condition, result)| CaseWhen { condition, result })
            .collect(),
        else_result: last.map(Box::new),
    }
}

fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op,
        right: Box::new(Expr::Nested(Box::new(right))),
    }
}

fn text(text: &str) -> Expr {
    Expr::value(Value::SingleQuotedString(text.to_owned()))
}

fn number(digits: &str) -> Expr {
    Expr::value(Value::Number(digits.to_owned(), false))
}

fn plain_cast(value: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type,
        array: false,
        format: None,
    }
}

fn whole(value: Expr) -> Expr {
    plain_cast(value, DataType::BigInt(None))
}

fn date(value: Expr) -> Expr {
    plain_cast(value, DataType::Date)
}

fn decimal(value: Expr, precision: u64, scale: u64) -> Expr {
    let digits = ExactNumberInfo::PrecisionAndScale(precision, i64::try_from(scale).unwrap_or(0));
    plain_cast(value, DataType::Decimal(digits))
}

fn instant(value: Expr) -> Expr {
    let data_type = columns::instant_type().to_string();
    call("arrow_cast", vec![value, text(&data_type)])
}
