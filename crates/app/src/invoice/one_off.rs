//! Lines written by hand: an invoice of nothing else, or more lines on a draft (semantics §6.5).

use florin_core::{
    currency::Currency,
    invoice::{
        Draft, Freshness, Header, LineFault, OneOffLine, Part, Source, WrittenLine,
        one_off as rated_by_hand,
    },
    payment_terms::PaymentTerms,
};
use florin_store::{self as store, Tx};
use jiff::civil::Date;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{RULES, Shown, load, refused};
use crate::{App, Error, FieldError, Result, business_entity, customer, organisation};

/// An invoice without a contract as a caller writes it.
#[derive(Clone, Debug)]
pub struct OneOff {
    /// Who pays.
    pub customer_id: Uuid,
    /// The entity that bills; the customer's unless told.
    pub business_entity_id: Option<Uuid>,
    /// Code of the currency.
    pub currency: String,
    /// The day that it is for; today unless told.
    pub bill_for_date: Option<Date>,
    /// The date on the document; the day that it is for unless told.
    pub invoice_date: Option<Date>,
    /// When it is due.
    pub payment_terms: Option<PaymentTerms>,
    /// The caller's own id.
    pub external_id: Option<String>,
    /// A text on the document.
    pub notes: Option<String>,
    /// Free data.
    pub custom_data: Json,
    /// Labels.
    pub tags: Json,
    /// Its lines.
    pub lines: Vec<WrittenLine>,
}

/// Makes a draft of lines written by hand.
///
/// # Errors
/// [`Error::NotFound`] for the customer; [`Error::Invalid`] for lines, currency and entity;
/// `INVOICE_EXTERNAL_ID_TAKEN`.
pub async fn create_one_off(app: &App, tx: &mut Tx, written: OneOff) -> Result<Shown> {
    let OneOff {
        customer_id,
        business_entity_id,
        currency,
        bill_for_date,
        invoice_date,
        payment_terms,
        external_id,
        notes,
        custom_data,
        tags,
        lines,
    } = written;
    crate::test_clock::follow(tx, customer_id).await?;
    let today = organisation::zone(tx).await?.to_datetime(tx.at()?).date();
    let bill_for_date = bill_for_date.unwrap_or(today);
    let customer = payer(tx, customer_id).await;
    let lines = read(app, bill_for_date, lines);
    let (customer, lines) = Error::both(customer, lines)?;
    let entity = match business_entity_id {
        Some(id) => business_entity::known(tx, id).await.map(|_| Some(id)),
        None => Ok(customer.details.business_entity_id),
    };
    let currency = Currency::iso(&currency.to_ascii_uppercase())
        .map_err(|error| Error::field("currency", "value_error.currency", error));
    let (business_entity_id, currency) = Error::both(entity, currency)?;
    let header = Header {
        business_entity_id,
        invoice_date: invoice_date.unwrap_or(bill_for_date),
        payment_terms,
        external_id: external_id.filter(|id| !id.is_empty()),
        notes: notes.filter(|notes| !notes.is_empty()),
        custom_data,
        tags,
        ..Header::new(customer_id, currency, bill_for_date)
    };
    let part = part(app, &header, lines)?;
    let draft = Draft::new(app.ids.next(), header, vec![part], Freshness::default());
    let draft = draft.map_err(refused)?;
    let inserted = store::invoice::insert_drafts(tx, std::slice::from_ref(&draft)).await;
    inserted.map_err(|error| Error::from_constraint(error, RULES))?;
    load(tx, draft.id()).await
}

async fn payer(tx: &mut Tx, id: Uuid) -> Result<florin_core::customer::Customer> {
    match customer::find(tx, id).await {
        Err(error @ Error::NotFound { .. }) => {
            Err(Error::field("customer_id", "value_error.unknown", error))
        }
        found => found,
    }
}

/// The parts of a draft with other lines written by hand, behind what billing made.
pub(super) fn with_lines(app: &App, draft: &Draft, lines: Vec<WrittenLine>) -> Result<Vec<Part>> {
    let billed = draft
        .parts()
        .iter()
        .filter(|part| part.source != Source::OneOff);
    let mut parts: Vec<Part> = billed.cloned().collect();
    if !lines.is_empty() {
        let lines = read(app, draft.header().bill_for_date, lines)?;
        parts.push(part(app, draft.header(), lines)?);
    }
    Ok(parts)
}

fn part(app: &App, header: &Header, lines: Vec<OneOffLine>) -> Result<Part> {
    let Header {
        customer_id,
        currency,
        bill_for_date,
        ..
    } = *header;
    let rated = rated_by_hand(app.ids.next(), customer_id, currency, bill_for_date, lines);
    rated.map_err(refused)
}

/// The lines, or every field of them that cannot be used.
fn read(app: &App, day: Date, lines: Vec<WrittenLine>) -> Result<Vec<OneOffLine>> {
    let mut fields = Vec::new();
    let mut read = Vec::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        match line.read(day, &mut || app.ids.next()) {
            Ok(line) => read.push(line),
            Err(faults) => fields.extend(faults.into_iter().map(|fault| bad(index, fault))),
        }
    }
    match fields.is_empty() {
        true => Ok(read),
        false => Err(Error::Invalid(fields)),
    }
}

fn bad(index: usize, fault: LineFault) -> FieldError {
    let path = ["lines", &index.to_string(), fault.field];
    FieldError {
        path: path.map(str::to_owned).into(),
        message: fault.message.to_owned(),
        kind: "value_error.line",
    }
}
