//! What a quote offers, as a contract that is not kept, and what that comes to. Owns the reading of what stands around it
//! and the places of what does not fit. Nothing is written.

use std::collections::BTreeMap;

use florin_core::contract::{Contract, ContractType, PhaseType, Status};
use florin_core::customer::Customer;
use florin_core::document::quoted_invoice;
use florin_core::id::{LineId, OrganisationId};
use florin_core::invoice::Draft;
use florin_core::plan::Provisioning;
use florin_core::pricing::Model;
use florin_core::quote::{LineItem, Merge, Offer, Priced, Quote, merged, with_modifiers};
use florin_store::{self as store, Tx};
use jiff::civil::Date;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::misfits;
use crate::billing::{self, Foreseen, Guest};
use crate::contract::{self, Around, WrittenLine, WrittenPhase};
use crate::{
    App, Error, FieldError, Result, business_entity, checkout, organisation, product_pricing,
    test_clock,
};

/// A quote as a caller writes it. Days are the organisation's.
#[derive(Clone, Debug)]
pub struct Written {
    /// Who would buy; nobody in particular only in a preview.
    pub customer_id: Option<Uuid>,
    /// Who sells: the entity that bills the customer.
    pub business_entity_id: Option<Uuid>,
    /// Its name.
    pub name: String,
    /// A sentence about it.
    pub description: Option<String>,
    /// Code of the currency.
    pub currency: String,
    /// First day of the contract.
    pub start_date: Date,
    /// Last day of the contract.
    pub end_date: Option<Date>,
    /// First day on which it can be accepted; today unless told.
    pub valid_from: Option<Date>,
    /// Last day on which it can be accepted.
    pub valid_until: Option<Date>,
    /// The plan that it is made from.
    pub plan_id: Option<Uuid>,
    /// What is sold for the whole term, laid over what the quote has.
    pub line_items: Vec<Merge>,
    /// Phases, where what is sold differs in time.
    pub phases: Vec<WrittenPhase>,
    /// The phases as they were sent.
    pub phases_sent: Json,
    /// Discounts on the whole.
    pub discounts: Json,
    /// Taxes on the whole.
    pub taxes: Json,
    /// What the contract needs to come into force; what the plan says unless told.
    pub provisioning: Option<Provisioning>,
    /// Values of the custom attributes of the contract.
    pub custom_attributes: Json,
    /// Free data about the version.
    pub version_metadata: Json,
    /// Free data about the quote.
    pub custom_data: Json,
}

/// A quote that only has to be kept.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(super) customer_id: Uuid,
    pub(super) business_entity_id: Option<Uuid>,
    pub(super) custom_data: Json,
    pub(super) offer: Offer,
    pub(super) priced: Priced,
    /// The quote that it is a change of.
    pub(super) before: Option<Quote>,
}

/// What a quote would come to.
#[derive(Debug)]
pub struct Estimated {
    /// In sums: `current_invoice` and `next_invoice`.
    pub estimate: Json,
    /// The bills up to the first day, or today.
    pub current: Vec<Draft>,
    /// The bills of the next day on which anything is billed.
    pub next: Vec<Draft>,
}

/// Reads and estimates a quote, or a change of one. Nothing is written.
///
/// # Errors
/// [`Error::Invalid`] with everything that is wrong, each thing at its field; [`Error::Refused`] where its contract could
/// not be billed.
pub async fn prepare(
    app: &App,
    organisation: OrganisationId,
    written: Written,
    before: Option<Quote>,
) -> Result<Prepared> {
    let Some(customer_id) = written.customer_id else {
        let message = "field required";
        return Err(Error::field("customer_id", "value_error.missing", message));
    };
    if before
        .as_ref()
        .is_some_and(|quote| quote.customer_id != customer_id)
    {
        let message = "the customer of a quote does not change: make another quote";
        return Err(Error::field("customer_id", "value_error.const", message));
    }
    let app = &test_clock::app_of(app, organisation, customer_id).await?;
    let (business_entity_id, custom_data) =
        (written.business_entity_id, written.custom_data.clone());
    let read = read(app, organisation, written, before.as_ref()).await?;
    let Read {
        offer, contract, ..
    } = read;
    let foreseen = billing::foresee(app, organisation, &contract, None).await?;
    let priced = Priced {
        estimate: checkout::document(&foreseen.estimate()?),
        invoices: invoices(&foreseen, &contract)?,
        contract,
    };
    Ok(Prepared {
        customer_id,
        business_entity_id,
        custom_data,
        offer,
        priced,
        before,
    })
}

/// What a quote would come to. Nothing is written.
///
/// # Errors
/// As [`prepare`].
pub async fn preview(
    app: &App,
    organisation: OrganisationId,
    written: Written,
) -> Result<Estimated> {
    let app = &match written.customer_id {
        Some(id) => test_clock::app_of(app, organisation, id).await?,
        None => app.clone(),
    };
    let Read {
        contract, guest, ..
    } = read(app, organisation, written, None).await?;
    let guest = guest.map(|customer| Guest {
        customer,
        address: None,
    });
    let foreseen = billing::foresee(app, organisation, &contract, guest).await?;
    Ok(Estimated {
        estimate: checkout::document(&foreseen.estimate()?),
        current: foreseen.current,
        next: foreseen.next,
    })
}

struct Read {
    offer: Offer,
    contract: Contract,
    guest: Option<Customer>,
}

async fn read(
    app: &App,
    organisation: OrganisationId,
    written: Written,
    before: Option<&Quote>,
) -> Result<Read> {
    let mut tx = app.db.read(organisation).await?;
    let zone = organisation::zone(&mut tx).await?;
    let now = app.clock.now();
    let entity = entity(&mut tx, &written).await;
    let provisioning = provisioning(&mut tx, &written).await?;
    let guest = written.customer_id.is_none().then(|| Customer {
        id: app.ids.next(),
        details: checkout::stranger(written.business_entity_id),
        created_at: now,
        updated_at: now,
    });
    let customer_id = written.customer_id.or(guest.as_ref().map(|guest| guest.id));
    let (phases, offer) = offer(
        app,
        written,
        before,
        (zone.to_datetime(now).date(), provisioning),
    )?;
    let shape = Shape::of(&offer, &phases);
    let asked = asked(&offer, customer_id.unwrap_or_default(), phases);
    let around = Around {
        before: before.map(|quote| &quote.current.priced.contract),
        guest: guest.as_ref(),
    };
    let (discounts, taxes) = (offer.discounts.clone(), offer.taxes.clone());
    let agreed = contract::agreed(app, &mut tx, asked, around, |details| {
        let modified = with_modifiers(details, &discounts, &taxes);
        modified.map_err(|flaws| Error::Invalid(product_pricing::flaws(flaws)))
    });
    let agreed = agreed.await.map_err(|error| shape.placed(error));
    let (contract, ()) = Error::both(agreed, entity)?;
    Ok(Read {
        offer: with_products(offer, &contract),
        contract,
        guest,
    })
}

/// The entity that is named is the one that will bill: a quote in another one's name would not be kept.
async fn entity(tx: &mut Tx, written: &Written) -> Result<()> {
    const FIELD: &str = "business_entity_id";
    let Some(named) = written.business_entity_id else {
        return Ok(());
    };
    business_entity::known(tx, named).await?;
    let Some(customer_id) = written.customer_id else {
        return Ok(());
    };
    let customer = store::customer::find(tx, customer_id).await?;
    let Some(customer) = customer else {
        // That is told at its own field.
        return Ok(());
    };
    let bills = match customer.details.business_entity_id {
        Some(own) => own,
        None => business_entity::default(tx).await?.id,
    };
    match bills == named {
        true => Ok(()),
        false => {
            let message = format!("the customer is billed by the entity {bills}");
            Err(Error::field(FIELD, "value_error.mismatch", message))
        }
    }
}

/// What is told, else what the plan says.
async fn provisioning(tx: &mut Tx, written: &Written) -> Result<Provisioning> {
    if let Some(told) = written.provisioning {
        return Ok(told);
    }
    let Some(plan_id) = written.plan_id else {
        return Ok(Provisioning::default());
    };
    let plan = store::plan::of_ids(tx, &[plan_id]).await?.pop();
    let offer = plan.and_then(|plan| plan.details.offer);
    Ok(offer.map(|offer| offer.provisioning).unwrap_or_default())
}

fn offer(
    app: &App,
    written: Written,
    before: Option<&Quote>,
    (today, provisioning): (Date, Provisioning),
) -> Result<(Vec<WrittenPhase>, Offer)> {
    let Written {
        customer_id: _,
        business_entity_id: _,
        name,
        description,
        currency,
        start_date,
        end_date,
        valid_from,
        valid_until,
        plan_id,
        line_items,
        phases,
        phases_sent,
        discounts,
        taxes,
        provisioning: _,
        custom_attributes,
        version_metadata,
        custom_data: _,
    } = written;
    let kept = before.map_or(&[][..], |quote| quote.current.offer.line_items.as_slice());
    let line_items = merged(kept, line_items, &mut || app.ids.next()).map_err(misfits)?;
    let offer = Offer {
        name,
        description,
        currency,
        start_date,
        end_date,
        valid_from: valid_from.unwrap_or(today),
        valid_until,
        plan_id,
        line_items,
        phases: phases_sent,
        discounts,
        taxes,
        provisioning,
        custom_attributes,
        version_metadata,
    };
    offer.check().map_err(misfits)?;
    Ok((checked(phases)?, offer))
}

/// Phases that make nothing for the catalogue: a quote that nobody accepts leaves nothing behind.
fn checked(mut phases: Vec<WrittenPhase>) -> Result<Vec<WrittenPhase>> {
    let mut found = Vec::new();
    for (position, phase) in phases.iter_mut().enumerate() {
        for (index, line) in phase.pricings.iter_mut().enumerate() {
            without_catalogue(&mut line.pricing);
            if line.product_id.is_none() && line.product.take().is_some() {
                let (position, index) = (position.to_string(), index.to_string());
                let path = ["phases", &position, "pricings", &index, "product"];
                found.push(FieldError {
                    path: path.map(str::to_owned).to_vec(),
                    message: "a quote sells products of the catalogue: name one by product_id"
                        .to_owned(),
                    kind: "value_error.product",
                });
            }
        }
    }
    match found.is_empty() {
        true => Ok(phases),
        false => Err(Error::Invalid(found)),
    }
}

fn without_catalogue(pricing: &mut Option<Json>) {
    if let Some(members) = pricing.as_mut().and_then(Json::as_object_mut) {
        members.remove("add_to_catalog");
    }
}

/// The contract that is asked for.
fn asked(offer: &Offer, customer_id: Uuid, phases: Vec<WrittenPhase>) -> contract::Written {
    let day = |day: Date| day.to_string();
    let phases = match offer.line_items.is_empty() {
        true => phases,
        false => vec![WrittenPhase {
            id: None,
            name: offer.name.clone(),
            description: None,
            start_date: None,
            end_date: None,
            phase_type: PhaseType::Active,
            features: None,
            source_plan_phase_id: None,
            phase_metadata: json!({}),
            pricings: offer.line_items.iter().map(line).collect(),
        }],
    };
    contract::Written {
        id: None,
        name: offer.name.clone(),
        description: offer.description.clone(),
        status: Status::Active,
        currency: offer.currency.clone(),
        contract_type: ContractType::Standard,
        customer_id,
        start_date: day(offer.start_date),
        end_date: offer.end_date.map(day),
        anchor_date: None,
        is_last_day_of_month: false,
        renewal_policy: None,
        include_in_renewal: None,
        plan_id: offer.plan_id,
        bill_parent_customer: false,
        invoice_payer_customer_id: None,
        contract_link: None,
        tags: json!([]),
        custom_attributes: offer.custom_attributes.clone(),
        source: json!({ "source_type": "quote" }),
        phases,
    }
}

fn line(item: &LineItem) -> WrittenLine {
    let LineItem {
        id,
        product_id,
        pricing_id,
        pricing,
        description,
        start_date,
        end_date,
    } = item;
    let mut pricing = pricing.clone();
    without_catalogue(&mut pricing);
    WrittenLine {
        id: None,
        product_id: *product_id,
        product: None,
        pricing_id: *pricing_id,
        pricing,
        start_date: start_date.map(|day| day.to_string()),
        end_date: end_date.map(|day| day.to_string()),
        anchor_date: None,
        is_enabled: Vec::new(),
        external_id: None,
        description: description.clone(),
        plan_id: None,
        custom_data: json!({ "line_item_id": id }),
    }
}

/// The offer with the products of prices that were named alone.
fn with_products(mut offer: Offer, contract: &Contract) -> Offer {
    let lines = contract.phases().iter().flat_map(|phase| &phase.lines);
    let sold = lines.map(|line| (&line.head.custom_data["line_item_id"], line.head.product_id));
    let sold: Vec<_> = sold.collect();
    for item in &mut offer.line_items {
        let id = json!(item.id);
        let mut known = sold.iter();
        let known = known
            .find(|(of, _)| **of == id)
            .map(|(_, product)| *product);
        item.product_id = item.product_id.or(known);
    }
    offer
}

/// What says what is sold, and with it where what is wrong is told.
#[derive(Clone, Copy)]
enum Shape {
    Items,
    Phases,
    Plan,
}

impl Shape {
    fn of(offer: &Offer, phases: &[WrittenPhase]) -> Self {
        match (offer.line_items.is_empty(), phases.is_empty()) {
            (false, _) => Self::Items,
            (true, false) => Self::Phases,
            (true, true) => Self::Plan,
        }
    }

    fn placed(self, error: Error) -> Error {
        let Error::Invalid(mut fields) = error else {
            return error;
        };
        for field in &mut fields {
            self.place(&mut field.path);
        }
        Error::Invalid(fields)
    }

    fn place(self, path: &mut Vec<String>) {
        if path.first().is_none_or(|key| key != "phases") {
            return;
        }
        match self {
            Self::Phases => {}
            Self::Plan => *path = vec!["plan_id".to_owned()],
            Self::Items => match path.get(2).map(String::as_str) {
                Some("pricings") => {
                    path.splice(..3, ["line_items".to_owned()]);
                    for key in path.iter_mut().filter(|key| *key == "pricing") {
                        "pricing_data".clone_into(key);
                    }
                }
                Some("features") => drop(path.drain(..3)),
                _ => *path = vec!["line_items".to_owned()],
            },
        }
    }
}

/// The bills line by line, as documents show them.
fn invoices(foreseen: &Foreseen, contract: &Contract) -> Result<Json> {
    let cells = cells(contract);
    let shown = |drafts: &[Draft]| -> Result<Json> {
        let quoted = drafts.iter().map(|draft| {
            let quoted = quoted_invoice(draft, &cells);
            let quoted = quoted.map_err(|error| Error::refused(billing::NOT_BILLABLE, error))?;
            serde_json::to_value(quoted)
                .map_err(|error| Error::refused(billing::NOT_BILLABLE, error))
        });
        quoted.collect()
    };
    Ok(json!({
        "first": shown(&foreseen.current)?,
        "next": shown(&foreseen.next)?,
    }))
}

/// What the contract calls the rows of its matrices.
fn cells(contract: &Contract) -> BTreeMap<LineId, Vec<String>> {
    let lines = contract.phases().iter().flat_map(|phase| &phase.lines);
    let named = lines.filter_map(|line| match &line.head.pricing.price().model {
        Model::Matrix(matrix) => Some((line.id, matrix.display_alias().to_vec())),
        _ => None,
    });
    named.collect()
}
