//! What callers write of plans, and its reading: durations, catalogue in place of ids. Owns the places of what cannot be
//! read; what the values may be is the core's.

use florin_core::contract::{LineHead, PhaseHead, PhaseType, RenewalPolicy};
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::plan::{
    self, CycleAnchor, Duration, LineDetails, Offer, OfferDetails, PhaseDetails, Plan,
    Provisioning, Schedule, Status, TrialDetails,
};
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::contract::{Catalogue, Place, Sold, WrittenLine, bad, below};
use crate::{Error, FieldError, Result, product_pricing};

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
    pub schedule: WrittenSchedule,
    /// Its phases; those that it has, or none, unless told.
    pub phases: Option<Vec<WrittenPhase>>,
}

/// Durations as they are written: ISO 8601.
#[derive(Clone, Debug, Default)]
pub struct WrittenSchedule {
    /// How long after what is before it, or around it.
    pub start_offset: Option<String>,
    /// How long it lasts.
    pub duration: Option<String>,
}

/// A phase as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenPhase {
    /// The phase that it replaces.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Its place, from 0.
    pub order: Option<u32>,
    /// When it begins and how long it lasts.
    pub schedule: WrittenSchedule,
    /// What kind of phase.
    pub phase_type: PhaseType,
    /// Modifiers of the whole phase: the document of a price of type `features`.
    pub features: Option<Json>,
    /// Free data.
    pub phase_metadata: Json,
    /// What is sold in it.
    pub pricings: Vec<WrittenPricing>,
}

/// A line as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenPricing {
    /// When it begins and how long it lasts.
    pub schedule: WrittenSchedule,
    /// Product and price; dates are not looked at.
    pub line: WrittenLine,
}

/// A plan of products as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenTemplate {
    /// The id that a new plan gets; ours unless told.
    pub id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// The status it should have.
    pub status: Status,
    /// How long a contract made from it lasts.
    pub duration: Option<String>,
    /// How it is offered.
    pub offer: WrittenOffer,
    /// What is sold; what was sold before, or nothing, unless told.
    pub products: Option<Vec<WrittenPricing>>,
}

/// An offer as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenOffer {
    /// Code of the currency.
    pub currency: String,
    /// The trial before it.
    pub trial: Option<WrittenTrial>,
    /// The day that billing cycles align to.
    pub cycle_anchor: CycleAnchor,
    /// When a contract comes into force.
    pub provisioning: Provisioning,
    /// What happens at a contract's end.
    pub renewal_policy: Option<RenewalPolicy>,
    /// The entity that sells it.
    pub business_entity_id: Option<Uuid>,
    /// Values of custom attributes.
    pub custom_attributes: Json,
    /// What a page of plans shows.
    pub display_config: Json,
    /// Free data about payment.
    pub payment_config: Json,
    /// Discounts on the whole.
    pub discounts: Json,
    /// Taxes on the whole.
    pub taxes: Json,
    /// Least and most that is billed.
    pub commitments: Json,
}

/// A trial as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenTrial {
    /// How long it is.
    pub duration: String,
    /// How much of the prices is taken off.
    pub discount_percent: Option<Decimal>,
}

impl Written {
    /// All lines with their places.
    pub(super) fn lines(&self) -> Vec<(Place, &WrittenLine)> {
        let phases = self.phases.as_deref().unwrap_or_default();
        let phases = phases.iter().enumerate();
        let lines = phases.flat_map(|(position, phase)| {
            let place = vec!["phases".to_owned(), position.to_string()];
            phase.lines(&place)
        });
        lines.collect()
    }
}

impl WrittenPhase {
    pub(super) fn lines(&self, place: &[String]) -> Vec<(Place, &WrittenLine)> {
        let lines = self.pricings.iter().enumerate();
        let placed = lines.map(|(position, pricing)| {
            let place = below(place, &["pricings", &position.to_string()]);
            (place, &pricing.line)
        });
        placed.collect()
    }
}

/// The lines of products with their places.
pub(super) fn product_lines(products: &[WrittenPricing]) -> Vec<(Place, &WrittenLine)> {
    let products = products.iter().enumerate();
    let placed = products.map(|(position, product)| (product_place(position), &product.line));
    placed.collect()
}

fn product_place(position: usize) -> Place {
    vec!["products".to_owned(), position.to_string()]
}

/// Reads what was written, keeping everything that cannot be read with its place.
pub(super) struct Reader {
    catalogue: Catalogue,
    found: Vec<FieldError>,
}

/// The name of the only phase of a plan of products.
const STANDARD: &str = "Standard Phase";

impl Reader {
    /// A reader that has found what the catalogue refused.
    pub(super) fn new(mut catalogue: Catalogue) -> Self {
        let found = catalogue.take_found();
        Self { catalogue, found }
    }

    /// What was read, unless something could not be.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T> {
        match read {
            Some(read) if self.found.is_empty() => Ok(read),
            _ => Err(Error::Invalid(self.found)),
        }
    }

    pub(super) fn plan(
        &mut self,
        written: Written,
        before: Option<&Plan>,
    ) -> Option<plan::Written> {
        let Written {
            name,
            description,
            status,
            schedule,
            phases,
        } = written;
        let schedule = self.schedule(&["schedule".to_owned()], schedule);
        let phases = match phases {
            Some(phases) => self.phases(phases),
            None => Some(
                before
                    .map(|plan| plan.to_written().phases)
                    .unwrap_or_default(),
            ),
        };
        Some(plan::Written {
            name,
            description,
            status,
            schedule: schedule?,
            phases: phases?,
            offer: None,
        })
    }

    fn phases(&mut self, phases: Vec<WrittenPhase>) -> Option<Vec<PhaseDetails>> {
        let phases = phases.into_iter().enumerate().map(|(position, phase)| {
            let place = vec!["phases".to_owned(), position.to_string()];
            self.phase(&place, phase)
        });
        let phases: Vec<Option<PhaseDetails>> = phases.collect();
        phases.into_iter().collect()
    }

    pub(super) fn template(
        &mut self,
        written: WrittenTemplate,
        before: Option<&Plan>,
    ) -> Option<plan::Written> {
        let WrittenTemplate {
            id: _,
            name,
            description,
            status,
            duration,
            offer,
            products,
        } = written;
        let schedule = WrittenSchedule {
            start_offset: None,
            duration,
        };
        let schedule = self.schedule(&[], schedule);
        let offer = self.offer(offer);
        let before = || {
            let phase = before.and_then(|plan| plan.to_written().phases.pop());
            phase.map(|phase| phase.lines).unwrap_or_default()
        };
        let lines = match products {
            Some(products) => self.products(products),
            None => Some(before()),
        };
        let (offer, features) = offer?;
        let head = PhaseHead {
            features,
            phase_metadata: json!({}),
            ..PhaseHead::named(STANDARD)
        };
        let phase = PhaseDetails {
            id: None,
            order: None,
            schedule: Schedule::default(),
            head,
            lines: lines?,
        };
        Some(plan::Written {
            name,
            description,
            status,
            schedule: schedule?,
            phases: vec![phase],
            offer: Some(offer),
        })
    }

    pub(super) fn products(&mut self, products: Vec<WrittenPricing>) -> Option<Vec<LineDetails>> {
        let products = products.into_iter().enumerate();
        let lines =
            products.map(|(position, product)| self.pricing(&product_place(position), product));
        let lines: Vec<Option<LineDetails>> = lines.collect();
        lines.into_iter().collect()
    }

    fn offer(
        &mut self,
        written: WrittenOffer,
    ) -> Option<(
        Offer,
        Option<std::sync::Arc<florin_core::product_pricing::Content>>,
    )> {
        let WrittenOffer {
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
        } = written;
        let read = Currency::iso(&currency);
        let read = read.map_err(|error| vec![bad(Vec::new(), "value_error.currency", error)]);
        let currency = self.kept(vec!["currency".to_owned()], read);
        let trial = match trial {
            None => Some(None),
            Some(trial) => self.trial(trial).map(Some),
        };
        let details = OfferDetails {
            offer: Offer {
                currency: currency?,
                trial: None,
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
            },
            trial: trial?,
        };
        let read = plan::offer(details).map_err(product_pricing::flaws);
        self.kept(Vec::new(), read)
    }

    fn trial(&mut self, written: WrittenTrial) -> Option<TrialDetails> {
        let place = vec!["trial_config".to_owned(), "duration".to_owned()];
        Some(TrialDetails {
            duration: self.duration(place, Some(written.duration))??,
            discount_percent: written.discount_percent,
        })
    }

    pub(super) fn phase(&mut self, place: &[String], phase: WrittenPhase) -> Option<PhaseDetails> {
        let WrittenPhase {
            id,
            name,
            description,
            order,
            schedule,
            phase_type,
            features,
            phase_metadata,
            pricings,
        } = phase;
        let schedule = self.schedule(&below(place, &["schedule"]), schedule);
        let features = features.and_then(|document| {
            let read = self.catalogue.features(document);
            self.kept(below(place, &["features"]), read)
        });
        let lines = pricings.into_iter().enumerate().map(|(position, pricing)| {
            let place = below(place, &["pricings", &position.to_string()]);
            self.pricing(&place, pricing)
        });
        let lines: Vec<Option<LineDetails>> = lines.collect();
        let head = PhaseHead {
            name,
            description,
            phase_type,
            features,
            source_plan_phase_id: None,
            phase_metadata,
        };
        Some(PhaseDetails {
            id,
            order,
            schedule: schedule?,
            head,
            lines: lines.into_iter().collect::<Option<_>>()?,
        })
    }

    pub(super) fn pricing(
        &mut self,
        place: &[String],
        pricing: WrittenPricing,
    ) -> Option<LineDetails> {
        let sold = self.catalogue.take(place);
        let WrittenPricing { schedule, line } = pricing;
        let schedule = self.schedule(&below(place, &["schedule"]), schedule);
        let Sold {
            product_id,
            pricing_id,
            pricing,
        } = sold?;
        let head = LineHead {
            pricing_id,
            external_id: line.external_id,
            description: line.description,
            custom_data: line.custom_data,
            ..LineHead::new(product_id, pricing)
        };
        Some(LineDetails {
            id: line.id.map(LineId),
            schedule: schedule?,
            head,
        })
    }

    fn schedule(&mut self, place: &[String], written: WrittenSchedule) -> Option<Schedule> {
        let WrittenSchedule {
            start_offset,
            duration,
        } = written;
        let start_offset = self.duration(below(place, &["start_offset"]), start_offset);
        let duration = self.duration(below(place, &["duration"]), duration);
        let start_offset = start_offset?.filter(|offset| !offset.is_zero());
        Some(Schedule {
            start_offset,
            duration: duration?,
        })
    }

    /// A duration, none where none was written, or nothing where it cannot be read.
    fn duration(&mut self, place: Place, text: Option<String>) -> Option<Option<Duration>> {
        let read = text.map(|text| Duration::parse(&text)).transpose();
        let read = read.map_err(|error| vec![bad(Vec::new(), "value_error.duration", error)]);
        self.kept(place, read)
    }

    /// The value, or what is wrong with it kept below its place.
    fn kept<T>(&mut self, place: Place, read: Result<T, Vec<FieldError>>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(errors) => {
                let below = errors.into_iter().map(|error| FieldError {
                    path: place.iter().cloned().chain(error.path).collect(),
                    ..error
                });
                self.found.extend(below);
                None
            }
        }
    }
}
