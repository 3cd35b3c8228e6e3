import { z } from 'zod';
import { pageLimit } from './operation.ts';

/** Reads a number that is an id, or a place in a list. */
export const idText = (doc: string) =>
  z
    .string()
    .transform((text, context) => {
      const id = Number(text);
      if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(id)) return id;
      context.addIssue({ code: 'custom', message: 'is not a number that an answer gave' });
      return z.NEVER;
    })
    .optional()
    .describe(doc);

/** What lists by ids understand. */
export const pageQuery = {
  limit: pageLimit,
  cursor: idText('What an answer gave as `next`: those before.'),
};

export const next = z.string().describe('There are more before: give it as `cursor`.').optional();
