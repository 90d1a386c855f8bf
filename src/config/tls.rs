//! The certificate of the clients' listener.

use std::path::PathBuf;

use secrecy::SecretString;

use super::reader::{Noted, Reader};
use super::secret;

/// Where the certificate and its key are. Without one, clients speak plain HTTP.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// The certificates, the server's own first, as PEM.
    ///
    /// `CHATZZ_TLS_CERT_FILE`, default: none, path. Set it when no proxy in front of the
    /// server speaks TLS. A changed file is used within 5 s, without a restart.
    pub cert_file: PathBuf,
    /// The private key of the certificate, as PEM.
    ///
    /// `CHATZZ_TLS_KEY_FILE`, default: none, path. Set it together with
    /// `CHATZZ_TLS_CERT_FILE`; everybody's right to read it must be taken away.
    pub key_file: PathBuf,
}

/// What stands in the two files.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificates, PEM.
    pub certificates: String,
    /// The private key, PEM.
    pub key: SecretString,
}

impl TlsConfig {
    /// The two keys; both or neither.
    pub(super) fn read(keys: &mut Reader<'_>) -> Result<Option<Self>, Noted> {
        let path = |text: &str| Ok(PathBuf::from(text));
        let cert_file = keys.read_set("CHATZZ_TLS_CERT_FILE", path)?;
        let key_file = keys.read_set("CHATZZ_TLS_KEY_FILE", path)?;
        let config = match (cert_file, key_file) {
            (None, None) => return Ok(None),
            (Some(cert_file), Some(key_file)) => Self {
                cert_file,
                key_file,
            },
            _ => {
                keys.refuse(
                    "CHATZZ_TLS_CERT_FILE and CHATZZ_TLS_KEY_FILE",
                    "one of them is set; TLS needs both",
                );
                return Err(Noted);
            }
        };
        match config.load() {
            Ok(_) => Ok(Some(config)),
            Err((key, sentence)) => {
                keys.refuse(key, sentence);
                Err(Noted)
            }
        }
    }

    /// Reads the files.
    ///
    /// # Errors
    /// The key of the configuration and a sentence, when one cannot be read, is
    /// larger than 64 KiB, or holds a private key that everybody can read.
    pub fn load(&self) -> Result<TlsFiles, (&'static str, String)> {
        let certificates = secret::read(&self.cert_file, false)
            .map_err(|sentence| ("CHATZZ_TLS_CERT_FILE", sentence))?;
        let key = secret::read(&self.key_file, true)
            .map_err(|sentence| ("CHATZZ_TLS_KEY_FILE", sentence))?;
        Ok(TlsFiles {
            certificates,
            key: key.into(),
        })
    }
}
