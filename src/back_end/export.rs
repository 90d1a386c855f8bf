//! `chatzz export`: everything that is stored of a user, line by line.

use std::time::Duration;

use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::time::timeout;

use super::{BackEnd, Call, CallError, Failed, PATIENCE, Patience};
use crate::callout::FetchError;

/// How long the next part of an answer may take.
const PART_WITHIN: Duration = Duration::from_secs(30);
/// How long a whole answer may take.
const ALL_WITHIN: Duration = Duration::from_hours(24);

/// How much was handed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Chat rooms.
    pub chat_rooms: u64,
    /// Messages.
    pub messages: u64,
}

/// The part of a line that this program reads.
#[derive(Deserialize)]
struct Line {
    kind: String,
    cursor: Option<String>,
    code: Option<String>,
}

/// How far an export is.
struct Reading<F> {
    after: Option<String>,
    done: Exported,
    has_gone_on: bool,
    hears: F,
}

impl BackEnd {
    /// Hands over each line of a user's export and how much it was so far, until `hears` says
    /// `false`. Where an answer is cut off it goes on; the line that says that it is the end
    /// comes once.
    ///
    /// # Errors
    /// Why it cannot go on.
    pub async fn export(
        &self,
        user: &str,
        hears: impl FnMut(&str, Exported) -> bool + Send,
    ) -> Result<Exported, CallError> {
        let user = utf8_percent_encode(user, NON_ALPHANUMERIC);
        let path = format!("users/{user}/export");
        let mut patience = Patience::new(Some(PATIENCE));
        let mut reading = Reading {
            after: None,
            done: Exported::default(),
            has_gone_on: false,
            hears,
        };
        loop {
            let Err(failed) = self.export_on(&path, &mut reading).await else {
                return Ok(reading.done);
            };
            if std::mem::take(&mut reading.has_gone_on) {
                patience = Patience::new(Some(PATIENCE));
            }
            patience.next(failed, self.waits).await?;
        }
    }

    /// Reads one answer up to its end.
    async fn export_on<F>(&self, path: &str, reading: &mut Reading<F>) -> Result<(), Failed>
    where
        F: FnMut(&str, Exported) -> bool + Send,
    {
        let after = reading.after.clone();
        let query: Vec<_> = after.iter().map(|after| ("after", &**after)).collect();
        let call = Call {
            query: &query,
            timeout: ALL_WITHIN,
            ..Call::new(Method::GET, path)
        };
        let mut response = self.open(&call).await?;
        let mut rest = Vec::new();
        loop {
            let part = timeout(PART_WITHIN, response.chunk()).await;
            let part = part.map_err(|_| self.no_answer(&FetchError::NoAnswer("timed out")))?;
            let Some(part) = part.map_err(|error| self.no_answer(&error.into()))? else {
                return Err(self.no_answer(&FetchError::CUT_OFF));
            };
            rest.extend_from_slice(&part);
            while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = rest.drain(..=end).collect();
                if self.line(line.trim_ascii(), reading)? {
                    return Ok(());
                }
            }
        }
    }

    /// Hands a line over; whether it was the last one.
    fn line<F>(&self, line: &[u8], reading: &mut Reading<F>) -> Result<bool, Failed>
    where
        F: FnMut(&str, Exported) -> bool,
    {
        let stranger = || Failed::ForGood(CallError::Stranger(self.url.to_string(), 200));
        let text = str::from_utf8(line).map_err(|_| stranger())?;
        let read: Line = serde_json::from_str(text).map_err(|_| stranger())?;
        match read.kind.as_str() {
            "error" => {
                let code = read.code.unwrap_or_default();
                return Err(self.cut_off(&code));
            }
            "end" => {
                // that of the server counts the lines of its last answer
                let Exported {
                    chat_rooms,
                    messages,
                } = reading.done;
                let end = format!(
                    r#"{{"kind":"end","end":true,"chatRooms":{chat_rooms},"messages":{messages}}}"#
                );
                (reading.hears)(&end, reading.done);
                return Ok(true);
            }
            "chat-room" => reading.done.chat_rooms += 1,
            "message" => reading.done.messages += 1,
            _ => {}
        }
        reading.after = read.cursor.or(reading.after.take());
        reading.has_gone_on = true;
        Ok(!(reading.hears)(text, reading.done))
    }
}
