//! Laws of rating: what holds for every valid phase, over several bills.

use std::sync::Arc;

use florin_core::calendar::{Cadence, Life, LineSchedule, Offset, Period, Recurrence, Schedule};
use florin_core::carried::Key;
use florin_core::commitment::{Commitment, CommitmentKind};
use florin_core::discount::{Discount, DiscountRule};
use florin_core::grant::{Balance, Consumption, EntitlementKind, TriggerEvent};
use florin_core::id::EntitlementId;
use florin_core::money::Money;
use florin_core::pool::{Pool, PoolWindow, UnitRounding};
use florin_core::pricing::{Model, UsageRow};
use florin_core::rating::{Draft, Line, LineFeature, LineKind, Rated, replay};
use florin_core::service_fee::{ServiceFee, ServiceFeeRule};
use florin_core::tax::Tax;
use florin_core::terms::{
    EnabledFrom, LineTerms, PhaseDiscount, PhaseTerms, PriceVersion, Proration, Quantity,
    QuantityEntry,
};
use jiff::ToSpan;
use jiff::civil::Date;
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::build::Invoicing;
use crate::build::{START, day, feature, line_id, phase};
use crate::pricing_laws::{any_decimal, model, ordinary, rows, usage};

type Numbers = BoxedStrategy<Decimal>;

/// Days that a test bills: enough for three monthly and one quarterly bill.
const DAYS: i64 = 100;

fn after_start(days: i64) -> Date {
    day(START).checked_add(days.days()).unwrap()
}

fn schedules() -> impl Strategy<Value = Schedule> {
    let cadences = prop::sample::select(vec!["P1M", "P1M", "P1M", "P3M", "P1W", "P10D", "P1Y"]);
    (cadences, 0_i64..31).prop_map(|(cadence, anchor)| {
        let cadence = Cadence::parse(cadence).unwrap().unwrap();
        Schedule::new(after_start(anchor), cadence)
    })
}

fn line_schedules() -> impl Strategy<Value = LineSchedule> {
    let offset = prop::sample::select(vec!["prepaid", "postpaid", "postpaid", "P5D"]);
    let recurrence = prop_oneof![
        1 => Just(Recurrence::OneTime),
        6 => schedules().prop_map(Recurrence::Every),
    ];
    (0_i64..40, prop::option::of(1_i64..90), recurrence, offset).prop_map(
        |(start, length, recurrence, offset)| LineSchedule {
            life: Life::new(
                after_start(start),
                length.map(|days| after_start(start + days)),
            )
            .unwrap(),
            recurrence,
            offset: Offset::parse(offset).unwrap(),
        },
    )
}

/// Values with their first days, ascending, the first not after the start of the phase.
fn dated<T: std::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Vec<(Date, T)>> {
    prop::collection::btree_map(1_i64..DAYS, value, 1..4).prop_map(|by_day| {
        let mut entries: Vec<(Date, T)> = by_day
            .into_iter()
            .map(|(days, value)| (after_start(days), value))
            .collect();
        entries[0].0 = day(START);
        entries
    })
}

fn pools(numbers: Numbers) -> impl Strategy<Value = Vec<Pool>> {
    let window = prop_oneof![
        Just(PoolWindow::BillingPeriod),
        Just(PoolWindow::Life),
        schedules().prop_map(PoolWindow::Every),
    ];
    let rounding = prop::sample::select(vec![
        None,
        Some(UnitRounding::Floor),
        Some(UnitRounding::Ceil),
        Some(UnitRounding::HalfUp),
    ]);
    let cap = prop::option::of(numbers.clone().prop_map(|cap| cap.abs()));
    let pool = (numbers, window, cap.clone(), cap, rounding).prop_map(
        |(units, window, max_per_period, max_lifetime, prorate_stub)| Pool {
            max_per_period,
            max_lifetime,
            prorate_stub,
            ..Pool::free_units(feature(0), units.abs(), window)
        },
    );
    prop::collection::vec(pool, 0..2)
}

fn percentages() -> impl Strategy<Value = Decimal> {
    (0_i64..=100_000).prop_map(|thousandths| Decimal::new(thousandths, 3))
}

fn discounts(numbers: Numbers) -> impl Strategy<Value = Vec<Discount>> {
    let rule = prop_oneof![
        percentages().prop_map(DiscountRule::Percent),
        numbers
            .clone()
            .prop_map(|amount| DiscountRule::Fixed(amount.abs())),
    ];
    let cap = prop::option::of(numbers.prop_map(|cap| cap.abs()));
    let discount = (rule, cap.clone(), cap, prop::option::of(schedules())).prop_map(
        |(rule, max_per_period, max_lifetime, cadence)| Discount {
            rule,
            max_per_period,
            max_lifetime,
            cadence,
            ..Discount::percent(feature(0), Decimal::ZERO)
        },
    );
    prop::collection::vec(discount, 0..3)
}

fn commitments(numbers: Numbers, own: bool) -> impl Strategy<Value = Vec<Commitment>> {
    let cadence = match own {
        true => schedules().prop_map(Some).boxed(),
        false => prop::option::of(schedules()).boxed(),
    };
    let kind = prop::sample::select(vec![
        CommitmentKind::MinimumSpend,
        CommitmentKind::MaximumSpend,
    ]);
    let commitment = (kind, numbers, cadence, any::<[bool; 2]>()).prop_map(
        |(kind, amount, cadence, [charge_full_amount, skip_zero_amount])| Commitment {
            id: feature(0),
            kind,
            amount: amount.abs(),
            cadence,
            charge_full_amount,
            skip_zero_amount,
        },
    );
    prop::collection::vec(commitment, 0..2)
}

fn taxes() -> impl Strategy<Value = Vec<Tax>> {
    let rates = prop::sample::select(vec!["5", "8.875", "19", "0"]);
    let tax = (rates, any::<bool>()).prop_map(|(rate, is_compound)| Tax {
        id: feature(0),
        rate: rate.parse().unwrap(),
        is_compound,
    });
    prop::collection::vec(tax, 0..3)
}

fn consumptions() -> impl Strategy<Value = Vec<Consumption>> {
    let kind = prop::sample::select(vec![EntitlementKind::Quantity, EntitlementKind::Credits]);
    let consumption = (0_u128..2, kind).prop_map(|(entitlement, kind)| Consumption {
        id: feature(0),
        entitlement: EntitlementId(Uuid::from_u128(entitlement)),
        kind,
        trigger_event: TriggerEvent::InvoiceApproval,
    });
    prop::collection::vec(consumption, 0..2)
}

fn signed(numbers: &Numbers) -> Numbers {
    let sign = prop::sample::select(vec![1, 1, 1, -1]);
    (numbers.clone(), sign)
        .prop_map(|(number, sign)| number * Decimal::from(sign))
        .boxed()
}

fn quantities(numbers: &Numbers) -> impl Strategy<Value = Quantity> + use<> {
    let entry = |(effective_from, value)| QuantityEntry {
        effective_from,
        value,
    };
    prop_oneof![
        Just(Quantity::Metered),
        dated(signed(numbers))
            .prop_map(move |entries| Quantity::Fixed(entries.into_iter().map(entry).collect())),
    ]
}

fn lines(numbers: Numbers) -> impl Strategy<Value = LineTerms> {
    let when = (line_schedules(), dated(any::<bool>()), any::<bool>());
    let what = (
        dated(model(numbers.clone())),
        quantities(&numbers),
        prop::option::weighted(0.2, schedules()),
        prop::option::weighted(0.2, schedules()),
    );
    let features = (
        pools(numbers.clone()),
        pools(numbers.clone()),
        discounts(numbers.clone()),
        commitments(numbers.clone(), false),
        taxes(),
        consumptions(),
        prop::option::weighted(0.2, model(numbers)),
    );
    (when, what, features).prop_map(|(when, what, features)| {
        let (schedule, is_enabled, is_whole) = when;
        let (prices, quantity, pricing_period, tier_reset) = what;
        let (free_units, quantity_discounts, discounts, commitments, taxes, consumptions, overage) =
            features;
        let version = |(effective_from, model)| PriceVersion {
            effective_from,
            model: Arc::new(model),
        };
        let switch = |(effective_from, value)| EnabledFrom {
            effective_from,
            value,
        };
        let tier_reset = tier_reset.filter(|_| quantity == Quantity::Metered);
        let model = Arc::new(Model::Features);
        LineTerms {
            prices: prices.into_iter().map(version).collect(),
            is_enabled: is_enabled.into_iter().map(switch).collect(),
            proration: match is_whole {
                true => Proration::CadenceBased,
                false => Proration::DayBased,
            },
            pricing_period,
            tier_reset,
            free_units,
            quantity_discounts,
            consumptions,
            overage_pricing: overage.map(Arc::new),
            discounts,
            commitments,
            taxes,
            ..LineTerms::new(line_id(0), schedule, model, quantity)
        }
    })
}

fn pauses() -> impl Strategy<Value = Vec<Period>> {
    prop::option::of((1_i64..80, 1_i64..20)).prop_map(|pause| {
        let period =
            |(start, days)| Period::new(after_start(start), after_start(start + days)).unwrap();
        pause.map(period).into_iter().collect()
    })
}

fn phases(numbers: Numbers) -> impl Strategy<Value = PhaseTerms> {
    let fee = prop_oneof![
        percentages().prop_map(ServiceFeeRule::Percentage),
        numbers
            .clone()
            .prop_map(|amount| ServiceFeeRule::Fixed(amount.abs())),
    ];
    let fees = prop::collection::vec(
        fee.prop_map(|rule| ServiceFee {
            id: feature(0),
            rule,
        }),
        0..2,
    );
    (
        prop::collection::vec(lines(numbers.clone()), 1..4),
        discounts(numbers.clone()),
        commitments(numbers, true),
        fees,
        taxes(),
        consumptions(),
        pauses(),
    )
        .prop_map(
            |(lines, discounts, commitments, service_fees, taxes, consumptions, pauses)| {
                let discount = |discount| PhaseDiscount {
                    discount,
                    line: None,
                };
                numbered(PhaseTerms {
                    discounts: discounts.into_iter().map(discount).collect(),
                    commitments,
                    service_fees,
                    taxes,
                    consumptions,
                    pauses,
                    ..phase(lines)
                })
            },
        )
}

/// Gives every line and feature an id of its own.
fn numbered(mut phase: PhaseTerms) -> PhaseTerms {
    let mut ids = (1..).map(feature);
    let mut next = || ids.next().unwrap();
    for (line, number) in phase.lines.iter_mut().zip(1..) {
        line.id = line_id(number);
        let pools = line
            .free_units
            .iter_mut()
            .chain(&mut line.quantity_discounts);
        pools.for_each(|pool| pool.id = next());
        line.discounts
            .iter_mut()
            .for_each(|discount| discount.id = next());
        line.commitments
            .iter_mut()
            .for_each(|commitment| commitment.id = next());
    }
    phase
        .discounts
        .iter_mut()
        .for_each(|discount| discount.discount.id = next());
    phase
        .commitments
        .iter_mut()
        .for_each(|commitment| commitment.id = next());
    phase
}

/// Bills every day of a hundred and checks each draft.
fn bill_all(
    phase: PhaseTerms,
    rows: &[UsageRow],
    balance: Decimal,
    check: impl Fn(&Invoicing, &Draft),
) {
    let mut invoicing = Invoicing::of(phase);
    invoicing.balances = (0..2)
        .map(|entitlement| Balance {
            entitlement: EntitlementId(Uuid::from_u128(entitlement)),
            available: balance,
        })
        .collect();
    for days in 0..DAYS {
        let date = after_start(days).to_string();
        let charges = invoicing.charges(&date, |_, _| usage(rows.to_vec()));
        if charges.is_empty() {
            continue;
        }
        let Ok(rated) = invoicing.try_rate(&date, &charges) else {
            return;
        };
        let again = invoicing.try_rate(&date, &charges).unwrap();
        assert_same_text(&written(&rated), &written(&again));
        invoicing.carried = rated.carried;
        check(&invoicing, &rated.draft);
    }
}

/// The caps of a line's discounts and pools, for a period and for life.
fn caps(line: &LineTerms) -> impl Iterator<Item = (Key, Option<Decimal>, Option<Decimal>)> + '_ {
    let key = |feature| Key::Line(line.id, feature);
    let discounts = line.discounts.iter();
    let discounts = discounts.map(move |d| (key(d.id), d.max_per_period, d.max_lifetime));
    let pools = line.free_units.iter().chain(&line.quantity_discounts);
    let pools = pools.map(move |p| (key(p.id), p.max_per_period, p.max_lifetime));
    discounts.chain(pools)
}

fn assert_parts_sum_to_wholes(draft: &Draft) {
    let sum = |amounts: &mut dyn Iterator<Item = Money>| {
        Money::sum(amounts, draft.net.currency()).unwrap()
    };
    assert_eq!(sum(&mut draft.lines.iter().map(|line| line.net)), draft.net);
    assert_eq!(sum(&mut draft.lines.iter().map(|line| line.tax)), draft.tax);
    assert_eq!(
        sum(&mut draft.taxes.iter().map(|tax| tax.amount)),
        draft.tax
    );
    assert_eq!(
        draft.total.checked_sub(draft.credit),
        draft.net.checked_add(draft.tax)
    );
    assert!(draft.total.is_zero() || draft.credit.is_zero());
    for tax in &draft.taxes {
        assert_eq!(
            sum(&mut tax.shares.iter().map(|share| share.amount)),
            tax.amount
        );
    }
    draft.lines.iter().for_each(assert_line_adds_up);
}

/// All that rating gives, as it is stored.
fn written(rated: &Rated) -> Vec<u8> {
    let Rated {
        draft,
        carried,
        grants,
    } = rated;
    serde_json::to_vec(&(draft, carried, grants)).unwrap()
}

/// Shows where two texts part, since a draft is too long to be read.
fn assert_same_text(left: &[u8], right: &[u8]) {
    let parting = left
        .iter()
        .zip(right)
        .position(|(left, right)| left != right);
    let Some(parting) = parting else {
        return assert_eq!(left.len(), right.len());
    };
    let around = |text: &[u8]| {
        let excerpt = parting.saturating_sub(200)..text.len().min(parting + 50);
        String::from_utf8_lossy(&text[excerpt]).into_owned()
    };
    assert_eq!(around(left), around(right));
}

fn assert_line_adds_up(line: &Line) {
    let mut amount = line.gross;
    for feature in &line.features {
        amount = match feature {
            LineFeature::Discount(applied) => amount.checked_sub(applied.amount),
            LineFeature::Commitment(applied) => amount.checked_add(applied.amount),
            LineFeature::CreditDraw(draw) => {
                let used = Money::round(draw.used, amount.currency()).unwrap();
                assert_eq!(used.to_major(), draw.used);
                amount.checked_sub(used)
            }
            _ => Ok(amount),
        }
        .unwrap();
    }
    assert_eq!(amount, line.amount);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]

    #[test]
    fn a_draft_adds_up_and_replays_to_the_same_bytes(
        phase in phases(ordinary()),
        rows in rows(signed(&ordinary())),
        balance in ordinary(),
    ) {
        bill_all(phase, &rows, balance, |_, draft| {
            assert_parts_sum_to_wholes(draft);
            let bytes = serde_json::to_vec(draft).unwrap();
            let read: Draft = serde_json::from_slice(&bytes).unwrap();
            let replayed = replay(&read).unwrap();
            assert_eq!(&replayed, draft);
            assert_same_text(&bytes, &serde_json::to_vec(&replayed).unwrap());
        });
    }

    #[test]
    fn any_decimal_gives_a_draft_or_an_error(
        phase in phases(any_decimal()),
        rows in rows(any_decimal()),
        balance in any_decimal(),
    ) {
        bill_all(phase, &rows, balance, |_, draft| {
            // Beyond 28 digits a sum depends on its order; that nothing panics does not.
            let _ = replay(draft);
        });
    }

    #[test]
    fn caps_hold_over_all_bills(
        phase in phases(ordinary()),
        rows in rows(ordinary()),
        balance in ordinary(),
    ) {
        let caps: Vec<_> = phase.lines.iter().flat_map(|line| caps(line).collect::<Vec<_>>()).collect();
        bill_all(phase, &rows, balance, |invoicing, _| {
            // A cap with finer digits than the currency is met to the nearest cent.
            let slack = Decimal::new(5, 3);
            for (key, max_per_period, max_lifetime) in &caps {
                let Some(used) = invoicing.carried.find(*key) else { continue };
                assert!(max_lifetime.is_none_or(|cap| used.lifetime <= cap + slack));
                for window in &used.windows {
                    let is_kept = max_per_period.is_none_or(|cap| window.used <= cap + slack);
                    assert!(is_kept, "{} of {max_per_period:?}", window.used);
                }
            }
        });
    }

    #[test]
    fn a_changed_amount_does_not_replay(
        phase in phases(ordinary()),
        rows in rows(ordinary()),
    ) {
        bill_all(phase, &rows, Decimal::ZERO, |_, draft| {
            let cent = Money::from_minor(1, draft.net.currency());
            for index in 0..draft.lines.len() {
                let mut forged = draft.clone();
                let line = &mut forged.lines[index];
                line.amount = line.amount.checked_add(cent).unwrap();
                let is_charge = matches!(line.kind, LineKind::Charge(_));
                assert_ne!(replay(&forged).as_ref(), Ok(&forged), "charge: {is_charge}");
            }
        });
    }
}
