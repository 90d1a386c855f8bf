//! The certificate of the clients' listener.

use std::path::PathBuf;

use secrecy::SecretString;

use super::parse;
use super::reader::{Read, Reader};
use super::secret;

const CERT_FILE: &str = "CHATZZ_TLS_CERT_FILE";
const KEY_FILE: &str = "CHATZZ_TLS_KEY_FILE";

section! {
    /// The paths of the certificate and its key. Without one, clients speak plain HTTP.
    pub struct TlsConfig in "TLS" {
        /// The certificate chain of the clients' listener as PEM, the server's own first.
        /// Not needed behind a proxy that speaks TLS. A changed file is used within 5 s.
        cert_file: PathBuf =
            key("CHATZZ_TLS_CERT_FILE", "path", required("none", "/etc/chatzz/tls/cert.pem"),
                parse::file),
        /// The private key of that certificate as PEM. Set both or neither.
        /// It must not be readable by everybody: use `chmod o-rwx`.
        key_file: PathBuf =
            key("CHATZZ_TLS_KEY_FILE", "path", required("none", "/etc/chatzz/tls/key.pem"),
                parse::file),
    }
}

/// The contents of the two files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificates, PEM.
    pub certificates: String,
    /// The private key, PEM.
    pub key: SecretString,
}

impl TlsConfig {
    /// The two keys; both or neither.
    pub(super) fn read_pair(keys: &mut Reader<'_>) -> Read<Option<Self>> {
        match (keys.is_set(CERT_FILE), keys.is_set(KEY_FILE)) {
            (false, false) => return Ok(None),
            (true, true) => {}
            _ => {
                let both = format!("{CERT_FILE} and {KEY_FILE}");
                return Err(keys.refuse(both, "one of them is set; TLS needs both"));
            }
        }
        let config = Self::read(keys)?;
        match config.load() {
            Ok(_) => Ok(Some(config)),
            Err((key, sentence)) => Err(keys.refuse(key, sentence)),
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// The key of the configuration and a sentence, when a file cannot be read, is larger
    /// than 64 KiB, or contains a private key that everybody can read.
    pub fn load(&self) -> Result<TlsFiles, (&'static str, String)> {
        let certificates =
            secret::read(&self.cert_file, false).map_err(|sentence| (CERT_FILE, sentence))?;
        let key = secret::read(&self.key_file, true).map_err(|sentence| (KEY_FILE, sentence))?;
        Ok(TlsFiles {
            certificates,
            key: key.into(),
        })
    }
}
