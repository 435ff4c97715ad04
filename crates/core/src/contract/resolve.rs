//! From what was sent to phases and lines with known bounds and ids. Owns the defaults of dates and how
//! a replacement recognises what it replaces.

use jiff::tz::TimeZone;
use uuid::Uuid;

use super::finding::{Collector, Finding, Findings, Rule};
use super::{
    Contract, Details, End, Header, Line, LineDetails, Phase, PhaseDetails, PhaseType, Start,
    Status,
};
use crate::id::LineId;

/// A contract whose bounds and ids are known, not checked yet.
pub(super) struct Resolved {
    pub(super) status: Status,
    pub(super) header: Header,
    pub(super) phases: Vec<Phase>,
    /// For each phase its position in what was sent.
    pub(super) order: Vec<usize>,
}

/// Ids of the contract that is replaced, and new ones.
struct Ids<'a> {
    before: Option<&'a Contract>,
    phases_taken: Vec<Uuid>,
    lines_taken: Vec<LineId>,
    new: &'a mut dyn FnMut() -> Uuid,
}

pub(super) fn resolve(
    details: Details,
    before: Option<&Contract>,
    zone: &TimeZone,
    ids: &mut dyn FnMut() -> Uuid,
) -> Result<Resolved, Findings> {
    let mut found = Collector::default();
    let Details {
        mut header,
        status,
        phases: sent,
    } = details;
    header.name = header.name.trim().to_owned();
    check_status(status, before, &mut found);
    let sent = without_pauses(sent, before, &mut found);
    let spans = spans(&header, &sent, zone, &mut found);
    let mut ids = Ids::new(before, ids);
    ids.reserve(&sent, &mut found);
    let mut phases = Vec::with_capacity(sent.len());
    for ((position, details), span) in sent.into_iter().zip(spans) {
        if let Some((start, end)) = span {
            phases.push((position, ids.phase(details, start, end)));
        }
    }
    found.finish()?;
    phases.sort_by_key(|(_, phase)| phase.start.day());
    let (order, phases) = phases.into_iter().unzip();
    Ok(Resolved {
        status,
        header,
        phases,
        order,
    })
}

/// What may be written as a status: the rest has endpoints of its own. A reader may send back what it
/// read.
fn check_status(status: Status, before: Option<&Contract>, found: &mut Collector) {
    let is_writable = match (before.map(Contract::status), status) {
        (Some(from), to) if from == to => true,
        (_, Status::Draft | Status::Active) => true,
        (before, Status::Disputed) => before.is_some(),
        (_, Status::Paused | Status::Expired) => false,
    };
    if !is_writable {
        found.add(&["status"], Rule::StatusNotWritable(status));
        return;
    }
    if let Some(from) = before.map(Contract::status) {
        let (may, to) = (from.may_become(status), status);
        let may = may || (from == Status::Expired && to == Status::Active);
        found.require(may, &["status"], Rule::StatusTransition { from, to });
    }
}

/// Phases of terms with their positions. A pause that a reader sends back is known and passed over.
fn without_pauses(
    sent: Vec<PhaseDetails>,
    before: Option<&Contract>,
    found: &mut Collector,
) -> Vec<(usize, PhaseDetails)> {
    let known = before.map(Contract::pauses).unwrap_or_default();
    let mut phases = Vec::with_capacity(sent.len());
    for (position, phase) in sent.into_iter().enumerate() {
        if phase.head.phase_type != PhaseType::Pause {
            phases.push((position, phase));
            continue;
        }
        let is_known = known.iter().any(|pause| Some(pause.id) == phase.id);
        let place = ["phases", &position.to_string(), "phase_type"];
        found.require(is_known, &place, Rule::PauseByPhase);
    }
    phases
}

type Span = Option<(Start, Option<End>)>;

/// Bounds of the phases: a start that is not told is the end of the phase before or the contract's
/// start, an end the start of the next phase or the contract's end (api reference §8.3).
fn spans(
    header: &Header,
    sent: &[(usize, PhaseDetails)],
    zone: &TimeZone,
    found: &mut Collector,
) -> Vec<Span> {
    let mut spans = Vec::with_capacity(sent.len());
    let mut end_before: Option<End> = None;
    for (index, (position, phase)) in sent.iter().enumerate() {
        let place = position.to_string();
        let next = sent.get(index + 1).map(|(_, next)| next.start);
        let end = match (phase.end, next) {
            (Some(end), _) => Ok(Some(end)),
            (None, None) => Ok(header.end),
            (None, Some(Some(next))) => End::before(next.day(), zone).map(Some),
            (None, Some(None)) => {
                found.add(&["phases", &place, "end_date"], Rule::PhaseBoundUnknown);
                Ok(None)
            }
        };
        let start = match (phase.start, end_before) {
            (Some(start), _) => Ok(start),
            (None, Some(end)) => Start::on(end.day(), zone),
            (None, None) => Ok(header.start),
        };
        let span = start.and_then(|start| Ok((start, end?)));
        if span.is_err() {
            found.add(&["phases", &place], Rule::DateOutOfRange);
        }
        end_before = span.as_ref().ok().and_then(|(_, end)| *end);
        spans.push(span.ok());
    }
    spans
}

impl<'a> Ids<'a> {
    fn new(before: Option<&'a Contract>, new: &'a mut dyn FnMut() -> Uuid) -> Self {
        Self {
            before,
            phases_taken: Vec::new(),
            lines_taken: Vec::new(),
            new,
        }
    }

    /// Sets the ids aside that were sent, so that nothing else is recognised by them.
    fn reserve(&mut self, sent: &[(usize, PhaseDetails)], found: &mut Collector) {
        let Some(before) = self.before else {
            return;
        };
        for (position, phase) in sent {
            let place = position.to_string();
            if let Some(id) = phase.id {
                let known = before.phases().iter().any(|other| other.id == id);
                let is_twice = self.phases_taken.contains(&id);
                check_id(known, is_twice, &["phases", &place, "id"], found);
                self.phases_taken.push(id);
            }
            for (index, line) in phase.lines.iter().enumerate() {
                let Some(id) = line.id else { continue };
                let is_twice = self.lines_taken.contains(&id);
                let place = ["phases", &place, "pricings", &index.to_string(), "id"];
                check_id(before.line(id).is_some(), is_twice, &place, found);
                self.lines_taken.push(id);
            }
        }
    }

    fn phase(&mut self, details: PhaseDetails, start: Start, end: Option<End>) -> Phase {
        let PhaseDetails {
            id,
            head,
            lines: sent,
            ..
        } = details;
        let known = self.before.and(id);
        let id = known.or_else(|| self.same_phase(&head.name, start));
        let id = id.unwrap_or_else(|| (self.new)());
        let mut phase = Phase {
            id,
            start,
            end,
            head,
            lines: Vec::with_capacity(sent.len()),
        };
        for line in sent {
            let line = self.line(&phase, line);
            phase.lines.push(line);
        }
        phase
    }

    /// The phase of the contract before that one without an id is: the one with its start, else with
    /// its name.
    fn same_phase(&mut self, name: &str, start: Start) -> Option<Uuid> {
        let phases = self.before?.phases().iter();
        let free = phases.filter(|phase| !self.phases_taken.contains(&phase.id));
        let free: Vec<&Phase> = free.collect();
        let by_start = free.iter().find(|phase| phase.start.day() == start.day());
        let same = by_start.or_else(|| free.iter().find(|phase| phase.head.name == name));
        let id = same?.id;
        self.phases_taken.push(id);
        Some(id)
    }

    fn line(&mut self, phase: &Phase, details: LineDetails) -> Line {
        let known = self.before.and(details.id);
        let id = known.or_else(|| self.same_line(phase.id, &details));
        Line {
            id: id.unwrap_or_else(|| LineId((self.new)())),
            start: details.start.unwrap_or(phase.start),
            end: details.end,
            head: details.head,
        }
    }

    /// The line of the phase before that one without an id is: the one with its external id, else the
    /// first of its product and price, else the first of its product.
    fn same_line(&mut self, phase: Uuid, details: &LineDetails) -> Option<LineId> {
        let phases = self.before?.phases().iter();
        let before = phases.filter(|other| other.id == phase);
        let lines = before.flat_map(|phase| &phase.lines);
        let free = lines.filter(|line| !self.lines_taken.contains(&line.id));
        let free: Vec<&Line> = free.collect();
        let head = &details.head;
        let same_name =
            |line: &&&Line| head.external_id.is_some() && line.head.external_id == head.external_id;
        let same_product = |line: &&&Line| line.head.product_id == head.product_id;
        let same_price = |line: &&&Line| {
            let catalogue = line.head.pricing_id == head.pricing_id && head.pricing_id.is_some();
            same_product(line) && (catalogue || line.head.pricing == head.pricing)
        };
        let same = free.iter().find(same_name);
        let same = same.or_else(|| free.iter().find(same_price));
        let id = same.or_else(|| free.iter().find(same_product))?.id;
        self.lines_taken.push(id);
        Some(id)
    }
}

fn check_id(is_known: bool, is_twice: bool, place: &[&str], found: &mut Collector) {
    found.require(is_known, place, Rule::IdUnknown);
    found.require(!is_twice, place, Rule::IdTwice);
}

/// Findings about phases in order, at the positions in which the phases were sent.
pub(super) fn as_sent(found: Findings, order: &[usize]) -> Findings {
    let Findings(mut findings) = found;
    for finding in &mut findings {
        if finding.path.first().is_some_and(|key| key == "phases")
            && let Some(position) = finding.path.get_mut(1)
            && let Some(sent) = position
                .parse()
                .ok()
                .and_then(|index: usize| order.get(index))
        {
            *position = sent.to_string();
        }
    }
    Findings(findings)
}

/// Findings of a contract as findings of one part of it: what the part breaks elsewhere is wrong with
/// the part as a whole.
pub(super) fn within(found: Findings, place: &[&str]) -> Findings {
    let findings = found.0.into_iter().map(|Finding { path, rule }| {
        let is_inside = path.len() >= place.len() && path.iter().zip(place).all(|(a, b)| a == b);
        let path = if is_inside {
            path[place.len()..].to_vec()
        } else {
            Vec::new()
        };
        Finding { path, rule }
    });
    Findings(findings.collect())
}
