//! Programs from PyPI that look at the product from outside.

use std::path::PathBuf;

pub(crate) use florin_testkit::python::run;

/// The folder of an environment's programs; made where it is missing or of other versions.
pub(crate) fn environment(name: &str, requirements: &str) -> PathBuf {
    florin_testkit::python::environment(env!("CARGO_TARGET_TMPDIR"), name, requirements)
}
