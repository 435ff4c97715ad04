//! What each kind of event tells.

use serde_json::json;

use super::*;

fn charge(state: State) -> Notice {
    Notice::Charge {
        key: "k".to_owned(),
        state,
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn every_kind_of_event() {
    let own = json!({ "florin_charge": "k" });
    let on_page = json!({ "florin_charge": "k", "florin_page": "true" });
    let succeeded = || State::Succeeded {
        reference: "pi_1".to_owned(),
    };
    let error = json!({ "code": "card_declined", "message": "no" });
    for (kind, object, expected) in [
        (
            "payment_intent.succeeded",
            json!({ "id": "pi_1", "status": "succeeded", "metadata": own }),
            charge(succeeded()),
        ),
        (
            "payment_intent.succeeded",
            json!({ "id": "pi_1", "status": "succeeded", "metadata": {} }),
            Notice::Other,
        ),
        (
            "payment_intent.payment_failed",
            json!({ "id": "pi_1", "status": "requires_payment_method", "metadata": own,
                "last_payment_error": error }),
            charge(State::Failed {
                reference: Some("pi_1".to_owned()),
                code: "card_declined".to_owned(),
                message: "no".to_owned(),
            }),
        ),
        (
            "payment_intent.payment_failed",
            json!({ "id": "pi_1", "status": "requires_payment_method", "metadata": on_page }),
            Notice::Other,
        ),
        (
            "payment_intent.succeeded",
            json!({ "id": "pi_1", "status": "succeeded", "metadata": on_page }),
            charge(succeeded()),
        ),
        (
            "checkout.session.completed",
            json!({ "id": "cs_1", "status": "complete", "payment_status": "paid",
                "payment_intent": "pi_1", "metadata": own }),
            charge(succeeded()),
        ),
        (
            "checkout.session.completed",
            json!({ "id": "cs_1", "status": "complete", "payment_status": "unpaid", "metadata": own }),
            charge(State::Open {
                reference: Some("cs_1".to_owned()),
            }),
        ),
        (
            "checkout.session.async_payment_failed",
            json!({ "id": "cs_1", "status": "complete", "payment_status": "unpaid",
                "payment_intent": "pi_1", "metadata": own }),
            charge(State::Failed {
                reference: Some("pi_1".to_owned()),
                code: "payment_failed".to_owned(),
                message: "the payment did not go through".to_owned(),
            }),
        ),
        (
            "checkout.session.expired",
            json!({ "id": "cs_1", "status": "expired", "metadata": own }),
            charge(State::Canceled {
                reference: Some("cs_1".to_owned()),
            }),
        ),
        (
            "refund.updated",
            json!({ "id": "re_1", "status": "failed", "failure_reason": "lost_or_stolen_card",
                "metadata": { "florin_refund": "r" } }),
            Notice::Refund {
                key: "r".to_owned(),
                state: florin_app::gateway::RefundState::Failed {
                    message: "lost_or_stolen_card".to_owned(),
                },
            },
        ),
        (
            "setup_intent.succeeded",
            json!({ "customer": "cus_1", "payment_method": "pm_1" }),
            Notice::Method {
                customer: "cus_1".to_owned(),
                method: "pm_1".to_owned(),
            },
        ),
        (
            "payment_method.detached",
            json!({ "id": "pm_1", "customer": null }),
            Notice::MethodGone {
                method: "pm_1".to_owned(),
            },
        ),
        ("customer.created", json!({ "id": "cus_1" }), Notice::Other),
    ] {
        let event = json!({ "type": kind, "data": { "object": object } });
        assert_eq!(read(&event).unwrap(), expected, "{event}");
    }
}
