//! What is wrong with a contract, each thing at its place. Owns the rules' names and words.

use super::Status;
use crate::currency::Currency;

/// Everything that is wrong with a contract; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct Findings(pub Vec<Finding>);

/// One thing that is wrong, at a field of the body that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Keys and positions from the root: `phases`, `0`, `end_date`.
    pub path: Vec<String>,
    /// The rule that is broken.
    pub rule: Rule,
}

/// A rule of contracts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// A text is blank.
    #[error("a name that is not blank is needed")]
    NameBlank,
    /// The end is not after the start.
    #[error("the end is not after the start")]
    EndNotAfterStart,
    /// A year that is a typing error.
    #[error("the year is not between {} and {}", super::YEAR_MIN, super::YEAR_MAX)]
    YearOutOfBounds,
    /// A date that no calendar has.
    #[error("the date leaves the calendar")]
    DateOutOfRange,
    /// A contract without phases.
    #[error("a contract needs at least one phase")]
    PhaseMissing,
    /// More phases than allowed.
    #[error("a contract has {} phases at most", super::PHASES_MAX)]
    TooManyPhases,
    /// More lines than allowed.
    #[error("a phase has {} pricings at most", super::LINES_MAX)]
    TooManyLines,
    /// Neither this phase's end nor the next one's start is told.
    #[error("tell the end of this phase or the start of the next")]
    PhaseBoundUnknown,
    /// A phase reaches over its contract.
    #[error("the phase is not inside its contract")]
    PhaseOutsideContract,
    /// A phase begins before the one before it has ended.
    #[error("the phase overlaps another one")]
    PhasesOverlap,
    /// Pauses have endpoints of their own.
    #[error("a pause is made and changed by /pause and /resume")]
    PauseByPhase,
    /// A pause that the contract has would lie outside it.
    #[error("a pause of the contract would begin outside it")]
    PauseOutsideContract,
    /// Pauses that meet.
    #[error("pauses of the contract overlap")]
    PausesOverlap,
    /// A line reaches over its phase.
    #[error("the pricing is not inside its phase")]
    LineOutsidePhase,
    /// Two things have one id.
    #[error("the id occurs twice")]
    IdTwice,
    /// An id that no phase or line of the contract has.
    #[error("the contract has no such id")]
    IdUnknown,
    /// A price in another currency.
    #[error("the price is in {found}, the contract in {contract}")]
    CurrencyMismatch {
        /// That of the price.
        found: Currency,
        /// That of the contract.
        contract: Currency,
    },
    /// A recurring price without a period.
    #[error("a recurring price needs a billing period with a cadence")]
    CadenceMissing,
    /// A price by quantity without one.
    #[error("the price needs a quantity")]
    QuantityMissing,
    /// No quantity is in force on the first day.
    #[error("the first quantity begins after the first day")]
    QuantityGap,
    /// A metered price without a metric.
    #[error("a metered price needs the metric that counts")]
    AggregateMissing,
    /// Usage cannot be billed before it happens.
    #[error("a metered price is billed after its period: write postpaid")]
    MeteredPrepaid,
    /// A price that only carries modifiers where a price is needed.
    #[error("a price of type features belongs to the phase, not to a product")]
    FeaturesOnLine,
    /// A price that charges where only modifiers are allowed.
    #[error("features of a phase are a price of type features")]
    PriceOnPhase,
    /// A commitment of a phase without a period of its own.
    #[error("a commitment of a phase needs a cadence")]
    CommitmentWithoutCadence,
    /// Switches that are not in the order of their days.
    #[error("each entry begins on a later day than the one before it")]
    NotAscending,
    /// An event-based contract bills each day afterwards.
    #[error("an event_based contract needs prices with cadence P1D and offset postpaid")]
    EventBasedSchedule,
    /// Two parties are to pay.
    #[error("choose the parent or another payer, not both")]
    TwoPayers,
    /// The parent is to pay, but there is none.
    #[error("the customer has no parent")]
    ParentMissing,
    /// The status is no one's to write.
    #[error("a contract cannot be made {0}: use its endpoint")]
    StatusNotWritable(Status),
    /// The status cannot follow.
    #[error("a contract that is {from} cannot become {to}")]
    StatusTransition {
        /// It is.
        from: Status,
        /// It should be.
        to: Status,
    },
    /// Only a draft may change hands.
    #[error("the customer of a contract is fixed once it is active")]
    CustomerFixed,
    /// Only a draft may change its currency.
    #[error("the currency of a contract is fixed once it is active")]
    CurrencyFixed,
    /// An expired contract stays so.
    #[error("an expired contract cannot be in force again")]
    ExpiredForGood,
    /// Terms that rating refuses.
    #[error("{0}")]
    Terms(crate::terms::Finding),
}

impl Rule {
    /// Machine-readable kind, in the style of the API's 422 answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NameBlank
            | Self::PhaseMissing
            | Self::CadenceMissing
            | Self::QuantityMissing
            | Self::AggregateMissing
            | Self::PhaseBoundUnknown
            | Self::ParentMissing
            | Self::CommitmentWithoutCadence => "value_error.missing",
            Self::EndNotAfterStart
            | Self::YearOutOfBounds
            | Self::DateOutOfRange
            | Self::PhaseOutsideContract
            | Self::LineOutsidePhase
            | Self::PhasesOverlap
            | Self::PauseOutsideContract
            | Self::PausesOverlap
            | Self::QuantityGap => "value_error.date",
            Self::TooManyPhases | Self::TooManyLines => "value_error.list.max_items",
            Self::IdTwice => "value_error.duplicate",
            Self::IdUnknown => "value_error.unknown",
            Self::NotAscending => "value_error.order",
            Self::CurrencyMismatch { .. } | Self::CurrencyFixed => "value_error.currency",
            Self::StatusNotWritable(_) | Self::StatusTransition { .. } | Self::ExpiredForGood => {
                "value_error.status"
            }
            Self::PauseByPhase
            | Self::MeteredPrepaid
            | Self::FeaturesOnLine
            | Self::PriceOnPhase
            | Self::EventBasedSchedule
            | Self::TwoPayers
            | Self::CustomerFixed
            | Self::Terms(_) => "value_error",
        }
    }
}

/// Collects findings below a place.
#[derive(Debug, Default)]
pub(super) struct Collector(Vec<Finding>);

impl Collector {
    pub(super) fn add(&mut self, path: &[&str], rule: Rule) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        self.0.push(Finding { path, rule });
    }

    pub(super) fn require(&mut self, is_met: bool, path: &[&str], rule: Rule) {
        if !is_met {
            self.add(path, rule);
        }
    }

    /// Adds what is wrong with a part, below the place of the part.
    pub(super) fn below(&mut self, place: &[&str], found: Vec<Finding>) {
        for Finding { path, rule } in found {
            let place = place.iter().map(|key| (*key).to_owned());
            let path = place.chain(path).collect();
            self.0.push(Finding { path, rule });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn into_vec(self) -> Vec<Finding> {
        self.0
    }

    pub(super) fn finish(self) -> Result<(), Findings> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Findings(self.0))
        }
    }
}

fn list(findings: &[Finding]) -> String {
    let texts = findings
        .iter()
        .map(|finding| format!("{}: {}", finding.path.join("."), finding.rule));
    texts.collect::<Vec<_>>().join("; ")
}
