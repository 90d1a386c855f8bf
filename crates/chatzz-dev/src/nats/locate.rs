//! Where the nats-server binary comes from.

use std::path::PathBuf;

use super::error::NatsError;
use crate::mongod::Environment;

/// Where Debian installs it, which is not on everybody's path.
const DEBIAN: &str = "/usr/sbin";

/// Finds a nats-server: the one that `CHATZZ_NATS_SERVER` names and no other, or one on the `PATH`.
///
/// # Errors
/// [`NatsError::Configured`].
pub fn find(environment: &Environment) -> Result<Option<PathBuf>, NatsError> {
    if let Some(set) = &environment.chatzz_nats_server {
        if !set.is_file() {
            return Err(NatsError::Configured(set.clone()));
        }
        return Ok(Some(set.clone()));
    }
    let path = environment.path.clone().unwrap_or_default();
    let found = std::env::split_paths(&path)
        // An empty entry of PATH means the current folder, which must not decide what runs.
        .filter(|dir| !dir.as_os_str().is_empty())
        .chain([PathBuf::from(DEBIAN)])
        .map(|dir| dir.join("nats-server"))
        .find(|file| file.is_file());
    Ok(found)
}

/// As [`find`], for this process's own environment.
///
/// # Errors
/// [`NatsError::Configured`] and [`NatsError::Missing`]; each says what to do.
pub fn locate() -> Result<PathBuf, NatsError> {
    find(&Environment::from_process())?.ok_or(NatsError::Missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_used_and_nothing_else() {
        let named = |path: PathBuf| Environment {
            chatzz_nats_server: Some(path),
            path: Some("/usr/sbin:/usr/bin".into()),
            ..Environment::default()
        };
        let program = std::env::current_exe().unwrap();
        assert_eq!(find(&named(program.clone())).unwrap(), Some(program));

        let refused = find(&named("/nowhere/nats-server".into())).unwrap_err();

        let said = refused.to_string();
        assert!(
            said.contains("CHATZZ_NATS_SERVER is /nowhere/nats-server"),
            "{said}"
        );
    }

    #[test]
    fn a_missing_one_is_said_with_what_to_install() {
        let said = NatsError::Missing.to_string();
        for part in ["apt-get install nats-server", "CHATZZ_NATS_SERVER"] {
            assert!(said.contains(part), "no {part}: {said}");
        }
    }
}
