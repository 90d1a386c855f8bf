//! How much memory of the server something takes at most.

use super::process::{Watched, forget_most_resident, most_resident};

/// A server's memory before something is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peak {
    pid: u32,
    before: u64,
}

impl Peak {
    /// Begins to look; `None` where nothing is known of the server.
    pub(crate) fn begin(watched: &Watched) -> anyhow::Result<Option<Self>> {
        let ([pid], Some(memory)) = (&*watched.pid, watched.memory()) else {
            return Ok(None);
        };
        forget_most_resident(*pid)?;
        Ok(Some(Self {
            pid: *pid,
            before: memory.resident_kib,
        }))
    }

    /// How much there was before, and the most that there was more since then.
    pub(crate) fn end(self, name: &str) -> [(String, f64); 2] {
        let kib = |kib: u64| f64::from(u32::try_from(kib).unwrap_or(u32::MAX));
        let most = most_resident(self.pid).unwrap_or_default();
        let growth = most.saturating_sub(self.before);
        [
            (format!("{name}BeforeKib"), kib(self.before)),
            (format!("{name}GrowthKib"), kib(growth)),
        ]
    }
}
