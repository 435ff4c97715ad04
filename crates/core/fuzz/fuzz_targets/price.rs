//! Prices any usage under any valid model and checks what must hold for all of them.

#![no_main]

use florin_core::id::ProductId;
use florin_core::pricing::{
    Bundle, BundleMember, Context, CustomTiered, Dimension, Formula, Matrix, Model, Package,
    Priced, PricingError, Step, StepRule, TierType, Tiers, TwoDimensionalTiered, Usage, UsageRow,
    UsageRows, price, price_accumulated, price_overage,
};
use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;
use uuid::Uuid;

const COLUMNS: [&str; 2] = ["region", "zone"];

#[derive(Debug)]
struct Input {
    model: Model,
    usage: Usage,
    other: Decimal,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let other = decimal(bytes)?;
        let usage = usage(bytes)?;
        Ok(Self {
            model: model(bytes)?,
            usage,
            other,
        })
    }
}

fuzz_target!(|input: Input| {
    let Input {
        model,
        usage,
        other,
    } = input;
    let answer = price(&model, &usage, &Context::EMPTY);
    let again = price(&model.clone(), &usage.clone(), &Context::EMPTY);
    assert_eq!(format!("{answer:?}"), format!("{again:?}"));
    if let Ok(priced) = answer {
        check(&priced);
    }

    if let Ok(priced) = price_overage(&model, other, &usage, &Context::EMPTY) {
        check(&priced);
    }
    if let Ok(accumulated) =
        price_accumulated(&model, Some(other), usage.quantity().unwrap_or_default())
    {
        check(&accumulated.priced);
    }
});

fn check(priced: &Priced) {
    let amounts = priced.steps.iter().map(|step| step.amount);
    let sum = amounts.fold(Decimal::ZERO, |sum, amount| sum + amount);
    assert_eq!(sum, priced.amount);
    for step in &priced.steps {
        assert_eq!(recomputed(step), step.amount, "{step:?}");
    }
}

fn recomputed(step: &Step) -> Decimal {
    match step.rule {
        StepRule::Formula => step.fee,
        _ => step.units * step.rate + step.fee,
    }
}

fn decimal(bytes: &mut Unstructured<'_>) -> Result<Decimal> {
    Ok(match bytes.int_in_range(0..=3)? {
        0 => Decimal::from(i16::arbitrary(bytes)?),
        1 => Decimal::new(
            i64::from(i32::arbitrary(bytes)?),
            bytes.int_in_range(0..=6)?,
        ),
        2 => Decimal::new(i64::arbitrary(bytes)?, bytes.int_in_range(0..=28)?),
        _ => {
            let [low, mid, high] = <[u32; 3]>::arbitrary(bytes)?;
            let is_negative = bool::arbitrary(bytes)?;
            Decimal::from_parts(low, mid, high, is_negative, bytes.int_in_range(0..=28)?)
        }
    })
}

fn decimals(bytes: &mut Unstructured<'_>, count: usize) -> Result<Vec<Decimal>> {
    (0..count).map(|_| decimal(bytes)).collect()
}

fn positive(bytes: &mut Unstructured<'_>) -> Result<Decimal> {
    let size = decimal(bytes)?.abs();
    Ok(if size.is_zero() { Decimal::ONE } else { size })
}

fn bounds(bytes: &mut Unstructured<'_>) -> Result<Vec<Option<Decimal>>> {
    let count = bytes.int_in_range(1..=12)?;
    let mut bounds: Vec<Decimal> = decimals(bytes, count)?
        .into_iter()
        .map(|bound| bound.abs())
        .collect();
    bounds.sort_unstable();
    bounds.dedup();
    let mut bounds: Vec<_> = bounds.into_iter().map(Some).collect();
    if bool::arbitrary(bytes)? {
        bounds.pop();
        bounds.push(None);
    }
    Ok(bounds)
}

fn tiers(bytes: &mut Unstructured<'_>) -> Result<Tiers> {
    let up_to = bounds(bytes)?;
    let rates = decimals(bytes, up_to.len())?;
    let fees = if bool::arbitrary(bytes)? {
        decimals(bytes, up_to.len())?
    } else {
        Vec::new()
    };
    Ok(Tiers::new(&up_to, &rates, &fees).expect("valid tiers"))
}

fn custom_tiered(bytes: &mut Unstructured<'_>) -> Result<CustomTiered> {
    let tiers = tiers(bytes)?;
    let count = tiers.tiers().len();
    let is_package = |is_package| {
        if is_package {
            TierType::Package
        } else {
            TierType::PerUnit
        }
    };
    let types: Result<Vec<_>> = (0..count)
        .map(|_| bool::arbitrary(bytes).map(is_package))
        .collect();
    let types = types?;
    let sizes: Result<Vec<_>> = (0..count).map(|_| positive(bytes)).collect();
    Ok(CustomTiered::new(tiers, &types, &sizes?).expect("valid tiers"))
}

fn dimension(column: usize) -> Dimension {
    Dimension {
        name: COLUMNS[column].into(),
        column_name: COLUMNS[column].into(),
    }
}

fn grid(bytes: &mut Unstructured<'_>, rows: usize, columns: usize) -> Result<Vec<Vec<Decimal>>> {
    (0..rows).map(|_| decimals(bytes, columns)).collect()
}

fn matrix(bytes: &mut Unstructured<'_>) -> Result<Matrix> {
    let up_to = bounds(bytes)?;
    let attributes: Vec<String> = (0..4).map(|attribute| attribute.to_string()).collect();
    let grid = grid(bytes, attributes.len(), up_to.len())?;
    Ok(Matrix::new(dimension(0), up_to, attributes, grid).expect("a valid grid"))
}

fn two_dimensional(bytes: &mut Unstructured<'_>) -> Result<TwoDimensionalTiered> {
    let (rows, columns) = (bounds(bytes)?, bounds(bytes)?);
    let grid = grid(bytes, rows.len(), columns.len())?;
    Ok(TwoDimensionalTiered::new(dimension(1), rows, columns, grid).expect("a valid grid"))
}

fn bundle(bytes: &mut Unstructured<'_>) -> Result<Bundle> {
    let product_id = ProductId(Uuid::from_u128(1));
    let member = BundleMember {
        product_id,
        stand_alone_price: positive(bytes)?,
    };
    Ok(Bundle::new(decimal(bytes)?, vec![member]).expect("a valid bundle"))
}

fn formula() -> Formula {
    let text = "let due = quantity * 0.5; for row in dimensions { due += row.quantity / 3; } due";
    Formula::new(text).expect("a valid formula")
}

fn model(bytes: &mut Unstructured<'_>) -> Result<Model> {
    Ok(match bytes.int_in_range(0..=14)? {
        0 => Model::FlatFee {
            unit_amount: decimal(bytes)?,
        },
        1 => Model::PerUnit {
            unit_amount: decimal(bytes)?,
        },
        2 => Model::Percent {
            percentage: decimal(bytes)?,
        },
        3 => Model::Tiered(tiers(bytes)?),
        4 => Model::Volume(tiers(bytes)?),
        5 => Model::Step(tiers(bytes)?),
        6 => Model::TieredWithFlatFee(tiers(bytes)?),
        7 => Model::VolumeWithFlatFee(tiers(bytes)?),
        8 => {
            let size = positive(bytes)?;
            Model::Package(Package::new(size, decimal(bytes)?).expect("a valid package"))
        }
        9 => Model::Matrix(matrix(bytes)?),
        10 => Model::TwoDimensionalTiered(two_dimensional(bytes)?),
        11 => Model::CustomTiered(custom_tiered(bytes)?),
        12 => Model::Bundle(bundle(bytes)?),
        13 => Model::CustomPricing(formula()),
        _ => Model::Features,
    })
}

fn usage(bytes: &mut Unstructured<'_>) -> Result<Usage> {
    if bool::arbitrary(bytes)? {
        return Ok(Usage::Quantity(decimal(bytes)?));
    }
    let count = bytes.int_in_range(0..=6)?;
    let row = |_| {
        let region = bytes.int_in_range(0..=4_u8)?.to_string();
        let zone = decimal(bytes)?.to_string();
        Ok(UsageRow {
            dimensions: vec![region, zone],
            quantity: decimal(bytes)?,
        })
    };
    let rows: Result<Vec<_>> = (0..count).map(row).collect();
    let columns = COLUMNS.map(String::from).to_vec();
    let rows: std::result::Result<_, PricingError> = UsageRows::new(columns, rows?);
    Ok(Usage::Rows(rows.expect("one value for each column")))
}
