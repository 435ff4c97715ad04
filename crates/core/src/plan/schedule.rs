//! Schedules of plans: durations instead of dates. Owns their texts, which are shown as they were written.

use jiff::civil::Date;

use crate::calendar::{Delay, Error};

/// An ISO 8601 duration of years, months, weeks and days, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duration {
    text: String,
    delay: Delay,
}

/// When something begins and how long it lasts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// How long after what is before it, or around it; at once without it.
    pub start_offset: Option<Duration>,
    /// How long it lasts; to the end of what is around it without it.
    pub duration: Option<Duration>,
}

impl Duration {
    /// Reads a duration.
    ///
    /// # Errors
    /// [`Error::DurationMalformed`], [`Error::DurationTooLong`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let delay = Delay::parse(text)?;
        let text = text.to_owned();
        Ok(Self { text, delay })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is none at all.
    pub fn is_zero(&self) -> bool {
        self.delay == Delay::default()
    }
}

impl Schedule {
    /// The offset's text.
    pub fn start_offset_text(&self) -> &str {
        self.start_offset.as_ref().map_or("P0D", Duration::as_str)
    }

    /// The duration's text.
    pub fn duration_text(&self) -> Option<&str> {
        self.duration.as_ref().map(Duration::as_str)
    }

    pub(super) fn offset(&self) -> Delay {
        let offset = self.start_offset.as_ref();
        offset.map(|offset| offset.delay).unwrap_or_default()
    }

    pub(super) fn length(&self) -> Option<Delay> {
        self.duration.as_ref().map(|duration| duration.delay)
    }
}

/// Durations counted from one day, so that the 31st stays the 31st however many of them there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    from: Date,
    delay: Delay,
}

impl Span {
    pub(super) const fn from(from: Date) -> Self {
        let delay = Delay { months: 0, days: 0 };
        Self { from, delay }
    }

    pub(super) fn and(self, more: Delay) -> Result<Self, Error> {
        let months = self.delay.months.checked_add(more.months);
        let days = self.delay.days.checked_add(more.days);
        let (months, days) = months.zip(days).ok_or(Error::OutOfRange)?;
        Ok(Self {
            from: self.from,
            delay: Delay { months, days },
        })
    }

    pub(super) fn day(self) -> Result<Date, Error> {
        self.delay.after(self.from)
    }
}
