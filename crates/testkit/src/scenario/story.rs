//! Reading a story. Owns its form: days at the margin, actions indented by two, what belongs to an action
//! deeper. `#` begins a remark at the beginning of a line.

use jiff::civil::Date;

/// A story.
#[derive(Debug)]
pub struct Story {
    /// Its days, in order.
    pub chapters: Vec<Chapter>,
}

/// A day of a story.
#[derive(Debug)]
pub struct Chapter {
    /// The day.
    pub day: Date,
    /// What happens on it.
    pub actions: Vec<Action>,
}

/// Something that happens, or that must be.
#[derive(Debug)]
pub struct Action {
    /// Number of its line, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// The lines that belong to it.
    pub block: Vec<String>,
}

impl Story {
    /// Reads a story.
    ///
    /// # Errors
    /// The first line that has no place in one.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut chapters: Vec<Chapter> = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let indent = text.len() - text.trim_start().len();
            let content = text.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let misplaced = || format!("line {line}: `{content}` has no place here");
            if indent == 0 {
                let day = content.parse().map_err(|_| misplaced())?;
                let actions = Vec::new();
                chapters.push(Chapter { day, actions });
                continue;
            }
            let chapter = chapters.last_mut().ok_or_else(misplaced)?;
            if indent == 2 {
                chapter.actions.push(Action {
                    line,
                    text: content.to_owned(),
                    block: Vec::new(),
                });
            } else {
                let action = chapter.actions.last_mut().ok_or_else(misplaced)?;
                action.block.push(content.to_owned());
            }
        }
        Ok(Self { chapters })
    }
}
