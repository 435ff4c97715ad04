//! Pages from HTML with Jinja. Owns the language's bounds: every text is escaped, an unknown name is an
//! error, and steps are counted.

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use serde_json::Value as Json;

use crate::{Problem, Result};

/// Steps of a template at most: a page of ten thousand lines takes a tenth of it.
const STEPS_MAX: u64 = 20_000_000;

/// The page of a document.
pub(crate) fn page(template: &str, document: &Json) -> Result<Vec<u8>> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(STEPS_MAX));
    let page = environment.render_str(template, document);
    page.map(String::into_bytes).map_err(problem)
}

fn problem(error: Error) -> Problem {
    let message = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    let line = error.line().and_then(|line| u64::try_from(line).ok());
    Problem {
        message,
        position: line.map(|line| (line, 1)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_escaped() {
        let document = json!({ "name": "<script>alert(1)</script>" });
        let page = page("<b>{{ name }}</b>", &document).unwrap();
        assert_eq!(
            String::from_utf8(page).unwrap(),
            "<b>&lt;script&gt;alert(1)&lt;&#x2f;script&gt;</b>"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (template, line, words) in [
            ("<p>\n{{ nobody }}", 2, "undefined value"),
            ("<p>\n\n{% for x %}", 3, "syntax error"),
            ("{% include 'etc/passwd' %}", 1, "syntax error"),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}",
                1,
                "fuel",
            ),
        ] {
            let found = page(template, &json!({})).unwrap_err();
            assert!(found.message.contains(words), "{found:?}");
            assert_eq!(
                found.position.map(|(line, _)| line),
                Some(line),
                "{found:?}"
            );
        }
    }
}
