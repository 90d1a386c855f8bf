//! What stands between the server and those who reach it: TLS, the administrator's
//! requests, and what must never get out.

mod admin;
mod canaries;
mod database;
mod tls;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;

/// A folder of a test's own, for files that the server reads.
fn folder() -> PathBuf {
    let name = format!("edge-{}", uuid::Uuid::new_v4());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A certificate of this machine, signed by itself.
struct Certificate {
    cert: String,
    key: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self {
            cert: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
            der: made.cert.der().clone(),
        }
    }

    /// Writes both files into a folder; the key first, as a careful deployment does.
    fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        write_private(&key, &self.key);
        fs::write(&cert, &self.cert).unwrap();
        (cert, key)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
