//! The files of `migrations/`, in order.

use sha2::{Digest as _, Sha256};

/// One file of `migrations/`.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// File name without its ending; orders the migrations.
    pub name: &'static str,
    /// The file: an Extended JSON array of commands.
    pub commands: &'static str,
}

/// All migrations, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_create_collections",
        commands: include_str!("../../migrations/0001_create_collections.json"),
    },
    Migration {
        name: "0002_create_privacy",
        commands: include_str!("../../migrations/0002_create_privacy.json"),
    },
];

impl Migration {
    /// SHA-256 of the file, in hex.
    pub fn checksum(&self) -> String {
        use std::fmt::Write as _;
        let digest = Sha256::digest(self.commands.as_bytes());
        digest.iter().fold(String::new(), |mut hex, byte| {
            // writing to a String cannot fail
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}
