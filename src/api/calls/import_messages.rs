//! `POST /v1/messages/import`: messages that people wrote before there was chatzz, one a line.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bson::DateTime;
use bytes::{Buf as _, BytesMut};
use futures::StreamExt as _;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout};

use crate::api::lines::Work;
use crate::api::problem::Problem;
use crate::api::read::Lines;
use crate::api::{Call, Reply};
use crate::operator::Operator;
use crate::service::{Content, Error, IdInput, Imported, ToImport};
use crate::wire::ErrorBody;
use crate::wire::import::{Code, Counts, Line, OwnCode, Refused};
use crate::wire::request::decode;

/// Messages that are stored together.
const AT_ONCE: usize = 500;
/// Bytes of lines that are worked on together.
const BYTES_AT_ONCE: usize = 1_024 * 1_024;
/// Most bytes of a line: 64 KiB of text, however escaped.
const MAX_LINE: usize = 512 * 1_024;
/// Lines that are not stored of which it is said why.
const MAX_REFUSED: usize = 100;
/// The longest that the next bytes may take.
const NEXT_WITHIN: Duration = Duration::from_mins(1);
/// How often it is looked meanwhile whether the server is going down.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A message that was sent before.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::api) struct ImportMessage {
    /// The user who sent it; need never have logged in.
    from: IdInput,
    /// The user who received it.
    to: IdInput,
    /// The text.
    message: String,
    /// When it was sent; not before the line above it of the same two users.
    #[schemars(extend("format" = "date-time"))]
    created_at: String,
    /// Your own name for the message: 1 to 64 printable ASCII characters. Under the same one
    /// it is stored once, for ever.
    key: String,
    /// One of the kinds in your `CHATZZ_KINDS_FILE`.
    #[serde(default)]
    kind: Option<String>,
    /// What your front end makes of it.
    #[serde(default)]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    data: Option<Box<RawValue>>,
    /// `true`: the receiver has not read it yet.
    #[serde(default)]
    unread: bool,
}

pub(in crate::api) async fn handle(
    mut call: Call,
    _: Lines<ImportMessage>,
) -> Result<Reply, Problem> {
    let body = std::mem::replace(&mut call.body, Body::empty());
    call.in_lines(|work| write(work, body))
}

async fn write(mut work: Work, body: Body) -> String {
    let mut import = Import {
        body: body.into_data_stream(),
        read: BytesMut::new(),
        has_ended: false,
        counts: Counts::default(),
        refused: Vec::new(),
        of_part: Vec::new(),
    };
    let ended = import.run(&mut work).await;
    import.keep_first();
    let (line, code) = match ended {
        Ok(()) => (Line::end(import.counts, import.refused), "ok"),
        Err(error) => {
            let ErrorBody { code, message, .. } = ErrorBody::from(&error);
            let line = Line::error(code, message, import.counts, import.refused);
            (line, code.as_str())
        }
    };
    // who does not read any more asks again
    let _ = work.lines.write(&line).await;
    let _ = work.lines.flush().await;
    format!("{code}: {} messages", import.counts.imported)
}

struct Import {
    body: BodyDataStream,
    read: BytesMut,
    has_ended: bool,
    counts: Counts,
    /// The first lines that are not stored, in order.
    refused: Vec<Refused>,
    /// Those of the part that is worked on: what cannot be read is known before the rest.
    of_part: Vec<(u64, Refused)>,
}

impl Import {
    async fn run(&mut self, work: &mut Work) -> Result<(), Error> {
        let operator = work.api.operator.clone();
        let (mut lines, mut messages, mut bytes) = (Vec::new(), Vec::new(), 0);
        loop {
            let line = self.next_line(&operator).await?;
            let has_ended = line.is_none();
            if let Some(line) = line {
                self.counts.lines += 1;
                bytes += line.as_ref().map_or(0, BytesMut::len);
                match line.and_then(|line| read(&line)) {
                    Ok(message) => {
                        lines.push(self.counts.lines);
                        messages.push(message);
                    }
                    // a part may have any number of them
                    Err(_) if self.of_part.len() >= MAX_REFUSED => self.counts.refused += 1,
                    Err(error) => self.refuse(self.counts.lines, None, &error),
                }
            }
            if !has_ended && messages.len() < AT_ONCE && bytes < BYTES_AT_ONCE {
                continue;
            }
            bytes = 0;
            let outcomes = operator.import(std::mem::take(&mut messages)).await?;
            for (line, outcome) in lines.drain(..).zip(outcomes) {
                self.note(line, outcome);
            }
            self.keep_first();
            if has_ended {
                return Ok(());
            }
            work.lines.offer(&Line::progress(self.counts));
        }
    }

    fn note(&mut self, line: u64, outcome: Imported) {
        match outcome {
            Imported::Stored => self.counts.imported += 1,
            Imported::Duplicate => self.counts.duplicates += 1,
            Imported::Conflict => {
                self.counts.conflicts += 1;
                let detail = "something was sent in this chat room before; import first";
                self.say(line, Code::Own(OwnCode::Conflict), detail);
            }
            Imported::TooOld => {
                let detail = "createdAt: must not be before the message before it in its chat room";
                self.refuse(line, None, &Error::BadRequest(detail.into()));
            }
            Imported::Refused(field, error) => self.refuse(line, field, &error),
        }
    }

    fn refuse(&mut self, line: u64, field: Option<&str>, error: &Error) {
        self.counts.refused += 1;
        let ErrorBody { code, message, .. } = ErrorBody::from(error);
        let detail = match field {
            Some(field) => format!("{field}: {message}"),
            None => message,
        };
        self.say(line, Code::Wire(code), &detail);
    }

    fn say(&mut self, line: u64, code: Code, detail: &str) {
        self.of_part.push((line, Refused::new(line, code, detail)));
    }

    /// Takes over what was not stored of a part, as long as there are not too many.
    fn keep_first(&mut self) {
        self.of_part.sort_by_key(|(line, _)| *line);
        let left = MAX_REFUSED.saturating_sub(self.refused.len());
        let first = self.of_part.drain(..).take(left);
        self.refused.extend(first.map(|(_, refused)| refused));
    }

    /// The next line, or why it is none; `None` after the last one.
    async fn next_line(
        &mut self,
        operator: &Operator,
    ) -> Result<Option<Result<BytesMut, Error>>, Error> {
        let mut looked_at = 0;
        let mut is_too_long = false;
        loop {
            let unread = self.read.get(looked_at..).unwrap_or_default();
            if let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line = self.read.split_to(looked_at + end);
                self.read.advance(1);
                return Ok(Some(whole(line, is_too_long)));
            }
            looked_at = self.read.len();
            if looked_at > MAX_LINE {
                // the rest of it is left out as it comes
                is_too_long = true;
                self.read.clear();
                looked_at = 0;
            }
            if self.has_ended {
                let line = self.read.split();
                let is_line = is_too_long || !line.is_empty();
                return Ok(is_line.then(|| whole(line, is_too_long)));
            }
            self.read_on(operator).await?;
        }
    }

    /// Reads the next bytes, unless the server is going down.
    async fn read_on(&mut self, operator: &Operator) -> Result<(), Error> {
        let cut = "the body broke off, or took too long; what was before is stored";
        let until = Instant::now() + NEXT_WITHIN;
        loop {
            if operator.is_draining() {
                return Err(Error::Unavailable);
            }
            match timeout(LOOK_EVERY, self.body.next()).await {
                Ok(Some(Ok(chunk))) => self.read.extend_from_slice(&chunk),
                Ok(None) => self.has_ended = true,
                Err(_) if Instant::now() < until => continue,
                Ok(Some(Err(_))) | Err(_) => return Err(Error::BadRequest(cut.into())),
            }
            return Ok(());
        }
    }
}

fn whole(line: BytesMut, is_too_long: bool) -> Result<BytesMut, Error> {
    if is_too_long || line.len() > MAX_LINE {
        let detail = format!("the line is longer than {MAX_LINE} bytes");
        return Err(Error::BadRequest(detail));
    }
    Ok(line)
}

/// What a line says.
fn read(line: &[u8]) -> Result<ToImport, Error> {
    let not_json = |_| Error::BadRequest("the line is not JSON".into());
    let line: &RawValue = serde_json::from_slice(line).map_err(not_json)?;
    let line: ImportMessage = decode(Some(line))?;
    let created_at = DateTime::parse_rfc3339_str(&line.created_at).map_err(|_| {
        let detail = "createdAt: must be a time such as 2026-11-30T12:00:00Z";
        Error::BadRequest(detail.into())
    })?;
    Ok(ToImport {
        from: line.from,
        to: line.to,
        content: Content {
            text: line.message,
            kind: line.kind,
            data: line.data.map(|data| data.get().to_owned()),
        },
        created_at,
        key: line.key,
        is_unread: line.unread,
    })
}
