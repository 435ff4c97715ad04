//! The picture on a document. Owns which are embedded: those that the address itself holds (`data:`), because
//! a server that loads addresses of users can be sent anywhere.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Pixels on a side of a picture that is embedded without further care.
const SIDE_PIXELS_MAX: u32 = 4_000;

/// Media types and the paths under which templates see them.
const PATHS: [(&str, &str); 5] = [
    ("image/png", "/logo.png"),
    ("image/jpeg", "/logo.jpg"),
    ("image/gif", "/logo.gif"),
    ("image/webp", "/logo.webp"),
    ("image/svg+xml", "/logo.svg"),
];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logo {
    kind: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Logo {
    /// The picture that a `data:` URL holds.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let (media_type, text) = url.strip_prefix("data:")?.split_once(";base64,")?;
        let mut types = PATHS.iter();
        let kind = types.position(|(known, _)| *known == media_type)?;
        let bytes = STANDARD.decode(text).ok()?;
        Some(Self { kind, bytes })
    }

    pub(crate) fn path(&self) -> &'static str {
        PATHS.get(self.kind).map_or("/logo", |(_, path)| path)
    }

    /// Whether it is a PNG whose head says that it is small. Others may be drawings that take for ever, or
    /// unfold to gigabytes.
    pub(crate) fn is_small(&self) -> bool {
        let side = |from: usize| {
            let bytes = self.bytes.get(from..from.checked_add(4)?)?;
            Some(u32::from_be_bytes(bytes.try_into().ok()?))
        };
        let is_png = self.bytes.starts_with(b"\x89PNG\r\n\x1a\n") && self.kind == 0;
        let fits = |side: Option<u32>| side.is_some_and(|pixels| pixels <= SIDE_PIXELS_MAX);
        is_png && fits(side(16)) && fits(side(20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pictures_that_the_address_holds_are_embedded() {
        for url in [
            "https://northwind.example/logo.png",
            "data:text/html;base64,PGI+",
            "data:image/png;base64,???",
            "data:image/png,raw",
        ] {
            assert_eq!(Logo::of_url(url), None, "{url}");
        }
        let logo = Logo::of_url("data:image/svg+xml;base64,PHN2Zy8+").unwrap();
        assert_eq!(
            (logo.path(), logo.bytes.as_slice(), logo.is_small()),
            ("/logo.svg", b"<svg/>".as_slice(), false)
        );
    }
}
