// @ts-check
// Everything the panel needs once it talks; fetched while the panel opens.

export { Conversation } from "./conversation.js";
export { wordsFor } from "./sayings.js";
