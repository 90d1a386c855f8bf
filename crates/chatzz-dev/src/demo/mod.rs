//! The demo application: `clients/demo`, built with npm when it is first needed.
//!
//! Its sources are part of this program, so that every `chatzz dev` can build them,
//! wherever the program came from, and always those of its own version. The built files
//! are kept in the user's cache under the hash of the sources. With the feature
//! `embed-demo` the built files themselves are part of the program, and npm is not used.

mod error;
mod site;
#[cfg(any(test, not(feature = "embed-demo")))]
mod sources;
#[cfg(any(test, not(feature = "embed-demo")))]
mod work;

use std::path::Path;

/// The kinds of messages that the demo shows beside text, as `CHATZZ_KINDS_FILE` has them.
pub const KINDS: &str = include_str!("../../fixtures/kinds.json");

pub use error::DemoError;
pub use site::Site;

use super::Progress;

/// The demo application, ready to be served; `cache` is where it is built at the first call.
///
/// # Errors
/// [`DemoError`], when it cannot be built. The server does not depend on it.
#[cfg(not(feature = "embed-demo"))]
pub async fn demo(cache: &Path, progress: Progress<'_>) -> Result<Site, DemoError> {
    work::built("npm".as_ref(), cache, progress).await
}

/// The demo application, which is part of this program.
///
/// # Errors
/// None; without the feature `embed-demo` there can be.
#[cfg(feature = "embed-demo")]
#[expect(
    clippy::unused_async,
    reason = "without the feature it awaits npm, and the caller is the same"
)]
pub async fn demo(_: &Path, _: Progress<'_>) -> Result<Site, DemoError> {
    static BUILT: include_dir::Dir<'_> = include_dir::include_dir!("$OUT_DIR/demo");
    Ok(Site::embedded(&BUILT))
}
