//! Why the servers of the database cannot be worked with, by address.
//!
//! An operation that finds no server says only that there is none. What each server did
//! is known to the driver's monitors, one for each address.

use std::collections::BTreeMap;
use std::io::ErrorKind as Io;

use bson::Document;
use mongodb::error::{Error as DriverError, ErrorKind};
use mongodb::event::sdam::SdamEvent;
use mongodb::options::{ClientOptions, Tls};
use parking_lot::Mutex;

/// What the monitors have seen last.
#[derive(Debug)]
pub(super) struct Reach {
    /// The replica set that the connection string names.
    replica_set: Option<String>,
    has_tls: bool,
    causes: Mutex<BTreeMap<String, String>>,
}

impl Reach {
    pub(super) fn new(options: &ClientOptions) -> Self {
        Self {
            replica_set: options.repl_set_name.clone(),
            has_tls: matches!(options.tls, Some(Tls::Enabled(_))),
            causes: Mutex::default(),
        }
    }

    /// Notes what the monitor of a server has seen.
    pub(super) fn look(&self, event: &SdamEvent) {
        let (address, cause) = match event {
            SdamEvent::ServerHeartbeatFailed(failed) => {
                (&failed.server_address, self.failure(&failed.failure))
            }
            SdamEvent::ServerHeartbeatSucceeded(answered) => {
                (&answered.server_address, self.role(&answered.reply))
            }
            _ => return,
        };
        self.causes.lock().insert(address.to_string(), cause);
    }

    /// The cause for each address; `None` while nothing has been seen.
    pub(super) fn causes(&self) -> Option<String> {
        let causes = self.causes.lock();
        let all: Vec<String> = causes
            .iter()
            .map(|(address, cause)| format!("{address}: {cause}"))
            .collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Why a server did not answer. Contains nothing of the connection string.
    fn failure(&self, error: &DriverError) -> String {
        let cause = match error.kind.as_ref() {
            ErrorKind::Io(cause) => cause,
            ErrorKind::DnsResolve { .. } => return UNRESOLVED.to_owned(),
            _ => return super::connect::summary(error),
        };
        let text = cause.to_string();
        match cause.kind() {
            Io::ConnectionRefused => "connection refused".to_owned(),
            Io::TimedOut => "no answer in time".to_owned(),
            Io::UnexpectedEof | Io::ConnectionReset | Io::BrokenPipe if self.has_tls => {
                "it closed the connection; perhaps it does not speak TLS, or wants a certificate \
                 (tlsCertificateKeyFile)"
                    .to_owned()
            }
            Io::UnexpectedEof | Io::ConnectionReset | Io::BrokenPipe => {
                "it closed the connection; perhaps it requires TLS (tls=true)".to_owned()
            }
            _ if text.contains("lookup") => UNRESOLVED.to_owned(),
            _ if text.contains("certificate") => {
                format!("its TLS certificate is not accepted ({text}); see tlsCAFile")
            }
            _ if self.has_tls && cause.kind() == Io::InvalidData => {
                format!("it does not speak TLS ({text}); leave tls out")
            }
            _ => text,
        }
    }

    /// What a server is that answers, but is perhaps not the one that is looked for.
    fn role(&self, hello: &Document) -> String {
        let set = hello.get_str("setName").ok();
        let is = |field| hello.get_bool(field).unwrap_or(false);
        match (&self.replica_set, set) {
            (Some(wanted), Some(set)) if wanted != set => {
                format!("it is in the replica set {set}, not {wanted}; correct replicaSet")
            }
            (Some(_), None) if is("isreplicaset") => {
                "its replica set has not been initiated".to_owned()
            }
            (Some(wanted), None) => {
                format!("it is in no replica set; leave replicaSet={wanted} out")
            }
            _ if is("isWritablePrimary") || is("ismaster") => "it answers".to_owned(),
            _ => "it answers, but there is no primary".to_owned(),
        }
    }
}

/// A name that nobody knows.
pub(super) const UNRESOLVED: &str = "its name cannot be resolved (DNS)";

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn reach(replica_set: Option<&str>, has_tls: bool) -> Reach {
        Reach {
            replica_set: replica_set.map(str::to_owned),
            has_tls,
            causes: Mutex::default(),
        }
    }

    #[test]
    fn a_failure_says_what_to_change() {
        let failure = |has_tls, cause: std::io::Error| {
            reach(None, has_tls).failure(&DriverError::from(ErrorKind::Io(cause.into())))
        };
        let reset = || std::io::Error::from(Io::ConnectionReset);
        assert!(failure(false, reset()).contains("tls=true"));
        assert!(failure(true, reset()).contains("does not speak TLS"));
        let lookup = std::io::Error::other("failed to lookup address information: x");
        assert_eq!(failure(false, lookup), UNRESOLVED);
        let refused = std::io::Error::from(Io::ConnectionRefused);
        assert_eq!(failure(true, refused), "connection refused");
    }

    #[test]
    fn a_server_of_another_set_names_both() {
        let role = |hello| reach(Some("rs0"), false).role(&hello);
        let other = role(doc! { "setName": "rs1", "isWritablePrimary": true });
        assert_eq!(
            other,
            "it is in the replica set rs1, not rs0; correct replicaSet"
        );
        let none = role(doc! { "isWritablePrimary": true });
        assert_eq!(none, "it is in no replica set; leave replicaSet=rs0 out");
        let new = role(doc! { "isreplicaset": true });
        assert_eq!(new, "its replica set has not been initiated");
        let secondary = role(doc! { "setName": "rs0", "secondary": true });
        assert_eq!(secondary, "it answers, but there is no primary");
        let primary = role(doc! { "setName": "rs0", "isWritablePrimary": true });
        assert_eq!(primary, "it answers");
    }
}
