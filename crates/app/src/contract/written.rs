//! What callers write of contracts, and its reading: dates in the organisation's zone, catalogue in place
//! of ids. Owns the places of what cannot be read; what the values may be is the core's.

use florin_core::contract::{
    ContractType, Details, End, Header, LineDetails, LineHead, PhaseDetails, PhaseHead, PhaseType,
    PlanVersion, RenewalPolicy, Start, Status,
};
use florin_core::currency::Currency;
use florin_core::id::LineId;
use florin_core::product;
use florin_core::terms::EnabledFrom;
use jiff::tz::TimeZone;
use serde_json::Value as Json;
use uuid::Uuid;

use super::catalogue::{Catalogue, Sold};
use crate::{Error, FieldError, Result};

/// A contract as a caller writes it. Dates are texts: without zone they are in the organisation's.
#[derive(Clone, Debug)]
pub struct Written {
    /// The id that a new contract gets; ours unless told.
    pub id: Option<Uuid>,
    /// Name on documents.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// The status it should have.
    pub status: Status,
    /// Code of the currency.
    pub currency: String,
    /// What drives its bills.
    pub contract_type: ContractType,
    /// Who bought.
    pub customer_id: Uuid,
    /// First day.
    pub start_date: String,
    /// Last day; open-ended without it.
    pub end_date: Option<String>,
    /// The day that billing cycles align to.
    pub anchor_date: Option<String>,
    /// Whether cycles end with the last day of a month.
    pub is_last_day_of_month: bool,
    /// What happens at the end.
    pub renewal_policy: Option<RenewalPolicy>,
    /// Whether it takes part in renewals.
    pub include_in_renewal: Option<bool>,
    /// The plan that it was copied from.
    pub plan_id: Option<Uuid>,
    /// Whether the customer's parent pays.
    pub bill_parent_customer: bool,
    /// A third party that pays.
    pub invoice_payer_customer_id: Option<Uuid>,
    /// Where the signed document is.
    pub contract_link: Option<String>,
    /// Labels.
    pub tags: Json,
    /// Values of custom attributes.
    pub custom_attributes: Json,
    /// Where it comes from.
    pub source: Json,
    /// Its phases.
    pub phases: Vec<WrittenPhase>,
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
    /// First day.
    pub start_date: Option<String>,
    /// Last day.
    pub end_date: Option<String>,
    /// What kind of phase.
    pub phase_type: PhaseType,
    /// Modifiers of the whole phase: the document of a price of type `features`.
    pub features: Option<Json>,
    /// The phase of the plan that it was copied from.
    pub source_plan_phase_id: Option<Uuid>,
    /// Free data.
    pub phase_metadata: Json,
    /// What is sold in it.
    pub pricings: Vec<WrittenLine>,
}

/// A line as a caller writes it.
#[derive(Clone, Debug)]
pub struct WrittenLine {
    /// The line that it replaces.
    pub id: Option<Uuid>,
    /// What is sold.
    pub product_id: Option<Uuid>,
    /// A product to be made, where no id names one.
    pub product: Option<product::Details>,
    /// A price of the catalogue.
    pub pricing_id: Option<Uuid>,
    /// The document of a price written for this contract.
    pub pricing: Option<Json>,
    /// First day.
    pub start_date: Option<String>,
    /// Last day.
    pub end_date: Option<String>,
    /// The day that its billing cycles align to.
    pub anchor_date: Option<String>,
    /// On and off by first day.
    pub is_enabled: Vec<WrittenSwitch>,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// A sentence about it.
    pub description: Option<String>,
    /// The plan that it was copied from.
    pub plan_id: Option<Uuid>,
    /// Free data.
    pub custom_data: Json,
}

/// On or off from a day.
#[derive(Clone, Debug)]
pub struct WrittenSwitch {
    /// First day.
    pub effective_from: String,
    /// Whether it is on.
    pub value: bool,
}

/// Keys and positions from the root of what was sent.
pub(crate) type Place = Vec<String>;

pub(crate) fn below(place: &[String], keys: &[&str]) -> Place {
    let keys = keys.iter().map(|key| (*key).to_owned());
    place.iter().cloned().chain(keys).collect()
}

pub(crate) fn bad(path: Place, kind: &'static str, message: impl ToString) -> FieldError {
    FieldError {
        path,
        message: message.to_string(),
        kind,
    }
}

impl Written {
    /// All lines with their places.
    pub(super) fn lines(&self) -> Vec<(Place, &WrittenLine)> {
        let phases = self.phases.iter().enumerate();
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
        lines
            .map(|(position, line)| (below(place, &["pricings", &position.to_string()]), line))
            .collect()
    }
}

/// Reads what was written, keeping everything that cannot be read with its place.
pub(super) struct Reader<'a> {
    zone: &'a TimeZone,
    catalogue: Catalogue,
    found: Vec<FieldError>,
}

impl<'a> Reader<'a> {
    /// A reader that has found what the catalogue refused.
    pub(super) fn new(zone: &'a TimeZone, mut catalogue: Catalogue) -> Self {
        let found = catalogue.take_found();
        Self {
            zone,
            catalogue,
            found,
        }
    }

    /// What was read, unless something could not be.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T> {
        match read {
            Some(read) if self.found.is_empty() => Ok(read),
            _ => Err(Error::Invalid(self.found)),
        }
    }

    pub(super) fn contract(&mut self, written: Written) -> Option<Details> {
        let Written {
            id: _,
            name,
            description,
            status,
            currency,
            contract_type,
            customer_id,
            start_date,
            end_date,
            anchor_date,
            is_last_day_of_month,
            renewal_policy,
            include_in_renewal,
            plan_id,
            bill_parent_customer,
            invoice_payer_customer_id,
            contract_link,
            tags,
            custom_attributes,
            source,
            phases,
        } = written;
        let currency = self.currency(&currency);
        let start = self.start(&[], "start_date", Some(start_date));
        let end = self.end(&[], "end_date", end_date);
        // Readers see the start where there is no anchor, and send it back.
        let anchor = self.start(&[], "anchor_date", anchor_date);
        let anchor = anchor.filter(|anchor| Some(*anchor) != start);
        let read = phases.into_iter().enumerate().map(|(position, phase)| {
            let place = vec!["phases".to_owned(), position.to_string()];
            self.phase(&place, phase)
        });
        let phases: Vec<Option<PhaseDetails>> = read.collect();
        let header = Header {
            name,
            description,
            customer_id,
            currency: currency?,
            contract_type,
            start: start?,
            end,
            anchor,
            is_last_day_of_month,
            renewal_policy,
            include_in_renewal,
            plan: plan_id.map(|plan_id| PlanVersion {
                plan_id,
                version: None,
            }),
            bill_parent_customer,
            invoice_payer_customer_id,
            contract_link,
            tags,
            custom_attributes,
            source,
            renewed_from: None,
        };
        Some(Details {
            header,
            status,
            phases: phases.into_iter().collect::<Option<_>>()?,
        })
    }

    pub(super) fn phase(&mut self, place: &[String], phase: WrittenPhase) -> Option<PhaseDetails> {
        let WrittenPhase {
            id,
            name,
            description,
            start_date,
            end_date,
            phase_type,
            features,
            source_plan_phase_id,
            phase_metadata,
            pricings,
        } = phase;
        let start = self.start(place, "start_date", start_date);
        let end = self.end(place, "end_date", end_date);
        let features = features.and_then(|document| {
            let read = self.catalogue.features(document);
            self.kept(below(place, &["features"]), read)
        });
        let lines = pricings.into_iter().enumerate().map(|(position, line)| {
            let place = below(place, &["pricings", &position.to_string()]);
            self.line(&place, line)
        });
        let lines: Vec<Option<LineDetails>> = lines.collect();
        let head = PhaseHead {
            name,
            description,
            phase_type,
            features,
            source_plan_phase_id,
            phase_metadata,
        };
        Some(PhaseDetails {
            id,
            start,
            end,
            head,
            lines: lines.into_iter().collect::<Option<_>>()?,
        })
    }

    pub(super) fn line(&mut self, place: &[String], line: WrittenLine) -> Option<LineDetails> {
        let sold = self.catalogue.take(place);
        let WrittenLine {
            id,
            start_date,
            end_date,
            anchor_date,
            is_enabled,
            external_id,
            description,
            plan_id,
            custom_data,
            ..
        } = line;
        let start = self.start(place, "start_date", start_date);
        let end = self.end(place, "end_date", end_date);
        let anchor = self.start(place, "anchor_date", anchor_date);
        let switches = is_enabled.into_iter().enumerate().map(|(position, entry)| {
            let place = below(place, &["is_enabled", &position.to_string()]);
            let from = self.start(&place, "effective_from", Some(entry.effective_from))?;
            Some(EnabledFrom {
                effective_from: from.day(),
                value: entry.value,
            })
        });
        let switches: Vec<Option<EnabledFrom>> = switches.collect();
        let Sold {
            product_id,
            pricing_id,
            pricing,
        } = sold?;
        let head = LineHead {
            product_id,
            pricing_id,
            pricing,
            anchor,
            is_enabled: switches.into_iter().collect::<Option<_>>()?,
            external_id,
            description,
            plan_id,
            custom_data,
        };
        Some(LineDetails {
            id: id.map(LineId),
            start,
            end,
            head,
        })
    }

    pub(super) fn start(
        &mut self,
        place: &[String],
        field: &str,
        text: Option<String>,
    ) -> Option<Start> {
        let read = Start::read(&text?, self.zone);
        let read = read.map_err(|error| vec![bad(Vec::new(), "value_error.datetime", error)]);
        self.kept(below(place, &[field]), read)
    }

    pub(super) fn end(
        &mut self,
        place: &[String],
        field: &str,
        text: Option<String>,
    ) -> Option<End> {
        let read = End::read(&text?, self.zone);
        let read = read.map_err(|error| vec![bad(Vec::new(), "value_error.datetime", error)]);
        self.kept(below(place, &[field]), read)
    }

    fn currency(&mut self, code: &str) -> Option<Currency> {
        let read = Currency::iso(code);
        let read = read.map_err(|error| vec![bad(Vec::new(), "value_error.currency", error)]);
        self.kept(vec!["currency".to_owned()], read)
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
