//! Duplicates: whether a draft charges for days that an issued invoice has charged for.
//!
//! Owns the comparison, a second lock on the door: that a period is due once is [`crate::billing`]'s promise.

use super::Part;
use crate::billing::LineKey;
use crate::id::LineId;
use crate::rating::{Line, LineKind};

/// Whether `parts` charge a line for days for which `issued` charges it, and do not correct that line: a
/// correction takes the earlier charge back.
pub fn bills_again(parts: &[Part], issued: &[Part]) -> bool {
    let mut charges = charges(parts).filter(|(line, _)| !is_corrected(parts, *line));
    charges.any(|(line, charge)| {
        let mut others = self::charges(issued).filter(|(other, _)| *other == line);
        others.any(|(_, other)| other.service.intersection(charge.service).is_some())
    })
}

fn charges(parts: &[Part]) -> impl Iterator<Item = (LineId, &Line)> {
    let lines = parts.iter().flat_map(|part| &part.rated.lines);
    lines.filter_map(|line| match line.kind {
        LineKind::Charge(id) => Some((id, line)),
        LineKind::CommitmentTopUp(_) | LineKind::ServiceFee(_) => None,
    })
}

fn is_corrected(parts: &[Part], line: LineId) -> bool {
    let mut adjustments = parts.iter().flat_map(|part| &part.adjustments);
    adjustments.any(|adjustment| match adjustment.key {
        LineKey::Charge { line: other, .. } => other == line,
        LineKey::CommitmentTopUp { .. } | LineKey::ServiceFee { .. } => false,
    })
}
