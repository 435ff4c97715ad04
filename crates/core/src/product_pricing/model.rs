//! The `pricing_data` of a document as a [`Model`]: one function for each of the fifteen types.

use super::reader::{Node, Reader, Rule, at_field, at_member};
use crate::id::ProductId;
use crate::pricing::{
    Bundle, BundleMember, CustomTiered, Dimension, Formula, InvalidModel, Matrix, Model, Package,
    PricingType, TierType, Tiers, TwoDimensionalTiered,
};

pub(super) fn read(reader: &mut Reader, data: &Node<'_>) -> Option<Model> {
    if !data.given() {
        reader.flaw(data, Rule::Missing);
        return None;
    }
    let name = data.field("pricing_type");
    let Some(pricing_type) = name.text().and_then(PricingType::parse) else {
        reader.flaw(&name, Rule::PricingTypeUnknown);
        return None;
    };
    let unit_amount = data.field("unit_amount");
    match pricing_type {
        PricingType::FlatFee => Some(Model::FlatFee {
            unit_amount: reader.number(&unit_amount),
        }),
        PricingType::PerUnit => Some(Model::PerUnit {
            unit_amount: reader.number(&unit_amount),
        }),
        PricingType::Percent => Some(Model::Percent {
            percentage: reader.number(&data.field("percentage")),
        }),
        PricingType::Tiered => tiers(reader, data).map(Model::Tiered),
        PricingType::TieredWithFlatFee => tiers(reader, data).map(Model::TieredWithFlatFee),
        PricingType::Volume => tiers(reader, data).map(Model::Volume),
        PricingType::VolumeWithFlatFee => tiers(reader, data).map(Model::VolumeWithFlatFee),
        PricingType::Step => tiers(reader, data).map(Model::Step),
        PricingType::Package => {
            let size = reader.number(&data.field("package_size"));
            let amount = reader.number(&unit_amount);
            valid(reader, data, Package::new(size, amount)).map(Model::Package)
        }
        PricingType::Matrix => matrix(reader, data).map(Model::Matrix),
        PricingType::CustomTiered => custom_tiered(reader, data).map(Model::CustomTiered),
        PricingType::TwoDimensionalTiered => {
            two_dimensional(reader, data).map(Model::TwoDimensionalTiered)
        }
        PricingType::Bundle => bundle(reader, data).map(Model::Bundle),
        PricingType::CustomPricing => {
            let formula = Formula::new(data.field("formula").text().unwrap_or_default());
            valid(reader, data, formula).map(Model::CustomPricing)
        }
        PricingType::Features => Some(Model::Features),
    }
}

fn valid<T>(reader: &mut Reader, data: &Node<'_>, made: Result<T, InvalidModel>) -> Option<T> {
    reader.model(data, made, at_field)
}

fn tiers(reader: &mut Reader, data: &Node<'_>) -> Option<Tiers> {
    let up_to = reader.bounds(&data.field("up_to"));
    let unit_amount = reader.numbers(&data.field("unit_amount"));
    let flat_fee = reader.numbers(&data.field("flat_fee"));
    valid(reader, data, Tiers::new(&up_to, &unit_amount, &flat_fee))
}

fn custom_tiered(reader: &mut Reader, data: &Node<'_>) -> Option<CustomTiered> {
    let tiers = tiers(reader, data);
    let types = data.field("tier_type");
    let types: Vec<TierType> = types.items().map(|item| tier_type(reader, &item)).collect();
    let sizes = data.field("package_sizes");
    let sizes: Vec<_> = sizes
        .items()
        .map(|item| reader.decimal(&item).unwrap_or_default())
        .collect();
    valid(reader, data, CustomTiered::new(tiers?, &types, &sizes))
}

fn tier_type(reader: &mut Reader, node: &Node<'_>) -> TierType {
    match node.text() {
        Some("package") => TierType::Package,
        Some("per_unit") => TierType::PerUnit,
        _ => {
            reader.flaw(node, Rule::Shape("per_unit or package"));
            TierType::PerUnit
        }
    }
}

/// The attribute is the last dimension: where two are named, the first is the quantity.
fn dimension(reader: &mut Reader, data: &Node<'_>) -> Dimension {
    let dimensions = data.field("dimensions");
    let last = dimensions.items().last();
    reader.require(&dimensions, last.is_some(), Rule::Missing);
    let text = |key: &str| {
        let text = last.as_ref().and_then(|node| node.field(key).text());
        text.unwrap_or_default().to_owned()
    };
    Dimension {
        name: text("name"),
        column_name: text("column_name"),
    }
}

/// Rows of rates; a row that is one number has one rate.
fn grid(reader: &mut Reader, data: &Node<'_>) -> Vec<Vec<rust_decimal::Decimal>> {
    let prices = data.field("prices");
    let row = |item: Node<'_>| {
        if item.is_array() {
            reader.numbers(&item)
        } else {
            vec![reader.number(&item)]
        }
    };
    prices.items().map(row).collect()
}

fn matrix(reader: &mut Reader, data: &Node<'_>) -> Option<Matrix> {
    let dimension = dimension(reader, data);
    let up_to = reader.bounds(&data.field("up_to"));
    let aliases = data.field("display_alias");
    let aliases = aliases
        .items()
        .map(|item| item.text().unwrap_or_default().to_owned());
    let aliases = aliases.collect();
    let prices = grid(reader, data);
    valid(reader, data, Matrix::new(dimension, up_to, aliases, prices))
}

fn two_dimensional(reader: &mut Reader, data: &Node<'_>) -> Option<TwoDimensionalTiered> {
    let dimension = dimension(reader, data);
    let up_to = reader.bounds(&data.field("up_to"));
    let across = reader.bounds(&data.field("dimension_up_to"));
    let prices = grid(reader, data);
    let made = TwoDimensionalTiered::new(dimension, up_to, across, prices);
    valid(reader, data, made)
}

fn bundle(reader: &mut Reader, data: &Node<'_>) -> Option<Bundle> {
    let unit_amount = reader.number(&data.field("unit_amount"));
    let members = data.field("members");
    let members = members.items().map(|item| member(reader, &item));
    let members: Vec<BundleMember> = members.collect();
    reader.model(data, Bundle::new(unit_amount, members), at_member)
}

fn member(reader: &mut Reader, node: &Node<'_>) -> BundleMember {
    let product_id = node.field("product_id");
    let id = product_id.text().and_then(|text| text.parse().ok());
    reader.require(&product_id, id.is_some(), Rule::Shape("a uuid"));
    BundleMember {
        product_id: ProductId(id.unwrap_or_default()),
        stand_alone_price: reader.number(&node.field("stand_alone_price")),
    }
}
