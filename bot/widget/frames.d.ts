// What the desk and the widget say to each other: docs/contract.md, "Chat API", as types. Nothing of this file is sent.

export type Option = { value: string; label: string };
export type Progress = { step: number; of: number };
export type Policy = { version: string; url: string; notice_sha256: string; changed?: Changed };
/** Where consent is asked again: what is new since the version that was agreed to before. */
export type Changed = { since: string; changes: string[]; url: string };
export type Purpose = {
  id: string;
  label: string;
  text: string;
  required: boolean;
  sensitive: boolean;
  fields: string[];
};
/** A value as it may be shown: on the review card, in a record. */
export type Row = { field: string; label: string; value: string; sensitive: boolean };

/** How a question that belongs to a field is told. */
export type Question = {
  name: string;
  label: string;
  why: string;
  max_length: number;
  optional: boolean;
  sensitive: boolean;
  warning?: string;
  autocomplete?: string;
  progress?: Progress;
};

export type None = { kind: "none"; options?: Option[] };
export type Field = Question & { kind: "text" | "tel" | "email"; options: Option[] };
export type Choice = { kind: "choice"; name: string; options: Option[] } & Partial<Question>;
export type Consent = { kind: "consent"; policy: Policy; purposes: Purpose[]; options: Option[] };
export type Review = { kind: "review"; fields: Row[]; options: Option[] };
export type Confirm = { kind: "confirm"; name: string; options: Option[] };
export type Code = { kind: "code"; length: number; sent_to: string; options?: Option[] };
export type ShownRecord = Kept & { kind: "record"; options?: Option[] };
/** What is asked next. */
export type Expects = None | Field | Choice | Consent | Review | Confirm | Code | ShownRecord;

export type Decided = { purpose: string; label: string; decision: "agreed" | "refused" | "withdrawn"; policy: string; at: string };
/** A detail that is kept; an item of the visit record goes before the rest. */
export type Held = Row & { given_at: string; policy: string; correctable: boolean; keeps_until?: string };
/** The answer to "view" and to GET /me. */
export type Kept = {
  fields: Held[];
  consents: Decided[];
  recipients: { recipient: string; name: string; at: string; event: string; fields: string[] }[];
  opened_by: { by: string; name: string; about: string; at: string; purpose: string; fields: string[] }[];
  keeps_until: string | null;
  masked: boolean;
  /** A sentence for the person where nobody may use the details any more, else "". */
  unusable: string;
};

export type Certificate = {
  id: string;
  at: string;
  scope: string;
  destroyed: string[];
  remaining: { what: string; why: string }[];
  recipients: unknown[];
  backups: { due: string | null; done: string | null };
  kid: string;
  signature: string;
};

type Numbered = { type: "message"; seq: number };
export type Erased = Numbered & { erased: true };
type Spoken = Numbered & { at: string; text: string; erased?: undefined; masked?: boolean };
export type FromVisitor = Spoken & { from: "visitor"; id?: string };
export type FromStaff = Spoken & { from: "staff"; name?: string };
export type FromBot = Spoken & {
  from: "bot";
  locale: string;
  expects: Expects;
  download?: string;
  rejected?: { name: string; code: string };
};
export type Message = Erased | FromVisitor | FromStaff | FromBot;

export type Welcome = { type: "welcome"; session: string; locale: string; seq: number };
/** Whatever the desk sends on the socket. */
export type Frame =
  | Welcome
  | Message
  | { type: "ack"; id: string; seq: number }
  | { type: "typing"; from: string }
  | { type: "erased"; certificate: Certificate }
  | { type: "error"; id?: string; code: string; detail: string };

/** The answer to POST /sessions. */
export type Session = {
  session: string;
  token: string;
  expires_at: string;
  locale: string;
  bot: true;
  company: string;
  companies?: Record<string, string>;
  policy: { version: string; url: string; coming?: { version: string; effective_on: string; changes: string; url: string } };
  resumed?: boolean;
  remembered?: boolean;
};
/** The answer to GET and POST /messages; the messages there have no `type`. */
export type Answer = { ack?: { id: string; seq: number }; messages: Message[]; erased?: { certificate: Certificate } };

/** What the visitor sends, under an id of the widget's own. */
export type Say = { type: "say"; text: string };
export type Pick = { type: "pick"; value: string; purposes?: string[]; policy?: string };
export type Sent = (Say | Pick) & { id: string };

/** How the link to the desk stands. `away`: the desk was not there, and is asked again. */
export type LinkState = "opening" | "away" | "online" | "offline" | "stuck" | "failed" | "expired" | "ended";
/** Whom the link tells what the desk says. */
export type Listener = {
  session: (body: Session) => void;
  welcome: (frame: Welcome) => void;
  message: (frame: Message) => void;
  ack: (sent: Sent) => void;
  refused: (sent: Sent | undefined, code: string, detail: string) => void;
  typing: (from: string) => void;
  erased: (certificate: Certificate) => void;
  state: (state: LinkState) => void;
};
