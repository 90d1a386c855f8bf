export { Chatzz, type Event, type EventOptions, type Message, type NewMessage, type PulledEvent, type UserId } from './chatzz.js';
export { ChatzzError, type ErrorCode, type Problem } from './error.js';
export type { Options } from './request.js';
export { type Answers, type Handlers, type HeadersLike, type Questions, listener, verify } from './webhook.js';
