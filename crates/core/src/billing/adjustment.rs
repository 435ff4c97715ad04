//! Adjustments: the difference between what was billed and what is due now, line by line.
//!
//! Owns the comparison. Does not own when a bill is rated again. Invariant: what was billed plus its
//! adjustments is what is due.

use serde::{Deserialize, Serialize};

use crate::calendar::{Cycle, Period};
use crate::id::{FeatureId, LineId};
use crate::money::{Money, MoneyError};
use crate::rating::{Draft, LineKind};

/// Which line of a bill is meant, from one rating to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKey {
    /// A period of a line of the contract.
    Charge {
        /// The line.
        line: LineId,
        /// First day of the whole period.
        from: jiff::civil::Date,
    },
    /// A top-up of a phase's commitment: the so-manieth on the bill.
    CommitmentTopUp {
        /// The commitment.
        feature: FeatureId,
        /// From 0.
        number: usize,
    },
    /// A fee of a phase.
    ServiceFee {
        /// The fee.
        feature: FeatureId,
    },
}

/// What one line of a bill came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BilledLine {
    /// The line.
    pub key: LineKey,
    /// Days served.
    pub service: Period,
    /// Before tax.
    pub net: Money,
    /// Its part of the taxes.
    pub tax: Money,
}

/// Why something is billed anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdjustmentReason {
    /// The contract was changed, paused or ended.
    Amendment,
    /// Usage of a billed period came after its bill.
    LateUsage,
}

/// A line that corrects an approved bill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The line that it corrects.
    pub key: LineKey,
    /// Why.
    pub reason: AdjustmentReason,
    /// Days that the line serves now; those billed where it serves none.
    pub service: Period,
    /// Net so far, over all bills of the line.
    pub billed_net: Money,
    /// Tax so far.
    pub billed_tax: Money,
    /// Net that is due.
    pub due_net: Money,
    /// Tax that is due.
    pub due_tax: Money,
    /// What is charged now, below zero what is given back, before tax: due minus billed.
    pub net: Money,
    /// The same of the tax.
    pub tax: Money,
}

/// The lines of a rated bill. `charges` are those that were rated, in their order.
pub fn billed_lines(charges: &[(LineId, Cycle)], draft: &Draft) -> Vec<BilledLine> {
    let mut lines: Vec<BilledLine> = Vec::with_capacity(draft.lines.len());
    let mut charges = charges.iter();
    for line in &draft.lines {
        let key = match line.kind {
            LineKind::Charge(id) => {
                let cycle = charges.next().map(|(_, cycle)| cycle.full.start());
                let from = cycle.unwrap_or(line.service.start());
                LineKey::Charge { line: id, from }
            }
            LineKind::CommitmentTopUp(feature) => {
                let is_same = |other: &&BilledLine| matches!(other.key, LineKey::CommitmentTopUp { feature: id, .. } if id == feature);
                let number = lines.iter().filter(is_same).count();
                LineKey::CommitmentTopUp { feature, number }
            }
            LineKind::ServiceFee(feature) => LineKey::ServiceFee { feature },
        };
        lines.push(BilledLine {
            key,
            service: line.service,
            net: line.net,
            tax: line.tax,
        });
    }
    lines
}

/// What the lines of a bill came to with all adjustments since.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn with_adjustments(
    mut lines: Vec<BilledLine>,
    adjustments: &[Adjustment],
) -> Result<Vec<BilledLine>, MoneyError> {
    for adjustment in adjustments {
        match lines.iter_mut().find(|line| line.key == adjustment.key) {
            Some(line) => {
                line.service = adjustment.service;
                line.net = line.net.checked_add(adjustment.net)?;
                line.tax = line.tax.checked_add(adjustment.tax)?;
            }
            None => lines.push(BilledLine {
                key: adjustment.key,
                service: adjustment.service,
                net: adjustment.net,
                tax: adjustment.tax,
            }),
        }
    }
    Ok(lines)
}

/// The adjustments that make what was billed into what is due: one for each line that differs. `billed`
/// includes earlier adjustments; `due` is empty where nothing of the bill stands.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn adjustments(
    billed: &[BilledLine],
    due: &[BilledLine],
    reason: AdjustmentReason,
) -> Result<Vec<Adjustment>, MoneyError> {
    let mut found = Vec::new();
    for now in due {
        let before = billed.iter().find(|line| line.key == now.key);
        found.extend(adjustment(before, Some(now), reason)?);
    }
    for before in billed {
        if !due.iter().any(|line| line.key == before.key) {
            found.extend(adjustment(Some(before), None, reason)?);
        }
    }
    Ok(found)
}

fn adjustment(
    before: Option<&BilledLine>,
    now: Option<&BilledLine>,
    reason: AdjustmentReason,
) -> Result<Option<Adjustment>, MoneyError> {
    let Some(shown) = now.or(before) else {
        return Ok(None);
    };
    let zero = Money::zero(shown.net.currency());
    let amounts =
        |line: Option<&BilledLine>| line.map_or((zero, zero), |line| (line.net, line.tax));
    let ((billed_net, billed_tax), (due_net, due_tax)) = (amounts(before), amounts(now));
    let net = due_net.checked_sub(billed_net)?;
    let tax = due_tax.checked_sub(billed_tax)?;
    if net.is_zero() && tax.is_zero() {
        return Ok(None);
    }
    Ok(Some(Adjustment {
        key: shown.key,
        reason,
        service: shown.service,
        billed_net,
        billed_tax,
        due_net,
        due_tax,
        net,
        tax,
    }))
}
