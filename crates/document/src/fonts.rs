//! The fonts of documents. Owns which there are: one for what Florin writes, and one for each script that
//! names and addresses come in, so that none of them becomes boxes (`fonts/README.md` says what is covered).

use std::sync::LazyLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

macro_rules! fonts {
    ($($name:literal),+ $(,)?) => {
        [$(include_bytes!(concat!("../fonts/", $name)).as_slice()),+]
    };
}

/// In the order in which they are asked for a character.
static FILES: [&[u8]; 23] = fonts![
    "Inter-Regular.otf",
    "Inter-Medium.otf",
    "Inter-SemiBold.otf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansArmenian-Regular.ttf",
    "NotoSansBengali-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansEthiopic-Regular.ttf",
    "NotoSansGeorgian-Regular.ttf",
    "NotoSansGujarati-Regular.ttf",
    "NotoSansGurmukhi-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansKannada-Regular.ttf",
    "NotoSansKhmer-Regular.ttf",
    "NotoSansLao-Regular.ttf",
    "NotoSansMalayalam-Regular.ttf",
    "NotoSansMyanmar-Regular.ttf",
    "NotoSansOriya-Regular.ttf",
    "NotoSansSinhala-Regular.ttf",
    "NotoSansTamil-Regular.ttf",
    "NotoSansTelugu-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "NotoSansCJKsc-Subset.otf",
];

/// All fonts and what is known about each.
pub(crate) struct Fonts {
    pub(crate) book: LazyHash<FontBook>,
    pub(crate) fonts: Vec<Font>,
}

/// Read once: the bytes are the binary's own.
pub(crate) static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
    let files = FILES.iter().map(|file| Bytes::new(*file));
    let fonts: Vec<Font> = files.flat_map(Font::iter).collect();
    Fonts {
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        fonts,
    }
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_becomes_boxes() {
        for name in [
            "Møller & Søn ApS, Łódź, Nguyễn Văn Tế, €£¥₹₩₺₴₦₫₪₱",
            "Ελληνική Εταιρεία",
            "ООО «Ромашка», Україна",
            "شركة الطيران المتحدة",
            "אל על נתיבי אוויר",
            "Հայաստան, საქართველო, ኢትዮጵያ",
            "भारतीय स्टेट बैंक, বাংলাদেশ, ਪੰਜਾਬ, ગુજરાત, ଓଡ଼ିଶା",
            "தமிழ்நாடு, తెలంగాణ, ಕರ್ನಾಟಕ, കേരളം, ශ්‍රී ලංකාව",
            "การบินไทย, ລາວ, កម្ពុជា, မြန်မာ",
            "株式会社日本航空、高島屋、トヨタ",
            "中国国际航空股份有限公司、臺灣銀行、香港",
            "대한항공, 삼성전자, 뷁",
        ] {
            let shown = name.chars().filter(|c| *c != '\u{200d}');
            let missing: String = shown
                .filter(|c| {
                    !FONTS
                        .fonts
                        .iter()
                        .any(|font| font.info().coverage.contains(u32::from(*c)))
                })
                .collect();
            assert_eq!(missing, "", "{name}");
        }
    }
}
