//! A plan as one JSON document, and back: what versions are kept as and compared by. Invariant: what is read back
//! equals what was written.

use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::offer::{CycleAnchor, Offer, OfferDetails, Provisioning, TrialDetails};
use super::{Details, Duration, Line, Phase, Plan, Schedule};
use crate::contract::{Fields, LineHead, PhaseHead, PhaseType, RenewalPolicy, Unreadable};
use crate::currency::Currency;
use crate::id::LineId;

/// A document as it is kept.
#[derive(Clone, Debug)]
pub struct Kept(pub Json);

impl Plan {
    /// What the plan says: the same for equal contents, in the API's words.
    pub fn document(&self) -> Json {
        let Details {
            name,
            description,
            schedule: term,
            phases,
            offer: offered,
        } = &self.details;
        json!({
            "name": name,
            "description": description,
            "schedule": schedule(term),
            "phases": phases.iter().map(phase).collect::<Vec<Json>>(),
            "offer": offered.as_ref().map(offer),
        })
    }
}

impl Plan {
    /// What the plan says, its prices by what they tell besides defaults.
    pub(super) fn told(&self) -> Json {
        let mut document = self.document();
        for (position, phase) in self.details.phases.iter().enumerate() {
            let shown = &mut document["phases"][position];
            shown["features"] = json!(phase.head.features.as_ref().map(|content| content.told()));
            for (position, line) in phase.lines.iter().enumerate() {
                shown["pricings"][position]["pricing"] = line.head.pricing.told();
            }
        }
        document
    }
}

impl Details {
    /// The content whose [`Plan::document`] this is.
    ///
    /// # Errors
    /// [`Unreadable`], never for a document that [`Plan::document`] made.
    pub fn from_document(Kept(document): Kept) -> Result<Self, Unreadable> {
        let mut fields = Fields::of(document, "plan")?;
        let phases = fields.list("phases")?.into_iter();
        Ok(Self {
            name: fields.text("name")?,
            description: fields.optional_text("description")?,
            schedule: read_schedule(fields.take("schedule"))?,
            phases: phases.map(read_phase).collect::<Result<_, _>>()?,
            offer: match fields.take("offer") {
                Json::Null => None,
                document => Some(read_offer(document)?),
            },
        })
    }
}

fn schedule(schedule: &Schedule) -> Json {
    json!({
        "start_offset": schedule.start_offset.as_ref().map(Duration::as_str),
        "duration": schedule.duration_text(),
    })
}

fn read_schedule(document: Json) -> Result<Schedule, Unreadable> {
    let mut fields = Fields::of(document, "schedule")?;
    let read = |text: &str| Duration::parse(text).ok();
    Ok(Schedule {
        start_offset: fields.optional_word("start_offset", read)?,
        duration: fields.optional_word("duration", read)?,
    })
}

fn phase(phase: &Phase) -> Json {
    let head = &phase.head;
    json!({
        "id": phase.id,
        "name": head.name,
        "description": head.description,
        "phase_type": head.phase_type.as_str(),
        "schedule": schedule(&phase.schedule),
        "features": head.features.as_ref().map(|content| content.document()),
        "phase_metadata": head.phase_metadata,
        "pricings": phase.lines.iter().map(line).collect::<Vec<Json>>(),
    })
}

fn read_phase(document: Json) -> Result<Phase, Unreadable> {
    let mut fields = Fields::of(document, "phase of a plan")?;
    let lines = fields.list("pricings")?.into_iter();
    Ok(Phase {
        id: fields.id("id")?,
        schedule: read_schedule(fields.take("schedule"))?,
        head: PhaseHead {
            name: fields.text("name")?,
            description: fields.optional_text("description")?,
            phase_type: fields.word("phase_type", PhaseType::parse)?,
            features: fields.optional_price("features")?,
            source_plan_phase_id: None,
            phase_metadata: fields.take("phase_metadata"),
        },
        lines: lines.map(read_line).collect::<Result<_, _>>()?,
    })
}

fn line(line: &Line) -> Json {
    let head = &line.head;
    json!({
        "id": line.id.0,
        "product_id": head.product_id,
        "pricing_id": head.pricing_id,
        "pricing": head.pricing.document(),
        "schedule": schedule(&line.schedule),
        "external_id": head.external_id,
        "description": head.description,
        "custom_data": head.custom_data,
    })
}

fn read_line(document: Json) -> Result<Line, Unreadable> {
    let mut fields = Fields::of(document, "pricing of a plan")?;
    let pricing = fields.optional_price("pricing")?;
    let pricing = pricing.ok_or_else(|| fields.bad("pricing"))?;
    let product_id: Uuid = fields.id("product_id")?;
    Ok(Line {
        id: LineId(fields.id("id")?),
        schedule: read_schedule(fields.take("schedule"))?,
        head: LineHead {
            pricing_id: fields.optional_id("pricing_id")?,
            external_id: fields.optional_text("external_id")?,
            description: fields.optional_text("description")?,
            custom_data: fields.take("custom_data"),
            ..LineHead::new(product_id, pricing)
        },
    })
}

fn offer(offer: &Offer) -> Json {
    let Offer {
        currency,
        trial,
        cycle_anchor,
        provisioning,
        renewal_policy,
        business_entity_id,
        custom_attributes,
        display_config,
        payment_config,
        discounts,
        taxes,
        commitments,
    } = offer;
    let trial = trial.as_ref().map(|trial| {
        json!({
            "duration": trial.duration.as_str(),
            "discount_percent": trial.discount_percent.to_string(),
        })
    });
    json!({
        "currency": currency.to_string(),
        "trial_config": trial,
        "cycle_anchor": cycle_anchor.as_str(),
        "provisioning_config": provisioning.as_str(),
        "renewal_policy": renewal_policy.map(RenewalPolicy::as_str),
        "business_entity_id": business_entity_id,
        "custom_attributes": custom_attributes,
        "display_config": display_config,
        "payment_config": payment_config,
        "discounts": discounts,
        "taxes": taxes,
        "commitments": commitments,
    })
}

fn read_offer(document: Json) -> Result<Offer, Unreadable> {
    let mut fields = Fields::of(document, "offer of a plan")?;
    let trial = match fields.take("trial_config") {
        Json::Null => None,
        document => Some(read_trial(document)?),
    };
    let plain = Offer {
        currency: fields.word("currency", |code| Currency::iso(code).ok())?,
        trial: None,
        cycle_anchor: fields.word("cycle_anchor", CycleAnchor::parse)?,
        provisioning: fields.word("provisioning_config", Provisioning::parse)?,
        renewal_policy: fields.optional_word("renewal_policy", RenewalPolicy::parse)?,
        business_entity_id: fields.optional_id("business_entity_id")?,
        custom_attributes: fields.take("custom_attributes"),
        display_config: fields.take("display_config"),
        payment_config: fields.take("payment_config"),
        discounts: fields.take("discounts"),
        taxes: fields.take("taxes"),
        commitments: fields.take("commitments"),
    };
    let details = OfferDetails {
        offer: plain,
        trial,
    };
    let read = super::offer(details).map(|(offer, _)| offer);
    read.map_err(|_| fields.bad("discounts"))
}

fn read_trial(document: Json) -> Result<TrialDetails, Unreadable> {
    let mut fields = Fields::of(document, "trial of a plan")?;
    let percent = |text: &str| Decimal::from_str_exact(text).ok();
    Ok(TrialDetails {
        duration: fields.word("duration", |text| Duration::parse(text).ok())?,
        discount_percent: fields.optional_word("discount_percent", percent)?,
    })
}
