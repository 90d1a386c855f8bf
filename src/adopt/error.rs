//! Why a database could not be taken over.

use crate::store::Error;
use crate::store::adopt::Kind;
use crate::store::migrate::MigrateError;

/// A sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The database cannot be queried, or refuses.
    #[error(transparent)]
    Database(#[from] Error),
    /// The lock or the migrations.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// Chatzz 1.x is running.
    #[error(
        "somebody writes the {} of chatzz 1.x: stop every process that uses it, and run `chatzz adopt` \
         again. Its documents are as they were; if `chatzz adopt` had begun, `chatzz adopt --undo` also \
         removes what it has made", .0.title()
    )]
    StillWriting(Kind),
    /// Chatzz 1.x has written after the adoption.
    #[error(
        "chatzz 1.x has written after its database was taken over: stop every process that uses it. \
         `chatzz adopt --undo` goes back, and says so if messages would be lost by it; then run \
         `chatzz adopt` again"
    )]
    WrittenSince,
    /// There are documents of this chatzz already.
    #[error(
        "{0} holds documents of this chatzz already: take over into an empty database, with \
         `--into` and CHATZZ_DATABASE"
    )]
    NotEmpty(String),
    /// An earlier adoption has left a collection.
    #[error("the collection {0} is left of an earlier adoption: give it another name, or drop it")]
    Leftover(String),
    /// Chatzz 1.x has written in the middle of the adoption, to a collection of its own.
    #[error(
        "{0} holds what chatzz 1.x has stored since `chatzz adopt` was interrupted, and going back would \
         lose it: stop every process that uses it, and give that collection another name. Then run \
         `chatzz adopt --undo` again, and insert its documents into {0} afterwards"
    )]
    Taken(String),
    /// A dry run has nothing to count any more.
    #[error(
        "`chatzz adopt` has begun here and was interrupted when everything was counted: run it again \
         without --dry-run"
    )]
    Unfinished,
    /// An undo was interrupted.
    #[error("`chatzz adopt --undo` has begun here and has not ended: run it again")]
    UndoBegun,
    /// Another database is being taken over there.
    #[error("{into} takes over {begun}: end that first, or choose another database")]
    OtherSource {
        /// The database that it goes into.
        into: String,
        /// The database that is taken over there.
        begun: String,
    },
    /// Documents are neither kept nor set aside.
    #[error(
        "of {found} {}, {kept} are taken over and {aside} set aside: that is not all. Nothing was changed \
         in the old collections; `chatzz adopt --undo` removes the new ones. Please report this", .kind.title()
    )]
    Unaccounted {
        /// What they are.
        kind: Kind,
        /// How many there are.
        found: u64,
        /// How many are kept.
        kept: u64,
        /// How many are set aside.
        aside: u64,
    },
    /// A chat room could not be read.
    #[error("a chat room of chatzz 1.x cannot be read: {0}")]
    Unreadable(#[from] crate::store::Unreadable),
    /// There is no adoption.
    #[error("nothing was taken over into {0}, so that nothing can be undone")]
    NothingToUndo(String),
    /// What is to be put back is not there any more.
    #[error(
        "the collection {0} is gone, and with it the way back: what it held is in the new collections \
         alone. Nothing was removed. The other way back is your back-up"
    )]
    Gone(String),
    /// New messages would be lost.
    #[error(
        "new messages were stored since the adoption, {new} in all and {old} of them by chatzz 1.x, and \
         going back would lose them. The documents of before are in the collections `…before_…`, or with --into in the \
         database that they were taken from. To give the new ones up, \
         drop every collection of the adoption and restore your back-up, as the documentation says under \
         \"Go back\""
    )]
    NewMessages {
        /// How many there are.
        new: u64,
        /// How many of them chatzz 1.x has stored.
        old: u64,
    },
    /// A server holds a lease.
    #[error(
        "a server runs on this database (node {0}): stop every server first; the lease of one that \
         crashed ends by itself within 15 s"
    )]
    ServerRuns(String),
    /// The run was stopped.
    #[error("interrupted: `chatzz adopt` goes on from here, and `chatzz adopt --undo` goes back")]
    Interrupted,
}
