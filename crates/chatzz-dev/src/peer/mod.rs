//! `chatzz peer`: another person, for developing a front end alone.
//!
//! Without a script it answers every message with the same text, after reading it and
//! typing for a moment; with one it follows the script, step by step.

mod directory;
mod echo;
mod error;
mod heard;
mod pause;
mod person;
mod play;
mod script;

use std::path::PathBuf;

use person::Person;
use script::Script;

pub use error::PeerError;

/// Takes one line about what happens, for the person at the terminal.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// Whom to play, and on which server.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who to connect as: the `_id` of a user, or with `chatzz dev` a demo user's name.
    pub who: String,
    /// A user to add first, so that the chat room exists.
    pub with: Option<String>,
    /// The script to follow; without one, every message is answered.
    pub script: Option<PathBuf>,
    /// Where the server is; a path in it is that of the socket.io endpoint.
    pub url: String,
    /// A token, for a server that requires one.
    pub token: Option<String>,
}

/// Plays the other person: until the script is over, or for ever.
///
/// # Errors
/// With a sentence for the developer. Without a script, a lost server is not an error:
/// the peer waits for it.
pub async fn run(options: &Options, say: Say<'_>) -> Result<(), PeerError> {
    let script = match &options.script {
        Some(path) => Some(Script::read(path)?),
        None => None,
    };
    let mut person = Person::arrive(options, say).await?;
    let other = match &options.with {
        Some(with) => Some(person.add(with).await?),
        None => None,
    };
    match script {
        Some(script) => play::play(person, other, &script).await,
        None => echo::echo(person).await,
    }
}
