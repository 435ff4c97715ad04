//! Uploads: files of events that people send, look at, and confirm.
//!
//! Owns the states of an upload and what is said of its rows. Does not own reading files, nor what a row
//! may hold ([`super::cells`]).

use jiff::Timestamp;
use uuid::Uuid;

/// Bad rows that a report names; the others are counted.
pub const BAD_ROWS_SHOWN_MAX: usize = 1_000;

/// A file of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// Whose events.
    pub raw_metric_id: Uuid,
    /// The open backfill that the events are for; none where they count at once.
    pub backfill_id: Option<Uuid>,
    /// How the sender names the file.
    pub file_name: Option<String>,
    /// Whether it came packed by gzip.
    pub is_packed: bool,
    /// Bytes, as it came.
    pub byte_count: u64,
    /// Headers that are not the names of columns: the header and a path of the schema, or an empty one for a
    /// column that is passed over.
    pub mapping: Vec<(String, String)>,
    /// Whether its events are to be kept once every row was found good.
    pub is_confirmed: bool,
    /// Where it is.
    pub state: State,
    /// What is known of its rows.
    pub report: Report,
    /// What went wrong with the file itself.
    pub failure: Option<String>,
    /// Who sent it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When its state last changed.
    pub updated_at: Timestamp,
}

/// Where an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The file is coming.
    Receiving,
    /// Its rows are being checked.
    Checking,
    /// Every row can be used; it waits to be confirmed.
    Checked,
    /// Some row cannot be used, nothing was kept. Another mapping may help.
    Rejected,
    /// Its events are being kept.
    Sending,
    /// All its events are kept.
    Completed,
    /// The file cannot be read, or its rows changed their meaning while it was sent.
    Failed,
    /// Nobody wants it any more.
    Discarded,
}

/// What is known of a file's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows that were looked at, without the header.
    pub rows: u64,
    /// Events that were kept now.
    pub accepted: u64,
    /// Events that an earlier upload of the same file has kept in the last 24 hours.
    pub repeated: u64,
    /// Rows that cannot be used; where there is any, nothing was kept.
    pub rejected: u64,
    /// The first of them.
    pub bad_rows: Vec<BadRow>,
}

/// A row that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// Line of the file, the header being the first.
    pub line: u64,
    /// The column, as a path of the schema; empty for the row itself.
    pub column: String,
    /// What is wrong.
    pub message: String,
}

/// An upload is not where it would have to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload is {}", .0.word())]
pub struct NotNow(pub State);

impl State {
    /// Each with its word.
    pub const WORDS: [(Self, &'static str); 8] = [
        (Self::Receiving, "receiving"),
        (Self::Checking, "checking"),
        (Self::Checked, "checked"),
        (Self::Rejected, "rejected"),
        (Self::Sending, "sending"),
        (Self::Completed, "completed"),
        (Self::Failed, "failed"),
        (Self::Discarded, "discarded"),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        let row = Self::WORDS.iter().find(|(state, _)| *state == self);
        row.map_or("", |(_, word)| word)
    }

    /// The state of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        let row = Self::WORDS.iter().find(|(_, known)| *known == word);
        row.map(|(state, _)| *state)
    }

    /// Whether the file is needed no more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Discarded)
    }
}

impl Upload {
    /// The whole file is there.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn received(self, byte_count: u64) -> Result<Self, NotNow> {
        let upload = self.at(&[State::Receiving])?;
        Ok(Self {
            byte_count,
            state: State::Checking,
            ..upload
        })
    }

    /// Its rows were checked.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn checked(self, report: Report) -> Result<Self, NotNow> {
        let upload = self.at(&[State::Checking])?;
        let state = match (report.rejected, upload.is_confirmed) {
            (0, true) => State::Sending,
            (0, false) => State::Checked,
            _ => State::Rejected,
        };
        Ok(Self {
            state,
            report,
            ..upload
        })
    }

    /// Somebody wants its events. One that is still being checked is sent when it is found good.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn confirm(self) -> Result<Self, NotNow> {
        let wanted = [
            State::Checking,
            State::Checked,
            State::Sending,
            State::Completed,
        ];
        let upload = self.at(&wanted)?;
        let state = match upload.state {
            State::Checked => State::Sending,
            other => other,
        };
        Ok(Self {
            state,
            is_confirmed: true,
            ..upload
        })
    }

    /// Its columns go elsewhere, so that it is checked again.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn remap(self, mapping: Vec<(String, String)>) -> Result<Self, NotNow> {
        let upload = self.at(&[State::Checking, State::Checked, State::Rejected])?;
        Ok(Self {
            mapping,
            state: State::Checking,
            report: Report::default(),
            ..upload
        })
    }

    /// All its events are kept.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn completed(self, report: Report) -> Result<Self, NotNow> {
        let upload = self.at(&[State::Sending])?;
        Ok(Self {
            state: State::Completed,
            report,
            ..upload
        })
    }

    /// It cannot be read.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn failed(self, reason: String) -> Result<Self, NotNow> {
        let upload = self.at(&[State::Checking, State::Sending])?;
        Ok(Self {
            state: State::Failed,
            failure: Some(reason),
            ..upload
        })
    }

    /// Nobody wants it. Events that are kept stay, so one that is being sent is not discarded.
    ///
    /// # Errors
    /// [`NotNow`].
    pub fn discard(self) -> Result<Self, NotNow> {
        let unsent = [
            State::Receiving,
            State::Checking,
            State::Checked,
            State::Rejected,
            State::Failed,
            State::Discarded,
        ];
        let upload = self.at(&unsent)?;
        Ok(Self {
            state: State::Discarded,
            ..upload
        })
    }

    fn at(self, wanted: &[State]) -> Result<Self, NotNow> {
        match wanted.contains(&self.state) {
            true => Ok(self),
            false => Err(NotNow(self.state)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(state: State, is_confirmed: bool) -> Upload {
        Upload {
            id: Uuid::from_u128(1),
            raw_metric_id: Uuid::from_u128(2),
            backfill_id: None,
            file_name: None,
            is_packed: false,
            byte_count: 0,
            mapping: Vec::new(),
            is_confirmed,
            state,
            report: Report::default(),
            failure: None,
            created_by: "key:1".to_owned(),
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    type Step = fn(Upload) -> Result<Upload, NotNow>;

    /// A step leads from these states to those, and from no other anywhere.
    fn check(step: Step, led: &[(State, State)]) {
        for (state, word) in State::WORDS {
            let after = step(upload(state, false)).map(|after| after.state);
            let to = led.iter().find(|(from, _)| *from == state);
            let expected = to.map(|(_, to)| *to).ok_or(NotNow(state));
            assert_eq!(after, expected, "{word}");
        }
    }

    #[test]
    fn every_step_leads_where_it_should() {
        use State::{
            Checked, Checking, Completed, Discarded, Failed, Receiving, Rejected, Sending,
        };
        check(|one| one.received(1), &[(Receiving, Checking)]);
        check(|one| one.checked(Report::default()), &[(Checking, Checked)]);
        check(
            |one| one.completed(Report::default()),
            &[(Sending, Completed)],
        );
        check(
            |one| one.failed(String::new()),
            &[(Checking, Failed), (Sending, Failed)],
        );
        check(
            Upload::confirm,
            &[
                (Checking, Checking),
                (Checked, Sending),
                (Sending, Sending),
                (Completed, Completed),
            ],
        );
        check(
            |one| one.remap(Vec::new()),
            &[
                (Checking, Checking),
                (Checked, Checking),
                (Rejected, Checking),
            ],
        );
        check(
            Upload::discard,
            &[Receiving, Checking, Checked, Rejected, Failed, Discarded]
                .map(|state| (state, Discarded)),
        );
    }

    #[test]
    fn what_was_checked_is_sent_only_if_it_is_confirmed_and_good() {
        let checked = |is_confirmed, rejected| {
            let report = Report {
                rejected,
                ..Report::default()
            };
            let upload = upload(State::Checking, is_confirmed);
            upload.checked(report).unwrap().state
        };
        assert_eq!(checked(true, 0), State::Sending);
        assert_eq!(checked(true, 1), State::Rejected);
        assert_eq!(checked(false, 1), State::Rejected);
    }
}
