// Detects the kind of a pasted text: Markdown, HTML, SSML, FB2 or plain text.

export const KINDS = {
  text: ["Plain text", "txt"],
  markdown: ["Markdown", "md"],
  html: ["Web page", "html"],
  ssml: ["SSML", "ssml"],
  fb2: ["FictionBook", "fb2"],
};

const PROLOG = /^\s*(<\?xml[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE(?!\s+html)[^>]*>|\s)*/i;
// Each of these is rare in prose; two of them, or a heading, mean Markdown.
const SIGNS = [
  /^#{1,6} \S/m,
  /^(```|~~~)/m,
  /^(=|-){3,}\s*$/m,
  /\[[^\]\n]+\]\([^)\n]+\)/,
  /(\*\*|__)\S[^\n]*?\S\1/,
  /(^|[\s(])[*_][^\s*_][^*_\n]*[^\s*_][*_](?=[\s.,;:!?)]|$)/m,
  /^\s*[-*+] \S.*\n\s*[-*+] \S/m,
  /^\s*\d+[.)] \S.*\n\s*\d+[.)] \S/m,
  /^> \S/m,
  /^\|.+\|\s*$/m,
  /`[^`\n]+`/,
];

export function detectKind(text) {
  const start = text.slice(0, 5000).replace(PROLOG, "");
  if (/^<(\w+:)?speak[\s>]/i.test(start)) return "ssml";
  if (/^<(\w+:)?FictionBook[\s>]/.test(start)) return "fb2";
  if (/^<(!DOCTYPE\s+html|html|head|body|article|section|main|div|p|h[1-6]|ul|ol|table|blockquote)[\s>]/i.test(start)) return "html";
  const found = SIGNS.filter((sign) => sign.test(text.slice(0, 200_000)));
  return found.includes(SIGNS[0]) || found.includes(SIGNS[1]) || found.length >= 2 ? "markdown" : "text";
}

/** A title that the text suggests: its first heading, or its first line if that is short. */
export function suggestTitle(text, kind) {
  if (kind === "html" || kind === "fb2" || kind === "ssml") {
    const parsed = new DOMParser().parseFromString(text, kind === "html" ? "text/html" : "application/xml");
    return clean(parsed.querySelector("title, book-title, h1")?.textContent ?? "");
  }
  const heading = kind === "markdown" ? /^# +(.+?)\s*#*\s*$/m.exec(text) : null;
  const first = heading?.[1] ?? text.trim().split("\n")[0];
  const line = clean(first.replace(/^#+\s*/, "").replaceAll(/[*_`]/g, ""));
  if (line.length <= 80) return line;
  return `${line.slice(0, 60).replace(/\s+\S*$/, "")}…`;
}

export function countWords(text) {
  return text.match(/[\p{L}\p{N}]+(['’-][\p{L}\p{N}]+)*/gu)?.length ?? 0;
}

function clean(text) {
  // The server refuses control characters in titles.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\s]+/g, " ").trim().slice(0, 200);
}
