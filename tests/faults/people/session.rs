//! What a person does while a connection lasts.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::back_end::is_certain;
use super::connection::{Connection, answered, is_definite};
use super::count;
use super::person::Person;

/// Most open sends before nothing new is sent.
const MAX_OPEN: usize = 64;

impl Person {
    /// Works as long as the connection, and the wish for it, lasts.
    pub(super) async fn session(&mut self, connection: &Connection) {
        let lasts = match self.rng.u8(..8) {
            // so that some outlast a lease, and what is wrong meanwhile
            0 => self.rng.u64(6_000..15_000),
            _ => self.rng.u64(500..6_000),
        };
        let lasts = Duration::from_millis(lasts);
        let until = Instant::now() + lasts;
        if self.world.habits.one_by_one
            && let Some(newest) = self.memory.last_id()
        {
            say_read(connection, &newest).await;
        }
        while self.world.is_working() && !connection.has_ended() {
            if self.world.habits.restless && Instant::now() >= until {
                return;
            }
            if !self.open.is_empty() {
                self.try_open(connection).await;
                self.try_open_by_api().await;
            }
            self.fetch_changes(connection).await;
            self.act(connection).await;
            sleep(Duration::from_millis(self.rng.u64(0..40))).await;
        }
    }

    async fn act(&mut self, connection: &Connection) {
        let habits = self.world.habits;
        if habits.blocks && self.acquainted && self.rng.u8(..100) < 8 {
            return self.block_or_unblock(connection).await;
        }
        if habits.redacts && self.rng.u8(..100) < 3 {
            return self.redact().await;
        }
        match self.rng.u8(..100) {
            0..64 if self.open.len() < MAX_OPEN => {
                // not asked for where it is never: plans without it stay as they were
                if habits.by_api > 0 && self.rng.u8(..100) < habits.by_api {
                    self.burst_by_api().await;
                } else {
                    self.burst(connection).await;
                }
            }
            64..84 if habits.one_by_one => self.read_one(connection).await,
            84..95 if habits.one_by_one => {}
            0..72 => self.read_up_to(connection, "message-read").await,
            72..78 => self.read_up_to(connection, "message-delivered").await,
            78..84 => self.read_one(connection).await,
            84..92 => self.page(connection).await,
            92..95 => {
                let contact = self.contact();
                self.walk(connection, &contact, 30).await;
            }
            95..98 if self.world.habits.restless => self.second_socket().await,
            _ => sleep(Duration::from_millis(self.rng.u64(50..400))).await,
        }
    }

    /// Sends a few messages at once, some of them twice, some sent before.
    async fn burst(&mut self, connection: &Connection) {
        let mut sends: Vec<(Value, bool)> = Vec::new();
        for _ in 0..self.rng.usize(1..=6) {
            let fresh = self.compose();
            let again = fresh["clientId"].is_string() && self.rng.u8(..100) < 30;
            if again && self.rng.bool() {
                sends.push((fresh.clone(), true));
                sends.push((fresh, false));
            } else {
                if again {
                    self.past.push(fresh.clone());
                }
                sends.push((fresh, true));
            }
        }
        while self.past.len() > 4 {
            let index = self.rng.usize(..self.past.len());
            sends.push((self.past.swap_remove(index), false));
        }
        let asked: Vec<_> = sends
            .into_iter()
            .map(|(payload, fresh)| {
                let tally = &self.world.tally;
                count(if fresh { &tally.sent } else { &tally.repeats });
                let answer = connection.ask("send-message", &payload, None);
                (payload, fresh, answer)
            })
            .collect();
        for (payload, fresh, answer) in asked {
            let outcome = answer.await;
            if answered(&outcome) == "ok" {
                if fresh {
                    count(&self.world.tally.acknowledged);
                }
            } else if fresh && payload["clientId"].is_string() {
                // what has certainly failed is dropped by some clients
                let wanted = answered(&outcome) != "refused";
                if !is_definite(&outcome) || (self.rng.bool() && wanted) {
                    self.open.push(payload);
                }
            }
        }
    }

    /// Has the application send a few messages, in one call or each in one of its own, and
    /// some of them again.
    async fn burst_by_api(&mut self) {
        let mut payloads = Vec::new();
        for _ in 0..self.rng.usize(1..=4) {
            let to = self.contact();
            let mut payload = self.compose_to(&to, false);
            payload["key"] = format!("{:016x}", self.rng.u64(..)).into();
            payloads.push(payload);
            count(&self.world.tally.sent);
        }
        let mut back_end = self.back_end();
        let mut outcomes = Vec::new();
        if self.rng.bool() {
            outcomes = back_end.send_all(&payloads).await;
        } else {
            for payload in &payloads {
                if back_end.has_ended() {
                    back_end = self.back_end();
                }
                outcomes.push(back_end.send(payload).await);
            }
        }
        for (payload, outcome) in payloads.into_iter().zip(outcomes) {
            let again = self.rng.u8(..100) < 30;
            if outcome.is_ok() {
                count(&self.world.tally.acknowledged);
                if again {
                    // wherever: it is stored, and no server may store it again
                    count(&self.world.tally.repeats);
                    self.back_end().send(&payload).await.ok();
                }
            } else if !is_certain(&outcome) || again {
                self.open.push(payload);
            }
        }
    }

    /// Has the application remove what one of the last messages received says.
    async fn redact(&mut self) {
        if let Some(id) = self.memory.some_id(&mut self.rng) {
            self.back_end().redact(&id).await.ok();
        }
    }

    /// Asks for changes of which the person only knows that there are some.
    pub(super) async fn fetch_changes(&self, connection: &Connection) {
        for (contact, mut after) in self.memory.gaps() {
            loop {
                let query = json!({ "userId": contact, "afterRev": after, "limit": 20 });
                let Ok(page) = connection.ask("get-changes", &query, None).await else {
                    return;
                };
                let Some(rev) = page["rev"].as_u64().filter(|rev| *rev > after) else {
                    break;
                };
                self.memory.close_gap(&contact, rev);
                after = rev;
                if page["hasMore"] != true {
                    break;
                }
            }
        }
    }

    fn compose(&mut self) -> Value {
        let to = self.contact();
        let named = self.rng.u8(..100) >= self.world.habits.anonymous;
        self.compose_to(&to, named)
    }

    /// A message to a contact; with a `clientId` if it is to be `named`.
    pub(super) fn compose_to(&mut self, to: &str, named: bool) -> Value {
        let body = self.world.body(&self.id, to);
        let mut payload = json!({ "userId": to, "message": body });
        if named {
            let high = self.rng.u64(..);
            payload["clientId"] = format!("{high:016x}").into();
        }
        payload
    }

    fn contact(&mut self) -> String {
        self.contacts[self.rng.usize(..self.contacts.len())].clone()
    }

    async fn read_up_to(&mut self, connection: &Connection, event: &str) {
        let contact = self.contact();
        if let Some(newest) = self.memory.newest(&contact) {
            let back = self.rng.u64(..3);
            let up_to = newest.saturating_sub(back).max(1);
            let payload = json!({ "userId": contact, "upTo": up_to });
            connection.ask(event, &payload, None).await.ok();
        }
    }

    async fn read_one(&mut self, connection: &Connection) {
        if let Some(id) = self.memory.some_id(&mut self.rng) {
            say_read(connection, &id).await;
        }
    }

    /// Blocks a contact, or takes back the last block.
    async fn block_or_unblock(&mut self, connection: &Connection) {
        let (event, whom) = match self.blocked.take() {
            Some(whom) => ("unblock-user", whom),
            None => ("block-user", self.contact()),
        };
        let payload = json!({ "userId": whom });
        let done = connection.ask(event, &payload, None).await;
        // what is not known to be done is done again
        if (event == "block-user") == (answered(&done) == "ok") {
            self.blocked = Some(whom);
        }
    }

    async fn page(&mut self, connection: &Connection) {
        let contact = self.contact();
        let mut query = json!({ "userId": contact, "limit": self.rng.u64(1..60) });
        let newest = self.memory.newest(&contact).unwrap_or(1);
        match self.rng.u8(..3) {
            0 => query["before"] = self.rng.u64(1..=newest + 2).into(),
            1 => query["after"] = self.rng.u64(0..=newest).into(),
            _ => {}
        }
        connection.ask("get-old-messages", &query, None).await.ok();
    }

    /// Pages back through a conversation, at most to its beginning.
    pub(super) async fn walk(&self, connection: &Connection, contact: &str, limit: u64) -> bool {
        let walk = self.world.recorder.operation();
        let mut query = json!({ "userId": contact, "limit": limit });
        loop {
            let page = connection.ask("get-old-messages", &query, Some(walk));
            let Ok(page) = page.await else { return false };
            let oldest = page["messages"]
                .get(0)
                .map(|message| message["seq"].clone());
            match oldest {
                Some(oldest) if page["hasMore"] == true => query["before"] = oldest,
                _ => return true,
            }
        }
    }

    /// Comes with one more socket for a moment.
    async fn second_socket(&mut self) {
        if let Some(second) = self.arrive().await {
            sleep(Duration::from_millis(self.rng.u64(20..400))).await;
            if self.rng.bool() {
                second.close().await;
            } else {
                second.cut().await;
            }
        }
    }
}

/// Says that one message was read.
async fn say_read(connection: &Connection, id: &Value) {
    let payload = json!({ "messageId": id });
    connection.ask("message-read", &payload, None).await.ok();
}
