//! PDFs from Typst. Owns the compilation and how its complaints are told.

use typst::World;
use typst::diag::{SourceDiagnostic, Warned};
use typst_layout::PagedDocument;
use typst_pdf::PdfOptions;

use crate::world::Desk;
use crate::{Problem, Result};

/// The PDF of a document. The same input gives the same bytes.
pub(crate) fn pdf(template: &str, files: Vec<(&str, Vec<u8>)>, id: &str) -> Result<Vec<u8>> {
    let desk = Desk::new(template, files).ok_or_else(|| Problem::of("a file has no valid name"))?;
    let Warned { output, .. } = typst::compile::<PagedDocument>(&desk);
    let document = output.map_err(|found| problem(&desk, &found))?;
    let options = PdfOptions {
        ident: typst::foundations::Smart::Custom(id.to_owned()),
        creator: typst::foundations::Smart::Custom(Some("Florin".to_owned())),
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&document, &options).map_err(|found| problem(&desk, &found));
    // What was computed for earlier documents and not used for the last few is forgotten.
    typst::comemo::evict(AGE_MAX);
    bytes
}

/// Documents after which a cached result that none of them used goes.
const AGE_MAX: usize = 4;

/// The first complaint, with its hints, at its place in the template.
fn problem(desk: &Desk, found: &[SourceDiagnostic]) -> Problem {
    let Some(first) = found.first() else {
        return Problem::of("the template cannot be compiled");
    };
    let hints = first.hints.iter().map(|hint| format!(" ({})", hint.v));
    let mut message = first.message.to_string();
    message.extend(hints);
    // An error inside of what the template calls is told where the template calls it.
    let calls = first.trace.iter().map(|point| point.span.into());
    let spans = std::iter::once(first.span).chain(calls);
    let main = desk.main();
    let mut spans = spans.filter(|span: &typst::syntax::DiagSpan| span.id() == Some(main));
    let position = spans.next().and_then(|span| {
        let range = typst::WorldExt::range(desk, span)?;
        let source = desk.source(main).ok()?;
        source.lines().byte_to_line_column(range.start)
    });
    let from_one = |number: usize| u64::try_from(number).unwrap_or(u64::MAX).saturating_add(1);
    Problem {
        message,
        position: position.map(|(line, column)| (from_one(line), from_one(column))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(template: &str) -> Problem {
        pdf(template, Vec::new(), "id").unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let found = refused("= Invoice\n#nobody");
        assert_eq!(found.position, Some((2, 2)), "{found:?}");
        assert!(
            found.message.contains("unknown variable: nobody"),
            "{found:?}"
        );
        let inside = refused("#let f(x) = x + \"a\"\n\n#f(1)");
        assert_eq!(inside.position, Some((1, 13)), "{inside:?}");
    }

    #[test]
    fn a_template_sees_no_file_no_package_and_no_clock() {
        for (template, words) in [
            (
                "#read(\"/etc/passwd\")",
                "a template can read document.json",
            ),
            ("#read(\"../../secret\")", "escape"),
            ("#import \"@preview/cetz:0.3.4\"", "a template can read"),
            ("#datetime.today()", "current date"),
        ] {
            let found = refused(template);
            assert!(found.message.contains(words), "{template}: {found:?}");
        }
    }

    #[test]
    fn the_same_document_gives_the_same_bytes() {
        let make = || {
            pdf(
                "#json(\"document.json\").name",
                vec![("/document.json", b"{\"name\": \"A\"}".to_vec())],
                "id",
            )
        };
        let (one, other) = (make().unwrap(), make().unwrap());
        assert!(one.starts_with(b"%PDF-") && one == other);
    }
}
