//! Errors of pricing: what is wrong with a model, by field and position, and why a usage has no
//! price. Owns the named cases; does not own their translation to responses.

use thiserror::Error;

/// Everything that is wrong with a model's terms; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", list(.0))]
pub struct InvalidModel(Vec<ModelError>);

/// One thing that is wrong with a model's terms. `field` is the key of `pricing_data` on the API
/// (api reference §7.3), `index` a position in it, counted from zero.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ModelError {
    /// An array that must have an entry has none.
    #[error("`{field}` is empty")]
    Empty {
        /// The empty array.
        field: &'static str,
    },
    /// Arrays that run in parallel have different lengths.
    #[error("`{field}` has {found} entries, expected {expected}")]
    LengthMismatch {
        /// The array of the wrong length.
        field: &'static str,
        /// The length that the model's other arrays have.
        expected: usize,
        /// Its own length.
        found: usize,
    },
    /// A row of a grid is longer or shorter than it has columns.
    #[error("`{field}[{index}]` has {found} entries, expected {expected}")]
    RowLengthMismatch {
        /// The grid.
        field: &'static str,
        /// The row.
        index: usize,
        /// The number of columns.
        expected: usize,
        /// The length of the row.
        found: usize,
    },
    /// More entries than a model may have.
    #[error("`{field}` has more than {limit} entries")]
    TooManyEntries {
        /// The long array.
        field: &'static str,
        /// The limit.
        limit: usize,
    },
    /// An upper bound that is not above the one before it.
    #[error("`{field}[{index}]` is not above the bound before it")]
    NotAscending {
        /// The array of upper bounds.
        field: &'static str,
        /// Position of the bound.
        index: usize,
    },
    /// An open upper bound (null) that is not the last.
    #[error("`{field}[{index}]` is open, which only the last may be")]
    OpenBeforeLast {
        /// The array of upper bounds.
        field: &'static str,
        /// Position of the bound.
        index: usize,
    },
    /// A number that may not be negative.
    #[error("`{field}{}` is negative", position(*.index))]
    Negative {
        /// The number, or the array it stands in.
        field: &'static str,
        /// Position in the array.
        index: Option<usize>,
    },
    /// A number that must be above zero.
    #[error("`{field}{}` is not above zero", position(*.index))]
    NotPositive {
        /// The number, or the array it stands in.
        field: &'static str,
        /// Position in the array.
        index: Option<usize>,
    },
    /// A text that is longer than it may be.
    #[error("`{field}` is longer than {limit} bytes")]
    TooLong {
        /// The text.
        field: &'static str,
        /// The limit, in bytes.
        limit: usize,
    },
    /// A formula that does not compile.
    #[error("`{field}` is not a formula: {reason}")]
    FormulaMalformed {
        /// The formula.
        field: &'static str,
        /// What the compiler says, with line and column.
        reason: String,
    },
    /// An entry that must differ from those before it.
    #[error("`{field}[{index}]` is there twice")]
    Duplicate {
        /// The array.
        field: &'static str,
        /// Position of the second one.
        index: usize,
    },
}

/// Why a usage has no price under a model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PricingError {
    /// A quantity or amount does not fit a decimal.
    #[error("amount is too large")]
    Overflow,
    /// A usage row has more or fewer values than there are columns.
    #[error("usage row {row} does not have one value for each column")]
    RaggedRow {
        /// Position of the row.
        row: usize,
    },
    /// The model prices by a dimension that the usage does not have.
    #[error("usage has no dimension column `{column}`")]
    DimensionMissing {
        /// The `column_name` of the dimension.
        column: String,
    },
    /// A value of an attribute that the matrix has no row for: an error, not a price of zero.
    #[error("no price for `{value}` in column `{column}`")]
    AttributeWithoutPrice {
        /// The `column_name` of the attribute.
        column: String,
        /// The value found in the usage.
        value: String,
    },
    /// A value of a tiered dimension that is no number or below zero.
    #[error("`{value}` in column `{column}` is not a number from zero up")]
    DimensionNotATier {
        /// The `column_name` of the dimension.
        column: String,
        /// The value found in the usage.
        value: String,
    },
    /// What is included cannot be negative.
    #[error("included units are negative")]
    IncludedNegative,
    /// A tier-reset period on a price without tiers.
    #[error("a tier-reset period needs a price with tiers")]
    ResetWithoutTiers,
    /// A formula failed on these values: division by zero, an unknown property, overflow…
    #[error("formula failed: {reason}")]
    FormulaFailed {
        /// What went wrong, with line and column.
        reason: String,
    },
    /// A formula went over the limits of its work.
    #[error("formula is too large: {reason}")]
    FormulaTooLarge {
        /// Which limit, with line and column.
        reason: String,
    },
    /// A formula's value is not a number.
    #[error("formula gave {found}, not a number")]
    FormulaNotANumber {
        /// The type of its value.
        found: &'static str,
    },
}

impl InvalidModel {
    /// All errors, in the order of the fields.
    pub fn errors(&self) -> &[ModelError] {
        &self.0
    }
}

impl From<ModelError> for InvalidModel {
    fn from(error: ModelError) -> Self {
        Self(vec![error])
    }
}

impl ModelError {
    /// The key of `pricing_data` that is wrong.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Empty { field }
            | Self::LengthMismatch { field, .. }
            | Self::RowLengthMismatch { field, .. }
            | Self::TooManyEntries { field, .. }
            | Self::NotAscending { field, .. }
            | Self::OpenBeforeLast { field, .. }
            | Self::Negative { field, .. }
            | Self::NotPositive { field, .. }
            | Self::TooLong { field, .. }
            | Self::FormulaMalformed { field, .. }
            | Self::Duplicate { field, .. } => field,
        }
    }

    /// The position in it, where it is an array and one entry is wrong.
    pub const fn index(&self) -> Option<usize> {
        match self {
            Self::Empty { .. }
            | Self::LengthMismatch { .. }
            | Self::TooManyEntries { .. }
            | Self::TooLong { .. }
            | Self::FormulaMalformed { .. } => None,
            Self::Negative { index, .. } | Self::NotPositive { index, .. } => *index,
            Self::RowLengthMismatch { index, .. }
            | Self::NotAscending { index, .. }
            | Self::OpenBeforeLast { index, .. }
            | Self::Duplicate { index, .. } => Some(*index),
        }
    }
}

/// Collects errors, so that an answer can name all of them.
#[derive(Default)]
pub(super) struct Findings(Vec<ModelError>);

impl Findings {
    pub(super) fn push(&mut self, error: ModelError) {
        self.0.push(error);
    }

    /// The errors, if there are any.
    pub(super) fn into_result(self) -> Result<(), InvalidModel> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(InvalidModel(self.0))
        }
    }
}

fn list(errors: &[ModelError]) -> String {
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn position(index: Option<usize>) -> String {
    index.map(|index| format!("[{index}]")).unwrap_or_default()
}
