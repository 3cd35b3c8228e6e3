/** The regular expression, in RE2 and in JavaScript, that matches exactly this text. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
