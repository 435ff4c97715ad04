use super::PricingType;

#[test]
fn the_table_is_in_the_order_of_the_variants() {
    assert_eq!(PricingType::all().count(), 15);
    for (position, pricing_type) in PricingType::all().enumerate() {
        assert_eq!(pricing_type as usize, position);
        assert_eq!(
            PricingType::parse(pricing_type.as_str()),
            Some(pricing_type)
        );
        let written = serde_json::to_value(pricing_type).unwrap();
        assert_eq!(written, pricing_type.as_str());
    }
}

#[test]
fn names_are_those_of_the_api_and_of_documents() {
    assert_eq!(PricingType::PerUnit.line_name(), "per-unit-pricing");
    assert_eq!(PricingType::Volume.line_name(), "volume-pricing");
    assert_eq!(PricingType::FlatFee.document_name(), "Subscription");
    assert_eq!(PricingType::parse("per-unit"), None);
}
