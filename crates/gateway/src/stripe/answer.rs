//! Reading what Stripe answers.

use florin_app::gateway::{GatewayError, GatewayResult, Method, RefundState};
use florin_core::charge::State;
use florin_core::payment_method::Facts;
use serde_json::{Map, Value as Json};

/// Stripe's kinds of payment methods, and the words of payments for them.
const KINDS: &[(&str, &str)] = &[
    ("card", "card"),
    ("sepa_debit", "direct_debit"),
    ("us_bank_account", "direct_debit"),
    ("bacs_debit", "direct_debit"),
    ("au_becs_debit", "direct_debit"),
    ("acss_debit", "direct_debit"),
    ("nz_bank_account", "direct_debit"),
    ("customer_balance", "bank_transfer"),
    ("amazon_pay", "amazon_payments"),
    ("paypal", "paypal_express_checkout"),
    ("upi", "upi"),
];

/// What may be shown of a method, of those fields that it has.
const SHOWN: &[&str] = &[
    "brand",
    "last4",
    "exp_month",
    "exp_year",
    "funding",
    "bank_name",
    "bank_code",
];

/// The text at a pointer; an answer without it says nothing.
pub(super) fn text(answer: &Json, pointer: &str) -> GatewayResult<String> {
    optional(answer, pointer).ok_or_else(|| GatewayError::Unanswered {
        message: format!("an answer of Stripe lacks {pointer}"),
    })
}

/// The text at a pointer.
pub(super) fn optional(answer: &Json, pointer: &str) -> Option<String> {
    answer.pointer(pointer)?.as_str().map(str::to_owned)
}

/// Where a PaymentIntent stands.
pub(super) fn intent(intent: &Json) -> GatewayResult<State> {
    let reference = text(intent, "/id")?;
    let status = text(intent, "/status")?;
    Ok(match status.as_str() {
        "succeeded" => State::Succeeded { reference },
        "canceled" => State::Canceled {
            reference: Some(reference),
        },
        "requires_action" => State::RequiresAction {
            reference,
            url: optional(intent, "/next_action/redirect_to_url/url"),
        },
        "requires_payment_method" => State::Failed {
            reference: Some(reference),
            code: failure(intent, "code", "declined"),
            message: failure(intent, "message", "the payment method was declined"),
        },
        // `processing`, `requires_capture`, and what may be added one day.
        _ => State::Open {
            reference: Some(reference),
        },
    })
}

fn failure(intent: &Json, field: &str, default: &str) -> String {
    let found = optional(intent, &format!("/last_payment_error/{field}"));
    found.unwrap_or_else(|| default.to_owned())
}

/// Where a Checkout session stands. What was paid on it is known by the id of its PaymentIntent.
pub(super) fn page(session: &Json) -> GatewayResult<State> {
    let reference = text(session, "/id")?;
    let paid = optional(session, "/payment_status").is_some_and(|status| status == "paid");
    Ok(match text(session, "/status")?.as_str() {
        "complete" if paid => State::Succeeded {
            reference: text(session, "/payment_intent")?,
        },
        "complete" => State::Open {
            reference: Some(reference),
        },
        "expired" => State::Canceled {
            reference: Some(reference),
        },
        _ => State::RequiresAction {
            reference,
            url: optional(session, "/url"),
        },
    })
}

/// Where a refund stands.
pub(super) fn refund(refund: &Json) -> GatewayResult<RefundState> {
    Ok(match text(refund, "/status")?.as_str() {
        "succeeded" => RefundState::Succeeded {
            reference: text(refund, "/id")?,
        },
        "failed" | "canceled" => RefundState::Failed {
            message: optional(refund, "/failure_reason")
                .unwrap_or_else(|| "the refund did not go through".to_owned()),
        },
        _ => RefundState::Open,
    })
}

/// A payment method.
pub(super) fn method(method: &Json) -> GatewayResult<Method> {
    let kind = text(method, "/type")?;
    let own = &method[kind.as_str()];
    let known = KINDS.iter().find(|(theirs, _)| *theirs == kind);
    let country = own["country"]
        .as_str()
        .or(method["billing_details"]["address"]["country"].as_str());
    let shown = SHOWN.iter().filter_map(|field| {
        let value = own.get(*field).filter(|value| !value.is_null())?;
        Some(((*field).to_owned(), value.clone()))
    });
    Ok(Method {
        external_id: text(method, "/id")?,
        expires: expiry(own),
        facts: Facts {
            kind: known.map_or("other", |(_, ours)| ours).to_owned(),
            country: country.map(str::to_owned),
            details: Json::Object(shown.collect::<Map<_, _>>()),
        },
        raw: method.clone(),
    })
}

fn expiry(own: &Json) -> Option<(i8, i16)> {
    let number = |field: &str| own[field].as_i64();
    let month = i8::try_from(number("exp_month")?).ok()?;
    Some((month, i16::try_from(number("exp_year")?).ok()?))
}
