/** Hooks for React 18 and later. */
import { useSyncExternalStore } from 'react';

import type { Chatzz } from './client.js';
import type { Conversation } from './conversation.js';
import type { ChatzzState, ConversationState } from './state.js';
import type { AnyUser, UserId } from './wire.js';

/** What a server renders, and a browser before it takes over: nothing is known yet. */
const CHAT: ChatzzState<never> = { state: 'disconnected', user: undefined, conversations: [], unread: 0 };
const CONVERSATION: ConversationState<never> = {
  contact: undefined, messages: [], last: undefined, unread: 0, presence: undefined, lastOnline: undefined,
  typing: false, blocked: false, hasOlder: true,
};

/** The state of the connection, the user, and the conversations; the component re-renders when one of them changes. */
export function useChat<User = AnyUser>(chat: Chatzz<User>): ChatzzState<User> {
  return useSyncExternalStore(chat.subscribe, chat.snapshot, () => CHAT);
}

/** The conversation with another user; the component re-renders when it changes. */
export function useConversation<User = AnyUser>(chat: Chatzz<User>, userId: UserId): ConversationState<User> & { readonly conversation: Conversation<User> } {
  const conversation = chat.conversation(userId);
  const state = useSyncExternalStore(conversation.subscribe, conversation.snapshot, () => CONVERSATION);
  return { ...state, conversation };
}
