import { z } from 'zod';
import { operation } from './operation.ts';
import { instantText, type Reply } from './reply.ts';

export const readHealth = operation({
  id: 'readHealth',
  method: 'get',
  path: '/healthz',
  family: 'Process',
  role: 'none',
  summary: 'Whether the process lives',
  answers: { 200: z.object({ status: z.literal('ok').describe('It does.') }) },
});

const Waiting = z.object({
  status: z.literal('waiting').describe('Proxies that connect are not served yet.'),
  why: z.string().describe('What it waits for.'),
});

export const readReadiness = operation({
  id: 'readReadiness',
  method: 'get',
  path: '/readyz',
  family: 'Process',
  role: 'none',
  summary: 'Whether a policy is in force, so that proxies that connect are served',
  answers: {
    200: z.object({
      status: z.literal('ready').describe('A policy is in force.'),
      revision: z.int().describe('Number of the revision in force.'),
    }),
    503: Waiting,
  },
});

const ServerReply = z
  .object({
    version: z.string().describe('Of Switchyard.'),
    node: z.string().describe('Version of Node that it runs on.'),
    process: z.int().describe('Number of its process.'),
    startedAt: instantText('Since when it runs.'),
    now: instantText('What its clock says.'),
    streams: z.int().describe('xDS streams that are open.'),
  })
  .meta({ id: 'Server', description: 'The process that answers.' });
export type ServerReply = Reply<typeof ServerReply>;

export const readServer = operation({
  id: 'readServer',
  method: 'get',
  path: '/api/v1/server',
  family: 'Process',
  summary: 'Which version answers, since when, and what its clock says',
  answers: { 200: ServerReply },
});

export const readMetrics = operation({
  id: 'readMetrics',
  method: 'get',
  path: '/metrics',
  family: 'Process',
  summary: 'Metrics in the text format of Prometheus',
  ofAllFleets: true,
  answers: { 200: { mediaType: 'text/plain; version=0.0.4; charset=utf-8' } },
});

const Document = z
  .record(z.string(), z.unknown())
  .meta({ description: 'This document, by the OpenAPI specification 3.1.' });
export type DocumentReply = Reply<typeof Document>;

export const readDocument = operation({
  id: 'readDocument',
  method: 'get',
  path: '/api/v1/openapi.json',
  family: 'Process',
  summary: 'All that the API understands, as an OpenAPI document',
  answers: { 200: Document },
});
