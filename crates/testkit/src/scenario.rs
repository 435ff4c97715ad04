//! Business stories as text, run through the public API: what happens on which day, and what must be on
//! invoices, in wallets and in the books then.
//!
//! Owns reading a story, running it and writing what is seen in the story's own form. Does not own any
//! rule: amounts in a story are worked out by hand. A story is lines:
//!
//! ```text
//! # A remark.
//! 2026-01-01                        the day on which the indented lines below happen
//!   customer Acme                   creates one; `$acme` is its id from now on
//!   product Seats                   the same
//!   POST /contract_v2 as team       any request; its body follows, indented deeper
//!     {"name": "Team", "customer_id": "$acme"}
//!   approve drafts                  all of them, in the order in which they were made
//!   POST /payments -> 422           a request that is refused
//!   invoices of Acme                what must be there, indented deeper; `$acme.1` is the first one's id
//!   wallet of Acme
//!   books
//! ```
//!
//! After the last line the invariants of DESIGN §13 are checked.

mod books;
mod invoices;
mod story;

use std::collections::BTreeMap;

use axum::http::Method;
use florin_core::Timestamp;
use jiff::{civil::Date, tz::TimeZone};
use serde_json::{Value, json};

use crate::{Answer, TestApp};
pub use books::check_invariants;
pub use story::{Action, Chapter, Story};

/// Whose time moves when a story goes on to its next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// Everybody's: the server bills on each day on which something is due.
    Real,
    /// That of a test clock by which all customers of the story live; real time stands.
    TestClock,
}

/// Runs a story.
///
/// # Errors
/// What differs from the story, with the line that says otherwise.
pub async fn run(app: &TestApp, story: &Story, time: Time) -> Result<(), String> {
    let mut stage = Stage {
        app,
        time,
        names: BTreeMap::new(),
        now: None,
    };
    for chapter in &story.chapters {
        stage.go_to(chapter.day).await?;
        for action in &chapter.actions {
            let outcome = stage.act(action).await;
            outcome.map_err(|wrong| format!("line {}: {wrong}", action.line))?;
        }
    }
    books::check_invariants(app).await
}

/// Whether the books are these lines, as a story writes them, and the invariants of DESIGN §13 hold.
///
/// # Errors
/// What differs.
pub async fn books_are(app: &TestApp, lines: &[&str]) -> Result<(), String> {
    let seen = books::shown(app).await?;
    if seen != lines {
        return Err(format!("the books are {seen:#?}"));
    }
    books::check_invariants(app).await
}

struct Stage<'a> {
    app: &'a TestApp,
    time: Time,
    names: BTreeMap<String, String>,
    now: Option<Timestamp>,
}

impl Stage<'_> {
    /// Goes on to the beginning of a day, and does all that is due until then, on its own day.
    async fn go_to(&mut self, day: Date) -> Result<(), String> {
        let to = day
            .to_zoned(TimeZone::UTC)
            .map_err(|error| error.to_string())?;
        let to = to.timestamp();
        match (self.time, self.now) {
            (Time::Real, None) => self.app.clock.set(to),
            (Time::Real, Some(now)) => self.live(now, to).await?,
            (Time::TestClock, None) => {
                self.app.clock.set(to);
                let body = json!({ "name": "Story", "now": to.to_string() });
                let clock = self.app.post("/test_clocks", body).await;
                self.names
                    .insert("clock".to_owned(), succeeded(clock)?.id());
            }
            (Time::TestClock, Some(_)) => {
                let path = format!("/test_clocks/{}/advance", self.named("clock")?);
                succeeded(self.app.post(&path, json!({ "to": to.to_string() })).await)?;
            }
        }
        self.now = Some(to);
        Ok(())
    }

    /// Lets real time pass, stopping wherever something is due as a server would that looks all the time.
    async fn live(&self, from: Timestamp, to: Timestamp) -> Result<(), String> {
        let mut now = from;
        loop {
            self.app.clock.set(now);
            let tick = florin_app::billing::tick(&self.app.app).await;
            tick.map_err(|error| error.to_string())?;
            if now >= to {
                return Ok(());
            }
            let mut tx = self.app.read().await;
            let utc = TimeZone::UTC;
            let next = florin_store::test_clock::next_due(&mut tx, (now, to), &utc).await;
            now = next.map_err(|error| error.to_string())?;
        }
    }

    async fn act(&mut self, action: &Action) -> Result<(), String> {
        let words: Vec<&str> = action.text.split_whitespace().collect();
        match words.as_slice() {
            ["customer", name] => {
                self.create(name, "/customers", "customer_name", action)
                    .await
            }
            ["product", name] => self.create(name, "/products", "name", action).await,
            ["approve", "drafts"] => invoices::approve_drafts(self.app).await,
            ["invoices", "of", name] => {
                let id = self.named(&key(name))?;
                let seen = invoices::shown(self.app, &id).await?;
                matches(action, &seen)
            }
            ["wallet", "of", name] => {
                let id = self.named(&key(name))?;
                matches(action, &books::wallet(self.app, &id).await?)
            }
            ["books"] => matches(action, &books::shown(self.app).await?),
            [
                method @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE"),
                path,
                rest @ ..,
            ] => self.request(method, path, rest, action).await,
            _ => Err(format!("`{}` is nothing that a story does", action.text)),
        }
    }

    /// Creates a customer or product of a name; the body may say more.
    async fn create(
        &mut self,
        name: &str,
        path: &str,
        field: &str,
        action: &Action,
    ) -> Result<(), String> {
        let mut body = self.body(action).await?.unwrap_or_else(|| json!({}));
        body[field] = Value::from(name);
        if path == "/products" && body.get("type").is_none() {
            body["type"] = Value::from("product");
        }
        let id = succeeded(self.app.post(path, body).await)?.id();
        if path == "/customers" && self.time == Time::TestClock {
            let path = format!("/test_clocks/{}/customers", self.named("clock")?);
            succeeded(self.app.post(&path, json!({ "customer_id": id })).await)?;
        }
        self.names.insert(key(name), id);
        Ok(())
    }

    async fn request(
        &mut self,
        method: &str,
        path: &str,
        rest: &[&str],
        action: &Action,
    ) -> Result<(), String> {
        let path = self.filled(path).await?;
        let body = self.body(action).await?;
        let method: Method = method.parse().map_err(|_| "no such method".to_owned())?;
        let body = match method {
            Method::GET | Method::DELETE => body,
            _ => Some(body.unwrap_or_else(|| json!({}))),
        };
        let answer = self.app.send(method, &path, body).await;
        match rest {
            [] => succeeded(answer).map(drop),
            ["as", name] => {
                let answer = succeeded(answer)?;
                let id = answer.body.get("id").and_then(Value::as_str);
                let id = id.ok_or_else(|| format!("the answer has no id: {answer}"))?;
                self.names.insert(key(name), id.to_owned());
                Ok(())
            }
            ["->", status] if answer.status.to_string() == *status => Ok(()),
            ["->", status, code] => {
                let found = answer.body.get("code").and_then(Value::as_str);
                let is_it = answer.status.to_string() == *status && found == Some(*code);
                is_it
                    .then_some(())
                    .ok_or_else(|| format!("answered {answer}"))
            }
            _ => Err(format!("answered {answer}")),
        }
    }

    async fn body(&self, action: &Action) -> Result<Option<Value>, String> {
        if action.block.is_empty() {
            return Ok(None);
        }
        let text = self.filled(&action.block.join("\n")).await?;
        let body = serde_json::from_str(&text);
        body.map(Some)
            .map_err(|error| format!("the body is no JSON: {error}"))
    }

    fn named(&self, name: &str) -> Result<String, String> {
        let id = self.names.get(name).cloned();
        id.ok_or_else(|| format!("nothing is named `{name}`"))
    }

    /// A text with ids in place of `$name` and `$name.number`.
    async fn filled(&self, text: &str) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
            let end = after.find(|c| !is_of_name(c)).unwrap_or(after.len());
            let (name, following) = after.split_at(end);
            match name.split_once('.') {
                None => filled.push_str(&self.named(name)?),
                Some((name, number)) => {
                    let id = invoices::nth(self.app, &self.named(name)?, number).await?;
                    filled.push_str(&id);
                }
            }
            rest = following;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// The word for a name: `$acme` of Acme.
fn key(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn succeeded(answer: Answer) -> Result<Answer, String> {
    if answer.status == 200 {
        return Ok(answer);
    }
    Err(format!("answered {answer}"))
}

fn matches(action: &Action, seen: &[String]) -> Result<(), String> {
    let words = |line: &String| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let expected: Vec<String> = action.block.iter().map(words).collect();
    if expected == seen.iter().map(words).collect::<Vec<_>>() {
        return Ok(());
    }
    let seen: Vec<String> = seen.iter().map(|line| format!("    {line}")).collect();
    Err(format!("{}: there is\n{}", action.text, seen.join("\n")))
}
