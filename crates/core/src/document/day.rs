//! Days as documents write them. Owns the wording of dates in English.

use jiff::civil::Date;
use serde::Serialize;

use crate::calendar::Period;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Day {
    /// `2013-02-01`.
    pub date: String,
    /// `1 Feb 2013`.
    pub display: String,
}

/// A run of days, both ends included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Days {
    /// First day, `2013-01-01`.
    pub from: String,
    /// Last day, `2013-01-31`.
    pub to: String,
    /// `1 – 31 Jan 2013`.
    pub display: String,
}

impl Day {
    /// A day as documents write it.
    pub fn of(date: Date) -> Self {
        Self {
            date: date.to_string(),
            display: format!("{} {} {}", date.day(), month(date), date.year()),
        }
    }
}

impl Days {
    /// Days as documents write them: what both ends have in common once.
    pub fn of(period: Period) -> Self {
        let (first, last) = (period.start(), period.last_day());
        let begin = if first == last {
            String::new()
        } else if (first.year(), first.month()) == (last.year(), last.month()) {
            format!("{} – ", first.day())
        } else if first.year() == last.year() {
            format!("{} {} – ", first.day(), month(first))
        } else {
            format!("{} – ", Day::of(first).display)
        };
        Self {
            from: first.to_string(),
            to: last.to_string(),
            display: format!("{begin}{}", Day::of(last).display),
        }
    }
}

fn month(date: Date) -> &'static str {
    let index = usize::from(date.month().unsigned_abs()).saturating_sub(1);
    MONTHS.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_say_what_their_ends_have_in_common_once() {
        for (from, to, written) in [
            ("2013-01-01", "2013-02-01", "1 – 31 Jan 2013"),
            ("2013-01-01", "2013-01-02", "1 Jan 2013"),
            ("2013-01-15", "2013-02-15", "15 Jan – 14 Feb 2013"),
            ("2013-12-15", "2014-01-15", "15 Dec 2013 – 14 Jan 2014"),
        ] {
            let period = Period::new(from.parse().unwrap(), to.parse().unwrap()).unwrap();
            assert_eq!(Days::of(period).display, written);
        }
    }
}
