//! The `pricing_data` of a price: fifteen shapes, told apart by `pricing_type` (api reference §7.3).
//!
//! Owns the table of their fields, from which come the OpenAPI union, the check of a body and the
//! spelling in which a price is kept. What the values must fulfil is the core's business.

use std::borrow::Cow;

use florin_core::pricing::PricingType::{self, *};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr, Schema,
        schema::{ArrayBuilder, Discriminator, ObjectBuilder, OneOfBuilder, SchemaType, Type},
    },
};

use super::exact;

/// A price under one of the models.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct PricingData(Map<String, Value>);

/// Form of a field.
#[derive(Clone, Copy)]
enum Form {
    Number,
    Numbers,
    /// Numbers, or null for no bound.
    Bounds,
    /// Numbers, or rows of numbers.
    Grid,
    Flag,
    Text(usize),
    Texts,
    Choice(&'static [&'static str]),
    Choices(&'static [&'static str]),
    Period,
    Dimensions,
    Members,
}

struct Field {
    name: &'static str,
    form: Form,
    text: &'static str,
}

const fn field(name: &'static str, form: Form, text: &'static str) -> Field {
    Field { name, form, text }
}

/// Entries of a list at most; each model has a smaller limit of its own where it needs one.
const ENTRIES_MAX: usize = 10_000;

#[rustfmt::skip]
const FIELDS: &[Field] = &[
    field("currency", Form::Text(3), "Currency, ISO 4217; that of the contract unless told."),
    field("label", Form::Text(255), "Text on documents."),
    field("unit", Form::Text(64), "What a unit is called."),
    field("pricing_period", Form::Period, "The period that a fixed price is for; the billing period unless told."),
    field("proration_type", Form::Choice(&["day_based", "cadence_based"]), "What a started period costs: its share of days, or the whole."),
    field("charge_full_amount", Form::Flag, "Whether a started period costs the whole; false unless told."),
    field("unit_amount", Form::Number, "Price in major units of currency."),
    field("percentage", Form::Number, "5 means 5 %."),
    field("package_size", Form::Number, "Units in a package; a started package counts."),
    field("formula", Form::Text(10_000), "A formula whose value is the amount in major units."),
    field("up_to", Form::Bounds, "Inclusive upper bounds of the tiers, ascending; null, only at the end, is none."),
    field("unit_amounts", Form::Numbers, "Price of each tier, in major units."),
    field("flat_fee", Form::Numbers, "Fee for reaching each tier, in major units."),
    field("tier_type", Form::Choices(&["per_unit", "package"]), "How each tier is priced."),
    field("package_sizes", Form::Numbers, "Units in a package of each tier."),
    field("dimensions", Form::Dimensions, "What the price depends on beside the quantity. Of two, the first is the quantity."),
    field("dimension_up_to", Form::Bounds, "Inclusive upper bounds of the second dimension."),
    field("prices", Form::Grid, "Prices in major units: a row for each value, an entry for each bracket."),
    field("values", Form::Grid, "Older name of `prices`."),
    field("display_alias", Form::Texts, "The values of the dimension, row by row."),
    field("members", Form::Members, "The products of the bundle and what each costs alone."),
];

/// Fields that every type may have.
const COMMON: &[&str] = &[
    "currency",
    "label",
    "unit",
    "pricing_period",
    "proration_type",
    "charge_full_amount",
];

/// Type, what it means, fields that it needs, fields that it may have. `unit_amounts` is the list that
/// JSON calls `unit_amount` too.
#[rustfmt::skip]
const TYPES: [(PricingType, &str, &[&str], &[&str]); 15] = [
    (FlatFee, "A fixed amount.", &["unit_amount"], &[]),
    (PerUnit, "Every unit at one rate.", &["unit_amount"], &[]),
    (Percent, "A percentage of the quantity.", &["percentage"], &[]),
    (Tiered, "Each tier's units at its own rate.", &["unit_amounts", "up_to"], &["flat_fee"]),
    (Volume, "All units at the rate of the tier that they reach.", &["unit_amounts", "up_to"], &[]),
    (Step, "The amount of the tier that the quantity reaches.", &["unit_amounts", "up_to"], &[]),
    (Package, "Whole packages.", &["package_size", "unit_amount"], &[]),
    (Matrix, "A rate by attribute and bracket.", &["dimensions", "display_alias"], &["prices", "values", "up_to"]),
    (CustomTiered, "Tiers that each have their own type.", &["unit_amounts", "up_to", "tier_type"], &["flat_fee", "package_sizes"]),
    (TwoDimensionalTiered, "A rate by tiers of quantity and of another number.", &["dimensions", "up_to", "dimension_up_to", "prices"], &[]),
    (TieredWithFlatFee, "Tiered, with a fee for each tier reached.", &["unit_amounts", "up_to", "flat_fee"], &[]),
    (VolumeWithFlatFee, "Volume, with the fee of the tier.", &["unit_amounts", "up_to", "flat_fee"], &[]),
    (Features, "No amount: carries modifiers.", &[], &[]),
    (CustomPricing, "A formula.", &["formula"], &[]),
    (Bundle, "One price for a group.", &["unit_amount", "members"], &[]),
];

impl Field {
    /// Its key in JSON.
    fn key(&self) -> &'static str {
        if self.name == "unit_amounts" {
            "unit_amount"
        } else {
            self.name
        }
    }

    fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.name == name)
    }

    /// The value as it is kept: numbers are numbers, and what a list of objects does not name is left
    /// out.
    fn kept(&self, value: Value) -> Value {
        match self.form {
            Form::Number | Form::Numbers | Form::Bounds | Form::Grid => exact::of_text(value),
            Form::Period => only(value, &["cadence"]),
            Form::Dimensions => each(value, &["name", "column_name"]),
            Form::Members => each(value, &["product_id", "stand_alone_price"]),
            _ => value,
        }
    }
}

fn each(value: Value, keys: &[&str]) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(|item| only(item, keys)).collect(),
        other => other,
    }
}

fn only(mut value: Value, keys: &[&str]) -> Value {
    if let Some(members) = value.as_object_mut() {
        members.retain(|key, _| keys.contains(&key.as_str()));
        if let Some(price) = members.remove("stand_alone_price") {
            members.insert("stand_alone_price".to_owned(), exact::of_text(price));
        }
    }
    value
}

fn names(pricing_type: PricingType) -> impl Iterator<Item = &'static str> {
    let row = TYPES.iter().find(|row| row.0 == pricing_type);
    let own = row.map_or((&[][..], &[][..]), |row| (row.2, row.3));
    COMMON.iter().chain(own.0).chain(own.1).copied()
}

impl PricingData {
    /// Whether it is the price of a bundle.
    pub(super) fn is_bundle(&self) -> bool {
        self.0.get("pricing_type").and_then(Value::as_str) == Some(Bundle.as_str())
    }
}

impl<'de> Deserialize<'de> for PricingData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut sent = Map::deserialize(deserializer)?;
        let word = sent.remove("pricing_type").unwrap_or_default();
        let mut kept = Map::new();
        if let Some(pricing_type) = word.as_str().and_then(PricingType::parse) {
            let fields = names(pricing_type).filter_map(Field::named);
            let kept_fields = fields.filter_map(|field| {
                let value = sent.remove(field.key())?;
                Some((field.key().to_owned(), field.kept(value)))
            });
            kept.extend(kept_fields);
        }
        if let Some(values) = kept.remove("values") {
            kept.entry("prices").or_insert(values);
        }
        kept.insert("pricing_type".to_owned(), word);
        Ok(Self(kept))
    }
}

impl PartialSchema for PricingData {
    fn schema() -> RefOr<Schema> {
        let mapping = TYPES.map(|(pricing_type, ..)| {
            let reference = format!("#/components/schemas/{}", component(pricing_type));
            (pricing_type.as_str(), reference)
        });
        let union = TYPES
            .iter()
            .fold(OneOfBuilder::new(), |union, (pricing_type, ..)| {
                union.item(Ref::from_schema_name(component(*pricing_type)))
            });
        let union = union
            .description(Some("The price, under one of fifteen models."))
            .discriminator(Some(Discriminator::with_mapping("pricing_type", mapping)))
            .examples([
                json!({ "pricing_type": "per_unit", "currency": "USD", "unit_amount": 2.5 }),
            ])
            .build();
        RefOr::T(Schema::OneOf(union))
    }
}

impl ToSchema for PricingData {
    fn name() -> Cow<'static, str> {
        "PricingData".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        for (pricing_type, text, needed, _) in TYPES {
            schemas.push((component(pricing_type), shape(pricing_type, text, needed)));
        }
    }
}

/// Name of a type's schema: `FlatFeePricingData`.
fn component(pricing_type: PricingType) -> String {
    let words = pricing_type.as_str().split('_');
    let capitalised = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    capitalised.collect::<String>() + "PricingData"
}

fn shape(pricing_type: PricingType, text: &str, needed: &[&str]) -> RefOr<Schema> {
    let word = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some([pricing_type.as_str()]))
        .description(Some("The model."))
        .examples([pricing_type.as_str()]);
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(text))
        .property("pricing_type", word)
        .required("pricing_type");
    let fields = names(pricing_type).filter_map(Field::named);
    let object = fields.fold(object, |object, field| {
        let is_needed = needed.contains(&field.name);
        let object = object.property(field.key(), schema_of(field, is_needed));
        if is_needed {
            object.required(field.key())
        } else {
            object
        }
    });
    object.build().into()
}

fn schema_of(field: &Field, is_needed: bool) -> RefOr<Schema> {
    let kind = |base: Type| {
        let null = (!is_needed).then_some(Type::Null);
        SchemaType::from_iter(std::iter::once(base).chain(null))
    };
    let list = |items: RefOr<Schema>| {
        let list = ArrayBuilder::new()
            .schema_type(kind(Type::Array))
            .items(items);
        let list = list
            .max_items(Some(ENTRIES_MAX))
            .description(Some(field.text));
        RefOr::<Schema>::from(list.build())
    };
    let plain =
        |object: ObjectBuilder| RefOr::<Schema>::from(object.description(Some(field.text)).build());
    let text = |max: usize| {
        ObjectBuilder::new()
            .schema_type(kind(Type::String))
            .max_length(Some(max))
    };
    match field.form {
        Form::Number => plain(exact::number()),
        Form::Numbers => list(exact::number().build().into()),
        Form::Bounds => list(bound().build().into()),
        Form::Grid => list(row()),
        Form::Flag => plain(
            ObjectBuilder::new()
                .schema_type(kind(Type::Boolean))
                .examples([false]),
        ),
        Form::Text(max) => plain(text(max).examples([example(field.name)])),
        Form::Texts => list(entry_text().examples(["EU"]).build().into()),
        Form::Choice(words) => plain(text(64).enum_values(Some(choices(words, is_needed)))),
        Form::Choices(words) => list(
            entry_text()
                .enum_values(Some(words.to_vec()))
                .build()
                .into(),
        ),
        Form::Period => plain(
            ObjectBuilder::new()
                .schema_type(kind(Type::Object))
                .property(
                    "cadence",
                    entry_text()
                        .description(Some("Length of the period, ISO 8601."))
                        .examples(["P1M"]),
                ),
        ),
        Form::Dimensions => list(dimension()),
        Form::Members => list(member()),
    }
}

/// What a text may say, for the documentation.
fn example(field: &str) -> &'static str {
    match field {
        "currency" => "USD",
        "label" => "API calls",
        "unit" => "call",
        _ => "quantity * 2",
    }
}

fn choices(words: &[&str], is_needed: bool) -> Vec<Value> {
    let null = (!is_needed).then_some(Value::Null);
    words
        .iter()
        .map(|word| Value::from(*word))
        .chain(null)
        .collect()
}

fn entry_text() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(255))
}

fn bound() -> ObjectBuilder {
    let kinds = [Type::Number, Type::String, Type::Null];
    exact::number().schema_type(SchemaType::from_iter(kinds))
}

/// A number, or several.
fn row() -> RefOr<Schema> {
    let numbers = ArrayBuilder::new()
        .items(exact::number())
        .max_items(Some(ENTRIES_MAX));
    let either = OneOfBuilder::new().item(exact::number()).item(numbers);
    RefOr::T(Schema::OneOf(either.build()))
}

fn dimension() -> RefOr<Schema> {
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "name",
            entry_text()
                .description(Some("What people call it."))
                .examples(["Region"]),
        )
        .property(
            "column_name",
            entry_text()
                .description(Some("The metric's column that holds its value."))
                .examples(["region"]),
        )
        .required("column_name");
    object.build().into()
}

fn member() -> RefOr<Schema> {
    let id = ObjectBuilder::new().schema_type(Type::String).format(Some(
        utoipa::openapi::SchemaFormat::Custom("uuid".to_owned()),
    ));
    let object = ObjectBuilder::new()
        .schema_type(Type::Object)
        .property(
            "product_id",
            id.description(Some("A product that is not a group.")),
        )
        .property(
            "stand_alone_price",
            exact::number().description(Some("What it costs alone, in major units.")),
        )
        .required("product_id")
        .required("stand_alone_price");
    object.build().into()
}
