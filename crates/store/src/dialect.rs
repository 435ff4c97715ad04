//! The differences between the two databases, all of them. Does not own any statement.
//!
//! Representation of values: an instant is `timestamptz` on PostgreSQL and integer microseconds since
//! the epoch on SQLite (its text form would sort wrongly); an id is `uuid` or a 16-byte blob; a decimal
//! is `numeric` or text under the collation [`DECIMAL_COLLATION`], which compares numbers; JSON is
//! `json` (text kept as written, so that numbers stay exact) or text.

use std::cmp::Ordering;

use jiff_sqlx::ToSqlx;
use rust_decimal::Decimal;
use sea_query::{
    Expr, ExprTrait, PostgresQueryBuilder, QueryStatementWriter, SimpleExpr, SqliteQueryBuilder,
    Value, Values,
};
use sqlx::{
    Arguments,
    error::DatabaseError,
    postgres::PgArguments,
    sqlite::{SqliteArguments, SqliteError},
};

/// Name of the SQLite collation that orders decimal text by value.
pub const DECIMAL_COLLATION: &str = "DECIMAL";

/// Which of the two databases serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// One file in the data folder.
    Sqlite,
    /// A PostgreSQL server.
    Postgres,
}

/// Orders decimal texts by value; a text that is no decimal sorts before all numbers.
pub(crate) fn compare_decimals(left: &str, right: &str) -> Ordering {
    match (left.parse::<Decimal>(), right.parse::<Decimal>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => left.cmp(right),
    }
}

/// Renders a statement for the backend.
pub(crate) fn build(backend: Backend, statement: &impl QueryStatementWriter) -> (String, Values) {
    match backend {
        Backend::Sqlite => statement.build(SqliteQueryBuilder),
        Backend::Postgres => statement.build(PostgresQueryBuilder),
    }
}

/// `column` contains `text`, upper and lower case differing.
pub(crate) fn contains(backend: Backend, column: SimpleExpr, text: &str) -> SimpleExpr {
    match backend {
        Backend::Sqlite => Expr::cust_with_exprs("instr(?, ?) > 0", [column, Expr::val(text)]),
        Backend::Postgres => Expr::cust_with_exprs("strpos($1, $2) > 0", [column, Expr::val(text)]),
    }
}

/// `column` contains `text`, ignoring case. SQLite folds ASCII letters only.
pub(crate) fn contains_ignoring_case(
    backend: Backend,
    column: SimpleExpr,
    text: &str,
) -> SimpleExpr {
    like_ignoring_case(backend, column, format!("%{}%", escape_like(text)))
}

/// `column` begins with `text`, ignoring case as [`contains_ignoring_case`] does.
pub(crate) fn begins_with_ignoring_case(
    backend: Backend,
    column: SimpleExpr,
    text: &str,
) -> SimpleExpr {
    like_ignoring_case(backend, column, format!("{}%", escape_like(text)))
}

fn like_ignoring_case(backend: Backend, column: SimpleExpr, pattern: String) -> SimpleExpr {
    let sides = [column, Expr::val(pattern)];
    match backend {
        Backend::Sqlite => Expr::cust_with_exprs("? LIKE ? ESCAPE '\\'", sides),
        Backend::Postgres => Expr::cust_with_exprs("$1 ILIKE $2", sides),
    }
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

/// The text at a path inside a JSON column, a number or a word as it was written; null where the path
/// leads nowhere or to null.
pub(crate) fn json_text(backend: Backend, column: SimpleExpr, path: &[&str]) -> SimpleExpr {
    match backend {
        Backend::Sqlite => {
            let quoted: Vec<String> = path
                .iter()
                .map(|key| format!("\"{}\"", key.replace('"', "")))
                .collect();
            let path = Expr::val(format!("$.{}", quoted.join(".")));
            let sql = "CASE json_type(?, ?) WHEN 'null' THEN NULL \
                WHEN 'text' THEN json_extract(?, ?) ELSE ? -> ? END";
            let twice = [column, path];
            Expr::cust_with_exprs(sql, [&twice[..]; 3].concat())
        }
        Backend::Postgres => {
            let mut exprs = vec![column];
            exprs.extend(path.iter().map(|key| Expr::val(*key)));
            let keys: Vec<String> = (2..=exprs.len()).map(|n| format!("${n}")).collect();
            let sql = format!("json_extract_path_text($1, {})", keys.join(", "));
            Expr::cust_with_exprs(sql, exprs)
        }
    }
}

/// Column as text, for searching in ids and numbers; an id in its usual form with hyphens.
pub(crate) fn as_text(backend: Backend, column: SimpleExpr) -> SimpleExpr {
    const HYPHENATED: &str = "CASE typeof(?) WHEN 'blob' THEN lower(substr(hex(?), 1, 8) || '-' \
        || substr(hex(?), 9, 4) || '-' || substr(hex(?), 13, 4) || '-' || substr(hex(?), 17, 4) \
        || '-' || substr(hex(?), 21)) ELSE ? END";
    match backend {
        Backend::Sqlite => Expr::cust_with_exprs(HYPHENATED, vec![column; 7]),
        Backend::Postgres => column.cast_as("text"),
    }
}

/// Tables whose rows SQLite counts by triggers (migration 0008): lists of them are long, and counting
/// walks the rows. PostgreSQL has many writers, which would all wait for one counter.
const COUNTED: &[&str] = &["customer"];

/// Whether the number of an organisation's rows in this table stands in `row_count`.
pub(crate) fn keeps_count(backend: Backend, table: &str) -> bool {
    backend == Backend::Sqlite && COUNTED.contains(&table)
}

/// Whether the database has one server at a time, so that what another one began has ended with it.
pub(crate) fn has_one_server(backend: Backend) -> bool {
    backend == Backend::Sqlite
}

/// Name of the unique constraint that the error reports, equal on both databases.
pub(crate) fn violated_constraint(error: &(dyn DatabaseError + 'static)) -> Option<String> {
    if !error.is_unique_violation() {
        return None;
    }
    if let Some(name) = error.constraint() {
        return Some(name.to_owned());
    }
    sqlite_constraint(error.message())
}

/// Whether the same transaction can succeed when it is sent again: a deadlock, a lock that was not
/// got in time, a server without room or on its way down; on SQLite, a file that another process locks.
pub(crate) fn is_contention(error: &(dyn DatabaseError + 'static)) -> bool {
    const POSTGRES: &[&str] = &[
        "40001", "40P01", "53300", "55P03", "57P01", "57P02", "57P03",
    ];
    const SQLITE_BUSY: i64 = 5;
    const SQLITE_LOCKED: i64 = 6;
    let Some(code) = error.code() else {
        return false;
    };
    if error.try_downcast_ref::<SqliteError>().is_some() {
        // The low byte of an extended code is the primary one.
        let primary = code.parse::<i64>().map(|code| code & 0xff);
        return primary.is_ok_and(|code| matches!(code, SQLITE_BUSY | SQLITE_LOCKED));
    }
    POSTGRES.contains(&code.as_ref())
}

/// SQLite reports the columns, or the index where it is over an expression.
fn sqlite_constraint(message: &str) -> Option<String> {
    let (_, what) = message.split_once("UNIQUE constraint failed: ")?;
    if let Some(index) = what.strip_prefix("index '") {
        return Some(index.trim_end_matches('\'').to_owned());
    }
    let mut table = "";
    let mut columns = Vec::new();
    for part in what.split(", ") {
        let (of, column) = part.split_once('.')?;
        table = of;
        if column != "organisation_id" {
            columns.push(column);
        }
    }
    Some(format!("{table}_{}_key", columns.join("_")))
}

/// Binds values for SQLite.
pub(crate) fn bind_sqlite(values: Values) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        let added = match value {
            Value::Bool(value) => arguments.add(value),
            Value::Int(value) => arguments.add(value),
            Value::BigInt(value) => arguments.add(value),
            Value::BigUnsigned(value) => arguments.add(value.and_then(|n| i64::try_from(n).ok())),
            Value::String(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Json(value) => arguments.add(value.map(|json| json.to_string())),
            Value::JiffDate(value) => arguments.add(value.map(|date| date.to_string())),
            Value::JiffTimestamp(value) => arguments.add(value.map(|at| at.as_microsecond())),
            Value::Uuid(value) => arguments.add(value),
            Value::Decimal(value) => arguments.add(value.map(|number| number.to_string())),
            other => return Err(unsupported(&other)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// Binds values for PostgreSQL.
pub(crate) fn bind_postgres(values: Values) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Bool(value) => arguments.add(value),
            Value::Int(value) => arguments.add(value),
            Value::BigInt(value) => arguments.add(value),
            Value::BigUnsigned(value) => arguments.add(value.and_then(|n| i64::try_from(n).ok())),
            Value::String(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Json(value) => arguments.add(value.map(|json| JsonText(*json))),
            Value::JiffDate(value) => arguments.add(value.map(ToSqlx::to_sqlx)),
            Value::JiffTimestamp(value) => arguments.add(value.map(|at| at.to_sqlx())),
            Value::Uuid(value) => arguments.add(value),
            Value::Decimal(value) => arguments.add(value),
            other => return Err(unsupported(&other)),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn unsupported(value: &Value) -> sqlx::Error {
    sqlx::Error::Encode(format!("no column holds a value like {value:?}").into())
}

/// A JSON document bound to a `json` column: sqlx's own wrapper binds `jsonb`, which PostgreSQL
/// converts for a `json` column only where the statement's types are known beforehand.
struct JsonText(serde_json::Value);

impl sqlx::Type<sqlx::Postgres> for JsonText {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_name("json")
    }
}

impl sqlx::Encode<'_, sqlx::Postgres> for JsonText {
    fn encode_by_ref(
        &self,
        buffer: &mut sqlx::postgres::PgArgumentBuffer,
    ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
        <String as sqlx::Encode<'_, sqlx::Postgres>>::encode(self.0.to_string(), buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_sort_as_numbers() {
        let mut numbers = ["10", "9.5", "-1", "9.50", "100"];
        numbers.sort_by(|left, right| compare_decimals(left, right));
        assert_eq!(numbers, ["-1", "9.5", "9.50", "10", "100"]);
    }

    #[test]
    fn a_violated_constraint_has_one_name_on_both_databases() {
        let named = |message| sqlite_constraint(message).unwrap();
        assert_eq!(
            named("UNIQUE constraint failed: customer.organisation_id, customer.external_id"),
            "customer_external_id_key"
        );
        assert_eq!(
            named("UNIQUE constraint failed: index 'customer_email_key'"),
            "customer_email_key"
        );
    }
}
