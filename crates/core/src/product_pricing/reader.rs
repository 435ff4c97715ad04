//! Reading a document while keeping every flaw with its place. Owns the words of the flaws.

use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::calendar::Cadence;
use crate::pricing::{InvalidModel, ModelError};

/// Everything that is wrong with a document; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct Flaws(pub Vec<Flaw>);

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Keys and positions from the root.
    pub path: Vec<String>,
    /// What is wrong.
    pub rule: Rule,
}

/// What is wrong at a place of a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nothing is there.
    #[error("field required")]
    Missing,
    /// It is of another type.
    #[error("value is not {0}")]
    Shape(&'static str),
    /// It does not fit a decimal.
    #[error("a number of at most 28 digits")]
    NumberTooLong,
    /// It is below zero.
    #[error("at least 0")]
    Negative,
    /// It is no percentage.
    #[error("a percentage is 0 to 100")]
    NotAPercentage,
    /// It is no cadence.
    #[error("write the cadence as an ISO 8601 duration of days, weeks, months or years: P1M")]
    CadenceMalformed,
    /// It is no offset.
    #[error("write prepaid, postpaid or an ISO 8601 duration: P5D")]
    OffsetMalformed,
    /// It is no duration.
    #[error("write the duration as ISO 8601: P30D")]
    DurationMalformed,
    /// It is no currency.
    #[error("value is not a currency of ISO 4217")]
    CurrencyUnknown,
    /// It is no pricing model.
    #[error("there is no such pricing model")]
    PricingTypeUnknown,
    /// The least is more than the most.
    #[error("the least is more than the most")]
    RangeEmpty,
    /// A quantity that its own constraints forbid.
    #[error("the quantity is outside its constraints")]
    QuantityOutside,
    /// Entries that are not in the order of their days.
    #[error("each entry begins on a later day than the one before it")]
    NotAscending,
    /// A cap on a period where there is none.
    #[error("a cap on each period needs a cadence, its own or that of the billing period")]
    CapWithoutCadence,
    /// A model's terms.
    #[error("{0}")]
    Model(ModelError),
}

impl Rule {
    /// Machine-readable kind, in the style of the API's 422 answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "value_error.missing",
            Self::Shape(_) => "type_error",
            Self::NumberTooLong => "value_error.number",
            Self::Negative => "value_error.number.not_ge",
            Self::NotAPercentage => "value_error.percentage",
            Self::CadenceMalformed | Self::OffsetMalformed | Self::DurationMalformed => {
                "value_error.duration"
            }
            Self::CurrencyUnknown => "value_error.currency",
            Self::PricingTypeUnknown => "type_error.enum",
            Self::RangeEmpty | Self::QuantityOutside => "value_error.range",
            Self::NotAscending => "value_error.order",
            Self::CapWithoutCadence => "value_error.cadence",
            Self::Model(error) => error_kind(error),
        }
    }
}

const fn error_kind(error: &ModelError) -> &'static str {
    match error {
        ModelError::Empty { .. } => "value_error.list.min_items",
        ModelError::LengthMismatch { .. } | ModelError::RowLengthMismatch { .. } => {
            "value_error.list.length"
        }
        ModelError::TooManyEntries { .. } => "value_error.list.max_items",
        ModelError::NotAscending { .. } | ModelError::OpenBeforeLast { .. } => "value_error.order",
        ModelError::Negative { .. } => "value_error.number.not_ge",
        ModelError::NotPositive { .. } => "value_error.number.not_gt",
        ModelError::TooLong { .. } => "value_error.any_str.max_length",
        ModelError::FormulaMalformed { .. } => "value_error.formula",
        ModelError::Duplicate { .. } => "value_error.duplicate",
    }
}

impl Flaws {
    /// A document that has no meaning although no flaw was found: a fault of the reader, which must
    /// not pass for a price.
    pub(super) fn unexplained() -> Self {
        let (path, rule) = (Vec::new(), Rule::Shape("a price"));
        Self(vec![Flaw { path, rule }])
    }
}

fn list(flaws: &[Flaw]) -> String {
    let texts = flaws
        .iter()
        .map(|flaw| format!("{}: {}", flaw.path.join("."), flaw.rule));
    texts.collect::<Vec<_>>().join("; ")
}

/// A place in a document; null where nothing is.
#[derive(Clone)]
pub(super) struct Node<'d> {
    value: &'d Json,
    path: Vec<String>,
}

impl<'d> Node<'d> {
    pub(super) const fn root(value: &'d Json) -> Self {
        let path = Vec::new();
        Self { value, path }
    }

    pub(super) fn field(&self, key: &str) -> Self {
        self.below(&self.value[key], key.to_owned())
    }

    /// The entries of an array; none where there is no array.
    pub(super) fn items(&self) -> impl Iterator<Item = Self> + '_ {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.map(|(index, value)| self.below(value, index.to_string()))
    }

    fn below(&self, value: &'d Json, key: String) -> Self {
        let mut path = self.path.clone();
        path.push(key);
        Self { value, path }
    }

    /// Whether something is there.
    pub(super) fn given(&self) -> bool {
        !self.value.is_null()
    }

    pub(super) fn is_array(&self) -> bool {
        self.value.is_array()
    }

    pub(super) fn text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    pub(super) fn flag(&self) -> Option<bool> {
        self.value.as_bool()
    }
}

/// The flaws found so far.
#[derive(Default)]
pub(super) struct Reader(Vec<Flaw>);

impl Reader {
    pub(super) fn flaw(&mut self, node: &Node<'_>, rule: Rule) {
        let path = node.path.clone();
        self.0.push(Flaw { path, rule });
    }

    /// The value, or its flaw kept.
    pub(super) fn note<T>(&mut self, node: &Node<'_>, found: Result<T, Rule>) -> Option<T> {
        match found {
            Ok(value) => Some(value),
            Err(rule) => {
                self.flaw(node, rule);
                None
            }
        }
    }

    pub(super) fn require(&mut self, node: &Node<'_>, is_met: bool, rule: Rule) {
        if !is_met {
            self.flaw(node, rule);
        }
    }

    /// A number, if one is given.
    pub(super) fn decimal(&mut self, node: &Node<'_>) -> Option<Decimal> {
        let text = match node.value {
            Json::Null => return None,
            Json::Number(number) => number.as_str(),
            Json::String(text) => text,
            _ => {
                self.flaw(node, Rule::Shape("a number"));
                return None;
            }
        };
        self.note(node, decimal(text).ok_or(Rule::NumberTooLong))
    }

    /// A number that must be given; zero beside its flaw.
    pub(super) fn number(&mut self, node: &Node<'_>) -> Decimal {
        self.require(node, node.given(), Rule::Missing);
        self.decimal(node).unwrap_or_default()
    }

    /// A number that is not below zero, if one is given.
    pub(super) fn not_negative(&mut self, node: &Node<'_>) -> Option<Decimal> {
        let number = self.decimal(node)?;
        self.require(node, number >= Decimal::ZERO, Rule::Negative);
        Some(number)
    }

    pub(super) fn percentage(&mut self, node: &Node<'_>) {
        let number = self.decimal(node).unwrap_or_default();
        let is_one = Decimal::ZERO <= number && number <= Decimal::ONE_HUNDRED;
        self.require(node, is_one, Rule::NotAPercentage);
    }

    pub(super) fn numbers(&mut self, node: &Node<'_>) -> Vec<Decimal> {
        node.items().map(|item| self.number(&item)).collect()
    }

    /// Upper bounds: null is none.
    pub(super) fn bounds(&mut self, node: &Node<'_>) -> Vec<Option<Decimal>> {
        node.items().map(|item| self.decimal(&item)).collect()
    }

    /// A cadence, if one is given; `None` for a one-time cadence too.
    pub(super) fn cadence(&mut self, node: &Node<'_>) -> Option<Cadence> {
        let cadence = Cadence::parse(node.text()?).map_err(|_| Rule::CadenceMalformed);
        self.note(node, cadence).flatten()
    }

    /// The model, or what is wrong with it, each at its field of `node`.
    pub(super) fn model<T>(
        &mut self,
        node: &Node<'_>,
        made: Result<T, InvalidModel>,
        place: impl Fn(&Node<'_>, &ModelError) -> Vec<String>,
    ) -> Option<T> {
        match made {
            Ok(model) => Some(model),
            Err(invalid) => {
                for error in invalid.errors() {
                    let path = place(node, error);
                    self.0.push(Flaw {
                        path,
                        rule: Rule::Model(error.clone()),
                    });
                }
                None
            }
        }
    }

    pub(super) fn finish(self) -> Result<(), Flaws> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Flaws(self.0))
        }
    }
}

/// Where a model's error is: its field, and the entry where it is about one.
pub(super) fn at_field(node: &Node<'_>, error: &ModelError) -> Vec<String> {
    let mut path = node.field(error.field()).path;
    path.extend(error.index().map(|index| index.to_string()));
    path
}

/// Where an error of a bundle is: its members hold the stand-alone prices.
pub(super) fn at_member(node: &Node<'_>, error: &ModelError) -> Vec<String> {
    if error.field() != "stand_alone_price" {
        return at_field(node, error);
    }
    let mut path = node.field("members").path;
    if let Some(index) = error.index() {
        path.extend([index.to_string(), error.field().to_owned()]);
    }
    path
}

/// The exact decimal of a JSON number's text; `None` where it has too many digits.
pub(super) fn decimal(text: &str) -> Option<Decimal> {
    match text.split_once(['e', 'E']) {
        None => Decimal::from_str_exact(text).ok(),
        Some((digits, _)) => {
            Decimal::from_str_exact(digits).ok()?;
            Decimal::from_scientific(text).ok()
        }
    }
}
