import { quoted } from '../base/regex.ts';

const segment = "[a-zA-Z0-9_.~%!$&'()*+,;:@=-]+";
const rest = "[a-zA-Z0-9_.~%!$&'()*+,;:@=/-]*";

/**
 * The expression that matches what a template of Envoy's URI template match does: `*` and `{name}` are one segment,
 * `**` any number, `{name=pattern}` its own.
 */
export function templateExpression(template: string): string {
  return template.replace(/\{[^=}]*=([^}]*)\}|\{[^}]*\}|\*\*|\*|[^*{}]+/g, (part: string, pattern?: string) => {
    if (pattern !== undefined) return templateExpression(pattern);
    if (part === '**') return rest;
    return part === '*' || part.startsWith('{') ? segment : quoted(part);
  });
}
