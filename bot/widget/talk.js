// @ts-check
// Everything the panel needs once it talks; fetched while the panel opens.

import looks from "./talk.css" with { type: "css" };

export { looks };
export { Conversation } from "./conversation.js";
export { wordsFor } from "./sayings.js";
