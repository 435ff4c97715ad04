//! Reading the project's files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file and its text.
pub(crate) struct Source {
    /// Path below the project's root, with `/`.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Name of the crate it belongs to.
    pub(crate) fn krate(&self) -> &str {
        self.path.split('/').nth(1).unwrap_or_default()
    }

    /// Whether it is code that runs in tests only.
    pub(crate) fn is_test(&self) -> bool {
        let in_test_crate = matches!(self.krate(), "testkit" | "tidy");
        let in_test_folder = ["/tests/", "/benches/", "/fuzz/"]
            .iter()
            .any(|f| self.path.contains(f));
        in_test_crate || in_test_folder || self.name() == "tests.rs"
    }

    /// The code before the file's own test module.
    pub(crate) fn product_code(&self) -> &str {
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every file of the project with this ending, in order; build folders left out.
pub(crate) fn files(ending: &str) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &mut |file| {
        if file
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            let path = file
                .strip_prefix(&root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            found.push(Source {
                path,
                text: fs::read_to_string(file).unwrap(),
            });
        }
    });
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// Rust files of the workspace's crates.
pub(crate) fn rust() -> Vec<Source> {
    let files = files("rs").into_iter();
    files
        .filter(|file| file.path.starts_with("crates/"))
        .collect()
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path)) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules" | "corpus") {
            continue;
        }
        if path.is_dir() {
            walk(&path, visit)
        } else {
            visit(&path)
        }
    }
}
