/** Hooks for React 18 and later. */
import { useSyncExternalStore } from 'react';

import type { Chatzz } from './client.js';
import type { Conversation } from './conversation.js';
import type { ChatzzState, ConversationState } from './state.js';
import type { UserId } from './wire.js';

/** The state of the connection, the user, and the conversations; the component re-renders when one of them changes. */
export function useChat(chat: Chatzz): ChatzzState {
  return useSyncExternalStore(chat.subscribe, chat.snapshot, chat.snapshot);
}

/** The conversation with another user; the component re-renders when it changes. */
export function useConversation(chat: Chatzz, userId: UserId): ConversationState & { readonly conversation: Conversation } {
  const conversation = chat.conversation(userId);
  const state = useSyncExternalStore(conversation.subscribe, conversation.snapshot, conversation.snapshot);
  return { ...state, conversation };
}
