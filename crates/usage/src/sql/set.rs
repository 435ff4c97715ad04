//! The set form: one query for all customers instead of one for each.
//!
//! Owns which queries have one: an aggregation of one table, where the customer is mentioned once, in an
//! equality with a text column that every row must fulfil. Dropping the equality and grouping by the
//! column as well gives each customer's rows; a customer without rows has the answer of the query on
//! nothing. HAVING is no part of it: where it refuses a customer's row, there would be none.

use std::ops::ControlFlow;

use datafusion::logical_expr::{
    LogicalPlan,
    sqlparser::ast::{
        BinaryOperator, Expr, Function, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr,
        TableFactor, Value, Visit, Visitor,
    },
};

use super::{
    statement::{slot_of, text_of},
    template::{self, Slot},
};

/// The name of the column that is added.
pub(super) const CUSTOMER: &str = "florin customer";

/// A query that can be asked for all customers at once.
#[derive(Clone, Debug)]
pub(super) struct SetForm {
    /// The query without the equality.
    query: Query,
    /// The column that names the customer.
    column: Expr,
    /// The attribute of customers that it equals.
    pub(super) path: Vec<String>,
    /// The only table.
    pub(super) table: String,
    /// The column's name in the table.
    pub(super) column_name: String,
}

impl SetForm {
    /// The set form of a query, if it has one. Whether the column is a text of the table is for the
    /// caller to see.
    pub(super) fn of(query: &Query, slots: &[Slot], plan: &LogicalPlan) -> Option<Self> {
        let is_aggregation = match plan {
            LogicalPlan::Projection(projection) => {
                matches!(projection.input.as_ref(), LogicalPlan::Aggregate(_))
            }
            _ => false,
        };
        if !is_aggregation || !is_plain(query) || mentions(query) != 1 {
            return None;
        }
        let mut query = query.clone();
        let select = select(&mut query)?;
        let table = only_table(select)?;
        let condition = select.selection.take()?;
        let mut customer = None;
        let mut rest = Vec::new();
        for part in conjuncts(condition) {
            match equality(&part, slots) {
                Some(found) => customer = Some(found),
                None => rest.push(part),
            }
        }
        select.selection = rest.into_iter().reduce(and);
        let (column, path) = customer?;
        let column_name = name(&column)?;
        Some(Self {
            query,
            column,
            path,
            table,
            column_name,
        })
    }

    /// The query of all customers, or only of these if there are any; its last column is [`CUSTOMER`].
    pub(super) fn of_all(&self, keys: Option<Vec<String>>) -> Query {
        let mut query = self.query.clone();
        let Some(select) = select(&mut query) else {
            return query;
        };
        if let Some(keys) = keys {
            let list = keys
                .into_iter()
                .map(|key| Expr::value(Value::SingleQuotedString(key)));
            let named = Expr::InList {
                expr: Box::new(self.column.clone()),
                list: list.collect(),
                negated: false,
            };
            restrict(select, named);
        }
        select.projection.push(SelectItem::ExprWithAlias {
            expr: self.column.clone(),
            alias: Ident::with_quote('"', CUSTOMER),
        });
        if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
            groups.push(self.column.clone());
        }
        query
    }

    /// The query of a customer without rows.
    pub(super) fn of_nobody(&self) -> Query {
        let mut query = self.query.clone();
        if let Some(select) = select(&mut query) {
            select.selection = Some(Expr::value(Value::Boolean(false)));
        }
        query
    }
}

fn restrict(select: &mut Select, condition: Expr) {
    select.selection = Some(match select.selection.take() {
        Some(other) => and(other, condition),
        None => condition,
    });
}

fn and(left: Expr, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op: BinaryOperator::And,
        right: Box::new(Expr::Nested(Box::new(right))),
    }
}

fn select(query: &mut Query) -> Option<&mut Select> {
    match query.body.as_mut() {
        SetExpr::Select(select) => Some(select),
        _ => None,
    }
}

/// One SELECT without subqueries, window functions, order, limit, DISTINCT or HAVING.
fn is_plain(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return false;
    };
    let has_groups = match &select.group_by {
        GroupByExpr::Expressions(groups, modifiers) => {
            modifiers.is_empty() && groups.iter().all(is_value)
        }
        GroupByExpr::All(_) => false,
    };
    has_groups
        && query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && select.qualify.is_none()
        && select.named_window.is_empty()
        && query.visit(&mut Plain { queries: 0 }).is_continue()
}

/// GROUPING SETS and the like are no values.
fn is_value(group: &Expr) -> bool {
    !matches!(
        group,
        Expr::GroupingSets(_) | Expr::Cube(_) | Expr::Rollup(_) | Expr::Tuple(_)
    )
}

struct Plain {
    queries: usize,
}

impl Visitor for Plain {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.queries += 1;
        if self.queries > 1 {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(Function { over: Some(_), .. }) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// How often the query mentions a value that is not known yet.
fn mentions(query: &Query) -> usize {
    template::slots(&query.to_string())
}

fn only_table(select: &Select) -> Option<String> {
    let [from] = select.from.as_slice() else {
        return None;
    };
    match &from.relation {
        TableFactor::Table { name, .. } if from.joins.is_empty() => {
            let name = name.0.first()?.as_ident()?;
            Some(name.value.clone())
        }
        _ => None,
    }
}

fn conjuncts(condition: Expr) -> Vec<Expr> {
    match condition {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            let mut parts = conjuncts(*left);
            parts.extend(conjuncts(*right));
            parts
        }
        Expr::Nested(inner) if is_conjunction(&inner) => conjuncts(*inner),
        other => vec![other],
    }
}

fn is_conjunction(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_conjunction(inner),
        Expr::BinaryOp { op, .. } => matches!(op, BinaryOperator::And | BinaryOperator::Eq),
        _ => false,
    }
}

/// The column and the attribute of `column = {{ customer.… }}`, either way round.
fn equality(part: &Expr, slots: &[Slot]) -> Option<(Expr, Vec<String>)> {
    let Expr::BinaryOp {
        left,
        op: BinaryOperator::Eq,
        right,
    } = part
    else {
        return None;
    };
    let path = |expr: &Expr| match slots.get(slot_of(expr)?)? {
        Slot::Customer(path) => Some(path.clone()),
        Slot::Literal(_) => None,
    };
    let pair = |column: &Expr, value: &Expr| Some((plain_column(column)?.clone(), path(value)?));
    pair(left, right).or_else(|| pair(right, left))
}

/// A column, whether or not it is cast to a text.
fn plain_column(expr: &Expr) -> Option<&Expr> {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => Some(expr),
        Expr::Nested(inner) => plain_column(inner),
        Expr::Function(function) => text_of(function).and_then(plain_column),
        _ => None,
    }
}

fn name(column: &Expr) -> Option<String> {
    match column {
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        _ => None,
    }
}
