// @ts-check
// A version of the policy that is announced (S27): one quiet sentence at the head of the conversation, until it holds.

import { away, h } from "./elements.js";
import { day, fill } from "./words.js";

/** @param {import("./frames").Session} session @param {import("./conversation.js").Conversation} conversation */
export function announce({ policy: { coming } }, { parts, w, locale }) {
  parts.talk.querySelector(".coming")?.remove();
  if (!coming) return;
  const at = day(`${coming.effective_on}T00:00`, locale); // a date, whatever the zone of the visitor
  parts.talk.prepend(
    h(
      "p",
      { class: "coming", lang: locale },
      fill(w.coming, { at, changes: coming.changes }),
      " ",
      away(coming.url, w.read, w),
    ),
  );
}
