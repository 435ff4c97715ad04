//! The declaration of a list: which columns can be filtered and sorted, and how.

/// A list's declaration.
#[derive(Debug)]
pub struct Spec {
    /// The table whose rows are listed.
    pub table: &'static str,
    /// Columns that a caller may filter, search or sort by.
    pub columns: &'static [Column],
    /// Name of the column that sorts where the caller names none, largest first.
    pub default_order: &'static str,
    /// Whether rows with `deleted_at` are left out.
    pub soft_deleted: bool,
    /// Free-text search with ranking, if the list has one.
    pub ranked: Option<Ranked>,
    /// Largest `limit`.
    pub limit_max: u64,
}

/// Free text over several columns: equal first, then beginning with it, then containing it.
#[derive(Debug)]
pub struct Ranked {
    /// The query parameter.
    pub parameter: &'static str,
    /// The columns searched.
    pub columns: &'static [&'static str],
}

/// One column of a list.
#[derive(Debug)]
pub struct Column {
    /// Name in the API.
    pub name: &'static str,
    /// Where the value is.
    pub source: Source,
    /// What it holds.
    pub kind: Kind,
    /// Allowed comparisons.
    pub operators: &'static [Operator],
    /// Whether the list can be sorted by it.
    pub sortable: bool,
    /// Whether it can be null.
    pub nullable: bool,
    /// For the API's documentation.
    pub description: &'static str,
}

/// Where a column's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A column of the listed table.
    Own(&'static str),
    /// Several columns of the listed table: it matches if any of them does.
    AnyOf(&'static [&'static str]),
    /// A column of rows that point back to the listed row: it matches if any of them does.
    Related {
        /// The other table.
        table: &'static str,
        /// Its column that holds the listed row's id.
        foreign: &'static str,
        /// Its column that is compared.
        column: &'static str,
    },
    /// A column of the one row that the listed row points to.
    Parent {
        /// The other table.
        table: &'static str,
        /// The listed table's column that holds the other row's id.
        local: &'static str,
        /// The other table's column that is compared.
        column: &'static str,
    },
    /// A column of rows that a table between links to the listed row: it matches if any of them does.
    Through {
        /// The table between.
        link: &'static str,
        /// Its column that holds the listed row's id.
        foreign: &'static str,
        /// Its column that holds the other row's id.
        local: &'static str,
        /// The other table.
        table: &'static str,
        /// The other table's column that is compared.
        column: &'static str,
    },
    /// A relation to a resource that this version does not have: no row matches.
    Absent,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An id.
    Uuid,
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// An instant.
    Timestamp,
    /// A calendar day.
    Date,
    /// A whole number.
    Integer,
    /// An exact number.
    Decimal,
    /// An amount, written in major units and kept in the minor units of the row's currency, whose digits are
    /// its column `minor_digits`. Sorted by minor units.
    Money,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A document; only `search` reaches into it.
    Json,
}

/// A comparison, as its suffix in the query string names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// No suffix.
    Equal,
    /// `__neq`
    NotEqual,
    /// `__gt`
    Greater,
    /// `__gte`
    GreaterOrEqual,
    /// `__lt`
    Less,
    /// `__lte`
    LessOrEqual,
    /// `__in`: any of a comma-separated list.
    In,
    /// `__isnull`
    IsNull,
    /// `__like`: contains, upper and lower case differing.
    Like,
    /// `__ilike`: contains, ignoring case.
    Ilike,
}

const ID: &[Operator] = &[Operator::Equal, Operator::In, Operator::IsNull];
const FLAG: &[Operator] = &[Operator::Equal, Operator::IsNull];
const CHOICE: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::In,
    Operator::IsNull,
];
const TEXT: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Ilike,
    Operator::Like,
    Operator::In,
    Operator::IsNull,
];
const RANGE: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Greater,
    Operator::GreaterOrEqual,
    Operator::Less,
    Operator::LessOrEqual,
    Operator::In,
    Operator::IsNull,
];

impl Operator {
    /// What follows the column's name in the query string.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Equal => "",
            Self::NotEqual => "__neq",
            Self::Greater => "__gt",
            Self::GreaterOrEqual => "__gte",
            Self::Less => "__lt",
            Self::LessOrEqual => "__lte",
            Self::In => "__in",
            Self::IsNull => "__isnull",
            Self::Like => "__like",
            Self::Ilike => "__ilike",
        }
    }

    /// A sentence's middle: "the name {is one of}".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Equal => "is",
            Self::NotEqual => "is not",
            Self::Greater => "is greater than",
            Self::GreaterOrEqual => "is at least",
            Self::Less => "is less than",
            Self::LessOrEqual => "is at most",
            Self::In => "is one of (comma-separated)",
            Self::IsNull => "is absent (`true`) or present (`false`)",
            Self::Like => "contains (case-sensitive)",
            Self::Ilike => "contains (ignoring case)",
        }
    }
}

impl Column {
    /// A column with the usual comparisons of its kind.
    pub const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        let operators = match kind {
            Kind::Uuid => ID,
            Kind::Text => TEXT,
            Kind::Boolean => FLAG,
            Kind::Choice(_) => CHOICE,
            Kind::Timestamp | Kind::Date | Kind::Integer | Kind::Decimal | Kind::Money => RANGE,
            Kind::Json => &[],
        };
        let source = Source::Own(name);
        Self {
            name,
            source,
            kind,
            operators,
            sortable: false,
            nullable: false,
            description,
        }
    }

    /// The id column, by which every list can be sorted.
    pub const fn id() -> Self {
        Self::new("id", Kind::Uuid, "id").sortable()
    }

    /// `created_at`, by which every list can be sorted.
    pub const fn created_at() -> Self {
        Self::new("created_at", Kind::Timestamp, "instant of creation").sortable()
    }

    /// `updated_at`, by which every list can be sorted.
    pub const fn updated_at() -> Self {
        Self::new("updated_at", Kind::Timestamp, "instant of the last change").sortable()
    }

    /// The list can be sorted by it.
    pub const fn sortable(mut self) -> Self {
        self.sortable = true;
        self
    }

    /// It can be null.
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Its value is elsewhere.
    pub const fn from(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// Only these comparisons.
    pub const fn operators(mut self, operators: &'static [Operator]) -> Self {
        self.operators = operators;
        self
    }
}

impl Spec {
    /// Default for [`Spec::limit_max`]: larger pages cost the client more than another request.
    pub const LIMIT_MAX: u64 = 1000;
    /// Rows of a page where the caller does not say.
    pub const LIMIT_DEFAULT: u64 = 10;

    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
