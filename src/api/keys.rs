//! The keys that may call, as their file last said.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use subtle::ConstantTimeEq as _;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{ApiConfig, ApiKey, ApiScope, digest_of};
use crate::limits::Bucket;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long a changed file has to stay the same.
const STEADY_FOR: Duration = Duration::from_millis(500);

/// The keys, and how much each may still ask for.
pub(crate) struct Keys {
    config: ApiConfig,
    clock: Clock,
    known: RwLock<Arc<[Arc<Key>]>>,
    /// By name, since a key that replaces another one does not fill the bucket.
    buckets: RwLock<HashMap<String, Arc<Bucket>>>,
}

/// A key that may call.
pub(crate) struct Key {
    file: ApiKey,
    bucket: Arc<Bucket>,
}

impl Key {
    /// The name of whoever has it.
    pub(super) fn name(&self) -> &str {
        &self.file.name
    }

    /// Whether it may be used for this.
    pub(super) fn has(&self, scope: ApiScope) -> bool {
        self.file.scopes.contains(&scope)
    }

    /// Takes one unit out of what it may ask for.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        self.bucket.take().map(drop)
    }
}

impl Keys {
    /// These keys; later on those of the file.
    pub(crate) fn new(config: ApiConfig, keys: Vec<ApiKey>, clock: Clock) -> Self {
        let all = Self {
            config,
            clock,
            known: RwLock::new(Arc::new([])),
            buckets: RwLock::default(),
        };
        all.set(keys);
        all
    }

    fn set(&self, keys: Vec<ApiKey>) {
        let mut buckets = self.buckets.write();
        let keys = keys.into_iter().map(|file| {
            let new = || Arc::new(Bucket::new(self.config.requests));
            let bucket = Arc::clone(buckets.entry(file.name.clone()).or_insert_with(new));
            Arc::new(Key { file, bucket })
        });
        *self.known.write() = keys.collect();
    }

    /// Finds the key that was shown, unless it has ended. Takes as long whichever it is.
    pub(super) fn find(&self, shown: &[u8]) -> Option<Arc<Key>> {
        let digest = digest_of(shown);
        let known = Arc::clone(&self.known.read());
        let mut found = None;
        for key in known.iter() {
            if bool::from(key.file.digest.ct_eq(&digest)) {
                found = Some(Arc::clone(key));
            }
        }
        let now = self.clock.now().timestamp_millis();
        found.filter(|key| key.file.expires.is_none_or(|end| now < end))
    }

    /// What the file says now.
    async fn load(&self) -> Option<Result<Vec<ApiKey>, Vec<String>>> {
        let config = self.config.clone();
        let loaded = tokio::task::spawn_blocking(move || config.load_keys()).await;
        loaded.ok()
    }

    /// Looks at the file until cancelled. Mistakes are reported once, and the previous keys
    /// stay.
    pub(crate) async fn keep(self: Arc<Self>, cancelled: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            tokio::select! {
                () = cancelled.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let Some(loaded) = self.load().await else {
                continue;
            };
            if seen.as_ref() == Some(&loaded) {
                continue;
            }
            if seen.is_some() {
                // it may be being written just now
                tokio::time::sleep(STEADY_FOR).await;
                if self.load().await.as_ref() != Some(&loaded) {
                    continue;
                }
            }
            match &loaded {
                Ok(keys) => {
                    // the first look finds what the start has read
                    if seen.is_some() {
                        tracing::info!(keys = keys.len(), "the API keys were read anew");
                    }
                    self.set(keys.clone());
                }
                Err(mistakes) => tracing::warn!(
                    mistakes = mistakes.join("; "),
                    "CHATZZ_API_KEYS_FILE cannot be used: the API keys were not changed"
                ),
            }
            seen = Some(loaded);
        }
    }
}
