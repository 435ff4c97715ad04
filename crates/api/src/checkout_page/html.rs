//! HTML from text. Owns escaping: whatever is put into a page goes through [`escaped`].

use std::fmt::Write;

/// Text as it stands in HTML, in an attribute too.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // Nothing of it is shown, and some of it is no HTML.
            other if other.is_control() && other != '\n' => {}
            other => safe.push(other),
        }
    }
    safe
}

/// A document with this title and body. The body is HTML.
pub(super) fn document(title: &str, head: &str, body: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"robots\" content=\"noindex\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"/checkout_pages/style.css\">\n{head}</head>\n<body>\n{body}</body>\n</html>\n"
    )
}

/// A field of a form: label, name, and what a browser may fill in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'f> {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    pub(super) is_required: bool,
    pub(super) length_max: usize,
    pub(super) value: &'f str,
    pub(super) problem: Option<&'f str>,
}

/// The field with its label, what was typed, and what is wrong with it.
pub(super) fn field(field: Field<'_>) -> String {
    let Field {
        name,
        label,
        kind,
        autocomplete,
        is_required,
        length_max,
        value,
        problem,
    } = field;
    let value = escaped(value);
    let mut html = format!("<div class=\"field {name}\"><label for=\"{name}\">{label}");
    if !is_required {
        html.push_str(" <span class=\"optional\">optional</span>");
    }
    let _ = write!(
        html,
        "</label><input id=\"{name}\" name=\"{name}\" type=\"{kind}\" value=\"{value}\" \
         autocomplete=\"{autocomplete}\" maxlength=\"{length_max}\""
    );
    if is_required {
        html.push_str(" required");
    }
    match problem {
        Some(problem) => {
            let problem = escaped(problem);
            let _ = write!(
                html,
                " aria-invalid=\"true\" aria-describedby=\"{name}-problem\">\
                 <p class=\"problem\" id=\"{name}-problem\">{problem}</p></div>"
            );
        }
        None => html.push_str("></div>"),
    }
    html
}
