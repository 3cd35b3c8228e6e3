import { z } from 'zod';

const [usualLimit, largestLimit] = [100, 1000];

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
  limit: z
    .string()
    .default(String(usualLimit))
    .transform((text, context) => {
      const limit = Number(text);
      if (/^\d{1,4}$/.test(text) && limit >= 1 && limit <= largestLimit) return limit;
      context.addIssue({ code: 'custom', message: `is not a number from 1 to ${largestLimit}` });
      return z.NEVER;
    })
    .describe(`How many at most: from 1 to ${largestLimit}, ${usualLimit} by default.`),
  cursor: idText('What an answer gave as `next`: those before.'),
};

export const next = z.string().describe('There are more before: give it as `cursor`.').optional();
