//! One SELECT, and nothing else.
//!
//! Owns what a rendered template may be: which statements, which parts of them, how deep and how long.
//! Does not own what it may name ([`super`] gives it its tables).

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::{
    ast::{
        Expr, LimitClause, ObjectName, Query, Select, SetExpr, Statement, TableFactor, Value,
        ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
    },
    dialect::GenericDialect,
    parser::{Parser, ParserError},
    tokenizer::{Span, TokenWithSpan, Tokenizer},
};
use florin_app::usage::{UsageError, UsageResult};

use super::{
    depth,
    template::{self, Rendered, Slot},
};
use crate::session;

/// How deep brackets and subqueries nest.
const DEPTH_MAX: usize = 50;

/// The query of a rendered template.
///
/// # Errors
/// [`UsageError::Query`] and [`UsageError::Limit`].
pub(super) fn read(rendered: &Rendered) -> UsageResult<Query> {
    let refuse = |refusal| refused(refusal, rendered.has_positions);
    let tokens = Tokenizer::new(&GenericDialect {}, &rendered.sql).tokenize_with_location();
    let tokens = tokens.map_err(|error| unparsed(&error.into(), rendered))?;
    depth::bounded(tokens.iter().map(|token| &token.token))?;
    let mut statements = parsed(tokens)?
        .map_err(|error| unparsed(&error, rendered))?
        .into_iter();
    let query = match (statements.next(), statements.next()) {
        (Some(Statement::Query(query)), None) => *query,
        (Some(_), None) => return Err(refuse(only_select("only SELECT is allowed"))),
        _ => return Err(refuse(only_select("exactly one SELECT is needed"))),
    };
    match query.visit(&mut Allowed) {
        ControlFlow::Break(refusal) => Err(refuse(refusal)),
        ControlFlow::Continue(()) => Ok(query),
    }
}

fn parsed(tokens: Vec<TokenWithSpan>) -> UsageResult<Result<Vec<Statement>, ParserError>> {
    session::on_deep_stack(|| {
        let parser = Parser::new(&GenericDialect {}).with_recursion_limit(DEPTH_MAX);
        parser.with_tokens_with_locations(tokens).parse_statements()
    })
}

type Refusal = (String, Span);

fn only_select(message: &str) -> Refusal {
    (message.to_owned(), Span::empty())
}

/// A refusal with its place, where the rendered text has the places of the template.
pub(super) fn refused((message, span): Refusal, has_positions: bool) -> UsageError {
    let place = (span.start.line, span.start.column);
    UsageError::Query {
        message,
        position: (has_positions && place.0 > 0).then_some(place),
    }
}

fn unparsed(error: &ParserError, rendered: &Rendered) -> UsageError {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
        ParserError::RecursionLimitExceeded => {
            let message = format!("a query nests {DEPTH_MAX} levels at most");
            return UsageError::Limit { message };
        }
    };
    let (words, place) = match message.rsplit_once(" at Line: ") {
        Some((words, place)) => (words.to_owned(), numbers(place)),
        None => (message, None),
    };
    UsageError::Query {
        message: template::without_slots(&words),
        position: place.filter(|_| rendered.has_positions),
    }
}

/// `3, Column: 14`
fn numbers(place: &str) -> Option<(u64, u64)> {
    let (line, column) = place.split_once(", Column: ")?;
    Some((line.trim().parse().ok()?, column.trim().parse().ok()?))
}

/// Passes over what is allowed; breaks at anything else.
struct Allowed;

fn refuse(is_there: bool, what: &str) -> ControlFlow<Refusal> {
    match is_there {
        true => ControlFlow::Break((format!("{what} is not allowed"), Span::empty())),
        false => ControlFlow::Continue(()),
    }
}

impl Visitor for Allowed {
    type Break = Refusal;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        let limit_by = match &query.limit_clause {
            Some(LimitClause::LimitOffset { limit_by, .. }) => !limit_by.is_empty(),
            _ => false,
        };
        let is_recursive = query.with.as_ref().is_some_and(|with| with.recursive);
        refuse(is_recursive, "WITH RECURSIVE")?;
        refuse(limit_by, "LIMIT BY")?;
        refuse(query.settings.is_some(), "SETTINGS")?;
        refuse(query.format_clause.is_some(), "FORMAT")?;
        refuse(!query.locks.is_empty(), "a lock")?;
        refuse(query.for_clause.is_some(), "FOR")?;
        refuse(!query.pipe_operators.is_empty(), "|>")?;
        body(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        refuse(select.into.is_some(), "INTO")?;
        refuse(select.top.is_some(), "TOP")?;
        refuse(!select.lateral_views.is_empty(), "LATERAL VIEW")?;
        refuse(!select.connect_by.is_empty(), "CONNECT BY")?;
        refuse(!select.cluster_by.is_empty(), "CLUSTER BY")?;
        refuse(!select.distribute_by.is_empty(), "DISTRIBUTE BY")?;
        refuse(!select.sort_by.is_empty(), "SORT BY")?;
        refuse(select.value_table_mode.is_some(), "SELECT AS")
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Refusal> {
        match table {
            TableFactor::Table {
                name,
                args,
                version,
                sample,
                partitions,
                with_hints,
                json_path,
                ..
            } => {
                refuse_at(args.is_some(), "a function as table", name)?;
                refuse_at(name.0.len() != 1, "a table name of several parts", name)?;
                refuse_at(sample.is_some(), "SAMPLE", name)?;
                let others = version.is_some() || json_path.is_some();
                let others = others || !partitions.is_empty() || !with_hints.is_empty();
                refuse_at(others, "a version or part of a table", name)
            }
            TableFactor::Derived { sample, .. } => refuse(sample.is_some(), "SAMPLE"),
            TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            _ => refuse(true, "a table that is neither named nor a subquery"),
        }
    }
}

fn refuse_at(is_there: bool, what: &str, name: &ObjectName) -> ControlFlow<Refusal> {
    let place = place(name);
    match is_there {
        true => ControlFlow::Break((format!("{what} is not allowed"), place)),
        false => ControlFlow::Continue(()),
    }
}

/// Where a name stands.
pub(super) fn place(name: &ObjectName) -> Span {
    let first = name.0.first().and_then(|part| part.as_ident());
    first.map_or_else(Span::empty, |name| name.span)
}

fn body(body: &SetExpr) -> ControlFlow<Refusal> {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
        SetExpr::SetOperation { left, right, .. } => {
            self::body(left)?;
            self::body(right)
        }
        _ => ControlFlow::Break(only_select("only SELECT is allowed")),
    }
}

/// Puts values into a query where literals stand for them, and counts these literals.
///
/// # Errors
/// Those of `customer`, which knows the customer's values, or leaves them open.
pub(super) fn fill(
    query: &mut Query,
    slots: &[Slot],
    mut customer: impl FnMut(&[String]) -> UsageResult<Option<Value>>,
) -> UsageResult<usize> {
    let mut filler = Filler {
        slots,
        customer: &mut customer,
        found: 0,
    };
    match query.visit(&mut filler) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(filler.found),
    }
}

struct Filler<'s> {
    slots: &'s [Slot],
    customer: &'s mut dyn FnMut(&[String]) -> UsageResult<Option<Value>>,
    found: usize,
}

impl VisitorMut for Filler<'_> {
    type Break = UsageError;

    fn pre_visit_value(&mut self, value: &mut ValueWithSpan) -> ControlFlow<UsageError> {
        let Some(slot) = slot(&value.value).and_then(|slot| self.slots.get(slot)) else {
            return ControlFlow::Continue(());
        };
        self.found += 1;
        match slot {
            Slot::Literal(literal) => value.value = literal.clone(),
            Slot::Customer(path) => match (self.customer)(path) {
                Ok(Some(literal)) => value.value = literal,
                Ok(None) => {}
                Err(error) => return ControlFlow::Break(error),
            },
        }
        ControlFlow::Continue(())
    }
}

/// Which slot a literal stands for.
pub(super) fn slot(value: &Value) -> Option<usize> {
    match value {
        Value::SingleQuotedString(text) => template::slot_of(text),
        _ => None,
    }
}

/// Which slot an expression is, whatever it is cast to.
pub(super) fn slot_of(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => slot(&value.value),
        Expr::Nested(expr) => slot_of(expr),
        Expr::Function(function) => text_of(function).and_then(slot_of),
        _ => None,
    }
}

/// The argument of `to_text`.
pub(super) fn text_of(
    function: &datafusion::logical_expr::sqlparser::ast::Function,
) -> Option<&Expr> {
    use datafusion::logical_expr::sqlparser::ast::{
        FunctionArg, FunctionArgExpr, FunctionArguments,
    };
    let is_text = function.name.to_string() == "to_text";
    match &function.args {
        FunctionArguments::List(list) if is_text => match list.args.as_slice() {
            [FunctionArg::Unnamed(FunctionArgExpr::Expr(value))] => Some(value),
            _ => None,
        },
        _ => None,
    }
}
