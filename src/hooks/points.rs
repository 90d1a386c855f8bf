//! Asking: the time limit, the policy where no answer comes, and what is counted.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use moka::future::Cache;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use super::causes::Causes;
use super::{
    AddVerdict, Answer, BeforeAdd, BeforeSend, CannotAsk, Hook, HookFailure, Hooks, LoginAsked,
    LoginVerdict, Refusal, SendVerdict,
};
use crate::config::SigningSecrets;
use crate::domain::Content;
use crate::id::{ChatRoomId, UserId};
use crate::signature;
use crate::store::User;

/// How long a message that may be sent may still be sent again under its id: longer than it
/// takes to store it. A repeat is then not asked about, so that it cannot be refused while the
/// first is being stored.
const REPEATED_WITHIN: Duration = Duration::from_secs(15);
/// Bytes of messages that are kept for that; beyond them the oldest are asked about again.
const MAX_KEPT: u64 = 16 * 1024 * 1024;
/// Bytes that a message counts for, beside its content.
const KEPT_BESIDE: u32 = 512;
/// Bytes of the digest of what was asked.
const DIGEST_BYTES: usize = 16;

/// Hooks that are part of the program.
#[derive(Clone)]
pub struct InProcess {
    /// The hooks.
    pub hooks: Arc<dyn Hooks>,
    /// What becomes of messages and chat rooms when they give no answer.
    pub failure: HookFailure,
    /// Secrets that all servers of a deployment have alike: by them a message that was
    /// replaced is recognised when it is sent again. The first is used for new ones.
    pub secrets: SigningSecrets,
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}

/// Asks the hooks of a server.
pub struct HookPoints {
    pub(super) hooks: Arc<dyn Hooks>,
    failure: HookFailure,
    causes: Causes,
    timeout: Duration,
    /// The keys of digests, the one of new digests first.
    secrets: SigningSecrets,
    /// What clients are shown of a user, as JSON.
    pub(super) details: fn(&User) -> &RawValue,
    /// What becomes of messages that are asked about, or were a moment ago and not refused.
    verdicts: Cache<(BeforeSend, String), SendVerdict>,
}

/// Why a message is not sent.
enum NotSent {
    Refused(Refusal),
    Unasked(CannotAsk),
}

impl fmt::Debug for HookPoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookPoints").finish_non_exhaustive()
    }
}

impl HookPoints {
    /// Asks these hooks, each for at most `timeout`.
    pub(crate) fn new(
        hooks: Arc<dyn Hooks>,
        failure: HookFailure,
        timeout: Duration,
        secrets: SigningSecrets,
        details: fn(&User) -> &RawValue,
    ) -> Self {
        Self {
            hooks,
            failure,
            causes: Causes::default(),
            timeout,
            secrets,
            details,
            verdicts: Cache::builder()
                .weigher(|(asked, id): &(BeforeSend, String), _| {
                    let data = asked.data.as_ref().map_or(0, String::len);
                    let bytes = u32::try_from(asked.message.len() + data + id.len());
                    bytes.unwrap_or(u32::MAX).saturating_add(KEPT_BESIDE)
                })
                .max_capacity(MAX_KEPT)
                .time_to_live(REPEATED_WITHIN)
                .build(),
        }
    }

    /// Whether a hook is asked.
    pub(crate) fn asks(&self, hook: Hook) -> bool {
        self.hooks.asks(hook)
    }

    /// Decides on a message. A replacement that `may_be_sent` denies is no answer. What is sent
    /// again under the same `client_id` while it is asked about is not asked about twice.
    ///
    /// # Errors
    /// When there is no answer, and the policy says to refuse.
    pub(crate) async fn before_send(
        &self,
        asked: BeforeSend,
        client_id: Option<&str>,
        may_be_sent: impl Fn(&str) -> bool + Send,
    ) -> Result<SendVerdict, CannotAsk> {
        let Some(client_id) = client_id else {
            return self.decide(&asked, may_be_sent).await;
        };
        let message = asked.clone();
        let decide = async {
            match self.decide(&message, may_be_sent).await {
                Ok(SendVerdict::Refuse(refusal)) => Err(NotSent::Refused(refusal)),
                Ok(verdict) => Ok(verdict),
                Err(unasked) => Err(NotSent::Unasked(unasked)),
            }
        };
        let key = (asked, client_id.to_owned());
        let verdict = self.verdicts.try_get_with(key, decide).await;
        verdict.or_else(|not_sent| match &*not_sent {
            NotSent::Refused(refusal) => Ok(SendVerdict::Refuse(refusal.clone())),
            NotSent::Unasked(unasked) => Err(unasked.clone()),
        })
    }

    async fn decide(
        &self,
        asked: &BeforeSend,
        may_be_sent: impl Fn(&str) -> bool + Send,
    ) -> Result<SendVerdict, CannotAsk> {
        let answer = self.ask(Hook::BeforeSend, self.hooks.before_send(asked));
        let verdict = self.counted(
            Hook::BeforeSend,
            answer.await.and_then(|verdict| match verdict {
                SendVerdict::Replace(text) if !may_be_sent(&text) => {
                    Err(CannotAsk("the replacement cannot be sent".to_owned()))
                }
                verdict => Ok(verdict),
            }),
            SendVerdict::name,
        );
        self.or_policy(verdict, SendVerdict::Allow)
    }

    /// Decides on a new chat room.
    ///
    /// # Errors
    /// When there is no answer, and the policy says to refuse.
    pub(crate) async fn before_add(&self, asked: &BeforeAdd) -> Result<AddVerdict, CannotAsk> {
        let answer = self
            .ask(Hook::BeforeAdd, self.hooks.before_add(asked))
            .await;
        let verdict = self.counted(Hook::BeforeAdd, answer, AddVerdict::name);
        self.or_policy(verdict, AddVerdict::Allow)
    }

    /// Decides on a login.
    ///
    /// # Errors
    /// When there is no answer: then nobody logs in, whatever the policy.
    pub(crate) async fn login(&self, asked: &LoginAsked) -> Result<LoginVerdict, CannotAsk> {
        let answer = self.ask(Hook::Login, self.hooks.login(asked)).await;
        self.counted(Hook::Login, answer, LoginVerdict::name)
    }

    /// Waits for an answer, as long as it may take.
    #[tracing::instrument(name = "hooks.ask", level = "debug", skip_all, fields(hook = hook.as_str()))]
    pub(super) async fn ask<T>(&self, hook: Hook, answer: Answer<'_, T>) -> Result<T, CannotAsk> {
        let began = Instant::now();
        // a panic of a program's own hook is its own: the sender still gets an answer
        let answer = AssertUnwindSafe(timeout(self.timeout, answer));
        let answer = answer.catch_unwind().await;
        let answer = answer.unwrap_or_else(|_| Ok(Err(CannotAsk("it panicked".to_owned()))));
        metrics::histogram!("chatzz_hook_seconds", "hook" => hook.as_str())
            .record(began.elapsed().as_secs_f64());
        answer.unwrap_or_else(|_| Err(CannotAsk("timed out".to_owned())))
    }

    /// Counts an answer, or that there was none; the log says why.
    pub(super) fn counted<T>(
        &self,
        hook: Hook,
        answer: Result<T, CannotAsk>,
        name: impl Fn(&T) -> &'static str,
    ) -> Result<T, CannotAsk> {
        let result = answer.as_ref().map_or("failed", name);
        metrics::counter!("chatzz_hooks_total", "hook" => hook.as_str(), "result" => result)
            .increment(1);
        self.causes.note(hook, &answer);
        answer
    }

    fn or_policy<T>(&self, verdict: Result<T, CannotAsk>, allow: T) -> Result<T, CannotAsk> {
        match (verdict, self.failure) {
            (Err(_), HookFailure::Allow) => Ok(allow),
            (verdict, _) => verdict,
        }
    }

    /// The digest of a message that is replaced. Without the secrets it reveals nothing,
    /// not even of a text as short as a telephone number.
    pub(crate) fn digest(&self, send: &SentOnce<'_>) -> Option<String> {
        send.digest(self.secrets.keys().next()?)
    }

    /// Whether a digest is that of this message.
    pub(crate) fn is_digest(&self, digest: &str, send: &SentOnce<'_>) -> bool {
        let mut keys = self.secrets.keys();
        keys.any(|key| send.digest(key).as_deref() == Some(digest))
    }
}

/// What makes a message the same one when it is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentOnce<'a> {
    pub(crate) room: ChatRoomId,
    pub(crate) from: &'a UserId,
    pub(crate) client_id: &'a str,
    pub(crate) content: &'a Content,
}

impl SentOnce<'_> {
    fn digest(&self, key: &[u8]) -> Option<String> {
        let from = self.from.to_key();
        let Content { text, kind, data } = self.content;
        let parts = [
            &self.room.bytes()[..],
            from.as_bytes(),
            self.client_id.as_bytes(),
            kind.as_deref().unwrap_or_default().as_bytes(),
            data.as_deref().unwrap_or_default().as_bytes(),
        ];
        let ends = [b"\0".as_slice(); 5];
        let parts = parts
            .into_iter()
            .zip(ends)
            .flat_map(|(part, end)| [part, end]);
        let mac = signature::mac(key, parts.chain([text.as_bytes()]));
        mac.map(|mac| hex::encode(mac.split_at(DIGEST_BYTES).0))
    }
}

impl SendVerdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse(_) => "refuse",
            Self::Replace(_) => "replace",
            Self::Withhold => "withhold",
        }
    }
}

impl AddVerdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Refuse(_) => "refuse",
        }
    }
}

impl LoginVerdict {
    fn name(&self) -> &'static str {
        match self {
            Self::Pass | Self::Grant(_) => "allow",
            Self::Refuse(_) => "refuse",
        }
    }
}
