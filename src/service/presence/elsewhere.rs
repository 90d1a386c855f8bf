//! Who is online on other nodes, as far as this node knows.

use std::collections::HashSet;

use parking_lot::RwLock;

use crate::id::ChatUserId;

/// Other nodes and their people; empty while this node is alone.
#[derive(Debug, Default)]
pub struct Elsewhere {
    /// Boot ids of the other nodes whose lease is good.
    boots: RwLock<HashSet<String>>,
    /// People who came on one of them while this node looked on.
    online: RwLock<HashSet<ChatUserId>>,
}

impl Elsewhere {
    /// Replaces the other nodes whose lease is good; whether there are any.
    pub fn set_boots(&self, boots: HashSet<String>) -> bool {
        let any = !boots.is_empty();
        *self.boots.write() = boots;
        any
    }

    /// Whether there are other nodes.
    pub fn is_any(&self) -> bool {
        !self.boots.read().is_empty()
    }

    /// Whether one of these nodes is another one whose lease is good.
    pub fn holds(&self, nodes: &[String]) -> bool {
        let boots = self.boots.read();
        nodes.iter().any(|node| boots.contains(node))
    }

    /// Whether somebody is known to be online on another node.
    pub fn has(&self, who: ChatUserId) -> bool {
        self.online.read().contains(&who)
    }

    /// Takes in whether somebody is; returns whether he was known to be.
    pub fn set(&self, who: ChatUserId, online: bool) -> bool {
        let mut known = self.online.write();
        if online {
            !known.insert(who)
        } else {
            known.remove(&who)
        }
    }
}
