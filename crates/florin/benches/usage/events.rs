//! Events as a product sends them, all in January 2026, drawn by a fixed rule.

use std::fmt::Write as _;

/// A batch of one request.
pub(crate) struct Batch {
    /// JSON, an array; of one event alone an object.
    pub(crate) body: String,
    /// Sum of `data.amount`.
    pub(crate) amount: u64,
}

/// The n-th batch of all, of so many customers, who are named `c-<number>`.
pub(crate) fn batch(n: usize, size: usize, customers: u64) -> Batch {
    let mut draw = Draw(n as u64 + 1);
    let mut batch = Batch {
        body: String::with_capacity(size * 128),
        amount: 0,
    };
    let (open, close) = if size == 1 { ("", "") } else { ("[", "]") };
    batch.body.push_str(open);
    for event in 0..size {
        if event > 0 {
            batch.body.push(',');
        }
        one(&mut draw, &mut batch, customers);
    }
    batch.body.push_str(close);
    batch
}

fn one(draw: &mut Draw, batch: &mut Batch, customers: u64) {
    let customer = draw.below(customers);
    let (day, hour, minute) = (draw.below(31) + 1, draw.below(24), draw.below(60));
    let (second, micros) = (draw.below(60), draw.below(1_000_000));
    let amount = draw.below(1000);
    let region = ["eu-west-1", "us-east-1", "ap-south-1"][draw.below(3) as usize];
    batch.amount += amount;
    write!(
        batch.body,
        r#"{{"customer_id":"c-{customer}","timestamp":"2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z","data":{{"region":"{region}","amount":{amount}}}}}"#
    )
    .unwrap();
}

/// SplitMix64: the same events in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}
