//! Event schemas: which fields events of one kind have, and which of them identify an event.
//!
//! Owns the rules of fields and of their evolution. Does not own the name and slug of a kind of event
//! ([`crate::raw_metric`]). Invariant: a field never moves, goes or changes its type, so an event that
//! was read under an earlier version of the schema is read correctly under a later one.

use std::collections::BTreeMap;

use super::data_type::{DataType, UnknownType};

/// Fields of an event at most: each is a column of a table file.
pub const FIELDS_MAX: usize = 200;
/// Longest name of a field, in bytes.
pub const FIELD_NAME_LENGTH_MAX: usize = 100;
/// Fields of `unique_by` at most.
pub const UNIQUE_BY_MAX: usize = 8;

/// A field of an event's `data`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its key in `data`.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
}

/// The schema of one kind of event. `customer_id` (String) and `timestamp` (DateTime64) are in every
/// schema and not among the fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    fields: Vec<Field>,
    /// Positions in `fields`, in the order of the names.
    by_name: Vec<usize>,
    unique_by: Vec<Column>,
}

/// A column of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// `customer_id`
    CustomerId,
    /// `timestamp`
    Timestamp,
    /// `data.<field>`: the field at this position.
    Data(usize),
}

/// Which rule a schema breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// More than [`FIELDS_MAX`] fields.
    #[error("an event has {FIELDS_MAX} fields at most")]
    TooManyFields,
    /// A name that cannot be a column.
    #[error(
        "a field's name is a letter or `_`, then letters, digits, `_` or `-`; \
         {FIELD_NAME_LENGTH_MAX} characters at most"
    )]
    FieldNameInvalid {
        /// The name.
        field: String,
    },
    /// Two names that differ only in upper and lower case: readers of table files ignore case.
    #[error("`{field}` and `{other}` differ only in upper and lower case")]
    FieldNamesAlike {
        /// The name.
        field: String,
        /// The name before it.
        other: String,
    },
    /// A type that does not exist.
    #[error("{reason}")]
    TypeUnknown {
        /// The field.
        field: String,
        /// What the types are.
        reason: UnknownType,
    },
    /// A field of the earlier schema is missing.
    #[error("the field `{field}` cannot be removed: events with it are stored")]
    FieldRemoved {
        /// The field.
        field: String,
    },
    /// A field has another type than in the earlier schema.
    #[error("the field `{field}` is {from} and cannot become {to}: add a field with another name")]
    FieldRetyped {
        /// The field.
        field: String,
        /// Its type.
        from: DataType,
        /// The type that was asked for.
        to: DataType,
    },
    /// `unique_by` names a column that does not exist.
    #[error("`{path}` is none of customer_id, timestamp and the fields as data.<field>")]
    UniqueByUnknown {
        /// The path.
        path: String,
    },
    /// `unique_by` names a column twice.
    #[error("`{path}` stands twice")]
    UniqueByRepeated {
        /// The path.
        path: String,
    },
    /// `unique_by` names a list.
    #[error("`{path}` is a list: lists do not identify an event")]
    UniqueByArray {
        /// The path.
        path: String,
    },
    /// More than [`UNIQUE_BY_MAX`] paths.
    #[error("{UNIQUE_BY_MAX} paths at most identify an event")]
    UniqueByTooLong,
}

impl Schema {
    /// The schema with these fields (name and type, as the API writes it), and the paths that identify
    /// an event; none of them means that every event stands for itself.
    ///
    /// # Errors
    /// Every [`SchemaError`] that applies.
    pub fn new<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
        unique_by: &[String],
    ) -> Result<Self, Vec<SchemaError>> {
        let mut errors = Vec::new();
        let fields = declared(fields, &mut errors);
        let mut by_name: Vec<usize> = (0..fields.len()).collect();
        by_name.sort_unstable_by(|a, b| fields[*a].name.cmp(&fields[*b].name));
        let mut schema = Self {
            fields,
            by_name,
            unique_by: Vec::new(),
        };
        schema.unique_by = schema.identity(unique_by, &mut errors);
        if errors.is_empty() {
            Ok(schema)
        } else {
            Err(errors)
        }
    }

    /// This schema with the fields that `wanted` adds, and with its identity. New fields stand behind
    /// the known ones.
    ///
    /// # Errors
    /// [`SchemaError::FieldRemoved`] and [`SchemaError::FieldRetyped`], for every field.
    pub fn evolve(&self, wanted: &Self) -> Result<Self, Vec<SchemaError>> {
        let errors: Vec<SchemaError> = self
            .fields
            .iter()
            .filter_map(|field| changed(field, wanted.field(&field.name)))
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let added = wanted
            .fields
            .iter()
            .filter(|f| self.field(&f.name).is_none());
        let types: Vec<(&Field, String)> = self
            .fields
            .iter()
            .chain(added)
            .map(|field| (field, field.data_type.to_string()))
            .collect();
        let fields = types
            .iter()
            .map(|(field, name)| (field.name.as_str(), name.as_str()));
        Self::new(fields, &wanted.unique_by_paths())
    }

    /// The fields, in the order in which they were declared.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The columns that identify an event.
    pub fn unique_by(&self) -> &[Column] {
        &self.unique_by
    }

    /// The paths that identify an event, as the API writes them.
    pub fn unique_by_paths(&self) -> Vec<String> {
        self.unique_by
            .iter()
            .map(|column| self.path(*column))
            .collect()
    }

    /// The column at a path: `customer_id`, `timestamp` or `data.<field>`.
    pub fn column(&self, path: &str) -> Option<Column> {
        match path {
            "customer_id" => Some(Column::CustomerId),
            "timestamp" => Some(Column::Timestamp),
            _ => self.position(path.strip_prefix("data.")?).map(Column::Data),
        }
    }

    /// The path of a column of this schema.
    pub fn path(&self, column: Column) -> String {
        match column {
            Column::CustomerId => "customer_id".to_owned(),
            Column::Timestamp => "timestamp".to_owned(),
            Column::Data(position) => {
                let name = self.fields.get(position).map_or("", |field| &field.name);
                format!("data.{name}")
            }
        }
    }

    /// The type of a column of this schema.
    pub fn data_type(&self, column: Column) -> &DataType {
        match column {
            Column::CustomerId => &DataType::String,
            Column::Timestamp => &DataType::DateTime64,
            Column::Data(position) => self
                .fields
                .get(position)
                .map_or(&DataType::String, |field| &field.data_type),
        }
    }

    /// Where the field of that name stands in an event's values.
    pub fn position(&self, name: &str) -> Option<usize> {
        let found = self
            .by_name
            .binary_search_by(|position| self.fields[*position].name.as_str().cmp(name));
        found.ok().map(|index| self.by_name[index])
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|position| &self.fields[position])
    }

    fn identity(&self, paths: &[String], errors: &mut Vec<SchemaError>) -> Vec<Column> {
        if paths.len() > UNIQUE_BY_MAX {
            errors.push(SchemaError::UniqueByTooLong);
            return Vec::new();
        }
        let mut columns = Vec::new();
        for path in paths {
            let path = path.clone();
            match self.column(&path) {
                None => errors.push(SchemaError::UniqueByUnknown { path }),
                Some(column) if columns.contains(&column) => {
                    errors.push(SchemaError::UniqueByRepeated { path });
                }
                Some(column) if self.data_type(column).is_array() => {
                    errors.push(SchemaError::UniqueByArray { path });
                }
                Some(column) => columns.push(column),
            }
        }
        columns
    }
}

fn declared<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    errors: &mut Vec<SchemaError>,
) -> Vec<Field> {
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut declared = Vec::new();
    for (name, data_type) in fields {
        let field = name.to_owned();
        if !is_field_name(name) {
            errors.push(SchemaError::FieldNameInvalid { field });
            continue;
        }
        if let Some(other) = known.insert(name.to_ascii_lowercase(), name) {
            let other = other.to_owned();
            errors.push(SchemaError::FieldNamesAlike { field, other });
            continue;
        }
        match data_type.parse() {
            Ok(data_type) => declared.push(Field {
                name: field,
                data_type,
            }),
            Err(reason) => errors.push(SchemaError::TypeUnknown { field, reason }),
        }
    }
    if known.len() > FIELDS_MAX {
        errors.push(SchemaError::TooManyFields);
    }
    declared
}

fn changed(field: &Field, wanted: Option<&Field>) -> Option<SchemaError> {
    let name = field.name.clone();
    match wanted {
        None => Some(SchemaError::FieldRemoved { field: name }),
        Some(wanted) if wanted.data_type != field.data_type => Some(SchemaError::FieldRetyped {
            field: name,
            from: field.data_type.clone(),
            to: wanted.data_type.clone(),
        }),
        Some(_) => None,
    }
}

fn is_field_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.len() <= FIELD_NAME_LENGTH_MAX
        && name.starts_with(is_first)
        && name
            .chars()
            .all(|c| is_first(c) || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests;
