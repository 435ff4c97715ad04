use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn check(document: Json, expected: Expect) {
    let text = match Content::read(document) {
        Ok(content) => format!("{:#?}", content.price()),
        Err(flaws) => flaws.to_string().replace("; ", "\n"),
    };
    expected.assert_eq(&text);
}

fn canonical(text: &str) -> String {
    let document: Json = text.parse().unwrap();
    Content::read(document).unwrap().canonical()
}

#[test]
fn a_price_is_read_whole() {
    check(
        json!({
            "pricing_data": { "pricing_type": "per_unit", "unit_amount": 2.5, "currency": "USD" },
            "quantity": { "type": "fixed", "quantity": 3 },
            "billing_period": { "cadence": "P3M", "offset": "prepaid" },
        }),
        expect![[r#"
            Price {
                model: PerUnit {
                    unit_amount: 2.5,
                },
                currency: Some(
                    USD,
                ),
                quantity: Some(
                    Fixed {
                        quantity: Some(
                            3,
                        ),
                        entries: [],
                    },
                ),
                billing_period: Some(
                    BillingPeriod {
                        cadence: Some(
                            Months(
                                3,
                            ),
                        ),
                        offset: Some(
                            Prepaid,
                        ),
                    },
                ),
                is_recurring: true,
                overage: None,
            }"#]],
    );
}

#[test]
fn all_flaws_are_found_at_once() {
    check(
        json!({
            "pricing_data": { "pricing_type": "tiered", "unit_amount": [1], "up_to": [5, 5, null],
                "currency": "usd?" },
            "quantity": { "type": "fixed" },
            "billing_period": { "cadence": "P1M1D", "offset": "P1H" },
            "discounts": [{ "type": "percent", "value": 101, "max_per_period": 1 }],
        }),
        expect![[r#"
            pricing_data.up_to.1: `up_to[1]` is not above the bound before it
            pricing_data.unit_amount: `unit_amount` has 1 entries, expected 3
            pricing_data.currency: value is not a currency of ISO 4217
            quantity.quantity: field required
            billing_period.cadence: write the cadence as an ISO 8601 duration of days, weeks, months or years: P1M
            billing_period.offset: write prepaid, postpaid or an ISO 8601 duration: P5D
            discounts.0.value: a percentage is 0 to 100
            discounts.0.max_per_period: a cap on each period needs a cadence, its own or that of the billing period"#]],
    );
}

#[test]
fn the_overage_has_flaws_of_its_own() {
    check(
        json!({
            "pricing_data": { "pricing_type": "flat_fee", "unit_amount": 5 },
            "overage_pricing": { "pricing_data": { "pricing_type": "package", "unit_amount": 1 } },
        }),
        expect![[r#"
            overage_pricing.pricing_data.package_size: field required
            overage_pricing.pricing_data.package_size: `package_size` is not above zero"#]],
    );
}

#[test]
fn anything_else_is_no_price() {
    for document in [
        json!(null),
        json!([]),
        json!({ "pricing_data": 5 }),
        json!("flat_fee"),
    ] {
        assert!(Content::read(document.clone()).is_err(), "{document}");
    }
}

#[test]
fn a_cadence_makes_a_price_recurring_unless_told() {
    for (document, is_recurring) in [
        (json!({}), false),
        (json!({ "billing_period": { "cadence": "P1M" } }), true),
        (json!({ "billing_period": { "cadence": "P0D" } }), false),
        (
            json!({ "billing_period": { "cadence": "P1M" }, "is_recurring": false }),
            false,
        ),
        (json!({ "is_recurring": true }), true),
    ] {
        let mut document = document;
        document["pricing_data"] = json!({ "pricing_type": "features" });
        let content = Content::read(document.clone()).unwrap();
        assert_eq!(content.price().is_recurring, is_recurring, "{document}");
    }
}

#[test]
fn spelling_does_not_make_a_price_another_one() {
    let price = canonical(r#"{"pricing_data":{"pricing_type":"per_unit","unit_amount":2.50}}"#);
    for same in [
        r#"{"pricing_data":{"unit_amount":2.5,"pricing_type":"per_unit"},"name":null}"#,
        r#"{"pricing_data":{"unit_amount":25e-1,"pricing_type":"per_unit"}}"#,
    ] {
        assert_eq!(canonical(same), price);
    }
    for other in [
        r#"{"pricing_data":{"unit_amount":2.51,"pricing_type":"per_unit"}}"#,
        r#"{"pricing_data":{"unit_amount":2.5,"pricing_type":"per_unit"},"name":"x"}"#,
        r#"{"pricing_data":{"unit_amount":2.5,"pricing_type":"flat_fee"}}"#,
    ] {
        assert_ne!(canonical(other), price);
    }
}

#[test]
fn numbers_are_exact_or_refused() {
    for (text, number) in [
        ("0.1", Some("0.1")),
        ("1.50", Some("1.50")),
        ("1e3", Some("1000")),
        ("25E-1", Some("2.5")),
        (
            "79228162514264337593543950335",
            Some("79228162514264337593543950335"),
        ),
        ("79228162514264337593543950336", None),
        ("0.12345678901234567890123456789", None),
        ("1e99", None),
        ("1e-99", None),
        ("x", None),
    ] {
        let read = reader::decimal(text).map(|number| number.to_string());
        assert_eq!(read.as_deref(), number, "{text}");
    }
}

#[test]
fn a_price_that_was_read_says_the_same_when_it_is_sent_back() {
    let read = |text: &str| Content::read(serde_json::from_str(text).unwrap()).unwrap();
    let sent = read(
        r#"{"pricing_data":{"pricing_type":"flat_fee","unit_amount":2},
            "billing_period":{"cadence":"P1M"}}"#,
    );
    for (text, is_same) in [
        (
            r#"{"pricing_data":{"pricing_type":"flat_fee","unit_amount":2.0},"discounts":[],
                "billing_period":{"cadence":"P1M","offset":null},"is_recurring":true,"custom_data":{}}"#,
            true,
        ),
        (
            r#"{"pricing_data":{"pricing_type":"flat_fee","unit_amount":2},
                "billing_period":{"cadence":"P1M"},"is_recurring":false}"#,
            false,
        ),
        (
            r#"{"pricing_data":{"pricing_type":"flat_fee","unit_amount":2},"name":"Fee",
                "billing_period":{"cadence":"P1M"}}"#,
            false,
        ),
        (
            r#"{"pricing_data":{"pricing_type":"flat_fee","unit_amount":2},
                "billing_period":{"cadence":"P1M"},"taxes":[{"type":"manual","unit_amount":5}]}"#,
            false,
        ),
    ] {
        assert_eq!(read(text).says_the_same(&sent), is_same, "{text}");
    }
}
