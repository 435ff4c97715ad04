//! An HTTP answer as a test compares it.

use serde_json::Value;

/// Status and body of an answer. Its text form is the status, then the body over several lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header names and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body; text where it is no JSON.
    pub body: Value,
}

impl Answer {
    /// The value at a JSON pointer.
    ///
    /// # Panics
    /// Where there is none.
    pub fn at(&self, pointer: &str) -> &Value {
        self.body
            .pointer(pointer)
            .unwrap_or_else(|| panic!("no {pointer} in {self}"))
    }

    /// The text at a JSON pointer.
    ///
    /// # Panics
    /// Where there is no text.
    pub fn text(&self, pointer: &str) -> &str {
        self.at(pointer)
            .as_str()
            .unwrap_or_else(|| panic!("no text at {pointer} in {self}"))
    }

    /// The id of the resource.
    ///
    /// # Panics
    /// Where the request failed.
    pub fn id(&self) -> String {
        self.text("/id").to_owned()
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(known, _)| known == name);
        header.map(|(_, value)| value.as_str())
    }

    /// This answer, which must have succeeded.
    ///
    /// # Panics
    /// Where it did not.
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self}");
        self
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}\n{:#}", self.status, self.body)
    }
}
