import { z } from 'zod';
import { checkSubstitutions } from './check-substitution.ts';
import { headerNameText, headerRecord } from './field.ts';

/** Headers to write, by name. Values may use Envoy's `%…%` substitutions; write `%%` for a percent sign. */
export const headerValues = headerRecord(
  headerNameText.refine(text => !text.startsWith(':') && text.toLowerCase() !== 'host', 'cannot be changed this way'),
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
