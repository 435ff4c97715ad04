//! The departures as usage events. Owns reading the example file, whose cells need no quotes.

use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use serde_json::{Map, Value as Json, json};

const FILE: &[u8] = include_bytes!("../../../../examples/departures-2013-01.csv.gz");

/// One JSON object for each departure. `types` are those of the raw metric's fields.
pub(super) fn departures(types: &Map<String, Json>) -> Result<Vec<String>> {
    let mut text = String::new();
    GzDecoder::new(FILE).read_to_string(&mut text)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines
        .next()
        .context("a file of departures")?
        .split(',')
        .collect();
    lines.map(|line| event(&names, line, types)).collect()
}

fn event(names: &[&str], line: &str, types: &Map<String, Json>) -> Result<String> {
    let (mut event, mut fields) = (Map::new(), Map::new());
    for (name, cell) in names.iter().zip(line.split(',')) {
        match types.get(*name).and_then(Json::as_str) {
            None => event.insert((*name).to_owned(), cell.into()),
            Some(_) if cell.is_empty() => continue,
            Some("Int64") => fields.insert((*name).to_owned(), json!(cell.parse::<i64>()?)),
            Some(_) => fields.insert((*name).to_owned(), cell.into()),
        };
    }
    event.insert("data".to_owned(), fields.into());
    Ok(Json::from(event).to_string())
}
