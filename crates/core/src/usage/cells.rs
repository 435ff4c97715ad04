//! Events as rows of text: files that people upload.
//!
//! Owns which column of a file goes where, and what a cell's text means. What an event may hold is
//! [`super::event`]'s: a row becomes the JSON of an event, so that a file and a request obey one rule.

use serde_json::{Map, Number, Value as Json};

use super::{
    data_type::DataType,
    schema::{Column, Schema},
};

/// Where the columns of a file go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// For each column of the file its column in the schema; `None` for one that is passed over.
    columns: Vec<Option<Column>>,
}

/// A header that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The schema has no such column.
    #[error(
        "the column `{header}` is none of customer_id, timestamp and the schema's fields: map it, or \
         add a field to the schema"
    )]
    Unknown {
        /// The file's header.
        header: String,
    },
    /// Two columns of the file go to one of the schema.
    #[error("two columns of the file go to `{path}`")]
    Twice {
        /// The schema's column.
        path: String,
    },
    /// A column that every event must have.
    #[error("no column of the file goes to `{path}`")]
    Missing {
        /// The schema's column.
        path: &'static str,
    },
    /// A mapping from a header that the file does not have.
    #[error("the file has no column `{header}`")]
    NoHeader {
        /// The header.
        header: String,
    },
}

impl Layout {
    /// Where columns with these headers go. A header is a path (`customer_id`, `timestamp`,
    /// `data.<field>`), or the name of a field alone; `mapping` says of single headers what they are, and
    /// with an empty path that they are passed over.
    ///
    /// # Errors
    /// Every header that cannot be used.
    pub fn new(
        schema: &Schema,
        headers: &[&str],
        mapping: &[(String, String)],
    ) -> Result<Self, Vec<LayoutError>> {
        let mut errors = Vec::new();
        for (header, _) in mapping {
            if !headers.contains(&header.as_str()) {
                let header = header.clone();
                errors.push(LayoutError::NoHeader { header });
            }
        }
        let columns: Vec<Option<Column>> = headers
            .iter()
            .map(|header| {
                let mapped = mapping.iter().find(|(from, _)| from == header);
                match mapped.map(|(_, to)| to.as_str()) {
                    Some("") => None,
                    to => place(schema, to.unwrap_or(header), header, &mut errors),
                }
            })
            .collect();
        for (index, column) in columns.iter().enumerate() {
            let Some(known) = column else { continue };
            if columns[..index].contains(column) {
                let path = schema.path(*known);
                errors.push(LayoutError::Twice { path });
            }
        }
        for (column, path) in [
            (Column::CustomerId, "customer_id"),
            (Column::Timestamp, "timestamp"),
        ] {
            if !columns.contains(&Some(column)) {
                errors.push(LayoutError::Missing { path });
            }
        }
        if errors.is_empty() {
            Ok(Self { columns })
        } else {
            Err(errors)
        }
    }

    /// The event that a row writes, for [`Schema::read`]. An empty cell is null.
    pub fn event<'c>(&self, schema: &Schema, cells: impl IntoIterator<Item = &'c str>) -> Json {
        let mut event = Map::new();
        let mut data = Map::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            let cell = cell.trim();
            match column {
                _ if cell.is_empty() => {}
                None => {}
                Some(Column::CustomerId) => {
                    event.insert("customer_id".to_owned(), cell.into());
                }
                Some(Column::Timestamp) => {
                    event.insert("timestamp".to_owned(), cell.into());
                }
                Some(Column::Data(position)) => {
                    let field = &schema.fields()[*position];
                    data.insert(field.name.clone(), value(&field.data_type, cell));
                }
            }
        }
        event.insert("data".to_owned(), Json::Object(data));
        Json::Object(event)
    }
}

fn place(
    schema: &Schema,
    path: &str,
    header: &str,
    errors: &mut Vec<LayoutError>,
) -> Option<Column> {
    let column = schema.column(path);
    let column = column.or_else(|| schema.position(path).map(Column::Data));
    if column.is_none() {
        let header = header.to_owned();
        errors.push(LayoutError::Unknown { header });
    }
    column
}

/// A text that is not of the type stays a text: reading the event says what is wrong with it.
fn value(data_type: &DataType, cell: &str) -> Json {
    let text = || Json::from(cell);
    match data_type {
        DataType::Int64 | DataType::Float64 | DataType::Decimal => {
            let number: Option<Number> = serde_json::from_str(cell).ok();
            number.map_or_else(text, Json::Number)
        }
        DataType::Bool => match cell.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => true.into(),
            "false" | "0" | "no" => false.into(),
            _ => text(),
        },
        DataType::Array(_) => serde_json::from_str(cell).unwrap_or_else(|_| text()),
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        let fields = [
            ("n", "Int64"),
            ("on", "Bool"),
            ("tag", "String"),
            ("gb", "Decimal"),
        ];
        Schema::new(fields, &[]).unwrap()
    }

    #[test]
    fn a_row_is_an_event() {
        let headers = [
            "customer_id",
            "timestamp",
            "n",
            "data.on",
            "label",
            "gb",
            "other",
        ];
        let mapping = [("label", "tag"), ("other", "")];
        let mapping = mapping.map(|(from, to)| (from.to_owned(), to.to_owned()));
        let layout = Layout::new(&schema(), &headers, &mapping).unwrap();
        for (cells, data) in [
            (
                "5,yes,x,0.10,?",
                r#"{"n": 5, "on": true, "tag": "x", "gb": 0.10}"#,
            ),
            (",,,,", "{}"),
            (
                "five,0,7,1e2,",
                r#"{"n": "five", "on": false, "tag": "7", "gb": 1e2}"#,
            ),
        ] {
            let cells = ["UA", "2013-01-01 05:15:00"]
                .into_iter()
                .chain(cells.split(','));
            let event = layout.event(&schema(), cells);
            let mut expected = json!({"customer_id": "UA", "timestamp": "2013-01-01 05:15:00"});
            expected["data"] = serde_json::from_str(data).unwrap();
            assert_eq!(event, expected);
        }
    }

    #[test]
    fn every_bad_header_is_named() {
        let headers = ["customer_id", "n", "data.n", "nope"];
        let mapping = [("lost".to_owned(), "n".to_owned())];
        assert_eq!(
            Layout::new(&schema(), &headers, &mapping),
            Err(vec![
                LayoutError::NoHeader {
                    header: "lost".to_owned()
                },
                LayoutError::Unknown {
                    header: "nope".to_owned()
                },
                LayoutError::Twice {
                    path: "data.n".to_owned()
                },
                LayoutError::Missing { path: "timestamp" },
            ])
        );
    }
}
