//! Laws of pricing: what holds for every valid model and every usage.

use florin_core::id::ProductId;
use florin_core::pricing::{
    Bundle, BundleMember, Context, CustomTiered, Dimension, Formula, Matrix, Model, Package,
    PricingError, Step, TierType, Tiers, TwoDimensionalTiered, Usage, UsageRow, UsageRows, price,
};
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

const ATTRIBUTES: [&str; 3] = ["eu", "us", "asia"];

/// Amounts and quantities as they occur: up to a million, with up to six decimals, so that products
/// and sums of a few are exact.
pub(crate) fn ordinary() -> BoxedStrategy<Decimal> {
    let decimal = |(mantissa, scale)| Decimal::new(mantissa, scale).normalize();
    (0_i64..1_000_000_000, 3_u32..=6).prop_map(decimal).boxed()
}

/// Any decimal at all.
pub(crate) fn any_decimal() -> BoxedStrategy<Decimal> {
    let parts = (any::<[u32; 3]>(), any::<bool>(), 0_u32..=28);
    let decimal = |([low, mid, high], negative, scale): ([u32; 3], _, _)| {
        Decimal::from_parts(low, mid, high, negative, scale)
    };
    parts.prop_map(decimal).boxed()
}

fn bounds(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = Vec<Option<Decimal>>> {
    let ascending = prop::collection::btree_set(number.prop_map(|bound| bound.abs()), 1..10);
    (ascending, any::<bool>()).prop_map(|(bounds, is_open)| {
        let mut bounds: Vec<_> = bounds.into_iter().map(Some).collect();
        if is_open {
            bounds.pop();
            bounds.push(None);
        }
        bounds
    })
}

fn tiers_of(number: BoxedStrategy<Decimal>, with_fees: bool) -> impl Strategy<Value = Tiers> {
    bounds(number.clone()).prop_flat_map(move |up_to| {
        let rates = prop::collection::vec(number.clone(), up_to.len());
        let fees = if with_fees { up_to.len() } else { 0 };
        let fees = prop::collection::vec(number.clone(), fees);
        (Just(up_to), rates, fees)
            .prop_map(|(up_to, rates, fees)| Tiers::new(&up_to, &rates, &fees).unwrap())
    })
}

fn custom_tiered(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = CustomTiered> {
    let types = prop::collection::vec((any::<bool>(), number.clone()), 10);
    (tiers_of(number, true), types).prop_map(|(tiers, types)| {
        let types = &types[..tiers.tiers().len()];
        let sizes: Vec<_> = types
            .iter()
            .map(|(_, size)| size.abs().max(Decimal::new(1, 6)))
            .collect();
        let tier_type = |is_package: bool| match is_package {
            true => TierType::Package,
            false => TierType::PerUnit,
        };
        let types: Vec<_> = types
            .iter()
            .map(|(package, _)| tier_type(*package))
            .collect();
        CustomTiered::new(tiers, &types, &sizes).unwrap()
    })
}

fn grid(
    number: BoxedStrategy<Decimal>,
    rows: usize,
    columns: usize,
) -> impl Strategy<Value = Vec<Vec<Decimal>>> {
    prop::collection::vec(prop::collection::vec(number, columns), rows)
}

fn dimension(name: &str) -> Dimension {
    Dimension {
        name: name.into(),
        column_name: name.into(),
    }
}

fn matrix(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = Matrix> {
    bounds(number.clone()).prop_flat_map(move |up_to| {
        let grid = grid(number.clone(), ATTRIBUTES.len(), up_to.len());
        (Just(up_to), grid).prop_map(|(up_to, grid)| {
            let attributes = ATTRIBUTES.map(String::from).to_vec();
            Matrix::new(dimension("region"), up_to, attributes, grid).unwrap()
        })
    })
}

fn two_dimensional(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = TwoDimensionalTiered> {
    (bounds(number.clone()), bounds(number.clone())).prop_flat_map(move |(rows, columns)| {
        let grid = grid(number.clone(), rows.len(), columns.len());
        (Just(rows), Just(columns), grid).prop_map(|(rows, columns, grid)| {
            TwoDimensionalTiered::new(dimension("zone"), rows, columns, grid).unwrap()
        })
    })
}

fn bundle(unit_amount: Decimal) -> Bundle {
    let product_id = ProductId(Uuid::from_u128(1));
    let member = BundleMember {
        product_id,
        stand_alone_price: Decimal::ONE,
    };
    Bundle::new(unit_amount, vec![member]).unwrap()
}

/// Models whose price of −q is the negative of that of q.
fn symmetric_model(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = Model> {
    let smallest = Decimal::new(1, 6);
    let package = move |(size, unit_amount): (Decimal, Decimal)| {
        Model::Package(Package::new(size.abs().max(smallest), unit_amount).unwrap())
    };
    prop_oneof![
        Just(Model::Features),
        number
            .clone()
            .prop_map(|unit_amount| Model::PerUnit { unit_amount }),
        number
            .clone()
            .prop_map(|percentage| Model::Percent { percentage }),
        number
            .clone()
            .prop_map(|unit_amount| Model::Bundle(bundle(unit_amount))),
        (number.clone(), number.clone()).prop_map(package),
        tiers_of(number.clone(), false).prop_map(Model::Tiered),
        tiers_of(number.clone(), false).prop_map(Model::Volume),
        tiers_of(number.clone(), false).prop_map(Model::Step),
        tiers_of(number.clone(), true).prop_map(Model::TieredWithFlatFee),
        tiers_of(number.clone(), true).prop_map(Model::VolumeWithFlatFee),
        custom_tiered(number.clone()).prop_map(Model::CustomTiered),
        matrix(number.clone()).prop_map(Model::Matrix),
        two_dimensional(number).prop_map(Model::TwoDimensionalTiered),
    ]
}

/// All fifteen models.
pub(crate) fn model(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = Model> {
    let formula = "let due = quantity * 0.5; for row in dimensions { due += row.quantity; } due";
    prop_oneof![
        12 => symmetric_model(number.clone()),
        1 => number.prop_map(|unit_amount| Model::FlatFee { unit_amount }),
        1 => Just(Model::CustomPricing(Formula::new(formula).unwrap())),
    ]
}

fn row((attribute, zone, quantity): (usize, u32, Decimal)) -> UsageRow {
    UsageRow {
        dimensions: vec![ATTRIBUTES[attribute].into(), zone.to_string()],
        quantity,
    }
}

/// Rows with both dimensions, so that any model can price them.
pub(crate) fn rows(number: BoxedStrategy<Decimal>) -> impl Strategy<Value = Vec<UsageRow>> {
    prop::collection::vec(
        (0..ATTRIBUTES.len(), any::<u32>(), number).prop_map(row),
        0..6,
    )
}

pub(crate) fn usage(rows: Vec<UsageRow>) -> Usage {
    Usage::Rows(UsageRows::new(vec!["region".into(), "zone".into()], rows).unwrap())
}

fn negated(rows: &[UsageRow]) -> Vec<UsageRow> {
    rows.iter()
        .map(|row| UsageRow {
            quantity: -row.quantity,
            ..row.clone()
        })
        .collect()
}

fn amount(model: &Model, quantity: Decimal) -> Decimal {
    price(model, &Usage::Quantity(quantity), &Context::EMPTY)
        .unwrap()
        .amount
}

fn recomputed(step: &Step) -> Decimal {
    (step.units * step.rate) + step.fee
}

/// Tiers with one rate for each bound, in falling order.
fn falling_tiers() -> impl Strategy<Value = Tiers> {
    tiers_of(ordinary(), false).prop_map(|tiers| {
        let up_to: Vec<_> = tiers.tiers().iter().map(|tier| tier.up_to).collect();
        let mut rates: Vec<_> = tiers.tiers().iter().map(|tier| tier.unit_amount).collect();
        rates.sort_unstable_by(|left, right| right.cmp(left));
        Tiers::new(&up_to, &rates, &[]).unwrap()
    })
}

fn reversed_rates(tiers: &Tiers) -> Tiers {
    let up_to: Vec<_> = tiers.tiers().iter().map(|tier| tier.up_to).collect();
    let rates: Vec<_> = tiers
        .tiers()
        .iter()
        .rev()
        .map(|tier| tier.unit_amount)
        .collect();
    Tiers::new(&up_to, &rates, &[]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn steps_explain_the_amount_of_usage_and_of_corrections(
        model in model(ordinary()),
        rows in rows(ordinary()),
    ) {
        for rows in [negated(&rows), rows] {
            let priced = price(&model, &usage(rows), &Context::EMPTY).unwrap();
            let sum: Decimal = priced.steps.iter().map(|step| step.amount).sum();
            prop_assert_eq!(sum, priced.amount);
            for step in &priced.steps {
                prop_assert_eq!(recomputed(step), step.amount);
            }
        }
    }

    #[test]
    fn nothing_panics_and_only_what_does_not_fit_fails(
        model in model(any_decimal()),
        rows in rows(any_decimal()),
    ) {
        match price(&model, &usage(rows), &Context::EMPTY) {
            Ok(priced) => {
                let amounts = priced.steps.iter().map(|step| step.amount);
                prop_assert_eq!(amounts.sum::<Decimal>(), priced.amount);
            }
            Err(PricingError::Overflow | PricingError::FormulaFailed { .. }) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }

    #[test]
    fn the_same_input_gives_the_same_answer_to_the_last_digit(
        model in model(any_decimal()),
        rows in rows(any_decimal()),
    ) {
        let usage = usage(rows);
        let first = price(&model, &usage, &Context::EMPTY);
        let again = price(&model.clone(), &usage.clone(), &Context::EMPTY);
        prop_assert_eq!(format!("{first:?}"), format!("{again:?}"));
    }

    #[test]
    fn a_correction_costs_the_negative_of_what_it_corrects(
        model in symmetric_model(ordinary()),
        rows in rows(ordinary()),
    ) {
        let charged = price(&model, &usage(rows.clone()), &Context::EMPTY).unwrap();
        let corrected = price(&model, &usage(negated(&rows)), &Context::EMPTY).unwrap();
        // Nothing used is no correction: a fee of the first tier stays.
        prop_assume!(usage(rows).quantity().unwrap() != Decimal::ZERO);
        prop_assert_eq!(charged.amount, -corrected.amount);
        prop_assert_eq!(charged.steps.len(), corrected.steps.len());
    }

    #[test]
    fn the_order_of_rows_and_their_cut_do_not_matter(
        model in model(ordinary()),
        rows in rows(ordinary()),
    ) {
        let halves = rows.iter().rev().flat_map(|row| {
            let half = row.quantity / Decimal::TWO;
            let rest = UsageRow { quantity: row.quantity - half, ..row.clone() };
            [UsageRow { quantity: half, ..row.clone() }, rest]
        });
        let cut = price(&model, &usage(halves.collect()), &Context::EMPTY).unwrap();
        prop_assert_eq!(price(&model, &usage(rows), &Context::EMPTY).unwrap(), cut);
    }

    #[test]
    fn graduated_tiers_never_fall(
        tiers in tiers_of(ordinary(), true),
        quantity in ordinary(),
        more in ordinary(),
    ) {
        let model = Model::TieredWithFlatFee(tiers);
        prop_assert!(amount(&model, quantity) <= amount(&model, quantity + more));
    }

    /// The next small amount of usage costs no more than the dearest rate: no cliff anywhere.
    #[test]
    fn graduated_tiers_are_continuous(tiers in tiers_of(ordinary(), false), offset in 0_usize..10) {
        let nudge = Decimal::new(1, 6);
        let dearest = tiers.tiers().iter().map(|tier| tier.unit_amount).max().unwrap();
        let bound = tiers.tiers()[offset % tiers.tiers().len()].up_to.unwrap_or_default();
        let model = Model::Tiered(tiers);
        let rise = amount(&model, bound + nudge) - amount(&model, bound);
        prop_assert!(rise >= Decimal::ZERO && rise <= nudge * dearest);
    }

    /// Inside a tier a volume price is a straight line; only at a bound may it jump.
    #[test]
    fn volume_prices_jump_at_bounds_only(
        tiers in tiers_of(ordinary(), true),
        quantity in ordinary(),
        more in ordinary(),
    ) {
        let model = Model::VolumeWithFlatFee(tiers);
        let priced =
            |quantity| price(&model, &Usage::Quantity(quantity), &Context::EMPTY).unwrap();
        let (low, high) = (priced(quantity), priced(quantity + more));
        if low.steps[0].rule == high.steps[0].rule {
            prop_assert_eq!(high.amount - low.amount, more * low.steps[0].rate);
        }
    }

    #[test]
    fn with_falling_rates_tiered_costs_at_least_volume_and_with_rising_at_most(
        falling in falling_tiers(),
        quantity in ordinary(),
    ) {
        let rising = reversed_rates(&falling);
        let (tiered, volume) = (Model::Tiered(falling.clone()), Model::Volume(falling));
        prop_assert!(amount(&tiered, quantity) >= amount(&volume, quantity));
        let (tiered, volume) = (Model::Tiered(rising.clone()), Model::Volume(rising));
        prop_assert!(amount(&tiered, quantity) <= amount(&volume, quantity));
    }

    #[test]
    fn tiers_share_out_the_whole_quantity(
        tiers in tiers_of(ordinary(), true),
        quantity in ordinary(),
    ) {
        let model = Model::TieredWithFlatFee(tiers);
        let priced = price(&model, &Usage::Quantity(quantity), &Context::EMPTY).unwrap();
        prop_assert_eq!(priced.steps.iter().map(|step| step.units).sum::<Decimal>(), quantity);
    }

    #[test]
    fn one_rate_in_all_tiers_is_a_price_per_unit(
        up_to in bounds(ordinary()),
        unit_amount in ordinary(),
        quantity in ordinary(),
    ) {
        let tiers = Tiers::new(&up_to, &vec![unit_amount; up_to.len()], &[]).unwrap();
        let per_unit = amount(&Model::PerUnit { unit_amount }, quantity);
        prop_assert_eq!(amount(&Model::Tiered(tiers.clone()), quantity), per_unit);
        prop_assert_eq!(amount(&Model::Volume(tiers), quantity), per_unit);
    }

    #[test]
    fn packages_hold_the_quantity_and_none_is_empty(size in 1_i64..100_000, quantity in ordinary()) {
        let size = Decimal::new(size, 2);
        let model = Model::Package(Package::new(size, Decimal::ONE).unwrap());
        let packages = amount(&model, quantity);
        prop_assert!(packages * size >= quantity);
        prop_assert!(packages.is_zero() || (packages - Decimal::ONE) * size < quantity);
    }
}
