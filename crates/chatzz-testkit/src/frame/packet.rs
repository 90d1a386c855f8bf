//! The bytes of Engine.IO payloads and Socket.IO packets.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::options::Eio;

/// Separates the packets of an Engine.IO 4 payload.
const SEPARATOR: char = '\u{1e}';

/// The data of the first packet of a session.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Open {
    pub(super) sid: String,
    /// Milliseconds.
    ping_interval: u64,
    /// Bytes that a POST may contain; Engine.IO 3 servers need not specify it.
    pub(super) max_payload: Option<usize>,
}

impl Open {
    /// Reads the packet `0{…}`.
    pub(super) fn parse(packet: &str) -> Result<Self, String> {
        let data = packet
            .strip_prefix('0')
            .ok_or_else(|| format!("the first packet is no open packet: {packet}"))?;
        serde_json::from_str(data).map_err(|e| format!("unreadable open packet {packet}: {e}"))
    }

    pub(super) fn ping_interval(&self) -> Duration {
        Duration::from_millis(self.ping_interval)
    }
}

/// Splits the body of a long-polling response into its packets.
pub(super) fn split_payload(eio: Eio, body: &str) -> Result<Vec<&str>, String> {
    match eio {
        Eio::V4 => Ok(body.split(SEPARATOR).filter(|p| !p.is_empty()).collect()),
        Eio::V3 => {
            let mut packets = Vec::new();
            let mut rest = body;
            while !rest.is_empty() {
                let (packet, after) = split_counted(rest)
                    .ok_or_else(|| format!("unreadable payload from here: {rest}"))?;
                packets.push(packet);
                rest = after;
            }
            Ok(packets)
        }
    }
}

/// Splits off `<length>:<packet>`; the length counts UTF-16 units.
fn split_counted(payload: &str) -> Option<(&str, &str)> {
    let (length, rest) = payload.split_once(':')?;
    let length: usize = length.parse().ok()?;
    let mut units = 0;
    let end = rest
        .char_indices()
        .find_map(|(at, c)| {
            if units >= length {
                return Some(at);
            }
            units += c.len_utf16();
            None
        })
        .unwrap_or(rest.len());
    (units == length).then(|| rest.split_at(end))
}

/// Appends a packet to the body of a POST.
pub(super) fn push_to_payload(eio: Eio, payload: &mut String, packet: &str) {
    match eio {
        Eio::V4 => {
            if !payload.is_empty() {
                payload.push(SEPARATOR);
            }
        }
        Eio::V3 => {
            payload.push_str(&packet.encode_utf16().count().to_string());
            payload.push(':');
        }
    }
    payload.push_str(packet);
}

/// A Socket.IO packet from the server.
#[derive(Debug, PartialEq)]
pub(super) enum Packet {
    /// The namespace is connected.
    Connect,
    /// The namespace refused the connection, with this message.
    Refused(String),
    /// The server disconnected the namespace.
    Disconnect,
    /// An event; its name is the first argument.
    Event { id: Option<u64>, args: Vec<Value> },
    /// The answer to one of our events.
    Ack { id: u64, args: Vec<Value> },
}

impl Packet {
    /// Reads what follows the `4` of a message packet, with its namespace.
    pub(super) fn parse(text: &str) -> Result<(&str, Self), String> {
        let unreadable = |why: &str| format!("{why} in the packet {text}");
        let kind = text.get(..1).ok_or_else(|| unreadable("no type"))?;
        let rest = &text[1..];
        let (namespace, rest) = if rest.starts_with('/') {
            rest.split_once(',').unwrap_or((rest, ""))
        } else {
            ("/", rest)
        };
        let digits = rest.find(|c: char| !c.is_ascii_digit());
        let (id, data) = rest.split_at(digits.unwrap_or(rest.len()));
        let id = (!id.is_empty()).then(|| id.parse::<u64>()).transpose();
        let id = id.map_err(|_| unreadable("impossible ack id"))?;
        let args = || serde_json::from_str(data).map_err(|e| unreadable(&e.to_string()));
        let packet = match kind {
            "0" => Self::Connect,
            "1" => Self::Disconnect,
            "2" => Self::Event { id, args: args()? },
            "3" => Self::Ack {
                id: id.ok_or_else(|| unreadable("no ack id"))?,
                args: args()?,
            },
            "4" => Self::Refused(refusal(data)),
            _ => return Err(unreadable("unexpected type")),
        };
        Ok((namespace, packet))
    }
}

/// Newer servers send `{"message": …}`, older ones a bare string.
fn refusal(data: &str) -> String {
    match serde_json::from_str(data) {
        Ok(Value::String(message)) => message,
        Ok(Value::Object(object)) => match object.get("message") {
            Some(Value::String(message)) => message.clone(),
            _ => data.to_owned(),
        },
        _ => data.to_owned(),
    }
}

/// Writes a message packet: `4`, type, namespace, ack id, data.
pub(super) fn message(kind: char, namespace: &str, id: Option<u64>, data: &str) -> String {
    let namespace = match namespace {
        "/" => String::new(),
        other => format!("{other},"),
    };
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!("4{kind}{namespace}{id}{data}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn payloads_are_read_back_packet_by_packet_in_both_revisions() {
        let packets = ["2", "42[\"𝕊€\"]", "43/ns,7[]"];
        for eio in [Eio::V3, Eio::V4] {
            let mut payload = String::new();
            for packet in packets {
                push_to_payload(eio, &mut payload, packet);
            }
            assert_eq!(split_payload(eio, &payload).unwrap(), packets);
        }
    }

    #[test]
    fn a_length_that_does_not_fit_its_packet_is_an_error() {
        for body in ["9:4a", "x:4a", "4a", "2:4𝕊"] {
            assert!(split_payload(Eio::V3, body).is_err(), "{body}");
        }
    }

    #[test]
    fn namespace_and_ack_id_are_separated_from_the_data() {
        let event = |id| Packet::Event {
            id,
            args: vec![json!("e"), json!(1)],
        };
        let parse = |text| Packet::parse(text).unwrap();
        assert_eq!(parse("2[\"e\",1]"), ("/", event(None)));
        assert_eq!(parse("2/ns,12[\"e\",1]"), ("/ns", event(Some(12))));
        assert_eq!(parse("0{\"sid\":\"1\"}"), ("/", Packet::Connect));
        assert_eq!(parse("1/ns,"), ("/ns", Packet::Disconnect));
        for refused in ["4\"no: 1\"", "4{\"message\":\"no: 1\"}"] {
            assert_eq!(parse(refused).1, Packet::Refused("no: 1".to_owned()));
        }
    }
}
