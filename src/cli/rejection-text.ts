import { type ProxyReply, type QuarantineReply, worstFirst } from '../admin/api.ts';
import { shortened } from '../base/one-line.ts';
import { ago, count, type Paint } from './output.ts';

/** What a proxy says may be thousands of characters. All of it is in the machine-readable output. */
export const wordsText = (words: string) => shortened(words, 300);

/** More proxies with one and the same reason are counted. */
const mostNamed = 5;

/**
 * Why proxies are not synced, the worst first: what most of them rejected before what few did. Those with the same
 * reason share a line, with others below it about the same.
 */
export function reasonTexts(proxies: readonly ProxyReply[]): readonly string[] {
  const groups = new Map<string, ProxyReply[]>();
  for (const each of proxies) {
    if (each.why === undefined) continue;
    const text = reasonText(each);
    const group = groups.get(text);
    if (group) group.push(each);
    else groups.set(text, [each]);
  }
  const rank = ([, [first]]: readonly [string, readonly ProxyReply[]]) => worstFirst.indexOf(first?.state ?? 'pending');
  return [...groups]
    .sort((a, b) => rank(a) - rank(b) || b[1].length - a[1].length)
    .map(([text, alike]) => `${namesText(alike.map(each => each.id))}: ${text}${remedyText(alike)}`);
}

function namesText(ids: readonly string[]): string {
  const named = ids.slice(0, mostNamed).join(', ');
  return ids.length > mostNamed ? `${named} and ${ids.length - mostNamed} more` : named;
}

/** The first of what it rejects is in the reason itself. */
function reasonText({ why = '', rejects = [], rejectCount = 0, suspects = [], suspectCount = 0 }: ProxyReply): string {
  const more = rejects.slice(1).map(each => `    ${contentText(each)}: ${wordsText(each.message)}\n`);
  const unlisted = rejectCount > rejects.length ? `    … and ${rejectCount - rejects.length} more\n` : '';
  const listed = suspects.map(each => `${each.type} ${each.name}`).join(', ');
  const others = suspectCount > suspects.length ? ` and ${suspectCount - suspects.length} more` : '';
  const doubted = suspectCount === 0 ? '' : `    withheld until it is known: ${listed}${others}\n`;
  return `${wordsText(why)}\n${more.join('')}${unlisted}${doubted}`;
}

function remedyText([first]: readonly ProxyReply[]): string {
  if (!first?.rejects) return '';
  return `    mend it and save; or send it once more: switchyard retry ${first.id}\n`;
}

function contentText({
  type,
  name,
  ...place
}: Pick<QuarantineReply, 'type' | 'name' | 'path' | 'file' | 'line'>): string {
  const where = placeText(place);
  return `${type} ${name}${where === '' ? '' : ` at ${where}`}`;
}

/** `switchyard.yaml:12:5`, or the path where there is no file, or nothing. */
export function placeText({
  path,
  file,
  line,
  column,
}: Partial<Pick<QuarantineReply, 'path' | 'file' | 'line' | 'column'>>): string {
  return file === undefined ? (path ?? '') : `${file}:${line}:${column}`;
}

/** What is not sent, where it stands, by whom it is rejected and in which words. */
export function quarantineLine(each: QuarantineReply): string {
  return `${contentText(each)} of fleet ${each.fleet}: ${wordsText(each.message)}`;
}

/** How many there are. */
export function quarantinesHead(quarantines: readonly QuarantineReply[], paint: Paint): string {
  if (quarantines.length === 0) return '';
  return `${paint('red', `${count(quarantines.length, 'content')} in quarantine`)}: not sent, since proxies reject it\n`;
}

/** One, with the command that ends it. */
export function quarantineText(each: QuarantineReply, paint: Paint, now: number): string {
  const { fleet, type, name, proxies, since, instead } = each;
  const where = placeText(each);
  const place = where === '' ? '' : `${paint('bold', `${where}:`)} `;
  const held = instead === 'last good' ? 'the last good one is sent instead' : 'it is left out';
  const words = wordsText(each.message);
  return (
    `${place}${type} ${name} of fleet ${fleet}, ${ago(since, now)}, by ${namesText(proxies)}; ${held}: ${words}\n` +
    `    mend it and save; or send it again: switchyard quarantine release ${[fleet, type, name].map(quoted).join(' ')}\n`
  );
}

/** As a shell takes it for one word. */
function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
