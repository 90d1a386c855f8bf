//! `chatzz peer`: another person, for whoever builds a front end alone.
//!
//! Without a script it answers every message with the same text, after reading it
//! and typing for a moment; with one it does what the script says, step by step.

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

/// Takes one line of what happens, for the person at the terminal.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// Whom to play, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who it is: the `_id` of a user, or with `chatzz dev` a demo user's name.
    pub who: String,
    /// A user to add first, so that the chat is there.
    pub with: Option<String>,
    /// The script to play; without one, every message is answered.
    pub script: Option<PathBuf>,
    /// Where the server is; with a path, that is the one of its socket.io endpoint.
    pub url: String,
    /// A token, for a server that asks for one.
    pub token: Option<String>,
}

/// Plays the other person: until the script is over, or for ever.
///
/// # Errors
/// With a sentence for the developer. Without a script a lost server is none: it
/// is waited for.
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
