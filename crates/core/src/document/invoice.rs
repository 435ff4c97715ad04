//! The document of an invoice. Owns what is shown of its lines, taxes and amounts.

use std::collections::BTreeMap;

use jiff::civil::Date;
use uuid::Uuid;

use super::{
    Day, Days, DetailRow, DocumentType, InvoiceData, InvoiceDocument, LineRow, Parties, Section,
    TaxRow,
};
use crate::id::LineId;
use crate::invoice::{
    Amounts, Draft, FeatureItem, Header, Issued, Item, ItemKind, Part, Shown, Status, Totals,
    line_items, shown_money,
};
use crate::money::{Money, MoneyError};
use crate::payment_terms::{PaymentTermMode, PaymentTerms};
use crate::pricing::StepRule;
use crate::rating::{Line, LineFeature, LineKind};
use crate::tax::TaxApplied;

/// What line items call taxes; a document has rows of its own for them.
const TAX: &str = "sales-tax";

/// An invoice, as far as it got.
#[derive(Clone, Copy, Debug)]
pub enum Billed<'i> {
    /// It can still change.
    Draft(&'i Draft),
    /// It was approved.
    Issued(&'i Issued),
}

/// What the document of an invoice is made from.
#[derive(Clone, Copy, Debug)]
pub struct Sources<'s> {
    /// The invoice.
    pub invoice: Billed<'s>,
    /// Who bills and who pays.
    pub parties: &'s Parties,
    /// Names of customers served, where they are others than the payer.
    pub served: &'s [(Uuid, String)],
    /// What the rows of a matrix are called, line by line: a rated bill knows only their positions.
    pub cells: &'s BTreeMap<LineId, Vec<String>>,
    /// Where it can be paid.
    pub payment_link: Option<&'s str>,
}

/// The document of an invoice.
///
/// # Errors
/// [`MoneyError`] where an amount does not fit.
pub fn invoice(sources: &Sources<'_>) -> Result<InvoiceDocument, MoneyError> {
    let Parties { seller, customer } = sources.parties.clone();
    let parts = sources.invoice.parts();
    Ok(InvoiceDocument {
        document_type: DocumentType::Invoice,
        seller,
        customer,
        invoice_data: invoice_data(sources)?,
        sections: sections(sources)?,
        taxes: taxes(parts, sources.invoice.header())?,
    })
}

impl<'i> Billed<'i> {
    /// What the invoice says besides its amounts.
    pub const fn header(self) -> &'i Header {
        match self {
            Self::Draft(draft) => draft.header(),
            Self::Issued(issued) => issued.header(),
        }
    }

    /// Its rated bills.
    pub fn parts(self) -> &'i [Part] {
        match self {
            Self::Draft(draft) => draft.parts(),
            Self::Issued(issued) => issued.parts(),
        }
    }

    const fn id(self) -> Uuid {
        match self {
            Self::Draft(draft) => draft.id(),
            Self::Issued(issued) => issued.id(),
        }
    }

    const fn totals(self) -> Totals {
        match self {
            Self::Draft(draft) => draft.totals(),
            Self::Issued(issued) => issued.totals(),
        }
    }

    fn status(self) -> Status {
        match self {
            Self::Draft(draft) => draft.status(),
            Self::Issued(issued) => issued.status(),
        }
    }

    const fn issued(self) -> Option<&'i Issued> {
        match self {
            Self::Draft(_) => None,
            Self::Issued(issued) => Some(issued),
        }
    }
}

fn invoice_data(sources: &Sources<'_>) -> Result<InvoiceData, MoneyError> {
    let invoice = sources.invoice;
    let (header, totals, issued) = (invoice.header(), invoice.totals(), invoice.issued());
    let settled = issued.map(|issued| settled(issued.amounts())).transpose()?;
    let amount = |of: fn(&Settled) -> Money| settled.as_ref().map(of).and_then(unless_zero);
    let due = issued.map_or(totals.total, Issued::amount_due);
    Ok(InvoiceData {
        id: invoice.id().to_string(),
        invoice_number: issued.map(|issued| issued.number().to_owned()),
        status: invoice.status().as_str(),
        is_draft: issued.is_none(),
        external_id: header.external_id.clone(),
        currency: header.currency.code().to_owned(),
        invoice_date: Day::of(header.invoice_date),
        due_by: issued.map(|issued| Day::of(issued.due_date())),
        period: header.period.map(Days::of),
        payment_terms: header.payment_terms.map(terms_in_words),
        notes: header.notes.clone(),
        custom_data: header.custom_data.clone(),
        payment_link: sources.payment_link.map(str::to_owned),
        net: shown_money(totals.net),
        tax: shown_money(totals.tax),
        total: shown_money(totals.total),
        credit: unless_zero(totals.credit),
        applied_balance: amount(|settled| settled.applied),
        paid: amount(|settled| settled.paid),
        credited: amount(|settled| settled.credited),
        written_off: amount(|settled| settled.written_off),
        amount_due: shown_money(due),
    })
}

/// What became of a total, so that the rows sum to what is due.
struct Settled {
    applied: Money,
    paid: Money,
    credited: Money,
    written_off: Money,
}

/// What a credit note gave back of what had been paid or set off is shown as not paid.
fn settled(amounts: Amounts) -> Result<Settled, MoneyError> {
    let Amounts {
        applied,
        paid,
        credited,
        returned_paid,
        returned_applied,
        written_off,
    } = amounts;
    Ok(Settled {
        applied: applied.checked_sub(returned_applied)?,
        paid: paid.checked_sub(returned_paid)?,
        credited,
        written_off,
    })
}

pub(super) fn unless_zero(amount: Money) -> Option<Shown> {
    (!amount.is_zero()).then(|| shown_money(amount))
}

fn terms_in_words(terms: PaymentTerms) -> String {
    let days = terms.due_days;
    let words = match terms.mode {
        PaymentTermMode::Relative => format!("Net {days} days"),
        PaymentTermMode::Absolute => format!("Due on day {days} of the month"),
    };
    if terms.last_day_of_month {
        format!("{words}, end of month")
    } else {
        words
    }
}

/// One section for each run of parts that serve the same customer.
pub(super) fn sections(sources: &Sources<'_>) -> Result<Vec<Section>, MoneyError> {
    let header = sources.invoice.header();
    let parts = sources.invoice.parts();
    let runs: Vec<&[Part]> = parts
        .chunk_by(|one, other| one.customer_id == other.customer_id)
        .collect();
    let is_consolidated = runs.len() > 1;
    let section = |run: &&[Part]| {
        let mut items = line_items(run, header.currency)?;
        let rated = run.iter().flat_map(|part| &part.rated.lines);
        rated.for_each(|rated| name_cells(&mut items.lines, rated, sources.cells));
        let features = items.features.iter().filter(|item| item.kind != TAX);
        let title = run
            .first()
            .filter(|part| is_consolidated || part.customer_id != header.customer_id)
            .map(|part| name_of(sources, part.customer_id));
        Ok(Section {
            title,
            lines: items.lines.into_iter().map(line).collect(),
            features: features.flat_map(details).collect(),
        })
    };
    runs.iter().map(section).collect()
}

fn name_of(sources: &Sources<'_>, customer: Uuid) -> String {
    let mut served = sources.served.iter();
    let known = served.find(|(id, _)| *id == customer);
    known.map_or_else(
        || sources.parties.customer.name.clone(),
        |(_, name)| name.clone(),
    )
}

/// Names the rows of a line whose price is a matrix.
fn name_cells(items: &mut [Item], rated: &Line, cells: &BTreeMap<LineId, Vec<String>>) {
    let LineKind::Charge(id) = rated.kind else {
        return;
    };
    let steps = rated.features.iter().find_map(|feature| match feature {
        LineFeature::Pricing(priced) => Some(priced.parts.iter().flat_map(|part| &part.steps)),
        _ => None,
    });
    let (Some(steps), Some(names)) = (steps, cells.get(&id)) else {
        return;
    };
    let is_same = |item: &&mut Item| {
        item.kind == ItemKind::Charge(id) && item.service_start_date == rated.service.start()
    };
    let Some(item) = items.iter_mut().find(is_same) else {
        return;
    };
    let model = item.pricing_model.clone();
    let pricing = item
        .features
        .iter_mut()
        .find(|feature| feature.kind == model);
    let rows = pricing.into_iter().flat_map(|feature| &mut feature.display);
    for (row, step) in rows.zip(steps) {
        if let StepRule::Cell { row: index, .. } = step.rule
            && let Some(name) = usize::try_from(index)
                .ok()
                .and_then(|index| names.get(index))
        {
            row.name.clone_from(name);
        }
    }
}

fn line(item: Item) -> LineRow {
    let details = if speaks_for_itself(&item) {
        Vec::new()
    } else {
        item.features.iter().flat_map(details).collect()
    };
    let (start, end) = (item.service_start_date, item.service_end_date);
    LineRow {
        line_item_type: type_of(item.kind),
        name: item.name,
        description: item.description,
        period: days(start, end),
        quantity: item.quantity,
        price: item.price,
        amount: item.subtotal,
        pricing_model: item.pricing_model,
        details,
    }
}

fn days(start: Date, end: Date) -> Days {
    let period = crate::calendar::Period::new(start, end);
    period.map_or_else(|_| one_day(start), Days::of)
}

fn one_day(date: Date) -> Days {
    let Day { date, display } = Day::of(date);
    Days {
        from: date.clone(),
        to: date,
        display,
    }
}

/// Whether quantity, price and amount of a line are all there is to say: one price, or a fixed fee.
fn speaks_for_itself(item: &Item) -> bool {
    match item.features.as_slice() {
        [] => true,
        [pricing] => {
            pricing.display.len() <= 1 && (item.price.is_some() || item.quantity.is_none())
        }
        _ => false,
    }
}

fn details(feature: &FeatureItem) -> impl Iterator<Item = DetailRow> + '_ {
    feature.display.iter().map(|row| DetailRow {
        feature: feature.kind,
        name: row.name.clone(),
        quantity: row.quantity.clone(),
        price: row.price.clone(),
        amount: row.total.clone(),
    })
}

const fn type_of(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Charge(_) => "charge",
        ItemKind::Commitment => "commitment",
        ItemKind::ServiceFee => "service_fee",
        ItemKind::Adjustment(_) => "adjustment",
    }
}

/// Taxes with one rate are one row; those of adjustments have one for all.
pub(super) fn taxes(parts: &[Part], header: &Header) -> Result<Vec<TaxRow>, MoneyError> {
    let mut summed: Vec<TaxApplied> = Vec::new();
    for applied in parts.iter().flat_map(|part| &part.rated.taxes) {
        let mut known = summed.iter_mut();
        match known.find(|sum| sum.tax.is_same_rate(&applied.tax)) {
            Some(sum) => {
                sum.base = sum.base.checked_add(applied.base)?;
                sum.amount = sum.amount.checked_add(applied.amount)?;
            }
            None => summed.push(applied.clone()),
        }
    }
    let mut rows: Vec<TaxRow> = summed
        .iter()
        .map(|applied| TaxRow {
            name: format!("Sales Tax {} %", applied.tax.rate.normalize()),
            base: Some(shown_money(applied.base)),
            amount: shown_money(applied.amount),
        })
        .collect();
    let adjusted = parts.iter().flat_map(|part| &part.adjustments);
    let adjusted = Money::sum(adjusted.map(|adjustment| adjustment.tax), header.currency)?;
    rows.extend(unless_zero(adjusted).map(|amount| TaxRow {
        name: "Sales Tax on adjustments".to_owned(),
        base: None,
        amount,
    }));
    Ok(rows)
}
