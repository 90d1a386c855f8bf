//! Following a script, step by step.

use serde_json::Value;
use tokio::time::Instant;

use super::PeerError;
use super::person::Person;
use super::script::{Script, Step};

/// Follows all steps, and disconnects.
///
/// They concern `other`, else the user that the script names, else whoever writes first.
pub(super) async fn play(
    mut person: Person<'_>,
    mut other: Option<Value>,
    script: &Script,
) -> Result<(), PeerError> {
    if let (None, Some(with)) = (&other, &script.with) {
        other = Some(person.add(with).await?);
    }
    for (line, step) in &script.steps {
        let done = take(&mut person, &mut other, script, step).await;
        done.map_err(|error| script.wrong(*line, &format_args!("{step}: {error}")))?;
    }
    person.say("the script is over");
    person.go().await;
    Ok(())
}

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("to whom? Begin the script with `with: <user>`, or `expect` a message before this")]
    Nobody,
    #[error("no message with “{text}” came within {within:?}; {heard}")]
    Unheard {
        text: String,
        within: std::time::Duration,
        heard: String,
    },
}

async fn take(
    person: &mut Person<'_>,
    other: &mut Option<Value>,
    script: &Script,
    step: &Step,
) -> Result<(), Failure> {
    match step {
        Step::Wait(pause) => person.wait(pause.0).await?,
        Step::Offline => person.go().await,
        Step::Online => person.come().await?,
        Step::Expect(text) => expect(person, other, script, text).await?,
        _ => {
            let other = other.as_ref().ok_or(Failure::Nobody)?;
            to_other(person, other, step).await?;
        }
    }
    Ok(())
}

async fn to_other(person: &mut Person<'_>, other: &Value, step: &Step) -> Result<(), PeerError> {
    match step {
        Step::Say(text) => person.write(other, text).await,
        Step::Type(pause) => person.types(other, pause.0).await,
        Step::Read(pause) => {
            person.wait(pause.0).await?;
            person.read(other).await
        }
        Step::Burst(count) => {
            for number in 1..=*count {
                let text = format!("{number} of {count}");
                person.write(other, &text).await?;
            }
            Ok(())
        }
        Step::Block => person.block(other, true).await,
        Step::Unblock => person.block(other, false).await,
        Step::Wait(_) | Step::Offline | Step::Online | Step::Expect(_) => Ok(()),
    }
}

/// Waits for a message that contains a text; from then on its sender is the other person.
async fn expect(
    person: &mut Person<'_>,
    other: &mut Option<Value>,
    script: &Script,
    text: &str,
) -> Result<(), Failure> {
    let until = Instant::now() + script.patience;
    let mut heard = Vec::new();
    while let Some(message) = person.next(until).await? {
        let is_other = other.as_ref().is_none_or(|other| *other == message.from);
        if is_other && message.text.contains(text) {
            *other = Some(message.from);
            return Ok(());
        }
        heard.push(format!("“{}” from {}", message.text, message.name));
    }
    Err(Failure::Unheard {
        text: text.to_owned(),
        within: script.patience,
        heard: if heard.is_empty() {
            "there was none at all".to_owned()
        } else {
            format!("there were {}", heard.join(", "))
        },
    })
}
