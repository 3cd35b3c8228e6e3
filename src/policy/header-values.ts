import { z } from 'zod';
import { checkSubstitutions } from './check-substitution.ts';
import { headerNameText, headerRecord } from './field.ts';

/** Where a message goes and ends. Envoy would send it as it is told, and the other side wait for a body that never comes. */
const framing = /^(host|content-length|transfer-encoding)$/i;

/** Headers to write, by name. Values may use Envoy's `%…%` substitutions; write `%%` for a percent sign. */
export const headerValues = headerRecord(
  headerNameText.refine(text => !text.startsWith(':') && !framing.test(text), 'cannot be changed this way'),
  z
    .string()
    .max(4096)
    .refine(text => !/[\r\n\0]/.test(text), 'must not contain line breaks')
    .superRefine((text, context) => {
      const mistake = checkSubstitutions(text);
      if (!mistake) return;
      const { message, hint } = mistake;
      context.addIssue({ code: 'custom', params: { hint }, message });
    }),
);
