//! Removing old entries.

use std::time::Duration;

use bson::DateTime;
use tokio::time::Instant;

use super::Log;
use crate::store::Error;

/// How often old entries are looked for.
const TRIM_EVERY: Duration = Duration::from_mins(1);
/// How long what is still to be pushed to the application is kept, whatever the setting.
const UNPUSHED_KEPT: Duration = Duration::from_hours(72);

impl Log {
    /// Removes what is older than it is kept, but never the newest entry. Any server may do
    /// it, and several at once: they remove the same.
    pub(super) async fn trim(&mut self) -> Result<(), Error> {
        if self.trimmed.is_some_and(|at| at.elapsed() < TRIM_EVERY) {
            return Ok(());
        }
        self.trimmed = Some(Instant::now());
        let Some(last) = self.last.as_ref().map(|last| last.id) else {
            return Ok(());
        };
        let keep = i64::try_from(self.deps.keep.as_millis()).unwrap_or(i64::MAX);
        let now = self.deps.clock.now().timestamp_millis();
        let before = DateTime::from_millis(now.saturating_sub(keep));
        let events = &self.deps.store.events;
        let Some(first) = events.find_first().await? else {
            return Ok(());
        };
        // never the newest
        let old = events.find_last_before(before, first.id, last - 1).await?;
        let Some(old) = old.map(|old| old.id) else {
            return Ok(());
        };
        let pushed = self.deps.store.pushes().find_pushed(UNPUSHED_KEPT).await?;
        let old = match pushed.filter(|pushed| *pushed < old) {
            None => old,
            Some(pushed) => {
                let kept = i64::try_from(UNPUSHED_KEPT.as_millis()).unwrap_or(i64::MAX);
                let before = DateTime::from_millis(now.saturating_sub(kept));
                let older = events.find_last_before(before, first.id, old).await?;
                older.map_or(pushed, |older| older.id.max(pushed))
            }
        };
        if old >= first.id {
            events.remove_up_to(old).await?;
        }
        Ok(())
    }
}
