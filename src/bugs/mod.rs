//! Bugs on purpose: they prove that the tests which look for such bugs find them.
//!
//! Only the program `chatzz-seeded` holds them, built with the feature
//! `seeded-bugs`; it runs the one that is named to it. In every other build
//! `active` is `false` for the compiler, and nothing of them is left.

mod bug;

pub use bug::{Bug, UnknownBug};

/// Whether this process has that bug: never.
#[cfg(not(feature = "seeded-bugs"))]
pub(crate) const fn active(_: Bug) -> bool {
    false
}

#[cfg(feature = "seeded-bugs")]
static CHOSEN: std::sync::OnceLock<Bug> = std::sync::OnceLock::new();

/// Whether this process has that bug.
#[cfg(feature = "seeded-bugs")]
pub(crate) fn active(bug: Bug) -> bool {
    CHOSEN.get() == Some(&bug)
}

/// Gives this process a bug, before anything else is done; the first call counts.
#[cfg(feature = "seeded-bugs")]
pub fn choose(bug: Bug) {
    CHOSEN.get_or_init(|| bug);
}

#[cfg(all(test, not(feature = "seeded-bugs")))]
mod tests {
    use super::{Bug, active};

    /// Fails to compile where a bug could be active at run time.
    const NONE: bool = active(Bug::AckBeforeInsert);

    #[test]
    fn without_the_feature_no_bug_is_ever_active() {
        const { assert!(!NONE) };
        assert!(!Bug::ALL.iter().any(|bug| active(*bug)));
    }
}
