//! Instants as the API writes them. Owns the accepted forms; calendars and time zones are `calendar`'s.

use jiff::{
    Timestamp, Unit,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// A text that is not an instant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a date and time as 2026-01-31T10:00:00Z; a date alone means its first instant, \
     a time without zone is UTC, a whole number is seconds since 1970"
)]
pub struct NotAnInstant;

/// 0000-01-01T00:00:00Z. Earlier instants have no form in RFC 3339, and PostgreSQL keeps none before
/// 4714 BC.
const YEAR_ZERO: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// Reads an instant: RFC 3339 with any offset, without zone (UTC), a date alone (its midnight, UTC), or
/// Unix seconds. Not before the year 0. Cut to microseconds, the precision that both databases keep.
///
/// # Errors
/// [`NotAnInstant`] for anything else.
pub fn parse(text: &str) -> Result<Timestamp, NotAnInstant> {
    let text = text.trim();
    let instant = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| at_utc(text.parse::<DateTime>().ok()?))
        .or_else(|| {
            at_utc(
                text.parse::<Date>()
                    .ok()?
                    .to_datetime(jiff::civil::Time::midnight()),
            )
        })
        .or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
        .filter(|instant| *instant >= YEAR_ZERO)
        .ok_or(NotAnInstant)?;
    Ok(to_microseconds(instant))
}

/// Cuts an instant to whole microseconds.
pub fn to_microseconds(instant: Timestamp) -> Timestamp {
    let round = jiff::TimestampRound::new()
        .smallest(Unit::Microsecond)
        .mode(jiff::RoundMode::Trunc);
    instant.round(round).unwrap_or(instant)
}

fn at_utc(civil: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_api_is_read() {
        for text in [
            "2026-01-31T10:00:00Z",
            "2026-01-31T10:00:00",
            "2026-01-31 10:00:00",
            "2026-01-31T11:00:00+01:00",
            "2026-01-31T10:00:00.0000009Z",
            "1769853600",
        ] {
            assert_eq!(
                parse(text).unwrap().to_string(),
                "2026-01-31T10:00:00Z",
                "{text}"
            );
        }
        assert_eq!(
            parse("2026-01-31").unwrap().to_string(),
            "2026-01-31T00:00:00Z"
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30",
            "99999999999999999",
            "-000001-01-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "-000001-12-31T23:59:59Z",
            "-62167219201",
        ] {
            assert_eq!(parse(text), Err(NotAnInstant), "{text}");
        }
    }
}
