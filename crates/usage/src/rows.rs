//! Rows of a stream, for people to look at.
//!
//! Owns their order and their JSON: decimals are numbers with every digit, instants and days texts in
//! ISO form. Does not own which rows there are (the table that it is given).

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::{
    catalog::TableProvider,
    common::{DataFusionError, Result as EngineResult},
    dataframe::DataFrame,
    logical_expr::{SortExpr, ident},
};
use florin_app::usage::{EventRow, ROWS_MAX, RowsQuery, UsageError, UsageResult};
use florin_core::usage::Schema;

use crate::{
    columns,
    metric::{conditions, unreadable},
    session::{Queries, refused},
    values,
};

/// The rows that are asked for; equal ones in the order of their receipt, the last first. Nulls stand
/// last.
///
/// # Errors
/// [`UsageError::Query`] for an order by an unknown column; [`UsageError::Limit`],
/// [`UsageError::Unavailable`].
pub(crate) async fn rows(
    queries: &Queries,
    table: Arc<dyn TableProvider>,
    schema: &Schema,
    query: &RowsQuery,
) -> UsageResult<Vec<EventRow>> {
    let session = queries.session()?;
    let order = order(schema, query)?;
    let frame = asked(session.read(table)?, schema, query, order);
    let batches = session
        .collect(frame.map_err(|error| refused(&error))?)
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        add(batch, &mut rows).ok_or_else(unreadable)?;
    }
    Ok(rows)
}

fn asked(
    table: DataFrame,
    schema: &Schema,
    query: &RowsQuery,
    order: Vec<SortExpr>,
) -> EngineResult<DataFrame> {
    let mut rows = table;
    for conditions in &query.conditions {
        if let Some(filter) = conditions::expression(schema, conditions)? {
            rows = rows.filter(filter)?;
        }
    }
    let limit = query.limit.min(ROWS_MAX);
    rows.sort(order)?.limit(query.offset, Some(limit))
}

fn order(schema: &Schema, query: &RowsQuery) -> UsageResult<Vec<SortExpr>> {
    let by = query.order.iter().map(|(path, is_descending)| {
        let is_known = path == columns::SEQUENCE || schema.column(path).is_some();
        let column = is_known.then(|| ident(path.as_str()).sort(!is_descending, false));
        column.ok_or_else(|| {
            let error = DataFusionError::Plan(format!("rows have no column `{path}`"));
            refused(&error)
        })
    });
    let mut by = by.collect::<Result<Vec<SortExpr>, UsageError>>()?;
    by.push(ident(columns::SEQUENCE).sort(false, false));
    Ok(by)
}

/// Adds the rows of a batch; `None` where it has values that nobody sends.
pub(crate) fn add(batch: &RecordBatch, rows: &mut Vec<EventRow>) -> Option<()> {
    let columns = batch.columns().iter().map(values::readable);
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().ok()?;
    for row in 0..batch.num_rows() {
        let fields = batch.schema_ref().fields().iter().zip(&columns);
        let members = fields.map(|(field, column)| {
            let value = values::value(column, row)?;
            Some((field.name().clone(), value.shown()))
        });
        rows.push(members.collect::<Option<_>>()?);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use florin_core::usage::{Filter, FilterGroup, Filters, Logic, Operator, Recorded};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::{metric::tests::table, session::Limits};

    fn schema() -> Schema {
        let fields = [
            ("amount", "Float64"),
            ("price", "Decimal"),
            ("count", "Int64"),
            ("Name", "String"),
            ("id", "UUID"),
            ("flag", "Bool"),
            ("day", "Date32"),
            ("at", "DateTime64"),
            ("list", "Array(Decimal)"),
        ];
        Schema::new(fields, &[]).unwrap()
    }

    fn events(schema: &Schema) -> Vec<Recorded> {
        let full = r#"{ "amount": 12345678901234567890.123456789012, "price": "0.10", "count": -7,
            "Name": "Zürich", "id": "A0000000-0000-0000-0000-0000000000FF", "flag": true,
            "day": "2026-01-05", "at": "2026-01-05 10:00:00.25", "list": [1.5, null] }"#;
        let full: Json = serde_json::from_str(full).unwrap();
        let events = [
            json!({ "customer_id": "b", "timestamp": "2026-01-05", "data": full }),
            json!({ "customer_id": "c", "timestamp": "2026-01-09", "data": { "count": 2 } }),
            json!({ "customer_id": "b", "timestamp": "2026-01-05", "data": { "count": 1 } }),
            json!({ "customer_id": "b", "timestamp": "2026-02-01", "data": {} }),
        ];
        let read = schema.read(events).unwrap().into_iter();
        (1..)
            .zip(read)
            .map(|(sequence, event)| Recorded { sequence, event })
            .collect()
    }

    fn query(order: &[(&str, bool)]) -> RowsQuery {
        let order = order.iter().map(|(path, down)| ((*path).to_owned(), *down));
        RowsQuery {
            conditions: Vec::new(),
            order: order.collect(),
            limit: ROWS_MAX + 1,
            offset: 0,
        }
    }

    async fn asked(query: &RowsQuery) -> UsageResult<Vec<EventRow>> {
        let (schema, queries) = (schema(), Queries::new(Limits::default()).unwrap());
        rows(&queries, table(&schema, &events(&schema)), &schema, query).await
    }

    async fn sequences(query: &RowsQuery) -> Vec<i64> {
        let rows = asked(query).await.unwrap();
        rows.iter()
            .map(|row| row["_seq"].as_i64().unwrap())
            .collect()
    }

    #[tokio::test]
    async fn a_row_shows_every_digit_and_type() {
        let rows = asked(&query(&[("_seq", false)])).await.unwrap();
        let shown = serde_json::to_string(&rows[0]).unwrap();
        assert_eq!(
            shown,
            concat!(
                r#"{"_received_at":"1970-01-01T00:00:00Z","_seq":1,"customer_id":"b","#,
                r#""data.Name":"Zürich","data.amount":12345678901234567890.123456789,"#,
                r#""data.at":"2026-01-05T10:00:00.25Z","data.count":-7,"data.day":"2026-01-05","#,
                r#""data.flag":true,"data.id":"a0000000-0000-0000-0000-0000000000ff","#,
                r#""data.list":[1.5,null],"data.price":0.1,"timestamp":"2026-01-05T00:00:00Z"}"#,
            )
        );
        assert_eq!(rows[1]["data.amount"], Json::Null);
    }

    #[tokio::test]
    async fn rows_are_filtered_ordered_and_cut() {
        assert_eq!(sequences(&query(&[])).await, [4, 3, 2, 1]);
        assert_eq!(
            sequences(&query(&[("timestamp", false)])).await,
            [3, 1, 2, 4]
        );
        assert_eq!(
            sequences(&query(&[("data.count", true)])).await,
            [2, 3, 1, 4]
        );
        let filter = |column: &str, operator: Operator, value: Json| {
            let column = column.to_owned();
            let filters = vec![Filter {
                column,
                operator,
                value,
            }];
            let logic = Logic::And;
            let groups = vec![FilterGroup { logic, filters }];
            Filters { logic, groups }.against(&schema()).unwrap()
        };
        let in_january = RowsQuery {
            conditions: vec![
                filter("timestamp", Operator::GreaterOrEqual, json!("2026-01-01")),
                filter("timestamp", Operator::Less, json!("2026-02-01")),
            ],
            limit: 2,
            offset: 1,
            ..query(&[("_seq", false)])
        };
        assert_eq!(sequences(&in_january).await, [2, 3]);
        let of_b = RowsQuery {
            conditions: vec![filter("customer_id", Operator::Equal, json!("b"))],
            ..query(&[("_seq", false)])
        };
        assert_eq!(sequences(&of_b).await, [1, 3, 4]);
    }

    #[tokio::test]
    async fn an_unknown_order_is_refused() {
        let error = asked(&query(&[("data.nothing", false)])).await.unwrap_err();
        assert!(error.to_string().contains("`data.nothing`"), "{error}");
    }
}
