//! A [`Query`] as SQL, and the page that it answers.

use florin_core::currency::CUSTOM_MINOR_DIGITS_MAX;
use rust_decimal::Decimal;
use sea_query::{
    Asterisk, CaseStatement, Cond, Expr, ExprTrait, Func, NullOrdering, Order as Direction,
    SelectStatement, SimpleExpr, Value,
};
use uuid::Uuid;

use super::{Column, Condition, Cursor, Kind, Operator, Position, Query, Source, Spec, parse};
use crate::{Backend, Error, Result, Row, Tx, dialect};

/// One page of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows.
    pub results: Vec<T>,
    /// Cursor of the page after this one.
    pub next: Option<String>,
    /// Cursor of the page before this one.
    pub previous: Option<String>,
    /// Rows of all pages.
    pub total_count: i64,
}

/// Reads one page and hands each row to `decode`.
///
/// # Errors
/// What the statements or `decode` answer.
pub async fn page<T>(
    tx: &mut Tx,
    spec: &Spec,
    query: &Query,
    decode: impl Fn(&Row) -> Result<T>,
) -> Result<Page<T>> {
    let filtered = filtered(tx, spec, query);
    let is_whole = query.conditions.is_empty() && query.ranked.is_none();
    let count = match is_whole && dialect::keeps_count(tx.backend(), spec.table) {
        true => kept_count(tx, spec.table),
        false => count(&filtered),
    };
    let paged = paged(tx.backend(), filtered, spec, query)?;
    let [counted, mut rows] = tx.fetch_each([&count, &paged]).await?;
    let counted = counted.first().map(|row| row.get("total_count"));
    let total_count = counted.transpose()?.unwrap_or(0);
    let has_more = rows.len() as u64 > query.limit;
    rows.truncate(usize::try_from(query.limit).unwrap_or(usize::MAX));
    let backward = is_backward(query);
    if backward {
        rows.reverse();
    }
    let (next, previous) = neighbours(query, &rows, has_more)?;
    let results = rows.iter().map(decode).collect::<Result<_>>()?;
    Ok(Page {
        results,
        next,
        previous,
        total_count,
    })
}

fn count(filtered: &SelectStatement) -> SelectStatement {
    let mut count = filtered.clone();
    count.expr_as(Func::count(Expr::col(Asterisk)), "total_count");
    count
}

/// The count that triggers keep, exact within the transaction; no row where there never was one.
fn kept_count(tx: &Tx, table: &'static str) -> SelectStatement {
    let mut select = tx.select("row_count");
    select
        .expr_as(Expr::col("row_count"), "total_count")
        .and_where(Expr::col("name").eq(table));
    select
}

fn is_backward(query: &Query) -> bool {
    matches!(
        &query.position,
        Position::Cursor(Cursor::Key { backward: true, .. })
    )
}

fn filtered(tx: &Tx, spec: &Spec, query: &Query) -> SelectStatement {
    let backend = tx.backend();
    let mut select = tx.select(spec.table);
    if spec.soft_deleted {
        select.and_where(Expr::col((spec.table, "deleted_at")).is_null());
    }
    for condition in &query.conditions {
        select.and_where(where_clause(backend, spec, condition));
    }
    if let (Some(ranked), Some(text)) = (&spec.ranked, &query.ranked) {
        let columns = ranked.columns.iter();
        let any = columns.fold(Cond::any(), |any, column| {
            any.add(dialect::contains_ignoring_case(
                backend,
                own(spec, column),
                text,
            ))
        });
        select.cond_where(any);
    }
    select
}

fn own(spec: &Spec, column: &'static str) -> SimpleExpr {
    Expr::col((spec.table, column))
}

fn where_clause(backend: Backend, spec: &Spec, condition: &Condition) -> SimpleExpr {
    match condition {
        Condition::Scope(expression) => expression.clone(),
        // What is absent is null; nothing else can be said of it.
        Condition::Compare {
            column,
            operator: Operator::IsNull,
            values,
        } if column.source == Source::Absent => {
            Expr::val(1).eq(i32::from(values.contains(&Value::Bool(Some(true)))))
        }
        Condition::Compare {
            column,
            operator,
            values,
        } if column.kind == Kind::Money && *operator != Operator::IsNull => {
            compare_amounts(backend, spec, column, *operator, values)
        }
        Condition::Compare {
            column,
            operator,
            values,
        } => related(spec, column, |target| {
            compare(backend, target, *operator, values)
        }),
        Condition::Contains { column, path, text } => related(spec, column, |target| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let target = match column.kind {
                Kind::Json => dialect::json_text(backend, target, &path),
                Kind::Uuid => dialect::as_text(backend, target),
                _ => target,
            };
            dialect::contains_ignoring_case(backend, target, text)
        }),
    }
}

/// The condition on the column itself, or on the rows of another table that the column reaches.
fn related(
    spec: &Spec,
    column: &Column,
    condition: impl Fn(SimpleExpr) -> SimpleExpr,
) -> SimpleExpr {
    let (table, link, column) = match column.source {
        Source::Own(name) => return condition(own(spec, name)),
        Source::Through {
            link,
            foreign,
            local,
            table,
            column,
        } => {
            let of_row = Expr::col((link, foreign)).equals((spec.table, "id"));
            let linked = Expr::col((table, "id")).equals((link, local));
            let matches = condition(Expr::col((table, column)));
            return exists(
                link,
                spec.table,
                of_row.and(exists(table, link, linked.and(matches))),
            );
        }
        Source::Absent => return Expr::val(1).eq(0),
        Source::AnyOf(names) => {
            let of_own = |any: SimpleExpr, name: &&'static str| any.or(condition(own(spec, name)));
            return names.iter().fold(Expr::val(1).eq(0), of_own);
        }
        Source::Related {
            table,
            foreign,
            column,
        } => (
            table,
            Expr::col((table, foreign)).equals((spec.table, "id")),
            column,
        ),
        Source::Parent {
            table,
            local,
            column,
        } => (
            table,
            Expr::col((table, "id")).equals((spec.table, local)),
            column,
        ),
    };
    exists(
        table,
        spec.table,
        link.and(condition(Expr::col((table, column)))),
    )
}

/// Whether `table` has a row of the organisation of `other`'s row that fulfils the condition.
fn exists(table: &'static str, other: &'static str, condition: SimpleExpr) -> SimpleExpr {
    let mut select = sea_query::Query::select();
    select.expr(Expr::val(1)).from(table);
    select.and_where(Expr::col((table, "organisation_id")).equals((other, "organisation_id")));
    select.and_where(condition);
    Expr::exists(select)
}

/// Amounts in major units against minor units: each number of digits by itself, so that nothing is divided.
fn compare_amounts(
    backend: Backend,
    spec: &Spec,
    column: &Column,
    operator: Operator,
    values: &[Value],
) -> SimpleExpr {
    let minor = |value: &Value, digits: u8| match value {
        Value::Decimal(Some(amount)) => {
            let factor = Decimal::from(10_u64.pow(digits.into()));
            Value::from(amount.checked_mul(factor).map(|minor| minor.normalize()))
        }
        other => other.clone(),
    };
    let digits = 0..=CUSTOM_MINOR_DIGITS_MAX;
    digits.fold(Expr::val(1).eq(0), |any, digits| {
        let values: Vec<Value> = values.iter().map(|value| minor(value, digits)).collect();
        let holds = related(spec, column, |target| {
            compare(backend, target, operator, &values)
        });
        let is_kept_so = own(spec, "minor_digits").eq(i64::from(digits));
        any.or(is_kept_so.and(holds))
    })
}

fn compare(
    backend: Backend,
    target: SimpleExpr,
    operator: Operator,
    values: &[Value],
) -> SimpleExpr {
    let value = values.first().cloned().unwrap_or(Value::String(None));
    match operator {
        Operator::Equal => target.eq(value),
        Operator::NotEqual => target.ne(value),
        Operator::Greater => target.gt(value),
        Operator::GreaterOrEqual => target.gte(value),
        Operator::Less => target.lt(value),
        Operator::LessOrEqual => target.lte(value),
        Operator::In => target.is_in(values.iter().cloned()),
        Operator::IsNull if value == Value::Bool(Some(true)) => target.is_null(),
        Operator::IsNull => target.is_not_null(),
        Operator::Like => dialect::contains(backend, target, as_str(&value)),
        Operator::Ilike => dialect::contains_ignoring_case(backend, target, as_str(&value)),
    }
}

fn as_str(value: &Value) -> &str {
    match value {
        Value::String(Some(text)) => text,
        _ => "",
    }
}

/// Adds columns, order, position and limit. One row more than asked tells whether there is more.
fn paged(
    backend: Backend,
    mut select: SelectStatement,
    spec: &Spec,
    query: &Query,
) -> Result<SelectStatement> {
    select.column((spec.table, Asterisk)).limit(query.limit + 1);
    if let (Some(ranked), Some(text)) = (&spec.ranked, &query.ranked) {
        select.order_by_expr(rank(backend, spec, ranked.columns, text), Direction::Asc);
    }
    let column = query.order.column;
    let Source::Own(name) = column.source else {
        return Err(unsortable(column));
    };
    let descending = query.order.descending != is_backward(query);
    let direction = if descending {
        Direction::Desc
    } else {
        Direction::Asc
    };
    if column.nullable {
        let nulls = if is_backward(query) {
            NullOrdering::First
        } else {
            NullOrdering::Last
        };
        select.order_by_with_nulls((spec.table, name), direction.clone(), nulls);
    } else {
        select.order_by((spec.table, name), direction.clone());
    }
    if name != "id" {
        select.order_by((spec.table, "id"), direction);
    }
    match &query.position {
        Position::Start => {}
        Position::Offset(rows) | Position::Cursor(Cursor::Offset(rows)) => {
            select.offset(*rows);
        }
        Position::Cursor(Cursor::Key {
            backward,
            value,
            id,
            ..
        }) => {
            let value = match value {
                Some(text) => {
                    Some(parse::scalar(column.kind, text).map_err(|_| unsortable(column))?)
                }
                None => None,
            };
            let key = Key {
                spec,
                column,
                name,
                value,
                id: *id,
                backward: *backward,
                descending,
            };
            select.cond_where(key.beyond());
        }
    }
    Ok(select)
}

/// 0 where a column equals the text, 1 where one begins with it, 2 where one contains it.
fn rank(backend: Backend, spec: &Spec, columns: &[&'static str], text: &str) -> SimpleExpr {
    // The database folds both sides, so that they are folded alike.
    let lower = |side: SimpleExpr| SimpleExpr::from(Func::lower(side));
    let equal = columns.iter().fold(Cond::any(), |any, column| {
        any.add(lower(own(spec, column)).eq(lower(Expr::val(text))))
    });
    let begins = columns.iter().fold(Cond::any(), |any, column| {
        any.add(dialect::begins_with_ignoring_case(
            backend,
            own(spec, column),
            text,
        ))
    });
    CaseStatement::new()
        .case(equal, 0)
        .case(begins, 1)
        .finally(2)
        .into()
}

struct Key<'k> {
    spec: &'k Spec,
    column: &'static Column,
    name: &'static str,
    value: Option<Value>,
    id: Uuid,
    backward: bool,
    descending: bool,
}

impl Key<'_> {
    /// Rows after the key in the direction of the query.
    fn beyond(&self) -> Cond {
        let column = own(self.spec, self.name);
        let id = own(self.spec, "id");
        let past = |target: SimpleExpr, value: Value| {
            if self.descending {
                target.lt(value)
            } else {
                target.gt(value)
            }
        };
        let Some(value) = self.value.clone() else {
            let among_nulls = Cond::all()
                .add(column.clone().is_null())
                .add(past(id, self.id.into()));
            let any = Cond::any().add(among_nulls);
            return if self.backward {
                any.add(column.is_not_null())
            } else {
                any
            };
        };
        if !self.column.nullable {
            let key = Expr::tuple([column, id]);
            let mark = Expr::tuple([Expr::val(value), Expr::val(self.id)]);
            return Cond::all().add(if self.descending {
                key.lt(mark)
            } else {
                key.gt(mark)
            });
        }
        let ties = Cond::all()
            .add(column.clone().eq(value.clone()))
            .add(past(id, self.id.into()));
        let any = Cond::any().add(past(column.clone(), value)).add(ties);
        if self.backward {
            any
        } else {
            any.add(column.is_null())
        }
    }
}

/// Cursors of the pages after and before.
fn neighbours(
    query: &Query,
    rows: &[Row],
    has_more: bool,
) -> Result<(Option<String>, Option<String>)> {
    if let Some(begin) = computed_offset(query) {
        let after = begin + rows.len() as u64;
        let before = begin.saturating_sub(query.limit);
        let next = has_more.then(|| Cursor::Offset(after).encode());
        let previous = (begin > 0).then(|| Cursor::Offset(before).encode());
        return Ok((next, previous));
    }
    let backward = is_backward(query);
    let at_start = matches!(query.position, Position::Start);
    let has_next = if backward { true } else { has_more };
    let has_previous = if backward { has_more } else { !at_start };
    let next = rows
        .last()
        .filter(|_| has_next)
        .map(|row| key(query, row, false))
        .transpose()?;
    let previous = rows
        .first()
        .filter(|_| has_previous)
        .map(|row| key(query, row, true))
        .transpose()?;
    Ok((next, previous))
}

/// The page's offset, where pages are counted and not keyed.
fn computed_offset(query: &Query) -> Option<u64> {
    match &query.position {
        Position::Offset(rows) | Position::Cursor(Cursor::Offset(rows)) => Some(*rows),
        Position::Start if query.ranked.is_some() => Some(0),
        _ => None,
    }
}

fn key(query: &Query, row: &Row, backward: bool) -> Result<String> {
    let column = query.order.column;
    let Source::Own(name) = column.source else {
        return Err(unsortable(column));
    };
    let value = match column.kind {
        Kind::Uuid => row.optional::<Uuid>(name)?.map(|value| value.to_string()),
        Kind::Text | Kind::Choice(_) => row.optional::<String>(name)?,
        Kind::Boolean => row.optional::<bool>(name)?.map(|value| value.to_string()),
        Kind::Timestamp => row
            .optional::<jiff::Timestamp>(name)?
            .map(|value| value.to_string()),
        Kind::Date => row
            .optional::<jiff::civil::Date>(name)?
            .map(|value| value.to_string()),
        Kind::Integer | Kind::Money => row.optional::<i64>(name)?.map(|value| value.to_string()),
        Kind::Decimal => row
            .optional::<Decimal>(name)?
            .map(|value| value.to_string()),
        Kind::Json => return Err(unsortable(column)),
    };
    let (column, descending) = (column.name.to_owned(), query.order.descending);
    let cursor = Cursor::Key {
        backward,
        column,
        descending,
        value,
        id: row.get("id")?,
    };
    Ok(cursor.encode())
}

fn unsortable(column: &Column) -> Error {
    let reason = "a list cannot be sorted by it".to_owned();
    Error::Corrupt {
        column: column.name.to_owned(),
        reason,
    }
}
