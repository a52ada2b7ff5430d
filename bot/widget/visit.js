// @ts-check
// The visit record (S3): what the browser says of itself, told once when its box was ticked on the card that was
// agreed to.

const KNOWN = /** @type {[string, string, RegExp][]} */ ([
  ["browser", "Edge", /Edg/],
  ["browser", "Opera", /OPR/],
  ["browser", "Firefox", /Firefox|FxiOS/],
  ["browser", "Chrome", /Chrom|CriOS/],
  ["browser", "Safari", /Safari/],
  ["operating_system", "Windows", /Windows/],
  ["operating_system", "Android", /Android/],
  ["operating_system", "iOS", /iPhone|iPad/],
  ["operating_system", "macOS", /Mac OS/],
  ["operating_system", "Linux", /Linux|X11/],
]);
const ITEM_MAX = 200; // characters; docs/contract.md

/**
 * Nothing is told without the box, and nothing that the card does not name. Whether it works is no concern of the
 * visitor's.
 * @param {import("./frames").Sent} sent @param {import("./frames").FromBot | null} card
 * @param {import("./link.js").Link | null} link
 */
export function tellVisit(sent, card, link) {
  if (sent.type !== "pick" || sent.value !== "consent:agree" || !sent.purposes?.includes("visit") || !link) return;
  const purpose = card?.expects.kind === "consent" && card.expects.purposes.find((one) => one.id === "visit");
  const items = Object.entries(seen()).filter(([name, item]) => item && purpose && purpose.fields.includes(name));
  const visit = Object.fromEntries(items.map(([name, item]) => [name, item.slice(0, ITEM_MAX)]));
  if (items.length) link.fetch("visit", { method: "POST", body: JSON.stringify({ visit }) }).catch(() => {});
}

/**
 * @typedef {Navigator & {
 *   connection?: {effectiveType?: string, downlink?: number},
 *   userAgentData?: {platform?: string},
 * }} Browser what not every browser tells
 */

/** Coarse names only: no versions, no address of the page beyond its path. @returns {Record<string, string>} */
function seen() {
  const { connection, userAgentData, userAgent } = /** @type {Browser} */ (navigator);
  const named = (/** @type {string} */ item) =>
    KNOWN.find(([of, , sign]) => of === item && sign.test(userAgent))?.[1] || "";
  return {
    network_type: connection?.effectiveType || "",
    download_speed: connection?.downlink ? `${connection.downlink} Mbit/s` : "",
    operating_system: userAgentData?.platform || named("operating_system"),
    browser: named("browser"),
    pages: location.pathname,
  };
}
