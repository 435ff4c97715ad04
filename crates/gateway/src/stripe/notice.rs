//! Reading what Stripe tells by itself: events.

use florin_app::gateway::{GatewayResult, Notice};
use florin_core::charge::State;
use serde_json::Value as Json;

use super::{CHARGE, PAGE, REFUND, answer};

/// What an event tells, as far as it concerns us.
pub(super) fn read(event: &Json) -> GatewayResult<Notice> {
    let kind = answer::text(event, "/type")?;
    let object = &event["data"]["object"];
    match kind.split_once('.').unwrap_or_default() {
        ("payment_intent", _) => intent(object),
        ("checkout", told) => page(object, told),
        ("refund", _) | ("charge", "refund.updated") => refund(object),
        ("setup_intent", "succeeded") => Ok(method(object, "/payment_method")),
        ("payment_method", "attached" | "updated" | "automatically_updated") => {
            Ok(method(object, "/id"))
        }
        ("payment_method", "detached") => Ok(Notice::MethodGone {
            method: answer::text(object, "/id")?,
        }),
        _ => Ok(Notice::Other),
    }
}

fn intent(object: &Json) -> GatewayResult<Notice> {
    let Some(key) = key(object, CHARGE) else {
        return Ok(Notice::Other);
    };
    let state = answer::intent(object)?;
    // On a page the customer may try another card: only the page itself ends without money.
    let is_on_page = key_of_page(object);
    match state {
        State::Succeeded { .. } => Ok(Notice::Charge { key, state }),
        _ if is_on_page => Ok(Notice::Other),
        state => Ok(Notice::Charge { key, state }),
    }
}

fn key_of_page(object: &Json) -> bool {
    key(object, PAGE).is_some()
}

fn page(object: &Json, told: &str) -> GatewayResult<Notice> {
    let Some(key) = key(object, CHARGE) else {
        return Ok(Notice::Other);
    };
    let state = match told {
        "session.async_payment_failed" => State::Failed {
            reference: answer::optional(object, "/payment_intent"),
            code: "payment_failed".to_owned(),
            message: "the payment did not go through".to_owned(),
        },
        _ => answer::page(object)?,
    };
    Ok(Notice::Charge { key, state })
}

fn refund(object: &Json) -> GatewayResult<Notice> {
    let Some(key) = key(object, REFUND) else {
        return Ok(Notice::Other);
    };
    let state = answer::refund(object)?;
    Ok(Notice::Refund { key, state })
}

fn method(object: &Json, pointer: &str) -> Notice {
    let customer = answer::optional(object, "/customer");
    match (customer, answer::optional(object, pointer)) {
        (Some(customer), Some(method)) => Notice::Method { customer, method },
        _ => Notice::Other,
    }
}

fn key(object: &Json, name: &str) -> Option<String> {
    object["metadata"][name].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
