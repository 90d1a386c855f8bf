export { Chatzz, connect } from './client.js';
export { ChatzzError } from './error.js';
export { messageKey } from './key.js';
