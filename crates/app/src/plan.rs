//! Plans: make, change, publish, archive, list; and what a contract made from one says.
//!
//! Owns the order of things and what other records decide: the catalogue, the entity, custom attributes. What a valid
//! plan is and what follows from it is the core's ([`florin_core::plan`]).

mod sale;
mod written;

use florin_core::custom_attribute::Module;
use florin_core::id::LineId;
use florin_core::plan::{self, Finding, Findings, Plan, Refusal};
use florin_store::{self as store, Tx, list, plan::Listed};
use uuid::Uuid;

use crate::contract::{Catalogue, Known, Sights, WrittenLine, sights};
use crate::{App, Error, FieldError, Result, custom_attribute};
use written::Reader;

pub(crate) use sale::{current, on_sale, require_known, require_sellable, version};
pub use written::{
    Written, WrittenOffer, WrittenPhase, WrittenPricing, WrittenSchedule, WrittenTemplate,
    WrittenTrial,
};

const NOT_FOUND: Error = Error::NotFound { resource: "plan" };

const ID_TAKEN: &str = "there is or was a plan with this id: send another one, or none";
/// A new plan is the first version of itself.
const OF_NEW: &[(&str, &str, &str)] = &[
    ("plan_id_key", "PLAN_ID_TAKEN", ID_TAKEN),
    ("plan_parent_plan_id_version_key", "PLAN_ID_TAKEN", ID_TAKEN),
];
/// Two requests made the next version at once: the first one stands.
const OF_VERSION: &[(&str, &str, &str)] = &[(
    "plan_parent_plan_id_version_key",
    "PLAN_VERSION_OPEN",
    "a version of the plan is a draft: publish or delete it first",
)];

/// The two shapes in which plans are written and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With phases.
    Phased,
    /// Products without phases of their own.
    Template,
}

/// A plan with the version that it was made from.
#[derive(Clone, Debug)]
pub struct View {
    /// The version, and whether there is none newer.
    pub listed: Listed,
    /// The version that it was made from.
    pub old: Option<Plan>,
}

/// Makes the first version of a plan.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field.
pub async fn create(app: &App, tx: &mut Tx, written: Written) -> Result<Plan> {
    let read = read(app, tx, written, None).await?;
    insert_new(app, tx, app.ids.next(), read).await
}

/// Makes the first version of a plan of products.
///
/// # Errors
/// As [`create`]; [`Error::Refused`] for an id that is taken.
pub async fn create_template(app: &App, tx: &mut Tx, written: WrittenTemplate) -> Result<Plan> {
    let id = written.id.unwrap_or_else(|| app.ids.next());
    let read = read_template(app, tx, written, None).await?;
    insert_new(app, tx, id, read).await
}

async fn insert_new(app: &App, tx: &mut Tx, id: Uuid, written: plan::Written) -> Result<Plan> {
    let mut ids = || app.ids.next();
    let made = plan::create(id, written, &mut ids, tx.at()?).map_err(invalid)?;
    let inserted = store::plan::insert(tx, &made).await;
    inserted.map_err(|error| Error::from_constraint(error, OF_NEW))?;
    Ok(made)
}

/// Replaces what a plan says, and its status. Phases and pricings are recognised by their ids.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for other terms of a published version and for a status that cannot
/// follow; else as [`create`].
pub async fn replace(app: &App, tx: &mut Tx, id: Uuid, written: Written) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let read = read(app, tx, written, Some(&before)).await?;
    amend(app, tx, &before, read).await
}

/// Replaces what a plan of products says, and its status.
///
/// # Errors
/// As [`replace`].
pub async fn replace_template(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    written: WrittenTemplate,
) -> Result<Plan> {
    let before = find(tx, id, Form::Template).await?.plan;
    let read = read_template(app, tx, written, Some(&before)).await?;
    amend(app, tx, &before, read).await
}

async fn amend(app: &App, tx: &mut Tx, before: &Plan, written: plan::Written) -> Result<Plan> {
    let mut ids = || app.ids.next();
    let after = before.amend(written, &mut ids, tx.at()?).map_err(refused)?;
    store::plan::update(tx, before, &after).await?;
    Ok(after)
}

/// Changes a part of a draft: what is wrong with the part is named from the part on.
async fn amend_part(
    app: &App,
    tx: &mut Tx,
    before: &Plan,
    written: plan::Written,
    place: &[&str],
) -> Result<Plan> {
    let place: Vec<String> = place.iter().map(|key| (*key).to_owned()).collect();
    let mut ids = || app.ids.next();
    let after = before.amend_part(written, &place, &mut ids, tx.at()?);
    let after = after.map_err(refused)?;
    store::plan::update(tx, before, &after).await?;
    Ok(after)
}

/// Deletes a draft of a plan.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for a version that was published.
pub async fn delete(tx: &mut Tx, id: Uuid, form: Form) -> Result<Listed> {
    let listed = find(tx, id, form).await?;
    listed.plan.require_draft().map_err(refused)?;
    store::plan::delete(tx, &listed.plan).await?;
    Ok(listed)
}

/// Publishes a version: contracts can be made from it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] where nothing is sold.
pub async fn publish(tx: &mut Tx, id: Uuid, form: Form) -> Result<Plan> {
    let before = find(tx, id, form).await?.plan;
    let after = before.publish(tx.at()?).map_err(refused)?;
    store::plan::update(tx, &before, &after).await?;
    Ok(after)
}

/// Takes a version off sale; contracts made from it stay as they are.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] for a draft.
pub async fn archive(tx: &mut Tx, id: Uuid, form: Form) -> Result<Plan> {
    let before = find(tx, id, form).await?.plan;
    let after = before.become_status(plan::Status::Archived, tx.at()?);
    let after = after.map_err(refused)?;
    store::plan::update(tx, &before, &after).await?;
    Ok(after)
}

/// Makes a draft of the next version, with the same content.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Refused`] while another version is a draft.
pub async fn new_version(app: &App, tx: &mut Tx, id: Uuid, form: Form) -> Result<Plan> {
    let from = find(tx, id, form).await?.plan;
    let versions = store::plan::versions(tx, from.parent_plan_id).await?;
    let latest = versions.last().unwrap_or(&from);
    let next = from.next_version(app.ids.next(), latest, tx.at()?);
    let next = next.map_err(refused)?;
    let inserted = store::plan::insert(tx, &next).await;
    inserted.map_err(|error| Error::from_constraint(error, OF_VERSION))?;
    Ok(next)
}

/// Adds a phase to a draft.
///
/// # Errors
/// As [`replace`], with places in the phase.
pub async fn add_phase(app: &App, tx: &mut Tx, id: Uuid, phase: WrittenPhase) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let details = read_phase(app, tx, &before, phase).await?;
    let mut written = before.to_written();
    let position = put_in_order(&mut written.phases, details);
    amend_part(
        app,
        tx,
        &before,
        written,
        &["phases", &position.to_string()],
    )
    .await
}

/// Puts a phase where its order says, at the end unless told; answers its position.
fn put_in_order(phases: &mut Vec<plan::PhaseDetails>, mut phase: plan::PhaseDetails) -> usize {
    let order = phase
        .order
        .take()
        .and_then(|order| usize::try_from(order).ok());
    let position = order.unwrap_or(phases.len()).min(phases.len());
    phases.insert(position, phase);
    position
}

/// Replaces a phase of a draft.
///
/// # Errors
/// As [`replace`], with places in the phase.
pub async fn replace_phase(
    app: &App,
    tx: &mut Tx,
    [id, phase_id]: [Uuid; 2],
    phase: WrittenPhase,
) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let position = phase_position(&before, phase_id)?;
    let mut details = read_phase(app, tx, &before, phase).await?;
    details.id = Some(phase_id);
    let mut written = before.to_written();
    written.phases.remove(position);
    details.order = details.order.or(u32::try_from(position).ok());
    let position = put_in_order(&mut written.phases, details);
    amend_part(
        app,
        tx,
        &before,
        written,
        &["phases", &position.to_string()],
    )
    .await
}

/// Takes a phase out of a draft.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] for a published version.
pub async fn remove_phase(app: &App, tx: &mut Tx, [id, phase_id]: [Uuid; 2]) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let position = phase_position(&before, phase_id)?;
    let mut written = before.to_written();
    written.phases.remove(position);
    amend_part(app, tx, &before, written, &["phases"]).await
}

/// Adds a pricing to a phase of a draft; answers the plan and the pricing's id.
///
/// # Errors
/// As [`replace`], with places in the pricing.
pub async fn add_pricing(
    app: &App,
    tx: &mut Tx,
    [id, phase_id]: [Uuid; 2],
    pricing: WrittenPricing,
) -> Result<(Plan, LineId)> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let position = phase_position(&before, phase_id)?;
    let mut details = read_pricing(app, tx, &before, pricing).await?;
    // A new line is no other line of the plan, whatever id it was copied with.
    details.id = None;
    let mut written = before.to_written();
    let lines = &mut written.phases[position].lines;
    lines.push(details);
    let (phase, line) = (position.to_string(), (lines.len() - 1).to_string());
    let place = ["phases", phase.as_str(), "pricings", line.as_str()];
    let after = amend_part(app, tx, &before, written, &place).await?;
    let is_new = |line: &LineId| !before.lines().any(|known| known.id == *line);
    let added = after.lines().map(|line| line.id).find(is_new);
    Ok((after.clone(), added.ok_or(NOT_FOUND)?))
}

/// Replaces a pricing of a draft.
///
/// # Errors
/// As [`replace`], with places in the pricing.
pub async fn replace_pricing(
    app: &App,
    tx: &mut Tx,
    [id, phase_id, line_id]: [Uuid; 3],
    pricing: WrittenPricing,
) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let position = phase_position(&before, phase_id)?;
    let line = line_position(&before, position, LineId(line_id))?;
    let mut details = read_pricing(app, tx, &before, pricing).await?;
    details.id = Some(LineId(line_id));
    let mut written = before.to_written();
    written.phases[position].lines[line] = details;
    let (phase, line) = (position.to_string(), line.to_string());
    let place = ["phases", phase.as_str(), "pricings", line.as_str()];
    amend_part(app, tx, &before, written, &place).await
}

/// Takes a pricing out of a phase of a draft.
///
/// # Errors
/// As [`remove_phase`].
pub async fn remove_pricing(
    app: &App,
    tx: &mut Tx,
    [id, phase_id, line_id]: [Uuid; 3],
) -> Result<Plan> {
    let before = find(tx, id, Form::Phased).await?.plan;
    let position = phase_position(&before, phase_id)?;
    let line = line_position(&before, position, LineId(line_id))?;
    let mut written = before.to_written();
    written.phases[position].lines.remove(line);
    amend_part(
        app,
        tx,
        &before,
        written,
        &["phases", &position.to_string()],
    )
    .await
}

/// Adds products to a plan of products that is a draft.
///
/// # Errors
/// As [`replace_template`], with places below `products`.
pub async fn add_products(
    app: &App,
    tx: &mut Tx,
    id: Uuid,
    products: Vec<WrittenPricing>,
) -> Result<Plan> {
    let before = find(tx, id, Form::Template).await?.plan;
    let lines = written::product_lines(&products);
    let catalogue = Catalogue::read(app, tx, lines, Known::of_plan(Some(&before))).await?;
    let mut reader = Reader::new(catalogue);
    let read = reader.products(products);
    let mut added = reader.finish(read)?;
    let mut written = before.to_written();
    for line in &mut added {
        line.id = None;
    }
    let known = before.lines().count();
    if let Some(phase) = written.phases.first_mut() {
        phase.lines.append(&mut added);
    }
    let mut ids = || app.ids.next();
    let after = before.amend(written, &mut ids, tx.at()?);
    let after = after.map_err(|refusal| counted_from(refused(refusal), known))?;
    store::plan::update(tx, &before, &after).await?;
    Ok(after)
}

/// Places in the products that were sent, behind those that the plan has.
fn counted_from(error: Error, known: usize) -> Error {
    let Error::Invalid(mut fields) = error else {
        return error;
    };
    for field in &mut fields {
        let is_product = field.path.first().is_some_and(|key| key == "products");
        let Some(position) = field.path.get_mut(1).filter(|_| is_product) else {
            continue;
        };
        if let Ok(index) = position.parse::<usize>() {
            *position = index.saturating_sub(known).to_string();
        }
    }
    Error::Invalid(fields)
}

/// The version with this id, locked when the transaction writes.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn find(tx: &mut Tx, id: Uuid, form: Form) -> Result<Listed> {
    let found = store::plan::find(tx, id).await?;
    let is_template = form == Form::Template;
    let found = found.filter(|listed| listed.plan.details.offer.is_some() == is_template);
    found.ok_or(NOT_FOUND)
}

/// One page of plans of a form.
///
/// # Errors
/// [`Error::Store`].
pub async fn page(tx: &mut Tx, form: Form, query: &list::Query) -> Result<list::Page<Listed>> {
    Ok(match form {
        Form::Phased => store::plan::page(tx, query).await?,
        Form::Template => store::plan::templates(tx, query).await?,
    })
}

/// Plans with the versions that they were made from, and what they sell.
///
/// # Errors
/// [`Error::Store`].
pub async fn views(tx: &mut Tx, plans: Vec<Listed>) -> Result<(Vec<View>, Sights)> {
    let ids = plans.iter().filter_map(|listed| listed.plan.old_plan_id);
    let ids: Vec<Uuid> = ids.collect();
    let old = match ids.is_empty() {
        true => Vec::new(),
        false => store::plan::of_ids(tx, &ids).await?,
    };
    let lines = || plans.iter().flat_map(|listed| listed.plan.lines());
    let mut products: Vec<Uuid> = lines().map(|line| line.head.product_id).collect();
    let metrics = lines().flat_map(|line| line.head.pricing.price().aggregates());
    let mut metrics: Vec<Uuid> = metrics.collect();
    for ids in [&mut products, &mut metrics] {
        ids.sort_unstable();
        ids.dedup();
    }
    let sights = sights(tx, Vec::new(), products, metrics).await?;
    let view = |listed: Listed| {
        let made_from = listed.plan.old_plan_id;
        let old = old.iter().find(|plan| Some(plan.id) == made_from);
        View {
            old: old.cloned(),
            listed,
        }
    };
    Ok((plans.into_iter().map(view).collect(), sights))
}

fn phase_position(plan: &Plan, id: Uuid) -> Result<usize> {
    let mut phases = plan.details.phases.iter();
    let position = phases.position(|phase| phase.id == id);
    position.ok_or_else(|| refused(Refusal::PhaseNotFound))
}

fn line_position(plan: &Plan, phase: usize, id: LineId) -> Result<usize> {
    let lines = plan.details.phases.get(phase);
    let lines = lines.map(|phase| phase.lines.as_slice());
    let mut lines = lines.unwrap_or_default().iter();
    let position = lines.position(|line| line.id == id);
    position.ok_or_else(|| refused(Refusal::LineNotFound))
}

async fn read(
    app: &App,
    tx: &mut Tx,
    written: Written,
    before: Option<&Plan>,
) -> Result<plan::Written> {
    let catalogue = Catalogue::read(app, tx, written.lines(), Known::of_plan(before)).await?;
    let mut reader = Reader::new(catalogue);
    let read = reader.plan(written, before);
    reader.finish(read)
}

async fn read_template(
    app: &App,
    tx: &mut Tx,
    mut written: WrittenTemplate,
    before: Option<&Plan>,
) -> Result<plan::Written> {
    let settled = settled(tx, &mut written, before).await;
    let products = written.products.as_deref().unwrap_or_default();
    let lines = written::product_lines(products);
    let catalogue = Catalogue::read(app, tx, lines, Known::of_plan(before)).await?;
    let mut reader = Reader::new(catalogue);
    let read = reader.template(written, before);
    let ((), read) = Error::both(settled, reader.finish(read))?;
    Ok(read)
}

/// The entity exists, and custom attributes fit their definitions.
async fn settled(tx: &mut Tx, written: &mut WrittenTemplate, before: Option<&Plan>) -> Result<()> {
    let entity = written.offer.business_entity_id;
    let known = match entity {
        Some(id) if !store::business_entity::exists(tx, id).await? => Err(Error::field(
            "business_entity_id",
            "value_error.unknown_id",
            "there is no business entity with this id",
        )),
        _ => Ok(()),
    };
    let values = std::mem::take(&mut written.offer.custom_attributes);
    let (module, is_new) = (Module::Plans, before.is_none());
    let settled = custom_attribute::check(tx, module, entity, values, is_new).await;
    let ((), settled) = Error::both(known, settled)?;
    written.offer.custom_attributes = settled;
    Ok(())
}

async fn read_phase(
    app: &App,
    tx: &mut Tx,
    plan: &Plan,
    phase: WrittenPhase,
) -> Result<plan::PhaseDetails> {
    let known = Known::of_plan(Some(plan));
    let catalogue = Catalogue::read(app, tx, phase.lines(&[]), known).await?;
    let mut reader = Reader::new(catalogue);
    let read = reader.phase(&[], phase);
    let mut read = reader.finish(read)?;
    // It is no other phase, whatever id it was copied with.
    read.id = None;
    Ok(read)
}

async fn read_pricing(
    app: &App,
    tx: &mut Tx,
    plan: &Plan,
    pricing: WrittenPricing,
) -> Result<plan::LineDetails> {
    let lines: Vec<(Vec<String>, &WrittenLine)> = vec![(Vec::new(), &pricing.line)];
    let catalogue = Catalogue::read(app, tx, lines, Known::of_plan(Some(plan))).await?;
    let mut reader = Reader::new(catalogue);
    let read = reader.pricing(&[], pricing);
    reader.finish(read)
}

fn invalid(Findings(findings): Findings) -> Error {
    let field = |Finding { path, rule }: Finding| FieldError {
        path,
        message: rule.to_string(),
        kind: rule.kind(),
    };
    Error::Invalid(findings.into_iter().map(field).collect())
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Findings(findings) => invalid(findings),
        Refusal::Published(_) => Error::refused("PLAN_PUBLISHED", refusal),
        Refusal::Transition { .. } => Error::refused("PLAN_STATUS_NOT_ALLOWED", refusal),
        Refusal::NotADraft(_) => Error::refused("PLAN_NOT_A_DRAFT", refusal),
        Refusal::VersionOpen(_) => Error::refused("PLAN_VERSION_OPEN", refusal),
        Refusal::PhaseNotFound => Error::NotFound { resource: "phase" },
        Refusal::LineNotFound => Error::NotFound {
            resource: "pricing",
        },
    }
}
