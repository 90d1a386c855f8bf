//! The migrations, in order.

use sha2::{Digest as _, Sha256};

/// A numbered change of the database: a file of `migrations/`, and optional code before it.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// File name without its ending; orders the migrations.
    pub name: &'static str,
    /// The file: an Extended JSON array of commands.
    pub commands: &'static str,
    /// The code that runs before the commands.
    pub(super) code: Option<Code>,
}

/// The code of a migration. It may take long, no server of another version may run
/// meanwhile, and there is no way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    /// Statuses of messages become cursors of their chat rooms.
    Cursors,
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_create_collections",
        commands: include_str!("../../../migrations/0001_create_collections.json"),
        code: None,
    },
    Migration {
        name: "0002_create_privacy",
        commands: include_str!("../../../migrations/0002_create_privacy.json"),
        code: None,
    },
    Migration {
        name: "0003_cursors",
        commands: include_str!("../../../migrations/0003_cursors.json"),
        code: Some(Code::Cursors),
    },
    Migration {
        name: "0004_create_events",
        commands: include_str!("../../../migrations/0004_create_events.json"),
        code: None,
    },
    Migration {
        name: "0005_presence_by_log",
        commands: include_str!("../../../migrations/0005_presence_by_log.json"),
        code: None,
    },
];

impl Migration {
    /// SHA-256 of the file, in hex.
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.commands.as_bytes()))
    }
}
