//! Usage that came since an entitlement's usage was last drawn, in memory: what makes a check quick and never behind.
//!
//! Owns the sums of what came above a sequence, by customer and day. They are no record: whatever process has none begins
//! at the sequence that the database knows. Whoever asks waits for a look at the inbox that began after it asked, so every
//! event that was acknowledged before is counted; all who wait share that look.
//!
//! Invariant: the sums are of all events above [`Sums::above`] up to [`Sums::reached`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use florin_core::usage::{Contribution, UsageQuery};
use jiff::{civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use crate::{
    App, Result,
    usage::{Arrived, Stream},
};

/// A customer's usage of a day: after each sequence that added to it, what was added in all.
type Steps = Vec<(u64, Decimal)>;

/// What came above a sequence.
#[derive(Debug, Default)]
struct Sums {
    above: u64,
    reached: u64,
    by_customer: HashMap<String, BTreeMap<Date, Steps>>,
}

/// The tally of one entitlement.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Who has asked so far.
    asked: AtomicU64,
    /// The sequence up to which usage was drawn when that was last heard of.
    settled: AtomicU64,
    /// Held while somebody looks; who had asked before the last look began.
    look: tokio::sync::Mutex<u64>,
    sums: Mutex<Option<Sums>>,
}

/// What is looked for.
pub(super) struct Watched<'w> {
    pub(super) stream: &'w Stream,
    pub(super) query: &'w UsageQuery,
    pub(super) zone: &'w TimeZone,
    /// The sequence that the database knows.
    pub(super) counted: u64,
}

/// What came by customer, as events name it, and day; and the sequence that it is up to.
pub(super) type Arrivals = (u64, HashMap<String, BTreeMap<Date, Decimal>>);

impl Tally {
    fn sums(&self) -> MutexGuard<'_, Option<Sums>> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts everything that was acknowledged before. Answers whether the sums hold; if not, earlier events changed, and
    /// what is drawn is to be measured anew.
    pub(super) async fn catch_up(&self, app: &App, watched: &Watched<'_>) -> Result<bool> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut served = self.look.lock().await;
        if *served >= turn && self.begins_at(watched.counted) {
            return Ok(true);
        }
        let asked = self.asked.load(Ordering::SeqCst);
        if !self.begins_at(watched.counted) {
            *self.sums() = None;
        }
        let above = match &*self.sums() {
            Some(sums) => sums.reached,
            None => watched.counted,
        };
        let arrivals = app.usage.arrivals(watched.stream, watched.query, above);
        let arrivals = arrivals.await?;
        let Arrived::Events(events) = arrivals.arrived else {
            *self.sums() = None;
            return Ok(false);
        };
        let mut sums = self.sums();
        let sums = sums.get_or_insert_with(|| Sums {
            above: watched.counted,
            reached: watched.counted,
            by_customer: HashMap::new(),
        });
        for event in events {
            sums.add(event, watched.zone);
        }
        sums.reached = arrivals.reached.max(sums.reached);
        *served = asked;
        Ok(true)
    }

    fn begins_at(&self, counted: u64) -> bool {
        let sums = self.sums();
        sums.as_ref().is_some_and(|sums| sums.above <= counted)
    }

    /// What customers of these names used since a sequence, on days from `since` on.
    pub(super) fn since(&self, keys: &[String], counted: u64, since: Date) -> Decimal {
        let sums = self.sums();
        let by_customer = sums.as_ref().map(|sums| &sums.by_customer);
        let days = keys
            .iter()
            .filter_map(|key| by_customer?.get(key))
            .flat_map(|days| days.range(since..));
        days.map(|(_, steps)| above(steps, counted)).sum()
    }

    /// All that came since a sequence.
    pub(super) fn all_since(&self, counted: u64) -> Arrivals {
        let sums = self.sums();
        let Some(sums) = sums.as_ref() else {
            return (counted, HashMap::new());
        };
        let mut all = HashMap::new();
        for (key, days) in &sums.by_customer {
            let days = days
                .iter()
                .map(|(day, steps)| (*day, above(steps, counted)));
            let days: BTreeMap<Date, Decimal> = days.filter(|(_, sum)| !sum.is_zero()).collect();
            if !days.is_empty() {
                all.insert(key.clone(), days);
            }
        }
        (sums.reached.max(counted), all)
    }

    /// Usage is drawn up to a sequence. What came up to the one before it is forgotten: whoever is between reading the
    /// database and asking the tally may still mean that one.
    pub(super) fn settled(&self, counted: u64) {
        let before = self.settled.fetch_max(counted, Ordering::SeqCst);
        self.forget_up_to(before);
    }

    /// The sequence above which it has everything, where it has begun.
    pub(super) fn begins(&self) -> Option<u64> {
        self.sums().as_ref().map(|sums| sums.above)
    }

    fn forget_up_to(&self, counted: u64) {
        let mut sums = self.sums();
        let Some(sums) = sums.as_mut().filter(|sums| sums.above < counted) else {
            return;
        };
        sums.above = counted;
        sums.by_customer.retain(|_, days| {
            days.retain(|_, steps| steps.last().is_some_and(|(last, _)| *last > counted));
            for steps in days.values_mut() {
                let gone = steps.partition_point(|(sequence, _)| *sequence <= counted);
                // The last one that goes stays as what the next ones add to.
                steps.drain(..gone.saturating_sub(1));
            }
            !days.is_empty()
        });
    }
}

/// What was added after a sequence.
fn above(steps: &Steps, counted: u64) -> Decimal {
    let Some((_, whole)) = steps.last() else {
        return Decimal::ZERO;
    };
    let before = steps.partition_point(|(sequence, _)| *sequence <= counted);
    let before = before.checked_sub(1).and_then(|place| steps.get(place));
    *whole - before.map_or(Decimal::ZERO, |(_, sum)| *sum)
}

impl Sums {
    fn add(&mut self, event: Contribution, zone: &TimeZone) {
        let day = zone.to_datetime(event.at).date();
        let days = self.by_customer.entry(event.customer).or_default();
        let steps = days.entry(day).or_default();
        let whole = steps.last().map_or(Decimal::ZERO, |(_, sum)| *sum);
        let sum = whole.saturating_add(event.quantity);
        match steps.last_mut() {
            Some(last) if last.0 == event.sequence => last.1 = sum,
            _ => steps.push((event.sequence, sum)),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn event(sequence: u64, customer: &str, at: &str, quantity: i64) -> Contribution {
        Contribution {
            sequence,
            customer: customer.to_owned(),
            at: at.parse().unwrap(),
            quantity: quantity.into(),
        }
    }

    #[test]
    fn sums_are_of_what_came_above_a_sequence() {
        let mut sums = Sums::default();
        for event in [
            event(3, "a", "2026-01-01T10:00:00Z", 5),
            event(4, "a", "2026-01-02T10:00:00Z", 7),
            event(4, "b", "2026-01-02T10:00:00Z", 1),
            event(9, "a", "2026-01-01T11:00:00Z", 2),
        ] {
            sums.add(event, &TimeZone::UTC);
        }
        sums.reached = 9;
        let tally = Tally::default();
        *tally.sums() = Some(sums);
        let a = ["a".to_owned()];
        let of_a = |counted, day| tally.since(&a, counted, date(2026, 1, day));
        // 5 + 7 + 2; without the 5; on the second day only; after all of it.
        assert_eq!(
            [of_a(0, 1), of_a(3, 1), of_a(0, 2), of_a(9, 1)].map(|n| n.to_string()),
            ["14", "9", "7", "0"]
        );
        tally.forget_up_to(4);
        assert_eq!(
            [of_a(4, 1), of_a(8, 1), of_a(9, 1)].map(|n| n.to_string()),
            ["2", "2", "0"]
        );
        let (reached, all) = tally.all_since(4);
        assert_eq!((reached, all.len()), (9, 1));
        assert_eq!(all["a"][&date(2026, 1, 1)], 2.into());
    }
}
