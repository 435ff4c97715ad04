//! Definitions and values, mostly as tables.

use serde_json::json;

use super::*;

fn subject(key: &str, data_type: DataType) -> Subject {
    Subject {
        module: Module::Customers,
        attribute_key_name: key.to_owned(),
        data_type,
        business_entity_id: None,
    }
}

fn details(choices: &[&str]) -> Details {
    Details {
        display_name: "Region".to_owned(),
        description: None,
        enum_choices: choices.iter().map(|&choice| choice.to_owned()).collect(),
        default_value: None,
        is_tag: false,
        is_required: false,
        is_enabled: true,
        sort_order: 0,
    }
}

fn created(data_type: DataType, details: Details) -> Result<Definition, Vec<Refusal>> {
    let subject = subject("region", data_type);
    Definition::create(Uuid::nil(), subject, details, &[], Timestamp::UNIX_EPOCH)
}

fn definition(key: &str, data_type: DataType) -> Definition {
    let choices: &[&str] = match data_type {
        DataType::Enum => &["NA", "EU"],
        _ => &[],
    };
    let subject = subject(key, data_type);
    let at = Timestamp::UNIX_EPOCH;
    Definition::create(Uuid::nil(), subject, details(choices), &[], at).unwrap()
}

#[test]
fn words_name_every_module_and_type() {
    for module in Module::ALL {
        assert_eq!(Module::of(module.word()), Some(module));
    }
    for data_type in DataType::ALL {
        assert_eq!(DataType::of(data_type.word()), Some(data_type));
    }
    assert_eq!((Module::of("orders"), DataType::of("enum")), (None, None));
}

#[test]
fn values_of_each_type() {
    let good = [
        (DataType::String, json!("any")),
        (DataType::Integer, json!(-9_223_372_036_854_775_808_i64)),
        (DataType::Float, json!(1)),
        (DataType::Float, serde_json::from_str("1.50").unwrap()),
        (DataType::Boolean, json!(false)),
        (DataType::ListString, json!([])),
        (DataType::ListString, json!(["a", "b"])),
        (DataType::Enum, json!("EU")),
        (DataType::Json, json!([1, { "a": null }])),
        (DataType::Date, json!("2026-02-28")),
    ];
    let bad = [
        (DataType::String, json!(1)),
        (DataType::Integer, json!("1")),
        (DataType::Integer, serde_json::from_str("1.5").unwrap()),
        (
            DataType::Integer,
            serde_json::from_str("9223372036854775808").unwrap(),
        ),
        (DataType::Float, json!("1.5")),
        (DataType::Boolean, json!(0)),
        (DataType::ListString, json!("a")),
        (DataType::ListString, json!(["a", 1])),
        (DataType::Enum, json!("eu")),
        (DataType::Date, json!("2026-02-29")),
        (DataType::Date, json!("2026-02-28T10:00:00")),
    ];
    let is_good = |(data_type, value): (DataType, Json)| {
        let values = json!({ "a": value });
        check(&[definition("a", data_type)], values.clone(), true) == Ok(values)
    };
    assert!(good.into_iter().all(is_good));
    assert!(!bad.into_iter().any(is_good));
}

#[test]
fn every_violation_is_named() {
    let mut required = definition("tier", DataType::Integer);
    required.details.is_required = true;
    let definitions = [
        required,
        definition("region", DataType::Enum),
        definition("vip", DataType::Boolean),
    ];
    let violations = check(&definitions, json!({ "region": "APAC", "vip": 1 }), true).unwrap_err();
    let named: Vec<String> = violations
        .iter()
        .map(|violation| format!("{}: {}", violation.key, violation.expected))
        .collect();
    assert_eq!(
        named,
        [
            "tier: field required",
            "region: value is not one of: NA, EU",
            "vip: value is not a boolean",
        ]
    );
}

#[test]
fn keys_without_a_definition_are_free() {
    let values = json!({ "anything": [1] });
    assert_eq!(
        check(&[definition("a", DataType::String)], values.clone(), true),
        Ok(values)
    );
}

#[test]
fn a_null_is_no_value() {
    let mut definition = definition("a", DataType::Integer);
    let values = json!({ "a": null });
    assert!(check(std::slice::from_ref(&definition), values.clone(), false).is_ok());
    definition.details.is_required = true;
    assert!(check(&[definition], values, false).is_err());
}

#[test]
fn defaults_fill_what_a_new_thing_does_not_name() {
    let mut definition = definition("a", DataType::Integer);
    definition.details.default_value = Some(json!(5));
    definition.details.is_required = true;
    let definitions = [definition];
    assert_eq!(check(&definitions, json!({}), true), Ok(json!({ "a": 5 })));
    assert_eq!(
        check(&definitions, json!({ "a": 6 }), true),
        Ok(json!({ "a": 6 }))
    );
    assert!(check(&definitions, json!({}), false).is_err());
}

#[test]
fn a_default_that_clients_send_as_text_is_read() {
    for (data_type, default, kept) in [
        (DataType::Integer, json!("5"), Some(json!(5))),
        (DataType::Boolean, json!("true"), Some(json!(true))),
        (DataType::ListString, json!("[\"a\"]"), Some(json!(["a"]))),
        (DataType::String, json!("5"), Some(json!("5"))),
        (DataType::Json, json!("{}"), Some(json!("{}"))),
        (
            DataType::Float,
            json!("1.50"),
            serde_json::from_str("1.50").ok(),
        ),
        (DataType::Integer, json!("five"), None),
        (DataType::Float, json!("1e999999"), None),
        (DataType::ListString, json!(r#"["\u0000"]"#), None),
        (DataType::Integer, json!(1.5), None),
    ] {
        let given = Details {
            default_value: Some(default.clone()),
            ..details(&[])
        };
        let read = created(data_type, given).map(|definition| definition.details.default_value);
        match kept {
            Some(kept) => assert_eq!(read, Ok(Some(kept)), "{default}"),
            None => assert_eq!(read, Err(vec![Refusal::DefaultUnfit]), "{default}"),
        }
    }
}

#[test]
fn a_definition_names_every_rule_that_it_breaks() {
    let broken = Details {
        display_name: " ".to_owned(),
        default_value: Some(json!("APAC")),
        ..details(&["EU", "EU"])
    };
    assert_eq!(
        created(DataType::Enum, broken),
        Err(vec![
            Refusal::DisplayNameBlank,
            Refusal::ChoicesRepeated,
            Refusal::DefaultUnfit
        ])
    );
    let tag = Details {
        is_tag: true,
        ..details(&["EU"])
    };
    assert!(created(DataType::Enum, tag.clone()).is_ok());
    assert_eq!(
        created(DataType::String, tag),
        Err(vec![Refusal::ChoicesNotEnum, Refusal::TagNotEnum])
    );
    assert_eq!(
        created(DataType::Enum, details(&[])),
        Err(vec![Refusal::ChoicesMissing])
    );
}

#[test]
fn an_override_has_the_type_of_the_attribute_that_it_overrides() {
    let others = [definition("region", DataType::String)];
    let subject = subject("region", DataType::Integer);
    let at = Timestamp::UNIX_EPOCH;
    let created = Definition::create(Uuid::nil(), subject, details(&[]), &others, at);
    assert_eq!(created, Err(vec![Refusal::DataTypeDiffers]));
}

#[test]
fn an_entity_overrides_the_organisation() {
    let own = |key: &str, is_enabled| {
        let mut definition = definition(key, DataType::String);
        definition.subject.business_entity_id = Some(Uuid::from_u128(1));
        definition.details.is_enabled = is_enabled;
        definition
    };
    let all = vec![
        definition("a", DataType::String),
        definition("b", DataType::String),
        definition("c", DataType::String),
        own("a", true),
        own("b", false),
    ];
    let keys: Vec<(String, bool)> = effective(all)
        .into_iter()
        .map(|d| {
            (
                d.subject.attribute_key_name,
                d.subject.business_entity_id.is_some(),
            )
        })
        .collect();
    assert_eq!(keys, [("c".to_owned(), false), ("a".to_owned(), true)]);
}
