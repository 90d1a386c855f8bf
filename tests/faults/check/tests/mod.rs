//! Tests of the checker.
pub(crate) fn trials() -> Vec<libtest_mimic::Trial> { Vec::new() }
