//! Without a script: every message is answered.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::PeerError;
use super::heard::Heard;
use super::person::Person;

/// How long until a message is read, and how long the answer is typed.
const READS_AFTER: Duration = Duration::from_millis(800);
const TYPES_FOR: Duration = Duration::from_millis(1_200);
/// Pause between two attempts to reach a server that does not answer.
const COMES_AGAIN: Duration = Duration::from_secs(1);
/// Longer than anybody waits.
const LONG: Duration = Duration::from_hours(24);

/// Answers every message with its own text, for ever.
pub(super) async fn echo(mut person: Person<'_>) -> Result<(), PeerError> {
    person.say("every message is answered with its own text; Ctrl-C ends it");
    loop {
        let answered = match person.next(Instant::now() + LONG).await {
            Ok(Some(heard)) => answer(&mut person, &heard).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match answered {
            Err(error) if error.is_loss() => come_back(&mut person, &error).await?,
            // such as a block, which is a user's own choice
            Err(error @ PeerError::Refused { .. }) => person.warn(&error.to_string()),
            other => other?,
        }
    }
}

async fn answer(person: &mut Person<'_>, heard: &Heard) -> Result<(), PeerError> {
    person.wait(READS_AFTER).await?;
    person.read(&heard.from).await?;
    if heard.by_peer {
        // two of them would answer each other for ever
        return Ok(());
    }
    person.types(&heard.from, TYPES_FOR).await?;
    person.write(&heard.from, &heard.text).await
}

async fn come_back(person: &mut Person<'_>, lost: &PeerError) -> Result<(), PeerError> {
    person.say(&format!("{lost}; trying again until it is back"));
    loop {
        sleep(COMES_AGAIN).await;
        match person.come().await {
            Err(error) if error.is_loss() => {}
            other => return other,
        }
    }
}
