//! Expiry: ending a contract by hand, for good (semantics §5.3).

use jiff::Timestamp;
use jiff::civil::Date;

use super::{Contract, End, Phase, Record, Refusal, RenewalPolicy, Status};

impl Contract {
    /// Ends the contract with the last moment of a day, today unless told. Later phases and pauses go,
    /// what reaches over the day is trimmed, and nothing is renewed. A last day that has come makes it
    /// expired at once; one to come leaves it in force until then.
    ///
    /// # Errors
    /// [`Refusal::AlreadyExpired`], [`Refusal::NotInForce`] for drafts and disputed contracts,
    /// [`Refusal::ExpiryBeforeStart`], [`Refusal::ExpiryAfterEnd`].
    pub fn expire(&self, last_day: Option<Date>, at: Timestamp) -> Result<Self, Refusal> {
        match self.0.status {
            Status::Active | Status::Paused => {}
            Status::Expired => return Err(Refusal::AlreadyExpired),
            other => return Err(Refusal::NotInForce(other)),
        }
        let today = self.day_of(at);
        let last_day = last_day.unwrap_or(today);
        if last_day < self.0.header.start.day() {
            return Err(Refusal::ExpiryBeforeStart);
        }
        let end = End::with_day(last_day, &self.0.zone)?;
        if self.0.header.end.is_some_and(|old| old.day() < end.day()) {
            return Err(Refusal::ExpiryAfterEnd);
        }
        let mut record = trimmed(self.0.clone(), end);
        if last_day <= today {
            record.status = Status::Expired;
        }
        self.next_checked(record, at)
    }
}

fn trimmed(mut record: Record, end: End) -> Record {
    record.header.end = Some(end);
    record.header.renewal_policy = Some(RenewalPolicy::DoNotRenew);
    record.phases.retain(|phase| phase.start.day() < end.day());
    for phase in &mut record.phases {
        trim_phase(phase, end);
    }
    record.pauses.retain(|pause| pause.start.day() < end.day());
    for pause in &mut record.pauses {
        let own = pause.end.unwrap_or(end);
        pause.end = Some(own.earlier(end));
    }
    record
}

fn trim_phase(phase: &mut Phase, end: End) {
    phase.end = Some(phase.end.unwrap_or(end).earlier(end));
    phase.lines.retain(|line| line.start.day() < end.day());
    for line in &mut phase.lines {
        line.end = line.end.map(|own| own.earlier(end));
    }
}
