//! The databases of tests that have ended are dropped.
//!
//! For each new collection MongoDB copies its list of all there are. With those of a thousand
//! tests in it, the last tests would spend most of their time on that.

use std::cell::RefCell;
use std::sync::LazyLock;

use bson::oid::ObjectId;
use mongodb::Client;
use tokio::runtime::Builder;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::mongod;

thread_local! {
    /// A test has a thread of its own, which ends after the test and all it has started.
    static MADE: RefCell<Made> = const { RefCell::new(Made(Vec::new())) };
}

static ENDED: LazyLock<UnboundedSender<String>> = LazyLock::new(|| {
    let (sender, ended) = unbounded_channel();
    std::thread::spawn(|| drop_databases(ended));
    sender
});

/// The names of databases that this thread uses.
struct Made(Vec<String>);

impl Drop for Made {
    fn drop(&mut self) {
        for name in self.0.drain(..) {
            // its thread has ended only if it could not start
            let _ = ENDED.send(name);
        }
    }
}

/// A name for a database that is used until the calling thread ends.
pub(crate) fn database_of_this_test() -> String {
    // a thread that ends can start no other one
    LazyLock::force(&ENDED);
    let name = format!("test_{}", ObjectId::new().to_hex());
    MADE.with_borrow_mut(|made| made.0.push(name.clone()));
    name
}

fn drop_databases(mut ended: UnboundedReceiver<String>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut mongo = None;
        while let Some(name) = ended.recv().await {
            // those on a mongod of a test's own go with it
            let Some(uri) = mongod::administrator_uri() else {
                continue;
            };
            if mongo.is_none() {
                mongo = Some(Client::with_uri_str(uri).await.unwrap());
            }
            if let Some(mongo) = &mongo {
                // at the end of all tests the mongod may have gone before
                let _ = mongo.database(&name).drop().await;
            }
        }
    });
}
