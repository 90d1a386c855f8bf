//! One `chatzz dev` for each folder, which says where it runs.

use std::fs::{File, TryLockError};
use std::io::Write as _;
use std::path::Path;

use crate::DevError;

/// The file in the folder; it is locked while a `chatzz dev` runs.
const FILE: &str = "running";

/// A folder that no other `chatzz dev` may use, until this is dropped or the process ends in
/// any way.
#[derive(Debug)]
pub(crate) struct Claim(File);

impl Claim {
    /// Takes a folder, created if it does not exist.
    ///
    /// # Errors
    /// [`DevError::Running`] when another process has it.
    pub(crate) fn take(dir: &Path) -> Result<Self, DevError> {
        let failed = |source| DevError::Folder {
            path: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join(FILE);
        let mut options = File::options();
        let file = options.create(true).read(true).append(true).open(&path);
        let file = file.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) => {
                let url = std::fs::read_to_string(&path).unwrap_or_default();
                return Err(DevError::Running {
                    dir: dir.to_owned(),
                    place: match url.trim() {
                        "" => "is being started".to_owned(),
                        url => format!("runs at {url}"),
                    },
                });
            }
        }
        file.set_len(0).map_err(failed)?;
        Ok(Self(file))
    }

    /// Says where the server runs.
    pub(crate) fn announce(&mut self, url: &str) {
        // without it a second one only reads that the folder is in use
        let _ = writeln!(self.0, "{url}");
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // a child that is just being started has the file, too, until it is another program;
        // if this fails, the end of the process releases it
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_taken_once_and_says_by_whom() {
        let dir = std::env::temp_dir().join(format!("chatzz-claim-{}", uuid::Uuid::new_v4()));
        let mut first = Claim::take(&dir).unwrap();
        let refused = Claim::take(&dir).unwrap_err().to_string();
        assert!(refused.contains("is being started"), "{refused}");
        first.announce("http://127.0.0.1:3000/");
        let refused = Claim::take(&dir).unwrap_err().to_string();
        assert!(
            refused.contains("runs at http://127.0.0.1:3000/"),
            "{refused}"
        );
        drop(first);
        let _second = Claim::take(&dir).unwrap();
        let refused = Claim::take(&dir).unwrap_err().to_string();
        assert!(refused.contains("is being started"), "{refused}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
