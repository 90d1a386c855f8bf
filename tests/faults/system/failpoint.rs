//! `failCommand`: MongoDB itself fails commands on order.

use std::net::SocketAddr;
use std::time::Duration;

use bson::{Document, doc};

use super::node::run;

/// How a command fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The connection is closed **before** the command is executed.
    CloseConnection,
    /// The command is answered with this code and not executed.
    ErrorCode(i32),
    /// The command is executed and answered with this code as a write concern error.
    WriteConcernError(i32),
    /// The command is executed after this time.
    Block(Duration),
}

/// Which commands fail, and how.
#[derive(Clone, Debug)]
pub(crate) struct FailCommand {
    /// Names of commands, such as `insert`.
    pub(crate) commands: Vec<&'static str>,
    /// How many of them fail; none stands for all until `off`.
    pub(crate) times: Option<u32>,
    /// Only those of the client with this `appName`; that of chatzz is `chatzz`. None: of all.
    pub(crate) app_name: Option<&'static str>,
    /// How they fail.
    pub(crate) failure: Failure,
}

impl FailCommand {
    /// The next `times` of these commands fail so, whoever runs them.
    pub(crate) fn next(times: u32, commands: &[&'static str], failure: Failure) -> Self {
        Self {
            commands: commands.to_vec(),
            times: Some(times),
            app_name: None,
            failure,
        }
    }

    fn document(&self) -> Document {
        let mut data = doc! { "failCommands": &self.commands };
        if let Some(app_name) = self.app_name {
            data.insert("appName", app_name);
        }
        match &self.failure {
            Failure::CloseConnection => data.insert("closeConnection", true),
            Failure::ErrorCode(code) => data.insert("errorCode", code),
            Failure::WriteConcernError(code) => {
                let error = doc! { "code": code, "errmsg": "a failpoint" };
                data.insert("writeConcernError", error)
            }
            Failure::Block(time) => {
                let millis = i64::try_from(time.as_millis()).unwrap();
                data.insert("blockConnection", true);
                data.insert("blockTimeMS", millis)
            }
        };
        let mode = match self.times {
            Some(times) => doc! { "times": times }.into(),
            None => bson::Bson::from("alwaysOn"),
        };
        doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data }
    }
}

/// Makes commands fail on the node at `address`, in place of what failed before.
pub(super) async fn set(address: SocketAddr, fail: FailCommand) {
    run(address, fail.document()).await.unwrap();
}

/// Lets all commands of the node at `address` be; how many have failed since
/// it was started.
pub(super) async fn off(address: SocketAddr) -> u64 {
    let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
    let answer = run(address, off).await.unwrap();
    let count = answer.get("count").expect("mongod counts");
    let count = count.as_i64().or_else(|| count.as_i32().map(i64::from));
    u64::try_from(count.expect("a count is a number")).unwrap()
}
