import { readDocument } from '../api.ts';
import { openApiDocument } from '../document.ts';
import { type Api, answer, serve } from '../serve.ts';

/** All that the API understands, by itself. */
export function documentRoutes(api: Api): void {
  let document: ReturnType<typeof openApiDocument> | undefined;
  serve(api, readDocument, () => {
    // Once, when all operations are declared.
    document ??= openApiDocument(api);
    return answer(200, document);
  });
}
