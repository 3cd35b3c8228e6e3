#!/usr/bin/env node
import { cliHost } from '../cli-host.ts';
import { runCli } from './program.ts';

process.exitCode = await runCli(process.argv.slice(2), cliHost());
