//! What is wrong with a plan, each thing at its place. Owns the rules that contracts do not have.

use crate::calendar;
use crate::contract;

/// Everything that is wrong with a plan; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} places of the plan are not valid", .0.len())]
pub struct Findings(pub Vec<Finding>);

/// One thing that is wrong, at a field of the body that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Keys and positions from the root.
    pub path: Vec<String>,
    /// The rule that is broken.
    pub rule: Rule,
}

/// A rule of plans.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// A contract made from it would break this one.
    #[error("{0}")]
    Contract(contract::Rule),
    /// A plan that is sold sells something.
    #[error("a published plan needs at least one phase")]
    PhaseMissing,
    /// A phase that says nothing.
    #[error("a phase needs features or at least one pricing")]
    PhaseEmpty,
    /// Nobody knows where the next phase begins.
    #[error("only the last phase may be without a duration")]
    DurationMissing,
    /// Something that lasts no time.
    #[error("a duration is longer than P0D")]
    DurationZero,
    /// Phases do not fit.
    #[error("the phases last longer than the plan")]
    PhasesTooLong,
    /// Two phases have one place.
    #[error("another phase has this order")]
    OrderTwice,
    /// A plan is not born archived.
    #[error("a plan is created as draft or active")]
    CreatedArchived,
    /// A date or duration does not fit.
    #[error(transparent)]
    Calendar(#[from] calendar::Error),
}

impl Rule {
    /// Machine-readable kind, in the style of the API's 422 answers.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Contract(rule) => rule.kind(),
            Self::PhaseMissing | Self::PhaseEmpty | Self::DurationMissing => "value_error.missing",
            Self::DurationZero | Self::PhasesTooLong | Self::Calendar(_) => "value_error.duration",
            Self::OrderTwice => "value_error.duplicate",
            Self::CreatedArchived => "value_error.status",
        }
    }
}

impl Findings {
    /// Findings of a plan as findings of one part of it: what the part breaks elsewhere is wrong with the part as
    /// a whole.
    pub(super) fn within(self, place: &[String]) -> Self {
        let findings = self.0.into_iter().map(|Finding { path, rule }| {
            let path = path.strip_prefix(place).map(<[String]>::to_vec);
            Finding {
                path: path.unwrap_or_default(),
                rule,
            }
        });
        Self(findings.collect())
    }
}

/// Collects findings.
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

    /// What a contract made from the plan would break.
    pub(super) fn of_contract(
        &mut self,
        contract::Findings(found): contract::Findings,
        place_of: impl Fn(Vec<String>) -> Vec<String>,
    ) {
        for contract::Finding { path, rule } in found {
            let finding = Finding {
                path: place_of(path),
                rule: Rule::Contract(rule),
            };
            // A trial says the same as what it tries.
            if !self.0.contains(&finding) {
                self.0.push(finding);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn finish(self) -> Result<(), Findings> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Findings(self.0)),
        }
    }
}
