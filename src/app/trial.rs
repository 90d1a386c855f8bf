//! Trying the hooks out: a sample of each question, and what its answer would do.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use crate::auth::{Authenticator, Credentials, Identity};
use crate::clock::Clock;
use crate::config::{AuthMode, Config, Hook, HookFailure};
use crate::hooks::{
    AddVerdict, BeforeAdd, BeforeSend, CannotAsk, Hooks as _, Refusal, SendVerdict, Webhook,
};
use crate::id::{ChatRoomId, UserId};
use crate::service::{ContentRules, Error};

/// The people of the samples; no users.
const PEOPLE: [&str; 2] = ["sample-user-1", "sample-user-2"];
/// The text, token and name of the samples.
const SAMPLE: &str = "sample";

/// What became of a sample.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The hook.
    pub hook: Hook,
    /// How long the answer took.
    pub took: Duration,
    /// What would be done, or why there is no answer and what holds then.
    pub outcome: Result<String, String>,
}

/// Sends the application a sample of each hook that the configuration names, signed like
/// any question. Nothing is stored.
///
/// # Errors
/// A sentence for the operator, when nothing can be tried.
pub async fn try_hooks(config: &Config) -> Result<Vec<Tried>, String> {
    let webhook = Webhook::new(&config.hooks, Clock::System)
        .map_err(|_| "the system's root certificates cannot be read".to_owned())?;
    let mut tried = Vec::new();
    if let AuthMode::Webhook(_) = config.auth.mode {
        let (took, outcome) = timed(login(config)).await;
        tried.push(Tried {
            hook: Hook::Login,
            took,
            outcome,
        });
    }
    for hook in webhook.iter().flat_map(|_| config.hooks.hooks.clone()) {
        let Some(webhook) = webhook.clone() else {
            break;
        };
        let rules = ContentRules::new(config);
        let asked = ask(&webhook, hook, &rules);
        let limited = async {
            let answer = timeout(config.hooks.timeout, asked).await;
            answer.unwrap_or_else(|_| Err(CannotAsk("timed out".to_owned())))
        };
        let (took, answer) = timed(limited).await;
        let outcome = answer.map_err(|CannotAsk(why)| {
            let policy = policy(hook, config.hooks.failure);
            format!("no verdict: {why}. {policy}")
        });
        tried.push(Tried {
            hook,
            took,
            outcome,
        });
    }
    if tried.is_empty() {
        return Err(
            "there is nothing to try: CHATZZ_HOOKS names no hook, and CHATZZ_AUTH is not `webhook`"
                .to_owned(),
        );
    }
    Ok(tried)
}

async fn timed<T>(asked: impl Future<Output = T>) -> (Duration, T) {
    let began = Instant::now();
    let answer = asked.await;
    (began.elapsed(), answer)
}

/// What holds without an answer.
fn policy(hook: Hook, failure: Option<HookFailure>) -> &'static str {
    match (hook, failure) {
        (Hook::UserDetails, _) => "Clients would be shown `_id` alone.",
        (Hook::Login, _) => "Nobody could log in.",
        (_, Some(HookFailure::Allow)) => "CHATZZ_HOOK_FAILURE=allow: it would be allowed.",
        (_, Some(HookFailure::Refuse) | None) => {
            "CHATZZ_HOOK_FAILURE=refuse: it would be refused as `unavailable`."
        }
    }
}

async fn ask(
    webhook: &Arc<Webhook>,
    hook: Hook,
    rules: &ContentRules,
) -> Result<String, CannotAsk> {
    let [from, to] = PEOPLE.map(|id| UserId::String(id.to_owned()));
    match hook {
        Hook::Login => Ok(String::new()),
        Hook::BeforeSend => {
            let sample = BeforeSend {
                from,
                to,
                chat_room: ChatRoomId::generate(),
                message: SAMPLE.to_owned(),
                kind: None,
                data: None,
                client_id: Some(SAMPLE.to_owned()),
                via: None,
            };
            Ok(match webhook.before_send(&sample).await? {
                SendVerdict::Allow => "the message would be sent".to_owned(),
                SendVerdict::Refuse(refusal) => refused("the message", &refusal),
                SendVerdict::Replace(text) if rules.check_text(&text).is_ok() => {
                    format!("the message would be sent as: {text}")
                }
                SendVerdict::Replace(_) => {
                    return Err(CannotAsk("the replacement cannot be sent".to_owned()));
                }
                SendVerdict::Withhold => {
                    "the message would be stored, and shown to its sender alone".to_owned()
                }
            })
        }
        Hook::BeforeAdd => {
            let sample = BeforeAdd { from, to };
            Ok(match webhook.before_add(&sample).await? {
                AddVerdict::Allow => "the chat room would be created".to_owned(),
                AddVerdict::Refuse(refusal) => refused("the chat room", &refusal),
            })
        }
        Hook::UserDetails => {
            let users = PEOPLE.map(|id| {
                let user = json!({ "_id": id, "username": SAMPLE });
                user.as_object().cloned().unwrap_or_default()
            });
            let shaped: Vec<Map<String, Value>> = webhook.user_details(&users).await?;
            Ok(format!("clients would be shown: {}", json!(shaped)))
        }
    }
}

fn refused(what: &str, refusal: &Refusal) -> String {
    let meta = refusal.meta().map(|meta| format!(", meta {}", json!(meta)));
    let meta = meta.unwrap_or_default();
    format!("{what} would be refused: {}{meta}", refusal.reason())
}

/// Asks the login webhook about a token that is nobody's.
async fn login(config: &Config) -> Result<String, String> {
    let authenticator = Authenticator::new(&config.auth, Clock::System).await;
    let authenticator = authenticator.map_err(|error| error.to_string())?;
    let request = http::Request::new(());
    let auth = json!({ "token": SAMPLE }).to_string();
    let address = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let credentials = Credentials::of_handshake(&request.into_parts().0, Some(&auth), address);
    match authenticator.identify(&credentials).await {
        Ok(Identity::Verified(verified)) => Ok(format!(
            "the token `{SAMPLE}` would be a login of {:?}",
            verified.user
        )),
        Ok(Identity::Unverified) => Ok("everybody would be let in".to_owned()),
        Err(Error::LoginRefused(refusal)) => Ok(refused("the login", &refusal)),
        Err(Error::Unauthorized(reason)) => Ok(format!("the login would be refused: {reason}")),
        Err(_) => Err(format!(
            "no verdict: the log says why. {}",
            policy(Hook::Login, None)
        )),
    }
}
