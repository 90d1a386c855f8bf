/**
 * What the server and its clients say to each other: protocol version 2,
 * `docs/protocol.md`. The server's golden files are checked against these types.
 */
export {};
