//! What a template can see: itself, Florin's own templates, the document and its logo. There are no other
//! files, no packages, no network and no clock, whoever wrote the template.

use std::collections::HashMap;

use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

use std::sync::LazyLock;

use crate::fonts::FONTS;

/// What the template of every invoice imports.
const INVOICE: &str = include_str!("../templates/invoice.typ");

static LIBRARY: LazyLock<LazyHash<Library>> =
    LazyLock::new(|| LazyHash::new(<Library as LibraryExt>::default()));

/// One document being made.
pub(crate) struct Desk {
    main: FileId,
    sources: HashMap<FileId, Source>,
    files: HashMap<FileId, Bytes>,
}

impl Desk {
    /// A template and the files beside it; nothing where a name is no path.
    pub(crate) fn new(template: &str, files: Vec<(&str, Vec<u8>)>) -> Option<Self> {
        let main = file("/template.typ")?;
        let sources = [(main, template), (file("/florin/invoice.typ")?, INVOICE)];
        let sources = sources.map(|(id, text)| (id, Source::new(id, text.to_owned())));
        let files = files
            .into_iter()
            .map(|(name, bytes)| Some((file(name)?, Bytes::new(bytes))));
        Some(Self {
            main,
            sources: sources.into(),
            files: files.collect::<Option<_>>()?,
        })
    }
}

fn file(path: &str) -> Option<FileId> {
    let path = VirtualPath::new(path).ok()?;
    Some(RootedPath::new(VirtualRoot::Project, path).intern())
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        let source = self.sources.get(&id).cloned();
        source.ok_or_else(|| absent(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        let file = self.files.get(&id).cloned();
        file.ok_or_else(|| absent(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    /// A document says nothing that depends on the day it is read.
    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        None
    }
}

fn absent(id: FileId) -> FileError {
    let name = id.vpath().get_without_slash();
    FileError::Other(Some(
        format!("a template can read document.json and its logo, not {name}").into(),
    ))
}
