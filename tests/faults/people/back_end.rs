//! The application's back end, which sends as a person by the HTTP API of one server.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use super::World;
use super::connection::answered;
use crate::support::user::Outcome;

/// Calls for one person to one server. In the history it is a connection on which
/// `send-message` is emitted, with a `key` in place of a `clientId`.
pub(super) struct BackEnd {
    world: Arc<World>,
    user: String,
    number: u64,
    server: SocketAddr,
    ended: bool,
}

impl BackEnd {
    pub(super) fn open(world: &Arc<World>, user: &str, server: usize) -> Self {
        let number = world.recorder.connection();
        let line =
            json!({ "c": number, "u": user, "server": server, "acks": false, "wire": "api" });
        world.recorder.write("open", line);
        Self {
            world: Arc::clone(world),
            user: user.to_owned(),
            number,
            server: world.apis[server],
            ended: false,
        }
    }

    /// Whether a call was not answered: another server may know more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Sends one message, with its key in the header.
    pub(super) async fn send(&mut self, payload: &Value) -> Outcome {
        let operation = self.invoke("send-message", payload);
        let key = payload["key"].as_str().unwrap_or_default();
        let body = json!({
            "from": self.user, "to": payload["userId"], "message": payload["message"],
        });
        let headers = [("idempotency-key", key)];
        let answer = self.post("messages", &headers, &body.to_string()).await;
        let outcome = answer.map(|(good, body)| if good { Ok(body) } else { Err(body) });
        self.answer(operation, outcome)
    }

    /// Sends several in one call.
    pub(super) async fn send_all(&mut self, payloads: &[Value]) -> Vec<Outcome> {
        let operations: Vec<u64> = payloads
            .iter()
            .map(|one| self.invoke("send-message", one))
            .collect();
        let messages: Vec<Value> = payloads
            .iter()
            .map(|payload| {
                json!({
                    "from": self.user, "to": payload["userId"],
                    "message": payload["message"], "key": payload["key"],
                })
            })
            .collect();
        let body = json!({ "messages": messages }).to_string();
        let answer = self.post("messages/batch", &[], &body).await;
        let mut outcomes = Vec::new();
        for (index, operation) in operations.into_iter().enumerate() {
            let outcome = answer.as_ref().map(|(good, body)| {
                let result = &body["results"][index];
                match (good, result.get("message")) {
                    (true, Some(message)) => Ok(message.clone()),
                    (true, None) => Err(result["problem"].clone()),
                    // the call as a whole was refused
                    (false, _) => Err(body.clone()),
                }
            });
            outcomes.push(self.answer(operation, outcome));
        }
        outcomes
    }

    /// Removes what a message says; in the history the event `redact`.
    pub(super) async fn redact(&mut self, id: &Value) -> Outcome {
        let operation = self.invoke("redact", &json!({ "messageId": id }));
        let id = id.as_str().unwrap_or_default();
        let answer = self.post(&format!("messages/{id}/redact"), &[], "").await;
        let outcome = answer.map(|(good, body)| if good { Ok(body) } else { Err(body) });
        self.answer(operation, outcome)
    }

    async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Option<(bool, Value)> {
        let target = format!("/v1/{path}");
        let api = &self.world.api;
        api.post(self.server, &target, headers, body).await
    }

    fn invoke(&self, event: &str, payload: &Value) -> u64 {
        let recorder = &self.world.recorder;
        let operation = recorder.operation();
        let line = json!({
            "c": self.number, "op": operation, "event": event, "payload": payload,
        });
        recorder.write("invoke", line);
        operation
    }

    fn answer(&mut self, operation: u64, outcome: Option<Outcome>) -> Outcome {
        let Some(outcome) = outcome else {
            self.end("lost");
            return Err(json!({ "code": "no-answer" }));
        };
        let mut line = json!({ "c": self.number, "op": operation });
        match &outcome {
            Ok(message) => line["ok"] = message.clone(),
            Err(problem) => line["error"] = problem.clone(),
        }
        self.world.recorder.write("answer", line);
        outcome
    }

    fn end(&mut self, how: &str) {
        if !self.ended {
            self.ended = true;
            let line = json!({ "c": self.number, "how": how });
            self.world.recorder.write("close", line);
        }
    }
}

impl Drop for BackEnd {
    fn drop(&mut self) {
        self.end("clean");
    }
}

/// Whether the answer to a call says for certain what became of it.
pub(super) fn is_certain(outcome: &Outcome) -> bool {
    match outcome {
        Ok(_) => true,
        Err(problem) => answered(outcome) != "no-answer" && problem["stored"] == "no",
    }
}
