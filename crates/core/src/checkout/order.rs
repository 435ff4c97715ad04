//! What a checkout makes of a contract's terms. Owns how quantities, switches and plans change from a day on; what was
//! agreed before that day stays.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use super::ProductOverride;
use crate::calendar::Error;
use crate::contract::{Details, End, LineDetails, PhaseDetails, Start};
use crate::plan::Plan;
use crate::product_pricing::{Content, Flaws, Price, Quantity};
use crate::terms::EnabledFrom;

/// Why an override does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Nothing of the product is sold from that day on.
    #[error("the product is not sold from that day on")]
    NotSold,
    /// Its quantity is counted, or it has none.
    #[error("no quantity of the product is typed: it is counted, or its price has none")]
    NoQuantity,
    /// The price does not take the quantity.
    #[error("the price does not take this quantity: {0}")]
    Refused(String),
}

/// The terms with overrides from a day on.
///
/// # Errors
/// Every override that does not fit, with its position.
pub fn with_overrides(
    mut details: Details,
    overrides: &[ProductOverride],
    from: Date,
) -> Result<Details, Vec<(usize, Misfit)>> {
    let mut found = Vec::new();
    for (position, one) in overrides.iter().enumerate() {
        if let Err(misfit) = apply(&mut details, one, from) {
            found.push((position, misfit));
        }
    }
    match found.is_empty() {
        true => Ok(details),
        false => Err(found),
    }
}

fn apply(details: &mut Details, one: &ProductOverride, from: Date) -> Result<(), Misfit> {
    let (mut is_sold, mut has_quantity) = (false, false);
    for phase in &mut details.phases {
        let phase_start = phase.start.map_or(details.header.start.day(), Start::day);
        let phase_end = phase.end.map(End::day);
        for line in &mut phase.lines {
            let start = line.start.map_or(phase_start, Start::day);
            let end = line.end.map(End::day).or(phase_end);
            let is_meant = line.head.product_id == one.product_id;
            if !is_meant || end.is_some_and(|end| end <= from) {
                continue;
            }
            is_sold = true;
            let day = from.max(start);
            if let Some(quantity) = one.quantity
                && has_typed_quantity(line.head.pricing.price())
            {
                has_quantity = true;
                let day = (day > start).then_some(day);
                line.head.pricing = with_quantity(&line.head.pricing, quantity, day)?;
            }
            if let Some(value) = one.is_enabled {
                switch(line, day, value);
            }
        }
    }
    if !is_sold {
        return Err(Misfit::NotSold);
    }
    if one.quantity.is_some() && !has_quantity {
        return Err(Misfit::NoQuantity);
    }
    Ok(())
}

fn has_typed_quantity(price: &Price) -> bool {
    matches!(price.quantity, Some(Quantity::Fixed { .. }))
}

/// The price with another quantity: from its first day on, or from a later one.
fn with_quantity(
    content: &Arc<Content>,
    quantity: Decimal,
    from: Option<Date>,
) -> Result<Arc<Content>, Misfit> {
    let refused = |flaws: Flaws| Misfit::Refused(flaws.to_string());
    let number: Option<serde_json::Number> = quantity.normalize().to_string().parse().ok();
    let mut document = content.document().clone();
    let mut whole = document.clone();
    whole["quantity"]["quantity"] = json!(number);
    whole["quantity"]["quantity_entries"] = Json::Null;
    // Also what is told for a later day is within the bounds that the price sets.
    let whole = Content::read(whole).map_err(refused)?;
    let Some(from) = from else {
        return Ok(Arc::new(whole));
    };
    let entries = document["quantity"]["quantity_entries"].as_array();
    let kept = entries.into_iter().flatten().filter(|entry| {
        let day = entry["effective_from"].as_str();
        day.and_then(|day| day.parse::<Date>().ok())
            .is_none_or(|day| day < from)
    });
    let mut entries: Vec<Json> = kept.cloned().collect();
    entries.push(json!({ "value": number, "effective_from": from.to_string() }));
    document["quantity"]["quantity_entries"] = Json::Array(entries);
    Content::read(document).map(Arc::new).map_err(refused)
}

fn switch(line: &mut LineDetails, from: Date, value: bool) {
    let entries = &mut line.head.is_enabled;
    entries.retain(|entry| entry.effective_from < from);
    let is_on = entries.last().is_none_or(|entry| entry.value);
    if is_on != value {
        entries.push(EnabledFrom {
            effective_from: from,
            value,
        });
    }
}

/// The terms with what a plan sells from a day on; what was agreed before that day stays.
///
/// # Errors
/// [`Error::OutOfRange`].
pub fn with_plan(
    details: Details,
    plan: &Plan,
    from: Date,
    zone: &TimeZone,
) -> Result<Details, Error> {
    let Details {
        mut header,
        status,
        phases,
    } = details;
    let last_day = from.yesterday().map_err(|_| Error::OutOfRange)?;
    let end = End::with_day(last_day, zone)?;
    let mut kept = Vec::with_capacity(phases.len());
    for phase in phases {
        let start = phase.start.map_or(header.start.day(), Start::day);
        if start < from {
            kept.push(trimmed(phase, end));
        }
    }
    kept.extend(plan.phases_from(from, header.end, zone)?);
    header.plan = Some(plan.version());
    Ok(Details {
        header,
        status,
        phases: kept,
    })
}

fn trimmed(mut phase: PhaseDetails, end: End) -> PhaseDetails {
    let earlier = |own: End| if end.day() < own.day() { end } else { own };
    phase.end = Some(phase.end.map_or(end, earlier));
    phase
        .lines
        .retain(|line| line.start.is_none_or(|start| start.day() < end.day()));
    for line in &mut phase.lines {
        line.end = line.end.map(earlier);
    }
    phase
}
