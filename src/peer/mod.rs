//! `chatzz peer`: another person, for whoever builds a front end alone.
//!
//! Without a script it answers every message with the same text, after reading it
//! and typing for a moment; with one it does what the script says, step by step.

mod directory;
mod echo;
mod error;
mod heard;
mod person;
mod play;
mod script;

use crate::cli::PeerArgs;
use person::Person;
use script::Script;

pub use error::PeerError;

/// Takes one line of what happens, for the person at the terminal.
pub type Say<'a> = &'a (dyn Fn(&str) + Sync);

/// Plays the other person: until the script is over, or for ever.
///
/// # Errors
/// With a sentence for the developer. Without a script a lost server is none: it
/// is waited for.
pub async fn run(args: &PeerArgs, say: Say<'_>) -> Result<(), PeerError> {
    let script = match &args.script {
        Some(path) => Some(Script::read(path)?),
        None => None,
    };
    let mut person = Person::arrive(args, say).await?;
    let other = match &args.with {
        Some(with) => Some(person.add(with).await?),
        None => None,
    };
    match script {
        Some(script) => play::play(person, other, &script).await,
        None => echo::echo(person).await,
    }
}
