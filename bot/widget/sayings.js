// @ts-check
// The widget's own words; everything else is said by the desk.

import { firstWords, language } from "./words.js";

/** What an erasure touches, by the names of the certificate. */
const EN_WHAT = {
  messages: "messages", fields: "details", lookups: "look-up entries", consents: "decisions", lead: "consultation",
  visit: "visit record",
  "disclosure log": "list of who received it", "Telegram chat": "Telegram chat", tasks: "open tasks",
  conversation: "conversation",
  person: "your record", sessions: "sessions", keys: "the keys that sealed it",
  "remembered devices": "remembered devices", "one-time codes": "one-time codes",
  certificate: "This certificate: proof of the erasure; it names nobody.",
  tombstone: "A random number, so that nothing can be restored.",
  audit: "That it was done; without your data.", session: "A hash for 30 days, so that this chat is known as erased.",
  "everything else": "Everything else: you chose only this part.",
  "copies at recipients": "Copies at recipients: they are told to erase them.",
  "copies at former recipients": "Copies at former recipients: we have their address no more and do not tell them.",
  exports: "Copies that our sales team exported: this desk cannot reach them.",
  "messages in the chat": "Messages in the Telegram chat: we cannot tell any more which chat that was; please delete them there.",
  "code counts": "How many codes went to an address, for a day, so that no more do: a keyed hash.",
};

/** @type {typeof EN_WHAT} */
const ZH_WHAT = {
  messages: "消息", fields: "您的信息", lookups: "检索条目", consents: "您的决定", lead: "咨询", visit: "访问记录", "disclosure log": "接收方清单",
  "Telegram chat": "Telegram 对话", tasks: "未完成的任务", conversation: "对话", person: "您的档案", sessions: "会话", keys: "加密密钥",
  "remembered devices": "已记住的设备", "one-time codes": "一次性验证码",
  certificate: "本证明：删除的凭据，不含任何身份信息。", tombstone: "一个随机编号：防止数据被恢复。", audit: "删除操作的记录：不含您的信息。",
  session: "一个保留 30 天的散列值：用于识别该对话已被删除。", "everything else": "其余内容：您只选择了删除这一部分。",
  "copies at recipients": "接收方的副本：已通知其删除。",
  "copies at former recipients": "以前接收方的副本：我们已没有其地址，不会另行通知。",
  exports: "销售人员导出的副本：本系统无法触及。",
  "messages in the chat": "Telegram 对话中的消息：我们已无法得知是哪个对话，请您自行在 Telegram 中删除。",
  "code counts": "向某地址发送验证码的次数：为限制发送，以带密钥的散列值保留一天。",
};

const EN = {
  what: EN_WHAT, colon: ": ", comma: ", ", stop: ". ", you: "You:", assistant: "Assistant:", colleague: "Colleague:", message: "Your message", send: "Send",
  options: "Answers to choose from", why: "Why we ask", sensitive: "Sensitive", optional: " (optional)",
  progress: "{step} of {of}", typing: "A colleague is typing …",
  offline: "Connection lost. What you typed is kept here; trying again …", online: "Connected again.",
  reloaded: "The page was reloaded. What you sent is still kept by us; if you gave an e-mail address, a code to it opens it:",
  stuck: "We could not send that. Check your connection and try again.",
  expired: "This chat has ended because nothing happened for long. What you typed is still here.",
  over: "This conversation was erased.", restart: "Start again", back: "Back to chat", choice: "Your choice",
  boxes: "Only if you tick it", whole: "Read the whole policy here",
  linkOnly: "It can be read through the link below.", policy: "Privacy policy {version}",
  newTab: " (opens in a new tab)", review: "Check before you send", correct: "Correct", withdraw: "Withdraw",
  mine: "My data", unusable: "You withdrew: nobody here may use these details any more.", nothing: "We keep no details about you.", given: "given on {at}", kept: "Kept until {at}", visitKept: "Visit record: kept until {at}", decisions: "Your decisions",
  agreed: "agreed", refused: "refused", withdrawn: "withdrawn", receivers: "Who received it",
  viewers: "Who looked at it", nobody: "nobody", download: "Download a copy",
  downloadJson: "Copy for machines (JSON)", receipts: "Consent receipts", delete: "Delete my data",
  withdrawing: "Withdraw a consent", unread: "Your data cannot be shown right now. The buttons below work.",
  saved: "Saved to your downloads.", notSaved: "The download failed. Please try again.", policies: "Privacy policy",
  erased: "Erased", certificate: "Certificate", gone: "What went", stays: "What stays, and why",
  backupsDue: "Copies in backups: unreadable from {at}.", backupsDone: "Copies in backups: unreadable since {at}.",
  saveCertificate: "Save the certificate (JSON)", noneKept: "Everything about you was erased: nothing is kept here any more.",
  words: "“View”, “correct”, “delete”, “withdraw”: also now, under “Privacy and my data” below.",
  unseen: "New", answered: "A colleague has answered in the chat.", first: "The open question comes first.",
  empty: "Please type something first.", emptyOrChoose: "Please type an answer, or press one of the buttons.",
  count: "{count} of {max} characters", tooLong: "{over} characters too many: at most {max} fit.",
  code: "One-time code", sentTo: "Sent to {to}", masked: "Hidden until you enter a code",
  unhide: "Show in full", remember: "Remember me on this device", forget: "Forget this device",
  rememberHint: "One cookie, so that you can come back to this conversation. “Privacy and my data” takes it away again.",
  remembered: "This device is remembered.", forgotten: "This device is forgotten.",
  notRemembered: "This browser does not keep cookies here.",
  coming: "On {at} a new privacy policy takes effect: {changes}", read: "Read it", anew: "Our policy has changed: your choice again",
  changes: "What is new since version {since}", compare: "Compare both versions",
  fault: "This was not taken. Please try again.",
  fault_too_long: "This is too long; please use at most 4,000 characters.",
  fault_not_offered: "This is not offered any more. Here is the open question.",
  fault_consent_stale: "The policy has changed since this card was shown; here is the new one.",
  fault_origin_not_allowed: "This website may not open the chat.",
  fault_too_fast: "That was very fast. Please try again in a moment.",
};

/** @type {typeof EN} */
const ZH = {
  what: ZH_WHAT, colon: "：", comma: "，", stop: "。", you: "您：", assistant: "助手：", colleague: "同事：", message: "您的消息", send: "发送",
  options: "可选的回答", why: "为什么询问", sensitive: "敏感信息", optional: "（选填）",
  progress: "第 {step} 项，共 {of} 项", typing: "同事正在输入……",
  offline: "连接已断开。您输入的内容保留在此，正在重试……", online: "已重新连接。",
  reloaded: "页面已重新加载，对话重新开始。您已发送的内容仍由我们保存；如您提供过邮箱，可凭验证码查看：",
  stuck: "未能发送。请检查网络后重试。", expired: "由于长时间没有操作，对话已结束。您输入的内容仍在此处。",
  over: "该对话已被删除。", restart: "重新开始", back: "返回对话", choice: "由您选择", boxes: "仅在您勾选后生效",
  whole: "在此阅读完整政策", linkOnly: "请通过下方链接阅读。", policy: "隐私政策 {version}",
  newTab: "（在新标签页中打开）", review: "发送前请核对", correct: "更正", withdraw: "撤回", mine: "我的信息",
  unusable: "您已撤回同意：任何人都不能再使用这些信息。",
  nothing: "我们没有保存您的个人信息。", given: "提供于 {at}",
  kept: "保存至 {at}", visitKept: "访问记录：保存至 {at}", decisions: "您的决定", agreed: "同意",
  refused: "不同意", withdrawn: "已撤回", receivers: "谁收到过", viewers: "谁查看过", nobody: "无人",
  download: "下载副本", downloadJson: "机器可读副本（JSON）", receipts: "同意凭证", delete: "删除我的信息",
  withdrawing: "撤回同意", unread: "暂时无法显示您的信息，但下面的按钮可以使用。", saved: "已保存到您的下载文件夹。",
  notSaved: "下载失败，请重试。", policies: "隐私政策", erased: "已删除", certificate: "删除证明编号",
  backupsDue: "备份中的副本：自{at}起无法读取。", backupsDone: "备份中的副本：自{at}起已无法读取。",
  saveCertificate: "保存删除证明（JSON）", noneKept: "您的全部信息已删除，此处不再保存任何内容。",
  words: "“查看”“更正”“删除”“撤回”：现在即可使用，见下方“隐私与我的信息”。",
  unseen: "新消息", answered: "同事已在对话中回复。", first: "请先回答当前的问题。",
  empty: "请先输入内容。", emptyOrChoose: "请输入回答，或点击一个按钮。",
  count: "{count} / {max} 个字符", tooLong: "超出 {over} 个字符，最多 {max} 个。",
  gone: "已删除的内容", stays: "仍保留的内容及原因", code: "一次性验证码", sentTo: "已发送至 {to}",
  masked: "输入验证码后显示", unhide: "完整显示", remember: "记住此设备", forget: "忘记此设备",
  rememberHint: "存储一个 Cookie，便于您再次回到本次对话。可随时在“隐私与我的信息”中删除。",
  remembered: "已记住此设备。", forgotten: "已忘记此设备。", notRemembered: "此浏览器在这里不保存 Cookie。",
  coming: "新的隐私政策将于{at}生效：{changes}", read: "阅读", anew: "政策已更新，请您重新选择",
  changes: "自版本 {since} 以来的变化", compare: "比较两个版本",
  fault: "未能接收，请重试。", fault_too_long: "内容过长，请不要超过 4000 个字符。",
  fault_not_offered: "该选项已失效，请回答当前的问题。", fault_consent_stale: "政策在此期间已更新，请查看新的内容。",
  fault_origin_not_allowed: "本网站不能打开对话。", fault_too_fast: "操作过快，请稍后再试。",
};

/** @typedef {ReturnType<typeof joined>} Words */

/** Join the first words with the rest. @param {string} of a language */
const joined = (of) => ({ ...firstWords(of), ...(of === "en" ? EN : ZH) });

/** @type {Record<string, Words>} */ const known = {};

/** Return all words of a locale. @param {string} locale */
export const wordsFor = (locale) => (known[language(locale)] ||= joined(language(locale)));
