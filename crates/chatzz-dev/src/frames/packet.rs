//! Engine.IO and Socket.IO packets as text frames, distinguished without parsing their JSON.

/// A packet from the server, borrowed from the frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// The session is open: `0{…}`.
    Open,
    /// A ping, which is Engine.IO 4 and expects a pong.
    Ping,
    /// The answer to one of our pings, which is Engine.IO 3.
    Pong,
    /// The namespace `/` is joined: `40` or `40{…}`.
    Joined,
    /// The namespace refused: `44` and the reason.
    Refused(&'a str),
    /// An event and its arguments, the name first: `42["chatzz",{…}]`.
    Event(&'a str),
    /// An acknowledgement: its id and its arguments, `43<id>[…]`.
    Ack(u64, &'a str),
    /// The server ended the session or the namespace: `1`, `41`.
    Closed,
    /// Anything else, such as a noop.
    Other,
}

impl<'a> Packet<'a> {
    /// Parses a text frame; the namespace is always `/`.
    pub fn parse(frame: &'a str) -> Self {
        match frame.as_bytes() {
            [b'4', b'2', ..] => {
                let (_, arguments) = split_digits(frame.get(2..).unwrap_or_default());
                Self::Event(arguments)
            }
            [b'4', b'3', ..] => {
                let (id, arguments) = split_digits(frame.get(2..).unwrap_or_default());
                id.parse()
                    .map_or(Self::Other, |id| Self::Ack(id, arguments))
            }
            [b'4', b'0', ..] => Self::Joined,
            [b'4', b'4', ..] => Self::Refused(frame.get(2..).unwrap_or_default()),
            [b'1'] | [b'4', b'1', ..] => Self::Closed,
            [b'0', ..] => Self::Open,
            [b'2', ..] => Self::Ping,
            [b'3', ..] => Self::Pong,
            _ => Self::Other,
        }
    }
}

/// Splits off the ack id: events may have one, acknowledgements always do.
fn split_digits(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(digits).unwrap_or(("", text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_packet_of_a_server_is_recognised() {
        let cases = [
            ("0{\"sid\":\"x\"}", Packet::Open),
            ("2", Packet::Ping),
            ("3", Packet::Pong),
            ("3probe", Packet::Pong),
            ("40", Packet::Joined),
            ("40{\"sid\":\"x\"}", Packet::Joined),
            (
                "44{\"message\":\"no\"}",
                Packet::Refused("{\"message\":\"no\"}"),
            ),
            ("42[\"chatzz\",{}]", Packet::Event("[\"chatzz\",{}]")),
            ("4217[\"chatzz\",{}]", Packet::Event("[\"chatzz\",{}]")),
            ("4317[null,1]", Packet::Ack(17, "[null,1]")),
            ("41", Packet::Closed),
            ("1", Packet::Closed),
            ("6", Packet::Other),
            ("", Packet::Other),
            ("43[null]", Packet::Other),
            ("42ü", Packet::Event("ü")),
        ];
        for (frame, packet) in cases {
            assert_eq!(Packet::parse(frame), packet, "{frame}");
        }
    }
}
