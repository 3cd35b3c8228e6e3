import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { errorsOf, type Operation } from '../../src/admin/api/operation.ts';
import * as api from '../../src/admin/api.ts';

/** Every operation that is declared. */
export const operations: readonly Operation[] = [
  ...Object.values<unknown>(api),
  ...Object.values(api.resources).flatMap(each => Object.values<unknown>(each)),
].filter(isOperation);

function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'id' in value && 'method' in value && 'answers' in value;
}

/** The one that a request is for. */
export function operationFor(method: string, path: string): Operation | undefined {
  const found = operations.filter(each => each.method.toUpperCase() === method && patternOf(each).test(path));
  // The one with fewer parameters is meant where several fit.
  return found.toSorted((a, b) => countParams(a) - countParams(b))[0];
}

const countParams = ({ path }: Operation) => path.split('{').length;

function patternOf({ path, slashes }: Operation): RegExp {
  const parts = path.split(/\{\w+\}/).map(part => part.replaceAll('.', '\\.'));
  const pattern = parts.join('[^/]+');
  return new RegExp(`^${slashes ? `${pattern.slice(0, -'[^/]+'.length)}.+` : pattern}$`);
}

interface Answered {
  readonly status: number;
  readonly type: string;
  readonly json: unknown;
  readonly text: string;
}

/** Fails unless an answer is one that its operation declares: its status, its media type, and every field of its body. */
export function checkAnswer(operation: Operation, answered: Answered): void {
  const { id, answers } = operation;
  const { status, type, json } = answered;
  const declared = answers[status];
  const about = `${id} answered ${status}: ${answered.text.slice(0, 300)}`;
  const isError = type.startsWith('application/problem+json');
  if (declared === undefined || isError) {
    const errors = errorsOf(operation);
    assert.ok(
      status in errors,
      `${about}: declared are ${[...Object.keys(answers), ...Object.keys(errors)].join(', ')}`,
    );
    assert.ok(isError, `${about}: as ${type}`);
    checkBody(operation.problem ?? api.ErrorReply, json, about);
    assert.equal((json as api.ErrorReply).status, status, about);
  } else if ('mediaType' in declared) assert.equal(type, declared.mediaType, about);
  else {
    assert.match(type, /^application\/json/, about);
    checkBody(declared, json, about);
  }
}

/** Unknown fields are left out by a schema, so what differs was not declared. */
function checkBody(schema: z.ZodType, json: unknown, about: string): void {
  const result = schema.safeParse(json);
  assert.ok(result.success, `${about}: ${result.error && z.prettifyError(result.error)}`);
  if (!isDeepStrictEqual(result.data, json))
    assert.deepEqual(json, result.data, `${about}: says more than is declared`);
}
