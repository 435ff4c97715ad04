//! From what was written to a plan: order, ids, rules. Owns how a replacement recognises what it replaces.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::rule::{Collector, Findings, Rule};
use super::schedule::Span;
use super::{Details, Line, Offer, Phase, Plan, Schedule, Status};
use crate::calendar::Error;
use crate::contract::{
    self, Header, LINES_MAX, LineHead, PHASES_MAX, PhaseHead, PhaseType, Start, Surroundings,
};
use crate::currency::Currency;
use crate::id::LineId;

/// A plan as a caller writes it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// The status it should have.
    pub status: Status,
    /// How long a contract made from it lasts.
    pub schedule: Schedule,
    /// Its phases.
    pub phases: Vec<PhaseDetails>,
    /// How it is offered.
    pub offer: Option<Offer>,
}

/// A phase as a caller writes it.
#[derive(Clone, Debug)]
pub struct PhaseDetails {
    /// The phase that it replaces.
    pub id: Option<Uuid>,
    /// Its place among the phases; the one in which it was sent unless told.
    pub order: Option<u32>,
    /// When it begins after the phase before it, and how long it lasts.
    pub schedule: Schedule,
    /// What does not depend on dates.
    pub head: PhaseHead,
    /// What is sold in it.
    pub lines: Vec<LineDetails>,
}

/// A line as a caller writes it.
#[derive(Clone, Debug)]
pub struct LineDetails {
    /// The line that it replaces.
    pub id: Option<LineId>,
    /// When it begins after its phase, and how long it lasts.
    pub schedule: Schedule,
    /// What is sold, at which price.
    pub head: LineHead,
}

/// A plan as its owner would write it.
pub(super) fn of(plan: &Plan) -> Written {
    let line = |line: &Line| LineDetails {
        id: Some(line.id),
        schedule: line.schedule.clone(),
        head: line.head.clone(),
    };
    let phase = |phase: &Phase| PhaseDetails {
        id: Some(phase.id),
        order: None,
        schedule: phase.schedule.clone(),
        head: phase.head.clone(),
        lines: phase.lines.iter().map(line).collect(),
    };
    Written {
        name: plan.details.name.clone(),
        description: plan.details.description.clone(),
        status: plan.status,
        schedule: plan.details.schedule.clone(),
        phases: plan.details.phases.iter().map(phase).collect(),
        offer: plan.details.offer.clone(),
    }
}

/// What was written, in order, with ids, checked whole.
pub(super) fn resolve(
    written: Written,
    before: Option<&Plan>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Result<Details, Findings> {
    let Written {
        name,
        description,
        status,
        schedule,
        phases,
        offer,
    } = written;
    let mut found = Collector::default();
    let is_new = before.is_none();
    let born_archived = is_new && status == Status::Archived;
    found.require(!born_archived, &["status"], Rule::CreatedArchived);
    let ordered = in_order(phases, &mut found);
    let mut known = Known::new(before, ids);
    known.reserve(&ordered, &mut found);
    let (order, phases): (Vec<usize>, Vec<Phase>) = ordered
        .into_iter()
        .map(|(position, phase)| (position, known.phase(phase)))
        .unzip();
    let details = Details {
        name: name.trim().to_owned(),
        description,
        schedule,
        phases,
        offer,
    };
    check(&details, &order, &mut found);
    let no_name = Rule::Contract(contract::Rule::NameBlank);
    found.require(!details.name.is_empty(), &["name"], no_name);
    if found.is_empty() && status == Status::Active {
        check_published(&details)?;
    }
    found.finish()?;
    Ok(details)
}

/// What is sold sells something.
pub(super) fn check_published(details: &Details) -> Result<(), Findings> {
    let mut found = Collector::default();
    let field = match details.offer {
        Some(_) => "products",
        None => "phases",
    };
    let sells = details.phases.iter().any(|phase| !is_empty(phase));
    found.require(sells, &[field], Rule::PhaseMissing);
    found.finish()
}

fn is_empty(phase: &Phase) -> bool {
    phase.lines.is_empty() && phase.head.features.is_none()
}

/// The phases in their order, with the positions in which they were sent.
fn in_order(phases: Vec<PhaseDetails>, found: &mut Collector) -> Vec<(usize, PhaseDetails)> {
    let mut ordered: Vec<(u64, usize, PhaseDetails)> = Vec::with_capacity(phases.len());
    for (position, phase) in phases.into_iter().enumerate() {
        let order = phase.order.map(u64::from);
        let order = order.unwrap_or(u64::try_from(position).unwrap_or(u64::MAX));
        let is_taken = ordered.iter().any(|(other, ..)| *other == order);
        let place = ["phases", &position.to_string(), "order"];
        found.require(!is_taken, &place, Rule::OrderTwice);
        ordered.push((order, position, phase));
    }
    ordered.sort_by_key(|(order, position, _)| (*order, *position));
    let phases = ordered.into_iter();
    phases
        .map(|(_, position, phase)| (position, phase))
        .collect()
}

/// Ids of the plan that is replaced, and new ones.
struct Known<'a> {
    before: Option<&'a Plan>,
    phases_taken: Vec<Uuid>,
    lines_taken: Vec<LineId>,
    new: &'a mut dyn FnMut() -> Uuid,
}

impl<'a> Known<'a> {
    fn new(before: Option<&'a Plan>, new: &'a mut dyn FnMut() -> Uuid) -> Self {
        Self {
            before,
            phases_taken: Vec::new(),
            lines_taken: Vec::new(),
            new,
        }
    }

    /// Sets the ids aside that were sent, so that nothing else is recognised by them.
    fn reserve(&mut self, sent: &[(usize, PhaseDetails)], found: &mut Collector) {
        let Some(before) = self.before else { return };
        let unknown = || Rule::Contract(contract::Rule::IdUnknown);
        let twice = || Rule::Contract(contract::Rule::IdTwice);
        for (position, phase) in sent {
            let place = position.to_string();
            if let Some(id) = phase.id {
                let at = ["phases", &place, "id"];
                let is_known = before.details.phases.iter().any(|one| one.id == id);
                found.require(is_known, &at, unknown());
                found.require(!self.phases_taken.contains(&id), &at, twice());
                self.phases_taken.push(id);
            }
            for (index, line) in phase.lines.iter().enumerate() {
                let Some(id) = line.id else { continue };
                let at = ["phases", &place, "pricings", &index.to_string(), "id"];
                let is_known = before.lines().any(|one| one.id == id);
                found.require(is_known, &at, unknown());
                found.require(!self.lines_taken.contains(&id), &at, twice());
                self.lines_taken.push(id);
            }
        }
    }

    fn phase(&mut self, details: PhaseDetails) -> Phase {
        let known = self.before.and(details.id);
        let known = known.or_else(|| self.same_phase(&details.head.name));
        let id = known.unwrap_or_else(|| (self.new)());
        let lines = details.lines.into_iter();
        Phase {
            id,
            schedule: details.schedule,
            head: details.head,
            lines: lines.map(|line| self.line(id, line)).collect(),
        }
    }

    /// The phase before with the name.
    fn same_phase(&mut self, name: &str) -> Option<Uuid> {
        let mut phases = self.before?.details.phases.iter();
        let is_free = |phase: &&Phase| !self.phases_taken.contains(&phase.id);
        let same = phases.find(|phase| is_free(phase) && phase.head.name == name);
        let id = same?.id;
        self.phases_taken.push(id);
        Some(id)
    }

    fn line(&mut self, phase: Uuid, details: LineDetails) -> Line {
        let known = self.before.and(details.id);
        let known = known.or_else(|| self.same_line(phase, &details.head));
        Line {
            id: known.unwrap_or_else(|| LineId((self.new)())),
            schedule: details.schedule,
            head: details.head,
        }
    }

    /// The first line before of its product and price, else of its product.
    fn same_line(&mut self, phase: Uuid, head: &LineHead) -> Option<LineId> {
        let phases = self.before?.details.phases.iter();
        let lines = phases.filter(|one| one.id == phase);
        let lines = lines.flat_map(|phase| &phase.lines);
        let free = lines.filter(|line| !self.lines_taken.contains(&line.id));
        let of_product = free.filter(|line| line.head.product_id == head.product_id);
        let of_product: Vec<&Line> = of_product.collect();
        let mut same = of_product.iter();
        let same = same.find(|line| line.head.pricing == head.pricing);
        let id = same.or_else(|| of_product.first())?.id;
        self.lines_taken.push(id);
        Some(id)
    }
}

/// Whether a contract could be made from it.
fn check(details: &Details, order: &[usize], found: &mut Collector) {
    let phases = &details.phases;
    let too_many = || Rule::Contract(contract::Rule::TooManyPhases);
    found.require(phases.len() <= PHASES_MAX, &["phases"], too_many());
    check_length(&details.schedule, &["schedule"], found);
    let is_offer = details.offer.is_some();
    let last = phases.len().saturating_sub(1);
    for (index, phase) in phases.iter().enumerate() {
        let place = sent(order, index);
        let at = |field| ["phases", place.as_str(), field];
        let lines = phase.lines.len();
        let too_many = Rule::Contract(contract::Rule::TooManyLines);
        found.require(lines <= LINES_MAX, &at("pricings"), too_many);
        let is_pause = phase.head.phase_type == PhaseType::Pause;
        let no_pause = Rule::Contract(contract::Rule::PauseByPhase);
        found.require(!is_pause, &at("phase_type"), no_pause);
        let may_be_empty = is_offer || phase.head.phase_type == PhaseType::Trial;
        let says_something = may_be_empty || !is_empty(phase);
        found.require(says_something, &["phases", &place], Rule::PhaseEmpty);
        let has_length = index == last || phase.schedule.duration.is_some();
        let schedule = ["phases", &place, "schedule"];
        let duration = ["phases", &place, "schedule", "duration"];
        found.require(has_length, &duration, Rule::DurationMissing);
        check_length(&phase.schedule, &schedule, found);
        for (position, line) in phase.lines.iter().enumerate() {
            let position = position.to_string();
            let schedule = ["phases", &place, "pricings", &position, "schedule"];
            check_length(&line.schedule, &schedule, found);
        }
    }
    if let Some(trial) = details
        .offer
        .as_ref()
        .and_then(|offer| offer.trial.as_ref())
    {
        let place = ["trial_config", "duration"];
        found.require(!trial.duration.is_zero(), &place, Rule::DurationZero);
    }
    if found.is_empty() {
        check_sample(details, order, found);
    }
}

fn sent(order: &[usize], index: usize) -> String {
    order.get(index).copied().unwrap_or(index).to_string()
}

fn check_length(schedule: &Schedule, place: &[&str], found: &mut Collector) {
    let is_none = schedule
        .duration
        .as_ref()
        .is_some_and(super::Duration::is_zero);
    let place = [place, &["duration"]].concat();
    found.require(!is_none, &place, Rule::DurationZero);
}

/// The first day of the contract by which a plan is checked: of a leap year, so that no term is longer.
const SAMPLE: Date = jiff::civil::date(2024, 1, 1);

/// What a contract made from the plan on some day would break.
fn check_sample(details: &Details, order: &[usize], found: &mut Collector) {
    let checked = check_lengths(details, order, found);
    let checked = match found.is_empty() {
        true => checked.and_then(|()| check_contract(details, order, found)),
        false => checked,
    };
    if let Err(error) = checked {
        found.add(&["schedule"], Rule::Calendar(error));
    }
}

/// Phases end with the plan or before, and lines begin inside their phases. On other days months have other lengths: what
/// does not fit then is cut or left out.
fn check_lengths(details: &Details, order: &[usize], found: &mut Collector) -> Result<(), Error> {
    let mut at = Span::from(SAMPLE).and(details.schedule.offset())?;
    let plan_end = match details.schedule.length() {
        Some(length) => at.and(length)?.day()?,
        None => Date::MAX,
    };
    let mut is_inside = true;
    for (index, phase) in details.phases.iter().enumerate() {
        at = at.and(phase.schedule.offset())?;
        let start = at.day()?;
        is_inside &= start < plan_end;
        let end = match phase.schedule.length() {
            Some(length) => {
                at = at.and(length)?;
                at.day()?
            }
            None => plan_end,
        };
        is_inside &= end <= plan_end;
        for (position, line) in phase.lines.iter().enumerate() {
            let begins = Span::from(start).and(line.schedule.offset())?.day()?;
            let (phase, position) = (sent(order, index), position.to_string());
            let place = ["phases", &phase, "pricings", &position, "schedule"];
            let late = Rule::Contract(contract::Rule::LineOutsidePhase);
            found.require(begins < end, &place, late);
        }
    }
    found.require(is_inside, &["phases"], Rule::PhasesTooLong);
    Ok(())
}

fn check_contract(details: &Details, order: &[usize], found: &mut Collector) -> Result<(), Error> {
    let plan = Plan {
        id: Uuid::nil(),
        parent_plan_id: Uuid::nil(),
        old_plan_id: None,
        version_number: 1,
        status: Status::Draft,
        details: details.clone(),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    };
    let zone = TimeZone::UTC;
    let start = Start::on(SAMPLE, &zone)?;
    let currency = plan.currency().unwrap_or(Currency::USD);
    let header = Header::new("Sample", Uuid::nil(), currency, start);
    let agreement = plan.agreement(header, contract::Status::Draft, &zone)?;
    let surroundings = Surroundings {
        zone,
        parent_customer_id: None,
    };
    let mut last = 0_u128;
    let mut ids = || {
        last += 1;
        Uuid::from_u128(last)
    };
    let made = contract::create(
        Uuid::nil(),
        agreement,
        &surroundings,
        &mut ids,
        Timestamp::UNIX_EPOCH,
    );
    if let Err(findings) = made {
        let trials = usize::from(plan.trial().is_some());
        let is_offer = details.offer.is_some();
        found.of_contract(findings, |path| match is_offer {
            true => in_products(path),
            false => in_phases(path, order, trials),
        });
    }
    Ok(())
}

/// The place in the phases as they were sent.
fn in_phases(mut path: Vec<String>, order: &[usize], trials: usize) -> Vec<String> {
    let is_of_phase = path.first().is_some_and(|key| key == "phases");
    if let Some(position) = path.get_mut(1).filter(|_| is_of_phase) {
        let index: usize = position.parse().unwrap_or_default();
        *position = sent(order, index.saturating_sub(trials));
    }
    path
}

/// The place in the products of an offer: what is wrong with its modifiers is wrong with the whole.
fn in_products(path: Vec<String>) -> Vec<String> {
    let is_of_phase = path.first().is_some_and(|key| key == "phases");
    match path.get(2).map(String::as_str).filter(|_| is_of_phase) {
        Some("pricings") => {
            let rest = path.into_iter().skip(3);
            std::iter::once("products".to_owned()).chain(rest).collect()
        }
        Some("features") => path.into_iter().skip(3).collect(),
        _ => path,
    }
}
