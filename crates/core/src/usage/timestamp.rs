//! Instants as events write them. Owns the accepted forms (API §1.10); other requests use
//! [`crate::instant`], which is wider.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Digits of a fraction at most: finer ones would be cut, and two events would become one.
const FRACTION_DIGITS_MAX: usize = 6;

/// Reads `2023-05-21 09:30:38.731`, `2025-06-17T14:03:12Z` or a mix of both, always UTC; a day alone is
/// its midnight. `None` for a finer fraction, an offset, or anything else.
pub fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let midnight = date(bytes.get(..10)?)?;
    let Some((separator, time)) = bytes[10..].split_first() else {
        return at(midnight, [0, 0, 0], 0);
    };
    if !matches!(separator, b' ' | b'T') {
        return None;
    }
    let time = time.strip_suffix(b"Z").unwrap_or(time);
    let [h1, h2, b':', m1, m2, b':', s1, s2, fraction @ ..] = time else {
        return None;
    };
    let parts = [[*h1, *h2], [*m1, *m2], [*s1, *s2]];
    let [hour, minute, second] = parts.map(|pair| number(&pair));
    let nanosecond = match fraction {
        [] => 0,
        [b'.', digits @ ..] => nanoseconds(digits)?,
        _ => return None,
    };
    at(midnight, [hour?, minute?, second?], nanosecond)
}

/// Reads `2023-05-21`.
pub fn day(text: &str) -> Option<Date> {
    date(text.as_bytes())
}

fn date(bytes: &[u8]) -> Option<Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else {
        return None;
    };
    let year = i16::try_from(number(&[y1, y2, y3, y4])?).ok()?;
    let month = i8::try_from(number(&[m1, m2])?).ok()?;
    let day = i8::try_from(number(&[d1, d2])?).ok()?;
    Date::new(year, month, day).ok()
}

fn at(day: Date, [hour, minute, second]: [i32; 3], nanosecond: i32) -> Option<Timestamp> {
    let [hour, minute, second] = [hour, minute, second].map(|part| i8::try_from(part).ok());
    let (year, month, day) = (day.year(), day.month(), day.day());
    let civil = DateTime::new(year, month, day, hour?, minute?, second?, nanosecond).ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

fn nanoseconds(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || digits.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let places = 9 - u32::try_from(digits.len()).ok()?;
    number(digits).map(|fraction| fraction * 10_i32.pow(places))
}

/// The number that up to nine digits write.
fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |number, digit| {
        digit
            .is_ascii_digit()
            .then(|| number * 10 + i32::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_utc() {
        for (text, instant_of) in [
            ("2023-05-21 09:30:38.731", "2023-05-21T09:30:38.731Z"),
            ("2025-06-17T14:03:12Z", "2025-06-17T14:03:12Z"),
            ("2025-06-17 14:03:12Z", "2025-06-17T14:03:12Z"),
            ("2025-06-17T14:03:12", "2025-06-17T14:03:12Z"),
            ("2013-01-31 23:59:59.999999", "2013-01-31T23:59:59.999999Z"),
            ("2024-02-29", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(
                instant(text).map(|at| at.to_string()).as_deref(),
                Some(instant_of),
                "{text}"
            );
        }
    }

    #[test]
    fn offsets_and_finer_fractions_are_refused() {
        for text in [
            "",
            "2023",
            "2023-02-29",
            "2023-05-21T",
            "2023-05-21 Z",
            "2023-05-21 09:30",
            "2023-05-21 24:00:00",
            "2023-05-21 09:30:60",
            "2023-05-21 09:30:38.",
            "2023-05-21 09:30:38.1234567",
            "2023-05-21 09:30:38+01:00",
            "2023-05-21 09:30:38+0100",
            "2023-05-21T09:30:38+00:00",
            "2023-05-21 09:30:38ZZ",
            "2023-05-21_09:30:38",
            "2023-05-2é 09:30:38",
            "+023-05-21 09:30:38",
            "1684661438",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
