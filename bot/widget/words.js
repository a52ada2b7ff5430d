// @ts-check
// The few words that the panel needs before it has fetched the rest, and how words are used.

/** The languages of the widget's own words, each with its own name. */
export const LANGUAGES = { en: "English", "zh-CN": "中文" };

const FIRST = {
  en: {
    title: "Ask {company}",
    automated: "Automated assistant",
    close: "Close",
    log: "Conversation",
    privacy: "Privacy and my data",
    opening: "Opening the chat …",
    failed: "The chat cannot be opened right now.",
    again: "Try again",
  },
  "zh-CN": {
    title: "咨询{company}",
    automated: "自动咨询助手",
    close: "关闭",
    log: "对话",
    privacy: "隐私与我的信息",
    opening: "正在打开……",
    failed: "暂时无法打开对话。",
    again: "重试",
  },
};

/** Return a language of this widget for a locale: English for those it does not speak. @param {string} locale */
export const language = (locale) => /** @type {keyof typeof LANGUAGES} */ (/^zh\b/i.test(locale) ? "zh-CN" : "en");

/** @param {string} locale */
export const firstWords = (locale) => FIRST[language(locale)];

/** Put values into a text's braces. @param {string} text @param {Record<string, any>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));

/** Write a time as the locale does. @param {string} at @param {string} locale */
export const when = (at, locale) =>
  new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));

/** Write a day as the locale does. @param {string} at @param {string} locale */
export const day = (at, locale) => new Intl.DateTimeFormat(locale, { dateStyle: "medium" }).format(new Date(at));
