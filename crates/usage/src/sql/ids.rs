//! Customers in queries: their keys, and their values in a query of their own.

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::{
    ast::{BinaryOperator, Expr, Query, Value, VisitMut, VisitorMut, visit_relations},
    tokenizer::Span,
};
use florin_app::usage::UsageResult;
use florin_core::usage::UsageCustomer;
use uuid::Uuid;

use super::{
    statement::{self, slot_of},
    template::{self, Slot},
};

/// A customer and the only text that names it, if there is one.
pub(super) type Keyed = (Uuid, Option<String>);

/// Customers that an attribute names with one text or not at all, with that text; and the others: those
/// with several external ids, and those whose attribute is no text.
pub(super) fn keys<'c>(
    path: &[String],
    customers: &'c [UsageCustomer],
) -> UsageResult<(Vec<Keyed>, Vec<&'c UsageCustomer>)> {
    let (mut keys, mut others) = (Vec::new(), Vec::new());
    for customer in customers {
        match template::literal(customer, path)? {
            _ if is_external_id(path) && customer.external_ids.len() > 1 => others.push(customer),
            Value::SingleQuotedString(key) => keys.push((customer.id, Some(key))),
            Value::Null => keys.push((customer.id, None)),
            _ => others.push(customer),
        }
    }
    Ok((keys, others))
}

fn is_external_id(path: &[String]) -> bool {
    path == ["external_id"]
}

/// The query with a customer's values in their places. An equality with its external id holds for every
/// external id that it had.
pub(super) fn of_customer(
    query: &Query,
    slots: &[Slot],
    customer: &UsageCustomer,
) -> UsageResult<Query> {
    let mut query = query.clone();
    if customer.external_ids.len() > 1 {
        let ids = customer.external_ids.iter();
        let ids = ids.map(|id| Expr::value(Value::SingleQuotedString(id.clone())));
        let ids = ids.collect();
        let _ = query.visit(&mut Widener { slots, ids });
    }
    statement::fill(&mut query, slots, |path| {
        template::literal(customer, path).map(Some)
    })?;
    Ok(query)
}

struct Widener<'s> {
    slots: &'s [Slot],
    ids: Vec<Expr>,
}

impl Widener<'_> {
    fn is_external_id(&self, expr: &Expr) -> bool {
        let slot = slot_of(expr).and_then(|slot| self.slots.get(slot));
        matches!(slot, Some(Slot::Customer(path)) if is_external_id(path))
    }
}

impl VisitorMut for Widener<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let other = match expr {
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } if self.is_external_id(right) => left.clone(),
            Expr::BinaryOp {
                left,
                op: BinaryOperator::Eq,
                right,
            } if self.is_external_id(left) => right.clone(),
            Expr::InList { list, .. } => {
                if list.iter().any(|item| self.is_external_id(item)) {
                    list.extend(self.ids.iter().cloned());
                }
                return ControlFlow::Continue(());
            }
            _ => return ControlFlow::Continue(()),
        };
        *expr = Expr::InList {
            expr: other,
            list: self.ids.clone(),
            negated: false,
        };
        ControlFlow::Continue(())
    }
}

/// Where a query names a table.
pub(super) fn place_of(query: &Query, table: &str) -> Span {
    let found = visit_relations(query, |name| {
        let is_it = name.0.first().and_then(|part| part.as_ident());
        match is_it.filter(|name| name.value == table) {
            Some(name) => ControlFlow::Break(name.span),
            None => ControlFlow::Continue(()),
        }
    });
    match found {
        ControlFlow::Break(span) => span,
        ControlFlow::Continue(()) => Span::empty(),
    }
}
