//! Reading a column, whichever database answered. Does not own what a row means.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use sqlx::{postgres::PgRow, sqlite::SqliteRow};
use uuid::Uuid;

use crate::{Error, Result};

/// One row of a result.
#[derive(Debug)]
pub enum Row {
    /// From SQLite.
    Sqlite(SqliteRow),
    /// From PostgreSQL.
    Postgres(PgRow),
}

/// A type that a column can hold.
pub trait Scalar: Sized {
    /// Reads the column; `None` is SQL's null.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the stored value is not of this type.
    fn read(row: &Row, column: &str) -> Result<Option<Self>>;
}

impl Row {
    /// The column's value.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is null, missing or of another type.
    pub fn get<T: Scalar>(&self, column: &str) -> Result<T> {
        T::read(self, column)?.ok_or_else(|| corrupt(column, "it is null"))
    }

    /// The column's value, or `None` for null.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where it is missing or of another type.
    pub fn optional<T: Scalar>(&self, column: &str) -> Result<Option<T>> {
        T::read(self, column)
    }
}

/// A column that is not readable.
pub(crate) fn corrupt(column: &str, reason: impl ToString) -> Error {
    Error::Corrupt {
        column: column.to_owned(),
        reason: reason.to_string(),
    }
}

/// Reads `$sqlite` or `$postgres` and converts each to the scalar.
macro_rules! scalar {
    ($scalar:ty, $sqlite:ty => $from_sqlite:expr, $postgres:ty => $from_postgres:expr) => {
        impl Scalar for $scalar {
            fn read(row: &Row, column: &str) -> Result<Option<Self>> {
                match row {
                    Row::Sqlite(row) => {
                        let value: Option<$sqlite> =
                            sqlx::Row::try_get(row, column).map_err(|e| corrupt(column, e))?;
                        value
                            .map($from_sqlite)
                            .transpose()
                            .map_err(|e| corrupt(column, e))
                    }
                    Row::Postgres(row) => {
                        let value: Option<$postgres> =
                            sqlx::Row::try_get(row, column).map_err(|e| corrupt(column, e))?;
                        value
                            .map($from_postgres)
                            .transpose()
                            .map_err(|e| corrupt(column, e))
                    }
                }
            }
        }
    };
}

type Converted<T> = std::result::Result<T, String>;

fn same<T>(value: T) -> Converted<T> {
    Ok(value)
}

fn text<T: std::str::FromStr<Err: ToString>>(value: String) -> Converted<T> {
    value.parse().map_err(|error: T::Err| error.to_string())
}

fn json(value: &str) -> Converted<serde_json::Value> {
    serde_json::from_str(value).map_err(|error| error.to_string())
}

fn instant(microseconds: i64) -> Converted<Timestamp> {
    Timestamp::from_microsecond(microseconds).map_err(|error| error.to_string())
}

scalar!(String, String => same, String => same);
scalar!(bool, bool => same, bool => same);
scalar!(i64, i64 => same, i64 => same);
scalar!(Vec<u8>, Vec<u8> => same, Vec<u8> => same);
scalar!(Uuid, Uuid => same, Uuid => same);
scalar!(Decimal, String => text, Decimal => same);
scalar!(Date, String => text, jiff_sqlx::Date => |date| Ok::<_, String>(date.to_jiff()));
scalar!(Timestamp, i64 => instant, jiff_sqlx::Timestamp => |at| Ok::<_, String>(at.to_jiff()));
scalar!(serde_json::Value, String => |value| json(&value), JsonColumn<'_> => |value| json(value.0));
scalar!(JsonText, String => |text| Ok::<_, String>(JsonText(text)), JsonColumn<'_> => |value| Ok::<_, String>(JsonText(value.0.to_owned())));

/// The text of a JSON column, for a reader that makes something else of it than a tree.
pub(crate) struct JsonText(pub(crate) String);

/// The text of a `json` column, so that numbers keep every digit.
struct JsonColumn<'r>(&'r str);

impl sqlx::Type<sqlx::Postgres> for JsonColumn<'_> {
    fn type_info() -> sqlx::postgres::PgTypeInfo {
        sqlx::postgres::PgTypeInfo::with_name("json")
    }
}

impl<'r> sqlx::Decode<'r, sqlx::Postgres> for JsonColumn<'r> {
    fn decode(
        value: sqlx::postgres::PgValueRef<'r>,
    ) -> std::result::Result<Self, sqlx::error::BoxDynError> {
        Ok(Self(<&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(
            value,
        )?))
    }
}
