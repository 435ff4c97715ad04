//! Types of event fields. Owns their names (API §13); does not own reading a value.

use std::{fmt, str::FromStr};

/// Longest name of a type, in bytes; bounds how deep arrays nest.
const NAME_LENGTH_MAX: usize = 64;

/// The type of an event's field. Every field may be null.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DataType {
    /// Text.
    String,
    /// A whole number of 64 bits.
    Int64,
    /// A number, kept as the decimal that was sent, rounded to twelve places, so that sums are exact.
    Float64,
    /// A number that is refused rather than rounded; twelve decimal places at most.
    Decimal,
    /// A calendar day.
    Date32,
    /// An instant in UTC, to the microsecond.
    DateTime64,
    /// A UUID.
    Uuid,
    /// True or false.
    Bool,
    /// A list of values of one type.
    Array(Box<DataType>),
}

/// A name that is no type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a type is one of String, Int64, Float64, Decimal, Date32, DateTime64, UUID, Bool, or Array(…) \
     of one of them"
)]
pub struct UnknownType;

impl DataType {
    /// Whether a quantity can be computed from it.
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int64 | Self::Float64 | Self::Decimal)
    }

    /// Whether it places an event in time.
    pub fn is_time(&self) -> bool {
        matches!(self, Self::Date32 | Self::DateTime64)
    }

    /// Whether it is a list.
    pub fn is_array(&self) -> bool {
        matches!(self, Self::Array(_))
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::String => "String",
            Self::Int64 => "Int64",
            Self::Float64 => "Float64",
            Self::Decimal => "Decimal",
            Self::Date32 => "Date32",
            Self::DateTime64 => "DateTime64",
            Self::Uuid => "UUID",
            Self::Bool => "Bool",
            Self::Array(of) => return write!(formatter, "Array({of})"),
        };
        formatter.write_str(name)
    }
}

impl FromStr for DataType {
    type Err = UnknownType;

    /// Reads a name, ignoring case; also the other names that clients of the API send (API §13).
    fn from_str(name: &str) -> Result<Self, UnknownType> {
        if name.len() > NAME_LENGTH_MAX {
            return Err(UnknownType);
        }
        let name = name.trim().to_ascii_lowercase();
        let inside = name.strip_suffix(')').and_then(|name| name.split_once('('));
        match inside {
            Some(("array", of)) => Ok(Self::Array(Box::new(of.parse()?))),
            Some(("decimal", digits)) if is_precision(digits) => Ok(Self::Decimal),
            Some(_) => Err(UnknownType),
            None => plain(&name),
        }
    }
}

fn plain(name: &str) -> Result<DataType, UnknownType> {
    Ok(match name {
        "string" => DataType::String,
        "int64" | "int" | "integer" => DataType::Int64,
        "float64" | "float" | "double" => DataType::Float64,
        "decimal" => DataType::Decimal,
        "date32" | "date" => DataType::Date32,
        "datetime64" | "datetime" => DataType::DateTime64,
        "uuid" => DataType::Uuid,
        "bool" | "boolean" => DataType::Bool,
        _ => return Err(UnknownType),
    })
}

/// `18, 4`: digits in all and after the point, no more than a decimal of ours has.
fn is_precision(digits: &str) -> bool {
    let numbers: Option<Vec<u32>> = digits
        .split(',')
        .map(|part| part.trim().parse().ok())
        .collect();
    match numbers.as_deref() {
        Some([precision]) => (1..=28).contains(precision),
        Some([precision, scale]) => (1..=28).contains(precision) && scale <= &12.min(*precision),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for (name, printed) in [
            ("String", "String"),
            ("int", "Int64"),
            ("integer", "Int64"),
            ("Int64", "Int64"),
            ("float", "Float64"),
            ("double", "Float64"),
            ("FLOAT64", "Float64"),
            ("Decimal", "Decimal"),
            ("Decimal(18, 4)", "Decimal"),
            ("date", "Date32"),
            ("datetime", "DateTime64"),
            ("uuid", "UUID"),
            ("Boolean", "Bool"),
            ("Array(string)", "Array(String)"),
            ("array(Array(Int64))", "Array(Array(Int64))"),
        ] {
            let read: DataType = name.parse().unwrap();
            assert_eq!(read.to_string(), printed, "{name}");
            assert_eq!(printed.parse(), Ok(read));
        }
    }

    #[test]
    fn anything_else_is_no_type() {
        let deep = "Array(".repeat(20_000);
        for name in [
            "",
            "Map",
            "Array",
            "Array()",
            "Array(Int64",
            "Decimal(40,2)",
            "Int32",
            &deep,
        ] {
            assert_eq!(name.parse::<DataType>(), Err(UnknownType), "{name:.20}");
        }
    }
}
