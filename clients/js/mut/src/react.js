/** Hooks for React 18 and later. */
import { useSyncExternalStore } from 'react';
/** The state of the connection, oneself, and the conversations; the component renders again when one of them changes. */
export function useChat(chat) {
    return useSyncExternalStore(chat.subscribe, chat.snapshot, chat.snapshot);
}
/** The conversation with somebody; the component renders again when it changes. */
export function useConversation(chat, userId) {
    const conversation = chat.conversation(userId);
    const state = useSyncExternalStore(conversation.subscribe, conversation.snapshot, conversation.snapshot);
    return { ...state, conversation };
}
