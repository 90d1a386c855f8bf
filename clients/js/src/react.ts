/** Hooks for React 18 and later. */
import { useSyncExternalStore } from 'react';

import type { Chatzz } from './client.js';
import type { Conversation } from './conversation.js';
import type { ChatzzState, ConversationState } from './state.js';
import type { UserId } from './wire.js';

/** The state of the connection, oneself, and the conversations; the component renders again when one of them changes. */
export function useChat(chat: Chatzz): ChatzzState {
  return useSyncExternalStore(chat.subscribe, chat.snapshot, chat.snapshot);
}

/** The conversation with somebody; the component renders again when it changes. */
export function useConversation(chat: Chatzz, userId: UserId): ConversationState & { readonly conversation: Conversation } {
  const conversation = chat.conversation(userId);
  const state = useSyncExternalStore(conversation.subscribe, conversation.snapshot, conversation.snapshot);
  return { ...state, conversation };
}
