//! One pass over the lines of a history.

use serde::Deserialize;

use super::{At, Conn, FAILURES, Facts, Op, PageRequest, Request, Result};
use crate::check::{Invariant, Report};
use crate::history::{Event, Invoke, Open, Outcome};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    user_id: Option<crate::history::UserId>,
    user_to_add: Option<crate::history::UserId>,
    message: Option<String>,
    client_id: Option<String>,
    message_id: Option<String>,
    up_to: Option<u64>,
    before: Option<u64>,
    after: Option<u64>,
    after_rev: Option<u64>,
    date: Option<serde::de::IgnoredAny>,
    from_date: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
    /// In answers of the HTTP API: `no` or `perhaps`.
    stored: Option<String>,
}

impl Facts<'_> {
    pub(super) fn gather_lines(&mut self, report: &mut Report) {
        let mut by_op = std::collections::HashMap::new();
        let history = self.history;
        for (line, event) in (1..).zip(&history.lines) {
            let at = At { line, t: event.t };
            self.end = at;
            match &event.event {
                Event::Open(open) => self.open(at, open),
                Event::Close { c, how } => {
                    if let Some(conn) = self.by_c.get(c) {
                        self.conns[*conn].close = Some((at, *how));
                    }
                }
                Event::Invoke(invoke) => {
                    by_op.insert(invoke.op, self.ops.len());
                    self.invoke(at, invoke);
                }
                Event::Answer { c, op, outcome } => {
                    let asked = by_op.get(op).copied();
                    match asked.filter(|op| self.conns[self.ops[*op].conn].c == *c) {
                        None => self.unasked.push(line),
                        Some(op) if self.ops[op].answer.is_some() => self.ops[op].again.push(line),
                        Some(op) => self.answer(at, op, outcome, report),
                    }
                }
                Event::Envelope { c, kind, data } => {
                    let Some(conn) = self.by_c.get(c).copied() else {
                        continue;
                    };
                    if let Err(error) = self.envelope(at, conn, kind, data) {
                        report.add(Invariant::I2, &[line], || {
                            format!("the data of `{kind}` cannot be understood: {error}")
                        });
                    }
                }
                Event::Phase(phase) => self.phases.push((at, *phase)),
                Event::Heard(heard) => self.hear(at, heard, report),
                Event::Asked { verdict, data } => self.ask(at, *verdict, data),
                Event::Run(_) | Event::Fault { .. } | Event::Healed { .. } | Event::Sample(_) => {}
            }
        }
    }

    fn open(&mut self, at: At, open: &Open) {
        self.by_c.insert(open.c, self.conns.len());
        let user = self.names.sym(&open.u);
        self.conns.push(Conn {
            c: open.c,
            user,
            server: open.server,
            is_api: open.wire == "api",
            open: at,
            close: None,
            details: None,
            logins: Vec::new(),
        });
    }

    fn invoke(&mut self, at: At, invoke: &Invoke) {
        let Some(conn) = self.by_c.get(&invoke.c).copied() else {
            return;
        };
        let index = self.ops.len();
        let request = self.request(at, conn, invoke);
        match request {
            Request::Connect => self.conns[conn].logins.push(index),
            Request::Send(send) => self.sends[send].tries.push(index),
            _ => {}
        }
        self.ops.push(Op {
            number: invoke.op,
            conn,
            invoke: at,
            request,
            answer: None,
            again: Vec::new(),
            moved: 0,
            page: None,
            changes: None,
        });
    }

    fn request(&mut self, at: At, conn: usize, invoke: &Invoke) -> Request {
        let parsed = serde_json::from_str::<Payload>(invoke.payload.get());
        let Ok(payload) = parsed else {
            return match &*invoke.event {
                "disconnect" => Request::Disconnect,
                _ => Request::Other,
            };
        };
        let user = payload.user_id.map(|user| self.names.sym(&user.0));
        match (&*invoke.event, user) {
            ("disconnect", _) => Request::Disconnect,
            ("connect-user", Some(_)) => Request::Connect,
            ("add-chat-user", _) if payload.user_to_add.is_some() => Request::Add,
            ("get-old-messages", Some(with)) => Request::Page(PageRequest {
                with,
                before: payload.before,
                after: payload.after,
                dated: payload.date.is_some() || payload.from_date.is_some(),
                walk: invoke.walk,
            }),
            ("send-message", Some(to)) => {
                let Some(body) = payload.message else {
                    return Request::Other;
                };
                let body = self.names.sym(&body);
                let client = payload.client_id.map(|client| self.names.sym(&client));
                Request::Send(self.send((self.conns[conn].user, to, body, client), at))
            }
            ("get-changes", Some(with)) => {
                Request::Changes(with, payload.after_rev.unwrap_or_default())
            }
            ("redact", _) => match payload.message_id {
                Some(id) => Request::Redact(self.names.sym(&id)),
                None => Request::Other,
            },
            ("block-user", Some(whom)) => Request::Block(whom),
            ("message-read", None) => match payload.message_id {
                Some(id) => Request::ReadOne(self.names.sym(&id)),
                None => Request::Other,
            },
            ("message-read", Some(user)) => match payload.up_to {
                Some(up_to) => Request::ReadUpTo(user, up_to),
                None => Request::Other,
            },
            ("message-delivered", Some(user)) => match payload.up_to {
                Some(up_to) => Request::DeliveredUpTo(user, up_to),
                None => Request::Other,
            },
            _ => Request::Other,
        }
    }

    fn answer(&mut self, at: At, op: usize, outcome: &Outcome, report: &mut Report) {
        let result = match outcome {
            Outcome::Ok(ok) => {
                if let Err(error) = self.result(at, op, ok) {
                    report.add(Invariant::I13, &[self.ops[op].invoke.line, at.line], || {
                        format!("the answer cannot be understood: {error}")
                    });
                }
                Result::Ok
            }
            Outcome::Error(error) => {
                let failure = serde_json::from_str::<Failure>(error.get()).ok();
                if failure.as_ref().is_some_and(|it| it.code == "refused") {
                    self.refused.push((op, at));
                }
                result_of(failure)
            }
        };
        self.ops[op].answer = Some((at, result));
    }
}

/// What an error object says of the outcome.
fn result_of(failure: Option<Failure>) -> Result {
    let Some(failure) = failure else {
        return Result::Unknown;
    };
    let failed = match failure.stored {
        Some(stored) => stored == "no",
        None => FAILURES.contains(&failure.code.as_str()),
    };
    if failed {
        Result::Failed
    } else {
        Result::Unknown
    }
}
